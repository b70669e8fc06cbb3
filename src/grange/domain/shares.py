"""Shares: how much of the farm a project or user is entitled to, has had of late, and may hold.

What was had fades: thread time counts half after a day. Usage is kept as the base-2 logarithm of
`Σ milliseconds × 2^(when / HALF_LIFE_MS)`, which does not change as time passes, so that the order
of shares changes only when somebody uses something.
"""

from enum import StrEnum
from math import exp2, log2

from msgspec import Struct
from msgspec.structs import replace

from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_DAY, Instant

HALF_LIFE_MS = MILLIS_PER_DAY
"""Thread time of this long ago counts half."""
NEVER = float("-inf")
"""The level of who has had nothing."""


class ShareKind(StrEnum):
    """Whose share it is."""

    PROJECT = "project"
    USER = "user"

    __hash__ = str.__hash__


class Share(Struct, frozen=True, kw_only=True, gc=False):
    """The share of one project or user in a farm."""

    farm_id: FarmId
    kind: ShareKind
    name: str
    weight_milli: int = 1000
    """Twice the weight is entitled to twice the thread time."""
    max_threads: int | None = None
    """The quota: at most so many job threads at a time; None: any number."""
    used_log2: float | None = None
    """What was had of late; None: nothing."""
    updated_at: Instant | None = None
    updated_by: str | None = None
    """Who set weight or quota."""

    @property
    def level(self) -> float:
        """What was had against what is due; the lowest level comes first."""
        return NEVER if self.used_log2 is None else self.used_log2 - log2(self.weight_milli)


def charged(share: Share, millis: int, now: Instant) -> Share:
    """Return a share after so much thread time; less than nothing gives back what was too much."""
    days, used = now / HALF_LIFE_MS, share.used_log2
    has = millis if used is None else exp2(used - days) + millis
    return replace(share, used_log2=days + log2(has) if has >= 1 else None)


def recent_ms(share: Share, now: Instant) -> float:
    """Return the thread time that a share has had of late, faded until now."""
    return 0.0 if share.used_log2 is None else exp2(share.used_log2 - now / HALF_LIFE_MS)
