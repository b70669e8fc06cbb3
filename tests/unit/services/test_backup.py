"""Backups while everything is written, and the way back."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.backups import BackupFolders, contents_of
from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.restoring import backup_named, checked, restore
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.facts import Fact
from grange.domain.farm import Farm
from grange.domain.statuses import SessionLifecycleStatus
from grange.domain.work import Session
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import CorruptDataError, NotFoundError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.ports.state import Batch
from grange.services.backup import Backups, backup_name, superfluous
from grange.services.books.drain import Drain
from grange.services.books.group_commit import GroupCommit
from grange.services.library import Books
from grange.testing.conformance.entities import least
from grange.testing.facts import FARM, T0, event_fact, numbered, session_fact

pytestmark = pytest.mark.slow

FARM_ROW = Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")
HOUR = MILLIS_PER_HOUR


class Room:
    """A data folder with everything that writes to it: state, outbox, drain, journal, books."""

    def __init__(self, folder: Path, start: int = T0) -> None:
        self.folder = folder
        self.clock = VirtualClock(Instant(start))
        self.store = SqliteStore(folder / "state.db")
        self.journal = FileJournal(folder / "journal", self.clock)
        self.drain = Drain(self.store, GroupCommit(self.journal, self.clock), self.clock)
        self.vault = BackupFolders(folder / "backups", folder)
        self.backups = Backups(
            store=self.store, copier=self.store, drain=self.drain, vault=self.vault,
            clock=self.clock, version="1", keep=3,
        )  # fmt: skip
        self.books = books_of(folder, self.clock)

    async def __aenter__(self) -> "Room":
        await self.store.open()
        await asyncio.to_thread(self.books.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.books.close)
        await self.store.close()
        self.journal.close()

    async def end_session(self, number: int) -> None:
        """End a session in the state, its fact in the outbox."""
        at = Instant(T0 + number * 60_000)
        session_id = numbered("session", number)
        row = least(
            Session, farm_id=FARM, session_id=session_id, started_at=at, ended_at=at + 10_000,
            status=SessionLifecycleStatus.ENDED, billionths_per_hour=1_000_000_000,
        )  # fmt: skip
        fact = session_fact(session_id=session_id, started_at=at)
        puts = [row] if number else [FARM_ROW, row]
        await self.store.commit(Batch(puts=puts, outbox=[fact]))


def books_of(folder: Path, clock: VirtualClock) -> Books:
    return Books(
        store=SqliteStore(folder / "state.db"), journal=JournalFolder(folder / "journal"),
        blocks=ParquetBlocks(folder), engine=DuckEngine(folder, threads=1), clock=clock,
    )  # fmt: skip


def restored(folder: Path, backups: Path, name: str | None = None) -> Path:
    """Bring a backup back into a folder, and return where what was there before is."""
    folder.mkdir(exist_ok=True)
    backup = backup_named(backups, name)
    contents = checked(backup, "sqlite")
    return asyncio.run(restore(backup, contents, folder, stamp="before"))


def told(folder: Path, at: int) -> dict[str, Any]:
    """Return what the books of a folder say, and that they verify."""
    clock = VirtualClock(Instant(at))
    books = books_of(folder, clock)
    books.open()
    try:
        checks = {check["name"]: check for check in books.verify(farm_id=FARM)["checks"]}
        assert checks["sessions in the state are in the books"]["ok"], checks
        assert checks["files are as published"]["ok"], checks
        assert checks["every fact is there once"]["ok"], checks
        assert checks["rollups are those of the facts"]["ok"], checks
        rows = books.usage(farm_id=FARM, start=T0, end=T0 + 10**10, group_by="user")["rows"]
        booked = sum(row["sessions"] for row in rows)
        ended = len(books.state.find(Session))
        return {"booked": booked, "ended": ended, "rows": rows}
    finally:
        books.close()


def test_a_backup_made_while_everything_is_written_comes_back_whole(tmp_path):
    """Ledger S4-31, invariant 1: nothing is in the state that is not in the books, nor twice."""
    data = tmp_path / "data"

    async def live() -> int:
        async with Room(data) as room:
            over = asyncio.Event()

            async def write() -> int:
                number = 0
                while not over.is_set():
                    await room.end_session(number)
                    number += 1
                    if number % 3 == 0:
                        await room.drain.drain()
                    if number % 20 == 0:
                        room.clock.advance(1200)
                        await asyncio.to_thread(room.books.seal, force=number % 40 == 0)
                        await asyncio.to_thread(room.books.compact)
                return number

            writing = asyncio.create_task(write())
            for _ in range(3):
                await asyncio.sleep(0.15)
                await room.backups.make()
                room.clock.advance(3600)
            over.set()
            return await writing

    written = asyncio.run(live())
    names = [info.name for info in BackupFolders(data / "backups", data).backups()]
    assert len(names) == 3
    counts = []
    for name in names:
        fresh = tmp_path / f"restored-{name}"
        restored(fresh, data / "backups", name)
        found = told(fresh, T0 + 3 * MILLIS_PER_DAY)
        assert found["booked"] == found["ended"], "state and books are of one moment"
        counts.append(found["ended"])
    assert 0 < counts[0] < counts[1] < counts[2] <= written


def test_restoring_equals_what_was_and_keeps_what_is(tmp_path):
    """Ledger S4-32: the current archives are kept; the chosen backup comes back and verifies."""
    data = tmp_path / "data"

    async def live() -> None:
        async with Room(data) as room:
            for number in range(50):
                await room.end_session(number)
            await room.drain.drain()
            room.clock.advance(2 * 3600)
            await asyncio.to_thread(room.books.upkeep)
            await room.backups.make()
            room.clock.advance(3600)
            for number in range(50, 80):
                await room.end_session(number)
            await room.drain.drain()

    asyncio.run(live())
    at = T0 + MILLIS_PER_DAY
    assert told(data, at)["booked"] == 80
    before = restored(data, data / "backups")
    assert told(data, at) == {
        "booked": 50, "ended": 50,
        "rows": told(tmp_path_copy(data, tmp_path / "copy"), at)["rows"],
    }  # fmt: skip
    assert (before / "state.db").exists()
    shutil.copytree(before, tmp_path / "again", dirs_exist_ok=True)
    assert told(tmp_path / "again", at)["booked"] == 80, "what was there before is all there"

    async def go_on() -> None:
        async with Room(data, T0 + 5 * HOUR) as room:
            for number in range(50, 60):
                await room.end_session(number)
            await room.drain.drain()
            await asyncio.to_thread(room.books.seal, force=True)

    asyncio.run(go_on())
    assert told(data, at)["booked"] == 60, "and the farm goes on from there"


def tmp_path_copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_the_oldest_backup_and_the_newest_others_are_kept(tmp_path):
    """Ledger S4-31: keep 20, always the oldest; the 21st drops the second oldest."""
    names = [f"{number:02}" for number in range(21)]
    assert superfluous(names, 20) == ["01"]
    assert superfluous(names[:20], 20) == []
    assert superfluous(names, 2) == names[1:20]

    async def live() -> list[str]:
        async with Room(tmp_path) as room:
            await room.end_session(0)
            for _ in range(5):
                await room.backups.make()
                room.clock.advance(MILLIS_PER_DAY / 1000)
            return [info.name for info in await room.backups.backups()]

    days = [backup_name(Instant(T0 + day * MILLIS_PER_DAY)) for day in range(5)]
    assert asyncio.run(live()) == [days[0], days[3], days[4]]


def test_no_secret_is_in_a_backup_and_files_that_stay_are_stored_once(tmp_path):
    """Design, section 7: master.key is outside database and backup."""
    (tmp_path / "master.key").write_bytes(b"secret secret secret")
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.key").write_bytes(b"secret")

    async def live() -> None:
        async with Room(tmp_path) as room:
            await room.end_session(0)
            await room.drain.drain()
            room.clock.advance(7200)
            await asyncio.to_thread(room.books.upkeep)
            for _ in range(2):
                await room.backups.make()
                room.clock.advance(60)

    asyncio.run(live())
    first, second = sorted((tmp_path / "backups").iterdir())
    paths = {path.relative_to(second).as_posix() for path in second.rglob("*") if path.is_file()}
    assert paths == {"backup.json", *(file.path for file in contents_of(second).files)}
    assert {path.split("/")[0] for path in paths} <= {
        "backup.json", "state", "journal", "blocks", "rollups",
    }  # fmt: skip
    assert not any(b"secret" in path.read_bytes() for path in second.rglob("*") if path.is_file())
    (block,) = [path for path in paths if path.startswith("blocks")]
    assert (first / block).samefile(second / block)


def test_a_damaged_backup_is_refused_and_nothing_changes(tmp_path):
    async def live() -> None:
        async with Room(tmp_path) as room:
            await room.end_session(0)
            await room.drain.drain()
            await asyncio.to_thread(room.books.seal, force=True)
            await room.backups.make()

    asyncio.run(live())
    (backup,) = (tmp_path / "backups").iterdir()
    block = next(path for path in backup.rglob("*.parquet"))
    block.unlink()  # not written through: the file is shared with the books
    block.write_bytes(b"no longer what it was")
    state = (tmp_path / "state.db").read_bytes()
    with pytest.raises(CorruptDataError, match="damaged"):
        restored(tmp_path, tmp_path / "backups")
    assert (tmp_path / "state.db").read_bytes() == state
    with pytest.raises(NotFoundError):
        backup_named(tmp_path / "backups", "1999")


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path):
    async def live() -> None:
        async with Room(tmp_path) as room:
            await room.end_session(0)
            await room.drain.drain()
            await asyncio.to_thread(room.books.seal, force=True)
            block = next((tmp_path / "blocks").rglob("*.parquet"))
            whole = block.read_bytes()
            block.write_bytes(whole[:-8])
            with pytest.raises(CorruptDataError, match="grange books verify"):
                await room.backups.make()
            assert room.backups.running is None
            assert "not what was published" in (room.backups.problem or "")
            assert list((tmp_path / "backups").iterdir()) == []
            block.write_bytes(whole)
            await room.backups.make()
            assert len(await room.backups.backups()) == 1

    asyncio.run(live())


def test_events_of_an_unfinished_drain_are_neither_lost_nor_doubled(tmp_path):
    """The journal's copy and the outbox's copy overlap; keys make that harmless."""

    async def live() -> None:
        async with Room(tmp_path / "data") as room:
            await room.end_session(0)
            facts: list[Fact] = [
                event_fact(numbered("event", n), T0 + n, "worker_status") for n in range(40)
            ]
            await room.store.commit(Batch(outbox=facts[:20]))
            await room.drain.drain()
            await room.store.commit(Batch(outbox=facts[20:]))
            rows = await room.store.outbox(5)
            await room.drain._commit.keep(  # as a drain that died before it cleared the outbox
                [(FARM, "events", [dict_of(row.fact) for row in rows])], 100
            )
            await room.backups.make()

    asyncio.run(live())
    restored(tmp_path / "fresh", tmp_path / "data" / "backups")
    books = books_of(tmp_path / "fresh", VirtualClock(Instant(T0 + HOUR)))
    books.open()
    try:
        with books.shelf.view(FARM) as view:
            rows = view.fresh.rows("events")
            assert rows is not None
            assert rows.num_rows == 40
    finally:
        books.close()


def dict_of(fact: Any) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in type(fact).__struct_fields__}


def test_backups_are_made_by_the_clock(tmp_path):
    """One when the newest is older than the setting says, the first after ten minutes."""

    async def live() -> list[str]:
        async with Room(tmp_path) as room:
            await room.end_session(0)
            running = asyncio.create_task(room.backups.run(86_400))
            made = []
            for _ in range(60):
                while not room.clock._sleepers:  # noqa: ASYNC110 - until it waits for its time
                    await asyncio.sleep(0.001)
                room.clock.advance(3600)
            while not room.clock._sleepers:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            made = [info.name for info in await room.backups.backups()]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return made

    names = asyncio.run(live())
    assert len(names) == 3
    assert names[0].startswith("2026-01-01T1")
