"""Budgets: what is spent, and when the rest will be gone at the pace of the last days."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from grange.kernel.units import MILLIS_PER_DAY, Instant

PACE_DAYS = 14
LEAST_DAYS = 3
_SPREAD = 1.645
"""Nine of ten times the pace lies within this many standard errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Spending a day, in billionths, with bounds that hold nine of ten times."""

    days: int
    mean: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """When a budget will be used up."""

    pace: Pace | None
    """None: too few days to tell."""
    exhausted_at: Instant | None
    """None: not at this pace, or not to be told."""
    earliest_at: Instant | None
    latest_at: Instant | None
    advice: str
    """Why nothing is forecast; empty if something is."""


def pace_of(daily: Sequence[int]) -> Pace | None:
    """Return the pace of whole days, the latest last; None of fewer than three."""
    days = list(daily)[-PACE_DAYS:]
    if len(days) < LEAST_DAYS:
        return None
    mean = sum(days) / len(days)
    variance = sum((day - mean) ** 2 for day in days) / (len(days) - 1)
    error = _SPREAD * sqrt(variance / len(days))
    return Pace(days=len(days), mean=mean, least=max(0.0, mean - error), most=mean + error)


def outlook(amount: int, spent: int, daily: Sequence[int], now: Instant) -> Outlook:
    """Return when a budget will be used up, at the pace of the last days.

    Args:
        amount: of the budget, billionths.
        spent: of it, until now.
        daily: what was spent on each whole day of the budget, the latest last.
        now: when it is asked.
    """
    pace = pace_of(daily)
    if spent >= amount:
        return Outlook(pace=pace, exhausted_at=now, earliest_at=now, latest_at=now, advice="")
    if pace is None:
        return Outlook(
            pace=None, exhausted_at=None, earliest_at=None, latest_at=None,
            advice=f"A forecast needs {LEAST_DAYS} whole days; there are {len(daily)}.",
        )  # fmt: skip
    left = amount - spent

    def gone(per_day: float) -> Instant | None:
        return None if per_day <= 0 else Instant(now + round(left / per_day * MILLIS_PER_DAY))

    likely = gone(pace.mean)
    return Outlook(
        pace=pace,
        exhausted_at=likely,
        earliest_at=gone(pace.most),
        latest_at=gone(pace.least),
        advice="" if likely is not None else "Nothing was spent in the last days.",
    )
