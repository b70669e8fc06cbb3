"""A worker that renders nothing: it reports each task as done the moment it has it.

One UpdateWorkerSchedule per task, signed as always, over one kept connection. It speaks HTTP with
nothing around it, so that the server is measured and not a client. Reads what `farm_server.py` said
from stdin; prints when each task was reported, in seconds, as JSON.
"""

import json
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

from grange.adapters.host.clock import SystemClock
from grange.kernel.units import iso8601
from grange.wire.signature import Credentials, sign

PREFIX = "/2023-10-12"
CAPABILITIES = {
    "amounts": [
        {"name": "amount.worker.vcpu", "value": 1},
        {"name": "amount.worker.memory", "value": 1024},
    ],
    "attributes": [
        {"name": "attr.worker.os.family", "values": ["linux"]},
        {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
    ],
}


class BareClient:
    """One connection that sends a request and reads a reply with a content-length."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self._clock = SystemClock()
        parts = urlsplit(endpoint)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send one signed request and return the JSON reply."""
        content = b"" if body is None else msgspec.json.encode(body)
        headers = sign(
            method=method,
            url=self.endpoint + path,
            body=content,
            headers={"content-type": "application/json", "x-grange-native": "1"},
            credentials=self.credentials,
            service="deadline",
            region="us-west-2",
            now=self._clock.now(),
        )
        lines = [f"{method} {path} HTTP/1.1", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        status, reply = self._reply()
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {reply!r}")
        return msgspec.json.decode(reply) if reply else {}

    def _reply(self) -> tuple[int, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        lower = head.lower()
        start = lower.index(b"content-length:") + len(b"content-length:")
        length = int(lower[start:].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._received()
        return int(head.split(b" ", 2)[1]), body

    def _received(self) -> bytes:
        found = self._socket.recv(65_536)
        if not found:
            raise RuntimeError("The server closed the connection.")
        return found


def register(told: dict[str, Any]) -> tuple[BareClient, str]:
    """Register and start; return the connection of the worker itself and its path."""
    key, secret = told["worker"]
    client = BareClient(told["endpoint"], Credentials(access_key_id=key, secret_access_key=secret))
    fleet = f"{PREFIX}/farms/{told['farm']}/fleets/{told['fleet']}"
    path = f"{fleet}/workers/{client.call('POST', f'{fleet}/workers', {})['workerId']}"
    given = client.call("GET", f"{path}/fleet-roles")["credentials"]
    client.credentials = Credentials(
        access_key_id=given["accessKeyId"],
        secret_access_key=given["secretAccessKey"],
        session_token=given["sessionToken"],
    )
    client.call("PATCH", path, {"status": "STARTED", "capabilities": CAPABILITIES})
    return client, path


WARM_UP_TASKS = 20
"""Completed before the clock starts, as the peers do too."""


def work(told: dict[str, Any], tasks: int) -> list[float]:
    """Complete tasks until there are none left, or this many."""
    clock = SystemClock()
    client, path = register(told)
    done: list[float] = []
    updates: dict[str, Any] = {}
    finished = 0
    while finished < WARM_UP_TASKS + tasks:
        reply = client.call("PATCH", f"{path}/schedule", {"updatedSessionActions": updates})
        finished += len(updates)
        if finished > WARM_UP_TASKS:
            done.extend(time.monotonic() for _ in updates)
        elif finished == WARM_UP_TASKS and updates:
            print("ready", flush=True)
            sys.stdin.readline()
        sessions = reply["assignedSessions"]
        if not sessions:
            break
        ((_, session),) = sessions.items()
        action = session["sessionActions"][0]["sessionActionId"]
        now = iso8601(clock.now())
        updates = {
            action: {
                "completedStatus": "SUCCEEDED",
                "processExitCode": 0,
                "startedAt": now,
                "endedAt": now,
                "progressPercent": 100.0,
            }
        }
    return done


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.stdin.readline()), int(sys.argv[1]))))
