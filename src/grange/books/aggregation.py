"""Deadline Cloud's statistics of sessions: what may be asked, and what an answer looks like.

Where AWS is silent (ledger row S2-18): ranges are half open; a session that reaches over several
buckets is split, and each piece counts in its bucket; open sessions count up to the Start call;
without a period there is one bucket; buckets begin at local hours, days, Mondays and firsts, their
ends cut to the range; empty buckets are left out; without a rate card `costInUsd` has no members.

Money: the farm keeps its books in its own currency. `costInUsd` is that, if the currency is the
dollar, or exchanged by dated rates (`grange.domain.exchange`); sessions that began before the first
rate have no cost in dollars, and without any rate there are no members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grange.books.periods import Period, fixed_offset
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.intervals import Span
from grange.kernel.units import BILLIONTHS, MILLIS_PER_SECOND, Instant

RESULT_MS = 3_600_000
"""How long a result is kept after the Start call."""
COMPUTE = "COMPUTE"


class GroupBy(StrEnum):
    """What rows can be grouped by."""

    QUEUE_ID = "QUEUE_ID"
    FLEET_ID = "FLEET_ID"
    JOB_ID = "JOB_ID"
    USER_ID = "USER_ID"
    USAGE_TYPE = "USAGE_TYPE"
    INSTANCE_TYPE = "INSTANCE_TYPE"
    LICENSE_PRODUCT = "LICENSE_PRODUCT"


class Statistic(StrEnum):
    """What is computed of each measure."""

    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    AVG = "AVG"


class AggregationStatus(StrEnum):
    """How far an aggregation is."""

    IN_PROGRESS = "IN_PROGRESS"
    TIMEOUT = "TIMEOUT"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"


COLUMNS: Mapping[GroupBy, str | None] = {
    GroupBy.QUEUE_ID: "queue_id",
    GroupBy.FLEET_ID: "fleet_id",
    GroupBy.JOB_ID: "job_id",
    GroupBy.USER_ID: "user_name",
    GroupBy.USAGE_TYPE: None,
    GroupBy.INSTANCE_TYPE: "instance_type",
    GroupBy.LICENSE_PRODUCT: None,
}
"""Column of `sessions`; None where every session is alike."""
SPLIT_BY_LICENCE = frozenset({GroupBy.USAGE_TYPE, GroupBy.LICENSE_PRODUCT})
"""Groups by which sessions and the licences they hold are rows of their own. With any other, a
row counts sessions, and its cost has that of their licences in it."""

_MEMBERS: Mapping[GroupBy, str] = {
    GroupBy.QUEUE_ID: "queueId",
    GroupBy.FLEET_ID: "fleetId",
    GroupBy.JOB_ID: "jobId",
    GroupBy.USER_ID: "userId",
    GroupBy.USAGE_TYPE: "usageType",
    GroupBy.INSTANCE_TYPE: "instanceType",
    GroupBy.LICENSE_PRODUCT: "licenseProduct",
}

_ROW_COLUMNS: Mapping[GroupBy, str] = {
    **{group: column for group, column in COLUMNS.items() if column is not None},
    GroupBy.USAGE_TYPE: "usage_type",
    GroupBy.LICENSE_PRODUCT: "product",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """A checked request for statistics."""

    farm_id: FarmId
    resource_column: str
    """queue_id or fleet_id."""
    resource_ids: tuple[str, ...]
    span: Span
    group_by: tuple[GroupBy, ...]
    statistics: frozenset[Statistic]
    period: Period | None
    timezone: str | None


def read_request(request: Mapping[str, Any]) -> Aggregation:
    """Check a decoded StartSessionsStatisticsAggregation request.

    Raises:
        InvalidRequestError: names every field that breaks a rule.
    """
    problems: list[FieldProblem] = []

    def refuse(name: str, message: str) -> None:
        problems.append(FieldProblem(name, message))

    column, ids = _resources(request.get("resourceIds"), refuse)
    start, end = request.get("startTime"), request.get("endTime")
    for name, value in (("startTime", start), ("endTime", end)):
        if not isinstance(value, int):
            refuse(name, "is required")
    if isinstance(start, int) and isinstance(end, int) and end <= start:
        refuse("endTime", "must be later than startTime")
    group_by = _members(request, "groupBy", GroupBy, 2, refuse)
    statistics = _members(request, "statistics", Statistic, 4, refuse)
    period = request.get("period")
    if period is not None and period not in Period.__members__:
        refuse("period", f"must be one of {', '.join(Period)}")
    timezone = request.get("timezone")
    try:
        fixed_offset(timezone)
    except InvalidRequestError as error:
        problems.extend(error.fields)
    if problems:
        first = problems[0]
        raise InvalidRequestError(
            f"{first.name} {first.message}.", reason="FIELD_VALIDATION_FAILED", fields=problems
        )
    return Aggregation(
        farm_id=FarmId(request["farmId"]),
        resource_column=column,
        resource_ids=ids,
        span=Span(Instant(request["startTime"]), Instant(request["endTime"])),
        group_by=tuple(GroupBy(value) for value in group_by),
        statistics=frozenset(Statistic(value) for value in statistics),
        period=None if period is None else Period(period),
        timezone=timezone,
    )


def _resources(found: Any, refuse: Any) -> tuple[str, tuple[str, ...]]:
    kinds = {"queueIds": "queue_id", "fleetIds": "fleet_id"}
    given = [name for name in kinds if isinstance(found, Mapping) and found.get(name) is not None]
    if len(given) != 1 or set(found) - set(kinds):
        refuse("resourceIds", "must have exactly one of queueIds and fleetIds")
        return "queue_id", ()
    name = given[0]
    ids = found[name]
    if not isinstance(ids, Sequence) or isinstance(ids, str) or not 1 <= len(ids) <= 10:
        refuse(f"resourceIds.{name}", "must have 1 to 10 ids")
        return kinds[name], ()
    return kinds[name], tuple(ids)


def _members(
    request: Mapping[str, Any], name: str, allowed: type[StrEnum], most: int, refuse: Any
) -> tuple[str, ...]:
    found = request.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str) or not 1 <= len(found) <= most:
        refuse(name, f"must have 1 to {most} values")
        return ()
    strange = [value for value in found if value not in allowed.__members__]
    if strange:
        refuse(name, f"{strange[0]!r} is not one of {', '.join(allowed)}")
    if len(set(found)) != len(found):
        refuse(name, "has a value twice")
    return tuple(found)


def wire_row(row: Mapping[str, Any], request: Aggregation, *, with_cost: bool) -> dict[str, Any]:
    """Return one result row as the members of Deadline Cloud's Statistics.

    Args:
        row: bucket start_at and end_at; group columns; sessions; runtime_ and cost_ sum, min, max,
            count, in milliseconds and billionths.
        request: what was asked.
        with_cost: False if the farm's money cannot be told in the wire's.
    """
    found: dict[str, Any] = {
        "count": row["sessions"],
        "runtimeInSeconds": _stats(row, "runtime", MILLIS_PER_SECOND, request.statistics),
        "costInUsd": _stats(row, "cost", BILLIONTHS, request.statistics) if with_cost else {},
        "aggregationStartTime": row["start_at"],
        "aggregationEndTime": row["end_at"],
    }
    for group in request.group_by:
        value = row.get(_ROW_COLUMNS[group])
        if group is GroupBy.USAGE_TYPE and value is None:
            value = COMPUTE
        if value is not None:
            found[_MEMBERS[group]] = value
    if GroupBy.JOB_ID in request.group_by:
        found["jobName"] = row["job_name"]
    return found


def _stats(
    row: Mapping[str, Any], measure: str, unit: int, asked: frozenset[Statistic]
) -> dict[str, float]:
    count = row[f"{measure}_count"]
    if not count:
        return {}
    values = {
        Statistic.SUM: row[f"{measure}_sum"] / unit,
        Statistic.MIN: row[f"{measure}_min"] / unit,
        Statistic.MAX: row[f"{measure}_max"] / unit,
        Statistic.AVG: row[f"{measure}_sum"] / (count * unit),
    }
    return {
        statistic.value.lower(): value for statistic, value in values.items() if statistic in asked
    }


def advice(reason: str) -> str:
    """Return the text that goes with TIMEOUT and FAILED."""
    return (
        f"{reason} Ask for a shorter time range, for fewer queues or fleets, or with a longer "
        "period."
    )
