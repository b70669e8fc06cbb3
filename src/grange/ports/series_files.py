"""The file of a series: its archives, on the disk of whoever logs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from grange.books.values.rows import Row
from grange.books.values.sources import LoggedSeries
from grange.kernel.units import Instant


class SeriesHistory(NamedTuple):
    """What a file holds of a span, in rows of one width."""

    starts: tuple[Instant, ...]
    step_seconds: int
    columns: tuple[tuple[float | None, ...], ...]
    """One for each source; None is unknown."""


class SeriesFiles(Protocol):
    """Keeps the files of series. One thread at a time for one file."""

    def create(self, path: Path, series: LoggedSeries, now: Instant) -> None:
        """Make the file, empty, if it is not there."""
        ...

    def write(self, path: Path, series: LoggedSeries, rows: Sequence[Row]) -> int:
        """Add rows, oldest first, and return how many: those that are in the file are left out.

        A file that is missing is made anew.
        """
        ...

    def read(
        self, path: Path, series: LoggedSeries, start: Instant, end: Instant, rows: int
    ) -> SeriesHistory:
        """Return the averages of a span in about as many rows as asked for."""
        ...
