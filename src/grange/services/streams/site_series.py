"""Series of logged values on a farm's site: read from rings, a row of pictures for each source."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from grange.books.graphs.names import stream_folder, values_path
from grange.books.graphs.periods import Reach, periods, step_ms
from grange.domain.series import Series
from grange.kernel.errors import NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.plots.palette import Theme
from grange.plots.site import dark_name
from grange.plots.stream_graph import Line, Panel, StreamPicture
from grange.plots.stream_words import Unit
from grange.services.streams.columns import Selection, Track
from grange.services.streams.graphs import line_of
from grange.services.streams.series_graphs import known_series, line_of_source, series_rows
from grange.services.streams.site_run import (
    HEIGHT,
    LATEST,
    SERIES,
    WIDTH,
    Run,
    Subject,
    latest_path,
    title_of,
)

_LATEST_STEP_MS = 5 * 60_000


def look_at_series(run: Run) -> tuple[list[Subject], Instant | None]:
    """Read every series for all pages; return their subjects, and until when values reach."""
    subjects: list[Subject] = []
    until = 0
    for series in known_series(run.desk, run.farm.farm_id):
        subject = subject_of_series(series)
        reached = 0
        for reach in Reach:
            for period in periods(reach, run.now, run.zone):
                step = step_ms(period.reach, period.span, run.now)
                rows = _rows(run, series, period.span, step)
                if rows is None:
                    continue
                reached = max(reached, rows["known_until"])
                tracks = _tracks(rows)
                run.tracks[subject.folder, period.reach, period.name] = tracks
                for label, track in tracks.items():
                    if track.starts_at:
                        path = values_path(period.reach, label, subject.folder, period.name)
                        picture = _picture(run, subject, period.span, reached)
                        run.wants(path, picture, [_panel(label, [line_of(label, track)])])
        if reached:
            subjects.append(subject)
            until = max(until, reached)
            look_at_latest_values(run, subject)
    return subjects, Instant(until) if until else None


def look_at_latest_values(run: Run, subject: Subject) -> None:
    """Read the last 24 hours, and want a picture of them, for light and for dark pages."""
    end = Instant(-(-run.now // 60_000) * 60_000)
    span = Span(Instant(end - MILLIS_PER_DAY), end)
    rows = _rows(run, subject, span, _LATEST_STEP_MS)
    if rows is None:
        return
    lines = [line_of_source(rows, source) for source in rows["sources"]]
    if not any(line.starts_at for line in lines):
        return
    path = latest_path(subject.folder)
    for theme in Theme:
        picture = StreamPicture(
            title=title_of(run, subject),
            span=span,
            zone=run.zone,
            data_until_at=Instant(min(rows["known_until"], span.end)),
            theme=theme,
            width=LATEST[0],
            height=LATEST[1],
        )
        name = dark_name(path) if theme is Theme.DARK else path
        run.wants(name, picture, [_panel(subject.name, lines)])


def subject_of_series(series: Series) -> Subject:
    """Return a series as what pages have a place for."""
    return Subject(
        folder=stream_folder(SERIES, series.name),
        name=series.name,
        kind=SERIES,
        selection=Selection(),
        measures=tuple(source.label for source in series.sources),
    )


def _rows(run: Run, series: Series | Subject, span: Span, step: int) -> Mapping[str, Any] | None:
    """Return what the ring of a series keeps of a span; None: there is no ring yet."""
    with suppress(NotFoundError):
        whole = Span(span.start, min(span.end, run.now))
        return series_rows(
            run.desk, farm_id=run.farm.farm_id, name=series.name, span=whole, step=step
        )
    return None


def _tracks(rows: Mapping[str, Any]) -> dict[str, Track]:
    found = {}
    for source in rows["sources"]:
        line = line_of_source(rows, source)
        found[source["label"]] = Track(
            step_ms=line.step_ms,
            starts_at=list(line.starts_at),
            mean=list(line.mean),
            low=list(line.low),
            high=list(line.high),
            lowest=line.figures.low,
            average=line.figures.mean,
            highest=line.figures.high,
        )
    return found


def _picture(run: Run, subject: Subject, span: Span, until: int) -> StreamPicture:
    return StreamPicture(
        title=title_of(run, subject),
        span=span,
        zone=run.zone,
        data_until_at=Instant(min(until, span.end)),
        width=WIDTH,
        height=HEIGHT,
    )


def _panel(title: str, lines: Sequence[Line]) -> Panel:
    return Panel(key=title, title=title, unit=Unit.NONE, lines=lines)
