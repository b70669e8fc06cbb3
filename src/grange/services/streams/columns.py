"""Columns of log streams for graphs, pages and tables: slots with gaps, and figures of the span.

What is fine and recent is reckoned from the lines themselves; what is coarse or old is read from
the rings, with the lines since they were fed. Both know the same slots: a minute is known if its
hour holds a line of the stream and the logs of its machine were read up to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from grange.books.catalog.stream_tables import LOG_LINES
from grange.books.graphs.measures import MEASURES
from grange.books.graphs.questions import Chosen, slots_of
from grange.books.streams import questions as lines
from grange.kernel.errors import FieldProblem, MetricMissingError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.services.books.desk import Desk
from grange.services.books.shelf import View
from grange.services.streams.ring_slots import RingLog, ring_logs, ring_slots

LATENCY_LIMIT_SECONDS = 15.0
FINE_DAYS = 5
"""What is older or coarser than an hour is read from rings, if there are some."""


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
    """By stream, by measure; a measure that is not collected of a stream is not there."""
    kinds: Mapping[str, str]
    """By stream."""
    members: tuple[tuple[str, str], ...]
    """Kind and name of every stream that was read."""
    machines: tuple[str, ...]
    data_until_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stream of a machine that was heard in a span."""

    kind: str
    stream: str
    machine: str
    last_at: Instant
    hours: frozenset[int] = frozenset()
    """Hours of which there are lines."""
    metrics: frozenset[str] | None = None
    """What is collected; None: everything."""


def known_streams(desk: Desk, view: View, span: Span) -> list[Known]:
    """Return the log streams with lines or rings in a span."""
    whole = Span(Instant(span.start - span.start % MILLIS_PER_HOUR), span.end)
    hours: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    lasts: dict[tuple[str, str, str], int] = defaultdict(int)
    told: dict[tuple[str, str, str], frozenset[str] | None] = {}
    for row in view.ask(lines.hours_with_lines(lines.Chosen(), whole)).to_pylist():
        key = (row["kind"], row["stream"], row["machine"])
        hours[key].add(row["hour_at"])
        lasts[key] = max(lasts[key], row["last_at"])
        sets = [None if one is None else frozenset(one.split(",")) for one in row["metrics"] or ()]
        if None in sets or not sets:
            told[key] = None
        elif told.get(key, frozenset()) is not None:
            told[key] = (told.get(key) or frozenset()).union(*(one for one in sets if one))
    for ring in ring_logs(desk, view.farm_id) if _wants_rings(view, span) else ():
        key = (ring.kind, ring.stream, ring.machine)
        if ring.first_at < span.end and ring.last_at > span.start:
            lasts[key] = max(lasts[key], min(ring.last_at, span.end) - 1)
    return [
        Known(
            kind=kind,
            stream=stream,
            machine=machine,
            last_at=Instant(last),
            hours=frozenset(hours[kind, stream, machine]),
            metrics=told.get((kind, stream, machine)),
        )
        for (kind, stream, machine), last in sorted(lasts.items())
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


def check_measures(known: Iterable[Known], measures: Sequence[str]) -> None:
    """Refuse measures that are not collected of a stream, if they were asked for by name.

    Raises:
        MetricMissingError: one of them is not.
    """
    for one in known:
        for measure in measures:
            if not _collected(one, measure):
                message = f"{measure} is not collected of {one.stream}"
                raise MetricMissingError(
                    f"{message}; it has {', '.join(sorted(one.metrics or ()))}.",
                    fields=[FieldProblem("measures", message)],
                )


def read(
    desk: Desk,
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
        desk: where rings are.
        view: the books.
        selection: which streams.
        measures: keys of `MEASURES`.
        span: from when until when.
        step_ms: how long a slot is.
        known: the streams of the span, if they were asked for already.
    """
    known = known_streams(desk, view, span) if known is None else known
    chosen = matching(known, selection)
    pairs = sorted({(one.kind, one.stream) for one in chosen})
    machines = sorted({one.machine for one in chosen})
    if not pairs:
        return Found(tracks={}, kinds={}, members=(), machines=(), data_until_at=None)
    lasts: dict[str, int] = defaultdict(int)
    for one in known:
        lasts[one.machine] = max(lasts[one.machine], one.last_at)
    reading = _Reading(desk, view, selection, span, step_ms, tuple(machines))
    slots = reading.slots(pairs, chosen, lasts)
    one_kind = len({kind for kind, _ in pairs}) == 1
    labels = [("", "")] if selection.combine else pairs
    kinds, tracks = {}, {}
    for kind, stream in labels:
        own = [
            one for one in chosen if selection.combine or (one.kind, one.stream) == (kind, stream)
        ]
        shown = stream if one_kind else f"{kind} {stream}"
        if selection.combine:
            shown = selection.name or "total"
        kinds[shown] = kind or (pairs[0][0] if one_kind else "other")
        tracks[shown] = {
            measure: _track(slots[kind, stream], measure, step_ms)
            for measure in measures
            if any(_collected(one, measure) for one in own)
        }
    return Found(
        tracks=tracks,
        kinds=kinds,
        members=tuple(pairs),
        machines=tuple(machines),
        data_until_at=Instant(min(max(lasts[name] for name in machines) + 1, span.end)),
    )


Slot = Mapping[str, Any]
"""What happened in a slot, and how many of its minutes are `known`."""


@dataclass(frozen=True, slots=True)
class _Reading:
    desk: Desk
    view: View
    selection: Selection
    span: Span
    step_ms: int
    machines: tuple[str, ...]

    def slots(
        self,
        pairs: Sequence[tuple[str, str]],
        chosen: Sequence[Known],
        lasts: Mapping[str, int],
    ) -> Mapping[tuple[str, str], list[Slot]]:
        """Return the slots of every stream (or of all together) that are known, ascending."""
        found: dict[tuple[str, str], list[Slot]] = {}
        fine = self.span
        usual = self.selection.latency_limit_seconds == LATENCY_LIMIT_SECONDS
        old = _wants_rings(self.view, self.span) or self.step_ms >= MILLIS_PER_HOUR
        if old and not self.selection.products and usual:
            rings = ring_slots(
                self.desk,
                self.view.farm_id,
                [RingLog(kind=one.kind, stream=one.stream, machine=one.machine) for one in chosen],
                self.span,
                self.step_ms,
                combine=self.selection.combine,
            )
            found = {key: list(rows) for key, rows in rings.slots.items()}
            fine = Span(Instant(max(self.span.start, rings.until)), self.span.end)
            head = Span(self.span.start, Instant(min(self._edge(), fine.start)))
            kept = self.view.retention.kept_since(LOG_LINES, self.view.now)
            if head.millis and kept <= head.start:
                # The row it lies in began before the span; its lines say what is inside.
                found = {
                    key: [row for row in rows if row["slot_at"] >= head.start]
                    for key, rows in found.items()
                }
                for key, rows in self._from_lines(pairs, chosen, lasts, head).items():
                    found[key] = [*rows, *found.get(key, ())]
        if fine.millis:
            for key, rows in self._from_lines(pairs, chosen, lasts, fine).items():
                found.setdefault(key, []).extend(rows)
        return defaultdict(list, found)

    def _edge(self) -> int:
        """Return where the first whole slot of the span begins."""
        return -(-self.span.start // self.step_ms) * self.step_ms

    def _from_lines(
        self,
        pairs: Sequence[tuple[str, str]],
        chosen: Sequence[Known],
        lasts: Mapping[str, int],
        span: Span,
    ) -> Mapping[tuple[str, str], list[Slot]]:
        question = slots_of(
            Chosen(
                pairs=pairs,
                machines=self.machines if self.selection.machines else (),
                products=self.selection.products,
            ),
            span,
            self.step_ms,
            round(self.selection.latency_limit_seconds * 1000),
            combine=self.selection.combine,
        )
        rows: dict[tuple[str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
        for row in self.view.ask(question).to_pylist():
            rows[row["kind"], row["stream"]][row["slot_at"]] = row
        hours: dict[tuple[str, str], set[int]] = defaultdict(set)
        until: dict[tuple[str, str], int] = defaultdict(int)
        for one in chosen:
            key = ("", "") if self.selection.combine else (one.kind, one.stream)
            hours[key] |= one.hours
            until[key] = max(until[key], lasts[one.machine])
        return {
            key: _filled(rows[key], hours[key], span, self.step_ms, until[key]) for key in hours
        }


_EMPTY: Mapping[str, Any] = {
    "minutes": 0,
    "latency_low": None,
    "latency_high": None,
    "latency_sum": 0,
    "latency_count": 0,
    **{
        f"{name}{end}": 0
        for name in ("bytes", "files", "errors", "late")
        for end in ("", "_low", "_high")
    },
}


def _filled(
    rows: Mapping[int, Mapping[str, Any]],
    hours: Iterable[int],
    span: Span,
    step_ms: int,
    last: int,
) -> list[Slot]:
    """Return slots with how many of their minutes are known: those without a line too."""
    known: dict[int, int] = defaultdict(int)
    end = min(last // MILLIS_PER_MINUTE * MILLIS_PER_MINUTE + MILLIS_PER_MINUTE, span.end)
    for hour in hours:
        first, after = max(hour, span.start), min(hour + MILLIS_PER_HOUR, end)
        at = first - first % step_ms
        while at < after:
            minutes = -(-(min(at + step_ms, after) - max(at, first)) // MILLIS_PER_MINUTE)
            if minutes > 0:
                known[at] += minutes
            at += step_ms
    return [
        {**(rows.get(at) or {**_EMPTY, "slot_at": at}), "known": minutes}
        for at, minutes in sorted(known.items())
    ]


def _track(slots: Sequence[Slot], measure: str, step_ms: int) -> Track:
    if not MEASURES[measure].counts:
        return _readings(slots, step_ms)
    totals = [row[measure] for row in slots]
    # A known minute without a line is a minute with zero.
    lows = [
        0 if row["minutes"] is not None and row["minutes"] < row["known"] else row[f"{measure}_low"]
        for row in slots
    ]
    highs = [row[f"{measure}_high"] for row in slots]
    minutes = sum(row["known"] for row in slots)
    banded = step_ms > MILLIS_PER_MINUTE and None not in lows and None not in highs
    return Track(
        step_ms=step_ms,
        starts_at=[row["slot_at"] for row in slots],
        mean=[row[measure] / row["known"] for row in slots],
        low=lows if banded else [],
        high=highs if banded else [],
        total=totals,
        lowest=min(lows, default=None) if None not in lows else None,
        average=sum(totals) / minutes if minutes else None,
        highest=max(highs, default=None) if None not in highs else None,
        sum=sum(totals) if slots else None,
    )


def _readings(slots: Sequence[Slot], step_ms: int) -> Track:
    known = [row for row in slots if row["latency_count"]]
    count = sum(row["latency_count"] for row in known)
    lows = [_seconds(row["latency_low"]) for row in known]
    highs = [_seconds(row["latency_high"]) for row in known]
    told = bool(known) and None not in lows and None not in highs
    # A known slot without a file has no latency, which is not the same as an unknown one.
    shown = slots if known else []
    return Track(
        step_ms=step_ms,
        starts_at=[row["slot_at"] for row in shown],
        mean=[
            row["latency_sum"] / row["latency_count"] / 1000 if row["latency_count"] else None
            for row in shown
        ],
        low=[_seconds(row["latency_low"]) for row in shown],
        high=[_seconds(row["latency_high"]) for row in shown],
        total=[None for _ in shown],
        lowest=min(one for one in lows if one is not None) if told else None,
        average=sum(row["latency_sum"] for row in known) / count / 1000 if count else None,
        highest=max(one for one in highs if one is not None) if told else None,
    )


def _seconds(millis: float | None) -> float | None:
    return None if millis is None else millis / 1000


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is one of these, or fits one of these patterns; none: any fits."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _collected(one: Known, measure: str) -> bool:
    return one.metrics is None or bool(one.metrics & set(lines.NEEDED[measure]))


def _wants_rings(view: View, span: Span) -> bool:
    return view.now - span.start >= FINE_DAYS * MILLIS_PER_DAY
