"""From demand by day to workers needed. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grange.kernel.units import MILLIS_PER_HOUR

LEAST_DAYS = 14
"""A forecast of fewer days of data would be a guess."""
SEASONAL_DAYS = 21
"""From so many days on weekdays are told apart."""
BUSY_SHARE = 0.95
"""Workers are counted for the hour that is busier than this share of all hours."""
_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DayForecast:
    """What one coming day will ask for: a figure, and between what it lies with 95 %."""

    demand_hours: float
    low_hours: float
    high_hours: float

    @classmethod
    def of(cls, mean: float, low: float, high: float) -> "DayForecast":
        """Return a forecast that is never below nothing."""
        return cls(demand_hours=max(0.0, mean), low_hours=max(0.0, low), high_hours=max(0.0, high))


def widening(days: int, parameters: int) -> float:
    """Return how much wider intervals are for days to come than for those the model was fitted to.

    A fit follows the days it knows, so they lie closer to it than others will: by the square root
    of (n + p) / (n - p) for n days and p fitted figures (Akaike's final prediction error).
    """
    return math.sqrt((days + parameters) / max(1, days - parameters))


def peak_factor(hourly_ms: Sequence[int]) -> float:
    """Return how much busier the busy hours are than the mean hour; 1 of nothing.

    Args:
        hourly_ms: machine time of each hour, hours without work too.
    """
    whole = sum(hourly_ms)
    if not whole:
        return 1.0
    ordered = sorted(hourly_ms)
    place = min(len(ordered) - 1, math.ceil(BUSY_SHARE * len(ordered)) - 1)
    return max(1.0, ordered[place] * len(ordered) / whole)


def workers_for(hours: float, factor: float) -> int:
    """Return how many workers a day's demand needs in its busy hours."""
    return math.ceil(round(hours / _HOURS * factor, 9))


def hours_of(millis: float) -> float:
    """Return milliseconds as hours."""
    return millis / MILLIS_PER_HOUR
