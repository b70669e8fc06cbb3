"""Questions to the books: receipts, accounts, usage, graphs, checks; and rate cards."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.domain.rates import RateCard, RateLine, RateUnit
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId, FleetId
from grange.kernel.units import Instant, billionths_of, decimal_of
from grange.ports.state import Order
from grange.server.context import Context
from grange.server.rest.given import Caller, Services
from grange.services.commands.farm_objects import PutRateCard
from grange.services.reads.rows import equals

Answer = dict[str, Any]

_PICTURES = {"png": "image/png", "svg": "image/svg+xml"}


class RateLineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One price; `per_hour` is a decimal amount of the farm's currency."""

    unit: Literal["worker_hour", "thread_hour", "ps_hour"]
    per_hour: str
    fleet_id: str | None = None
    line_id: str | None = None


class RateCardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate card to put; in force from `valid_from`, default now."""

    name: str
    lines: Annotated[list[RateLineBody], msgspec.Meta(min_length=1, max_length=1000)]
    valid_from: int | None = None
    example: bool = False


class RateCardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rate card."""

    card_id: str
    name: str
    valid_from: int
    example: bool
    lines: list[RateLineBody]
    created_at: int
    created_by: str


class RateCards(msgspec.Struct, frozen=True, kw_only=True):
    """All rate cards of a farm, newest first."""

    rate_cards: list[RateCardRow]


class CardId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a rate card."""

    card_id: str


@get("/farms/{farm_id:str}/jobs/{job_id:str}/receipt", operation="GetReceipt")
async def get_receipt(farm_id: FromPath[str], job_id: FromPath[str], context: Services) -> Answer:
    """Account for a job: machines × time by account, cost, slowest frame, outputs."""
    return await _ask(context, "receipt", farm_id=farm_id, job_id=job_id)


@get("/farms/{farm_id:str}/accounts", operation="GetAccounts")
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


@get("/farms/{farm_id:str}/usage", operation="GetUsage")
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


@get("/farms/{farm_id:str}/slots", operation="GetSlots")
async def get_slots(
    farm_id: FromPath[str],
    day: Annotated[str, QueryParameter(pattern=r"^\d{4}-\d\d-\d\d$")],
    context: Services,
    subject: FromQuery[str] = "user",
) -> Answer:
    """Show the 96 quarter hours of a local day."""
    return await _ask(context, "slots", farm_id=farm_id, day=day, subject=subject)


@get("/farms/{farm_id:str}/samples/workers", operation="GetWorkerSamples")
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


@get("/farms/{farm_id:str}/timeline", operation="GetTimeline")
async def get_timeline(
    farm_id: FromPath[str], start: FromQuery[int], end: FromQuery[int], context: Services
) -> Answer:
    """Show which account each job thread was in, as segments."""
    _check_span(start, end)
    return await _ask(context, "timeline", farm_id=farm_id, start=start, end=end)


@get("/farms/{farm_id:str}/graphs/{picture:str}", operation="GetGraph")
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


@post("/farms/{farm_id:str}/books/verify", operation="VerifyBooks", status_code=200)
async def verify_books(farm_id: FromPath[str], context: Services) -> Answer:
    """Recompute everything from the facts and say what differs."""
    return await _ask(context, "verify", farm_id=farm_id)


@post("/farms/{farm_id:str}/books/rebuild", operation="RebuildBooks", status_code=200)
async def rebuild_books(farm_id: FromPath[str], context: Services) -> Answer:
    """Make blocks again from the journal, and rollups from blocks."""
    return await _ask(context, "rebuild", farm_id=farm_id)


@get("/farms/{farm_id:str}/books/files", operation="ListBookFiles")
async def list_book_files(
    farm_id: FromPath[str], context: Services, table: FromQuery[str | None] = None
) -> Answer:
    """List the live files of the books."""
    return await _ask(context, "files", farm_id=farm_id, table=table)


@post("/farms/{farm_id:str}/rate-cards", operation="PutRateCard", status_code=201)
async def put_rate_card(
    farm_id: FromPath[str], data: JSONBody[RateCardBody], context: Services, caller: Caller
) -> CardId:
    """Put a rate card; earlier ones stay for the time before it."""
    lines = tuple(_line(item, index, context) for index, item in enumerate(data.lines))
    found = await context.owner.ask(
        PutRateCard(
            farm_id=FarmId(farm_id),
            name=data.name,
            valid_from=None if data.valid_from is None else Instant(data.valid_from),
            example=data.example,
            lines=lines,
            by=caller.name,
        )
    )
    return CardId(card_id=found["card_id"])


@get("/farms/{farm_id:str}/rate-cards", operation="ListRateCards")
async def list_rate_cards(farm_id: FromPath[str], context: Services) -> RateCards:
    """List a farm's rate cards."""
    cards = await context.store.find(
        RateCard, equals(farm_id=farm_id), order=(Order("valid_from", descending=True),)
    )
    return RateCards(rate_cards=[_card_row(card) for card in cards])


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


def _line(item: RateLineBody, index: int, context: Context) -> RateLine:
    try:
        amount = billionths_of(Decimal(item.per_hour))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise _bad_rate(index, "must be a decimal number") from error
    if not 0 <= amount < 2**63:
        raise _bad_rate(index, "must not be negative")
    return RateLine(
        line_id=item.line_id or context.ids.new("line"),
        unit=RateUnit(item.unit),
        billionths_per_hour=amount,
        fleet_id=None if item.fleet_id is None else FleetId(item.fleet_id),
    )


def _bad_rate(index: int, message: str) -> InvalidRequestError:
    field = f"lines[{index}].per_hour"
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


def _card_row(card: RateCard) -> RateCardRow:
    return RateCardRow(
        card_id=card.card_id,
        name=card.name,
        valid_from=card.valid_from,
        example=card.example,
        lines=[
            RateLineBody(
                unit=line.unit.value,
                per_hour=str(decimal_of(line.billionths_per_hour)),
                fleet_id=line.fleet_id,
                line_id=line.line_id,
            )
            for line in card.lines
        ],
        created_at=card.created_at,
        created_by=card.created_by,
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
    put_rate_card,
    list_rate_cards,
]
