"""A program's own log on disk: small records, durable before anybody is told that they are kept."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class LogRecord(NamedTuple):
    """One record."""

    sequence: int
    """Ascending over the life of the log; never used twice; some numbers are left out."""
    kind: str
    payload: bytes


class ValueLog(Protocol):
    """Appended to by one thread; read by any."""

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest durable record; 0 if there is none."""
        ...

    def append(self, kind: str, payload: bytes) -> int:
        """Put a record into the open group and return its sequence; durable after `sync`."""
        ...

    def sync(self) -> None:
        """Write the open group and make it durable, all of it or nothing.

        Raises:
            StorageFullError: the disk is full; the group was taken back.
            ThrottledError: the log cannot be written; the group was taken back.
        """
        ...

    def read(self, after: int = 0) -> Iterator[LogRecord]:
        """Yield the durable records with a sequence above `after`, in order."""
        ...

    def drop_through(self, sequence: int) -> int:
        """Delete files that hold no record above `sequence`; return how many. Never the newest."""
        ...

    def close(self) -> None:
        """Sync what is open, close, and let others have the folder."""
        ...
