"""How many jobs of a farm render, wait and have failed: all of them, however many there are."""

from dataclasses import dataclass, field

import msgspec

from grange.domain.statuses import LEASED, TaskRunStatus
from grange.domain.work import Job
from grange.kernel.clock import Clock
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.ports.state import AllOf, Compare, OneOf, StateStore
from grange.services.reads.board import shown

_KEPT_MS = 2000


class JobNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a farm are in what state."""

    rendering: int
    """They have a task at work."""
    waiting: int
    """They have not ended, and have none."""
    failed: int
    """They ended so within a day."""


@dataclass(slots=True)
class JobCounter:
    """Counts jobs, for all who ask within two seconds at once."""

    store: StateStore
    clock: Clock
    _known: dict[str, tuple[Instant, JobNumbers]] = field(default_factory=dict)

    async def of(self, farm_id: str) -> JobNumbers:
        """Return the numbers of a farm."""
        now = self.clock.now()
        known = self._known.get(farm_id)
        if known is not None and now - known[0] < _KEPT_MS:
            return known[1]
        own, is_open = shown(farm_id), Compare("ended_at", "=", None)
        at_work = OneOf("status", tuple(status.value for status in sorted(LEASED)))
        every = await self.store.count(Job, AllOf((own, is_open)))
        rendering = await self.store.count(Job, AllOf((own, is_open, at_work)))
        has_failed = Compare("status", "=", TaskRunStatus.FAILED.value)
        lately = Compare("ended_at", ">=", now - MILLIS_PER_DAY)
        failed = await self.store.count(Job, AllOf((own, has_failed, lately)))
        found = JobNumbers(rendering=rendering, waiting=max(0, every - rendering), failed=failed)
        self._known[farm_id] = (now, found)
        return found
