"""A kept connection of an event loop, with nothing around it: the server is measured, no client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from grange.adapters.host.clock import SystemClock
from grange.wire.signature import Credentials, sign

CLOCK = SystemClock()


class Connection:
    """Sends one request at a time and reads a reply with a content-length."""

    def __init__(
        self,
        endpoint: str,
        credentials: Credentials,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self._reader, self._writer = streams

    @classmethod
    async def open(cls, endpoint: str, credentials: Credentials) -> Self:
        """Connect."""
        parts = urlsplit(endpoint)
        streams = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(endpoint, credentials, streams)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        service: str = "deadline",
    ) -> Any:
        """Send one signed request and return the JSON reply."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body or {})
        self._send(method, path, b"" if method == "GET" else content, headers or {}, service)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        start = lower.index(b"content-length:") + len(b"content-length:")
        length = int(lower[start : lower.index(b"\r\n", start)])
        reply = await self._reader.readexactly(length)
        status = int(head.split(b" ", 2)[1])
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {reply!r}")
        return msgspec.json.decode(reply) if reply else {}

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Follow a stream of events, line by line, for ever."""
        self._send("GET", path, b"", {"accept": "text/event-stream"}, "grange")
        while line := await self._reader.readline():
            yield line

    def _send(
        self, method: str, path: str, content: bytes, headers: Mapping[str, str], service: str
    ) -> None:
        signed = sign(
            method=method,
            url=self.endpoint + path,
            body=content,
            headers={"content-type": "application/json", "x-grange-native": "1", **headers},
            credentials=self.credentials,
            service=service,
            region="us-west-2",
            now=CLOCK.now(),
        )
        lines = [f"{method} {path} HTTP/1.1", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


async def join(told: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[Connection, str]:
    """Register a worker and let it start; return its connection and its path.

    Args:
        told: where the farm is.
        body: what the worker says of itself when it starts.
    """
    key, secret = told["worker"]
    known = Credentials(access_key_id=key, secret_access_key=secret)
    connection = await Connection.open(told["endpoint"], known)
    fleet = f"/2023-10-12/farms/{told['farm']}/fleets/{told['fleet']}"
    made = await connection.call("POST", f"{fleet}/workers", {})
    path = f"{fleet}/workers/{made['workerId']}"
    given = (await connection.call("GET", f"{path}/fleet-roles"))["credentials"]
    connection.credentials = Credentials(
        access_key_id=given["accessKeyId"],
        secret_access_key=given["secretAccessKey"],
        session_token=given["sessionToken"],
    )
    await connection.call("PATCH", path, {"status": "STARTED", **body})
    return connection, path
