"""What is in use of what is limited: licences by region, job threads of projects and users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeVar

from grange.domain.budgets import Budget, covers
from grange.domain.licences import LicenceCount, LicencePool, PoolKey, Region, region_of_seats
from grange.domain.shares import NEVER, Share, ShareKind
from grange.domain.work import Job, Layer
from grange.kernel.ids import FarmId

K = TypeVar("K")
ShareKey = tuple[ShareKind, str]
REGIONS = tuple(Region)


@dataclass(slots=True)
class Tallies:
    """The limits of one farm, and what is in use."""

    farm_id: FarmId
    version: int = 0
    """Of the pools: what layers take a seat of may be another when it changes."""
    pools: dict[PoolKey, LicencePool] = field(default_factory=dict)
    shares: dict[ShareKey, Share] = field(default_factory=dict)
    levels: dict[ShareKey, float] = field(default_factory=dict)
    quotas: dict[ShareKey, int] = field(default_factory=dict)
    spent: dict[str, Budget] = field(default_factory=dict)
    """Budgets that are spent and stop work, by id."""
    seats: dict[tuple[PoolKey, Region], int] = field(default_factory=dict)
    """Licences in use."""
    told: dict[tuple[PoolKey, Region], LicenceCount] = field(default_factory=dict)
    """What licence servers outside the farm said."""
    threads: dict[ShareKey, int] = field(default_factory=dict)
    """Open sessions."""
    quota_version: int = 0
    """Changes when somebody comes to a quota, or has room in it again."""
    _whose: dict[tuple[PoolKey, Region], tuple[PoolKey, Region]] = field(default_factory=dict)
    """Whose seats count where."""
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
            self._look(key, region)

    def _look(self, key: PoolKey, region: Region) -> None:
        """Note whether seats of a pool are free."""
        most, used = self.seats_of(key, region)
        if most is not None and used >= most:
            self._full.add((key, region))
        else:
            self._full.discard((key, region))

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
        self._look(*key)

    def set_share(self, key: ShareKey, share: Share | None) -> None:
        """Take over a share, or forget it."""
        known = self.shares.get(key)
        if share is not None and known is not None and share.max_threads == known.max_threads:
            self.shares[key] = share
            self.levels[key] = coarse(share.level)
            return
        had = self.quotas.pop(key, None)
        if had != (None if share is None else share.max_threads):
            self.quota_version += 1
        if share is None:
            self.shares.pop(key, None)
            self.levels.pop(key, None)
            return
        self.shares[key] = share
        self.levels[key] = coarse(share.level)
        if share.max_threads is not None:
            self.quotas[key] = share.max_threads

    @property
    def has_full(self) -> bool:
        """Whether any licence is out of seats."""
        return bool(self._full)

    def level(self, kind: ShareKind, name: str) -> float:
        """Return what somebody had against what is due to them."""
        return self.levels.get((kind, name), NEVER)

    def count_seat(self, pool: PoolKey, region: Region, change: int) -> None:
        """Take a seat, or give it back."""
        _count(self.seats, (pool, region), change)
        self._look(pool, region)

    def count_thread(self, project: str, user: str, change: int) -> None:
        """Count a session of a project and user."""
        for key in ((ShareKind.PROJECT, project), (ShareKind.USER, user)):
            most = self.quotas.get(key)
            before = self.threads.get(key, 0)
            _count(self.threads, key, change)
            if most is not None and (before >= most) != (before + change >= most):
                self.quota_version += 1

    def has_quota(self, project: str, user: str) -> bool:
        """True if a project or user may have only so many threads."""
        return (ShareKind.PROJECT, project) in self.quotas or (ShareKind.USER, user) in self.quotas

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
        pool = self.pools.get(key)
        if pool is None:
            return None, 0
        whose = region_of_seats(pool, region)
        most, used = pool.for_region(region).limit, self.seats.get((key, whose), 0)
        if self.told:
            told = self.told.get((key, whose))
            if told is not None and (most is None or told.seats < most):
                most = told.seats
        return most, used

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


def coarse(level: float) -> float:
    """Return a level to the next 1/2048.

    Whoever differs by less is served alike: else every session that begins or ends would change
    the order of everybody on a large farm.
    """
    return round(level * 2048) / 2048 if isfinite(level) else level


def _count(counts: dict[K, int], key: K, by: int) -> None:
    left = counts.get(key, 0) + by
    if left:
        counts[key] = left
    else:
        counts.pop(key, None)
