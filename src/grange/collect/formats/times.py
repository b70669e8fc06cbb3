"""Calendar times as instants, many at once."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.formats.text import Numbers

MILLIS_PER_DAY = 86_400_000
_MONTH_DAYS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def days_of(year: Numbers, month: Numbers, day: Numbers) -> Numbers:
    """Return days since 1970-01-01 of dates of the Gregorian calendar."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Numbers = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days


def real_date(year: Numbers, month: Numbers, day: Numbers) -> Any:
    """Return which dates exist."""
    known = (month >= 1) & (month <= 12) & (day >= 1)
    last = _MONTH_DAYS[np.clip(month, 1, 12) - 1]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return known & (day <= last - ((month == 2) & ~leap))


def in_zone(local_ms: Numbers, zone: str) -> Numbers:
    """Return wall clock times as instants; in a repeated hour the earlier pass is meant."""
    if zone == "UTC" or not len(local_ms):
        return local_ms
    naive = pa.array(local_ms).cast(pa.timestamp("ms"))
    found = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest")
    millis: Numbers = found.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return millis
