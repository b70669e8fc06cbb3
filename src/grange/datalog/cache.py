"""The series of a data logger: their rows that are in no file yet, and their files.

Two locks: one for the rows, held for moments, and one for the files. Whoever writes files holds no
lock of the rows meanwhile, so a slow disk keeps no value waiting.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grange.books.values.payload import Reading
from grange.books.values.rows import Row, SeriesRows
from grange.books.values.sources import LoggedSeries, SourceKey, check_series
from grange.datalog.records import KeptRows
from grange.datalog.tuning import Tuning
from grange.kernel.errors import ConflictError, NotFoundError
from grange.kernel.units import Instant
from grange.ports.series_files import SeriesFiles, SeriesHistory


@dataclass(slots=True)
class _Kept:
    """One series and what is known of it."""

    series: LoggedSeries
    rows: SeriesRows
    born_at: Instant
    last_at: list[int] = field(default_factory=list)
    retired: bool = False


class Value(msgspec.Struct, frozen=True, array_like=True):
    """One value with its place and its time."""

    series: str
    source: int
    at: Instant
    value: float


class SeriesCache:
    """All series of one logger. Thread-safe.

    Args:
        root: the folder of all files.
        files: keeps them.
        tuning: settings, as they are at first.
    """

    def __init__(self, root: Path, files: SeriesFiles, tuning: Tuning) -> None:
        self._root = root
        self._files = files
        self._tuning = tuning
        self._lock = threading.RLock()
        self._filing = threading.RLock()
        self._kept: dict[str, _Kept] = {}
        self._routes: dict[SourceKey, list[tuple[str, int]]] = {}
        self.removed: set[str] = set()
        """Series that were removed, which the settings may still name."""
        self.late_values = 0
        """Values whose row was in the file already; the books have them."""

    # What series there are.

    def add(self, series: LoggedSeries, now: Instant, *, make_file: bool = True) -> bool:
        """Keep a series from now on; adding the same again changes nothing (S3-16).

        Labels, bounds, heartbeat and archives may change; the rest is what the file is made of.

        Returns:
            False if it was there already, just so.

        Raises:
            InvalidRequestError: it cannot be kept.
            ConflictError: there is another series of this name.
        """
        check_series(series)
        with self._filing:
            with self._lock:
                known = self._kept.get(series.name)
                if known is not None and known.series == series:
                    return False
                if known is not None and _layout(known.series) != _layout(series):
                    raise ConflictError(
                        f"There is a series {series.name} with another step or other sources."
                        " Remove it first, or give this one another name.",
                        reason="RESOURCE_ALREADY_EXISTS",
                        resource_type="series",
                        resource_id=series.name,
                    )
                if known is not None:
                    known.series = series
                else:
                    rows = SeriesRows(series.step_ms, len(series.sources))
                    last_at = [0] * len(series.sources)
                    self._kept[series.name] = _Kept(series, rows, now, last_at)
                self.removed.discard(series.name)
                self._route()
            if make_file:
                self._files.create(self.path(series.name), series, now)
        return True

    def remove(self, name: str) -> None:
        """Forget a series and delete its file (S3-15).

        Raises:
            NotFoundError: there is no such series.
        """
        with self._filing:
            with self._lock:
                self._of(name)
                path = self.path(name)
                del self._kept[name]
                self.removed.add(name)
                self._route()
            path.unlink(missing_ok=True)

    def retire(self, now: Instant) -> list[str]:
        """Take series without a value for long out of cache and index; files stay (S3-14)."""
        with self._lock:
            dead = [
                name
                for name, kept in self._kept.items()
                if not kept.retired
                and now - max(kept.rows.last_update_at or 0, kept.born_at)
                > self._tuning.dead_ttl_seconds * 1000
            ]
        for name in dead:
            self.flush(name)
            with self._lock:
                kept = self._kept.get(name)
                if kept is not None:
                    rows = SeriesRows(kept.series.step_ms, len(kept.series.sources))
                    rows.last_update_at = kept.rows.last_update_at
                    kept.rows, kept.retired = rows, True
        return dead

    def series(self, name: str) -> LoggedSeries:
        """Return a series.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._lock:
            return self._of(name).series

    def all_series(self) -> list[LoggedSeries]:
        """Return every series, retired ones too."""
        with self._lock:
            return [kept.series for kept in self._kept.values()]

    def index(self) -> list[LoggedSeries]:
        """Return the series that are alive, by name (S3-16)."""
        with self._lock:
            alive = [kept.series for kept in self._kept.values() if not kept.retired]
        return sorted(alive, key=lambda series: series.name)

    def label(self, name: str, source: int) -> str:
        """Return what a source is called (S3-23).

        Raises:
            NotFoundError: there is no such series or source.
        """
        labels = self.series(name).labels
        if not 0 <= source < len(labels):
            raise NotFoundError("source", f"{name} {source}")
        return labels[source]

    # Values.

    def placed(self, found: Iterable[Reading], at: Instant) -> list[Value]:
        """Return where readings belong; those that no series asks for are left out.

        Every value is later than the one before it of its source, so that each has a time of its
        own. Values of one message and series share theirs.
        """
        with self._lock:
            hits = [
                (name, source, reading.value)
                for reading in found
                for name, source in self._routes.get(reading[:3], ())
            ]
            times: dict[str, Instant] = {}
            for name, source, _ in hits:
                last = self._kept[name].last_at[source]
                times[name] = max(times.get(name, at), Instant(last + 1))
            for name, source, _ in hits:
                self._kept[name].last_at[source] = times[name]
            return [Value(name, source, times[name], value) for name, source, value in hits]

    def put(self, values: Iterable[Value]) -> None:
        """Take values into their rows; the latest of a row wins (S3-09)."""
        with self._lock:
            for value in values:
                kept = self._kept.get(value.series)
                if kept is None:
                    continue
                kept.retired = False
                if not kept.rows.put(value.source, value.at, value.value):
                    self.late_values += 1
                kept.last_at[value.source] = max(kept.last_at[value.source], value.at)

    def rotate(self, now: Instant) -> int:
        """Begin rows whose time has come; returns how many (S3-10)."""
        with self._lock:
            return sum(kept.rows.rotate(now) for kept in self._kept.values() if not kept.retired)

    # Files.

    @property
    def tuning(self) -> Tuning:
        """The settings as they are now."""
        return self._tuning

    def tune(self, changes: Mapping[str, int | str]) -> Tuning:
        """Change settings; files move where new masks put them (S3-24).

        Raises:
            InvalidRequestError: a setting is unknown or not allowed; nothing was changed.
        """
        with self._filing:
            before, after = self._tuning, self._tuning.changed(changes)
            names = [series.name for series in self.all_series()]
            moves = [
                (before.path(self._root, name), after.path(self._root, name)) for name in names
            ]
            for old, new in moves:
                if old != new and old.exists():
                    new.parent.mkdir(parents=True, exist_ok=True)
                    old.rename(new)
            self._tuning = after
        return after

    def path(self, name: str) -> Path:
        """Return where the file of a series lies."""
        return self._tuning.path(self._root, name)

    def flush(self, name: str) -> int:
        """Put finished rows of a series in its file; the newest row stays (S3-11).

        Returns:
            How many rows were added.

        Raises:
            NotFoundError: there is no such series.
        """
        with self._filing:
            with self._lock:
                kept = self._of(name)
                series, rows = kept.series, kept.rows.finished()
            if not rows:
                return 0
            written = self._files.write(self.path(name), series, rows)
            with self._lock:
                kept.rows.forget_until(rows[-1].start_at)
            return written

    def flush_all(self) -> int:
        """Put finished rows of all series in their files; returns how many were added."""
        return sum(self.flush(name) for name in self._names() if name in self._kept)

    def flush_due(self, now: Instant) -> int:
        """Flush series whose oldest row is older than the cache's time (S3-11)."""
        return sum(self.flush(name) for name in self._due_names(now))

    def due(self, now: Instant) -> list[SourceKey]:
        """Return the sources of series that are to be flushed by their age (S3-26)."""
        with self._lock:
            return [
                source.key
                for name in self._due_names(now)
                for source in self._kept[name].series.sources
            ]

    def cached(self) -> list[SourceKey]:
        """Return the sources of every series with rows in the cache (S3-26)."""
        with self._lock:
            return [
                source.key
                for kept in self._kept.values()
                if len(kept.rows)
                for source in kept.series.sources
            ]

    def missing_files(self) -> list[str]:
        """Return the series whose file is not there (S3-20)."""
        with self._filing:
            return [one.name for one in self.index() if not self.path(one.name).is_file()]

    def read(self, name: str, start: Instant, end: Instant, rows: int) -> SeriesHistory:
        """Return what the file of a series holds of a span; its newest rows may be in the cache."""
        with self._filing:
            return self._files.read(self.path(name), self.series(name), start, end, rows)

    def open_rows(self, name: str) -> list[Row]:
        """Return the rows of a series that are in the cache, the open one last."""
        with self._lock:
            return self._of(name).rows.rows()

    # Counts and memory.

    def counts(self) -> dict[str, int]:
        """Return how many series and known values are cached (S3-18)."""
        with self._lock:
            kept = list(self._kept.values())
            return {
                "series": sum(not one.retired for one in kept),
                "series_cached": sum(len(one.rows) > 0 for one in kept),
                "series_retired": sum(one.retired for one in kept),
                "rows_cached": sum(len(one.rows) for one in kept),
                "values_cached": sum(one.rows.value_count for one in kept),
                "values_late": self.late_values,
            }

    def snapshot(self) -> list[KeptRows]:
        """Return all rows, for the log."""
        with self._lock:
            return [
                KeptRows(
                    name,
                    [row.start_at for row in kept.rows.rows()],
                    [list(row.values) for row in kept.rows.rows()],
                    list(kept.last_at),
                    kept.rows.last_update_at,
                    kept.retired,
                )
                for name, kept in self._kept.items()
            ]

    def restore(self, found: Iterable[KeptRows]) -> None:
        """Take rows from the log; those of unknown or changed series are left out."""
        with self._lock:
            for one in found:
                kept = self._kept.get(one.name)
                if kept is None or len(one.last_at) != len(kept.series.sources):
                    continue
                rows = (
                    Row(Instant(start), tuple(values))
                    for start, values in zip(one.starts, one.rows, strict=True)
                )
                kept.rows = SeriesRows(kept.series.step_ms, len(kept.series.sources), rows)
                if one.last_update_at is not None:
                    kept.rows.last_update_at = Instant(one.last_update_at)
                kept.last_at, kept.retired = list(one.last_at), one.retired

    def _names(self) -> list[str]:
        with self._lock:
            return list(self._kept)

    def _due_names(self, now: Instant) -> list[str]:
        ttl_ms = self._tuning.cache_ttl_seconds * 1000
        with self._lock:
            return [name for name, kept in self._kept.items() if kept.rows.due(now, ttl_ms)]

    def _of(self, name: str) -> _Kept:
        kept = self._kept.get(name)
        if kept is None:
            raise NotFoundError("series", name)
        return kept

    def _route(self) -> None:
        routes: dict[SourceKey, list[tuple[str, int]]] = {}
        for name, kept in self._kept.items():
            for place, source in enumerate(kept.series.sources):
                routes.setdefault(source.key, []).append((name, place))
        self._routes = routes


def _layout(series: LoggedSeries) -> tuple[object, ...]:
    """Return what the file of a series is made of."""
    return (
        series.step_seconds,
        series.archives,
        *((*source.key, source.ds_type) for source in series.sources),
    )
