"""Budgets against what was really spent."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.budgets import outlook
from grange.books.periods import local_day
from grange.books.questions.costs import Bucket
from grange.books.where import EVERYTHING, Every, Node, Op
from grange.books.where import Compare as Condition
from grange.domain.budgets import Budget
from grange.kernel.errors import NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, amount_text, datetime_of
from grange.ports.state import Compare
from grange.services.books.costs import FIELDS, money, parts_of, priced
from grange.services.books.desk import Desk


def budgets(desk: Desk, *, farm_id: str, budget_id: str | None = None) -> dict[str, Any]:
    """Return budgets, what of each was spent, and when the rest will be gone.

    Raises:
        NotFoundError: there is no such budget.
    """
    farm = desk.farm(farm_id)
    found = [
        each
        for each in desk.state.find(Budget, Compare("farm_id", "=", farm_id))
        if budget_id in (None, each.budget_id)
    ]
    if budget_id is not None and not found:
        raise NotFoundError("budget", budget_id)
    return {
        "currency": farm.currency,
        "budgets": [
            _row(desk, each, ZoneInfo(farm.zone))
            for each in sorted(found, key=lambda each: (each.name, each.budget_id))
        ],
    }


def _row(desk: Desk, budget: Budget, zone: ZoneInfo) -> dict[str, Any]:
    amount = "sell" if budget.sell else "cost"
    daily: dict[str, int] = {}
    with desk.view(budget.farm_id) as view:
        now = view.now
        end = Instant(min(now, now if budget.end_at is None else budget.end_at))
        if end > budget.start_at:
            span = Span(budget.start_at, end)
            parts = parts_of(span, ("day",), zone)
            for entry in priced(desk, view, parts, ("period",), scope_of(budget)).entries:
                daily[entry["period"]] = daily.get(entry["period"], 0) + (entry[amount] or 0)
        else:
            parts = []
    spent = sum(daily.values())
    found = outlook(
        budget.amount_billionths, spent, [daily.get(day, 0) for day in _whole(parts, zone)], now
    )
    return {
        "budget_id": budget.budget_id,
        "name": budget.name,
        "scope": dict(budget.scope),
        "of": amount,
        "amount": money(budget.amount_billionths),
        "start_at": budget.start_at,
        "end_at": budget.end_at,
        "spent": money(spent),
        "left": money(budget.amount_billionths - spent),
        "used": spent / budget.amount_billionths if budget.amount_billionths else None,
        "per_day": None if found.pace is None else amount_text(round(found.pace.mean)),
        "exhausted_at": found.exhausted_at,
        "earliest_at": found.earliest_at,
        "latest_at": found.latest_at,
        "lasts": _lasts(budget, found.exhausted_at),
        "advice": found.advice,
        "stops": bool(budget.stops),
        "is_spent": end == now and spent >= budget.amount_billionths,
        "created_by": budget.created_by,
    }


def _lasts(budget: Budget, exhausted_at: int | None) -> bool | None:
    """Return whether it lasts to its end; None where that cannot be told."""
    if budget.end_at is None or exhausted_at is None:
        return None
    return exhausted_at >= budget.end_at


def _whole(parts: list[Bucket], zone: ZoneInfo) -> list[str]:
    """Return the names of the parts that are whole local days."""
    found = []
    for part in parts:
        day = datetime_of(part.span.start).astimezone(zone).date()
        if part.span == local_day(day, zone):
            found.append(part.name)
    return found


def scope_of(budget: Budget) -> Node:
    """Return the condition a budget's scope is."""
    return (
        EVERYTHING
        if not budget.scope
        else Every(
            tuple(
                Condition(field=FIELDS[name], op=Op.EQUAL, value=value)
                for name, value in sorted(budget.scope.items())
            )
        )
    )


ANSWERS: Mapping[str, Any] = {"budgets": budgets}
