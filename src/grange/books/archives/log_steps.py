"""Minutes of log streams as steps of a ring: what a log said becomes rows for ten years."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from grange.books.archives.arithmetic import Floats, Steps
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import PROFILES
from grange.domain.series import DataSource

MINUTE = 60
HOUR = 3600
LATENCY, TIMED = 0, 1
LOG_SOURCES = ("latency_ms", "timed", "bytes", "files", "errors", "late")
"""Milliseconds on the way, files of which they are known, sizes, files, errors, late files."""
_ONE_MINUTE = 0.9999
"""A row is known if one of its minutes is: most minutes of a quiet stream have no latency, and its
slowest file of the day must not be lost for that."""


def log_ring() -> RingSpec:
    """Return what the ring of a log stream of one machine is made of."""
    return RingSpec(
        step_seconds=MINUTE,
        heartbeat_seconds=2 * MINUTE,
        sources=tuple(DataSource(index=n, label=label) for n, label in enumerate(LOG_SOURCES)),
        archives=tuple(replace(archive, xff=_ONE_MINUTE) for archive in PROFILES["metpx"]),
        extremes=True,
    )


def log_steps(
    minutes: Sequence[Mapping[str, Any]], *, since: int, until: int, read_until: int
) -> Steps:
    """Return the minutes of a stream as steps.

    A minute is known if its hour holds a line of the stream, and the machine's logs were read up
    to it. Of a known minute without a line every count is zero; how long files took is unknown.

    Args:
        minutes: rows with lines: `minute_at` (seconds), counts, sums and extremes.
        since: the second the first step begins at.
        until: the second the last step ends at.
        read_until: the second of the machine's latest line.
    """
    count = max(0, (until - since) // MINUTE)
    values = np.full((count, len(LOG_SOURCES)), np.nan)
    hours = {row["minute_at"] // HOUR for row in minutes}
    starts = since + MINUTE * np.arange(count)
    heard = np.isin(starts // HOUR, list(hours)) & (starts <= read_until)
    values[heard, TIMED:] = 0.0
    least, most, totals = values.copy(), values.copy(), np.zeros_like(values)
    for row in minutes:
        place = (row["minute_at"] - since) // MINUTE
        if not 0 <= place < count:
            continue
        values[place, TIMED:] = [row[name] for name in LOG_SOURCES[TIMED:]]
        if row["timed"]:
            values[place, LATENCY] = row["latency_sum"] / row["timed"]
            least[place, LATENCY] = row["latency_low"]
            most[place, LATENCY] = row["latency_high"]
            totals[place, LATENCY] = row["latency_sum"]
    least[:, TIMED:] = most[:, TIMED:] = values[:, TIMED:]
    counted = values[:, TIMED:]
    totals[:, TIMED:] = np.where(np.isnan(counted), 0.0, counted)
    known: Floats = np.where(np.isnan(values), 0.0, float(MINUTE))
    return Steps(
        first=since // MINUTE,
        values=values,
        least=least,
        most=most,
        totals=totals,
        known=known,
    )
