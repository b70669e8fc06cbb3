"""Rate cards: versioned prices, resolved once, when a session starts (ledger rule 11.6)."""

from enum import StrEnum

from msgspec import Struct

from grange.kernel.ids import FarmId, FleetId
from grange.kernel.units import Instant, half_even_divide


class RateUnit(StrEnum):
    """What one amount of a rate line buys."""

    WORKER_HOUR = "worker_hour"
    """An hour of the whole machine; a thread pays its share."""
    THREAD_HOUR = "thread_hour"
    PS_HOUR = "ps_hour"
    """An hour of a machine of relative speed 1.0."""


class RateLine(Struct, frozen=True, kw_only=True):
    """One price for machines."""

    line_id: str
    unit: RateUnit
    billionths_per_hour: int
    fleet_id: FleetId | None = None
    """None: every fleet that has no line of its own."""


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


class ThreadRate(Struct, frozen=True, kw_only=True):
    """What one job thread costs per hour, fixed at session start."""

    card_id: str
    line_id: str
    billionths_per_hour: int


def card_at(cards: tuple[RateCard, ...], now: Instant) -> RateCard | None:
    """Return the card in force at `now`, or None if no card has begun yet."""
    begun = [card for card in cards if card.valid_from <= now]
    return max(begun, key=lambda card: (card.valid_from, card.card_id), default=None)


def thread_rate(
    card: RateCard | None, fleet_id: FleetId, threads: int, ps_milli: int
) -> ThreadRate | None:
    """Return the hourly rate of one job thread, or None if the card has no line for the fleet.

    Args:
        card: the card in force.
        fleet_id: the worker's fleet; a line naming it wins over a general one.
        threads: job threads configured on the worker, > 0.
        ps_milli: the worker's relative speed in thousandths.
    """
    if card is None:
        return None
    own = [line for line in card.lines if line.fleet_id == fleet_id]
    general = [line for line in card.lines if line.fleet_id is None]
    for line in own or general:
        amount = line.billionths_per_hour
        if line.unit is RateUnit.WORKER_HOUR:
            amount = half_even_divide(amount, threads)
        elif line.unit is RateUnit.PS_HOUR:
            amount = half_even_divide(amount * ps_milli, 1000 * threads)
        return ThreadRate(card_id=card.card_id, line_id=line.line_id, billionths_per_hour=amount)
    return None


def amount_after(billionths_per_hour: int, elapsed_ms: int) -> int:
    """Return A(t), the exact cost of the first `elapsed_ms` of a session, in billionths.

    A piece [a, b) of a session costs A(b) - A(a), so that any cutting of a session sums to its
    whole.
    """
    return half_even_divide(billionths_per_hour * elapsed_ms, 3_600_000)
