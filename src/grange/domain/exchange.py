"""Exchange rates: what the wire calls dollars is the farm's money times a dated rate.

A farm keeps its books in one currency. Deadline Cloud's API knows dollars only. A price is
converted with the rate that was in force when the session began; a rate that is put later changes
nothing that went before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant

WIRE_CURRENCY = "USD"


class ExchangeRate(Struct, frozen=True, kw_only=True):
    """What one unit of the farm's currency is worth, from `valid_from` until a later rate."""

    farm_id: FarmId
    rate_id: str
    currency: str = WIRE_CURRENCY
    """What it is worth this many of."""
    billionths: int
    """Billionths of `currency` for one unit of the farm's currency."""
    valid_from: Instant
    created_at: Instant
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRate:
    """A rate and the span it is in force: [start, end); no end: until further notice."""

    start: Instant
    end: Instant | None
    billionths: int


def in_force(rates: Sequence[ExchangeRate]) -> list[DatedRate]:
    """Return the rates in their order, none overlapping: of one date the last put counts."""
    by_start = {
        rate.valid_from: rate
        for rate in sorted(rates, key=lambda one: (one.valid_from, one.created_at, one.rate_id))
    }
    ordered = list(by_start.values())
    ends: list[Instant | None] = [rate.valid_from for rate in ordered[1:]]
    return [
        DatedRate(start=rate.valid_from, end=end, billionths=rate.billionths)
        for rate, end in zip(ordered, [*ends, None][: len(ordered)], strict=True)
    ]
