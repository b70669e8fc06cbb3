"""Costs, months, statements, moves, credits, budgets, licence minutes."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from grange.domain.statements import PostingKind
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant, billionths_of
from grange.server.context import Context
from grange.server.rest.day_shapes import LicenceMinutes
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.server.rest.history_shapes import CostsAnswer
from grange.server.rest.shapes import (
    BudgetsAnswer,
    MonthsAnswer,
    StatementAnswer,
    as_file,
    described,
)
from grange.services.books.statement_kinds import MEDIA, READ_IN_PLACE, STYLE_POLICY
from grange.services.commands.budgets import DeleteBudget, PutBudget
from grange.services.commands.postings import Frozen, PostLines
from grange.services.owner import Token

Answer = dict[str, Any]


class MoveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which posted lines go where, and why."""

    where: str
    to: dict[str, str]
    reason: str
    amount: str | None = None


class CreditBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which posted lines the house takes over, and why."""

    where: str
    reason: str
    amount: str | None = None


class PostingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted, and in which month."""

    posting_id: str
    month: str
    lines: int


class BudgetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget; `amount` is a decimal amount of the farm's currency."""

    name: str
    amount: str
    scope: dict[str, str] = {}
    of: Literal["cost", "sell"] = "cost"
    start_at: int | None = None
    end_at: int | None = None
    stops: bool = False
    """Once it is spent, no more work of its scope begins."""
    budget_id: str | None = None


class BudgetId(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a budget."""

    budget_id: str


@get("/farms/{farm_id:str}/costs", operation="GetCosts", responses=described(CostsAnswer))
async def get_costs(
    *,
    farm_id: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    by: FromQuery[str] = "project",
    where: FromQuery[str] = "",
) -> Answer:
    """Sum what work cost by one or two attributes; every grouping has the same total."""
    return await _ask(context, "cost", farm_id=farm_id, start=start, end=end, by=by, where=where)


@get(
    "/farms/{farm_id:str}/licence-minutes",
    operation="GetLicenceMinutes",
    responses=described(LicenceMinutes),
)
async def get_licence_minutes(
    farm_id: FromPath[str], start: FromQuery[int], end: FromQuery[int], context: Services
) -> Answer:
    """Show how long licences were in use, all in use, and missing."""
    return await _ask(context, "licence_minutes", farm_id=farm_id, start=start, end=end)


@get("/farms/{farm_id:str}/months", operation="ListMonths", responses=described(MonthsAnswer))
async def list_months(farm_id: FromPath[str], context: Services) -> Answer:
    """List the months of the books: which are frozen, and what was posted in each."""
    return await _ask(context, "months", farm_id=farm_id)


@get(
    "/farms/{farm_id:str}/months/{month:str}/statement",
    operation="GetStatement",
    responses=described(StatementAnswer),
)
async def get_statement(
    *,
    farm_id: FromPath[str],
    month: FromPath[str],
    context: Services,
    by: FromQuery[str] = "client,project,component",
    client: FromQuery[str | None] = None,
    lines: FromQuery[bool] = False,
) -> Answer:
    """Show the statement of a month; with `lines`, every line down to its attempt."""
    return await _ask(
        context, "month_statement", farm_id=farm_id, month=month, by=by, client=client, lines=lines
    )


@get(
    "/farms/{farm_id:str}/months/{month:str}/statement/{kind:str}",
    operation="GetStatement",
    responses=as_file("The statement as CSV, XLSX, HTML or PDF"),
)
async def get_statement_file(
    *,
    farm_id: FromPath[str],
    month: FromPath[str],
    kind: FromPath[str],
    context: Services,
    by: FromQuery[str] = "client,project,component",
    client: FromQuery[str | None] = None,
    lines: FromQuery[bool] = False,
) -> Response[bytes]:
    """Make the statement of a month as csv, xlsx, html or pdf; with `lines`, with every line."""
    await context.rows.farm({"farmId": farm_id})
    made: bytes = await context.books.ask(
        "statement_file",
        farm_id=farm_id,
        month=month,
        kind=kind,
        by=by,
        client=client,
        lines=lines,
    )
    name = f"statement-{month}{'-lines' if lines else ''}.{kind}"
    how = "inline" if kind in READ_IN_PLACE else "attachment"
    return Response(
        made,
        media_type=MEDIA[kind],
        headers={
            "content-disposition": f'{how}; filename="{name}"',
            "cache-control": "no-store",
            **({"content-security-policy": STYLE_POLICY} if kind == "html" else {}),
        },
    )


@post("/farms/{farm_id:str}/months/{month:str}/freeze", operation="FreezeMonth", status_code=201)
async def freeze_month(
    farm_id: FromPath[str],
    month: FromPath[str],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> PostingAnswer:
    """Post a month's lines, and late findings about frozen months; neither ever changes again."""
    token = once_token(caller, "FreezeMonth", once, farm_id, month)
    before = await context.owner.answered(token)
    if before is not None:
        return _posted(before)
    plan = await _ask(context, "freeze_plan", farm_id=farm_id, month=month)
    frozen = Frozen(
        start_at=Instant(plan["start_at"]),
        end_at=Instant(plan["end_at"]),
        zone=plan["zone"],
        currency=plan["currency"],
        example=plan["example"],
    )
    return await _post(
        context, plan, farm_id, PostingKind.FREEZE, caller.name, token=token, frozen=frozen
    )


@post("/farms/{farm_id:str}/months/{month:str}/moves", operation="MoveCost", status_code=201)
async def move_cost(
    *,
    farm_id: FromPath[str],
    month: FromPath[str],
    data: JSONBody[MoveBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> PostingAnswer:
    """Move posted cost somewhere else, by signed rows in the first open month."""
    token = once_token(caller, "MoveCost", once, farm_id, month, data)
    before = await context.owner.answered(token)
    if before is not None:
        return _posted(before)
    plan = await _ask(
        context,
        "move_plan",
        farm_id=farm_id,
        month=month,
        where=data.where,
        to=data.to,
        amount=_amount(data.amount),
    )
    reason = _reason(data.reason)
    return await _post(
        context, plan, farm_id, PostingKind.MOVE, caller.name, token=token, reason=reason
    )


@post("/farms/{farm_id:str}/months/{month:str}/credits", operation="CreditCost", status_code=201)
async def credit_cost(
    *,
    farm_id: FromPath[str],
    month: FromPath[str],
    data: JSONBody[CreditBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> PostingAnswer:
    """Let the house pay posted cost of a client, by signed rows in the first open month."""
    token = once_token(caller, "CreditCost", once, farm_id, month, data)
    before = await context.owner.answered(token)
    if before is not None:
        return _posted(before)
    plan = await _ask(
        context,
        "credit_plan",
        farm_id=farm_id,
        month=month,
        where=data.where,
        amount=_amount(data.amount),
    )
    reason = _reason(data.reason)
    return await _post(
        context, plan, farm_id, PostingKind.CREDIT, caller.name, token=token, reason=reason
    )


@get("/farms/{farm_id:str}/budgets", operation="ListBudgets", responses=described(BudgetsAnswer))
async def list_budgets(farm_id: FromPath[str], context: Services) -> Answer:
    """List budgets, what of each is spent, and when the rest will be gone."""
    return await _ask(context, "budgets", farm_id=farm_id)


@post("/farms/{farm_id:str}/budgets", operation="PutBudget", status_code=201)
async def put_budget(
    farm_id: FromPath[str],
    data: JSONBody[BudgetBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> BudgetId:
    """Set a budget, or change the one that is named."""
    strange = set(data.scope) - _SCOPES
    if strange:
        raise _refused("scope", f"names attributes out of {', '.join(sorted(_SCOPES))}")
    amount = _amount(data.amount) or 0
    if amount <= 0:
        raise _refused("amount", "must be more than 0")
    if data.start_at is not None and data.end_at is not None and data.end_at <= data.start_at:
        raise _refused("end_at", "must lie behind start_at")
    found = await context.owner.ask(
        PutBudget(
            farm_id=FarmId(farm_id),
            budget_id=data.budget_id,
            name=data.name,
            scope=data.scope,
            amount_billionths=amount,
            sell=data.of == "sell",
            start_at=None if data.start_at is None else Instant(data.start_at),
            end_at=None if data.end_at is None else Instant(data.end_at),
            stops=data.stops,
            by=caller.name,
        ),
        token=once_token(caller, "PutBudget", once, farm_id, data),
    )
    return BudgetId(budget_id=found["budget_id"])


@delete("/farms/{farm_id:str}/budgets/{budget_id:str}", operation="DeleteBudget", status_code=204)
async def delete_budget(
    farm_id: FromPath[str], budget_id: FromPath[str], context: Services, caller: Caller
) -> None:
    """Remove a budget."""
    await context.owner.ask(
        DeleteBudget(farm_id=FarmId(farm_id), budget_id=budget_id, by=caller.name)
    )


_SCOPES = frozenset(
    {"project", "client", "user", "queue", "fleet", "app", "sequence", "shot", "version", "job"}
)


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


async def _post(
    context: Context,
    plan: Answer,
    farm_id: str,
    kind: PostingKind,
    by: str,
    *,
    token: Token | None,
    reason: str = "",
    frozen: Frozen | None = None,
) -> PostingAnswer:
    done = await context.owner.ask(
        PostLines(
            farm_id=FarmId(farm_id),
            kind=kind,
            month=plan["month"],
            corrects=plan.get("corrects"),
            reason=reason,
            parts=plan["parts"],
            line_count=plan["line_count"],
            amount_billionths=plan["amount_billionths"],
            sha256=plan["sha256"],
            based_on=plan["based_on"],
            frozen=frozen,
            by=by,
        ),
        token=token,
    )
    return _posted(done)


def _posted(done: Mapping[str, Any]) -> PostingAnswer:
    return PostingAnswer(posting_id=done["posting_id"], month=done["month"], lines=done["lines"])


def _reason(text: str) -> str:
    if not text.strip():
        raise _refused("reason", "must say why")
    return text.strip()


def _amount(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        amount = billionths_of(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise _refused("amount", "must be a decimal number") from error
    if not -(2**62) < amount < 2**62:
        raise _refused("amount", "is too large")
    return amount


def _refused(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


HANDLERS = [
    get_costs,
    get_licence_minutes,
    list_months,
    get_statement,
    get_statement_file,
    freeze_month,
    move_cost,
    credit_cost,
    list_budgets,
    put_budget,
    delete_budget,
]
