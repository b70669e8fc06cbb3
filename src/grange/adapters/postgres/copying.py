"""A copy of a PostgreSQL database as text, one file for each table, and the way back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from grange.adapters.columns import column_map
from grange.adapters.migrations import upgrade
from grange.adapters.postgres import ownership
from grange.adapters.rows import codec_of
from grange.adapters.schema import METADATA
from grange.kernel.errors import CorruptDataError
from grange.ports.state import ManifestRow

SUFFIX = ".copy"
_DESCRIBED = "tables.json"
_NULL = "\\N"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of a copy hold, in which order."""

    columns: dict[str, list[str]]
    outbox_sequence: int


async def copy_database(url: str, folder: Path, begun: Callable[[], None]) -> str:
    """Write every table to `<table>.copy` as of one moment; return the revision of the tables.

    Args:
        url: the database.
        folder: where the files are made.
        begun: called when the moment is fixed.
    """
    columns = {
        str(table.name): [str(column.name) for column in table.columns]
        for table in METADATA.sorted_tables
    }
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
            begun()
            for name, names in columns.items():
                output = folder / f"{name}{SUFFIX}"
                await connection.copy_from_table(name, columns=names, output=output)
            sequence = await connection.fetchval(
                "SELECT last_value FROM pg_sequences WHERE schemaname = current_schema() "
                "AND sequencename = 'outbox_sequence_seq'"
            )
    finally:
        await connection.close()
    # Facts that came and went are not in the copy, but their numbers are never used again.
    kept = _Kept(columns=columns, outbox_sequence=sequence or 0)
    await asyncio.to_thread((folder / _DESCRIBED).write_bytes, msgspec.json.encode(kept))
    return str(revision)


async def restore_database(url: str, folder: Path, revision: str) -> None:
    """Replace everything in a database by a copy, in one transaction.

    Args:
        url: the database.
        folder: what `copy_database` wrote.
        revision: of the copy's tables.
    """
    described = folder / _DESCRIBED

    async def connect() -> Any:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as opened:
            for name in [*reversed([table.name for table in METADATA.sorted_tables])]:
                await opened.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
            await opened.execute(text("DROP TABLE IF EXISTS alembic_version"))
            await opened.run_sync(upgrade, revision)
            raw = (await opened.get_raw_connection()).driver_connection
            if raw is None:
                raise CorruptDataError(str(folder), "cannot be restored: no connection")
            kept = msgspec.json.decode(await asyncio.to_thread(described.read_bytes), type=_Kept)
            for name, columns in kept.columns.items():
                source = folder / f"{name}{SUFFIX}"
                await raw.copy_to_table(name, columns=columns, source=source)
            last = kept.outbox_sequence
            if last:
                await opened.execute(
                    text("SELECT setval(pg_get_serial_sequence('outbox', 'sequence'), :last)"),
                    {"last": last},
                )
    finally:
        await engine.dispose()


def manifest_of(folder: Path) -> list[ManifestRow]:
    """Return the live files that a copy names."""
    codec = codec_of(ManifestRow)
    columns = list(column_map(ManifestRow).values())
    rows = []
    for line in (folder / f"manifest{SUFFIX}").read_text(encoding="utf-8").splitlines():
        values = [_value(field) for field in line.split("\t")]
        typed = [
            int(value) if value is not None and column.python is int else value
            for value, column in zip(values, columns, strict=True)
        ]
        row = codec.entity(tuple(typed))
        if row.retired_at is None:
            rows.append(row)
    return rows


_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _value(field: str) -> str | None:
    """Return a field of COPY's text format."""
    if field == _NULL:
        return None
    if "\\" not in field:
        return field
    found, rest = "", iter(field)
    for letter in rest:
        if letter == "\\":
            following = next(rest)
            found += _ESCAPES.get(following, following)
        else:
            found += letter
    return found


async def replace(url: str, folder: Path, revision: str, keep: Path) -> None:
    """Replace a database by a copy, after a copy of what is there; no server may use it.

    Args:
        url: the database.
        folder: the copy to bring back.
        revision: of its tables.
        keep: where what is there now is copied to, if there is anything.

    Raises:
        ConflictError: a server uses the database.
    """
    connection = await asyncpg.connect(url)
    try:
        await ownership.take(connection, f"The database behind {folder.name}")
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is not None:
            await copy_database(url, keep, lambda: None)
        await restore_database(url, folder, revision)
    finally:
        await connection.close()
