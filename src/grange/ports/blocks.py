"""The files of the books."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grange.kernel.intervals import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file that is whole and durable."""

    path: str
    """Relative to the data folder, with forward slashes."""
    row_count: int
    byte_count: int
    sha256: str


class Blocks(Protocol):
    """Writes and reads immutable files below the data folder; the manifest says which are live."""

    def write(self, path: str, rows: Any, provenance: Mapping[str, str]) -> WrittenFile:
        """Write an Arrow table under a temporary name, make it durable, give it its name.

        Raises:
            StorageFullError: the disk is full; nothing was left behind.
        """
        ...

    def read(self, path: str, columns: Sequence[str] | None = None) -> Any:
        """Return a file's rows as an Arrow table.

        Raises:
            CorruptDataError: there is no such file, or it cannot be read.
        """
        ...

    def read_workers(
        self,
        path: str,
        columns: Sequence[str],
        worker_ids: Sequence[str],
        time_column: str,
        span: Span,
    ) -> Any:
        """Return some workers' rows of a span, in the file's order, as an Arrow table.

        Only those parts of the file are read whose statistics allow such rows. Columns the file
        does not have are left out.

        Raises:
            CorruptDataError: there is no such file, or it cannot be read.
        """
        ...

    def read_parts(self, path: str, columns: Sequence[str]) -> Iterator[Any]:
        """Yield a file's rows part by part, as Arrow tables whose texts are coded as numbers.

        Columns the file does not have are null.

        Raises:
            CorruptDataError: there is no such file, or it cannot be read.
        """
        ...

    def adopt(self, temporary: str, path: str) -> WrittenFile:
        """Make a file written by somebody else under `temporary` durable and give it its name."""
        ...

    def temporary(self, path: str) -> str:
        """Return the absolute name to write a file under before `adopt`."""
        ...

    def location(self, path: str) -> str:
        """Return the absolute name of a file."""
        ...

    def describe(self, path: str) -> WrittenFile:
        """Return what a file is now: its rows, bytes and hash.

        Raises:
            CorruptDataError: there is no such file, or it cannot be read.
        """
        ...

    def remove(self, path: str) -> None:
        """Delete a file; one that is gone is no error."""
        ...

    def paths(self) -> Sequence[str]:
        """Return every file there is, live or not."""
        ...

    def room(self) -> int:
        """Return how many bytes are free where the files are."""
        ...
