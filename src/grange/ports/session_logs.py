"""Session logs: one growing text per session or worker, kept as files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """A piece of a log."""

    start: int
    """Byte offset of the first byte of `content`; larger than asked for if the middle was cut."""
    content: bytes
    size: int
    """Bytes ever written, cut or not."""

    @property
    def end(self) -> int:
        """Byte offset behind the last byte of `content`."""
        return self.start + len(self.content)


class SessionLogs(Protocol):
    """Where logs are kept; a stream is named by a session id or a worker id."""

    async def append(self, stream: str, content: bytes, offset: int | None = None) -> int:
        """Add bytes at an offset (None: the end) and return the log's size.

        What overlaps bytes already written is skipped, so a repeat is harmless.

        Raises:
            ConflictError: the offset lies behind the end; `context["size"]` says where that is.
            InvalidRequestError: the name is no session or worker id.
            StorageFullError: the disk is full; nothing was added.
        """
        ...

    async def read(self, stream: str, start: int, limit: int) -> LogPart | None:
        """Return up to `limit` bytes from `start`, or None if there is no such log.

        A negative `start` counts from the end.
        """
        ...

    async def compress_idle(self, before: Instant) -> int:
        """Compress the logs nobody wrote to since `before`; returns how many."""
        ...

    def streams(self) -> AsyncIterator[tuple[str, Instant]]:
        """Yield every stream with the instant it was last written to."""
        ...

    async def delete(self, stream: str) -> None:
        """Delete a log."""
        ...
