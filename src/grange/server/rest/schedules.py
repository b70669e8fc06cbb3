"""Scheduled reports: put, list, remove, make now."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from grange.books.report_times import next_at
from grange.domain.schedules import Every, ReportSchedule
from grange.kernel.ids import FarmId
from grange.ports.state import Order
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.services.commands.reports import PutReportSchedule, RemoveReportSchedule
from grange.services.reads.rows import equals


class ReportScheduleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report to make again and again, about the day, week or month before."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    report: str
    every: Literal["day", "week", "month"]
    to: str
    """A folder of the server, or mailto:NAME@HOST."""
    minute: Annotated[int, msgspec.Meta(ge=0, le=1439)] = 420
    """Minute of the farm's local day; 420 is 07:00."""
    weekday: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    """With `week`: 0 is Monday."""
    format: Literal["csv", "json", "parquet", "xlsx"] = "csv"
    by: str | None = None
    where: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None


class ReportScheduleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled report, and what became of it last."""

    schedule_id: str
    name: str
    report: str
    every: str
    minute: int
    weekday: int
    format: str
    by: str | None
    where: str | None
    limit: int | None
    to: str
    next_at: int
    last_run_at: int | None
    last_ok: bool | None
    last_result: str
    created_at: int
    created_by: str


class ReportSchedules(msgspec.Struct, frozen=True, kw_only=True):
    """All scheduled reports of a farm, by name."""

    report_schedules: list[ReportScheduleRow]


class ReportScheduleId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a scheduled report."""

    schedule_id: str


class ReportResult(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report is, or why there is none."""

    result: str


@get("/farms/{farm_id:str}/report-schedules", operation="ListReportSchedules")
async def list_report_schedules(farm_id: FromPath[str], context: Services) -> ReportSchedules:
    """List the scheduled reports, when they are made next, and what became of them last."""
    farm = await context.rows.farm({"farmId": farm_id})
    found = await context.store.find(
        ReportSchedule, equals(farm_id=farm_id), order=(Order("name"),)
    )
    zone, now = ZoneInfo(farm.zone), context.clock.now()
    return ReportSchedules(
        report_schedules=[
            ReportScheduleRow(
                schedule_id=one.schedule_id,
                name=one.name,
                report=one.report,
                every=one.every.value,
                minute=one.minute,
                weekday=one.weekday,
                format=one.format,
                by=one.arguments.get("by"),
                where=one.arguments.get("where"),
                limit=int(one.arguments["limit"]) if "limit" in one.arguments else None,
                to=one.to,
                next_at=next_at(one, zone, now),
                last_run_at=one.last_run_at,
                last_ok=one.last_ok,
                last_result=one.last_result,
                created_at=one.created_at,
                created_by=one.created_by,
            )
            for one in found
        ]
    )


@post("/farms/{farm_id:str}/report-schedules", operation="PutReportSchedule", status_code=201)
async def put_report_schedule(
    farm_id: FromPath[str],
    data: JSONBody[ReportScheduleBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> ReportScheduleId:
    """Have a report made again and again; it is checked now."""
    arguments = {
        name: str(value)
        for name, value in (("by", data.by), ("where", data.where), ("limit", data.limit))
        if value
    }
    await context.rows.farm({"farmId": farm_id})
    await context.reports.check(
        FarmId(farm_id), report=data.report, arguments=arguments, to=data.to
    )
    found = await context.owner.ask(
        PutReportSchedule(
            farm_id=FarmId(farm_id),
            name=data.name,
            report=data.report,
            arguments=arguments,
            format=data.format,
            every=Every(data.every),
            minute=data.minute,
            weekday=data.weekday,
            to=data.to,
            by=caller.name,
        ),
        token=once_token(caller, "PutReportSchedule", once, farm_id, data),
    )
    return ReportScheduleId(schedule_id=found["schedule_id"])


@delete("/farms/{farm_id:str}/report-schedules/{schedule_id:str}", operation="DeleteReportSchedule")
async def delete_report_schedule(
    farm_id: FromPath[str], schedule_id: FromPath[str], context: Services
) -> None:
    """Make a report no more; what was made stays."""
    await context.owner.ask(RemoveReportSchedule(farm_id=FarmId(farm_id), schedule_id=schedule_id))


@post(
    "/farms/{farm_id:str}/report-schedules/{schedule_id:str}/run",
    operation="RunReportSchedule",
    status_code=200,
)
async def run_report_schedule(
    farm_id: FromPath[str], schedule_id: FromPath[str], context: Services
) -> ReportResult:
    """Make a scheduled report now, beside its times."""
    return ReportResult(result=await context.reports.run_now(farm_id, schedule_id))


HANDLERS = [
    list_report_schedules,
    put_report_schedule,
    delete_report_schedule,
    run_report_schedule,
]
