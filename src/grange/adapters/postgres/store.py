"""The state store in a PostgreSQL database: one connection writes, a pool reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from grange.adapters.columns import BY_ENTITY
from grange.adapters.conditions import (
    EVERYTHING,
    PostgresSql,
    compile_condition,
    quoted,
    select,
)
from grange.adapters.heavy import Unchanged
from grange.adapters.loading import LOAD, load_job
from grange.adapters.migrations.postgres import migrate
from grange.adapters.postgres import ownership
from grange.adapters.postgres.faults import faults
from grange.adapters.postgres.statements import Statement, delete_statements, put_statement
from grange.adapters.publishing import check_publication
from grange.adapters.rows import codec_of, fact_of, reader_of
from grange.kernel.errors import ConfigurationError
from grange.kernel.ids import JobId
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Batch, Compare, Condition, Key, ManifestRow, Order, OutboxRow

E = TypeVar("E")

ANSWER_SECONDS = 30.0
"""A statement without an answer for so long is given up."""
CHUNK = 1000
"""Rows fetched at a time while loading."""
_LOAD_JOB = load_job("$1")
_ICU = "und-x-icu"


class PostgresStore:
    """The state in one database, which one server at a time decides on."""

    def __init__(self, url: str, *, owner: bool = True, readers: int = 5) -> None:
        """Describe the store; nothing is touched before `open`.

        Args:
            url: `postgresql://user:password@host:port/database`.
            owner: True for the server that decides on the state (only one may); False for a process
                beside it that reads and publishes files of the books.
            readers: how many reads may run at once.
        """
        self._url = url
        parts = urlsplit(url)
        self._where = f"The database {parts.hostname or ''}{parts.path}"
        self._owner = owner
        self._reader_count = readers
        self._writer: Any = None
        self._writing = asyncio.Lock()
        self._pool: Any = None
        self._lower_collation = "default"
        self._unchanged = Unchanged()

    async def open(self) -> None:
        """Connect, migrating the database forward where needed.

        Raises:
            ConflictError: another server uses the database.
        """
        with faults(self._where):
            try:
                self._writer = await self._connect_writer()
                await migrate(self._writer, self._url, self._where)
                self._pool = await asyncpg.create_pool(
                    self._url, min_size=1, max_size=self._reader_count, reset=_keep, **_settings()
                )
                known = "SELECT count(*) FROM pg_collation WHERE collname = $1"
                if await self._pool.fetchval(known, _ICU):
                    self._lower_collation = _ICU
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Finish what is under way and close every connection."""
        async with self._writing:
            writer, pool = self._writer, self._pool
            self._writer = self._pool = None
            self._unchanged.forget()
            if pool is not None:
                await pool.close()
            if writer is not None:
                await writer.close()

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one durable transaction.

        Raises:
            ConflictError: the connection was lost and another server has taken the database.
        """
        if batch.empty:
            return
        try:
            async with self._write() as connection:
                await self._put(connection, batch)
        except BaseException:
            self._unchanged.forget()
            raise
        self._unchanged.committed(batch.puts)

    async def _put(self, connection: Any, batch: Batch) -> None:
        self._unchanged.deleted(batch.deletes)
        deletes = delete_statements(batch)
        puts: list[Statement] = []
        if batch.puts or batch.outbox:
            puts.append(put_statement(batch.puts, batch.outbox, self._unchanged))
        if not deletes:
            await connection.fetch(puts[0].text, *puts[0].parameters)
            return
        async with connection.transaction():
            for statement in (*deletes, *puts):
                await connection.fetch(statement.text, *statement.parameters)

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
        sql = PostgresSql(lower_collation=self._lower_collation)
        text = select(sql, entity, where, order=order, limit=limit, offset=offset)
        decode = codec_of(entity).entity
        async with self._read() as connection:
            rows = await connection.fetch(text, *sql.parameters)
        return [decode(row) for row in rows]

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
        sql = PostgresSql(lower_collation=self._lower_collation)
        text = select(sql, entity, where, order=order, limit=limit, offset=0, columns=names)
        decode = reader_of(entity, names)
        async with self._read() as connection:
            rows = await connection.fetch(text, *sql.parameters)
        return [decode(row) for row in rows]

    async def count(self, entity: type[Any], where: Condition = EVERYTHING) -> int:
        """Return how many committed entities match."""
        sql = PostgresSql(lower_collation=self._lower_collation)
        tests = compile_condition(sql, entity, where)
        text = f"SELECT count(*) FROM {quoted(BY_ENTITY[entity].name)} WHERE {tests}"  # noqa: S608
        async with self._read() as connection:
            return int(await connection.fetchval(text, *sql.parameters))

    async def load(self) -> AsyncIterator[Any]:
        """Yield what the owner decides on, all as of one moment."""
        async with (
            self._read() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            for entity, text in LOAD:
                decode = codec_of(entity).entity
                async for row in connection.cursor(text, prefetch=CHUNK):
                    yield decode(row)

    async def load_job(self, job_id: JobId) -> list[Any]:
        """Return the job, its layers and its live tasks."""
        found: list[Any] = []
        async with (
            self._read() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            for entity, text in _LOAD_JOB:
                decode = codec_of(entity).entity
                found.extend(decode(row) for row in await connection.fetch(text, job_id))
        return found

    async def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest rows of the outbox, in order."""
        text = "SELECT sequence, kind, payload FROM outbox ORDER BY sequence LIMIT $1"
        async with self._read() as connection:
            rows = await connection.fetch(text, limit)
        return [OutboxRow(sequence, fact_of(kind, payload)) for sequence, kind, payload in rows]

    async def clear_outbox(self, up_to: int) -> None:
        """Delete the outbox rows up to and including this sequence."""
        async with self._write() as connection:
            await connection.execute("DELETE FROM outbox WHERE sequence <= $1", up_to)

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
        find = f"SELECT {names} FROM manifest WHERE path = ANY($1::text[])"  # noqa: S608
        paths = list({*retire, *(row.path for row in add)})
        async with self._write() as connection, connection.transaction():
            await connection.execute("LOCK TABLE manifest IN SHARE ROW EXCLUSIVE MODE")
            rows = map(codec.entity, await connection.fetch(find, paths))
            if not check_publication({row.path: row for row in rows}, add, retire):
                return
            change = "UPDATE manifest SET retired_at = $1 WHERE path = ANY($2::text[])"
            await connection.execute(change, now, list(retire))
            if add:
                statement = put_statement(add, (), self._unchanged)
                await connection.fetch(statement.text, *statement.parameters)

    @property
    def kind(self) -> str:
        """Return what keeps the state."""
        return "postgresql"

    async def copy(self, folder: str, begun: Callable[[], None]) -> str:
        """Copy all committed rows as of one moment; see `ports.backups.StateCopy`."""
        # SQLAlchemy is loaded only where it is wanted.
        from grange.adapters.postgres.copying import copy_database  # noqa: PLC0415

        with faults(self._where):
            return await copy_database(self._url, Path(folder), begun)

    async def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed from disk."""
        async with self._write() as connection:
            await connection.execute(
                "DELETE FROM manifest WHERE path = ANY($1::text[])", list(paths)
            )

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[Any]:
        async with self._writing:
            if self._pool is None:
                raise ConfigurationError(f"{self._where} is not open.")
            with faults(self._where):
                if self._writer.is_closed():
                    self._writer = await self._connect_writer()
                yield self._writer

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise ConfigurationError(f"{self._where} is not open.")
        with faults(self._where):
            async with self._pool.acquire(timeout=ANSWER_SECONDS) as connection:
                yield connection

    async def _connect_writer(self) -> Any:
        connection = await asyncpg.connect(self._url, **_settings())
        try:
            self._check_encoding(connection)
            # A database set up to lose its last commits would lose acknowledged facts.
            await connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
            if self._owner:
                await ownership.take(connection, self._where)
        except BaseException:
            await connection.close()
            raise
        return connection

    def _check_encoding(self, connection: Any) -> None:
        encoding = connection.get_settings().server_encoding
        if encoding != "UTF8":
            raise ConfigurationError(
                f"{self._where} keeps text as {encoding}; make one with ENCODING 'UTF8'."
            )


def _settings() -> dict[str, Any]:
    return {
        "command_timeout": ANSWER_SECONDS,
        "max_cached_statement_lifetime": 0,
        "max_cacheable_statement_size": 0,
        "server_settings": {"application_name": ownership.own_name(), "jit": "off"},
    }


async def _keep(_: Any) -> None:
    """Leave a connection as it is: no read changes its settings."""
