"""Costs that no work caused: idle machines, and amounts by the month."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from math import lcm
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.accounts import Account, Totals
from grange.books.allotment import allotted
from grange.books.payers import CauseClass, Outcome, Payer
from grange.books.periods import Period, buckets
from grange.books.pricing import CardSpan, Component
from grange.books.questions.costs import Bucket
from grange.domain.rates import Idle, OverheadLine, PricedWork, RateCard, thread_rate
from grange.domain.work import Worker
from grange.kernel.ids import FleetId
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant, half_even_divide
from grange.ports.state import Compare
from grange.services.booking import region_of
from grange.services.books.account_sums import account_sums
from grange.services.books.desk import Desk
from grange.services.books.shelf import View

_IDLE = (Account.IDLE_NO_WORK, Account.IDLE_BLOCKED)

Apart = tuple[Idle, dict[str, Any]]
"""How it is treated, and the entry: component, item, cost, and `fields` by name."""


def apart_entries(
    desk: Desk, view: View, parts: Sequence[Bucket], cards: Sequence[CardSpan]
) -> list[Apart]:
    """Return idle time and monthly overheads in neighbouring parts of time, up to now.

    What all idle machines of a fleet cost is one amount for the whole span, divided among workers
    and parts without rest; so every grouping has the same sum.
    """
    found: list[Apart] = []
    start, end = parts[0].span.start, min(parts[-1].span.end, view.now)
    whole = Span(start, Instant(max(start, end)))
    for card_span in cards:
        card = card_span.card
        span = whole.clip(Span(card_span.start, card_span.end))
        if card is None or not span.millis:
            continue
        within = [
            Bucket(name=part.name, span=part.span.clip(span))
            for part in parts
            if part.span.clip(span).millis
        ]
        idle = Idle.APART if card.terms is None else card.terms.idle
        found += [(idle, entry) for entry in _idle(desk, view, within, card)]
        if card.terms is not None:
            zone = ZoneInfo(desk.farm(view.farm_id).zone)
            for line in card.terms.overheads:
                if line.billionths_per_month is not None:
                    found += [(idle, entry) for entry in _monthly(line, within, zone)]
    return found


def _idle(
    desk: Desk, view: View, parts: Sequence[Bucket], card: RateCard
) -> Iterator[dict[str, Any]]:
    workers: dict[str, Worker] = {
        worker.worker_id: worker
        for worker in desk.state.find(Worker, Compare("farm_id", "=", view.farm_id))
    }
    cells: dict[str, dict[tuple[str, str, str], tuple[int, Fraction]]] = defaultdict(dict)
    for (worker_id, number), totals in account_sums(
        view, "worker", [part.span for part in parts]
    ).items():
        worker = workers.get(worker_id)
        fleet_id = "" if worker is None else worker.fleet_id
        region = None if worker is None else region_of(worker)
        ps_milli = 1000 if worker is None else worker.ps_milli
        weight = _weight(totals, card, fleet_id, region, ps_milli)
        if weight:
            name = parts[number].name
            cells[fleet_id][worker_id, region or "", name] = weight, _idle_time(totals)
    for fleet_id in sorted(cells):
        listed = sorted(cells[fleet_id].items())
        weights = [weight for _, (weight, _) in listed]
        times = [time for _, (_, time) in listed]
        amount = half_even_divide(sum(weights), MILLIS_PER_HOUR)
        least = lcm(*(time.denominator for time in times))
        for ((worker_id, region, name), _), part, millis in zip(
            listed,
            allotted(amount, weights),
            allotted(round(sum(times)), [int(time * least) for time in times]),
            strict=True,
        ):
            yield {
                **_entry(
                    Component.IDLE, "idle", part, name, Payer.HOUSE,
                    fleet=fleet_id, worker=worker_id, region=region,
                ),
                "ms": millis,
            }  # fmt: skip


def _idle_time(totals: Totals) -> Fraction:
    return sum(
        (
            Fraction(millis, threads)
            for (account, threads), millis in totals.thread_ms.items()
            if account in _IDLE
        ),
        Fraction(0),
    )


def _weight(
    totals: Totals, card: RateCard, fleet_id: str, region: str | None, ps_milli: int
) -> int:
    """Return idle thread time × hourly rate, in billionths × milliseconds."""
    work = PricedWork(fleet_id=fleet_id, region=region)
    weight = 0
    for (account, threads), millis in totals.thread_ms.items():
        if account in _IDLE:
            rate = thread_rate(card, FleetId(fleet_id), threads, ps_milli, work)
            weight += 0 if rate is None else rate.billionths_per_hour * millis
    return weight


def _monthly(
    line: OverheadLine, parts: Sequence[Bucket], zone: ZoneInfo
) -> Iterator[dict[str, Any]]:
    """Yield an amount by the month, by time: what of a month has passed costs its share of it."""
    per_month = line.billionths_per_month or 0
    whole = Span(parts[0].span.start, parts[-1].span.end)
    day = timedelta(days=40) // timedelta(milliseconds=1)
    around = Span(Instant(whole.start - day), Instant(whole.end + day))
    months = list(buckets(around, Period.MONTHLY, zone))[1:-1]
    for part in parts:
        amount = 0
        for month in months:
            piece = part.span.clip(month)
            if piece.millis:
                until, since = piece.end - month.start, piece.start - month.start
                length = month.end - month.start
                amount += half_even_divide(per_month * until, length)
                amount -= half_even_divide(per_month * since, length)
        if amount:
            yield _entry(Component.OVERHEAD, line.name, amount, part.name, line.payer)


def _entry(
    component: Component, item: str, cost: int, period: str, payer: str, **fields: str
) -> dict[str, Any]:
    return {
        "component": component.value,
        "item": item,
        "cost": cost,
        "ms": 0,
        "fields": {
            "component": component.value,
            "item": item,
            "outcome": Outcome.IDLE.value,
            "cause": CauseClass.NONE.value,
            "payer": payer,
            "period": period,
            **fields,
        },
    }
