"""Shares: how much of the farm a project or user is entitled to, has had of late, and may hold.

What was had fades: thread time counts half after a day. It is kept as the base-2 logarithm of
`∫ threads × 2^(t / HALF_LIFE_MS) dt`, in milliseconds, up to the moment when a thread was last
taken or let go; what open sessions have had since follows from how many they are. So nothing is
written while they work, however many tasks they do.
"""

from enum import StrEnum
from math import exp2, log, log2

from msgspec import Struct
from msgspec.structs import replace

from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_DAY, Instant

HALF_LIFE_MS = MILLIS_PER_DAY
"""Thread time of this long ago counts half."""
_MEAN_LIFE_MS = HALF_LIFE_MS / log(2)


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
    """What was had until `counted_at`; None: nothing."""
    updated_at: Instant | None = None
    updated_by: str | None = None
    """Who set weight or quota."""
    counted_at: Instant | None = None
    """When a thread was last taken or let go; None: never."""


def counted(share: Share, threads: int, now: Instant) -> Share:
    """Return a share with what it had until now, for when a thread is taken or let go.

    Args:
        share: as it was counted last.
        threads: that it had since.
        now: may not be before `counted_at`.
    """
    had = recent_ms(share, threads, now)
    used = now / HALF_LIFE_MS + log2(had) if had >= 1 else None
    return replace(share, used_log2=used, counted_at=now)


def recent_ms(share: Share, threads: int, now: Instant) -> float:
    """Return the thread time that a share has had of late, faded until now.

    Args:
        share: as it was counted last.
        threads: that it had since.
        now: before `counted_at`, nothing has come since.
    """
    used, at = share.used_log2, share.counted_at
    had = 0.0 if used is None else exp2(used - now / HALF_LIFE_MS)
    if threads and at is not None and at < now:
        had += threads * _MEAN_LIFE_MS * (1 - exp2((at - now) / HALF_LIFE_MS))
    return had


def level(share: Share, threads: int, now: Instant, ahead_ms: int) -> float | None:
    """Return what was had against what is due, in powers of two; the lowest comes first.

    Args:
        share: as it was counted last.
        threads: that it had since, and has.
        now: the moment; before `counted_at`, that counts.
        ahead_ms: so much of what its threads will have counts already, so that who has just been
            served is not served again at once.

    Returns:
        The level; it does not change while nothing is had. None: nothing was.
    """
    at = share.counted_at
    if not threads or at is None:
        return None if share.used_log2 is None else share.used_log2 - log2(share.weight_milli)
    at = max(at, now)
    had = recent_ms(share, threads, at) + threads * ahead_ms
    return at / HALF_LIFE_MS + log2(had / share.weight_milli)
