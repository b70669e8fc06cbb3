"""The time that stands in front of a line of a session log."""

import re
from datetime import datetime

from grange.kernel.units import Instant, instant_of

STAMP = re.compile(
    rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d{1,6}(?:Z|[+-]\d\d:?\d\d)) ?", re.ASCII
)
"""What looks like a time at the beginning of a line: its first group, and a space behind it."""


def stamped_at(stamp: bytes) -> Instant | None:
    """Return the instant that a stamp says; None: there is no such time."""
    try:
        return instant_of(datetime.fromisoformat(stamp.decode().replace(",", ".")))
    except ValueError:
        return None
