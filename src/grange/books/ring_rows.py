"""Rows of the rollups behind the rings, put together from what questions found."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from grange.books.accounts import ACCOUNTS, Account, Segments
from grange.books.catalog.model import Kind, TableSpec
from grange.books.slots import STATES, counted, first_states
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

_FARM_NAMES = {"idle": "free"}
"""States of workers that the rings call otherwise."""
_AWAY = [ACCOUNTS.index(account) for account in (Account.OFF, Account.UNKNOWN)]


def farm_rows(
    spec: TableSpec,
    farm_id: str,
    found: Segments,
    slots: Mapping[Instant, Instant],
    answers: Iterable[Iterable[Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """Return one row for each watched slot.

    Args:
        spec: `farm_minutes` or `farm_quarters`.
        farm_id: the farm.
        found: what threads did.
        slots: start and end of each watched slot, ascending; a running one ends now.
        answers: rows with slot_at and some measures; each measure in one answer only.
    """
    ends = np.array(list(slots.values()), dtype=np.int64)
    counts = counted(first_states(found, ends)).tolist()
    rows: dict[int, dict[str, Any]] = {}
    for slot_at, own in zip(slots, counts, strict=True):
        rows[slot_at] = {"farm_id": farm_id, "slot_at": slot_at} | {
            f"workers_{_FARM_NAMES.get(name, name)}": n for name, n in zip(STATES, own, strict=True)
        }
    for answer in answers:
        for part in answer:
            if part["slot_at"] in rows:
                rows[part["slot_at"]].update(part)
    return [_complete(spec, row) for row in rows.values()]


def frame_rows(
    spec: TableSpec,
    farm_id: str,
    slots: Mapping[Instant, Instant],
    answers: Iterable[Iterable[Mapping[str, Any]]],
) -> list[dict[str, Any]]:
    """Return one row for each watched slot and render type that had anything.

    Args:
        spec: `frame_minutes` or `frame_quarters`.
        farm_id: the farm.
        slots: the watched slots.
        answers: rows with slot_at, render_type and some measures.
    """
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for answer in answers:
        for part in answer:
            if part["slot_at"] in slots:
                key = part["slot_at"], part["render_type"]
                rows.setdefault(key, {"farm_id": farm_id}).update(part)
    return [_complete(spec, row) for _, row in sorted(rows.items())]


def _complete(spec: TableSpec, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with every column: what nothing was found of is nothing, or not known."""
    return {
        column.name: 0
        if (value := row.get(column.name)) is None
        and not column.nullable
        and column.kind is Kind.INT
        else value
        for column in spec.columns
    }


def threads_up(found: Segments, span: Span, width_ms: int) -> pa.Table:
    """Return how long each job thread was there, neither off nor unknown, by slot."""
    points = np.arange(span.start, span.end + 1, width_ms, dtype=np.int64)
    cut = found.cut(points)
    there = ~np.isin(cut.account, _AWAY)
    slot = np.searchsorted(points, cut.start[there], side="right") - 1
    place = np.stack([cut.worker[there], cut.thread[there], slot], axis=1)
    keys, inverse = np.unique(place, axis=0, return_inverse=True)
    sums = np.zeros(len(keys), dtype=np.int64)
    np.add.at(sums, inverse.reshape(-1), cut.end[there] - cut.start[there])
    names = np.array([*found.worker_ids, ""], dtype=object)
    return pa.table(
        {
            "worker_id": pa.array(names[keys[:, 0]], type=pa.string()),
            "thread": pa.array(keys[:, 1]),
            "slot_at": pa.array(points[keys[:, 2]]),
            "up_ms": pa.array(sums),
        }
    )


def named_group_rows(
    farm_id: str,
    found: Segments,
    slots: Mapping[Instant, Instant],
    changes: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Count the members of each group by state at the end of each watched quarter (S0-07).

    Args:
        farm_id: the farm.
        found: what threads did.
        slots: start and end of each watched quarter, ascending; a running one ends now.
        changes: who joined or left which group when, ascending.
    """
    ends = np.array(list(slots.values()), dtype=np.int64)
    states = first_states(found, ends)
    place = {worker_id: number for number, worker_id in enumerate(found.worker_ids)}
    members: dict[str, npt.NDArray[np.bool_]] = {}
    for change in changes:
        own = members.setdefault(change["group_name"], np.zeros(states.shape, dtype=np.bool_))
        worker = place.get(change["worker_id"])
        if worker is not None:
            own[np.searchsorted(ends, change["at"], side="right") :, worker] = change["joined"]
    nobody = np.int8(len(STATES))
    return [
        {"farm_id": farm_id, "slot_at": slot_at, "group_name": name}
        | {f"workers_{state}": n for state, n in zip(STATES, counts, strict=True)}
        for name in sorted(members)
        for slot_at, counts, there in zip(
            slots,
            counted(np.where(members[name], states, nobody)).tolist(),
            np.asarray(members[name].any(axis=1)).tolist(),
            strict=True,
        )
        if there
    ]
