"""The journal: facts from outside and from the outbox, durable before they are acknowledged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Frame:
    """One appended frame, as read back."""

    sequence: int
    """Ascending over the life of the journal; never reused."""
    farm_id: str
    table_name: str
    catalog_version: int
    rows: Any
    """A pyarrow Table with the table's columns."""


class Journal(Protocol):
    """An append-only framed log."""

    def append(self, farm_id: str, table_name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Put rows (columns of the catalog's table) into the open group; returns the frame's sequence.

        Nothing is durable until `sync` returns.

        Raises:
            InvalidRequestError: a row does not fit the table; nothing of the call was appended.
            ThrottledError: the queue exceeds its limit.
        """
        ...

    def sync(self) -> None:
        """Write the open group with one fdatasync. Blocking: call it from a thread.

        Raises:
            StorageFullError: the disk is full; the group was taken back, the file cut to its last good end.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the durable frames with a sequence above `after`, in order."""
        ...

    def close(self) -> None:
        """Sync and close."""
        ...
