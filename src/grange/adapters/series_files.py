"""The file of a series on a data logger's own disk: a ring, as docs/format/rings.md describes it.

A row becomes one update at its end, the way rrdtool is told: a row that begins at t with a step of
300 s is the value at t + 300.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from grange.adapters.rings.files import SUFFIX, RingFile, RingFolder
from grange.books.archives.arithmetic import advance
from grange.books.archives.layout import RingSpec, Tier
from grange.books.archives.profiles import archives_of
from grange.books.values.rows import Row
from grange.books.values.sources import LoggedSeries
from grange.domain.series import Consolidation, DataSource
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import Instant
from grange.ports.series_files import SeriesHistory


class RingSeriesFiles:
    """`SeriesFiles` as rings."""

    def create(self, path: Path, series: LoggedSeries, now: Instant) -> None:
        """Make the file, empty, if it is not there.

        Raises:
            InvalidRequestError: the series' archives are none, or the file's name is no ring's.
            StorageFullError: there is no room.
        """
        if not path.exists():
            self._new(path, series, now // 1000)

    def write(self, path: Path, series: LoggedSeries, rows: Sequence[Row]) -> int:
        """Add rows that the file does not have; it is made anew if it is missing.

        Raises:
            CorruptDataError: the file is damaged.
            StorageFullError: there is no room.
        """
        if not path.exists() and rows:
            self._new(path, series, rows[0].start_at // 1000)
        with closing(RingFile(path)) as ring:
            spec = replace(
                ring.spec, heartbeat_seconds=series.heartbeat, sources=_data_sources(series)
            )
            last = ring.head.state.last
            ends = [row.start_at // 1000 + series.step_seconds for row in rows]
            fresh = [(end, row.values) for end, row in zip(ends, rows, strict=True) if end > last]
            if not fresh:
                return 0
            times = np.array([end for end, _ in fresh], dtype=np.int64)
            values = np.array([values for _, values in fresh], dtype=np.float64)  # None is NaN
            ring.apply(advance(spec, ring.head.state, times, values), sequence=0)
            ring.sync()
            return len(fresh)

    def read(
        self, path: Path, series: LoggedSeries, start: Instant, end: Instant, rows: int
    ) -> SeriesHistory:
        """Return the averages of a span in about as many rows as asked for.

        Raises:
            CorruptDataError: the file is damaged.
        """
        if not path.exists():
            return SeriesHistory((), series.step_seconds, ())
        with closing(RingFile(path)) as ring:
            number, tier = _tier(ring.spec, start, end, rows, ring.head.state.last)
            column = tier.column(Consolidation.AVERAGE)
            span = tier.steps * ring.spec.step_seconds
            first, last = start // 1000 // span, end // 1000 // span
            found = ring.rows(number, first, last - first)
        times = np.arange(first, last) * span
        values = found[:, :, 0 if column is None else column]
        known = np.flatnonzero(np.isfinite(values).any(axis=1))
        kept = slice(known[0], known[-1] + 1) if len(known) else slice(0, 0)
        return SeriesHistory(
            tuple(Instant(int(time) * 1000) for time in times[kept]),
            span,
            tuple(
                tuple(float(value) if np.isfinite(value) else None for value in values[kept, place])
                for place in range(values.shape[1])
            ),
        )

    def _new(self, path: Path, series: LoggedSeries, start: int) -> None:
        if path.suffix != SUFFIX:
            raise InvalidRequestError(f"filemask must end in {SUFFIX}: the files are rings.")
        named = series.archives.split()
        spec = RingSpec(
            step_seconds=series.step_seconds,
            heartbeat_seconds=series.heartbeat,
            sources=_data_sources(series),
            archives=archives_of(named[0] if len(named) == 1 and ":" not in named[0] else named),
        )
        begin = start - start % series.step_seconds
        RingFolder(path.parent).create(path.name.removesuffix(SUFFIX), spec, start=begin).close()


def _data_sources(series: LoggedSeries) -> tuple[DataSource, ...]:
    return tuple(
        DataSource(
            index=place,
            label=label,
            ds_type=source.ds_type,
            minimum=source.minimum,
            maximum=source.maximum,
            address=source.address,
            value_id=source.value_id,
        )
        for place, (source, label) in enumerate(zip(series.sources, series.labels, strict=True))
    )


def _tier(spec: RingSpec, start: Instant, end: Instant, rows: int, last: int) -> tuple[int, Tier]:
    """Return the finest tier with averages that reaches back to the start in few enough rows."""
    tiers = [
        (number, tier)
        for number, tier in enumerate(spec.tiers)
        if tier.column(Consolidation.AVERAGE) is not None
    ] or list(enumerate(spec.tiers))
    for number, tier in tiers:
        span = tier.steps * spec.step_seconds
        reaches = last - tier.rows * span <= start // 1000
        if reaches and (end - start) // 1000 // span <= rows:
            return number, tier
    return tiers[-1]
