"""Intervals around what was counted or measured: how sure a figure is. Pure."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054
"""95 of 100 values of a normal distribution lie within this many deviations of its mean."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and between what it lies with 95 %."""

    value: float
    low: float
    high: float


def share_interval(hits: int, count: int) -> Interval | None:
    """Return a share and its Wilson interval; None of nothing."""
    if count <= 0:
        return None
    share = hits / count
    spread = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
    middle = share + Z95**2 / (2 * count)
    below = 1 + Z95**2 / count
    low, high = (middle - spread) / below, (middle + spread) / below
    return Interval(share, max(0.0, low), min(1.0, high))


def ratio_interval(log_mean: float, log_deviation: float | None, count: int) -> Interval | None:
    """Return a mean ratio and its interval, of the mean and deviation of its logarithms.

    None with fewer than two values: nobody knows how far apart they lie.
    """
    if count < 2 or log_deviation is None:
        return None
    spread = Z95 * log_deviation / math.sqrt(count)
    return Interval(math.exp(log_mean), math.exp(log_mean - spread), math.exp(log_mean + spread))
