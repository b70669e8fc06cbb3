"""Deadline Cloud's statistics of sessions, over a server or over a data folder.

    query = UsageQuery(
        start_at=…, end_at=…, queue_ids=("queue-…",), group_by=("USER_ID",), period="DAILY",
        timezone="UTC+01:00",
    )
    for row in farm.books.statistics.iter_rows(query):
        print(row.user_id, row.start_at, row.runtime_seconds.sum, row.cost_usd.sum)

The question has the shape of StartSessionsStatisticsAggregation, the rows that of its answer.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from grange.kernel.clock import Clock
from grange.kernel.errors import (
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.kernel.units import Instant, datetime_of, instant_of, iso8601
from grange.ports.farm_api import FarmApi

_WIRE = "/2023-10-12"
_POLL_SECONDS = 0.25
PAGE_ROWS = 100
"""Most rows of a page."""


class UsageStatus(StrEnum):
    """How far an aggregation is."""

    IN_PROGRESS = "IN_PROGRESS"
    TIMEOUT = "TIMEOUT"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """What is asked: one or two groups, up to four statistics, over [start_at, end_at)."""

    start_at: datetime
    end_at: datetime
    queue_ids: tuple[str, ...] = ()
    """1 to 10, or none and 1 to 10 fleets."""
    fleet_ids: tuple[str, ...] = ()
    group_by: tuple[str, ...]
    statistics: tuple[str, ...] = ("SUM", "MIN", "MAX", "AVG")
    period: str | None = None
    """HOURLY, DAILY, WEEKLY or MONTHLY; None: one bucket."""
    timezone: str | None = None
    """UTC±hh:00 or UTC±hh:30; None: UTC."""

    def request(self) -> dict[str, Any]:
        """Return the members of the request, but for the farm.

        Raises:
            ValueError: a time has no zone.
        """
        members: dict[str, Any] = {
            "resourceIds": {
                **({"queueIds": list(self.queue_ids)} if self.queue_ids else {}),
                **({"fleetIds": list(self.fleet_ids)} if self.fleet_ids else {}),
            },
            "startTime": iso8601(instant_of(self.start_at)),
            "endTime": iso8601(instant_of(self.end_at)),
            "groupBy": list(self.group_by),
            "statistics": list(self.statistics),
            "period": self.period,
            "timezone": self.timezone,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """A measure of the sessions of a row; what was not asked for, or is not known, is None."""

    sum: float | None = None
    min: float | None = None
    max: float | None = None
    avg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """One row; of the keys only those it was grouped by are set."""

    count: int
    runtime_seconds: Stats
    cost_usd: Stats
    start_at: datetime
    end_at: datetime
    queue_id: str | None = None
    fleet_id: str | None = None
    job_id: str | None = None
    job_name: str | None = None
    user_id: str | None = None
    usage_type: str | None = None
    """COMPUTE, LICENSE, or a kind that this version does not know."""
    licence_product: str | None = None
    instance_type: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "UsageRow":
        """Return a row of the wire; members it does not know are left out."""
        return cls(
            count=int(row.get("count", 0)),
            runtime_seconds=_stats(row.get("runtimeInSeconds")),
            cost_usd=_stats(row.get("costInUsd")),
            start_at=_moment(row["aggregationStartTime"]),
            end_at=_moment(row["aggregationEndTime"]),
            queue_id=row.get("queueId"),
            fleet_id=row.get("fleetId"),
            job_id=row.get("jobId"),
            job_name=row.get("jobName"),
            user_id=row.get("userId"),
            usage_type=row.get("usageType"),
            licence_product=row.get("licenseProduct"),
            instance_type=row.get("instanceType"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """One page of an answer, and how far the aggregation is."""

    status: UsageStatus
    rows: tuple[UsageRow, ...]
    next_token: str | None = None
    """None at the end."""
    message: str | None = None
    """Why there is no answer, and what to ask instead."""


class Runs(Protocol):
    """Where aggregations run."""

    def start(self, request: Mapping[str, Any]) -> str:
        """Begin one; returns its id."""
        ...

    def page(self, aggregation_id: str, token: str | None, limit: int) -> Mapping[str, Any]:
        """Return one page, as the wire's members."""
        ...


class Statistics:
    """Statistics of the sessions of one farm."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock

    def start(self, query: UsageQuery) -> str:
        """Begin an aggregation; returns its id of 32 hexadecimal digits.

        Raises:
            InvalidRequestError: names the fields that break a rule.
            ThrottledError: another aggregation of the farm is running.
        """
        return self._runs.start(query.request())

    def page(
        self, aggregation_id: str, token: str | None = None, limit: int = PAGE_ROWS
    ) -> UsagePage:
        """Return one page of at most `limit` rows (1 to 100).

        Raises:
            NotFoundError: it is unknown, or was started more than an hour ago.
            InvalidRequestError: the token is not one of this aggregation, or a day old.
        """
        found = self._runs.page(aggregation_id, token, limit)
        return UsagePage(
            status=UsageStatus(found["status"]),
            rows=tuple(UsageRow.of(row) for row in found.get("statistics", ())),
            next_token=found.get("nextToken"),
            message=found.get("statusMessage"),
        )

    def wait(self, aggregation_id: str, *, timeout_seconds: float = 300.0) -> UsagePage:
        """Wait until an aggregation has ended, and return its first page.

        Raises:
            UnreachableError: it had not ended in time.
        """
        began = self._clock.monotonic_seconds()
        while True:
            page = self.page(aggregation_id)
            if page.status is not UsageStatus.IN_PROGRESS:
                return page
            if self._clock.monotonic_seconds() - began > timeout_seconds:
                raise UnreachableError(f"The aggregation still ran after {timeout_seconds:g} s.")
            threading.Event().wait(_POLL_SECONDS)

    def iter_rows(
        self, query: UsageQuery, *, limit: int = PAGE_ROWS, timeout_seconds: float = 300.0
    ) -> Iterator[UsageRow]:
        """Yield every row of an answer, page by page; waits while another aggregation runs.

        Raises:
            InvalidRequestError: the question breaks a rule, or asks for too much.
        """
        aggregation_id = self._started(query, timeout_seconds)
        first = self.wait(aggregation_id, timeout_seconds=timeout_seconds)
        if first.status is not UsageStatus.COMPLETED:
            raise InvalidRequestError(first.message or f"The aggregation ended {first.status}.")
        token = None
        while True:
            page = self.page(aggregation_id, token, limit)
            yield from page.rows
            token = page.next_token
            if token is None:
                return

    def _started(self, query: UsageQuery, timeout_seconds: float) -> str:
        began = self._clock.monotonic_seconds()
        while True:
            try:
                return self.start(query)
            except ThrottledError as error:
                if self._clock.monotonic_seconds() - began > timeout_seconds:
                    raise
                threading.Event().wait(error.retry_after_seconds)


class ServerRuns:
    """Aggregations of a server."""

    def __init__(self, api: FarmApi, farm_id: str) -> None:
        self._api = api
        self._path = f"{_WIRE}/farms/{farm_id}/sessions-statistics-aggregation"

    def start(self, request: Mapping[str, Any]) -> str:
        """Begin one; returns its id."""
        return str(self._api.call("POST", self._path, body=request)["aggregationId"])

    def page(self, aggregation_id: str, token: str | None, limit: int) -> Mapping[str, Any]:
        """Return one page."""
        query = {"aggregationId": aggregation_id, "maxResults": str(limit)}
        if token is not None:
            query["nextToken"] = token
        return self._api.call("GET", self._path, query=query)


class AskBooks(Protocol):
    """`Books.ask`."""

    def __call__(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer of the books."""
        ...


class FolderRuns:
    """Aggregations over a data folder, run in this process when they are started."""

    def __init__(self, ask: AskBooks) -> None:
        self._ask = ask
        self._found: dict[str, Mapping[str, Any]] = {}

    def start(self, request: Mapping[str, Any]) -> str:
        """Run one; returns its id."""
        times = {
            name: instant_of(datetime.fromisoformat(request[name]))
            for name in ("startTime", "endTime")
        }
        found = self._ask("session_statistics", "", request={**request, **times})
        aggregation_id = secrets.token_hex(16)
        self._found[aggregation_id] = found
        return aggregation_id

    def page(self, aggregation_id: str, token: str | None, limit: int) -> Mapping[str, Any]:
        """Return one page; the token says where it begins."""
        found = self._found.get(aggregation_id)
        if found is None:
            raise NotFoundError("sessions statistics aggregation", aggregation_id)
        if not 1 <= limit <= PAGE_ROWS:
            raise _refused("maxResults", f"must be 1 to {PAGE_ROWS}")
        name, _, offset = (token or f"{aggregation_id}:0").rpartition(":")
        if name != aggregation_id or not offset.isdecimal():
            raise _refused("nextToken", "does not belong to this aggregation")
        start, end = int(offset), int(offset) + limit
        more = end < len(found["statistics"])
        return {
            **found,
            "statistics": found["statistics"][start:end],
            "nextToken": f"{aggregation_id}:{end}" if more else None,
        }


def _refused(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


def _stats(found: Mapping[str, float] | None) -> Stats:
    known = found or {}
    return Stats(
        sum=known.get("sum"), min=known.get("min"), max=known.get("max"), avg=known.get("avg")
    )


def _moment(value: str | int) -> datetime:
    if isinstance(value, int):
        return datetime_of(Instant(value))
    return datetime.fromisoformat(value).astimezone(UTC)
