"""Migrating a PostgreSQL database: in one transaction, alone, after a copy beside it."""

from typing import Any

import asyncpg
from sqlalchemy import Connection, NullPool, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from grange.adapters.migrations import to_do, upgrade
from grange.adapters.migrations.sqlite import COPIES
from grange.kernel.errors import ConfigurationError

ONE_AT_A_TIME = 0x6772_616E_6765_0002
"""Advisory lock of a migration."""


_COPY = "_copy_"
"""Between the name of the schema and the revision its copy holds."""


async def migrate(connection: Any, url: str, where: str) -> None:
    """Bring the database to the newest revision.

    Args:
        connection: an open asyncpg connection, to look with.
        url: where the database is.
        where: what to call it in errors.

    Raises:
        ConfigurationError: a newer Grange made the database, or the user may not make the copy.
    """
    if not to_do(await _revision(connection), where):
        return

    async def connect() -> Any:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as opened:
            lock = text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=ONE_AT_A_TIME)
            await opened.execute(lock)
            await opened.run_sync(_copy)
            await opened.run_sync(upgrade)
    except DBAPIError as error:
        cause = _cause(error)
        if isinstance(cause, asyncpg.InsufficientPrivilegeError):
            raise ConfigurationError(
                f"{where} is to be moved forward, after a copy in a schema of its own, and the user"
                f" may not make one ({cause}). Let it: GRANT CREATE ON DATABASE … TO …"
            ) from error
        raise cause from error
    finally:
        await engine.dispose()


def _copy(connection: Connection) -> None:
    """Copy every table into a schema named after the revision; drop all but the last copies."""
    inspector = inspect(connection)
    schema = str(inspector.default_schema_name)
    tables = inspector.get_table_names(schema=schema)
    if "alembic_version" not in tables:
        return
    quoted = connection.dialect.identifier_preparer.quote
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    target = quoted(f"{schema}{_COPY}{revision}")
    statements = [f"DROP SCHEMA IF EXISTS {target} CASCADE", f"CREATE SCHEMA {target}"]
    statements += [
        f"CREATE TABLE {target}.{quoted(name)} AS TABLE {quoted(schema)}.{quoted(name)}"
        for name in tables
    ]
    for statement in statements:
        connection.execute(text(statement))
    copies = sorted(
        name
        for name in inspect(connection).get_schema_names()
        if name.startswith(f"{schema}{_COPY}")
    )
    for name in copies[:-COPIES]:
        connection.execute(text(f"DROP SCHEMA {quoted(name)} CASCADE"))


def _cause(error: BaseException) -> BaseException:
    """Return the driver's own error, which SQLAlchemy wraps twice."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
            return found
        found = getattr(found, "orig", None) or found.__cause__
    return error


async def _revision(connection: Any) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)
