"""Users and keys: who may still sign in, and what the books say of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.sqlite import SqliteStore
from grange.domain.facts import EventFact
from grange.domain.farm import User
from grange.domain.statuses import Role
from grange.kernel.errors import ConflictError, NotFoundError
from grange.services.commands.farm_objects import CreateFarm
from grange.services.commands.people import AddKey, AddUser, DisableUser, RevokeKey
from grange.services.draft import Context
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.testing.builders import SeededIds


@asynccontextmanager
async def deciding(path: Path) -> AsyncIterator[tuple[Owner, SqliteStore]]:
    """An owner loop with a farm and one owner, ann."""

    async def perform(effects: object) -> None:
        assert not effects

    store = SqliteStore(path)
    await store.open()
    owner = Owner(store, SystemClock(), Context(ids=SeededIds(), spaces=TaskSpaces()), perform)
    await owner.start()
    try:
        await owner.ask(AddUser(name="ann", role=Role.OWNER, by="ann"))
        for name in ("one", "two"):
            await owner.ask(CreateFarm(name=name, by="ann"))
        yield owner, store
    finally:
        await owner.stop()
        await store.close()


def run(path: Path, story: Callable[[Owner, SqliteStore], Awaitable[None]]) -> None:
    async def told() -> None:
        async with deciding(path / "state.db") as (owner, store):
            await story(owner, store)

    asyncio.run(told())


async def audit(store: SqliteStore) -> list[tuple[Any, ...]]:
    """The audit events of the first farm, and that the other has the same."""
    rows = [entry.fact for entry in await store.outbox(1_000)]
    told: dict[str, list[tuple[Any, ...]]] = {}
    for fact in rows:
        if isinstance(fact, EventFact) and fact.subject == "user":
            event = (fact.subject_id, fact.name, fact.old, fact.new, fact.actor)
            told.setdefault(fact.farm_id, []).append(event)
    first, second = told.values()
    assert first == second
    return first


def test_everything_done_to_a_user_leaves_an_event_in_every_farm(tmp_path: Path):
    async def story(owner: Owner, store: SqliteStore) -> None:
        await owner.ask(AddUser(name="ben", role=Role.OWNER, by="ann"))
        await owner.ask(AddKey(user_name="ben", key_id="AK1", by="ann"))
        await owner.ask(DisableUser(name="ben", disabled=True, by="ann"))
        await owner.ask(DisableUser(name="ben", disabled=True, by="ann"))
        await owner.ask(DisableUser(name="ben", disabled=False, by="ann"))
        await owner.ask(RevokeKey(user_name="ben", key_id="AK1", by="ben"))
        await owner.ask(RevokeKey(user_name="ben", key_id="AK1", by="ben"))
        assert await audit(store) == [
            ("ben", "user_added", None, "owner", "ann"),
            ("ben", "key_added", None, "AK1", "ann"),
            ("ben", "user_disabled", "false", "true", "ann"),
            ("ben", "user_disabled", "true", "false", "ann"),
            ("ben", "key_revoked", "AK1", None, "ben"),
        ]

    run(tmp_path, story)


def test_the_last_owner_cannot_be_disabled(tmp_path: Path):
    async def story(owner: Owner, store: SqliteStore) -> None:
        await owner.ask(AddUser(name="rig", role=Role.WORKER, by="ann"))
        with pytest.raises(ConflictError, match="only owner"):
            await owner.ask(DisableUser(name="ann", disabled=True, by="ann"))
        await owner.ask(AddUser(name="ben", role=Role.OWNER, by="ann"))
        await owner.ask(DisableUser(name="ann", disabled=True, by="ben"))
        with pytest.raises(ConflictError, match="only owner"):
            await owner.ask(DisableUser(name="ben", disabled=True, by="ben"))
        kept = {user.name: user.disabled for user in await store.find(User)}
        assert kept == {"ann": True, "ben": False, "rig": False}

    run(tmp_path, story)


def test_somebody_unknown_is_named(tmp_path: Path):
    async def story(owner: Owner, _store: SqliteStore) -> None:
        with pytest.raises(NotFoundError, match="nobody"):
            await owner.ask(DisableUser(name="nobody", disabled=True, by="ann"))

    run(tmp_path, story)
