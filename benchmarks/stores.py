"""Claims and completions per second through the state store alone, beside SQLAlchemy Core."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.batches import Recording, record
from benchmarks.contest import Contestant, Table, held
from benchmarks.core_store import CoreWriter, sqlite_engine
from grange.adapters.postgres import PostgresStore
from grange.adapters.sqlite import SqliteStore
from grange.ports.state import StateStore
from grange.testing.databases import create_database, drop_database

SIZES = {1: 200, 20: 40, 200: 10}
"""Claims and completions per transaction → transactions per round."""
OURS, CORE, BULK = "Grange", "SQLAlchemy Core, statement per row", "SQLAlchemy Core, executemany"


@cache
def recording(size: int, scale: float) -> Recording:
    """Return the batches of one size, recorded once."""
    return record(size, max(2, round(SIZES[size] * scale)))


async def _commit_all(store: StateStore, batches: Recording) -> float:
    await store.open()
    try:
        await store.commit(batches.setup)
        start = time.perf_counter()
        for batch in batches.batches:
            await store.commit(batch)
        return batches.completions / (time.perf_counter() - start)
    finally:
        await store.close()


def on_sqlite(folder: Path, synchronous: str, batches: Recording) -> float:
    """Commit through Grange's SQLite store."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = SqliteStore(Path(place) / "state.db", synchronous=synchronous)
        return asyncio.run(_commit_all(store, batches))


def core_on_sqlite(folder: Path, synchronous: str, per_row: bool, batches: Recording) -> float:
    """Commit through SQLAlchemy Core to SQLite."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "state.db"

        async def prepare() -> None:
            store = SqliteStore(path)
            await store.open()
            await store.commit(batches.setup)
            await store.close()

        asyncio.run(prepare())
        engine, writer = (
            sqlite_engine(path, synchronous),
            CoreWriter(postgres=False, per_row=per_row),
        )
        start = time.perf_counter()
        for batch in batches.batches:
            with engine.begin() as connection:
                writer.write(connection, batch)
        took = time.perf_counter() - start
        engine.dispose()
        return batches.completions / took


def on_postgres(server: str, batches: Recording) -> float:
    """Commit through Grange's PostgreSQL store."""

    async def run() -> float:
        url = await create_database(server)
        try:
            return await _commit_all(PostgresStore(url), batches)
        finally:
            await drop_database(server, url)

    return asyncio.run(run())


def core_on_postgres(server: str, per_row: bool, batches: Recording) -> float:
    """Commit through SQLAlchemy Core and asyncpg."""

    async def run() -> float:
        url = await create_database(server)
        store = PostgresStore(url)
        await store.open()
        await store.commit(batches.setup)
        await store.close()
        engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool
        )
        writer = CoreWriter(postgres=True, per_row=per_row)
        try:
            async with engine.connect() as connection:
                start = time.perf_counter()
                for batch in batches.batches:
                    async with connection.begin():
                        await connection.run_sync(writer.write, batch)
                return batches.completions / (time.perf_counter() - start)
        finally:
            await engine.dispose()
            await drop_database(server, url)

    return asyncio.run(run())


def contests(folder: Path, server: str | None, rounds: int, scale: float) -> list[Table]:
    """Run the contest on every database and for every size of transaction."""
    tables = []
    for size in SIZES:
        batches = recording(size, scale)
        for name, ours, core in _databases(folder, server):
            table = Table(f"State store, {size} per transaction, {name}", "claim+complete/s")
            contestants: Sequence[Contestant] = (
                Contestant(OURS, partial(ours, batches)),
                Contestant(CORE, partial(core, True, batches)),
                Contestant(BULK, partial(core, False, batches)),
            )
            held(table, contestants, rounds)
            tables.append(table)
    tables[0].notes.append(
        "One claim+complete writes 2 tasks, 2 session actions, session, layer, job and "
        "the facts for the books."
    )
    return tables


Ours = Callable[[Recording], float]
Core = Callable[[bool, Recording], float]


def _databases(folder: Path, server: str | None) -> list[tuple[str, Ours, Core]]:
    def core_sqlite(synchronous: str) -> Core:
        return lambda per_row, batches: core_on_sqlite(folder, synchronous, per_row, batches)

    found: list[tuple[str, Ours, Core]] = [
        (f"SQLite {level}", partial(on_sqlite, folder, level), core_sqlite(level))
        for level in ("NORMAL", "FULL")
    ]
    if server:
        found.append(
            ("PostgreSQL", partial(on_postgres, server), partial(core_on_postgres, server))
        )
    return found
