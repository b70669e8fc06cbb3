"""What was acknowledged stays, whatever happens to the program, the disk or the connection."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from grange.adapters.postgres import PostgresStore
from grange.adapters.sqlite import SqliteStore
from grange.domain.facts import EventFact
from grange.domain.farm import Farm
from grange.domain.work import Job, Worker
from grange.kernel.errors import (
    ConfigurationError,
    ConflictError,
    CorruptDataError,
    GrangeError,
    InvalidRequestError,
    StorageFullError,
    ThrottledError,
)
from grange.kernel.units import Instant
from grange.ports.state import Batch, StateStore
from grange.testing.conformance.entities import least
from grange.testing.conformance.state_store import manifest_row, opened
from tests.conformance.committer import batch, open_store

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "state.db")
    return "postgres", request.getfixturevalue("database")


def committer(kind: str, where: str, most_bytes: int = 0) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.conformance.committer", kind, where, str(most_bytes)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def lines_of(program: subprocess.Popen[str]) -> Iterator[str]:
    assert program.stdout is not None
    for line in program.stdout:
        yield line.strip()


async def kept(store: StateStore) -> tuple[set[int], list[int | None]]:
    """Return the numbers of the batches whose entities are there, and those of the facts."""
    farms = {farm.farm_id for farm in await store.find(Farm)}
    numbers = {int(farm_id.split("-")[1]) for farm_id in farms}
    assert farms == {f"farm-{number}-{side}" for number in numbers for side in "ab"}
    facts = [row.fact for row in await store.outbox(1_000_000)]
    return numbers, [fact.number for fact in facts if isinstance(fact, EventFact)]


def test_kill_9_loses_nothing_acknowledged_and_keeps_no_half_batch(place: tuple[str, str]) -> None:
    """Invariant 1, the state store's part."""
    acknowledged: list[int] = []
    for kill_after in (40, 3, 90):
        with committer(*place) as program:
            lines = lines_of(program)
            acknowledged += [int(next(lines)) for _ in range(kill_after)]
            program.kill()
            acknowledged += [int(line) for line in lines]
        assert program.returncode == -signal.SIGKILL

    async def check() -> None:
        async with opened(lambda: open_store(*place)) as store:
            numbers, facts = await kept(store)
            assert acknowledged == sorted(set(acknowledged))
            assert numbers >= set(acknowledged)
            assert numbers == set(range(len(numbers)))
            assert facts == sorted(numbers)

    asyncio.run(check())


def test_a_full_disk_keeps_what_was_acknowledged_and_can_still_be_read(tmp_path: Path) -> None:
    """The program may write 400,000 bytes per file: the next commit is refused whole."""
    path = tmp_path / "state.db"
    with committer("sqlite", str(path), 400_000) as program:
        *acknowledged, full, readable = lines_of(program)
    assert program.returncode == 0
    assert full == "full"
    assert readable == f"readable {len(acknowledged)}"
    assert len(acknowledged) > 10

    async def check() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            numbers, facts = await kept(store)
            assert facts == sorted(numbers) == [int(line) for line in acknowledged]
            await store.commit(batch(len(facts)))
            assert await store.count(Farm) == 2 * len(facts) + 2

    asyncio.run(check())


def test_a_database_that_may_not_grow_refuses_the_batch_whole(tmp_path: Path) -> None:
    """As when SQLite itself finds no room (SQLITE_FULL); smaller batches go on."""

    async def check() -> None:
        async with opened(lambda: SqliteStore(tmp_path / "state.db")) as store:
            assert isinstance(store, SqliteStore)
            await store.commit(batch(0))
            await store._write(lambda connection: connection.execute("PRAGMA max_page_count = 90"))
            big = [least(Farm, farm_id=f"big-{n}", description="x" * 9000) for n in range(100)]
            with pytest.raises(StorageFullError, match="free some space"):
                await store.commit(Batch(puts=big, outbox=[least(EventFact)]))
            assert await kept(store) == ({0}, [0])
            await store.commit(batch(1))
            assert await kept(store) == ({0, 1}, [0, 1])

    asyncio.run(check())


def test_a_locked_database_is_busy_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    monkeypatch.setattr("grange.adapters.sqlite.store.BUSY_SECONDS", 0.05)

    async def check() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ThrottledError, match="try again"):
                await store.commit(batch(0))
            assert await store.count(Farm) == 0
            other.execute("ROLLBACK")
            other.close()
            await store.commit(batch(0))
            assert await store.count(Farm) == 2

    asyncio.run(check())


@pytest.mark.parametrize("damage", [b"not a database at all, but long enough", b""])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "state.db"

    async def make() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.commit(Batch(puts=[least(Farm, farm_id=f"f{n:05}") for n in range(2000)]))

    async def look() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.find(Farm)

    asyncio.run(make())
    if damage:
        path.write_bytes(damage * 100)
    else:
        with path.open("r+b") as file:
            for page in range(20, 80):
                file.seek(page * 4096)
                file.write(b"\xff" * 4096)
    with pytest.raises(CorruptDataError, match=r"state\.db.*backup"):
        asyncio.run(look())


def test_a_value_that_fits_no_column_is_the_requests_fault(place: tuple[str, str]) -> None:
    async def check() -> None:
        async with opened(lambda: open_store(*place)) as store:
            for farm in (least(Farm, updated_at=2**63), least(Farm, name="\ud800")):
                with pytest.raises(InvalidRequestError, match="does not fit"):
                    await store.commit(Batch(puts=[farm]))
            await store.commit(batch(0))

    asyncio.run(check())


def test_an_entity_cannot_move_to_another_parent(tmp_path: Path) -> None:
    """SQLite leaves out of an update what never changes, so it must see that it did not."""

    async def check() -> None:
        async with opened(lambda: SqliteStore(tmp_path / "state.db")) as store:
            await store.commit(Batch(puts=[least(Job), least(Worker)]))
            for moved in (least(Job, queue_id="other"), least(Worker, fleet_id="other")):
                with pytest.raises(GrangeError, match="never change"):
                    await store.commit(Batch(puts=[moved, least(Farm)]))
            assert await store.find(Job) == [least(Job)]
            assert await store.find(Worker) == [least(Worker)]
            assert await store.count(Farm) == 0

    asyncio.run(check())


def test_a_store_that_is_not_open_says_so(place: tuple[str, str]) -> None:
    async def check() -> None:
        store = open_store(*place)
        with pytest.raises(ConfigurationError, match="not open"):
            await store.commit(batch(0))
        with pytest.raises(ConfigurationError, match="not open"):
            await store.count(Farm)

    asyncio.run(check())


def test_synchronous_is_full_unless_told_otherwise(tmp_path: Path) -> None:
    async def level(store: SqliteStore) -> int:
        found: list[int] = []
        async with opened(lambda: store):
            await store._write(
                lambda connection: found.extend(connection.execute("PRAGMA synchronous").fetchone())
            )
        return found[0]

    assert asyncio.run(level(SqliteStore(tmp_path / "state.db"))) == 2
    assert asyncio.run(level(SqliteStore(tmp_path / "state.db", synchronous="NORMAL"))) == 1
    with pytest.raises(ConfigurationError, match="FULL or NORMAL"):
        SqliteStore(tmp_path / "state.db", synchronous="OFF")


def test_a_process_beside_the_server_publishes_files_of_the_books(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    program = (
        "import asyncio, sys; from pathlib import Path;"
        "from grange.adapters.sqlite import SqliteStore;"
        "from grange.testing.conformance.state_store import manifest_row\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1])); await store.open()\n"
        "    for n in range(50):\n"
        "        await store.publish([manifest_row(f'file-{n:03}')], [], n)\n"
        "    await store.close()\n"
        "asyncio.run(main())"
    )

    async def check() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await store.commit(batch(0))
            other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(path))
            ended = asyncio.ensure_future(other.wait())
            number = 1
            while not ended.done():
                await store.commit(batch(number))
                number += 1
            assert await ended == 0
            assert len(await store.manifest()) == 50
            assert await kept(store) == (set(range(number)), list(range(number)))

    asyncio.run(check())


@pytest.mark.postgres
def test_one_server_uses_a_database_and_a_second_is_told_which(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        async with opened(lambda: PostgresStore(database)) as first:
            await first.commit(batch(0))
            with monkeypatch.context() as patch:
                patch.setattr("grange.adapters.postgres.ownership.WAIT_MS", 300)
                with pytest.raises(ConflictError, match=r"in use by grange .* since 20") as caught:
                    await PostgresStore(database).open()
            assert caught.value.context["holder"].startswith("grange ")
            async with opened(lambda: PostgresStore(database, owner=False)) as beside:
                await beside.publish([manifest_row("a")], [], Instant(1))
        async with opened(lambda: PostgresStore(database)) as second:
            assert await kept(second) == ({0}, [0])

    asyncio.run(check())


@pytest.mark.postgres
def test_a_database_that_cannot_keep_every_text_is_refused(database: str) -> None:
    async def check() -> None:
        admin = await asyncpg.connect(database)
        name = f"{urlsplit(database).path.lstrip('/')}_latin"
        await admin.execute(
            f"CREATE DATABASE \"{name}\" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
        try:
            url = urlunsplit(urlsplit(database)._replace(path=f"/{name}"))
            with pytest.raises(ConfigurationError, match="keeps text as LATIN1"):
                await PostgresStore(url).open()
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            await admin.close()

    asyncio.run(check())


@pytest.mark.postgres
def test_a_lost_connection_costs_one_commit_at_most(database: str) -> None:
    """The owner is told to try again; what it then loads are whole batches."""

    async def check() -> None:
        admin = await asyncpg.connect(database)
        cut = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        async with opened(lambda: PostgresStore(database)) as store:
            acknowledged: list[int] = []
            failures = 0
            for number in range(60):
                commit = asyncio.ensure_future(store.commit(batch(number)))
                if number % 20 == 10:
                    await admin.fetch(cut)
                try:
                    await commit
                    acknowledged.append(number)
                except ThrottledError:
                    failures += 1
            assert 1 <= failures <= 6
            numbers, facts = await kept_after_reconnecting(store)
            assert numbers >= set(acknowledged)
            assert facts == sorted(numbers)
        await admin.close()

    asyncio.run(check())


async def kept_after_reconnecting(store: StateStore) -> tuple[set[int], list[int | None]]:
    """Read as often as there are dead connections in the pool."""
    for _ in range(6):
        try:
            return await kept(store)
        except ThrottledError:
            continue
    raise AssertionError("The store did not connect again.")
