"""Reports as tables and as files."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.context import Context
from grange.server.rest.given import Services

T = TypeVar("T")
Cell = str | int | float | None


class SpanOf(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when, half open."""

    start_at: int
    end_at: int


class ReportField(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition of a report may name."""

    name: str
    kind: str
    meaning: str


class ReportKind(msgspec.Struct, frozen=True, kw_only=True):
    """A report, and how it can be asked for."""

    name: str
    title: str
    by: list[str]
    groups: list[str]
    fields: list[ReportField]


class ReportKinds(msgspec.Struct, frozen=True, kw_only=True):
    """Every report there is."""

    reports: list[ReportKind]


class ReportColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a report: what its values are, and what they mean."""

    name: str
    unit: Literal["text", "count", "ms", "bytes", "share", "ratio", "number", "money", "instant"]
    meaning: str = ""


class ReportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A report as a table; `matched` rows are there, `rows` are those asked for."""

    report: str
    title: str
    by: list[str]
    where: str
    span: SpanOf
    currency: str
    columns: list[ReportColumn]
    rows: list[dict[str, Cell]]
    matched: int
    notes: list[str]
    facts: dict[str, Any]
    simulated: bool = False


class ForecastDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one coming day will ask for; with 95 % each figure lies between low and high."""

    day: str
    demand_hours: float
    demand_low_hours: float
    demand_high_hours: float
    workers: int
    workers_low: int
    workers_high: int


class KnownDay(msgspec.Struct, frozen=True, kw_only=True):
    """Worker-hours a day that is over asked for."""

    day: str
    hours: float


class ForecastAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast, and the days it follows from."""

    report: str
    title: str
    by: list[str]
    where: str
    span: SpanOf
    currency: str
    known_days: int
    known: list[KnownDay]
    peak_factor: float
    columns: list[ReportColumn]
    rows: list[ForecastDay]
    matched: int
    notes: list[str]
    facts: dict[str, Any]
    simulated: bool = False


@get("/farms/{farm_id:str}/reports", operation="ListReports")
async def list_reports(farm_id: FromPath[str], context: Services) -> ReportKinds:
    """List the reports, how they can be grouped, and what conditions may name."""
    return await _table(context, "report_list", ReportKinds, farm_id=farm_id)


@get("/farms/{farm_id:str}/reports/{report:str}", operation="GetReport")
async def get_report(
    *,
    farm_id: FromPath[str],
    report: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    by: FromQuery[str | None] = None,
    where: FromQuery[str] = "",
    limit: Annotated[int | None, QueryParameter(ge=0, le=100_000)] = None,
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
) -> ReportAnswer:
    """Make a report: usage, frame-times, frame-ecdf, queue-wait, memory, cpu, errors or hosts."""
    return await _table(
        context,
        "report",
        ReportAnswer,
        farm_id=farm_id,
        report=report,
        start=start,
        end=end,
        by=by,
        where=where,
        limit=limit,
        offset=offset,
    )


@get("/farms/{farm_id:str}/reports/{report:str}/{file_format:str}", operation="GetReportFile")
async def get_report_file(
    *,
    farm_id: FromPath[str],
    report: FromPath[str],
    file_format: FromPath[Literal["csv", "json", "parquet", "xlsx"]],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    by: FromQuery[str | None] = None,
    where: FromQuery[str] = "",
    limit: Annotated[int | None, QueryParameter(ge=0, le=100_000)] = None,
) -> Response[bytes]:
    """Make a report as CSV, JSON, Parquet or XLSX."""
    made = await _ask(
        context,
        "report_file",
        farm_id=farm_id,
        report=report,
        format=file_format,
        start=start,
        end=end,
        by=by,
        where=where,
        limit=limit,
    )
    return _file(made)


@get("/farms/{farm_id:str}/forecast", operation="GetForecast")
async def get_forecast(
    farm_id: FromPath[str],
    context: Services,
    days: Annotated[int, QueryParameter(ge=1, le=90)] = 14,
    history_days: Annotated[int, QueryParameter(ge=14, le=400)] = 120,
) -> ForecastAnswer:
    """Foretell demand and workers needed, with intervals; refuses with under 14 days of data."""
    return await _table(
        context, "forecast", ForecastAnswer, farm_id=farm_id, days=days, history_days=history_days
    )


@get("/farms/{farm_id:str}/forecast/{file_format:str}", operation="GetForecastFile")
async def get_forecast_file(
    farm_id: FromPath[str],
    file_format: FromPath[Literal["csv", "json", "parquet", "xlsx"]],
    context: Services,
    days: Annotated[int, QueryParameter(ge=1, le=90)] = 14,
    history_days: Annotated[int, QueryParameter(ge=14, le=400)] = 120,
) -> Response[bytes]:
    """Foretell demand and workers needed, as CSV, JSON, Parquet or XLSX."""
    made = await _ask(
        context,
        "forecast_file",
        farm_id=farm_id,
        format=file_format,
        days=days,
        history_days=history_days,
    )
    return _file(made)


def _file(made: dict[str, Any]) -> Response[bytes]:
    return Response(
        made["content"],
        media_type=made["media_type"],
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{made["name"]}"',
        },
    )


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Any:
    await context.rows.farm({"farmId": farm_id})
    return await context.books.ask(question, farm_id=farm_id, **arguments)


async def _table(
    context: Context, question: str, kind: type[T], *, farm_id: str, **arguments: Any
) -> T:
    return msgspec.convert(await _ask(context, question, farm_id=farm_id, **arguments), kind)


HANDLERS = [list_reports, get_report, get_report_file, get_forecast, get_forecast_file]
