import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from grange.domain.facts import EventFact, Fact, SessionActionFact, SessionFact
from grange.domain.farm import Farm
from grange.domain.work import Job
from grange.ports.state import (
    TABLES,
    AllOf,
    AnyOf,
    Batch,
    Compare,
    Condition,
    Contains,
    JsonEquals,
    OneOf,
    Order,
    key_of,
)
from grange.testing.conformance.entities import least, parents_of
from grange.testing.conformance.state_store import CHECKS, Check, opened
from grange.testing.conformance.strategies import TEXTS, anything
from grange.testing.memory_store import MemoryStore
from tests.conformance.conftest import Stores


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_state_store(check: Check, stores: Stores) -> None:
    promise: Coroutine[Any, Any, None] = check(stores)  # type: ignore[assignment]
    asyncio.run(promise)


anything_at_all = st.one_of(*(anything(table.entity) for table in TABLES))
any_fact: st.SearchStrategy[Fact] = st.one_of(
    anything(SessionActionFact), anything(SessionFact), anything(EventFact)
)
on_the_same_store = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_every_entity_comes_back_as_it_was_put(stores: Stores) -> None:
    with asyncio.Runner() as runner:
        store = stores()
        runner.run(store.open())

        @on_the_same_store
        @given(st.lists(anything_at_all, max_size=4), st.lists(any_fact, max_size=3))
        def comes_back(entities: list[Any], facts: list[Fact]) -> None:
            keys = [(type(entity), key_of(entity)) for entity in entities]
            assume(len(set(keys)) == len(keys))
            puts = [*(parent for entity in entities for parent in parents_of(entity)), *entities]
            earlier = [(type(entity), key_of(entity)) for entity in puts]
            runner.run(store.commit(Batch(deletes=earlier, puts=puts, outbox=facts)))
            for entity in entities:
                assert runner.run(store.get(type(entity), key_of(entity))) == entity
            rows = runner.run(store.outbox(100))
            assert [row.fact for row in rows] == facts
            if rows:
                runner.run(store.clear_outbox(rows[-1].sequence))

        comes_back()
        runner.run(store.close())


OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
SHORT = st.sampled_from(["", "a", "A", "ab", "b_", "%", "ä", "Ä", "\\", "'", "\U0001d518"]) | TEXTS
SMALL = st.integers(-2, 2)
leaves = st.one_of(
    st.builds(Compare, st.sampled_from(["name", "updated_by"]), OPERATORS, st.none() | SHORT),
    st.builds(Compare, st.sampled_from(["priority", "ended_at"]), OPERATORS, st.none() | SMALL),
    st.builds(OneOf, st.just("name"), st.lists(SHORT, max_size=3).map(tuple)),
    st.builds(OneOf, st.just("ended_at"), st.lists(SMALL, max_size=3).map(tuple)),
    st.builds(
        Contains,
        st.sampled_from(["name", "updated_by"]),
        st.text("aAbB_%\\'é", max_size=2),
    ),
    st.builds(JsonEquals, st.just("tags"), st.tuples(SHORT), OPERATORS, SHORT),
    st.builds(JsonEquals, st.just("settings"), st.tuples(SHORT, SHORT), OPERATORS, SHORT),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=5,
)
orders = st.lists(
    st.builds(Order, st.sampled_from(["name", "priority", "ended_at", "status"]), st.booleans()),
    max_size=2,
)
jobs = st.lists(
    st.builds(
        lambda **given: least(Job, **given),
        job_id=st.text("abc", min_size=1, max_size=4),
        name=SHORT,
        updated_by=st.none() | SHORT,
        priority=SMALL,
        ended_at=st.none() | SMALL,
        tags=st.dictionaries(SHORT, SHORT, max_size=2),
        settings=st.dictionaries(
            SHORT, SHORT | st.integers() | st.dictionaries(SHORT, SHORT, max_size=2), max_size=2
        ),
    ),
    unique_by=lambda job: job.job_id,
    max_size=8,
)


def test_any_search_finds_what_plain_python_finds(stores: Stores) -> None:
    """The same question has the same answer in every store (invariant 6)."""
    with asyncio.Runner() as runner:
        store = stores()
        runner.run(store.open())

        @on_the_same_store
        @given(jobs, conditions, orders, st.none() | st.integers(0, 4), st.integers(0, 4))
        def finds(
            kept: list[Job], where: Condition, order: list[Order], limit: int | None, offset: int
        ) -> None:
            old = [(Job, key_of(job)) for job in runner.run(store.find(Job))]
            runner.run(store.commit(Batch(deletes=old, puts=kept)))
            plain = MemoryStore()
            runner.run(plain.commit(Batch(puts=kept)))
            cut = {"order": order, "limit": limit, "offset": offset}
            found = runner.run(store.find(Job, where, **cut))  # type: ignore[arg-type]
            assert found == runner.run(plain.find(Job, where, **cut))  # type: ignore[arg-type]
            assert runner.run(store.count(Job, where)) == runner.run(plain.count(Job, where))

        finds()
        runner.run(store.close())


@pytest.mark.parametrize(
    "stores", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_text_without_a_place_in_a_database_does_not_stop_a_batch(stores: Stores) -> None:
    """NUL characters, which PostgreSQL refuses, become U+FFFD in both databases."""

    async def check() -> None:
        async with opened(stores) as store:
            farm = least(Farm, name="a\0b", settings={"a\0": ["\0", "\\u0000"]})
            fact = least(EventFact, detail="x\0")
            await store.commit(Batch(puts=[farm], outbox=[fact]))
            (kept,) = await store.find(Farm)
            assert kept.name == "a\ufffdb"
            assert kept.settings == {"a\ufffd": ["\ufffd", "\\u0000"]}
            (row,) = await store.outbox(1)
            assert row.fact == least(EventFact, detail="x\ufffd")

    asyncio.run(check())
