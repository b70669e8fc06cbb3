"""Questions to the books: receipts, accounts, usage, graphs, checks."""

from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.server.context import Context
from grange.server.rest.day_shapes import BooksRebuilt, BooksVerified, SlotsAnswer
from grange.server.rest.given import Services
from grange.server.rest.history_shapes import BookFiles, UsageAnswer
from grange.server.rest.shapes import (
    AccountsAnswer,
    ReceiptAnswer,
    SamplesAnswer,
    TimelineAnswer,
    as_file,
    described,
)

Answer = dict[str, Any]

_PICTURES = {"png": "image/png", "svg": "image/svg+xml"}


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/receipt",
    operation="GetReceipt",
    responses=described(ReceiptAnswer),
)
async def get_receipt(farm_id: FromPath[str], job_id: FromPath[str], context: Services) -> Answer:
    """Account for a job: machines × time by account, cost, slowest frame, outputs."""
    return await _ask(context, "receipt", farm_id=farm_id, job_id=job_id)


@get("/farms/{farm_id:str}/accounts", operation="GetAccounts", responses=described(AccountsAnswer))
async def get_accounts(
    *,
    farm_id: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    by: FromQuery[Literal["worker", "fleet", "farm"]] = "farm",
    step: FromQuery[Literal["hour", "quarter"] | None] = None,
) -> Answer:
    """Split the time of machines into the accounts."""
    _check_span(start, end)
    return await _ask(context, "accounts", farm_id=farm_id, start=start, end=end, by=by, step=step)


@get("/farms/{farm_id:str}/usage", operation="GetUsage", responses=described(UsageAnswer))
async def get_usage(
    farm_id: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    group_by: FromQuery[str] = "user",
) -> Answer:
    """Sum hours and cost of sessions by user, project, app, queue, …."""
    _check_span(start, end)
    return await _ask(context, "usage", farm_id=farm_id, start=start, end=end, group_by=group_by)


@get("/farms/{farm_id:str}/slots", operation="GetSlots", responses=described(SlotsAnswer))
async def get_slots(
    farm_id: FromPath[str],
    day: Annotated[str, QueryParameter(pattern=r"^\d{4}-\d\d-\d\d$")],
    context: Services,
    subject: FromQuery[str] = "user",
) -> Answer:
    """Show the 96 quarter hours of a local day."""
    return await _ask(context, "slots", farm_id=farm_id, day=day, subject=subject)


@get(
    "/farms/{farm_id:str}/samples/workers",
    operation="GetWorkerSamples",
    responses=described(SamplesAnswer),
)
async def get_worker_samples(
    *,
    farm_id: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    worker: FromQuery[str | None] = None,
    points: Annotated[int, QueryParameter(ge=2, le=5000)] = 500,
) -> Answer:
    """Show samples of one worker or all, as columns of at most `points` slots."""
    _check_span(start, end)
    return await _ask(
        context,
        "worker_samples",
        farm_id=farm_id,
        start=start,
        end=end,
        worker_id=worker,
        points=points,
    )


@get("/farms/{farm_id:str}/timeline", operation="GetTimeline", responses=described(TimelineAnswer))
async def get_timeline(
    farm_id: FromPath[str], start: FromQuery[int], end: FromQuery[int], context: Services
) -> Answer:
    """Show which account each job thread was in, as segments."""
    _check_span(start, end)
    return await _ask(context, "timeline", farm_id=farm_id, start=start, end=end)


@get(
    "/farms/{farm_id:str}/graphs/{picture:str}",
    operation="GetGraph",
    responses=as_file("The picture, as PNG or SVG", "image/*"),
)
async def get_graph(
    *,
    farm_id: FromPath[str],
    picture: FromPath[str],
    context: Services,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    job: FromQuery[str | None] = None,
    theme: FromQuery[Literal["light", "dark"]] = "light",
    width: Annotated[int, QueryParameter(ge=200, le=8000)] = 1000,
    height: Annotated[int | None, QueryParameter(ge=100, le=8000)] = None,
) -> Response[bytes]:
    """Draw worker-states, cpu or frame-times as PNG or SVG."""
    name, _, kind = picture.rpartition(".")
    if kind not in _PICTURES:
        raise InvalidRequestError("A graph's name ends in .png or .svg.", reason="OTHER")
    await context.rows.farm({"farmId": farm_id})
    drawn: bytes = await context.books.ask(
        "graph",
        farm_id=farm_id,
        name=name,
        kind=kind,
        start=start,
        end=end,
        job_id=job,
        theme=theme,
        width=width,
        height=height,
    )
    return Response(drawn, media_type=_PICTURES[kind], headers={"cache-control": "no-store"})


@post(
    "/farms/{farm_id:str}/books/verify",
    operation="VerifyBooks",
    status_code=200,
    responses=described(BooksVerified),
)
async def verify_books(farm_id: FromPath[str], context: Services) -> Answer:
    """Recompute everything from the facts and say what differs."""
    return await _ask(context, "verify", farm_id=farm_id)


@post(
    "/farms/{farm_id:str}/books/rebuild",
    operation="RebuildBooks",
    status_code=200,
    responses=described(BooksRebuilt),
)
async def rebuild_books(farm_id: FromPath[str], context: Services) -> Answer:
    """Make blocks again from the journal, and rollups from blocks."""
    return await _ask(context, "rebuild", farm_id=farm_id)


@get("/farms/{farm_id:str}/books/files", operation="ListBookFiles", responses=described(BookFiles))
async def list_book_files(
    farm_id: FromPath[str], context: Services, table: FromQuery[str | None] = None
) -> Answer:
    """List the live files of the books."""
    return await _ask(context, "files", farm_id=farm_id, table=table)


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


def _check_span(start: int, end: int) -> None:
    if end <= start:
        raise InvalidRequestError(
            "`end` must lie behind `start`.",
            fields=[FieldProblem("end", "must be larger than start")],
        )


HANDLERS = [
    get_receipt,
    get_accounts,
    get_usage,
    get_slots,
    get_worker_samples,
    get_timeline,
    get_graph,
    verify_books,
    rebuild_books,
    list_book_files,
]
