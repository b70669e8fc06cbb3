"""Stores to run the suites on."""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from grange.adapters.postgres import PostgresStore
from grange.adapters.sqlite import SqliteStore
from grange.ports.state import StateStore
from grange.testing.databases import create_database, drop_database
from grange.testing.memory_store import MemoryStore


@dataclass(frozen=True)
class Stores:
    """A factory of stores on the same data, as the conformance suite wants it."""

    make: Callable[[], StateStore]
    beside: Callable[[], StateStore]

    def __call__(self) -> StateStore:
        return self.make()


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    """A PostgreSQL database with the tables in it, to be copied."""
    server = os.environ["GRANGE_TEST_POSTGRES_URL"]

    async def make() -> str:
        url = await create_database(server)
        store = PostgresStore(url)
        await store.open()
        await store.close()
        return url

    url = asyncio.run(make())
    yield url
    asyncio.run(drop_database(server, url))


@pytest.fixture
def database(migrated_database: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with the tables in it."""
    server = os.environ["GRANGE_TEST_POSTGRES_URL"]
    url = asyncio.run(create_database(server, template=migrated_database))
    yield url
    asyncio.run(drop_database(server, url))


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """Every kind of store, empty."""
    if request.param == "memory":
        store = MemoryStore()
        return Stores(lambda: store, lambda: store)
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        return Stores(lambda: SqliteStore(path), lambda: SqliteStore(path))
    url = request.getfixturevalue("database")
    return Stores(lambda: PostgresStore(url), lambda: PostgresStore(url, owner=False))
