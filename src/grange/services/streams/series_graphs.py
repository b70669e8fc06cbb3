"""Graphs of series of logged values: a panel per series, a line per source, or their sum."""

import csv
import io
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.graphs.names import graph_name
from grange.books.graphs.periods import reach_of, step_ms
from grange.domain.series import Series
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_SECOND, Instant, datetime_of
from grange.plots.palette import Theme
from grange.plots.sheet import Format
from grange.plots.stream_graph import Figures, Line, Panel, StreamPicture, stream_graph
from grange.plots.stream_words import Language, Unit
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.streams.columns import fits
from grange.services.streams.graphs import FORMATS, SCALES, cell, figure, span_asked
from grange.services.streams.rings import ring_rows

MOST_SERIES = 12
SHOWN = "series:"
"""Stands before the name or pattern of a series that a publication shows."""


def series_picture(
    desk: Desk,
    *,
    farm_id: str,
    series: Sequence[str],
    format: str = "png",  # noqa: A002 - the word people use
    sources: Sequence[str] = (),
    start: int | None = None,
    end: int | None = None,
    hours: float | None = None,
    combine: bool = False,
    scale: str = "auto",
    theme: str = "light",
    language: str = "en",
    width: int = 1000,
    height: int | None = None,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a graph of logged values as PNG or SVG, or its columns as CSV.

    Args:
        desk: where rings are.
        farm_id: whose.
        series: names or patterns.
        format: png, svg or csv.
        sources: labels; none: all.
        start: from when; None: so many hours before the end.
        end: until when; None: now.
        hours: how long, if there is no start; None: 12.
        combine: add a series' sources up.
        scale: auto, linear or log.
        theme: light or dark.
        language: en or fr.
        width: in pixels.
        height: in pixels; None: as the panels need.
        only: what whoever asks may see: `series:` and a name or pattern; none: everything.

    Raises:
        InvalidRequestError: something asked for is not there to choose.
        NotFoundError: no series fits.
    """
    if format not in FORMATS:
        raise _bad("format", f"must be one of {', '.join(FORMATS)}")
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    now = desk.clock.now()
    span = span_asked(now, start, end, hours)
    known = [one.name for one in known_series(desk, farm_id, only)]
    names = [name for name in known if any(fnmatchcase(name, each) for each in series)]
    if not names:
        told = ", ".join(known[:20]) or "none"
        raise NotFoundError("series", f"{', '.join(series)} (there are: {told})")
    if len(names) > MOST_SERIES and format != "csv":
        raise _bad("series", f"are {len(names)}; a picture shows {MOST_SERIES} at most")
    step = step_ms(reach_of(span), span, now)
    panels, until = [], 0
    for name in names:
        rows = series_rows(desk, farm_id=farm_id, name=name, span=span, step=step, sources=sources)
        until = max(until, rows["known_until"])
        panels.append(_panel(name, rows, combine=combine))
    if format == "csv":
        content = _table(panels, zone)
    else:
        picture = StreamPicture(
            title=f"{'SIMULATED ' if farm.simulated else ''}{', '.join(names)}",
            span=span,
            zone=zone,
            data_until_at=Instant(min(until, span.end)),
            theme=Theme(theme),
            format=Format(format),
            language=Language(language),
            width=width,
            height=height,
            logarithmic=SCALES[scale],
        )
        content = stream_graph(picture, panels)
    return {
        "content": content,
        "media_type": FORMATS[format],
        "name": graph_name(
            kind="series",
            streams=series,
            end_at=span.end,
            measures=list(sources),
            span_ms=span.millis,
            machines=(),
            products=(),
            zone=zone,
            suffix=f".{format}",
        ),
        "data_until_at": min(until, span.end),
    }


def known_series(desk: Desk, farm_id: str, only: Sequence[str] = ()) -> list[Series]:
    """Return the series of a farm that may be seen, by name."""
    found = desk.state.find(Series, Compare("farm_id", "=", farm_id))
    seen = [one for one in found if fits(f"{SHOWN}{one.name}", only)]
    return sorted(seen, key=lambda one: one.name)


def series_names(desk: Desk, *, farm_id: str, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the names of the series of a farm that may be seen."""
    return {"series": [one.name for one in known_series(desk, farm_id, only)]}


def series_rows(
    desk: Desk, *, farm_id: str, name: str, span: Span, step: int, sources: Sequence[str] = ()
) -> dict[str, Any]:
    """Return `ring_rows` of a span, the row that is not over made of finer ones.

    Args:
        desk: where rings are.
        farm_id: whose.
        name: of the series.
        span: from when until when.
        step: about how many milliseconds a row shall be.
        sources: labels; none: all.

    Raises:
        NotFoundError: there is no ring yet.
    """
    ask = partial(ring_rows, desk, farm_id=farm_id, series=name, sources=sources)
    rows = ask(since=span.start, until=span.end, step_seconds=step // MILLIS_PER_SECOND)
    width = rows["step_seconds"] * MILLIS_PER_SECOND
    begin = rows["known_until"] // width * width
    if begin < rows["known_until"] and begin in rows["starts_at"]:
        at = rows["starts_at"].index(begin)
        fine = ask(since=begin, until=rows["known_until"])
        for source, finer in zip(rows["sources"], fine["sources"], strict=True):
            for figure, value in _as_one(finer).items():
                if figure in source:
                    source[figure][at] = value
    return rows


def _as_one(source: Mapping[str, Any]) -> dict[str, float]:
    """Return rows of a source as a single one; nothing if nothing of them is known."""
    means = source.get("average") or source.get("last") or []
    weights = source["known_seconds"]
    known = [at for at, mean in enumerate(means) if mean is not None and weights[at]]
    if not known:
        return {}
    seconds = sum(weights[at] for at in known)
    mean = sum(means[at] * weights[at] for at in known) / seconds
    found = {"average": mean, "last": means[known[-1]], "known_seconds": seconds}
    for name, choose in (("minimum", min), ("maximum", max)):
        column = source.get(name) or means
        found[name] = choose(column[at] for at in known if column[at] is not None)
    return found


def _panel(name: str, rows: Mapping[str, Any], *, combine: bool) -> Panel:
    lines = [line_of_source(rows, source) for source in rows["sources"]]
    if combine and lines:
        lines = [_sum(lines)]
    return Panel(key=name, title=name, unit=Unit.NONE, lines=lines)


def line_of_source(rows: Mapping[str, Any], source: Mapping[str, Any]) -> Line:
    """Return a source of `ring_rows` as a line of a picture."""
    means = source.get("average") or source.get("last") or []
    shown = [at for at, mean in enumerate(means) if mean is not None]
    lows, highs = source.get("minimum") or means, source.get("maximum") or means
    low = [means[at] if lows[at] is None else lows[at] for at in shown]
    high = [means[at] if highs[at] is None else highs[at] for at in shown]
    weights = [source["known_seconds"][at] or 0 for at in shown]
    total = sum(weights)
    return Line(
        name=source["label"],
        step_ms=rows["step_seconds"] * MILLIS_PER_SECOND,
        starts_at=[rows["starts_at"][at] for at in shown],
        mean=[means[at] for at in shown],
        low=low,
        high=high,
        figures=Figures(
            low=min(low, default=None),
            mean=sum(means[at] * weight for at, weight in zip(shown, weights, strict=True)) / total
            if total
            else None,
            high=max(high, default=None),
        ),
    )


def _sum(lines: Sequence[Line]) -> Line:
    """Return the sum of sources, where all of them are known; extremes of a sum are not."""
    by_time = [dict(zip(line.starts_at, line.mean, strict=True)) for line in lines]
    starts = sorted(set.intersection(*(set(one) for one in by_time)))
    sums = [sum(one[at] or 0.0 for one in by_time) for at in starts]
    return Line(
        name=" + ".join(line.name for line in lines),
        step_ms=lines[0].step_ms,
        starts_at=starts,
        mean=sums,
        figures=Figures(
            low=min(sums, default=None),
            mean=sum(sums) / len(sums) if sums else None,
            high=max(sums, default=None),
        ),
    )


def _table(panels: Sequence[Panel], zone: ZoneInfo) -> bytes:
    """Return panels as CSV: a row per slot, and a last one per line for the span."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(["series", "source", "slot_start", "slot_seconds", "min", "mean", "max"])
    for panel in panels:
        for line in panel.lines:
            names = [cell(panel.key), cell(line.name)]
            for at, start in enumerate(line.starts_at):
                moment = datetime_of(Instant(start)).astimezone(zone).isoformat()
                # The extremes of a sum are not known.
                low = line.low[at] if line.low else None
                high = line.high[at] if line.high else None
                row = (figure(low), figure(line.mean[at]), figure(high))
                writer.writerow([*names, moment, line.step_ms // 1000, *row])
            told = line.figures
            writer.writerow([*names, "all", "", *map(figure, (told.low, told.mean, told.high))])
    return target.getvalue().encode()


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


ANSWERS: Mapping[str, Any] = {"series_picture": series_picture, "series_names": series_names}
