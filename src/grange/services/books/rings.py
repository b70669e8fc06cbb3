"""The rings of the whole farm: day, month and year."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.rings import (
    RINGS,
    RingSpec,
    newest_slots,
    ring_columns,
    slots_between,
    slots_of_day,
    wall_index,
)
from grange.domain.farm import Farm
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.services.books.desk import Desk, local_date, span_of
from grange.services.books.rollups import tables_over
from grange.services.books.shelf import View

AUTO = "auto"
_MOST_SLOTS = 20_000


def ring(
    desk: Desk,
    *,
    farm_id: str,
    ring: str = AUTO,
    day: str | None = None,
    start: int | None = None,
    end: int | None = None,
) -> dict[str, Any]:
    """Return slots of a ring as columns.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        ring: day (minutes), month (half hours) or year (quarters of a local day); auto: month if
            it reaches back to the start of the span, else year.
        day: a local day, as 2026-01-31: one slot for each place of its wall clock.
        start: with `end`: slots that begin in this span. Without any of the three: what the ring
            holds, the last completed slot last.
        end: see `start`.

    Returns:
        Columns of equal length; `last_saved_at` is the end of the newest of them that is known.
        `index` is the slot's place in its local day; `valid` is False
        where nobody watched. Everything is None where it is not known.
    """
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    with desk.view(farm_id) as view:
        spec = _spec(ring, None if start is None else Instant(start), view.now, zone)
        if (start is None) != (end is None):
            raise _bad("end", "and start belong together")
        if start is None or end is None:
            slots, indices = _slots_held(spec, view.now, zone, day)
        elif day is not None:
            raise _bad("day", "cannot be asked for together with start and end")
        else:
            slots, indices = _slots_within(spec, span_of(start, end), zone)
        return _answer(view, farm, spec, slots, indices)


def _spec(name: str, start: Instant | None, now: Instant, zone: ZoneInfo) -> RingSpec:
    if name == AUTO:
        month = RINGS["month"]
        if start is None or start >= newest_slots(month, now, zone)[0].start:
            return month
        return RINGS["year"]
    if name not in RINGS:
        raise _bad("ring", f"must be one of {', '.join(RINGS)} and {AUTO}")
    return RINGS[name]


_Slots = tuple[list[list[Span]], list[int]]
"""Slots (each none, one or two spans), and their places in their days."""


def _slots_held(spec: RingSpec, now: Instant, zone: ZoneInfo, day_text: str | None) -> _Slots:
    if day_text is None:
        return _in_a_row(spec, newest_slots(spec, now, zone), zone)
    by_index: list[list[Span]] = [[] for _ in range(spec.slots_per_day)]
    for slot in slots_of_day(spec, local_date(day_text), zone):
        if slot.start < now:
            by_index[wall_index(spec, slot.start, zone)].append(slot)
    return by_index, list(range(spec.slots_per_day))


def _slots_within(spec: RingSpec, span: Span, zone: ZoneInfo) -> _Slots:
    if span.millis // (spec.step_seconds * 1000) > _MOST_SLOTS:
        raise _bad("end", f"gives more than {_MOST_SLOTS} slots; ask for a shorter span")
    return _in_a_row(spec, list(slots_between(spec, span, zone)), zone)


def _in_a_row(spec: RingSpec, found: list[Span], zone: ZoneInfo) -> _Slots:
    return [[slot] for slot in found], [wall_index(spec, slot.start, zone) for slot in found]


def _answer(
    view: View, farm: Farm, spec: RingSpec, slots: Sequence[Sequence[Span]], indices: list[int]
) -> dict[str, Any]:
    flat = [span for spans in slots for span in spans]
    whole = (
        Span(min(span.start for span in flat), max(span.end for span in flat))
        if flat
        else Span(view.now, view.now)
    )
    tables = tables_over(view, (spec.farm, spec.frames), whole)
    columns = {"index": indices} | ring_columns(
        spec, tables[spec.farm.name], tables[spec.frames.name], slots
    )
    return {
        "ring": spec.name,
        "zone": farm.zone,
        "step_seconds": spec.step_seconds,
        "slots_per_day": spec.slots_per_day,
        "span": {"start_at": whole.start, "end_at": whole.end},
        "now": view.now,
        "last_saved_at": max(
            (
                end
                for end, valid in zip(columns["end_at"], columns["valid"], strict=True)
                if valid and end <= view.now
            ),
            default=None,
        ),
        "columns": columns,
    }


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {"ring": ring}
