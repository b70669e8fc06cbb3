"""Days, rings and workers' records: the statistics that are arrays over time."""

from typing import Annotated, Any, Literal

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.context import Context
from grange.server.rest.day_shapes import (
    DayAnswer,
    DayOfWorkers,
    RingAnswer,
    WorkerDayAnswer,
    WorkerDaysAnswer,
    WorkerReportAnswer,
)
from grange.server.rest.given import Services
from grange.server.rest.history_shapes import BooksAbout, BookWorkers
from grange.server.rest.shapes import described

Answer = dict[str, Any]
_DAY = r"^\d{4}-\d\d-\d\d$"


@get("/farms/{farm_id:str}/books/about", operation="GetBooksAbout", responses=described(BooksAbout))
async def get_books_about(farm_id: FromPath[str], context: Services) -> Answer:
    """Tell the farm's zone and currency, and the instant of the answer."""
    return await _ask(context, "books_about", farm_id=farm_id)


@get("/farms/{farm_id:str}/days/{day:str}", operation="GetDay", responses=described(DayAnswer))
async def get_day(farm_id: FromPath[str], day: FromPath[str], context: Services) -> Answer:
    """Show a local day in 96 quarters: users, projects and apps, fleets and groups of workers."""
    return await _ask(context, "day", farm_id=farm_id, day=day)


@get("/farms/{farm_id:str}/rings/{ring:str}", operation="GetRing", responses=described(RingAnswer))
async def get_ring(
    *,
    farm_id: FromPath[str],
    ring: FromPath[Literal["day", "month", "year", "auto"]],
    context: Services,
    day: Annotated[str | None, QueryParameter(pattern=_DAY)] = None,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
) -> Answer:
    """Show the whole farm by minute (day), half hour (month) or quarter day (year), as columns.

    Give a local day, or a span, or neither: then the last 1440 completed slots.
    """
    return await _ask(context, "ring", farm_id=farm_id, ring=ring, day=day, start=start, end=end)


@get(
    "/farms/{farm_id:str}/books/workers",
    operation="ListBookWorkers",
    responses=described(BookWorkers),
)
async def list_book_workers(farm_id: FromPath[str], context: Services) -> Answer:
    """List all workers there ever were, in the order in which they were registered."""
    return await _ask(context, "worker_list", farm_id=farm_id)


@get(
    "/farms/{farm_id:str}/workers/{worker_id:str}/days",
    operation="GetWorkerDays",
    responses=described(WorkerDaysAnswer),
)
async def get_worker_days(
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    context: Services,
    count: Annotated[int, QueryParameter(ge=1, le=4000)] = 400,
) -> Answer:
    """Show a worker's last days in sums, up to the last one anything is known of, as columns."""
    return await _ask(context, "worker_days", farm_id=farm_id, worker_id=worker_id, count=count)


@get(
    "/farms/{farm_id:str}/workers/{worker_id:str}/days/{day:str}",
    operation="GetWorkerDay",
    responses=described(WorkerDayAnswer),
)
async def get_worker_day(
    farm_id: FromPath[str], worker_id: FromPath[str], day: FromPath[str], context: Services
) -> Answer:
    """Show a worker's local day: samples of 20 s, of job threads too, and hourly counters."""
    return await _ask(context, "worker_day", farm_id=farm_id, worker_id=worker_id, day=day)


@get(
    "/farms/{farm_id:str}/worker-days/{day:str}",
    operation="GetDayOfWorkers",
    responses=described(DayOfWorkers),
)
async def get_day_of_workers(
    farm_id: FromPath[str], day: FromPath[str], workers: FromQuery[str], context: Services
) -> Answer:
    """Show a local day of up to 50 workers, with commas between, as `GetWorkerDay` shows each."""
    return await _ask(context, "day_of_workers", farm_id=farm_id, workers=workers, day=day)


@get(
    "/farms/{farm_id:str}/worker-days",
    operation="GetWorkerReport",
    responses=described(WorkerReportAnswer),
)
async def get_worker_report(
    farm_id: FromPath[str],
    start_day: Annotated[str, QueryParameter(pattern=_DAY)],
    end_day: Annotated[str, QueryParameter(pattern=_DAY)],
    context: Services,
) -> Answer:
    """Show mean CPU and frames of each worker and local day before `end_day`, as columns."""
    return await _ask(
        context, "worker_report", farm_id=farm_id, start_day=start_day, end_day=end_day
    )


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [
    get_books_about,
    get_day,
    get_ring,
    list_book_workers,
    get_worker_days,
    get_worker_day,
    get_day_of_workers,
    get_worker_report,
]
