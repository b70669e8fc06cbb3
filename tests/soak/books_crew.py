"""Three programs on one data folder, to be killed at any moment: a writer, the books, and freezing.

The writer commits sessions with their facts to the state, drains them to the journal, and puts
samples in the journal. The books seal, roll up and compact. The freezer posts months. Each says
what was acknowledged, after it was. Their time is a number in a file, which the writer moves on.
"""

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.host.ids import RandomIds
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.domain.rates import amount_after
from grange.domain.statements import BooksMonth, PostingKind
from grange.domain.statuses import SessionLifecycleStatus
from grange.domain.work import Session
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConflictError, CorruptDataError
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.state import Batch
from grange.services.books.drain import Drain
from grange.services.books.group_commit import GroupCommit
from grange.services.commands.postings import Frozen, PostLines
from grange.services.draft import Context
from grange.services.library import Books
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.testing.conformance.entities import least
from grange.testing.facts import (
    FARM,
    T0,
    numbered,
    posted_worker_sample,
    sample_row,
    session_fact,
)

STEP_MS = 24 * MILLIS_PER_HOUR
LENGTH_MS = 10_000
PAUSE_SECONDS = 0.06
"""The writer would leave the others years behind."""
RATE = 1_000_000_000
COST = amount_after(RATE, LENGTH_MS)
NOW = "now"
FARM_ROW = Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")


def at_of(number: int) -> Instant:
    """Return when the session of this number began."""
    return Instant(T0 + number * STEP_MS)


def read_now(folder: Path) -> Instant:
    """Return what time it is."""
    return at_of(int((folder / NOW).read_text()))


def write_now(folder: Path, number: int) -> None:
    """Move time on."""
    coming = folder / f"{NOW}.coming"
    coming.write_text(str(number))
    coming.replace(folder / NOW)


def books_of(folder: Path, clock: VirtualClock, *, beside: bool = False) -> Books:
    """Return the books of the folder; `beside` those that keep it, whose files they leave alone."""
    return Books(
        store=SqliteStore(folder / "state.db"),
        journal=JournalFolder(folder / "journal"),
        blocks=ParquetBlocks(folder, reading=beside),
        engine=DuckEngine(folder, threads=1),
        clock=clock,
    )


def write(folder: Path, first: int, told: Connection) -> None:
    """Commit one session after the other, and a sample for each, for ever."""
    asyncio.run(_write(folder, first, told))


async def _write(folder: Path, first: int, told: Connection) -> None:
    clock = VirtualClock(at_of(first))
    store = SqliteStore(folder / "state.db")
    await store.open()
    journal = FileJournal(folder / "journal", clock)
    commit = GroupCommit(journal, clock)
    drain = Drain(store, commit, clock)
    number = first
    while True:
        at = at_of(number)
        await asyncio.to_thread(write_now, folder, number)
        clock.advance((at - clock.now()) / 1000)
        session_id = numbered("session", number)
        fact = session_fact(
            session_id=session_id, started_at=at, ended_at=at + LENGTH_MS,
            billionths_per_hour=RATE, amount_billionths=COST,
        )  # fmt: skip
        row = least(
            Session, farm_id=FARM, session_id=session_id, started_at=at, ended_at=at + LENGTH_MS,
            status=SessionLifecycleStatus.ENDED, billionths_per_hour=RATE,
        )  # fmt: skip
        await store.commit(Batch(puts=[row], outbox=[fact]))
        told.send(("session", number))
        if number % 3 == 0:
            await drain.drain()
        sample = sample_row(posted_worker_sample(at + 1_000, cpu_milli=number % 1000))
        await commit.keep([(FARM, "worker_samples", [sample])], 300)
        told.send(("sample", number))
        number += 1
        await asyncio.sleep(PAUSE_SECONDS)


def keep(folder: Path, _first: int, told: Connection) -> None:
    """Seal, roll up and compact, for ever."""
    clock = VirtualClock(read_now(folder))
    books = books_of(folder, clock)
    books.open()
    rounds = 0
    while True:
        clock.advance(max(0, read_now(folder) - clock.now()) / 1000)
        books.seal(force=rounds % 2 == 0)
        books.compact()
        told.send(("kept", rounds))
        rounds += 1


def freeze(folder: Path, _first: int, told: Connection) -> None:
    """Freeze every month that is over, for ever."""
    asyncio.run(_freeze(folder, told))


async def _freeze(folder: Path, told: Connection) -> None:
    clock = VirtualClock(read_now(folder))
    store = SqliteStore(folder / "state.db")
    await store.open()

    async def perform(_effects: Any) -> None:
        """No effect reaches the outside."""

    owner = Owner(store, clock, Context(ids=RandomIds(clock), spaces=TaskSpaces()), perform)
    await owner.start()
    books = books_of(folder, clock, beside=True)
    await asyncio.to_thread(books.open)
    while True:
        clock.advance(max(0, read_now(folder) - clock.now()) / 1000)
        books.shelf.renew()
        try:
            known = await asyncio.to_thread(books.call, "months", {"farm_id": FARM})
            month = known["open_month"]
            plan = await asyncio.to_thread(
                books.call, "freeze_plan", {"farm_id": FARM, "month": month}
            )
            await owner.ask(post_of(plan, month))
            told.send(("frozen", month))
        except (ConflictError, CorruptDataError):
            # Not over yet; or a file was deleted meanwhile, since days pass in a second here.
            await asyncio.sleep(0.01)


def post_of(plan: dict[str, Any], month: str) -> PostLines:
    """Return the command that posts a plan."""
    named = {name: plan[name] for name in ("parts", "line_count", "amount_billionths", "sha256")}
    frozen = {name: plan[name] for name in ("start_at", "end_at", "zone", "currency", "example")}
    return PostLines(
        farm_id=FARM, kind=PostingKind.FREEZE, month=month, based_on=plan["based_on"],
        frozen=Frozen(**frozen), by="t", **named,
    )  # fmt: skip


CREW: dict[str, Callable[[Path, int, Connection], None]] = {
    "write": write,
    "keep": keep,
    "freeze": freeze,
}


@dataclass(slots=True)
class Acknowledged:
    """What the programs said was done."""

    sessions: set[int] = field(default_factory=set)
    samples: set[int] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    rounds: int = 0

    def take(self, what: str, value: Any) -> None:
        """Take note."""
        if what == "kept":
            self.rounds += 1
        else:
            known: dict[str, set[Any]] = {
                "session": self.sessions,
                "sample": self.samples,
                "frozen": self.months,
            }
            known[what].add(value)


class Crew:
    """The three programs, each started again after it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done = Acknowledged()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.soak.books_crew"])
        self._running: dict[str, Any] = {}
        self._pipes: dict[str, Connection] = {}
        self.kills = 0
        self._next = 0

    def start(self, name: str) -> None:
        """Start a program."""
        ours, theirs = self._context.Pipe(duplex=False)
        self._next = max(self._next, int((self.folder / NOW).read_text()) + 1)
        process = self._context.Process(
            target=CREW[name], args=(self.folder, self._next, theirs), daemon=True
        )
        process.start()
        theirs.close()
        self._running[name], self._pipes[name] = process, ours

    def listen(self, seconds: float) -> None:
        """Take note of what is acknowledged, for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for ready in multiprocessing.connection.wait(list(self._pipes.values()), left):
                if isinstance(ready, Connection):
                    self._hear(ready)

    def _hear(self, pipe: Connection) -> None:
        try:
            self.done.take(*pipe.recv())
        except EOFError:
            name = next(name for name, known in self._pipes.items() if known is pipe)
            process = self._running.pop(name)
            self._pipes.pop(name).close()
            process.join()
            raise AssertionError(f"{name} ended by itself: {process.exitcode}") from None

    def kill(self, name: str) -> None:
        """Kill a program at once, and hear what it said before."""
        process, pipe = self._running.pop(name), self._pipes.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        try:
            while True:
                self.done.take(*pipe.recv())
        except (EOFError, OSError):
            pipe.close()
        assert process.exitcode == -signal.SIGKILL, f"{name} ended by itself: {process.exitcode}"
        self.kills += 1

    def end(self) -> None:
        """Kill what runs."""
        for name in list(self._running):
            self.kill(name)


def run_kill_test(folder: Path, *, kills: int, seed: int) -> Acknowledged:
    """Kill the programs at random moments; nothing acknowledged may be lost or doubled.

    Args:
        folder: an empty folder.
        kills: how many.
        seed: of the moments, and of who is killed.
    """
    rng = random.Random(seed)
    prepare(folder)
    crew = Crew(folder)
    names = list(CREW)
    for name in names:
        crew.start(name)
    try:
        while not {"2026-01"} & crew.done.months:
            crew.listen(0.2)
        while crew.kills < kills:
            crew.listen(rng.uniform(0.02, 0.35))
            chosen = rng.sample(names, rng.choice([1, 1, 1, 2, 3]))
            for name in chosen:
                crew.kill(name)
            for name in chosen:
                crew.start(name)
        before = crew.done.rounds
        while crew.done.rounds < before + 1:
            crew.listen(0.2)
    finally:
        crew.end()
    check(folder, crew.done, crew.kills)
    return crew.done


def prepare(folder: Path) -> None:
    """Make the state and the journal's folder."""
    (folder / "journal").mkdir(parents=True)
    write_now(folder, 0)

    async def make() -> None:
        store = SqliteStore(folder / "state.db")
        await store.open()
        await store.commit(Batch(puts=[FARM_ROW]))
        await store.close()

    asyncio.run(make())


def check(folder: Path, done: Acknowledged, kills: int) -> None:
    """Compare everything that was acknowledged with what is there."""
    clock = VirtualClock(Instant(read_now(folder) + STEP_MS))

    async def drained() -> None:
        store = SqliteStore(folder / "state.db")
        await store.open()
        journal = FileJournal(folder / "journal", clock)
        await Drain(store, GroupCommit(journal, clock), clock).drain()
        journal.close()
        await store.close()

    asyncio.run(drained())
    books = books_of(folder, clock)
    books.open()
    try:
        for _ in range(2):
            _check_facts(books, done, kills)
            _check_months(books, done)
            books.seal(force=True)
            books.compact()
        found = books.verify(farm_id=FARM)["checks"]
        # No worker was ever registered, so there is no machine time to balance.
        wrong = [row for row in found if not row["ok"]]
        assert not wrong, wrong
        assert not sqlite_problems(folder / "state.db")
    finally:
        books.close()


def _check_facts(books: Books, done: Acknowledged, kills: int) -> None:
    with books.shelf.view(FARM) as view:
        booked = _numbers(view, "sessions", "session_id", lambda text: int(text[-20:], 16))
        sampled = _numbers(view, "worker_samples", "at", lambda at: (at - 1_000 - T0) // STEP_MS)
    assert len(booked) == len(set(booked)), "no session is booked twice"
    assert len(sampled) == len(set(sampled)), "no sample is kept twice"
    assert done.sessions <= set(booked), sorted(done.sessions - set(booked))[:5]
    assert done.samples <= set(sampled), sorted(done.samples - set(sampled))[:5]
    assert len(booked) <= len(done.sessions) + kills, "at most one more for each kill"
    assert len(sampled) <= len(done.samples) + kills
    state = {int(row.session_id[-20:], 16) for row in books.state.find(Session)}
    assert state == set(booked), "the state and the books know the same sessions"


def _numbers(view: Any, table: str, column: str, number: Callable[[Any], int]) -> list[int]:
    found = [
        value
        for row in view.files.get(table, ())
        for value in view.blocks.read(row.path, [column]).column(column).to_pylist()
    ]
    fresh = view.fresh.rows(table)
    if fresh is not None:
        known = set(found)
        found += [value for value in fresh.column(column).to_pylist() if value not in known]
    return [number(value) for value in found]


def _check_months(books: Books, done: Acknowledged) -> None:
    frozen = {row.month: row for row in books.state.find(BooksMonth)}
    assert done.months <= set(frozen), "a month that was frozen stays frozen"
    sessions = [row.started_at for row in books.state.find(Session)]
    for month, row in frozen.items():
        inside = sum(row.start_at <= at < row.end_at for at in sessions)
        assert row.amount_billionths == inside * COST, f"{month}: {inside} sessions"


def sqlite_problems(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a database."""
    connection = sqlite3.connect(path)
    try:
        rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    finally:
        connection.close()
    return [row for row in rows if row != "ok"]
