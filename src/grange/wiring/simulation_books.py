"""The books' side of a simulated past: in the same process, or in one of its own.

Deciding keeps one core busy and booking another, so a large past is made by two processes.
"""

import asyncio
import gc
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.config.client import environment_with
from grange.kernel.clock import VirtualClock
from grange.kernel.units import MILLIS_PER_DAY
from grange.server.serve import GC_THRESHOLDS
from grange.server.supervisor import die_with_parent
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import Ingest
from grange.services.library import Books
from grange.simulation.bookkeeping import Bookkeeper, Hour
from grange.simulation.plan import StudioPlan

STATE = "state.db"
ROLL_DAYS = 28
"""So many days are rolled up at once; each time the minutes of the last days are, too."""
_BOOKS_MIB = 1024
_HOURS_AHEAD = 336
"""How far deciding may run ahead of booking."""
_KEEPS_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MIMALLOC_PURGE_DELAY": "2000",
}
"""What is given back is asked for again at once: a quarter of booking went into blank pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksTask:
    """What a books' side is started with."""

    folder: Path
    plan: StudioPlan
    threads: int = 1


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for lost objects rarely: a past makes a great many objects, and hardly any cycles."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class BooksHere:
    """The books of a past in this process."""

    def __init__(self, task: BooksTask) -> None:
        folder, plan = task.folder, task.plan
        self._plan = plan
        self._clock = clock = VirtualClock(plan.start)
        # A simulation that is cut short is run again, so nothing has to survive a power cut.
        self._journal = FileJournal(folder / "journal", clock, flush=lambda _: None)
        self._commit = GroupCommit(self._journal, clock)
        self._books = Books(
            store=SqliteStore(folder / STATE, synchronous="NORMAL", readers=1),
            journal=JournalFolder(folder / "journal"),
            blocks=ParquetBlocks(folder),
            engine=DuckEngine(folder, threads=task.threads, memory_mib=_BOOKS_MIB),
            clock=clock,
        )
        self._keeper = Bookkeeper(
            clock=clock,
            commit=self._commit,
            ingest=Ingest(self._commit, clock),
            seed=plan.seed,
            start=plan.start,
            samples=plan.samples,
        )
        self._rolled_at = plan.start
        self._sealing: asyncio.Task[object] | None = None

    async def open(self) -> None:
        """Open the books; the state must be there."""
        await asyncio.to_thread(self._books.open)

    async def keep(self, hour: Hour) -> None:
        """Take everything of an hour; seal the day if it was its last."""
        await self._keeper.keep(hour)
        if not hour.last and hour.end % MILLIS_PER_DAY:
            return
        await self._keeper.end_day(hour.end)
        await self._commit.finish()
        await self._sealed()
        due = hour.last or hour.end - self._rolled_at >= ROLL_DAYS * MILLIS_PER_DAY
        if due:
            self._rolled_at = hour.end
        seal = asyncio.to_thread(
            self._books.seal_day, hour.end, self._journal.last_sequence, roll=due
        )
        self._sealing = asyncio.create_task(seal)

    async def close(self) -> int:
        """Finish and close the books; returns how many samples they hold."""
        await self._sealed()
        await asyncio.to_thread(self._books.expire)
        await asyncio.to_thread(self._books.close)
        self._journal.close()
        return self._keeper.sample_count

    async def _sealed(self) -> None:
        """Wait until the day before is sealed."""
        if self._sealing is not None:
            await self._sealing
            self._sealing = None


class BooksBeside:
    """The books of a past in a process of their own."""

    def __init__(self, task: BooksTask) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(os.getpid())],
                pass_fds=(theirs.fileno(),),
                env=environment_with(_KEEPS_MEMORY),
            )
        self._ours = Connection(ours.detach())
        self._ours.send(task)
        self._ahead = 0

    async def open(self) -> None:
        """Open the books; the state must be there."""
        await asyncio.to_thread(self._call, "open", None)

    async def keep(self, hour: Hour) -> None:
        """Hand an hour over; wait if the books have fallen far behind."""
        self._ours.send(("keep", hour))
        self._ahead += 1
        while self._ahead and (self._ours.poll() or self._ahead > _HOURS_AHEAD):
            await asyncio.to_thread(self._answer)
            self._ahead -= 1

    async def close(self) -> int:
        """Finish and close the books; returns how many samples they hold."""
        while self._ahead:
            await asyncio.to_thread(self._answer)
            self._ahead -= 1
        count: int = await asyncio.to_thread(self._call, "close", None)
        self._ours.close()
        await asyncio.to_thread(self._process.wait)
        return count

    def _call(self, name: str, argument: Any) -> Any:
        self._ours.send((name, argument))
        return self._answer()

    def _answer(self) -> Any:
        try:
            error, answer = self._ours.recv()
        except (EOFError, ConnectionResetError):
            raise RuntimeError("The process that keeps the simulated books has ended.") from None
        if error is not None:
            raise error
        return answer


def _take(calls: Connection, taken: SimpleQueue[bytes | None]) -> None:
    """Take calls as they come.

    A socket has room for a fraction of a day: deciding would wait while a day's end is booked. They
    are opened when it is their turn: closed they take less room.
    """
    while True:
        try:
            taken.put(calls.recv_bytes())
        except EOFError:
            taken.put(None)
            return


async def _serve(calls: Connection, task: BooksTask) -> None:
    books = BooksHere(task)
    taken: SimpleQueue[bytes | None] = SimpleQueue()
    threading.Thread(target=_take, args=(calls, taken), name="calls", daemon=True).start()
    while True:
        call = await asyncio.to_thread(taken.get)
        if call is None:
            return  # the simulation was given up
        name, argument = pickle.loads(call)  # noqa: S301 - what the parent has made
        try:
            arguments = () if argument is None else (argument,)
            answer = await getattr(books, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - raised again where it was asked for
            calls.send((error, None))
            return
        calls.send((None, answer))
        if name == "close":
            return


def main() -> None:
    """Answer the calls that come through an inherited socket until the books are closed."""
    die_with_parent(int(sys.argv[2]))
    calls = Connection(int(sys.argv[1]))
    with rare_collections():
        asyncio.run(_serve(calls, calls.recv()))


if __name__ == "__main__":
    main()
