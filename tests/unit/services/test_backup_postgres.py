"""Backups of state in PostgreSQL."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grange.adapters.backups import manifest_in
from grange.adapters.postgres.copying import replace
from grange.adapters.postgres.store import PostgresStore
from grange.domain.farm import Farm
from grange.kernel.errors import ConflictError
from grange.kernel.ids import FarmId
from grange.ports.state import TABLES, Batch
from grange.testing.conformance.state_store import manifest_row
from grange.testing.databases import create_database, drop_database
from grange.testing.facts import T0, event_fact
from tests.migration.draft import everything

pytestmark = pytest.mark.postgres


@pytest.fixture
def database() -> Iterator[str]:
    server = os.environ["GRANGE_TEST_POSTGRES_URL"]
    url = asyncio.run(create_database(server))
    yield url
    asyncio.run(drop_database(server, url))


def test_a_copy_is_of_one_moment_and_comes_back(database: str, tmp_path: Path) -> None:
    """Ledger S4-31, S4-32 on PostgreSQL: a consistent copy by SQL; facts' numbers go on."""
    copy, kept = tmp_path / "copy", tmp_path / "kept"
    copy.mkdir()
    kept.mkdir()

    async def live() -> None:
        store = PostgresStore(database)
        await store.open()
        await store.commit(everything())
        odd = 'a\ttab, a\\backslash,\na line "end" \\N'
        await store.commit(
            Batch(puts=[Farm(farm_id=FarmId("f2"), name=odd, created_at=T0, created_by="")])
        )
        row = manifest_row("blocks/a.parquet")
        await store.publish([row, manifest_row("blocks/b.parquet")], [], T0)
        await store.publish([], ["blocks/b.parquet"], T0)
        before = {table.name: await store.find(table.entity) for table in TABLES}
        outbox = await store.outbox(100)
        revision = await store.copy(str(copy), lambda: None)
        assert [found.path for found in manifest_in(copy)] == ["blocks/a.parquet"]
        assert manifest_in(copy)[0] == row
        await store.commit(
            Batch(puts=[Farm(farm_id=FarmId("f3"), name="n", created_at=T0, created_by="")])
        )
        await store.clear_outbox(outbox[-1].sequence)
        with pytest.raises(ConflictError, match="in use by"):
            await replace(database, copy, revision, kept)
        await store.close()
        await replace(database, copy, revision, kept)
        assert (kept / "farms.copy").read_text().count("\n") == len(before["farms"]) + 1
        store = PostgresStore(database)
        await store.open()
        assert {table.name: await store.find(table.entity) for table in TABLES} == before
        assert await store.outbox(100) == outbox
        await store.commit(Batch(outbox=[event_fact("e", T0, "x")]))
        assert (await store.outbox(100))[-1].sequence > outbox[-1].sequence
        assert len(await store.manifest()) == 1
        await store.close()

    asyncio.run(live())
