"""Reports as tables and as files."""

from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.context import Context
from grange.server.rest.given import Services
from grange.server.rest.shapes import ForecastAnswer, ReportAnswer, ReportKinds, as_file, described

Answer = dict[str, Any]


@get("/farms/{farm_id:str}/reports", operation="ListReports", responses=described(ReportKinds))
async def list_reports(farm_id: FromPath[str], context: Services) -> Answer:
    """List the reports, how they can be grouped, and what conditions may name."""
    return await _ask(context, "report_list", farm_id=farm_id)


@get(
    "/farms/{farm_id:str}/reports/{report:str}",
    operation="GetReport",
    responses=described(ReportAnswer),
)
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
) -> Answer:
    """Make a report: usage, frame-times, frame-ecdf, queue-wait, memory, cpu, errors or hosts."""
    return await _ask(
        context,
        "report",
        farm_id=farm_id,
        report=report,
        start=start,
        end=end,
        by=by,
        where=where,
        limit=limit,
        offset=offset,
    )


@get(
    "/farms/{farm_id:str}/reports/{report:str}/{file_format:str}",
    operation="GetReportFile",
    responses=as_file("The report as CSV, JSON, Parquet or XLSX"),
)
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


@get("/farms/{farm_id:str}/forecast", operation="GetForecast", responses=described(ForecastAnswer))
async def get_forecast(
    farm_id: FromPath[str],
    context: Services,
    days: Annotated[int, QueryParameter(ge=1, le=90)] = 14,
    history_days: Annotated[int, QueryParameter(ge=14, le=400)] = 120,
) -> Answer:
    """Foretell demand and workers needed, with intervals; refuses with under 14 days of data."""
    return await _ask(context, "forecast", farm_id=farm_id, days=days, history_days=history_days)


@get(
    "/farms/{farm_id:str}/forecast/{file_format:str}",
    operation="GetForecastFile",
    responses=as_file("The forecast as CSV, JSON, Parquet or XLSX"),
)
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


def _file(made: Answer) -> Response[bytes]:
    return Response(
        made["content"],
        media_type=made["media_type"],
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{made["name"]}"',
        },
    )


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [list_reports, get_report, get_report_file, get_forecast, get_forecast_file]
