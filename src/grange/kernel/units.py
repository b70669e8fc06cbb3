"""Instants, durations, bytes and money: one representation each.

An `Instant` is a whole number of milliseconds since 1970-01-01T00:00:00Z. Money is a whole number
of billionths of the farm's currency. Both are integers, so that sums are exact in any order; they
become `datetime` and `Decimal` only at the edges.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NewType

Instant = NewType("Instant", int)
"""Milliseconds since the Unix epoch, UTC."""

MILLIS_PER_SECOND = 1_000
MILLIS_PER_MINUTE = 60_000
MILLIS_PER_HOUR = 3_600_000
MILLIS_PER_DAY = 86_400_000
BILLIONTHS = 1_000_000_000


def instant_of(moment: datetime) -> Instant:
    """Return `moment` as an Instant, rounded down to the millisecond.

    Raises:
        ValueError: if `moment` carries no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError("A datetime without a time zone names no instant.")
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return Instant(delta.days * MILLIS_PER_DAY + delta.seconds * 1000 + delta.microseconds // 1000)


def datetime_of(instant: Instant) -> datetime:
    """Return `instant` as an aware UTC datetime."""
    seconds, millis = divmod(instant, MILLIS_PER_SECOND)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=millis * 1000)


def iso8601(instant: Instant) -> str:
    """Return `instant` as `2026-01-31T12:00:00.123Z`."""
    seconds, millis = divmod(instant, MILLIS_PER_SECOND)
    return f"{_iso8601_of_second(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=1024)
def _iso8601_of_second(seconds: int) -> str:
    """Return a second without its end: logs and requests name the same one again and again."""
    return datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None).isoformat()


def half_even_divide(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded half to even, exactly.

    Raises:
        ZeroDivisionError: if the denominator is 0.
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(numerator, denominator)
    twice = remainder * 2
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def billionths_of(amount: Decimal) -> int:
    """Return an amount of money as whole billionths, rounded half to even."""
    return int((amount * BILLIONTHS).to_integral_value(rounding="ROUND_HALF_EVEN"))


def decimal_of(billionths: int) -> Decimal:
    """Return whole billionths as an exact Decimal amount."""
    return Decimal(billionths).scaleb(-9)


def amount_text(billionths: int) -> str:
    """Return whole billionths as decimal text with all nine digits, never with an exponent."""
    return f"{decimal_of(billionths):f}"
