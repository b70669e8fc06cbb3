"""Slots of log streams, hour blocks, and what streams there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from grange.books.catalog.stream_tables import LOG_LINES
from grange.books.streams import questions as ask
from grange.books.streams.wildcards import is_pattern
from grange.kernel.errors import FieldProblem, InvalidRequestError, MetricMissingError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_SECOND, Instant
from grange.services.books.desk import Desk, span_of
from grange.services.books.shelf import View

MOST_SLOTS = 50_000
_FIGURES = ("latency", "bytes")

Hours = Mapping[tuple[str, str], frozenset[Instant]]


def stream_slots(
    desk: Desk,
    *,
    farm_id: str,
    since: int,
    until: int,
    streams: Sequence[str] = (),
    kind: str | None = None,
    machines: Sequence[str] = (),
    products: Sequence[str] = (),
    measures: Sequence[str] = (),
    group: str | None = None,
    step_seconds: int = 60,
    latency_limit_seconds: float = 15.0,
) -> dict[str, Any]:
    """Return one row for each slot of each stream (or of all of them, as one group).

    A slot is known where its hour holds a line of the stream, up to the latest line of the
    machines; unknown values are None, never 0. Lines of several machines are one stream's.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        since: where the first slot begins.
        until: where the last slot ends, at the latest.
        streams: names or patterns; none: all.
        kind: rx, tx or other; None: any.
        machines: names or patterns; none: all.
        products: patterns; none: all lines, those of errors too, which have no product.
        measures: of `MEASURES`; none: all that are collected.
        group: a name: all streams are added up as one.
        step_seconds: how long a slot is.
        latency_limit_seconds: a file is late above this.

    Raises:
        MetricMissingError: a measure was asked for that is not collected.
    """
    desk.farm(farm_id)
    span = span_of(since, until)
    wanted = _measures(measures)
    step = step_seconds * MILLIS_PER_SECOND
    if span.millis / step > MOST_SLOTS:
        raise _bad("step_seconds", f"gives more than {MOST_SLOTS} slots; ask for a shorter span")
    chosen = ask.Chosen(streams=streams, kind=kind, machines=machines, products=products)
    limit = round(latency_limit_seconds * MILLIS_PER_SECOND)
    with desk.view(farm_id, live=False) as view:
        whole = Span(Instant(since - since % MILLIS_PER_HOUR), Instant(until))
        hours = view.ask(ask.hours_with_lines(chosen, whole)).to_pylist()
        shown = _collected(hours, wanted, asked=bool(measures))
        read = view.ask(ask.slots(chosen, span, step, limit, grouped=group is not None))
        read_until = _read_until(view, whole, hours)
    known = _known_hours(hours, grouped=group is not None)
    found: dict[tuple[str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in read.to_pylist():
        found[row["stream"], row["kind"]][row["slot_at"]] = row
    rows = [
        _slot(name, at, row, shown, covered)
        for name in sorted(known)
        for at, row, covered in _dense(found[name], known[name], span, step, read_until)
    ]
    for row in rows:
        if group is not None:
            row["stream"], row["kind"] = group, kind
    return {
        "step_ms": step,
        "measures": list(shown),
        "latency_limit_ms": limit,
        "rows": rows,
        "missing": _missing(hours, streams, machines),
        "read_until": read_until,
    }


def _measures(asked: Sequence[str]) -> tuple[str, ...]:
    strange = set(asked) - set(ask.MEASURES)
    if strange:
        raise _bad("measures", f"must be of {', '.join(ask.MEASURES)}, not {min(strange)}")
    return tuple(one for one in ask.MEASURES if not asked or one in asked)


def _collected(
    hours: Iterable[Mapping[str, Any]], wanted: Sequence[str], *, asked: bool
) -> tuple[str, ...]:
    """Return the measures that every stream has.

    Raises:
        MetricMissingError: one was asked for that a stream lacks.
    """
    shown = list(wanted)
    for row in hours:
        for told in row["metrics"] or ():
            has = set(told.split(",")) if told is not None else None
            for measure in wanted:
                lacks = has is not None and not has & set(ask.NEEDED[measure])
                if lacks and asked:
                    message = f"{measure} is not collected of {row['stream']}"
                    raise MetricMissingError(
                        f"{message}; it has {told}.", fields=[FieldProblem("measures", message)]
                    )
                if lacks and measure in shown:
                    shown.remove(measure)
    return tuple(shown)


def _read_until(view: View, span: Span, hours: Sequence[Mapping[str, Any]]) -> Instant | None:
    """Return until when the logs of the machines have been read: a slot behind it is unknown."""
    machines = {row["machine"] for row in hours}
    lasts = [
        row["last_at"]
        for row in view.ask(ask.last_lines(span.start)).to_pylist()
        if row["machine"] in machines
    ]
    return Instant(max(lasts) + 1) if lasts else None


def _known_hours(hours: Iterable[Mapping[str, Any]], *, grouped: bool) -> Hours:
    found: dict[tuple[str, str], set[Instant]] = defaultdict(set)
    for row in hours:
        name = ("", "") if grouped else (row["stream"], row["kind"])
        found[name].add(Instant(row["hour_at"]))
    return {name: frozenset(some) for name, some in found.items()}


def _dense(
    rows: Mapping[int, dict[str, Any]],
    hours: frozenset[Instant],
    span: Span,
    step: int,
    read_until: Instant | None,
) -> Iterable[tuple[int, dict[str, Any] | None, int]]:
    """Yield every slot of the span: its start, its lines, how many ms of it are known."""
    for at in range(span.start, span.end, step):
        end = min(at + step, span.end)
        first = at - at % MILLIS_PER_HOUR
        covered = sum(
            max(0, min(end, hour + MILLIS_PER_HOUR) - max(at, hour))
            for hour in range(first, end, MILLIS_PER_HOUR)
            if hour in hours and (read_until is None or max(at, hour) < read_until)
        )
        yield at, rows.get(at), covered


def _slot(
    name: tuple[str, str],
    at: int,
    row: Mapping[str, Any] | None,
    measures: Sequence[str],
    covered: int,
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "stream": name[0],
        "kind": name[1],
        "slot_at": at,
        "coverage_ms": covered,
    }
    for measure in measures:
        if measure in _FIGURES:
            told[measure] = _figures(measure, row, covered)
        elif row is None:
            told[measure] = {"total": 0 if covered else None}
        else:
            told[measure] = {"total": row[measure]}
    return told


def _figures(measure: str, row: Mapping[str, Any] | None, covered: int) -> dict[str, Any]:
    if row is None or not row[f"{measure}_count"]:
        nothing = dict.fromkeys(("min", "max", "mean", "median", "least", "most"))
        return {**nothing, "total": 0 if covered else None, "count": 0 if covered else None}
    least, most = row[f"{measure}_least"], row[f"{measure}_most"]
    return {
        "min": row[f"{measure}_min"],
        "max": row[f"{measure}_max"],
        "mean": row[f"{measure}_mean"],
        "median": row[f"{measure}_median"],
        "total": row[f"{measure}_total"],
        "count": row[f"{measure}_count"],
        "least": {"at": least["at"], "object": least["object"]},
        "most": {"at": -most["before"], "object": most["object"]},
    }


def _missing(
    hours: Sequence[Mapping[str, Any]], streams: Sequence[str], machines: Sequence[str]
) -> list[str]:
    """Return what was named, but has no line in the span."""
    there = {row["stream"] for row in hours}, {row["machine"] for row in hours}
    return [
        f"{what} {name}"
        for what, names, found in (
            ("stream", streams, there[0]),
            ("machine", machines, there[1]),
        )
        for name in names
        if not is_pattern(name) and name not in found
    ]


def stream_list(desk: Desk, *, farm_id: str, since: int | None = None) -> dict[str, Any]:
    """Return the log streams, each with its machine, lines and their first and last instant."""
    desk.farm(farm_id)
    with desk.view(farm_id, live=False) as view:
        begin = None if since is None else Instant(since)
        return {"streams": view.ask(ask.streams(begin)).to_pylist()}


def stream_hours(
    desk: Desk,
    *,
    farm_id: str,
    since: int,
    until: int,
    stream: str | None = None,
    kind: str | None = None,
    machine: str | None = None,
) -> dict[str, Any]:
    """Return the hour blocks of streams with a hash of what their lines say.

    The hash is of the content: a log that is only touched, renamed or copied has the same one.
    """
    desk.farm(farm_id)
    question = ask.hours(span_of(since, until), stream=stream, kind=kind, machine=machine)
    with desk.view(farm_id, live=False) as view:
        return {"hours": view.ask(question).to_pylist()}


def stream_hour_lines(
    desk: Desk,
    *,
    farm_id: str,
    stream: str,
    kind: str,
    machine: str,
    start: int,
    end: int | None = None,
) -> bytes:
    """Return the lines of an hour block (or a part of it) as an Arrow stream, without the farm."""
    desk.farm(farm_id)
    hour = start - start % MILLIS_PER_HOUR + MILLIS_PER_HOUR
    span = span_of(start, hour if end is None else end)
    if span.end > hour:
        raise _bad("end", "must lie in the same hour")
    question = ask.hour_lines(span, stream=stream, kind=kind, machine=machine)
    with desk.view(farm_id, live=False) as view:
        rows = view.ask(question)
    rows = rows.select([name for name in LOG_LINES.column_names if name != "farm_id"])
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {
    "stream_slots": stream_slots,
    "stream_list": stream_list,
    "stream_hours": stream_hours,
    "stream_hour_lines": stream_hour_lines,
}
