"""How far logs have been read, kept on the collecting machine."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from grange.kernel.units import Instant


class FileCursor(Struct, frozen=True, kw_only=True):
    """How far one log has been read. It is known by what its first telling line says."""

    path: str
    """As it was called last."""
    inode: str
    mark_offset: int
    """Where the line begins that tells it from others."""
    mark_length: int
    mark: str
    """Hash of that line."""
    generation: int = 0
    """Raised when the log was cut short and written on."""
    offset: int = 0
    """The first byte that was not read."""
    tail_length: int = 0
    tail: str = ""
    """Hash of the last bytes that were read."""
    last_at: Instant | None = None
    """The latest line that was read."""
    after: Instant | None = None
    """Of a log that was cut short: lines up to here were read in its former shape."""
    size: int = -1
    changed_ns: int = -1
    seen_at: Instant = Instant(0)


class StreamCursor(Struct, frozen=True, kw_only=True):
    """How far one stream of one machine has been read."""

    stream: str
    kind: str
    machine: str
    since: Instant
    """Lines before this are not collected."""
    files: tuple[FileCursor, ...] = ()
    updated_at: Instant = Instant(0)
    """When it was collected last."""
    last_at: Instant | None = None
    """The latest line that was ever collected."""
    rewind_to: Instant | None = None
    """Everything from here on is to be collected again."""

    @property
    def name(self) -> str:
        """The stream's name, kind and machine in one word."""
        return f"{self.kind}_{self.stream}@{self.machine}"


class CursorStore(Protocol):
    """Keeps cursors; what is saved survives a crash."""

    def load(self, stream: str, kind: str, machine: str) -> StreamCursor | None:
        """Return a cursor; None if there is none.

        Raises:
            CorruptDataError: the file holds something else.
        """
        ...

    def save(self, cursor: StreamCursor) -> None:
        """Keep a cursor; it is durable when this returns."""
        ...

    def all(self) -> Iterator[StreamCursor]:
        """Yield every cursor, by name."""
        ...
