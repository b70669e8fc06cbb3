"""A simulated past in a data folder of its own: the real store, journal and books beneath it."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.master_key import master_key
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.effects import Effect
from grange.kernel.clock import Clock, VirtualClock
from grange.kernel.errors import ConflictError
from grange.kernel.units import Instant
from grange.services.draft import Context
from grange.services.identity import Identity
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.simulation.bookkeeping import Hour
from grange.simulation.doors import Doors, Tally
from grange.simulation.gathering import GatheringStore
from grange.simulation.ids import SeededIds
from grange.simulation.life import Life
from grange.simulation.plan import StudioPlan
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.fill import fill
from grange.wiring.simulation_books import (
    STATE,
    BooksBeside,
    BooksHere,
    BooksTask,
    rare_collections,
)

_LARGE = 100
"""Days of machines from which on booking gets a process of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A past that was simulated."""

    farm_id: str
    start: Instant
    end: Instant
    seconds: float
    """How long that took."""
    tally: Tally
    samples: int
    """How many samples machines and job threads sent."""


def simulate(
    folder: Path, plan: StudioPlan, *, progress: Callable[[Instant, Tally], None] | None = None
) -> Simulated:
    """Fill an empty data folder with the past of a studio.

    Args:
        folder: the data folder.
        plan: what is simulated.
        progress: is told, at the end of every simulated hour, how far the past has come.

    Raises:
        ConflictError: the folder holds a farm already, or a server holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (folder / STATE).exists():
        raise ConflictError(
            f"{folder} holds a farm already; a past is simulated into a new folder.",
            reason="RESOURCE_ALREADY_EXISTS",
            resource_type="farm",
            resource_id=str(folder),
        )
    with rare_collections():
        return asyncio.run(_simulate(folder, plan, progress or (lambda _at, _tally: None)))


async def _simulate(
    folder: Path, plan: StudioPlan, progress: Callable[[Instant, Tally], None]
) -> Simulated:
    real = SystemClock()
    began = real.monotonic_seconds()
    with FolderLock(folder, started_at=real.now()):
        past = _Past(folder, plan, progress)
        await past.open()
        try:
            await past.life.live()
        finally:
            await past.close()
        await _add_people(folder, real)
    return Simulated(
        farm_id=past.life.farm_id,
        start=plan.start,
        end=plan.end,
        seconds=real.monotonic_seconds() - began,
        tally=past.life.tally,
        samples=past.samples,
    )


async def _add_people(folder: Path, clock: Clock) -> None:
    """Add the users and keys that a server needs."""
    store = SqliteStore(folder / STATE)
    await store.open()
    try:
        identity = Identity(master_key=master_key(folder), store=store, randomness=os.urandom)
        await fill(store, clock, identity, FarmPlan())
    finally:
        await store.close()


class _Past:
    """The services of one simulated past."""

    def __init__(
        self, folder: Path, plan: StudioPlan, progress: Callable[[Instant, Tally], None]
    ) -> None:
        self._progress = progress
        clock = VirtualClock(plan.start)
        self._store = GatheringStore(SqliteStore(folder / STATE, synchronous="NORMAL", readers=1))
        task = BooksTask(folder=folder, plan=plan)
        large = plan.workers * plan.days >= _LARGE
        self._books = BooksBeside(task) if large else BooksHere(task)
        self._owner = Owner(
            self._store,
            clock,
            Context(ids=SeededIds(clock, plan.seed), spaces=TaskSpaces()),
            self._perform,
        )
        self.samples = 0
        self.life = Life(plan, Doors(clock=clock, store=self._store, owner=self._owner, books=self))

    async def open(self) -> None:
        """Open everything."""
        await self._store.open()
        await self._owner.load()
        await self._books.open()

    async def keep(self, hour: Hour) -> None:
        """Hand an hour to the books, and say how far the past has come."""
        await self._books.keep(hour)
        self._progress(hour.end, self.life.tally)

    async def close(self) -> None:
        """Book what is left, and close everything."""
        await self._store.flush()
        self.samples = await self._books.close()
        await self._store.close()

    async def _perform(self, effects: Sequence[Effect]) -> None:
        await self.life.perform(effects)
