"""The quarters of an hour: merging what questions found, and looking at them by local day."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from grange.books.accounts import ACCOUNTS, Account, Ints, Segments
from grange.books.catalog.model import Column, Consolidation, TableSpec
from grange.books.catalog.ring_tables import NAMED_GROUP_SLOTS
from grange.books.catalog.rollup_tables import GROUP_SLOTS, JOB_SLOTS
from grange.books.periods import QUARTER_MS, DayQuarters
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

ALL_FLEETS = "*"
"""Stands for the whole farm among the fleets."""
SUBJECTS = ("user", "project", "app")

STATES = ("rendering", "disabled", "idle", "off", "unknown")
"""What a worker counts as: the first that any of its threads is in (S0-07)."""
_STATE_OF: Mapping[Account, int] = {
    Account.RENDERING_USEFUL: 0,
    Account.RENDERING_WASTED: 0,
    Account.OVERHEAD: 0,
    Account.DISABLED: 1,
    Account.IDLE_NO_WORK: 2,
    Account.IDLE_BLOCKED: 2,
    Account.OFF: 3,
    Account.UNKNOWN: 4,
}

_NAME_COLUMNS: Mapping[str, str] = {
    JOB_SLOTS.name: "name",
    GROUP_SLOTS.name: "fleet_id",
    NAMED_GROUP_SLOTS.name: "group_name",
}
_KEYS = ("slot_at", "subject", "name")
_DEFAULT_PS_MILLI = 1_000
_NOTHING: dict[str, Any] = {
    column.name: None if column.nullable else 0 for column in JOB_SLOTS.columns
}
"""A quarter in which a subject had nothing."""


def job_slot_rows(
    farm_id: str, answers: Iterable[Sequence[Mapping[str, Any]]], ps: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Merge what several questions found about the same quarters and subjects.

    Args:
        farm_id: the farm.
        answers: rows with slot_at, subject, name and some measures; each measure in one answer
            only.
        ps: mean PS of workers by quarter, in thousandths.
    """
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for answer in answers:
        for part in answer:
            key = tuple(part[name] for name in _KEYS)
            merged.setdefault(key, {}).update(part)
    rows = []
    for key, found in sorted(merged.items()):
        row: dict[str, Any] = _NOTHING | dict(zip(_KEYS, key, strict=True)) | {"farm_id": farm_id}
        row |= {
            name: value for name, value in found.items() if value is not None and name in _NOTHING
        }
        mean = ps.get(row["slot_at"], _DEFAULT_PS_MILLI)
        row["ps_needed_milli"] = row["chunks_unassigned"] * mean
        rows.append(row)
    return rows


def first_states(found: Segments, ends: Ints) -> npt.NDArray[np.int8]:
    """Return the state every worker counts as at the end of each slot (S0-07).

    Args:
        found: what threads did.
        ends: ends of slots, ascending.

    Returns:
        An index into `STATES` by slot and worker; `len(STATES)` where the worker did not exist.
    """
    state = np.array([_STATE_OF[account] for account in ACCOUNTS], dtype=np.int8)[found.account]
    lasts = ends - 1
    first = np.searchsorted(lasts, found.start, side="left")
    slots = np.searchsorted(lasts, found.end, side="left") - first
    origin = np.repeat(np.arange(len(found.start)), slots)
    place = np.arange(len(origin)) - np.repeat(np.cumsum(slots) - slots, slots) + first[origin]
    states = np.full((len(ends), len(found.worker_ids)), len(STATES), dtype=np.int8)
    np.minimum.at(states, (place, found.worker[origin]), state[origin])
    return states


def counted(states: npt.NDArray[np.int8]) -> Ints:
    """Return by slot how many workers are in each of `STATES`."""
    return np.stack([(states == code).sum(axis=1) for code in range(len(STATES))], axis=1)


def group_slot_rows(
    farm_id: str, found: Segments, watched: Iterable[Instant]
) -> list[dict[str, Any]]:
    """Count workers by state at the end of each watched quarter, by fleet and for all fleets."""
    starts = sorted(watched)
    states = first_states(found, np.array(starts, dtype=np.int64) + QUARTER_MS)
    fleets = np.array(found.fleet_ids, dtype=object)
    counts = {
        fleet_id: counted(states if fleet_id == ALL_FLEETS else states[:, fleets == fleet_id])
        for fleet_id in (*sorted(set(found.fleet_ids)), ALL_FLEETS)
    }
    return [
        {"farm_id": farm_id, "slot_at": slot_at, "fleet_id": fleet_id}
        | {f"workers_{name}": n for name, n in zip(STATES, own, strict=True)}
        for number, slot_at in enumerate(starts)
        for fleet_id, of_fleet in counts.items()
        if any(own := of_fleet[number].tolist()) or fleet_id == ALL_FLEETS
    ]


def account_hour_rows(
    farm_id: str, found: Segments, hours: Span, hour_ms: int
) -> list[dict[str, Any]]:
    """Return thread time by worker, threads, account and UTC hour."""
    points = np.arange(hours.start, hours.end + 1, hour_ms, dtype=np.int64)
    cut = found.cut(points)
    place = np.searchsorted(points, cut.start, side="right") - 1
    slots = len(points)
    totals = cut.totals(cut.worker * slots + place, len(found.worker_ids) * slots)
    rows = []
    for number, total in enumerate(totals):
        worker, slot = divmod(number, slots)
        for (account, threads), millis in sorted(total.thread_ms.items()):
            rows.append(
                {
                    "farm_id": farm_id,
                    "slot_at": int(points[slot]),
                    "fleet_id": found.fleet_ids[worker],
                    "worker_id": found.worker_ids[worker],
                    "threads": threads,
                    "account": account.value,
                    "thread_ms": millis,
                }
            )
    return rows


def day_columns(
    spec: TableSpec,
    rows: Iterable[Mapping[str, Any]],
    day: DayQuarters,
    known: frozenset[int],
) -> dict[str, dict[str, list[int | None]]]:
    """Arrange quarters by the wall clock of a local day (ledger rule 11.11).

    In an hour that the clock repeats sums add, the most is the most of both passes, and states are
    those of the later pass.

    Args:
        spec: `job_slots` (rows of one subject), `group_slots` or `named_group_slots`.
        rows: quarters of the day.
        day: which quarters of UTC lie where.
        known: the quarters that were watched, by their UTC start.

    Returns:
        By name (or fleet) 96 values of every measure; None where the quarter was not watched.
    """
    name_column = _NAME_COLUMNS[spec.name]
    by_name: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(row[name_column], {})[row["slot_at"]] = row
    measures = [column for column in spec.columns if column.consolidation is not Consolidation.NONE]
    return {
        name: {
            column.name: [
                _together(column, [own.get(start) for start in starts if start in known])
                for starts in day.quarters
            ]
            for column in measures
        }
        for name, own in sorted(by_name.items())
    }


def known_quarters(day: DayQuarters, known: frozenset[int]) -> list[bool]:
    """Return which of the 96 quarters of a local day were watched."""
    return [any(start in known for start in starts) for starts in day.quarters]


def _together(column: Column, passes: Sequence[Mapping[str, Any] | None]) -> int | None:
    """Put the passes of one quarter together; a pass without a row is a quarter of nothing."""
    nothing = None if column.nullable else 0
    found = [nothing if row is None else row[column.name] for row in passes]
    values = [value for value in found if value is not None]
    if not values:
        return None
    if column.consolidation is Consolidation.SUM:
        return int(sum(values))
    if column.consolidation is Consolidation.MAXIMUM:
        return int(max(values))
    return int(values[-1])
