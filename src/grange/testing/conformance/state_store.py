"""What `ports.state.StateStore` promises, one async function per promise.

Each function takes a factory that returns a new, unopened store on the same (at first empty) data.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from grange.domain.facts import EventFact, Fact, SessionFact
from grange.domain.farm import Farm, Queue, QueueFleetAssociation, User
from grange.domain.statuses import SessionLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.errors import ConflictError, GrangeError, InvalidRequestError
from grange.kernel.ids import JobId, StepId
from grange.kernel.units import Instant
from grange.ports.state import (
    UNDECIDED,
    AllOf,
    AnyOf,
    Batch,
    Compare,
    Condition,
    Contains,
    JsonEquals,
    Key,
    ManifestRow,
    OneOf,
    Order,
    StateStore,
    key_of,
)
from grange.testing.conformance.entities import least, parents_of

Factory = Callable[[], StateStore]
Check = Callable[[Factory], Awaitable[None]]


@asynccontextmanager
async def opened(factory: Factory) -> AsyncIterator[StateStore]:
    """Open a store and close it again."""
    store = factory()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def refused(what: Awaitable[Any], error: type[Exception]) -> Exception:
    """Return the error that the awaitable raises, which has to be of this type."""
    try:
        await what
    except error as raised:
        return raised
    raise AssertionError(f"No {error.__name__} was raised.")


async def what_was_committed_is_there_when_it_is_opened_again(factory: Factory) -> None:
    """Entities, outbox and manifest outlive the store object."""
    farm, row = least(Farm), manifest_row("blocks/a.parquet")
    async with opened(factory) as store:
        await store.commit(Batch(puts=[farm], outbox=[least(EventFact)]))
        await store.publish([row], [], Instant(5))
    async with opened(factory) as store:
        assert await store.get(Farm, (farm.farm_id,)) == farm
        assert [item.fact for item in await store.outbox(10)] == [least(EventFact)]
        assert await store.manifest() == [row]


async def an_entity_that_is_not_there_is_none(factory: Factory) -> None:
    """Reads of nothing are empty, and deleting or forgetting nothing is no error."""
    async with opened(factory) as store:
        assert await store.get(Farm, ("farm-0",)) is None
        assert await store.find(Job) == []
        assert await store.count(Worker) == 0
        assert await store.load_job(JobId("job-0")) == []
        await store.commit(Batch())
        await store.commit(Batch(deletes=[(Farm, ("farm-0",))], forget_tasks_of=[StepId("step-0")]))
        await store.clear_outbox(10)
        await store.forget_files(["nothing"])
        await store.publish([], [], Instant(1))


async def a_put_replaces_the_whole_entity(factory: Factory) -> None:
    """Nothing of the former value stays, and a key of several columns is one key."""
    first = least(Farm, description="old", settings={"a": 1}, updated_at=3)
    second = least(Farm, name="new")
    pairs = [least(QueueFleetAssociation, queue_id=q, fleet_id=f) for q in "ab" for f in "ab"]
    async with opened(factory) as store:
        await store.commit(Batch(puts=[first, *pairs]))
        await store.commit(Batch(puts=[second]))
        assert await store.find(Farm) == [second]
        assert await store.find(QueueFleetAssociation) == pairs
        assert await store.get(QueueFleetAssociation, ("b", "a")) == pairs[2]


async def every_change_of_a_job_is_kept(factory: Factory) -> None:
    """However a store saves writing what did not change, each column has its latest value."""
    job = least(Job, template="{}", parameters={"a": {"int": "1"}}, tags={"b": "c"})
    layer = least(Layer, template={"script": {}}, depends_on=("step-0",))
    counted = replace(job, counts={"READY": 5}, priority=60)
    versions: list[Any] = [
        counted,
        replace(counted, template="{ }"),
        replace(counted, template="{ }", tags={}, counts={}, updated_by="ann"),
        job,
        replace(job, parameters={"a": {"int": "2"}}, ended_at=7),
    ]
    async with opened(factory) as store:
        await store.commit(Batch(puts=[job, layer]))
        for version in versions:
            await store.commit(Batch(puts=[version]))
            assert await store.find(Job) == [version]
        changed = replace(layer, counts={"RUNNING": 1}, next_index=1)
        await store.commit(Batch(puts=[layer, changed]))
        assert await store.find(Layer) == [changed]
        rewritten = replace(changed, template={"script": {"x": 1}})
        await store.commit(Batch(puts=[replace(rewritten, next_index=9), rewritten]))
        assert await store.find(Layer) == [rewritten]
        # What is deleted and put in one batch is written whole.
        await store.commit(Batch(puts=[rewritten], deletes=[(Layer, key_of(layer))]))
        assert await store.find(Layer) == [rewritten]
        # A batch that failed is not taken for written.
        lost = replace(rewritten, template={"lost": True})
        await refused(store.commit(Batch(puts=[lost, least(Task, layer_id="x")])), GrangeError)
        await store.commit(Batch(puts=[replace(lost, next_index=2)]))
        assert await store.find(Layer) == [replace(lost, next_index=2)]
    async with opened(factory) as store:
        await store.commit(Batch(puts=[replace(lost, next_index=3)]))
        assert await store.find(Layer) == [replace(lost, next_index=3)]


async def the_last_put_of_a_batch_wins(factory: Factory) -> None:
    """One batch may put the same entity more than once."""
    async with opened(factory) as store:
        await store.commit(Batch(puts=[least(Farm, name=name) for name in ("a", "b", "c")]))
        assert [farm.name for farm in await store.find(Farm)] == ["c"]


async def a_batch_forgets_then_deletes_then_puts(factory: Factory) -> None:
    """What a batch deletes and puts is there afterwards."""
    tasks = [least(Task, index=index) for index in range(3)]
    other = least(Task, layer_id="step-other", index=0)
    user = least(User)
    async with opened(factory) as store:
        await store.commit(Batch(puts=[*parents_of(tasks[0]), *parents_of(other), user]))
        await store.commit(Batch(puts=[*tasks, other]))
        anew = replace(tasks[1], attempts=7)
        await store.commit(
            Batch(
                puts=[anew, replace(user, disabled=True)],
                deletes=[(User, key_of(user)), (Task, key_of(other))],
                forget_tasks_of=[tasks[0].layer_id],
            )
        )
        assert await store.find(Task) == [anew]
        assert await store.find(User) == [replace(user, disabled=True)]


async def a_batch_is_written_whole_or_not_at_all(factory: Factory) -> None:
    """A batch that breaks a rule (a task without its layer) leaves no trace."""
    farm, user = least(Farm), least(User)
    async with opened(factory) as store:
        await store.commit(Batch(puts=[farm]))
        broken = Batch(
            puts=[replace(farm, name="changed"), user, least(Task)],
            deletes=[(Farm, key_of(farm))],
            outbox=[least(EventFact)],
        )
        await refused(store.commit(broken), GrangeError)
        assert await store.find(Farm) == [farm]
        assert await store.find(User) == []
        assert await store.outbox(10) == []
        await store.commit(Batch(puts=[user]))
        assert await store.find(User) == [user]


async def parents_may_come_after_their_children(factory: Factory) -> None:
    """Rules between rows hold at the end of a batch, in whatever order it was put together."""
    task = least(Task)
    async with opened(factory) as store:
        await store.commit(Batch(puts=[task, *reversed(parents_of(task))]))
        assert await store.find(Task) == [task]
        keys: list[Key] = [(task.job_id,), (task.layer_id,), key_of(task)]
        kinds: list[type[Any]] = [Job, Layer, Task]
        await store.commit(Batch(deletes=list(zip(kinds, keys, strict=True))))
        assert await store.count(Job) == await store.count(Layer) == await store.count(Task) == 0


async def the_outbox_is_read_in_the_order_it_was_written(factory: Factory) -> None:
    """Sequences ascend over batches and are never given twice, not even after clearing."""
    facts: list[Fact] = [least(EventFact, event_id=f"event-{n}") for n in range(7)]
    async with opened(factory) as store:
        await store.commit(Batch(outbox=facts[:3]))
        await store.commit(Batch(outbox=[*facts[3:5], least(SessionFact)]))
        rows = await store.outbox(100)
        assert [row.fact for row in rows] == [*facts[:5], least(SessionFact)]
        sequences = [row.sequence for row in rows]
        assert sequences == sorted(set(sequences))
        assert await store.outbox(2) == rows[:2]
        await store.clear_outbox(rows[1].sequence)
        assert await store.outbox(100) == rows[2:]
        await store.clear_outbox(rows[-1].sequence)
    async with opened(factory) as store:
        assert await store.outbox(100) == []
        await store.commit(Batch(outbox=facts[5:]))
        again = await store.outbox(100)
        assert [row.fact for row in again] == facts[5:]
        assert again[0].sequence > sequences[-1]


async def load_gives_the_owner_what_it_decides_on(factory: Factory) -> None:
    """Ended work and succeeded tasks stay behind, unless something of them is still open."""
    started, ended = SessionLifecycleStatus.STARTED, SessionLifecycleStatus.ENDED
    done, ready = TaskRunStatus.SUCCEEDED, TaskRunStatus.READY
    wanted: list[Any] = [least(Farm), least(Queue), least(User), least(Worker)]
    unwanted: list[Any] = [least(entity) for entity in UNDECIDED]

    def job(name: str, ended_at: int | None) -> None:
        (unwanted if name == "over" else wanted).extend(
            [
                least(Job, job_id=name, ended_at=ended_at),
                least(Layer, job_id=name, layer_id=f"step-{name}", next_index=3),
                least(Task, job_id=name, layer_id=f"step-{name}", index=0, status=ready),
            ]
        )
        unwanted.append(least(Task, job_id=name, layer_id=f"step-{name}", index=1, status=done))
        # A task touched ahead of the layer's next index is not told by the layer's counts.
        ahead = least(Task, job_id=name, layer_id=f"step-{name}", index=5, status=done)
        (unwanted if name == "over" else wanted).append(ahead)

    def session(name: str, of_job: str, status: SessionLifecycleStatus) -> None:
        kept = wanted if status is started else unwanted
        kept.append(least(Session, session_id=name, job_id=of_job, status=status))
        kept.append(least(SessionAction, session_id=name, job_id=of_job, index=1))
        unwanted.append(least(SessionAction, session_id=name, job_id=of_job, index=0, ended_at=9))

    job("running", None)
    job("over", 5)
    job("lingering", 5)
    session("s1", "running", started)
    session("s2", "running", ended)
    session("s3", "over", ended)
    session("s4", "lingering", started)
    async with opened(factory) as store:
        await store.commit(Batch(puts=[*unwanted, *wanted]))
        loaded = [value async for value in store.load()]
        assert sorted(map(repr, loaded)) == sorted(map(repr, wanted))
        of_job = [value for value in unwanted if getattr(value, "job_id", "") == "over"]
        expected = [
            value
            for value in of_job
            if isinstance(value, Job | Layer)
            or (isinstance(value, Task) and (value.status is not done or value.index == 5))
        ]
        assert sorted(map(repr, await store.load_job(JobId("over")))) == sorted(map(repr, expected))


async def a_load_sees_one_moment(factory: Factory) -> None:
    """What is committed while the owner loads does not appear in the middle of it."""
    workers = [least(Worker, worker_id=f"worker-{n:05}") for n in range(2500)]
    async with opened(factory) as store:
        await store.commit(Batch(puts=[least(Farm), *workers]))
        load = store.load()
        assert await anext(load) == least(Farm)
        await store.commit(Batch(puts=[least(Worker, worker_id="worker-99999")]))
        assert [value async for value in load] == workers
        assert await store.count(Worker) == 2501


FARMS = (
    least(Farm, farm_id="f1", name="Alpha", description="50% off", updated_at=10),
    least(
        Farm, farm_id="f2", name="alpha_beta", description="a_b", updated_at=20, updated_by="ann"
    ),
    least(Farm, farm_id="f3", name="ÄRGER ΩMEGA", description="c:\\x", updated_by="Bob"),
    least(
        Farm,
        farm_id="f4",
        name="'; DROP TABLE farms; --",
        settings={
            "shot": "s10",
            "number": 5,
            "no": None,
            'od"d.$key\\': "odd",
            "0": "zero",
            "list": ["first"],
            "Ünï": {"deep": {"er": "down"}, "text": "plain"},
        },
    ),
    least(Farm, farm_id="f5", name="", settings={"shot": "s9"}, updated_at=20),
)
WORKERS = (
    least(Worker, worker_id="w1", disabled=True, last_seen_at=-5),
    least(Worker, worker_id="w2", native=True, threads=2**40),
)
ACTIONS = (
    least(SessionAction, session_id="s", index=1, progress_percent=0.5),
    least(SessionAction, session_id="s", index=2, progress_percent=99.0),
    least(SessionAction, session_id="s", index=3),
)

TRUTHS: tuple[tuple[type[Any], Condition, str], ...] = (
    (Farm, Compare("name", "=", "Alpha"), "f1"),
    (Farm, Compare("name", "=", "alpha"), ""),
    (Farm, Compare("name", "!=", "Alpha"), "f2 f3 f4 f5"),
    (Farm, Compare("name", "=", "'; DROP TABLE farms; --"), "f4"),
    (Farm, Compare("name", "=", ""), "f5"),
    (Farm, Compare("name", "<", "Alpha"), "f4 f5"),
    (Farm, Compare("name", ">=", "alpha_beta"), "f2 f3"),
    (Farm, Compare("updated_at", "=", 20), "f2 f5"),
    (Farm, Compare("updated_at", "!=", 20), "f1"),
    (Farm, Compare("updated_at", "<", 20), "f1"),
    (Farm, Compare("updated_at", "<=", 20), "f1 f2 f5"),
    (Farm, Compare("updated_at", ">", 10), "f2 f5"),
    (Farm, Compare("updated_at", ">=", 21), ""),
    (Farm, Compare("updated_at", "=", None), "f3 f4"),
    (Farm, Compare("updated_at", "!=", None), "f1 f2 f5"),
    (Farm, Compare("updated_at", "<", None), ""),
    (Farm, Compare("updated_by", "!=", "ann"), "f3"),
    (Farm, OneOf("farm_id", ("f1", "f3", "f9")), "f1 f3"),
    (Farm, OneOf("updated_at", (10, 20)), "f1 f2 f5"),
    (Farm, OneOf("farm_id", ()), ""),
    (Farm, OneOf("farm_id", tuple(f"f{n}" for n in range(2, 70_000))), "f2 f3 f4 f5"),
    (Farm, Contains("name", "ALPHA"), "f1 f2"),
    (Farm, Contains("name", ""), "f1 f2 f3 f4 f5"),
    (Farm, Contains("name", "a_b"), "f2"),
    (Farm, Contains("name", "ärger ωm"), "f3"),
    (Farm, Contains("description", "%"), "f1"),
    (Farm, Contains("description", "_"), "f2"),
    (Farm, Contains("description", "\\"), "f3"),
    (Farm, Contains("updated_by", "B"), "f3"),
    (Farm, JsonEquals("settings", ("shot",), "=", "s10"), "f4"),
    (Farm, JsonEquals("settings", ("shot",), "!=", "s10"), "f5"),
    (Farm, JsonEquals("settings", ("shot",), "<", "s9"), "f4"),
    (Farm, JsonEquals("settings", ("shot",), ">=", "s9"), "f5"),
    (Farm, JsonEquals("settings", ("number",), "=", "5"), ""),
    (Farm, JsonEquals("settings", ("no",), "!=", "x"), ""),
    (Farm, JsonEquals("settings", ('od"d.$key\\',), "=", "odd"), "f4"),
    (Farm, JsonEquals("settings", ("Ünï", "text"), "=", "plain"), "f4"),
    (Farm, JsonEquals("settings", ("Ünï", "deep", "er"), "=", "down"), "f4"),
    (Farm, JsonEquals("settings", ("Ünï", "text", "er"), "=", "down"), ""),
    (Farm, JsonEquals("settings", ("0",), "=", "zero"), "f4"),
    (Farm, JsonEquals("settings", ("list", "0"), "=", "first"), ""),
    (Farm, AllOf(()), "f1 f2 f3 f4 f5"),
    (Farm, AnyOf(()), ""),
    (Farm, AllOf((Compare("updated_at", "=", 20), Contains("name", "a"))), "f2"),
    (Farm, AnyOf((Compare("updated_at", "=", 10), Compare("name", "=", ""))), "f1 f5"),
    (
        Farm,
        AllOf(
            (
                AnyOf((Compare("updated_at", "=", 20), Compare("updated_at", "=", 10))),
                AnyOf((AllOf((Contains("name", "alpha"), Compare("farm_id", ">", "f1"))),)),
            )
        ),
        "f2",
    ),
    (Worker, Compare("disabled", "=", True), "w1"),
    (Worker, Compare("disabled", "!=", True), "w2"),
    (Worker, Compare("native", "=", False), "w1"),
    (Worker, Compare("threads", ">", 2**39), "w2"),
    (Worker, Compare("last_seen_at", "<", 0), "w1"),
    (Worker, OneOf("status", ("CREATED", "STARTED")), "w1 w2"),
    (SessionAction, Compare("index", ">", 1), "2 3"),
    (SessionAction, Compare("progress_percent", ">=", 0.5), "1 2"),
    (SessionAction, Compare("progress_percent", ">", 1), "2"),
    (SessionAction, OneOf("index", (3, 1)), "1 3"),
)
"""Entity, condition, last parts of the keys of what it matches."""


async def every_condition_matches_what_it_says(factory: Factory) -> None:
    """The truth table, for `find` and `count` alike."""
    async with opened(factory) as store:
        await store.commit(Batch(puts=[*FARMS, *WORKERS, *parents_of(ACTIONS[0]), *ACTIONS]))
        for entity, condition, expected in TRUTHS:
            found = [str(key_of(value)[-1]) for value in await store.find(entity, condition)]
            assert found == expected.split(), condition
            assert await store.count(entity, condition) == len(found), condition
        assert await store.count(Farm) == len(FARMS)


REFUSALS: tuple[Condition, ...] = (
    Compare("nothing", "=", "x"),
    Compare('name" = "name', "=", "x"),
    Compare("name", "LIKE", "x"),
    Compare("name", "IS", None),
    Compare("name", "=", 5),
    Compare("updated_at", "=", "5"),
    Compare("updated_at", "=", True),
    Compare("updated_at", "=", 2**63),
    Compare("settings", "=", "{}"),
    Compare("nothing", "=", None),
    OneOf("nothing", ("x",)),
    OneOf("updated_at", ("x",)),
    OneOf("settings", ("x",)),
    Contains("nothing", "x"),
    Contains("updated_at", "1"),
    Contains("settings", "1"),
    JsonEquals("nothing", ("a",), "=", "x"),
    JsonEquals("name", ("a",), "=", "x"),
    JsonEquals("settings", (), "=", "x"),
    JsonEquals("settings", ("a",), "~", "x"),
    AllOf((Compare("name", "=", "x"), AnyOf((Compare("nothing", "=", 1),)))),
)


async def conditions_that_make_no_sense_are_refused(factory: Factory) -> None:
    """Unknown columns, wrong types and unknown comparisons never reach the database."""
    async with opened(factory) as store:
        for condition in REFUSALS:
            await refused(store.find(Farm, condition), InvalidRequestError)
            await refused(store.count(Farm, condition), InvalidRequestError)
        await refused(store.find(Farm, order=[Order("nothing")]), InvalidRequestError)
        await refused(store.find(Farm, order=[Order("settings")]), InvalidRequestError)
        await refused(store.find(Farm, limit=-1), InvalidRequestError)
        await refused(store.find(Farm, offset=-1), InvalidRequestError)
        assert await store.find(Farm) == []


async def results_are_ordered_and_cut(factory: Factory) -> None:
    """By key unless asked otherwise; nulls last either way; the key breaks ties."""
    async with opened(factory) as store:
        await store.commit(Batch(puts=list(reversed(FARMS))))

        async def ids(*order: Order, limit: int | None = None, offset: int = 0) -> str:
            found = await store.find(Farm, order=order, limit=limit, offset=offset)
            return " ".join(farm.farm_id for farm in found)

        assert await ids() == "f1 f2 f3 f4 f5"
        assert await ids(Order("updated_at")) == "f1 f2 f5 f3 f4"
        assert await ids(Order("updated_at", descending=True)) == "f2 f5 f1 f3 f4"
        assert await ids(Order("updated_by"), Order("farm_id", descending=True)) == "f3 f2 f5 f4 f1"
        assert await ids(Order("name")) == "f5 f4 f1 f2 f3"
        assert await ids(limit=2) == "f1 f2"
        assert await ids(limit=2, offset=3) == "f4 f5"
        assert await ids(offset=4) == "f5"
        assert await ids(limit=0) == ""


async def some_columns_are_those_of_the_whole(factory: Factory) -> None:
    """The same rows in the same order as `find`, values as an entity has them."""
    async with opened(factory) as store:
        job = replace(least(Job), counts={"READY": 3}, status=TaskRunStatus.READY, priority=7)
        await store.commit(Batch(puts=[*parents_of(job), job, *reversed(FARMS)]))
        names = ("counts", "job_id", "status", "ended_at", "priority")
        [row] = await store.columns(Job, names, Compare("priority", ">", 6))
        assert row == tuple(getattr(job, name) for name in names)
        assert row[2] is TaskRunStatus.READY
        order = (Order("name"),)
        ids = [farm.farm_id for farm in await store.find(Farm, order=order, limit=3)]
        found = await store.columns(Farm, ("farm_id",), order=order, limit=3)
        assert found == [(one,) for one in ids]
        await refused(store.columns(Farm, ("no_such",)), InvalidRequestError)


async def readers_see_whole_batches_while_they_are_written(factory: Factory) -> None:
    """No read sees half of a batch, and no writer waits for a reader."""
    async with opened(factory) as store:
        names = [f"farm-{n}" for n in range(20)]

        async def write() -> None:
            for version in range(1, 40):
                puts = [least(Farm, farm_id=name, updated_at=version) for name in names]
                await store.commit(Batch(puts=puts, outbox=[least(EventFact, number=version)]))

        async def read() -> set[int]:
            seen = set()
            while not writer.done():
                versions = {farm.updated_at or 0 for farm in await store.find(Farm)}
                assert len(versions) <= 1
                seen |= versions
            return seen

        writer = asyncio.ensure_future(write())
        results = await asyncio.gather(*(read() for _ in range(3)))
        await writer
        assert all(seen <= set(range(1, 40)) for seen in results)
        assert await store.count(Farm, Compare("updated_at", "=", 39)) == 20


def manifest_row(path: str, **given: Any) -> ManifestRow:
    """Return a live file of the books."""
    given.setdefault("sha256", f"hash of {path}")
    return least(ManifestRow, path=path, **given)


async def the_manifest_lists_live_files_by_path(factory: Factory) -> None:
    """Retired files stay listed until they are forgotten."""
    rows = [manifest_row(f"blocks/{name}", provenance={"parents": ["x"]}) for name in "cab"]
    async with opened(factory) as store:
        await store.publish(rows, [], Instant(1))
        assert [row.path for row in await store.manifest()] == ["blocks/a", "blocks/b", "blocks/c"]
        merged = manifest_row("blocks/d")
        await store.publish([merged], ["blocks/a", "blocks/b"], Instant(7))
        assert await store.manifest() == [rows[0], merged]
        everything = await store.manifest(include_retired=True)
        assert [row.retired_at for row in everything] == [7, 7, None, None]
        await store.forget_files(["blocks/a", "blocks/b"])
        assert await store.manifest(include_retired=True) == [rows[0], merged]


async def a_file_is_folded_into_one_other_only(factory: Factory) -> None:
    """A publication that retires what is not live changes nothing; a repeated one is harmless."""
    first, second = manifest_row("a"), manifest_row("b")
    async with opened(factory) as store:
        await store.publish([first], [], Instant(1))
        await store.publish([second], ["a"], Instant(2))
        await store.publish([second], ["a"], Instant(3))
        assert await store.manifest() == [second]
        for retire in (["a"], ["nothing"], ["b", "a"]):
            error = await refused(
                store.publish([manifest_row("c")], retire, Instant(4)), ConflictError
            )
            assert retire[-1] in str(error)
        other = manifest_row("b", sha256="other")
        await refused(store.publish([other], [], Instant(5)), ConflictError)
        assert await store.manifest() == [second]


async def readers_of_the_manifest_see_the_old_files_or_the_new(factory: Factory) -> None:
    """Publishing is one transaction: never both, never neither."""
    async with opened(factory) as store, opened(beside(factory)) as other:
        await store.publish([manifest_row("file-0")], [], Instant(0))

        async def publish() -> None:
            for n in range(1, 40):
                await store.publish([manifest_row(f"file-{n}")], [f"file-{n - 1}"], Instant(n))

        async def read(reader: StateStore) -> None:
            while not publisher.done():
                assert len(await reader.manifest()) == 1

        publisher = asyncio.ensure_future(publish())
        await asyncio.gather(read(store), read(other))
        await publisher
        assert [row.path for row in await other.manifest()] == ["file-39"]


def beside(factory: Factory) -> Factory:
    """Return the factory of a second process beside the owner, if the store tells them apart."""
    found: Factory = getattr(factory, "beside", factory)
    return found


CHECKS: tuple[Check, ...] = (
    what_was_committed_is_there_when_it_is_opened_again,
    an_entity_that_is_not_there_is_none,
    a_put_replaces_the_whole_entity,
    every_change_of_a_job_is_kept,
    the_last_put_of_a_batch_wins,
    a_batch_forgets_then_deletes_then_puts,
    a_batch_is_written_whole_or_not_at_all,
    parents_may_come_after_their_children,
    the_outbox_is_read_in_the_order_it_was_written,
    load_gives_the_owner_what_it_decides_on,
    a_load_sees_one_moment,
    every_condition_matches_what_it_says,
    conditions_that_make_no_sense_are_refused,
    results_are_ordered_and_cut,
    some_columns_are_those_of_the_whole,
    readers_see_whole_batches_while_they_are_written,
    the_manifest_lists_live_files_by_path,
    a_file_is_folded_into_one_other_only,
    readers_of_the_manifest_see_the_old_files_or_the_new,
)
"""Every promise of the port."""
