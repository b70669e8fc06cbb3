"""What is in use of what is limited: licences by region, job threads of projects and users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from grange.domain.budgets import Budget, covers
from grange.domain.licences import LicenceCount, LicencePool, PoolKey, Region, region_of_seats
from grange.domain.shares import Share, ShareKind, level
from grange.domain.work import Job, Layer
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant

K = TypeVar("K")
ShareKey = tuple[ShareKind, str]
REGIONS = tuple(Region)
LEAST = -(2**62)
"""The level of who has had nothing."""
_PROJECT, _USER = ShareKind.PROJECT, ShareKind.USER
AHEAD_MS = 30_000
"""Of a thread's time count in advance."""
SETTLED_EVERY_MS = 10_000
"""What sessions have had while they work is looked at so often. Projects come no nearer to their
shares by being compared more often."""
_STEPS = 2048
"""Of a level: whoever differs by less is served alike. Else every session that begins or ends would
change the order of everybody on a large farm."""


class Changes:
    """Counts what makes answers stale that are remembered."""

    __slots__ = ("firsts", "lanes", "shares")

    def __init__(self) -> None:
        self.shares = False
        """Somebody's share has changed since it was asked who comes first."""
        self.lanes = 0
        """Lanes that became empty, or not, or more urgent; licences that went out, or came back."""
        self.firsts = 0
        """Layers that perhaps come first now, or no more."""


@dataclass(slots=True)
class Tallies:
    """The limits of one farm, and what is in use."""

    farm_id: FarmId
    changes: Changes = field(default_factory=Changes)
    """Told when seats of a pool are all taken, or free again."""
    version: int = 0
    """Of the pools: what layers take a seat of may be another when it changes."""
    pools: dict[PoolKey, LicencePool] = field(default_factory=dict)
    shares: dict[ShareKey, Share] = field(default_factory=dict)
    levels: dict[ShareKey, int] = field(default_factory=dict)
    """Of the shares as they were when somebody asked who comes first."""
    quotas: dict[ShareKey, int] = field(default_factory=dict)
    spent: dict[str, Budget] = field(default_factory=dict)
    """Budgets that are spent and stop work, by id."""
    seats: dict[tuple[PoolKey, Region], int] = field(default_factory=dict)
    """Licences in use."""
    told: dict[tuple[PoolKey, Region], LicenceCount] = field(default_factory=dict)
    """What licence servers outside the farm said."""
    threads: dict[ShareKey, int] = field(default_factory=dict)
    """Open sessions."""
    changed: dict[ShareKey, None] = field(default_factory=dict)
    """Whose level may be another one now."""
    at: Instant = Instant(0)
    """What was had until then counts."""
    quota_version: int = 0
    """Changes when somebody comes to a quota, or has room in it again."""
    _whose: dict[tuple[PoolKey, Region], tuple[PoolKey, Region]] = field(default_factory=dict)
    """Whose seats count where."""
    _most: dict[tuple[PoolKey, Region], int] = field(default_factory=dict)
    """How many seats there are of each kind; what is not in it is not limited."""
    _full: set[tuple[PoolKey, Region]] = field(default_factory=set)
    """Seats of which none is free."""

    def set_pool(self, key: PoolKey, pool: LicencePool | None) -> None:
        """Take over a pool, or forget it."""
        self.version += (pool is None) != (key not in self.pools)
        if pool is None:
            self.pools.pop(key, None)
        else:
            self.pools[key] = pool
        for region in REGIONS:
            if pool is None:
                self._whose.pop((key, region), None)
            else:
                self._whose[key, region] = (key, region_of_seats(pool, region))
            self._limit(key, region)
        self.changes.lanes += 1

    def _limit(self, key: PoolKey, region: Region) -> None:
        """Take in how many seats of a pool a region has of its own."""
        seat, pool = (key, region), self.pools.get(key)
        most = None
        if pool is not None and self._whose[seat] == seat:
            most, told = pool.for_region(region).limit, self.told.get(seat)
            if told is not None and (most is None or told.seats < most):
                most = told.seats
        if most is None:
            self._most.pop(seat, None)
        else:
            self._most[seat] = most
        self._look(seat)

    def _look(self, seat: tuple[PoolKey, Region]) -> None:
        """Note whether seats of a pool are free."""
        most = self._most.get(seat)
        is_full = most is not None and self.seats.get(seat, 0) >= most
        if is_full == (seat in self._full):
            return
        self.changes.lanes += 1
        if is_full:
            self._full.add(seat)
        else:
            self._full.discard(seat)

    def set_budget(self, budget_id: str, budget: Budget | None) -> bool:
        """Take over a budget, or forget it; True if other work is stopped than before."""
        before = self.spent.get(budget_id)
        after = budget if budget is not None and budget.stops and budget.exhausted else None
        if before == after:
            return False
        self.version += 1
        if after is None:
            del self.spent[budget_id]
        else:
            self.spent[budget_id] = after
        return True

    def spent_of(self, job: Job, layer: Layer) -> str:
        """Return the name of the budget that is spent and stops a layer; empty: none does."""
        if not self.spent:
            return ""
        names = [one.name for one in self.spent.values() if covers(one, job, layer)]
        return min(names, default="")

    def set_told(self, key: tuple[PoolKey, Region], told: LicenceCount | None) -> None:
        """Take over what a licence server said, or forget it."""
        if told is None:
            self.told.pop(key, None)
        else:
            self.told[key] = told
        self._limit(*key)

    def set_share(self, key: ShareKey, share: Share | None) -> None:
        """Take over a share, or forget it; its level is left as it is, see `settle`."""
        self.changed[key] = None
        self.changes.shares = True
        known = self.shares.get(key)
        if share is None:
            self.shares.pop(key, None)
        else:
            self.shares[key] = share
        quota = None if share is None else share.max_threads
        if quota == (None if known is None else known.max_threads):
            return
        self.quota_version += 1
        self.changes.firsts += 1
        if quota is None:
            del self.quotas[key]
        else:
            self.quotas[key] = quota

    def settle(self, key: ShareKey) -> int:
        """Give a share the level that is its own by now; return by how much it changed."""
        share = self.shares.get(key)
        before = self.levels.get(key, LEAST)
        if share is None:
            self.levels.pop(key, None)
            return LEAST - before
        found = level(share, self.threads.get(key, 0), self.at, AHEAD_MS)
        self.levels[key] = after = LEAST if found is None else round(found * _STEPS)
        return after - before

    def pass_time(self, at: Instant) -> None:
        """Take in what open sessions have had until now."""
        self.at = at
        self.changed.update(dict.fromkeys(self.threads))
        self.changes.shares = True

    def level(self, kind: ShareKind, name: str) -> int:
        """Return what somebody had against what is due to them."""
        return self.levels.get((kind, name), LEAST)

    def count_seat(self, pool: PoolKey, region: Region, change: int) -> None:
        """Take a seat, or give it back."""
        seat = (pool, region)
        _count(self.seats, seat, change)
        self._look(seat)

    def count_thread(self, project: str, user: str, change: int) -> None:
        """Count a session of a project and user."""
        self.changes.shares = True
        for key in ((_PROJECT, project), (_USER, user)):
            before = _count(self.threads, key, change)
            self.changed[key] = None
            if not self.quotas:
                continue
            most = self.quotas.get(key)
            if most is not None and (before >= most) != (before + change >= most):
                self.quota_version += 1
                self.changes.firsts += 1

    def is_at_quota(self, project: str, user: str) -> bool:
        """True if a project or user has as many threads as it may, and would have room for one."""
        return any(
            self.over_quota(kind, name) and not self.over_quota(kind, name, less=1)
            for kind, name in ((_PROJECT, project), (_USER, user))
        )

    def over_quota(self, kind: ShareKind, name: str, *, less: int = 0) -> bool:
        """True if a project or user has as many threads as it may, `less` that are given back."""
        most = self.quotas.get((kind, name))
        return most is not None and self.threads.get((kind, name), 0) - less >= most

    def taken(self, wanted: tuple[PoolKey, ...], region: Region) -> PoolKey | None:
        """Return the first pool without a free seat in the region; None: all have one."""
        for key in wanted:
            if self._whose.get((key, region)) in self._full:
                return key
        return None

    def taken_everywhere(self, wanted: tuple[PoolKey, ...]) -> bool:
        """True if in no region there is a free seat of every pool."""
        return all(self.taken(wanted, region) is not None for region in REGIONS)

    def seats_of(self, key: PoolKey, region: Region) -> tuple[int | None, int]:
        """Return how many seats there are in a region (None: any number), and how many are used."""
        whose = self._whose.get((key, region))
        return (None, 0) if whose is None else (self._most.get(whose), self.seats.get(whose, 0))

    def told_of(self, key: PoolKey, region: Region) -> LicenceCount | None:
        """Return what the licence server of a pool said last; None: nobody asks one."""
        pool = self.pools.get(key)
        return None if pool is None else self.told.get((key, region_of_seats(pool, region)))

    def snapshot(self) -> Mapping[str, object]:
        """Return everything, in a form that compares equal to a rebuilt one."""
        return {
            "pools": dict(self.pools),
            "shares": dict(self.shares),
            "seats": dict(self.seats),
            "told": dict(self.told),
            "spent": dict(self.spent),
            "threads": dict(self.threads),
        }


def _count(counts: dict[K, int], key: K, by: int) -> int:
    """Count one more or less, and return how many there were before."""
    before = counts.get(key, 0)
    if before + by:
        counts[key] = before + by
    else:
        counts.pop(key, None)
    return before
