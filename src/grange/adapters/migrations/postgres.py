"""Migrating a PostgreSQL database: in one transaction, alone."""

from typing import Any

import asyncpg
from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from grange.adapters.migrations import to_do, upgrade

ONE_AT_A_TIME = 0x6772_616E_6765_0002
"""Advisory lock of a migration."""


async def migrate(connection: Any, url: str, where: str) -> None:
    """Bring the database to the newest revision.

    Args:
        connection: an open asyncpg connection, to look with.
        url: where the database is.
        where: what to call it in errors.

    Raises:
        ConfigurationError: a newer Grange made the database.
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
            await opened.run_sync(upgrade)
    except DBAPIError as error:
        raise _cause(error) from error
    finally:
        await engine.dispose()


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
