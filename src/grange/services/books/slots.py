"""The 96 quarters of a local day: what was rolled up, and what is not yet."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.catalog.ring_tables import NAMED_GROUP_SLOTS
from grange.books.catalog.rollup_tables import GROUP_SLOTS, JOB_SLOTS
from grange.books.periods import QUARTER_MS, day_quarters
from grange.books.slots import ALL_FLEETS, SUBJECTS, day_columns, known_quarters
from grange.domain.farm import Farm, Fleet
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.ports.state import Compare
from grange.services.books.bridge import StateBridge
from grange.services.books.desk import Desk, local_date
from grange.services.books.rollups import rows_over, tables_over
from grange.services.books.shelf import View, reaches

GROUP = "group"


def slots_of_day(
    view: View, state: StateBridge, farm: Farm, day_text: str, subject: str
) -> dict[str, Any]:
    """Return the quarters of a local day for users, projects, apps or worker groups (fleets).

    The newest quarter is given as far as it has come; later ones are not known.
    """
    if subject not in (*SUBJECTS, GROUP):
        raise _bad("subject", f"must be one of {', '.join((*SUBJECTS, GROUP))}")
    try:
        day = date.fromisoformat(day_text)
    except ValueError as error:
        raise _bad("day", "must be a date like 2026-01-31") from error
    quarters = day_quarters(day, ZoneInfo(farm.zone))
    groups = rows_over(view, GROUP_SLOTS, quarters.span).to_pylist()
    known = frozenset(row["slot_at"] for row in groups if row["fleet_id"] == ALL_FLEETS)
    if subject == GROUP:
        spec, rows = GROUP_SLOTS, groups
        names: dict[str, str] = {
            fleet.fleet_id: fleet.name
            for fleet in state.find(Fleet, Compare("farm_id", "=", farm.farm_id))
        }
    else:
        spec = JOB_SLOTS
        rows = [
            row
            for row in rows_over(view, JOB_SLOTS, quarters.span).to_pylist()
            if row["subject"] == subject
        ]
        names = {}
    columns = day_columns(spec, rows, quarters, known)
    return {
        "day": day.isoformat(),
        "zone": farm.zone,
        "subject": subject,
        "span": {"start_at": quarters.span.start, "end_at": quarters.span.end},
        "starts_at": [list(starts) for starts in quarters.quarters],
        "valid": known_quarters(quarters, known),
        "rows": [
            {"name": names.get(name, name), **({"fleet_id": name} if subject == GROUP else {})}
            | measures
            | _means(measures)
            for name, measures in columns.items()
        ],
    }


def _means(measures: dict[str, list[int | None]]) -> dict[str, list[int | None]]:
    """Return the means that follow from sums (S0-05)."""
    pairs = {
        "mean_memory_bytes": ("memory_bytes_sum", "memory_frames"),
        "mean_frame_ms": ("frame_ms_sum", "frame_ms_frames"),
    }
    found = {
        name: [
            round(total / count) if total is not None and count else None
            for total, count in zip(measures[sums], measures[counts], strict=True)
        ]
        for name, (sums, counts) in pairs.items()
        if sums in measures
    }
    if "ps_rendering_milli_ms" in measures:
        found["mean_ps_milli"] = [
            None if total is None else round(total / QUARTER_MS)
            for total in measures["ps_rendering_milli_ms"]
        ]
    return found


def day(desk: Desk, *, farm_id: str, day: str) -> dict[str, Any]:
    """Return the 96 quarters of a local day for everything they are kept for (S0-01 to S0-07).

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        day: as 2026-01-31.

    Returns:
        `users`, `projects` and `apps` by name, `fleets` and `groups` of workers by name, and
        `workers`, the whole farm (None if it is not known at all): each 96 values of every
        measure, None where nobody watched.
        `written_at` is when the newest of the day's files was written; None if all of it was
        computed for this answer.
    """
    farm = desk.farm(farm_id)
    when = local_date(day)
    quarters = day_quarters(when, ZoneInfo(farm.zone))
    specs = (JOB_SLOTS, GROUP_SLOTS, NAMED_GROUP_SLOTS)
    with desk.view(farm_id) as view:
        tables = tables_over(view, specs, quarters.span)
        written = [
            row.created_at
            for row in view.files.get(GROUP_SLOTS.name, ())
            if reaches(row, quarters.span)
        ]
    rows = {spec.name: tables[spec.name].to_pylist() for spec in specs}
    groups = rows[GROUP_SLOTS.name]
    known = frozenset(row["slot_at"] for row in groups if row["fleet_id"] == ALL_FLEETS)
    found: dict[str, Any] = {
        "day": when.isoformat(),
        "unix_day": (when - _EPOCH).days,
        "zone": farm.zone,
        "written_at": max(written, default=None),
        "span": {"start_at": quarters.span.start, "end_at": quarters.span.end},
        "starts_at": [list(starts) for starts in quarters.quarters],
        "valid": known_quarters(quarters, known),
    }
    for subject in SUBJECTS:
        own = [row for row in rows[JOB_SLOTS.name] if row["subject"] == subject]
        found[f"{subject}s"] = {
            name: measures | _means(measures)
            for name, measures in day_columns(JOB_SLOTS, own, quarters, known).items()
        }
    fleets = day_columns(GROUP_SLOTS, groups, quarters, known)
    found["workers"] = fleets.pop(ALL_FLEETS, None)
    names: dict[str, str] = {
        fleet.fleet_id: fleet.name
        for fleet in desk.state.find(Fleet, Compare("farm_id", "=", farm_id))
    }
    found["fleets"] = {names.get(fleet_id, fleet_id): own for fleet_id, own in fleets.items()}
    found["groups"] = day_columns(NAMED_GROUP_SLOTS, rows[NAMED_GROUP_SLOTS.name], quarters, known)
    return found


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


_EPOCH = date(1970, 1, 1)
ANSWERS: Mapping[str, Any] = {"day": day}
