"""The rings of the whole farm: which slots they have, and what is known of each.

A ring has 1440 slots of a minute (day), half an hour (month) or a quarter of a local day (year). It
is a view over rollups: minutes lie under the day ring, quarters of an hour under the other two. All
slots begin by the farm's wall clock; a slot of the year may last 5 or 7 hours when clocks change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.accounts import Ints
from grange.books.catalog.model import Column, Consolidation, TableSpec
from grange.books.catalog.ring_tables import (
    FARM_MINUTES,
    FARM_QUARTERS,
    FRAME_MINUTES,
    FRAME_QUARTERS,
    SERVER_LEVELS,
)
from grange.books.periods import local_day, midnight
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant, datetime_of, instant_of

SLOTS = 1440
RENDER_TYPES = ("three_d", "archive", "comp", "execute_frames", "file_export")
"""Frames of these types are given apart; all others count in totals only."""
_HOURS_OF_QUARTER_DAY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSpec:
    """One of the three rings."""

    name: str
    step_seconds: int
    """Time between two slots by the wall clock (S0-15)."""
    slots_per_day: int
    farm: TableSpec
    """The rollup under it."""
    frames: TableSpec
    """Its frames by render type."""

    @property
    def is_quarter_days(self) -> bool:
        """Whether slots turn at 00, 06, 12 and 18 o'clock, however long that takes."""
        return self.slots_per_day == 4


RINGS: Mapping[str, RingSpec] = {
    ring.name: ring
    for ring in (
        RingSpec(name="day", step_seconds=60, slots_per_day=1440, farm=FARM_MINUTES,
                 frames=FRAME_MINUTES),
        RingSpec(name="month", step_seconds=1800, slots_per_day=48, farm=FARM_QUARTERS,
                 frames=FRAME_QUARTERS),
        RingSpec(name="year", step_seconds=21600, slots_per_day=4, farm=FARM_QUARTERS,
                 frames=FRAME_QUARTERS),
    )
}  # fmt: skip


def slots_of_day(ring: RingSpec, day: date, zone: ZoneInfo) -> list[Span]:
    """Return the slots of a local day, ascending: as many as the day really has."""
    if ring.is_quarter_days:
        starts = [
            instant_of(datetime(day.year, day.month, day.day, hour, tzinfo=zone))
            for hour in range(0, 24, _HOURS_OF_QUARTER_DAY)
        ]
        ends = [*starts[1:], midnight(day + timedelta(days=1), zone)]
        return [Span(start, end) for start, end in zip(starts, ends, strict=True) if start < end]
    whole = local_day(day, zone)
    step = ring.step_seconds * 1000
    return [
        Span(Instant(at), Instant(min(at + step, whole.end)))
        for at in range(whole.start, whole.end, step)
    ]


def slots_between(ring: RingSpec, span: Span, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the slots that begin in a span, ascending."""
    day = _local(span.start, zone).date()
    while True:
        for slot in slots_of_day(ring, day, zone):
            if slot.start >= span.end:
                return
            if slot.start >= span.start:
                yield slot
        day += timedelta(days=1)


def newest_slots(ring: RingSpec, now: Instant, zone: ZoneInfo, count: int = SLOTS) -> list[Span]:
    """Return the last completed slots, ascending: what the ring holds (S0-09, S0-10)."""
    found: list[Span] = []
    day = _local(now, zone).date()
    while len(found) < count:
        found = [slot for slot in slots_of_day(ring, day, zone) if slot.end <= now] + found
        day -= timedelta(days=1)
    return found[-count:]


def covering(ring: RingSpec, at: Instant, zone: ZoneInfo) -> Span:
    """Return the slot an instant lies in."""
    for slot in slots_of_day(ring, _local(at, zone).date(), zone):
        if slot.start <= at < slot.end:
            return slot
    raise AssertionError("the slots of a day cover it")


def wall_index(ring: RingSpec, start: Instant, zone: ZoneInfo) -> int:
    """Return the place of a slot in its local day by the wall clock."""
    local = _local(start, zone)
    return (local.hour * 60 + local.minute) * 60 // ring.step_seconds


def _local(at: Instant, zone: ZoneInfo) -> datetime:
    return datetime_of(at).astimezone(zone)


# ── putting together ──────────────────────────────────────────────────────────────────────────────

Columns = dict[str, list[int | None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """Rows of rollups, and which slot each lies in (-1: none)."""

    rows: pa.Table
    slot: Ints


def pieces_of(spec: TableSpec, rows: pa.Table, slots: Sequence[Sequence[Span]]) -> Pieces:
    """Return rows in the order of time, each with the slot it lies in.

    Args:
        spec: the rollup.
        rows: its rows.
        slots: the slots; each is one span, none (the clock skipped it) or two (it was repeated).
    """
    rows = rows.sort_by([(spec.time_column, "ascending")])
    flat = sorted((span.start, span.end, n) for n, spans in enumerate(slots) for span in spans)
    starts = np.array([start for start, _, _ in flat], dtype=np.int64)
    ends = np.array([end for _, end, _ in flat], dtype=np.int64)
    numbers = np.array([number for _, _, number in flat], dtype=np.int64)
    times = rows.column(spec.time_column).to_numpy()
    place = np.searchsorted(starts, times, side="right") - 1
    inside = (place >= 0) & (times < ends[np.maximum(place, 0)]) if flat else place < -1
    slot = np.where(inside, numbers[np.maximum(place, 0)] if flat else -1, -1)
    return Pieces(rows=rows, slot=slot.astype(np.int64))


def valid_slots(pieces: Pieces, count: int) -> list[bool]:
    """Return which slots have any row: only those were watched (S0-20)."""
    found = np.zeros(count, dtype=np.bool_)
    found[pieces.slot[pieces.slot >= 0]] = True
    return [bool(value) for value in found]


def put_together(spec: TableSpec, pieces: Pieces, count: int) -> Columns:
    """Return every measure by slot: sums add, the most is the most, states are the latest known.

    None where no row of the slot knows the measure.
    """
    return {
        column.name: _together(column, pieces, count)
        for column in spec.columns
        if column.consolidation is not Consolidation.NONE
    }


def _together(column: Column, pieces: Pieces, count: int) -> list[int | None]:
    found = pieces.rows.column(column.name)
    values: npt.NDArray[np.int64] = found.fill_null(0).to_numpy().astype(np.int64)
    used = pc.is_valid(found).to_numpy() & (pieces.slot >= 0)
    slot, values = pieces.slot[used], values[used]
    known = np.zeros(count, dtype=np.bool_)
    known[slot] = True
    total = np.zeros(count, dtype=np.int64)
    if column.consolidation is Consolidation.SUM:
        np.add.at(total, slot, values)
    elif column.consolidation is Consolidation.MAXIMUM:
        total[:] = np.iinfo(np.int64).min
        np.maximum.at(total, slot, values)
    else:
        total[slot] = values  # rows come in the order of time: the latest one stays
    return [
        value if there else None
        for value, there in zip(total.tolist(), known.tolist(), strict=True)
    ]


def states_of_last(
    pieces: Pieces, farm: Pieces, spec: TableSpec, count: int, names: Sequence[str]
) -> Columns:
    """Return states of frames at the end of each slot, summed over render types.

    Only rows of the last watched moment of a slot count: where it has none, nothing is left.

    Args:
        pieces: rows of frames by render type.
        farm: rows of the farm: when it was watched.
        spec: the frames' rollup.
        count: of slots.
        names: the measures.
    """
    last = np.full(count, -1, dtype=np.int64)
    there = farm.slot >= 0
    np.maximum.at(last, farm.slot[there], farm.rows.column(spec.time_column).to_numpy()[there])
    times = pieces.rows.column(spec.time_column).to_numpy()
    used = (pieces.slot >= 0) & (times == last[np.maximum(pieces.slot, 0)])
    columns: Columns = {}
    for name in names:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, pieces.slot[used], pieces.rows.column(name).to_numpy()[used])
        columns[name] = [
            value if at >= 0 else None
            for value, at in zip(total.tolist(), last.tolist(), strict=True)
        ]
    return columns


_FRAME_STATES = ("frames_left", "chunks_unassigned")


def ring_columns(
    ring: RingSpec, farm_rows: pa.Table, frame_rows: pa.Table, slots: Sequence[Sequence[Span]]
) -> dict[str, list[Any]]:
    """Return everything known of some slots, as columns.

    Args:
        ring: the ring.
        farm_rows: rows of its farm rollup.
        frame_rows: rows of its frame rollup.
        slots: see `pieces_of`.
    """
    count = len(slots)
    farm = pieces_of(ring.farm, farm_rows, slots)
    valid = valid_slots(farm, count)
    found: dict[str, list[Any]] = {
        "start_at": [spans[0].start if spans else None for spans in slots],
        "end_at": [spans[-1].end if spans else None for spans in slots],
        "valid": valid,
    }
    columns = put_together(ring.farm, farm, count)
    levels = ["temperature_milli_c", *(name for name, _, _ in SERVER_LEVELS)]
    for name in levels:
        columns[name] = _means(columns.pop(f"{name}_sum"), columns.pop(f"{name}_samples"))
    found |= columns
    minutes = [sum(span.millis for span in spans) / MILLIS_PER_MINUTE for spans in slots]
    for kind in (None, *RENDER_TYPES):
        rows = (
            frame_rows
            if kind is None
            else frame_rows.filter(pc.equal(frame_rows.column("render_type"), kind))
        )
        ending = "" if kind is None else f"_{kind}"
        for name, values in _frames(ring, farm, rows, slots, valid).items():
            found[f"{name}{ending}"] = values
        found[f"frames_per_minute{ending}"] = [
            None if frames is None else frames / length
            for frames, length in zip(found[f"frames_rendered{ending}"], minutes, strict=True)
        ]
    return found


def _frames(
    ring: RingSpec,
    farm: Pieces,
    rows: pa.Table,
    slots: Sequence[Sequence[Span]],
    valid: Sequence[bool],
) -> dict[str, list[int | None]]:
    count = len(slots)
    pieces = pieces_of(ring.frames, rows, slots)
    columns = put_together(ring.frames, pieces, count)
    # A watched slot without a row of a type had no frames of it.
    for name in ("frames_rendered", "frame_ms_sum", "frame_ms_frames"):
        columns[name] = [
            (value or 0) if there else None
            for value, there in zip(columns[name], valid, strict=True)
        ]
    columns |= states_of_last(pieces, farm, ring.frames, count, _FRAME_STATES)
    columns["frame_ms"] = _means(columns.pop("frame_ms_sum"), columns.pop("frame_ms_frames"))
    return columns


def _means(sums: Sequence[int | None], counts: Sequence[int | None]) -> list[int | None]:
    return [
        round(total / count) if total is not None and count else None
        for total, count in zip(sums, counts, strict=True)
    ]
