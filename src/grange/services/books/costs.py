"""What work cost, by any attribute: exact sums over tiles, with waste and idle time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from grange.books.allotment import allotted
from grange.books.frame_ranges import expand
from grange.books.payers import WASTE, Outcome
from grange.books.periods import Period, buckets
from grange.books.pricing import CardSpan, Component, card_spans, prices, sell_spans
from grange.books.questions.cost_tables import CONTEXT
from grange.books.questions.costs import (
    COST_COLUMNS,
    Bucket,
    Tariff,
    contexts,
    costs,
    frame_costs,
    frame_texts,
    work_of,
)
from grange.books.questions.model import Need
from grange.books.questions.usage import first_start
from grange.books.where import EVERYTHING, Field, Fields, Kind, Node, condition, holds, parse
from grange.domain.rates import Idle, RateCard
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, amount_text, datetime_of
from grange.ports.state import Compare
from grange.services.books.desk import Desk, span_of
from grange.services.books.idle_costs import apart_entries
from grange.services.books.naming import names_of
from grange.services.books.shelf import View

PERIODS: Mapping[str, Period] = {
    "hour": Period.HOURLY,
    "day": Period.DAILY,
    "week": Period.WEEKLY,
    "month": Period.MONTHLY,
}
"""Parts of time that cost can be grouped by, in the farm's zone."""
GROUPS: tuple[str, ...] = (
    "user", "project", "client", "queue", "fleet", "region", "worker", "app", "sequence", "shot",
    "version", "render_type", "job", "layer", "frame", "component", "item", "outcome", "cause",
    "payer", *PERIODS,
)  # fmt: skip
"""What cost can be grouped by."""
FIELDS = Fields(
    Field(
        name=name,
        kind=Kind.TEXT,
        column=COST_COLUMNS[name],
        searched=name in ("user", "project", "app", "shot", "job_name"),
        meaning=f"The {name.replace('_', ' ')} the cost is of.",
        aliases=("job_id",) if name == "job" else (),
    )
    for name in COST_COLUMNS
    if name not in ("frame", "period", "session", "action")
)
"""What a condition on cost may name."""

Entry = dict[str, Any]
"""Columns of `COST_COLUMNS` that were asked for; component, outcome, threads, ms, cost, sell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Entries of a span, and what they were priced with."""

    entries: list[Entry]
    cards: list[CardSpan]


def cost(
    desk: Desk,
    *,
    farm_id: str,
    start: int,
    end: int,
    by: str = "project",
    where: str = "",
) -> dict[str, Any]:
    """Return what work cost in a span, by one or two of `GROUPS`.

    Every grouping of the same span and condition has the same total, to the billionth.
    """
    farm = desk.farm(farm_id)
    names = groups_of(by)
    zone = ZoneInfo(farm.zone)
    with desk.view(farm_id) as view:
        span = span_of(start, end)
        node = parse(where, FIELDS, zone=zone, now=view.now) if where else EVERYTHING
        parts = parts_of(span, names, zone)
        found = priced(desk, view, parts, columns_of(names), node)
        shown = names_of(desk.state, farm_id, names)
    return {
        "span": {"start_at": span.start, "end_at": span.end},
        "by": list(names),
        "where": where,
        "currency": farm.currency,
        "example": is_example(found),
        **summed(found.entries, names, shown),
    }


def groups_of(by: str) -> tuple[str, ...]:
    """Return the names of a grouping, `user` or `user,project`.

    Raises:
        InvalidRequestError: these are not one or two of `GROUPS`.
    """
    names = tuple(name.strip() for name in by.split(","))
    periods = [name for name in names if name in PERIODS]
    if (
        not 1 <= len(names) <= 2
        or set(names) - set(GROUPS)
        or len(set(names)) < len(names)
        or len(periods) > 1
    ):
        message = f"must be one or two of {', '.join(GROUPS)}"
        raise InvalidRequestError(f"by {message}.", fields=[FieldProblem("by", message)])
    return names


def parts_of(span: Span, names: Sequence[str], zone: ZoneInfo) -> list[Bucket]:
    """Return the span in the parts a grouping asks for; in one piece if it names no period."""
    period = next((name for name in names if name in PERIODS), None)
    if period is None:
        return [Bucket(name="", span=span)]
    return [
        Bucket(name=_label(part.start, period, zone), span=part)
        for part in buckets(span, PERIODS[period], zone)
    ]


def _label(start: Instant, period: str, zone: ZoneInfo) -> str:
    local = datetime_of(start).astimezone(zone)
    match period:
        case "hour":
            return local.isoformat(timespec="minutes")
        case "month":
            return f"{local:%Y-%m}"
        case "week":
            monday: date = local.date() - timedelta(days=local.weekday())
            return monday.isoformat()
        case _:
            return local.date().isoformat()


def columns_of(names: Sequence[str]) -> list[str]:
    """Return the names of `COST_COLUMNS` for a grouping."""
    return ["period" if name in PERIODS else name for name in names]


def cards_of(desk: Desk, farm_id: str) -> list[RateCard]:
    """Return a farm's cards by id, which is the order they were put in."""
    found = desk.state.find(RateCard, Compare("farm_id", "=", farm_id))
    return sorted(found, key=lambda card: card.card_id)


def priced(
    desk: Desk, view: View, parts: Sequence[Bucket], names: Sequence[str], node: Node = EVERYTHING
) -> Priced:
    """Return the cost of everything in neighbouring parts of time.

    Args:
        desk: for cards and workers.
        view: the books.
        parts: ascending, without overlap.
        names: of `COST_COLUMNS`.
        node: which entries.
    """
    cards = cards_of(desk, view.farm_id)
    spans = card_spans(cards)
    found = _of_work(view, parts, names, node, Tariff(cards=spans, sells=sell_spans(cards)))
    entries: list[Entry] = [] if found is None else found.to_pylist()
    apart = apart_entries(desk, view, parts, spans)
    _add_apart(entries, apart, names, node)
    return Priced(entries=entries, cards=spans)


def priced_apart(
    desk: Desk, view: View, parts: Sequence[Bucket], names: Sequence[str]
) -> tuple[pa.Table | None, list[Entry]]:
    """Return what `priced` does, with what work caused as a table: there are many rows of it.

    Where other costs are put on top of the work's, all are entries.

    Args:
        desk: for cards and workers.
        view: the books.
        parts: ascending, without overlap.
        names: of `COST_COLUMNS`.
    """
    cards = cards_of(desk, view.farm_id)
    spans = card_spans(cards)
    found = _of_work(view, parts, names, EVERYTHING, Tariff(cards=spans, sells=sell_spans(cards)))
    apart = apart_entries(desk, view, parts, spans)
    shared = any(idle is Idle.ALLOCATED for idle, _ in apart)
    entries: list[Entry] = found.to_pylist() if shared and found is not None else []
    _add_apart(entries, apart, names, EVERYTHING)
    return None if shared else found, entries


def _of_work(
    view: View, parts: Sequence[Bucket], names: Sequence[str], node: Node, tariff: Tariff
) -> pa.Table | None:
    """Return what work cost, by attributes; None if there was none."""
    whole = Span(parts[0].span.start, parts[-1].span.end)
    (first,) = view.ask(first_start(whole)).to_pylist()
    if first["started_at"] is None:
        return None
    since = Instant(first["started_at"])
    by_number = {one.number: one.card for one in tariff.cards}
    sold_by = {one.number: one.card for one in tariff.sells}
    tariff = Tariff(
        cards=tariff.cards,
        sells=tariff.sells,
        prices={
            tuple(row[name] for name in CONTEXT): prices(
                by_number[row["card_no"]], sold_by.get(row["sell_no"]), work_of(row)
            )
            for row in view.ask(contexts(parts, since, tariff)).to_pylist()
        },
    )
    made = condition(node)
    licences = view.has(Need(table="licence_uses", start=since))
    if "frame" in names:
        question = frame_costs(
            names, parts, since, tariff, _ranges(view, whole, since),
            where=made.sql, parameters=made.parameters, licences=licences,
        )  # fmt: skip
    else:
        question = costs(
            names, parts, since, tariff,
            where=made.sql, parameters=made.parameters, licences=licences,
        )  # fmt: skip
    return view.ask(question)


def _ranges(view: View, span: Span, since: Instant) -> dict[str, list[int]]:
    texts = view.ask(frame_texts(span, since)).column("frames").to_pylist()
    return {text: list(expand(text)) for text in texts}


def _add_apart(
    entries: list[Entry],
    apart: Sequence[tuple[Idle, Entry]],
    names: Sequence[str],
    node: Node,
) -> None:
    """Add costs that no work caused: as entries of their own, or on top of the work's."""
    columns = [COST_COLUMNS[name] for name in names]
    alone = [entry for idle, entry in apart if idle is Idle.APART]
    shared = [entry for idle, entry in apart if idle is Idle.ALLOCATED]
    work = [entry for entry in entries if entry["component"] == Component.MACHINE]
    for entry in shared:
        if not any(on["ms"] for on in work) or node != EVERYTHING:
            alone.append(entry)
            continue
        for on, amount in _on_top(work, entry["cost"]):
            if amount:
                more = {"ms": 0, "unpriced": 0, "cost": amount, "sell": None}
                if "item" in on:
                    more["item"] = entry["item"]
                entries.append({**on, "component": entry["component"], **more})
    for entry in alone:
        if node == EVERYTHING or holds(node, entry["fields"]):
            values = entry["fields"]
            entries.append(
                {
                    **{COST_COLUMNS[name]: values.get(name) for name in names},
                    **{column: None for column in columns if column == "frame"},
                    "component": entry["component"],
                    "outcome": Outcome.IDLE.value,
                    "threads": 1,
                    "ms": entry["ms"],
                    "cost": entry["cost"],
                    "sell": None,
                    "unpriced": 0,
                }
            )


def _on_top(work: Sequence[Entry], amount: int) -> Iterator[tuple[Entry, int]]:
    """Divide an amount among work by its time.

    First among outcomes, then within each: however fine the work is grouped, waste gets the same.
    """
    by_outcome: dict[str, list[Entry]] = defaultdict(list)
    for entry in work:
        by_outcome[entry["outcome"]].append(entry)
    groups = [by_outcome[outcome] for outcome in sorted(by_outcome)]
    parts = allotted(amount, [sum(entry["ms"] for entry in group) for group in groups])
    for group, part in zip(groups, parts, strict=True):
        yield from zip(group, allotted(part, [entry["ms"] for entry in group]), strict=True)


@dataclass(slots=True)
class _Sum:
    machine: Fraction = Fraction(0)
    thread_ms: int = 0
    cost: int | None = None
    sell: int | None = None
    wasted: Fraction = Fraction(0)
    wasted_cost: int = 0

    def add(self, entry: Mapping[str, Any]) -> None:
        time = Fraction(entry["ms"], entry["threads"])
        self.machine += time
        if entry["component"] == Component.MACHINE:
            self.thread_ms += entry["ms"]
        if entry["cost"] is not None:
            self.cost = (self.cost or 0) + entry["cost"]
        if entry["sell"] is not None:
            self.sell = (self.sell or 0) + entry["sell"]
        if entry["outcome"] in WASTE:
            self.wasted += time
            self.wasted_cost += entry["cost"] or 0

    def row(self) -> dict[str, Any]:
        return {
            "thread_ms": self.thread_ms,
            "machine_ms": round(self.machine),
            "cost": money(self.cost),
            "sell": money(self.sell),
            "wasted_ms": round(self.wasted),
            "wasted_cost": None if self.cost is None else money(self.wasted_cost),
        }


def money(billionths: int | None) -> str | None:
    """Return an amount as it leaves: decimal text, None where there is no price."""
    return None if billionths is None else amount_text(billionths)


def summed(
    entries: Iterable[Entry], names: Sequence[str], shown: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return entries by group, in total, by component and as waste."""
    columns = [COST_COLUMNS["period" if name in PERIODS else name] for name in names]
    rows: dict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    total = _Sum()
    components: dict[str, _Sum] = defaultdict(_Sum)
    outcomes: dict[str, _Sum] = defaultdict(_Sum)
    unpriced = Fraction(0)
    for entry in entries:
        for one in (
            rows[tuple(entry[column] for column in columns)],
            total,
            components[entry["component"]],
            outcomes[entry["outcome"]],
        ):
            one.add(entry)
        unpriced += Fraction(entry["unpriced"], entry["threads"])
    listed = sorted(
        rows.items(),
        key=lambda item: (-(item[1].cost or 0), -item[1].thread_ms, tuple(map(str, item[0]))),
    )
    if any(name in PERIODS for name in names):
        listed.sort(key=lambda item: str(item[0][[n in PERIODS for n in names].index(True)]))
    return {
        "rows": [
            {
                **{
                    name: shown.get(name, {}).get(value, value)
                    for name, value in zip(names, key, strict=True)
                },
                **{
                    f"{name}_id": value
                    for name, value in zip(names, key, strict=True)
                    if name in shown
                },
                **one.row(),
            }
            for key, one in listed
        ],
        "total": total.row(),
        "components": {name: one.row() for name, one in sorted(components.items())},
        "waste": {
            outcome.value: {
                "machine_ms": round(outcomes[outcome].machine),
                "cost": money(outcomes[outcome].cost),
            }
            for outcome in WASTE
        },
        "unpriced_ms": round(unpriced),
    }


def is_example(found: Priced) -> bool:
    """Return whether an amount may be of EXAMPLE rates."""
    return any(entry["cost"] for entry in found.entries) and any(
        span.card is not None and span.card.example for span in found.cards
    )


ANSWERS: Mapping[str, Any] = {"cost": cost}
