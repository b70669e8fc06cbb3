"""The journal: facts from outside and from the outbox, durable before they are acknowledged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grange.kernel.errors import CorruptDataError
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True)
class Frame:
    """One appended frame, as read back."""

    sequence: int
    """Ascending over the life of the journal; never reused; some numbers are left out."""
    farm_id: str
    table_name: str
    catalog_version: int
    rows: Any
    """A pyarrow Table with the table's columns."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the journal."""

    name: str
    first_sequence: int
    created_at: Instant
    byte_count: int


class JournalReader(Protocol):
    """Reads a journal that another process may be writing."""

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the durable frames with a sequence above `after`, in order.

        Bytes that are no frame are skipped and remembered in `problems`; what is still being
        written at the end is left for the next call. Reading on from the last frame read is cheap.
        """
        ...

    def segments(self) -> Sequence[Segment]:
        """Return the kept files, oldest first."""
        ...

    def problems(self) -> Sequence[CorruptDataError]:
        """Return the damage met by reading so far: acknowledged facts may be lost there."""
        ...

    def remove(self, segments: Sequence[Segment]) -> None:
        """Delete files whose frames are no longer needed; the newest file is never deleted."""
        ...


class Journal(Protocol):
    """An append-only framed log."""

    def append(self, farm_id: str, table_name: str, rows: Sequence[Mapping[str, Any]] | Any) -> int:
        """Put rows into the open group; return their frame's sequence.

        Rows are mappings, or an Arrow table with exactly the catalog's columns.

        Nothing is durable until `sync` returns.

        Raises:
            InvalidRequestError: a row does not fit the table; nothing of the call was appended.
            ThrottledError: the queue exceeds its limit.
        """
        ...

    def sync(self) -> None:
        """Write the open group with one fdatasync. Blocking: call it from a thread.

        Raises:
            StorageFullError: the disk is full; the group was taken back, the file cut to its last
                good end.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the durable frames with a sequence above `after`, in order."""
        ...

    def close(self) -> None:
        """Sync and close."""
        ...
