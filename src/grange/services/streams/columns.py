"""Columns of log streams for graphs, pages and tables: slots with gaps, and figures of the span."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from grange.books.graphs.measures import MEASURES
from grange.books.graphs.questions import Chosen, slots_of, streams_in
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.services.books.shelf import View

LATENCY_LIMIT_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which streams a graph is of."""

    streams: tuple[str, ...] = ()
    """Names or patterns; empty: all."""
    kind: str | None = None
    machines: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    combine: bool = False
    """Add all of them up."""
    name: str = ""
    """What they are called together, where they are added up."""
    latency_limit_seconds: float = LATENCY_LIMIT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One measure of one stream: a row per known slot, ascending; and its figures."""

    step_ms: int
    starts_at: list[int] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)
    """Of a count: per minute."""
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    total: list[int | None] = field(default_factory=list)
    """Exact; None for readings."""
    lowest: float | None = None
    average: float | None = None
    highest: float | None = None
    sum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of a selection."""

    tracks: Mapping[str, Mapping[str, Track]]
    """By stream, by measure."""
    kinds: Mapping[str, str]
    """By stream."""
    members: tuple[tuple[str, str], ...]
    """Kind and name of every stream that was read."""
    machines: tuple[str, ...]
    data_until_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stream that there is."""

    kind: str
    stream: str
    machine: str
    last_at: Instant


def known_streams(view: View, span: Span) -> list[Known]:
    """Return the log streams with lines in a span."""
    return [
        Known(
            kind=row["kind"],
            stream=row["stream"],
            machine=row["machine"],
            last_at=Instant(row["last_at"]),
        )
        for row in view.ask(streams_in(span)).to_pylist()
    ]


def matching(known: Sequence[Known], selection: Selection) -> list[Known]:
    """Return those a selection means: a stream that is new joins where a pattern fits."""
    return [
        one
        for one in known
        if (selection.kind is None or one.kind == selection.kind)
        and fits(one.stream, selection.streams)
        and fits(one.machine, selection.machines)
    ]


def read(
    view: View,
    selection: Selection,
    measures: Sequence[str],
    *,
    span: Span,
    step_ms: int,
    known: Sequence[Known] | None = None,
) -> Found:
    """Return columns of the selected streams, up to the latest line there is.

    Args:
        view: the books.
        selection: which streams.
        measures: keys of `MEASURES`.
        span: from when until when.
        step_ms: how long a slot is.
        known: the streams of the span, if they were asked for already.
    """
    known = known_streams(view, span) if known is None else known
    chosen = matching(known, selection)
    pairs = sorted({(one.kind, one.stream) for one in chosen})
    machines = sorted({one.machine for one in chosen})
    if not pairs:
        return Found(tracks={}, kinds={}, members=(), machines=(), data_until_at=None)
    until = Instant(min(max(one.last_at for one in known) + 1, span.end))
    question = slots_of(
        Chosen(
            pairs=pairs,
            machines=machines if selection.machines else (),
            products=selection.products,
        ),
        span,
        step_ms,
        round(selection.latency_limit_seconds * 1000),
        combine=selection.combine,
    )
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in view.ask(question).to_pylist():
        rows.setdefault(row["label"], []).append(row)
    one_kind = len({kind for kind, _ in pairs}) == 1
    kinds, tracks = {}, {}
    labels = [("", "")] if selection.combine else pairs
    for kind, stream in labels:
        label = "" if selection.combine else f"{kind} {stream}"
        shown = selection.name or "total" if selection.combine else stream if one_kind else label
        kinds[shown] = kind or (pairs[0][0] if one_kind else "other")
        slots = list(_filled(rows.get(label, []), step_ms, until))
        tracks[shown] = {measure: _track(slots, measure, step_ms) for measure in measures}
    return Found(
        tracks=tracks,
        kinds=kinds,
        members=tuple(pairs),
        machines=tuple(machines),
        data_until_at=until,
    )


_EMPTY: Mapping[str, Any] = {
    "minutes": 0,
    "latency_low": None,
    "latency_high": None,
    "latency_sum": None,
    "latency_count": 0,
    **{
        f"{name}{end}": 0
        for name in ("bytes", "files", "errors", "late")
        for end in ("", "_low", "_high")
    },
}


def _filled(
    rows: Sequence[Mapping[str, Any]], step_ms: int, until: Instant
) -> Iterator[Mapping[str, Any]]:
    """Yield slots with how many of their minutes are known: empty ones of an hour that was heard.

    What is not heard for an hour is not known; zero files are only what an hour with some says.
    """
    if step_ms >= MILLIS_PER_HOUR:
        for row in rows:
            heard = min(row["hours"] * 60, -(-(until - row["slot_at"]) // MILLIS_PER_MINUTE))
            yield {**row, "known": max(heard, row["minutes"])}
        return
    by_slot = {row["slot_at"]: row for row in rows}
    for hour in sorted({at - at % MILLIS_PER_HOUR for at in by_slot}):
        for at in range(hour, hour + MILLIS_PER_HOUR, step_ms):
            if at >= until:
                return
            row = by_slot.get(at, {**_EMPTY, "slot_at": at})
            known = min(step_ms, until - at + MILLIS_PER_MINUTE - 1) // MILLIS_PER_MINUTE
            yield {**row, "known": max(known, row["minutes"], 1)}


def _track(slots: Sequence[Mapping[str, Any]], measure: str, step_ms: int) -> Track:
    if not MEASURES[measure].counts:
        return _readings(slots, step_ms)
    totals = [row[measure] for row in slots]
    # A minute without a line is a minute with zero.
    lows = [row[f"{measure}_low"] if row["minutes"] >= row["known"] else 0 for row in slots]
    highs = [row[f"{measure}_high"] for row in slots]
    minutes = sum(row["known"] for row in slots)
    return Track(
        step_ms=step_ms,
        starts_at=[row["slot_at"] for row in slots],
        mean=[row[measure] / row["known"] for row in slots],
        low=lows if step_ms > MILLIS_PER_MINUTE else [],
        high=highs if step_ms > MILLIS_PER_MINUTE else [],
        total=totals,
        lowest=min(lows, default=None),
        average=sum(totals) / minutes if minutes else None,
        highest=max(highs, default=None),
        sum=sum(totals) if slots else None,
    )


def _readings(slots: Sequence[Mapping[str, Any]], step_ms: int) -> Track:
    known = [row for row in slots if row["latency_count"]]
    count = sum(row["latency_count"] for row in known)
    return Track(
        step_ms=step_ms,
        starts_at=[row["slot_at"] for row in known],
        mean=[row["latency_sum"] / row["latency_count"] / 1000 for row in known],
        low=[row["latency_low"] / 1000 for row in known],
        high=[row["latency_high"] / 1000 for row in known],
        total=[None for _ in known],
        lowest=min((row["latency_low"] / 1000 for row in known), default=None),
        average=sum(row["latency_sum"] for row in known) / count / 1000 if count else None,
        highest=max((row["latency_high"] / 1000 for row in known), default=None),
    )


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is one of these, or fits one of these patterns; none: any fits."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
