"""Posts lines on a books bench as the owner would."""

import asyncio
from decimal import Decimal

from grange.domain.statements import PostingKind
from grange.kernel.units import billionths_of
from grange.services.commands.postings import Frozen, PostLines
from grange.services.draft import Context, Draft, Memory, batch_of
from grange.services.templates import TaskSpaces
from grange.testing.builders import SeededIds
from grange.testing.facts import FARM


async def _entities(store):
    return [entity async for entity in store.load()]


def decided(bench, command):
    """Decide a command on the committed farm and commit it."""
    memory = Memory()
    memory.take_in(asyncio.run(_entities(bench.store)))
    draft = Draft(
        memory=memory, context=Context(ids=bench.ids, spaces=TaskSpaces()), now=bench.clock.now()
    )
    answer = command.decide(draft)
    asyncio.run(bench.store.commit(batch_of([draft])))
    return answer


def posted(bench, plan, kind, reason=""):
    """Post what a plan says."""
    if not hasattr(bench, "ids"):
        bench.ids = SeededIds()
    return decided(
        bench,
        PostLines(
            farm_id=FARM, kind=kind, month=plan["month"], corrects=plan.get("corrects"),
            reason=reason, parts=plan["parts"], line_count=plan["line_count"],
            amount_billionths=plan["amount_billionths"], sha256=plan["sha256"],
            based_on=plan["based_on"],
            frozen=Frozen(start_at=plan["start_at"], end_at=plan["end_at"], zone=plan["zone"],
                          currency=plan["currency"], example=plan["example"])
            if kind is PostingKind.FREEZE else None,
            by="ann",
        ),
    )  # fmt: skip


def freeze(bench, month):
    plan = bench.books.call("freeze_plan", {"farm_id": FARM, "month": month})
    return posted(bench, plan, PostingKind.FREEZE)


def move(bench, month, where, to, *, reason, amount=None):
    plan = bench.books.call(
        "move_plan",
        {"farm_id": FARM, "month": month, "where": where, "to": to, "amount": _amount(amount)},
    )
    return posted(bench, plan, PostingKind.MOVE, reason)


def credit(bench, month, where, *, reason, amount=None):
    plan = bench.books.call(
        "credit_plan",
        {"farm_id": FARM, "month": month, "where": where, "amount": _amount(amount)},
    )
    return posted(bench, plan, PostingKind.CREDIT, reason)


def _amount(text):
    return None if text is None else billionths_of(Decimal(text))


def statement(bench, month, **options):
    return bench.books.call("month_statement", {"farm_id": FARM, "month": month, **options})


def lines(bench, month, **options):
    return statement(bench, month, lines=True, **options)["line_rows"]
