"""Requests made by hand, so that they can be wrong in any way."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.wire.signature import Credentials, sign
from grange.wiring.init import Key


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.headers.get("x-amzn-errortype", "")


def send(
    farm: LocalFarm,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a request exactly as given."""
    parts = urlsplit(farm.endpoint)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host="host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body or method in {"POST", "PUT", "PATCH"}:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        found = connection.getresponse()
        return Answer(
            found.status, {name.lower(): value for name, value in found.getheaders()}, found.read()
        )
    finally:
        connection.close()


def signed(
    farm: LocalFarm,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    service: str = "deadline",
    key: Key | None = None,
    skew_ms: int = 0,
    headers: dict[str, str] | None = None,
    session_token: str | None = None,
    send_body: bytes | None = None,
    send_path: str | None = None,
) -> Answer:
    """Send a request signed with a key; what is sent may differ from what was signed."""
    key = key or farm.ids.owner
    all_headers = sign(
        method=method,
        url=farm.endpoint + path,
        body=body,
        headers=headers,
        credentials=Credentials(
            access_key_id=key.key_id, secret_access_key=key.secret, session_token=session_token
        ),
        service=service,
        region="us-west-2",
        now=Instant(farm.api.context.clock.now() + skew_ms),
    )
    return send(
        farm,
        method,
        send_path or path,
        body if send_body is None else send_body,
        {name: value for name, value in all_headers.items() if name != "content-length"},
    )
