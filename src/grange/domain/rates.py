"""Rate cards: versioned prices, resolved once, when a session starts (ledger rule 11.6).

A cost card says what the farm pays; a sell card says what a client pays. Both have lines for
machines, and terms for everything else: licences, energy, overheads, idle time, discounts, payers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from grange.kernel.ids import FarmId, FleetId
from grange.kernel.units import Instant, half_even_divide

PER_MILLION = 1_000_000
"""Shares are whole millionths: 5 % is 50,000."""


class RateUnit(StrEnum):
    """What one amount of a rate line buys."""

    WORKER_HOUR = "worker_hour"
    """An hour of the whole machine; a thread pays its share."""
    THREAD_HOUR = "thread_hour"
    PS_HOUR = "ps_hour"
    """An hour of a machine of relative speed 1.0."""


class RateLine(Struct, frozen=True, kw_only=True):
    """One price for machines. Of the lines that fit, the one that says most counts."""

    line_id: str
    unit: RateUnit
    billionths_per_hour: int
    fleet_id: FleetId | None = None
    """None: every fleet that has no line of its own."""
    region: str | None = None
    """None: every region that has no line of its own."""
    app: str | None = None
    """None: every application that has no line of its own."""


class LicenceUnit(StrEnum):
    """How many licences work takes."""

    THREAD_HOUR = "thread_hour"
    """One for each job thread."""
    WORKER_HOUR = "worker_hour"
    """One for each machine; a thread pays its share."""


class LicenceLine(Struct, frozen=True, kw_only=True):
    """The price of a licence while work of its applications runs."""

    product: str
    unit: LicenceUnit
    billionths_per_hour: int
    apps: tuple[str, ...]
    """Work of these applications holds it."""
    region: str | None = None
    limit: int | None = None
    """How many there are; None: unlimited, or not known."""


class EnergySource(StrEnum):
    """Where a machine's power is known from."""

    RATED = "rated"
    MEASURED = "measured"
    """From samples, where at least half of the session was watched; else rated."""


class EnergyLine(Struct, frozen=True, kw_only=True):
    """The price of energy."""

    billionths_per_kwh: int
    source: EnergySource = EnergySource.RATED
    watts_milli: int | None = None
    """Power of machines that do not say theirs; None: they cost no energy."""
    fleet_id: FleetId | None = None
    region: str | None = None


class OverheadLine(Struct, frozen=True, kw_only=True):
    """A cost beside machines: rent, staff, storage. It has an amount a month or a share."""

    name: str
    billionths_per_month: int | None = None
    machine_ppm: int | None = None
    """Millionths of the machine's price, on every session."""
    payer: str = "house"


class Discount(Struct, frozen=True, kw_only=True):
    """A share off the price of machines, for the work it names. Several multiply."""

    name: str
    ppm: int
    """Millionths off; negative: a surcharge."""
    fleet_id: FleetId | None = None
    queue_id: str | None = None
    project: str | None = None
    user_name: str | None = None
    app: str | None = None


class Idle(StrEnum):
    """What becomes of idle machine time."""

    APART = "apart"
    """It is a line of its own, which the house pays."""
    ALLOCATED = "allocated"
    """It is divided among the work of the month, by machine time."""


class SellTerms(Struct, frozen=True, kw_only=True):
    """Makes a card a sell card: what a client pays for its projects."""

    client: str
    projects: tuple[str, ...]
    markup_ppm: int = 0
    """Millionths on top of cost, where the card has no price of its own."""


class CardTerms(Struct, frozen=True, kw_only=True):
    """The prices of a card beside machines."""

    licences: tuple[LicenceLine, ...] = ()
    energy: tuple[EnergyLine, ...] = ()
    overheads: tuple[OverheadLine, ...] = ()
    discounts: tuple[Discount, ...] = ()
    idle: Idle = Idle.APART
    payers: Mapping[str, str] = {}
    """Cause class → client or house, where it is not the default."""
    sell: SellTerms | None = None


class RateCard(Struct, frozen=True, kw_only=True):
    """The prices of a farm from `valid_from` until a later card begins."""

    farm_id: FarmId
    card_id: str
    name: str
    valid_from: Instant
    example: bool = False
    """True for the demo's invented prices; every figure made with them says EXAMPLE."""
    lines: tuple[RateLine, ...]
    created_at: Instant
    created_by: str
    terms: CardTerms | None = None

    @property
    def sell(self) -> SellTerms | None:
        """Whom the card sells to; None for a cost card."""
        return None if self.terms is None else self.terms.sell


class ThreadRate(Struct, frozen=True, kw_only=True):
    """What one job thread costs per hour, fixed at session start."""

    card_id: str
    line_id: str
    billionths_per_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedWork:
    """What a price may depend on, as it was when the session began."""

    fleet_id: str
    region: str | None = None
    app: str | None = None
    queue_id: str | None = None
    project: str | None = None
    user_name: str | None = None


def card_at(cards: Sequence[RateCard], now: Instant) -> RateCard | None:
    """Return the cost card in force at `now`, or None if no card has begun yet."""
    begun = [card for card in cards if card.valid_from <= now and card.sell is None]
    return max(begun, key=lambda card: (card.valid_from, card.card_id), default=None)


def machine_line(lines: Sequence[RateLine], work: PricedWork) -> RateLine | None:
    """Return the line that fits the work and says most: its fleet, then region, then app."""
    fitting = [
        line
        for line in lines
        if line.fleet_id in (None, work.fleet_id)
        and line.region in (None, work.region)
        and line.app in (None, work.app)
    ]
    return max(
        fitting,
        key=lambda line: (
            line.fleet_id is not None,
            line.region is not None,
            line.app is not None,
        ),
        default=None,
    )


def thread_rate(
    card: RateCard | None,
    fleet_id: FleetId,
    threads: int,
    ps_milli: int,
    work: PricedWork | None = None,
) -> ThreadRate | None:
    """Return the hourly rate of one job thread, or None if the card has no line for the fleet.

    Args:
        card: the card in force.
        fleet_id: the worker's fleet; a line naming it wins over a general one.
        threads: job threads configured on the worker, > 0.
        ps_milli: the worker's relative speed in thousandths.
        work: what else lines and discounts may name; None: only the fleet is known.
    """
    if card is None:
        return None
    of = work or PricedWork(fleet_id=fleet_id)
    line = machine_line(card.lines, of)
    if line is None:
        return None
    above, below = line.billionths_per_hour, 1
    if line.unit is RateUnit.WORKER_HOUR:
        below = threads
    elif line.unit is RateUnit.PS_HOUR:
        above, below = above * ps_milli, 1000 * threads
    for discount in discounts_on(card, of):
        above, below = above * (PER_MILLION - discount.ppm), below * PER_MILLION
    return ThreadRate(
        card_id=card.card_id,
        line_id=line.line_id,
        billionths_per_hour=half_even_divide(above, below),
    )


def discounts_on(card: RateCard, work: PricedWork) -> list[Discount]:
    """Return the discounts of a card that the work gets."""
    if card.terms is None:
        return []
    return [
        discount
        for discount in card.terms.discounts
        if discount.fleet_id in (None, work.fleet_id)
        and discount.queue_id in (None, work.queue_id)
        and discount.project in (None, work.project)
        and discount.user_name in (None, work.user_name)
        and discount.app in (None, work.app)
    ]


def amount_after(billionths_per_hour: int, elapsed_ms: int) -> int:
    """Return A(t), the exact cost of the first `elapsed_ms` of a session, in billionths.

    A piece [a, b) of a session costs A(b) - A(a), so that any cutting of a session sums to its
    whole.
    """
    return half_even_divide(billionths_per_hour * elapsed_ms, 3_600_000)
