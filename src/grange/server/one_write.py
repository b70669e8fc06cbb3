"""Replies that leave in one piece: uvicorn writes head and body one after the other.

Two writes are two packets and wake the client twice; a worker waits for each of its tasks' replies.
"""

import asyncio
import contextlib
import struct
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from grange.ports.traffic import TrafficReading

if sys.platform != "win32":
    import fcntl
    import termios


class Traffic:
    """The connections of a server: what lies in their buffers, and their largest reply."""

    def __init__(self) -> None:
        self.open: set[_Joining] = set()
        self.largest_reply_bytes = 0

    def read(self) -> TrafficReading:
        """Return what lies in the buffers now, and the largest reply since the last time."""
        largest, self.largest_reply_bytes = self.largest_reply_bytes, 0
        received = [_waiting(one) for one in self.open]
        known = [size for size in received if size is not None]
        return TrafficReading(
            receive_buffer_bytes=sum(known) if len(known) == len(received) else None,
            send_buffer_bytes=sum(one.unsent() for one in self.open),
            largest_reply_bytes=largest or None,
        )


def _waiting(one: "_Joining") -> int | None:
    """Return how many received bytes the system holds for a connection."""
    place = one.get_extra_info("socket")
    if sys.platform == "win32" or place is None:
        return None  # what lies in the system's buffers is not known there
    with contextlib.suppress(OSError, ValueError):
        found: tuple[int] = struct.unpack(
            "i", fcntl.ioctl(place.fileno(), termios.FIONREAD, struct.pack("i", 0))
        )
        return found[0]
    return 0  # it was closed meanwhile


class _Joining:
    """A transport whose writes of one turn of the loop leave together; the rest is its own."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, traffic: Traffic
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._traffic = traffic
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send bytes at the end of this turn of the loop."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def unsent(self) -> int:
        """Return how many bytes the client has not taken yet, as far as this process knows."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            data = held[0] if len(held) == 1 else b"".join(held)
            self._traffic.largest_reply_bytes = max(self._traffic.largest_reply_bytes, len(data))
            self._transport.write(data)


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol over a joining transport."""

    traffic = Traffic()
    """Of a server of its own: see `protocol_of`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with a connection."""
        self._joining = _Joining(transport, self.loop, self.traffic)
        self.traffic.open.add(self._joining)
        super().connection_made(self._joining)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """End with a connection."""
        self.traffic.open.discard(self._joining)
        super().connection_lost(exc)


def protocol_of(traffic: Traffic) -> type[OneWriteProtocol]:
    """Return the protocol of a server whose connections are counted there."""
    return type("Protocol", (OneWriteProtocol,), {"traffic": traffic})
