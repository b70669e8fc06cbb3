"""Databases of every revision open, and all become the same."""

import asyncio
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from grange.adapters import migrations
from grange.adapters.migrations import FRESH
from grange.adapters.migrations.sqlite import migrate
from grange.adapters.postgres import PostgresStore
from grange.adapters.schema import METADATA
from grange.adapters.sqlite import SqliteStore
from grange.domain.farm import Farm
from grange.kernel.errors import ConfigurationError, GrangeError
from grange.ports.state import TABLES, Batch, StateStore
from grange.testing.conformance.entities import least
from grange.testing.conformance.state_store import opened
from grange.testing.databases import create_database, drop_database
from tests.migration.draft import OLD, everything
from tools.fresh_schema import fresh_schema

LAST = migrations.revisions()[-1]
SECOND = f'''"""A revision of these tests."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{LAST}"


def upgrade() -> None:
    op.add_column("farms", sa.Column("extra", sa.Text))
    op.execute("UPDATE farms SET description = 'moved'")
'''


def declared(path: Path) -> set[str]:
    """Return what a SQLite file says of its tables and indexes."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'alembic_%'")
    found = {re.sub(r"\s+", " ", sql).strip() for (sql,) in rows if sql}
    connection.close()
    return found


def make_as_declared(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    METADATA.create_all(engine)
    engine.dispose()


def test_migrations_make_the_tables_the_entities_want(tmp_path: Path) -> None:
    """If this fails after a change of an entity: see tests/migration/draft.py."""
    migrate(tmp_path / "migrated.db")
    make_as_declared(tmp_path / "declared.db")
    migrated = declared(tmp_path / "migrated.db")
    assert migrated == declared(tmp_path / "declared.db")
    assert len(migrated) > 30


def test_a_new_farm_begins_with_what_the_revisions_make() -> None:
    """If this fails after a new revision: `python -m tools.fresh_schema`."""
    assert FRESH.read_text(encoding="utf-8") == fresh_schema()


@pytest.fixture
def postgres() -> Iterator[str]:
    server = os.environ["GRANGE_TEST_POSTGRES_URL"]
    url = asyncio.run(create_database(server))
    yield url
    asyncio.run(drop_database(server, url))


async def postgres_columns(url: str) -> list[tuple[str, ...]]:
    connection = await asyncpg.connect(url)
    # A column that was dropped leaves its number out for ever: the order is what must be alike.
    columns = await connection.fetch(
        "SELECT table_name, column_name, "
        "rank() OVER (PARTITION BY table_name ORDER BY ordinal_position), "
        "data_type, is_nullable, collation_name, is_identity "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    constraints = await connection.fetch(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace"
    )
    await connection.close()
    rows = [tuple(map(str, row)) for row in (*columns, *indexes, *constraints)]
    return sorted(row for row in rows if "alembic_version" not in row[0])


@pytest.mark.postgres
def test_postgresql_gets_the_same_tables(postgres: str) -> None:
    async def check() -> None:
        connection = await asyncpg.connect(postgres)
        dialect = postgresql.dialect()
        for table in METADATA.sorted_tables:
            await connection.execute(str(CreateTable(table).compile(dialect=dialect)))
            for index in table.indexes:
                await connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
        wanted = await postgres_columns(postgres)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()
        async with opened(lambda: PostgresStore(postgres)):
            assert await postgres_columns(postgres) == wanted
            assert len(wanted) > 200

    asyncio.run(check())


def test_every_revision_has_an_old_database_for_these_tests() -> None:
    assert [path.stem for path in sorted(OLD.glob("*.sql"))] == list(migrations.revisions())


async def holds_everything(store: StateStore, known_then: str | None = None) -> None:
    for table in TABLES:
        if known_then is not None and f'INSERT INTO "{table.name}"' not in known_then:
            continue
        found = await store.find(table.entity)
        assert found, table.name
        assert {type(value) for value in found} == {table.entity}
    assert len(await store.outbox(10)) == 3
    assert len(await store.manifest()) == 1
    await store.commit(everything())


@pytest.mark.parametrize("revision", migrations.revisions())
def test_an_old_database_opens_with_everything_in_it(revision: str, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    old = (OLD / f"{revision}.sql").read_text()
    connection = sqlite3.connect(path)
    connection.executescript(old)
    connection.close()

    async def check() -> None:
        async with opened(lambda: SqliteStore(path)) as store:
            await holds_everything(store, known_then=old)

    asyncio.run(check())


@pytest.fixture
def with_a_second_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, Grange knows one revision more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_more.py").write_text(SECOND)
    monkeypatch.setattr(migrations, "FOLDER", folder)


async def put_a_farm(store: StateStore) -> None:
    async with opened(lambda: store):
        await store.commit(Batch(puts=[least(Farm, description="old")]))


async def farm_of(store: StateStore) -> str:
    async with opened(lambda: store):
        (farm,) = await store.find(Farm)
        return farm.description


def test_an_older_file_is_copied_then_moved_forward(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "state.db"
    asyncio.run(put_a_farm(SqliteStore(path)))
    assert not list(tmp_path.glob("*.copy")), "nothing to migrate, nothing to copy"
    for old in ("0000", "0000a", "0000b"):
        (tmp_path / f"state.db.{old}.copy").touch()
    request.getfixturevalue("with_a_second_revision")
    assert asyncio.run(farm_of(SqliteStore(path))) == "moved"
    copies = sorted(copy.name for copy in tmp_path.glob("state.db.*.copy"))
    assert copies == ["state.db.0000a.copy", "state.db.0000b.copy", f"state.db.{LAST}.copy"]
    assert not list(tmp_path.glob("*.partial"))
    copy = sqlite3.connect(tmp_path / f"state.db.{LAST}.copy")
    assert copy.execute("SELECT description FROM farms").fetchall() == [("old",)]
    copy.close()


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "state.db"
    asyncio.run(put_a_farm(SqliteStore(path)))
    request.getfixturevalue("with_a_second_revision")
    second = migrations.FOLDER / "versions" / "9999_more.py"
    second.write_text(SECOND + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    before = declared(path)
    with pytest.raises(GrangeError, match="no such table: nowhere"):
        asyncio.run(farm_of(SqliteStore(path)))
    assert declared(path) == before
    second.write_text(SECOND)
    assert asyncio.run(farm_of(SqliteStore(path))) == "moved"


def test_a_file_of_a_newer_grange_is_refused(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, known = tmp_path / "state.db", migrations.FOLDER
    request.getfixturevalue("with_a_second_revision")
    asyncio.run(put_a_farm(SqliteStore(path)))
    monkeypatch.setattr(migrations, "FOLDER", known)
    with pytest.raises(ConfigurationError, match=r"newer Grange \(its revision is 9999"):
        asyncio.run(farm_of(SqliteStore(path)))


async def postgres_rows(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


@pytest.mark.postgres
def test_an_older_postgresql_database_is_copied_then_moved_forward(
    postgres: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations.FOLDER
    asyncio.run(put_a_farm(PostgresStore(postgres)))
    request.getfixturevalue("with_a_second_revision")
    for old in ("0000", "0000a", "0000b"):
        asyncio.run(postgres_rows(postgres, f"CREATE SCHEMA public_copy_{old}"))
    assert asyncio.run(farm_of(PostgresStore(postgres))) == "moved"
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'public\\_copy\\_%' ORDER BY 1"
    copies = [row[0] for row in asyncio.run(postgres_rows(postgres, schemas))]
    assert copies == ["public_copy_0000a", "public_copy_0000b", f"public_copy_{LAST}"]
    kept = asyncio.run(postgres_rows(postgres, f"SELECT description FROM {copies[-1]}.farms"))
    assert [row[0] for row in kept] == ["old"]
    monkeypatch.setattr(migrations, "FOLDER", known)
    with pytest.raises(ConfigurationError, match="newer Grange"):
        asyncio.run(farm_of(PostgresStore(postgres)))


@pytest.mark.postgres
def test_a_failing_migration_of_postgresql_changes_nothing(
    postgres: str, request: pytest.FixtureRequest
) -> None:
    asyncio.run(put_a_farm(PostgresStore(postgres)))
    request.getfixturevalue("with_a_second_revision")
    second = migrations.FOLDER / "versions" / "9999_more.py"
    second.write_text(SECOND + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    before = asyncio.run(postgres_columns(postgres))
    with pytest.raises(GrangeError, match='relation "nowhere" does not exist'):
        asyncio.run(farm_of(PostgresStore(postgres)))
    assert asyncio.run(postgres_columns(postgres)) == before
    second.write_text(SECOND)
    assert asyncio.run(farm_of(PostgresStore(postgres))) == "moved"
