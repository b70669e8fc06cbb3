"""Cost as a report: one row for each group, the sums in words above."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.allotment import digits_of, printed
from grange.books.sheet import Column, Sheet, millis, money, text
from grange.books.where import EVERYTHING, Node
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, billionths_of
from grange.services.books.costs import (
    columns_of,
    is_example,
    parts_of,
    priced,
    summed,
)
from grange.services.books.desk import Desk
from grange.services.books.naming import names_of
from grange.services.books.shelf import View


def cost_sheet(
    desk: Desk, view: View, span: Span, *, by: Sequence[str], node: Node = EVERYTHING
) -> Sheet:
    """Return what work cost, by one or two of `costs.GROUPS`."""
    farm = desk.farm(view.farm_id)
    parts = parts_of(span, by, ZoneInfo(farm.zone))
    found = priced(desk, view, parts, columns_of(by), node)
    shown = names_of(desk.state, view.farm_id, by)
    sums = summed(found.entries, by, shown)
    ids = [f"{name}_id" for name in by if name in shown]
    columns: tuple[Column, ...] = (
        *(text(name) for name in by),
        *(text(name) for name in ids),
        millis("machine_ms", "Time of machines: thread time ÷ job threads."),
        money("cost", "What it cost the farm."),
        money("sell", "What the client pays; only where a sell card holds."),
        millis("wasted_ms", "Failed, aborted, superseded, rendered again."),
        money("wasted_cost", "What that cost."),
    )
    notes = [_note(sums, farm.currency)]
    if is_example(found):
        notes.append("Cost is of EXAMPLE rates: nobody pays them.")
    if sums["unpriced_ms"]:
        hours = sums["unpriced_ms"] / MILLIS_PER_HOUR
        notes.append(f"{hours:,.3f} machine hours have no price: there was no rate card.")
    return Sheet(columns=columns, rows=sums["rows"], notes=tuple(notes), totals=sums["total"])


def _note(sums: dict[str, Any], currency: str) -> str:
    total = sums["total"]
    hours = total["machine_ms"] / MILLIS_PER_HOUR
    if total["cost"] is None:
        return f"Total: {hours:,.3f} machine hours, no rate card."
    amounts = Amounts(currency, billionths_of(Decimal(total["cost"])))
    parts = amounts.listed(sums["components"])
    waste = amounts.listed(sums["waste"])
    return (
        f"Total: {hours:,.3f} machine hours, {amounts.one(total['cost'])} ({parts}). "
        f"Waste: {waste or 'none'}."
    )


class Amounts:
    """Amounts of one report as people read them: alike, and parts that add up as printed."""

    def __init__(self, currency: str, whole: int) -> None:
        self._currency = currency
        self._digits = digits_of(whole, currency)

    def one(self, amount: str) -> str:
        """Return one amount, with its currency."""
        return self._texts([amount])[0]

    def listed(self, amounts: Mapping[str, Any]) -> str:
        """Return the known costs of parts, rounded as statements are: their sum is the whole's."""
        known = {name: row["cost"] for name, row in amounts.items() if row["cost"] is not None}
        texts = self._texts(known.values())
        return ", ".join(f"{name} {text}" for name, text in zip(known, texts, strict=True))

    def _texts(self, amounts: Iterable[str]) -> list[str]:
        exact = [billionths_of(Decimal(amount)) for amount in amounts]
        return [f"{self._currency} {each:,}" for each in printed(exact, self._digits)]
