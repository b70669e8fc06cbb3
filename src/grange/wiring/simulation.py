"""A simulated past in a data folder of its own: the real store, journal and books beneath it."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.master_key import master_key
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.effects import Effect
from grange.kernel.clock import Clock, VirtualClock
from grange.kernel.errors import ConflictError
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.services.books.drain import Drain
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import Ingest
from grange.services.books.library import Books
from grange.services.draft import Context
from grange.services.identity import Identity
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.simulation.doors import Doors, Tally
from grange.simulation.gathering import GatheringStore
from grange.simulation.ids import SeededIds
from grange.simulation.life import Life
from grange.simulation.plan import StudioPlan
from grange.simulation.server_room import server_samples
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.fill import fill

_BOOKS_MIB = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A past that was simulated."""

    farm_id: str
    start: Instant
    end: Instant
    seconds: float
    """How long that took."""
    tally: Tally


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
    if (folder / "state.db").exists():
        raise ConflictError(
            f"{folder} holds a farm already; a past is simulated into a new folder.",
            reason="RESOURCE_ALREADY_EXISTS",
            resource_type="farm",
            resource_id=str(folder),
        )
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
    )


async def _add_people(folder: Path, clock: Clock) -> None:
    """Add the users and keys that a server needs."""
    store = SqliteStore(folder / "state.db")
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
        self._clock = clock = VirtualClock(plan.start)
        self._store = GatheringStore(
            SqliteStore(folder / "state.db", synchronous="NORMAL", readers=1)
        )
        # A simulation that is cut short is run again, so nothing has to survive a power cut.
        self._journal = FileJournal(folder / "journal", clock, flush=lambda _: None)
        self._commit = GroupCommit(self._journal, clock)
        self._drain = Drain(self._store, self._commit, clock)
        self._books = Books(
            store=SqliteStore(folder / "state.db", synchronous="NORMAL", readers=1),
            journal=JournalFolder(folder / "journal"),
            blocks=ParquetBlocks(folder),
            engine=DuckEngine(folder, threads=1, memory_mib=_BOOKS_MIB),
            clock=clock,
        )
        self._sealing: asyncio.Task[object] | None = None
        self._minute = plan.start
        self._workers = plan.workers
        self._owner = Owner(
            self._store,
            clock,
            Context(ids=SeededIds(clock, plan.seed), spaces=TaskSpaces()),
            self._perform,
        )
        self.life = Life(
            plan,
            Doors(
                clock=clock,
                store=self._store,
                owner=self._owner,
                ingest=Ingest(self._commit, clock),
                hour_is_over=self._hour_is_over,
            ),
        )

    async def open(self) -> None:
        """Open everything."""
        await self._store.open()
        await self._owner.load()
        await asyncio.to_thread(self._books.open)

    async def close(self) -> None:
        """Book what is left, and close everything."""
        await self._drain.drain()
        await self._sealed()
        await self._commit.finish()
        await self._store.flush()
        self._seal(self._clock.now())
        await self._sealed()
        await asyncio.to_thread(self._books.compact)
        await asyncio.to_thread(self._books.close)
        self._journal.close()
        await self._store.close()

    async def _perform(self, effects: Sequence[Effect]) -> None:
        await self.life.perform(effects)

    async def _hour_is_over(self, until: Instant) -> None:
        rows = server_samples(self.life.farm_id, self._minute, until, self._workers)
        self._minute = until
        await self._commit.keep([(self.life.farm_id, "server_samples", rows)], 200 * len(rows))
        await self._drain.drain()
        if until % MILLIS_PER_DAY == 0:
            await self._sealed()
            self._seal(until)
        self._progress(until, self.life.tally)

    def _seal(self, until: Instant) -> None:
        """Seal everything up to now while the next day is simulated."""
        seal = asyncio.to_thread(self._books.seal_day, until, self._journal.last_sequence)
        self._sealing = asyncio.create_task(seal)

    async def _sealed(self) -> None:
        """Wait until the day before is sealed."""
        if self._sealing is not None:
            await self._sealing
            self._sealing = None
