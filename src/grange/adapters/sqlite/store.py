"""The state store in one SQLite file: one writing thread, readers that never wait for it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from grange.adapters.columns import BY_ENTITY
from grange.adapters.conditions import (
    EVERYTHING,
    SqliteSql,
    compile_condition,
    quoted,
    select,
)
from grange.adapters.heavy import Unchanged
from grange.adapters.loading import LOAD, load_job
from grange.adapters.migrations.sqlite import check_current, migrate
from grange.adapters.publishing import check_publication
from grange.adapters.rows import codec_of, fact_of, reader_of
from grange.adapters.sqlite.copying import copy_database
from grange.adapters.sqlite.faults import faults
from grange.adapters.sqlite.statements import UPSERTS, write
from grange.adapters.sqlite.writer import Writer
from grange.kernel.errors import ConfigurationError
from grange.kernel.ids import JobId
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Batch, Compare, Condition, Key, ManifestRow, Order, OutboxRow

E = TypeVar("E")
R = TypeVar("R")

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process (manifest writes take a millisecond)."""
CHECKPOINT_PAGES = 4000
"""How far the log grows (16 MiB) before its pages go into the file. Each time costs two syncs."""
CHUNK = 1000
"""Rows fetched at a time while loading."""
_LOAD_JOB = load_job("?1")


class SqliteStore:
    """The state in one file in WAL mode."""

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        readers: int = 4,
        read_only: bool = False,
    ) -> None:
        """Describe the store; nothing is touched before `open`.

        Args:
            path: the database file.
            synchronous: FULL (a commit survives power loss) or NORMAL (it survives a crash,
                but the last commits may be lost with the machine's power).
            readers: how many reads may run at once.
            read_only: True if nothing may be written, not even a migration.
        """
        if synchronous not in ("FULL", "NORMAL"):
            raise ConfigurationError(f"synchronous is FULL or NORMAL, not {synchronous!r}.")
        self._path = path
        self._synchronous = synchronous
        self._reader_count = readers
        self._read_only = read_only
        self._connections: list[sqlite3.Connection] = []
        self._of_thread = threading.local()
        self._unchanged = Unchanged()
        self._writer: Writer | None = None
        self._readers: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the file, making it or migrating it forward (after a copy) where needed."""
        self._writer = Writer("state-writer")
        self._readers = ThreadPoolExecutor(self._reader_count, thread_name_prefix="state-reader")
        try:
            await self._writer.submit(self._prepare)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is under way and close every connection."""
        writer, readers = self._writer, self._readers
        self._writer = self._readers = None
        self._unchanged.forget()
        if readers is not None:
            await asyncio.to_thread(readers.shutdown)
        if writer is not None:
            await asyncio.to_thread(writer.finish)
        while self._connections:
            self._connections.pop().close()
        self._of_thread = threading.local()

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one durable transaction."""
        if batch.empty:
            return
        try:
            await self._write(lambda connection: write(connection, batch, self._unchanged))
        except BaseException:
            self._unchanged.forget()
            raise
        self._unchanged.committed(batch.puts)

    async def get(self, entity: type[E], key: Key) -> E | None:
        """Return one committed entity."""
        parts = zip(BY_ENTITY[entity].key, key, strict=True)
        where = AllOf(tuple(Compare(name, "=", value) for name, value in parts))
        found = await self.find(entity, where, limit=1)
        return found[0] if found else None

    async def find(
        self,
        entity: type[E],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[E]:
        """Return committed entities, by default in key order (the key also breaks ties)."""
        sql = SqliteSql()
        text = select(sql, entity, where, order=order, limit=limit, offset=offset)
        decode = codec_of(entity).entity
        return await self._read(
            lambda connection: [decode(row) for row in connection.execute(text, sql.parameters)]
        )

    async def columns(
        self,
        entity: type[Any],
        names: Sequence[str],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return some columns of the entities `find` returns, in the same order."""
        sql = SqliteSql()
        text = select(sql, entity, where, order=order, limit=limit, offset=0, columns=names)
        decode = reader_of(entity, names)
        return await self._read(
            lambda connection: [decode(row) for row in connection.execute(text, sql.parameters)]
        )

    async def count(self, entity: type[Any], where: Condition = EVERYTHING) -> int:
        """Return how many committed entities match."""
        sql = SqliteSql()
        tests = compile_condition(sql, entity, where)
        text = f"SELECT count(*) FROM {quoted(BY_ENTITY[entity].name)} WHERE {tests}"  # noqa: S608

        def counted(connection: sqlite3.Connection) -> int:
            number: int = connection.execute(text, sql.parameters).fetchone()[0]
            return number

        return await self._read(counted)

    async def load(self) -> AsyncIterator[Any]:
        """Yield what the owner decides on, all as of one moment."""
        connection = await self._read(lambda _: self._connect(reading=True))
        try:
            cursor = connection.cursor()
            await self._read(partial(_start, cursor, "BEGIN"))
            for entity, text in LOAD:
                decode = codec_of(entity).entity
                await self._read(partial(_start, cursor, text))
                while rows := await self._read(partial(_fetch, cursor)):
                    for row in rows:
                        yield decode(row)
        finally:
            connection.close()

    async def load_job(self, job_id: JobId) -> list[Any]:
        """Return the job, its layers and its live tasks."""

        def read(connection: sqlite3.Connection) -> list[Any]:
            found: list[Any] = []
            with _transaction(connection, "BEGIN"):
                for entity, text in _LOAD_JOB:
                    decode = codec_of(entity).entity
                    found.extend(decode(row) for row in connection.execute(text, (job_id,)))
            return found

        return await self._read(read)

    async def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest rows of the outbox, in order."""
        text = "SELECT sequence, kind, payload FROM outbox ORDER BY sequence LIMIT ?"
        return await self._read(
            lambda connection: [
                OutboxRow(sequence, fact_of(kind, payload))
                for sequence, kind, payload in connection.execute(text, (limit,))
            ]
        )

    async def clear_outbox(self, up_to: int) -> None:
        """Delete the outbox rows up to and including this sequence."""
        await self._write(
            lambda connection: connection.execute(
                "DELETE FROM outbox WHERE sequence <= ?", (up_to,)
            )
        )

    async def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books, live ones only by default, by path."""
        live = EVERYTHING if include_retired else Compare("retired_at", "=", None)
        return await self.find(ManifestRow, live)

    async def publish(
        self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant
    ) -> None:
        """Add files and retire others in one transaction."""
        codec = codec_of(ManifestRow)
        names = ", ".join(quoted(name) for name in codec.names)
        find = f"SELECT {names} FROM manifest WHERE path = ?"  # noqa: S608

        def write_manifest(connection: sqlite3.Connection) -> None:
            known = {}
            for path in {*retire, *(row.path for row in add)}:
                for row in connection.execute(find, (path,)):
                    known[path] = codec.entity(row)
            if check_publication(known, add, retire):
                connection.executemany(
                    "UPDATE manifest SET retired_at = ? WHERE path = ?",
                    [(now, path) for path in retire],
                )
                connection.executemany(UPSERTS[ManifestRow], [codec.row(row) for row in add])

        await self._write(write_manifest)

    @property
    def kind(self) -> str:
        """Return what keeps the state."""
        return "sqlite"

    async def copy(self, folder: str, begun: Callable[[], None]) -> str:
        """Copy all committed rows as of one moment; see `ports.backups.StateCopy`."""

        def run() -> str:
            with faults(self._path):
                return copy_database(self._path, Path(folder), begun)

        return await asyncio.to_thread(run)

    async def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed from disk."""
        await self._write(
            lambda connection: connection.executemany(
                "DELETE FROM manifest WHERE path = ?", [(path,) for path in paths]
            )
        )

    def _prepare(self) -> None:
        with faults(self._path):
            if self._read_only:
                check_current(self._path)
                return
            migrate(self._path)
            self._connection_of_thread(reading=False)

    def _connect(self, *, reading: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        if reading:
            connection.execute("PRAGMA query_only = ON")
            connection.create_function("grange_lower", 1, _lower, deterministic=True)
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return connection

    async def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        if self._writer is None:
            raise ConfigurationError(f"The state store {self._path} is not open.")

        if self._read_only:
            raise ConfigurationError(f"The state store {self._path} is open for reading only.")

        def run() -> None:
            with faults(self._path):
                connection = self._connection_of_thread(reading=False)
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    work(connection)

        await self._writer.submit(run)

    async def _read(self, work: Callable[[sqlite3.Connection], R]) -> R:
        if self._readers is None:
            raise ConfigurationError(f"The state store {self._path} is not open.")

        def run() -> R:
            with faults(self._path):
                return work(self._connection_of_thread(reading=True))

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def _connection_of_thread(self, *, reading: bool) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._connect(reading=reading)
            self._connections.append(connection)
        return connection


def _start(cursor: sqlite3.Cursor, text: str, _: sqlite3.Connection) -> None:
    cursor.execute(text)


def _fetch(cursor: sqlite3.Cursor, _: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return cursor.fetchmany(CHUNK)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
