"""Slots of log streams out of their rings: ten years, totals exact."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from grange.kernel.errors import NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_SECOND, Instant
from grange.services.books.desk import Desk
from grange.services.streams.ring_paths import log_stream_of
from grange.services.streams.rings import ring_rows, rings_of

COUNTS = ("bytes", "files", "errors", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class RingLog:
    """One log stream of one machine that has a ring."""

    kind: str
    stream: str
    machine: str
    first_at: int = 0
    last_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSlots:
    """What rings say of a span."""

    slots: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
    until: Instant
    """From here on lines say more: it begins a slot."""


def ring_logs(desk: Desk, farm_id: str) -> list[RingLog]:
    """Return the log streams of a farm that have rings; none where there are no rings at all."""
    if desk.rings is None:
        return []
    found = []
    for path in desk.rings.paths(f"{farm_id}/logs"):
        named = log_stream_of(path)
        ring = None if named is None else rings_of(desk).open(path)
        if named is None or ring is None:
            continue
        with closing(ring):
            head = ring.head
            found.append(
                RingLog(
                    kind=named.kind,
                    stream=named.stream,
                    machine=named.machine,
                    first_at=head.first * MILLIS_PER_SECOND,
                    last_at=head.state.last * MILLIS_PER_SECOND,
                )
            )
    return found


def ring_slots(
    desk: Desk, farm_id: str, logs: Sequence[RingLog], span: Span, step_ms: int, *, combine: bool
) -> RingSlots:
    """Return the slots that rings hold whole, by kind and stream (of all together by blanks).

    Args:
        desk: where rings are.
        farm_id: the farm.
        logs: streams and machines.
        span: from when until when.
        step_ms: how long a slot is.
        combine: add up all.
    """
    nothing = RingSlots(slots={}, until=span.start)
    machines: dict[tuple[str, str], list[str]] = {}
    for one in logs:
        machines.setdefault((one.kind, one.stream), []).append(one.machine)
    if desk.rings is None:
        return nothing
    # Rows are read up to where the slowest ring is fed; the lines tell the rest.
    parts: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    until = span.end - span.end % step_ms
    for (kind, stream), names in machines.items():
        for machine in names:
            try:
                rows = ring_rows(
                    desk,
                    farm_id=farm_id,
                    since=span.start,
                    until=span.end,
                    stream=stream,
                    kind=kind,
                    machines=[machine],
                    step_seconds=step_ms // MILLIS_PER_SECOND,
                )
            except NotFoundError:
                return nothing  # not fed yet: its lines are all that is known
            fed = rows["known_until"]
            until = min(until, fed - fed % step_ms)
            key = ("", "") if combine else (kind, stream)
            _add(parts.setdefault(key, {}), rows, step_ms)
    until = max(until, span.start - span.start % step_ms)
    return RingSlots(
        slots={
            key: [slots[at] for at in sorted(slots) if span.start - step_ms < at < until]
            for key, slots in parts.items()
        },
        until=Instant(until),
    )


def _add(slots: dict[int, dict[str, Any]], rows: Mapping[str, Any], step_ms: int) -> None:
    """Add the rows of one ring to the slots they lie in."""
    sources = {source["label"]: source for source in rows["sources"]}
    latency, timed = sources["latency_ms"], sources["timed"]
    for place, start in enumerate(rows["starts_at"]):
        seconds = sources["files"]["known_seconds"][place]
        if not seconds:
            continue
        at = start - start % step_ms
        slot = slots.get(at)
        fresh = slot is None
        if slot is None:
            slot = slots[at] = _empty(at)
        minutes = round(seconds / 60)
        slot["parts"] += 1
        starts = slot["starts"]
        # Machines are heard side by side, rows one after the other.
        slot["known"] += max(0, minutes - starts.get(start, 0))
        overlaps = start in starts
        starts[start] = max(starts.get(start, 0), minutes)
        for name in COUNTS:
            source = sources[name]
            slot[name] += round(source["total"][place] or 0)
            low, high = _extremes(source, place)
            if overlaps:  # the lowest minute of a sum is not told by its parts
                slot[f"{name}_low"] = slot[f"{name}_high"] = None
            elif fresh:
                slot[f"{name}_low"], slot[f"{name}_high"] = low, high
            else:
                slot[f"{name}_low"] = _known(min, slot[f"{name}_low"], low)
                slot[f"{name}_high"] = _known(max, slot[f"{name}_high"], high)
        count = round(timed["total"][place] or 0)
        if count:
            slot["latency_count"] += count
            slot["latency_sum"] += latency["total"][place] or 0
            low, high = _extremes(latency, place)
            if slot["latency_count"] == count:
                slot["latency_low"], slot["latency_high"] = low, high
            else:
                slot["latency_low"] = _known(min, slot["latency_low"], low)
                slot["latency_high"] = _known(max, slot["latency_high"], high)


def _extremes(source: Mapping[str, Any], place: int) -> tuple[float | None, float | None]:
    low, high = source.get("minimum"), source.get("maximum")
    return (None if low is None else low[place]), (None if high is None else high[place])


def _known(choose: Any, one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else choose(one, other)


def _empty(at: int) -> dict[str, Any]:
    return {
        "slot_at": at,
        "known": 0,
        "minutes": None,
        "parts": 0,
        "starts": {},
        "latency_low": None,
        "latency_high": None,
        "latency_sum": 0,
        "latency_count": 0,
        **dict.fromkeys(COUNTS, 0),
        **{f"{name}_{end}": None for name in COUNTS for end in ("low", "high")},
    }
