"""Graphs of streams on demand: a picture or a table of the same columns."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.graphs.measures import MEASURES, chosen_measures
from grange.books.graphs.names import graph_name
from grange.books.graphs.periods import reach_of, step_ms
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of
from grange.plots.palette import Theme
from grange.plots.sheet import Format
from grange.plots.stream_graph import (
    MOST_LINES,
    Figures,
    Line,
    Panel,
    StreamPicture,
    stream_graph,
)
from grange.plots.stream_words import WORDS, Language, Unit
from grange.services.books.desk import Desk
from grange.services.streams.columns import (
    LATENCY_LIMIT_SECONDS,
    Found,
    Selection,
    Track,
    check_measures,
    fits,
    known_streams,
    matching,
    read,
)

DEFAULT_HOURS = 12.0
MOST_DAYS = 3660
KINDS = ("rx", "tx", "other")
FORMATS = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}
SCALES = {"auto": None, "linear": False, "log": True}
UNITS: Mapping[str, Unit] = {
    "latency": Unit.SECONDS,
    "bytes": Unit.BYTES,
    "files": Unit.COUNT,
    "errors": Unit.COUNT,
    "late": Unit.COUNT,
}


def stream_picture(
    desk: Desk,
    *,
    farm_id: str,
    format: str = "png",  # noqa: A002 - the word people use
    streams: Sequence[str] = (),
    kind: str | None = None,
    machines: Sequence[str] = (),
    products: Sequence[str] = (),
    measures: Sequence[str] = (),
    start: int | None = None,
    end: int | None = None,
    hours: float | None = None,
    combine: bool = False,
    name: str = "",
    latency_limit_seconds: float = LATENCY_LIMIT_SECONDS,
    scale: str = "auto",
    theme: str = "light",
    language: str = "en",
    width: int = 1000,
    height: int | None = None,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a graph of log streams as PNG or SVG, or its columns as CSV.

    Args:
        desk: the books.
        farm_id: whose.
        format: png, svg or csv.
        streams: names or patterns; none: all.
        kind: rx, tx or other; None: all.
        machines: names or patterns; none: all.
        products: patterns; none: all, and errors, which have no product.
        measures: of `MEASURES`; none: all the streams have.
        start: from when; None: so many hours before the end.
        end: until when; None: now, with what came in this minute.
        hours: how long, if there is no start; None: 12.
        combine: add all streams up into one.
        name: what they are called together.
        latency_limit_seconds: a file that took longer is over the limit.
        scale: auto, linear or log.
        theme: light or dark.
        language: en or fr.
        width: in pixels.
        height: in pixels; None: as the panels need.
        only: names or patterns of the streams that whoever asks may see; none: all.

    Returns:
        content, media_type, name (of a file), and data_until_at.

    Raises:
        InvalidRequestError: something asked for is not there to choose.
        NotFoundError: no stream fits.
    """
    _check("format", format, FORMATS)
    _check("scale", scale, SCALES)
    _check("theme", theme, tuple(Theme))
    _check("language", language, tuple(Language))
    if kind is not None:
        _check("kind", kind, KINDS)
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    now = desk.clock.now()
    span = span_asked(now, start, end, hours)
    selection = Selection(
        streams=tuple(streams),
        kind=kind,
        machines=tuple(machines),
        products=tuple(products),
        combine=combine,
        name=name,
        latency_limit_seconds=latency_limit_seconds,
    )
    chosen_measures(measures, kind)
    with desk.view(farm_id) as view:
        known = [one for one in known_streams(desk, view, span) if fits(one.stream, only)]
        kinds = {one.kind for one in known}
        if measures:
            check_measures(matching(known, selection), measures)
        chosen = chosen_measures(measures, kind or (kinds.pop() if len(kinds) == 1 else None))
        found = read(
            desk,
            view,
            selection,
            chosen,
            span=span,
            step_ms=step_ms(reach_of(span), span, now),
            known=known,
        )
    if not found.tracks and (streams or machines) and not known:
        raise NotFoundError("stream with data in this span", ", ".join(streams or machines))
    if not found.tracks and known:
        names = ", ".join(sorted({one.stream for one in known})[:20])
        raise NotFoundError("stream", f"{', '.join(streams) or 'any'} (there are: {names})")
    if len(found.tracks) > MOST_LINES and format != "csv":
        raise _bad(
            "streams",
            f"are {len(found.tracks)}; a picture shows {MOST_LINES} at most: name fewer, or add"
            " them up with combine",
        )
    file = graph_name(
        kind=kind,
        streams=[name] if name else streams,
        end_at=span.end,
        measures=chosen if measures else tuple(MEASURES),
        span_ms=span.millis,
        machines=machines,
        products=products,
        zone=zone,
        suffix=f".{format}",
    )
    if format == "csv":
        content = table_of(found, chosen, zone)
    else:
        tongue = Language(language)
        picture = StreamPicture(
            title=title_of(found, selection, simulated=farm.simulated),
            span=span,
            zone=zone,
            data_until_at=found.data_until_at,
            theme=Theme(theme),
            format=Format(format),
            language=tongue,
            width=width,
            height=height,
            logarithmic=SCALES[scale],
        )
        panels = panels_of(found, chosen, tongue, latency_limit_seconds)
        content = stream_graph(picture, panels)
    return {
        "content": content,
        "media_type": FORMATS[format],
        "name": file,
        "data_until_at": found.data_until_at,
    }


def span_asked(now: Instant, start: int | None, end: int | None, hours: float | None) -> Span:
    """Return the span a request means.

    Raises:
        InvalidRequestError: it is empty, or longer than ten years.
    """
    last = now if end is None else end
    if hours is not None and not 0 < hours <= MOST_DAYS * 24:
        raise _bad("hours", f"must be more than 0 and at most {MOST_DAYS * 24}")
    length = round((hours or DEFAULT_HOURS) * MILLIS_PER_HOUR)
    first = last - length if start is None else start
    if first >= last:
        raise _bad("end", "must lie behind start")
    if last - first > MOST_DAYS * MILLIS_PER_DAY:
        raise _bad("start", f"must lie at most {MOST_DAYS} days before the end")
    return Span(Instant(max(first, 0)), Instant(last))


def title_of(found: Found, selection: Selection, *, simulated: bool = False) -> str:
    """Return what a picture is called: its streams and their machines."""
    names = list(found.tracks)
    if selection.combine:
        members = len(found.members)
        told = selection.name or ", ".join(selection.streams) or "all streams"
        told += f" ({members} {'stream' if members == 1 else 'streams'})"
    elif len(names) <= 3:
        told = ", ".join(names)
    else:
        told = f"{selection.name or ', '.join(selection.streams) or 'streams'} ({len(names)})"
    kinds = set(found.kinds.values()) if not selection.combine else {selection.kind or ""}
    kind = kinds.pop() if len(kinds) == 1 else ""
    if kind and not told.startswith(kind):
        told = f"{kind} {told}"
    if found.machines:
        machines = ", ".join(found.machines[:3])
        more = len(found.machines) - 3
        told += f" on {machines}{f' and {more} more' if more > 0 else ''}"
    if selection.products:
        told += f", products {', '.join(selection.products)}"
    return f"{'SIMULATED ' if simulated else ''}{told or 'Streams'}"


def panels_of(
    found: Found, measures: Sequence[str], language: Language, limit_seconds: float
) -> list[Panel]:
    """Return the panels of a picture: one per measure, a line per stream."""
    words = WORDS[language]
    return [
        Panel(
            key=measure,
            title=words.measures[measure],
            unit=UNITS[measure],
            counts=MEASURES[measure].counts,
            limit=limit_seconds if measure == "latency" else None,
            lines=[
                line_of(name, tracks[measure])
                for name, tracks in found.tracks.items()
                if measure in tracks
            ],
        )
        for measure in measures
    ]


def line_of(name: str, track: Track) -> Line:
    """Return a track as a line of a picture."""
    return Line(
        name=name,
        step_ms=track.step_ms,
        starts_at=track.starts_at,
        mean=track.mean,
        low=track.low,
        high=track.high,
        figures=Figures(low=track.lowest, mean=track.average, high=track.highest, total=track.sum),
    )


def table_of(found: Found, measures: Sequence[str], zone: ZoneInfo) -> bytes:
    """Return columns as CSV: a row per slot, and a last one per stream and measure for the span.

    Latencies are seconds; counts are per minute, their totals exact.
    """
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(
        ["stream", "measure", "slot_start", "slot_seconds", "min", "mean", "max", "total"]
    )
    for name, tracks in found.tracks.items():
        for measure in measures:
            track = tracks.get(measure)
            if track is None:
                continue
            for at, start in enumerate(track.starts_at):
                mean, total = track.mean[at], track.total[at]
                low = track.low[at] if track.low else mean
                high = track.high[at] if track.high else mean
                moment = datetime_of(Instant(start)).astimezone(zone).isoformat()
                writer.writerow(
                    [cell(name), measure, moment, track.step_ms // 1000]
                    + [figure(value) for value in (low, mean, high, total)]
                )
            figures = (track.lowest, track.average, track.highest, track.sum)
            writer.writerow([cell(name), measure, "all", "", *map(figure, figures)])
    return target.getvalue().encode()


def figure(value: float | None) -> str:
    """Return a number as a table holds it; empty if it is not known."""
    return "" if value is None else f"{value:.15g}"


def cell(text: str) -> str:
    """Keep a spreadsheet from reading a name as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _check(field: str, value: str, known: Any) -> None:
    if value not in known:
        raise _bad(field, f"must be one of {', '.join(known)}")


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


def stream_names(
    desk: Desk,
    *,
    farm_id: str,
    start: int | None = None,
    end: int | None = None,
    hours: float = 48,
    streams: Sequence[str] = (),
    kind: str | None = None,
    machines: Sequence[str] = (),
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the streams and machines that were heard in a span, chosen as those of a graph."""
    farm = desk.farm(farm_id)
    span = span_asked(desk.clock.now(), start, end, hours)
    selection = Selection(streams=tuple(streams), kind=kind, machines=tuple(machines))
    with desk.view(farm_id) as view:
        known = [one for one in known_streams(desk, view, span) if fits(one.stream, only)]
    known = matching(known, selection)
    return {
        "farm": f"{'SIMULATED ' if farm.simulated else ''}{farm.name}",
        "zone": farm.zone,
        "streams": sorted({(one.kind, one.stream) for one in known}),
        "machines": sorted({one.machine for one in known}),
        "measures": list(MEASURES),
    }


ANSWERS: Mapping[str, Any] = {"stream_picture": stream_picture, "stream_names": stream_names}
