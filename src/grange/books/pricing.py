"""Which prices hold for which work: rate cards as tables a question can join.

A card holds for sessions that began while it was in force and known: a card that is put later,
even one that is dated back, changes nothing that has begun (ledger S0-49).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from grange.books.payers import Payer, payers
from grange.domain.rates import (
    PER_MILLION,
    EnergyLine,
    EnergySource,
    LicenceLine,
    LicenceUnit,
    PricedWork,
    RateCard,
    RateUnit,
    card_at,
    discounts_on,
    machine_line,
)
from grange.kernel.units import Instant, half_even_divide

FOREVER = Instant(2**62)
BEGINNING = Instant(-(2**62))


class Component(StrEnum):
    """What a cost is for."""

    MACHINE = "machine"
    LICENCE = "licence"
    ENERGY = "energy"
    OVERHEAD = "overhead"
    IDLE = "idle"


class Mode(StrEnum):
    """How a price becomes the hourly rate of a job thread."""

    SESSION = "session"
    """The rate that was fixed when the session began."""
    THREAD = "thread"
    """The value."""
    WORKER = "worker"
    """The value ÷ job threads."""
    PS = "ps"
    """The value × relative speed ÷ job threads."""
    ENERGY = "energy"
    """The value, a price of a kWh, × power ÷ job threads."""
    SHARE = "share"
    """The value, millionths, of the session's rate (of the cost rate, for what a client pays)."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSpan:
    """When the sessions begin that a card prices. No card: number 0."""

    number: int
    start: Instant
    end: Instant
    card: RateCard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SellSpan:
    """When the sessions of a project begin that a sell card prices."""

    number: int
    project: str
    start: Instant
    end: Instant
    card: RateCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One price of one kind of work."""

    component: Component
    item: str
    """The line: a product, a name."""
    mode: Mode
    value: int = 0
    watts_milli: int | None = None
    measured: bool = False
    payer: str | None = None
    """None: whoever pays for the cause."""
    sell_mode: Mode = Mode.NOTHING
    sell_value: int = 0


def known_at(cards: Iterable[RateCard], at: Instant) -> list[RateCard]:
    """Return the cards that had been put at an instant."""
    return [card for card in cards if card.created_at <= at]


def card_spans(cards: Sequence[RateCard]) -> list[CardSpan]:
    """Return which cost card is in force when, without gaps."""
    costs = [card for card in cards if card.sell is None]
    found: list[CardSpan] = []
    for start, end in _between(costs):
        card = card_at(known_at(costs, start), start) if start > BEGINNING else None
        if found and found[-1].card is card:
            found[-1] = CardSpan(number=found[-1].number, start=found[-1].start, end=end, card=card)
        else:
            number = 0 if card is None else costs.index(card) + 1
            found.append(CardSpan(number=number, start=start, end=end, card=card))
    return found


def sell_spans(cards: Sequence[RateCard]) -> list[SellSpan]:
    """Return which sell card prices which project when; of several, the latest."""
    sells = [card for card in cards if card.sell is not None]
    projects = sorted({project for card in sells if card.sell for project in card.sell.projects})
    found: list[SellSpan] = []
    for start, end in _between(sells):
        if start == BEGINNING:
            continue
        begun = [card for card in known_at(sells, start) if card.valid_from <= start]
        latest: dict[str, RateCard] = {}
        for card in sorted(begun, key=lambda card: (card.valid_from, card.card_id)):
            if card.sell is not None:
                latest[card.sell.client] = card
        newest = sorted(latest.values(), key=lambda card: (card.valid_from, card.card_id))
        for project in projects:
            own = [card for card in newest if card.sell and project in card.sell.projects]
            if own:
                found.append(
                    SellSpan(
                        number=sells.index(own[-1]) + 1,
                        project=project,
                        start=start,
                        end=end,
                        card=own[-1],
                    )
                )
    return found


def _between(cards: Iterable[RateCard]) -> Iterator[tuple[Instant, Instant]]:
    changes = sorted({max(card.valid_from, card.created_at) for card in cards})
    edges = [BEGINNING, *changes, FOREVER]
    yield from pairwise(edges)


def prices(cost: RateCard | None, sell: RateCard | None, work: PricedWork) -> list[Price]:
    """Return every price that holds for some work; that of the machine always comes first."""
    found = [_machine(sell, work)]
    if cost is None or cost.terms is None:
        return found
    terms = cost.terms
    for line in _licences(terms.licences, work):
        own = None if sell is None or sell.terms is None else sell.terms
        sold = next(
            (each for each in _licences(own.licences if own else (), work)
             if each.product == line.product),
            None,
        )  # fmt: skip
        mode, value = _licence_price(line)
        sell_mode, sell_value = _marked_up(sell) if sold is None else _licence_price(sold)
        found.append(
            Price(component=Component.LICENCE, item=line.product, mode=mode, value=value,
                  sell_mode=sell_mode, sell_value=sell_value)
        )  # fmt: skip
    energy = _energy(terms.energy, work)
    if energy is not None:
        sell_mode, sell_value = _marked_up(sell)
        found.append(
            Price(
                component=Component.ENERGY,
                item="energy",
                mode=Mode.ENERGY,
                value=energy.billionths_per_kwh,
                watts_milli=energy.watts_milli,
                measured=energy.source is EnergySource.MEASURED,
                sell_mode=sell_mode,
                sell_value=sell_value,
            )
        )
    for overhead in terms.overheads:
        if overhead.machine_ppm is not None:
            sell_mode, sell_value = _marked_up(sell)
            found.append(
                Price(component=Component.OVERHEAD, item=overhead.name, mode=Mode.SHARE,
                      value=overhead.machine_ppm, payer=overhead.payer, sell_mode=sell_mode,
                      sell_value=sell_value)
            )  # fmt: skip
    return found


def _machine(sell: RateCard | None, work: PricedWork) -> Price:
    mode, value = _marked_up(sell)
    line = None if sell is None else machine_line(sell.lines, work)
    if sell is not None and line is not None:
        value = line.billionths_per_hour
        for discount in discounts_on(sell, work):
            value = half_even_divide(value * (PER_MILLION - discount.ppm), PER_MILLION)
        mode = {
            RateUnit.WORKER_HOUR: Mode.WORKER,
            RateUnit.THREAD_HOUR: Mode.THREAD,
            RateUnit.PS_HOUR: Mode.PS,
        }[line.unit]
    return Price(
        component=Component.MACHINE,
        item="machine",
        mode=Mode.SESSION,
        sell_mode=mode,
        sell_value=value,
    )


def _marked_up(sell: RateCard | None) -> tuple[Mode, int]:
    if sell is None or sell.sell is None:
        return Mode.NOTHING, 0
    return Mode.SHARE, PER_MILLION + sell.sell.markup_ppm


def _licence_price(line: LicenceLine) -> tuple[Mode, int]:
    mode = Mode.WORKER if line.unit is LicenceUnit.WORKER_HOUR else Mode.THREAD
    return mode, line.billionths_per_hour


def _licences(lines: Iterable[LicenceLine], work: PricedWork) -> list[LicenceLine]:
    """Return one line for each product the work holds: that of its region, else the general one."""
    found: dict[str, LicenceLine] = {}
    for line in lines:
        if work.app not in line.apps or line.region not in (None, work.region):
            continue
        known = found.get(line.product)
        if known is None or (known.region is None and line.region is not None):
            found[line.product] = line
    return [found[product] for product in sorted(found)]


def _energy(lines: Iterable[EnergyLine], work: PricedWork) -> EnergyLine | None:
    fitting = [
        line
        for line in lines
        if line.fleet_id in (None, work.fleet_id) and line.region in (None, work.region)
    ]
    return max(
        fitting,
        key=lambda line: (line.fleet_id is not None, line.region is not None),
        default=None,
    )


def payers_of(card: RateCard | None) -> Mapping[str, str]:
    """Return who pays for each cause class under a card."""
    return payers({} if card is None or card.terms is None else card.terms.payers)


HOUSE: str = Payer.HOUSE
