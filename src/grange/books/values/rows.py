"""Rows of a series: one for each step, the latest value of each source in it (S3-09 to S3-11).

A row covers [start, start + step); starts are multiples of the step. The newest row is open: a
value goes into the row of its time, and replaces what the same source said earlier in that row. A
source that said nothing is unknown (None).
"""

from collections.abc import Iterable
from typing import NamedTuple

from grange.kernel.units import Instant

MOST_GAP_ROWS = 1440
"""After a longer silence the rows in between are left out: what is not there is unknown, too."""


class Row(NamedTuple):
    """What the sources of a series said in one step."""

    start_at: Instant
    values: tuple[float | None, ...]


class SeriesRows:
    """The rows of one series that are not yet in its file, oldest first; never empty for long."""

    __slots__ = ("_rows", "_sources", "_step_ms", "last_update_at")

    def __init__(self, step_ms: int, sources: int, rows: Iterable[Row] = ()) -> None:
        self._step_ms = step_ms
        self._sources = sources
        self._rows: dict[Instant, list[float | None]] = {
            Instant(row.start_at): list(row.values) for row in rows
        }
        self.last_update_at: Instant | None = None
        """When the latest value came; None: none yet."""

    @property
    def newest(self) -> Instant | None:
        """Start of the open row."""
        return next(reversed(self._rows), None)

    @property
    def oldest(self) -> Instant | None:
        """Start of the oldest row that is kept."""
        return next(iter(self._rows), None)

    @property
    def value_count(self) -> int:
        """How many known values are kept."""
        return sum(value is not None for row in self._rows.values() for value in row)

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[Row]:
        """Return every row, oldest first, the open one last."""
        return [Row(start, tuple(values)) for start, values in self._rows.items()]

    def put(self, index: int, at: Instant, value: float | None) -> bool:
        """Take a value of a source; the latest one of a row wins.

        Returns:
            False if its row is in the file already: the value is too late for the rows.
        """
        start = Instant(at - at % self._step_ms)
        newest = self.newest
        if newest is None or start > newest:
            self._open_until(start)
        row = self._rows.get(start)
        if row is None:
            return False
        row[index] = value
        if self.last_update_at is None or at > self.last_update_at:
            self.last_update_at = at
        return True

    def rotate(self, now: Instant) -> int:
        """Begin a new row, all unknown, once `now` is later than the newest row's end (S3-10).

        Returns:
            How many rows were begun: more than one after a silence.
        """
        newest = self.newest
        if newest is None or now <= newest + self._step_ms:
            return 0
        return self._open_until(Instant(now - now % self._step_ms))

    def finished(self) -> list[Row]:
        """Return every row but the open one, oldest first: what may go to the file."""
        return self.rows()[:-1]

    def forget_until(self, start_at: Instant) -> None:
        """Drop rows up to one that is in the file now, the open row aside."""
        newest = self.newest
        for start in [start for start in self._rows if start <= start_at and start != newest]:
            del self._rows[start]

    def due(self, now: Instant, ttl_ms: int) -> bool:
        """Return True if a finished row is older than rows may become."""
        oldest = self.oldest
        return oldest is not None and len(self._rows) > 1 and now - oldest > ttl_ms

    def _open_until(self, start: Instant) -> int:
        newest = self.newest
        first = start if newest is None else Instant(newest + self._step_ms)
        if (start - first) // self._step_ms >= MOST_GAP_ROWS:
            first = start
        begun = range(first, start + 1, self._step_ms)
        for one in begun:
            self._rows[Instant(one)] = [None] * self._sources
        return len(begun)
