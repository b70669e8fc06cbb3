"""The owner loop over a real SQLite store: batches, failures, restarts, idempotency tokens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.sqlite import SqliteStore
from grange.domain.effects import Effect
from grange.domain.farm import Farm
from grange.domain.statuses import SessionActionStatus, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Session, Task, Worker
from grange.kernel.errors import ConflictError, NotFoundError, StorageFullError, ThrottledError
from grange.kernel.ids import FarmId, FleetId, JobId, QueueId, WorkerId
from grange.ports.state import Batch
from grange.services.commands.farm_objects import Associate, CreateFarm, CreateFleet, CreateQueue
from grange.services.commands.jobs import ChangeJob, CreateJob
from grange.services.commands.workers import CreateWorker
from grange.services.draft import Context, Memory
from grange.services.owner import Owner, Token
from grange.services.reports import ActionReport, ReportSchedule, ReportWorker
from grange.services.templates import TaskSpaces, parse_job
from grange.testing.builders import SeededIds, job_template


class RefusingStore(SqliteStore):
    """A real store whose next commit can be made to fail as a full disk does."""

    refuse = False
    gate: asyncio.Event | None = None
    """Where set: commits wait for it."""
    waiting = 0

    async def commit(self, batch: Batch) -> None:
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1
        if self.refuse:
            raise StorageFullError("The disk is full.")
        await super().commit(batch)


class Farmhouse:
    """An owner with a farm, a queue, a fleet and a worker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = RefusingStore(path)
        self.ids = SeededIds()
        self.effects: list[Effect] = []
        self.owner = self._owner()

    def _owner(self) -> Owner:
        async def perform(effects: Sequence[Effect]) -> None:
            self.effects.extend(effects)

        context = Context(ids=self.ids, spaces=TaskSpaces())
        return Owner(self.store, SystemClock(), context, perform)

    async def open(self) -> None:
        await self.store.open()
        await self.owner.start()
        self.farm_id = FarmId((await self.owner.ask(CreateFarm(name="f", by="ann")))["farmId"])
        self.queue_id = QueueId(
            (await self.owner.ask(CreateQueue(farm_id=self.farm_id, name="q", by="a")))["queueId"]
        )
        self.fleet_id = FleetId(
            (
                await self.owner.ask(
                    CreateFleet(farm_id=self.farm_id, name="l", max_worker_count=9, by="a")
                )
            )["fleetId"]
        )
        await self.owner.ask(
            Associate(farm_id=self.farm_id, queue_id=self.queue_id, fleet_id=self.fleet_id, by="a")
        )

    async def worker(self) -> WorkerId:
        answer = await self.owner.ask(
            CreateWorker(farm_id=self.farm_id, fleet_id=self.fleet_id, by="w")
        )
        worker_id = WorkerId(answer["workerId"])
        await self.owner.ask(
            ReportWorker(
                farm_id=self.farm_id,
                fleet_id=self.fleet_id,
                worker_id=worker_id,
                status=WorkerStatus.STARTED,
                amounts={"grange:amount.worker.jobthreads": 2.0},
            )
        )
        return worker_id

    def create_job(self, frames: str = "1-4", **members: Any) -> CreateJob:
        text = msgspec.json.encode(job_template(frames=frames)).decode()
        return CreateJob(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            parsed=parse_job(text, "JSON", {}),
            template=text,
            template_type="JSON",
            by="ann",
            **members,
        )

    def change(self, job_id: str, **members: Any) -> ChangeJob:
        return ChangeJob(
            farm_id=self.farm_id, queue_id=self.queue_id, job_id=JobId(job_id), by="ann", **members
        )

    async def report(self, worker_id: WorkerId, **updates: Any) -> Any:
        return await self.owner.ask(
            ReportSchedule(
                farm_id=self.farm_id, fleet_id=self.fleet_id, worker_id=worker_id, **updates
            )
        )

    async def work(self, worker_id: WorkerId, steps: int) -> None:
        """Let the worker finish `steps` tasks per open session, well."""
        schedule = await self.report(worker_id)
        for _ in range(steps):
            now = SystemClock().now()
            schedule = await self.report(
                worker_id,
                updates={
                    actions[0].action_id: ActionReport(
                        completed_status=SessionActionStatus.SUCCEEDED, started_at=now, ended_at=now
                    )
                    for _, actions in schedule.sessions
                    if actions
                },
            )

    async def restart(self) -> None:
        """Do what a new process does: a new owner on a store opened again."""
        await self.owner.stop()
        await self.store.close()
        self.store = RefusingStore(self.path)
        await self.store.open()
        self.owner = self._owner()
        await self.owner.start()

    async def close(self) -> None:
        await self.owner.stop()
        await self.store.close()


@pytest.fixture
def run(tmp_path: Path) -> AsyncIterator[Any]:
    """Run a coroutine function with an open farmhouse."""

    def runner(body: Any) -> None:
        async def main() -> None:
            house = Farmhouse(tmp_path / "state.db")
            await house.open()
            try:
                await body(house)
            finally:
                await house.close()

        asyncio.run(main())

    return runner  # type: ignore[return-value]


def test_a_job_runs_to_its_end_and_leaves_memory(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        job_id = (await house.owner.ask(house.create_job()))["jobId"]
        worker_id = await house.worker()
        await house.work(worker_id, steps=4)
        job = await house.store.get(Job, (job_id,))
        assert job is not None
        assert job.status is TaskRunStatus.SUCCEEDED
        assert job.ended_at is not None
        assert not house.owner.memory.tables[Job]
        assert not house.owner.memory.tables[Session]
        assert not house.owner.memory.tasks_of

    run(body)


def test_what_waits_together_is_committed_together(run: Any) -> None:
    """Group commit: asks that arrive while a commit is under way share the next one."""

    async def body(house: Farmhouse) -> None:
        before = house.owner.counters.batches
        await asyncio.gather(*(house.owner.ask(house.create_job()) for _ in range(50)))
        assert house.owner.counters.batches - before <= 5

    run(body)


def test_a_failed_command_leaves_no_trace_and_its_neighbours_do(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        answers: Any = await asyncio.gather(
            house.owner.ask(house.create_job()),
            house.owner.ask(
                ChangeJob(
                    farm_id=house.farm_id,
                    queue_id=house.queue_id,
                    job_id=JobId("job-" + "0" * 32),
                    by="a",
                )
            ),
            return_exceptions=True,
        )
        good, bad = answers
        assert isinstance(bad, NotFoundError)
        assert await house.store.get(Job, (good["jobId"],)) is not None

    run(body)


def test_a_commit_that_fails_is_answered_with_throttling_and_changes_nothing(run: Any) -> None:
    """Full disk (simulated at the store): nothing acknowledged is lost, nothing refused is kept."""

    async def body(house: Farmhouse) -> None:
        kept = (await house.owner.ask(house.create_job()))["jobId"]
        house.store.refuse = True
        answers = await asyncio.gather(
            house.owner.ask(house.create_job()),
            house.owner.ask(house.create_job()),
            return_exceptions=True,
        )
        assert all(isinstance(answer, ThrottledError) for answer in answers)
        house.store.refuse = False
        jobs = await house.store.find(Job)
        assert [job.job_id for job in jobs] == [kept]
        assert set(house.owner.memory.tables[Job]) == {(kept,)}
        await house.owner.ask(house.create_job())
        assert await house.store.count(Job) == 2

    run(body)


async def _until(check: Callable[[], bool]) -> None:
    while not check():  # noqa: ASYNC110 - memory has no event
        await asyncio.sleep(0)


def test_what_is_decided_while_a_commit_fails_is_refused_with_it(run: Any) -> None:
    """Memory runs ahead of the rows by one batch; if those rows never come, both are void."""

    async def body(house: Farmhouse) -> None:
        kept = (await house.owner.ask(house.create_job()))["jobId"]
        house.store.gate = asyncio.Event()
        first = asyncio.create_task(house.owner.ask(house.create_job()))
        await _until(lambda: house.store.waiting == 1)
        second = asyncio.create_task(house.owner.ask(house.create_job()))
        await _until(lambda: len(house.owner.memory.tables[Job]) == 3)
        assert not first.done()  # the second is decided while the first is committed
        assert house.store.waiting == 1  # and nothing of it is written yet
        house.store.refuse = True
        house.store.gate.set()
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert all(isinstance(answer, ThrottledError) for answer in answers)
        house.store.refuse = False
        last = (await house.owner.ask(house.create_job()))["jobId"]
        assert {job.job_id for job in await house.store.find(Job)} == {kept, last}
        assert set(house.owner.memory.tables[Job]) == {(kept,), (last,)}

    run(body)


def test_memory_forgets_what_ended_also_if_the_next_command_was_decided_before(run: Any) -> None:
    """A job that ends while the next command on it is decided stays in memory for that one."""

    async def body(house: Farmhouse) -> None:
        job_id = (await house.owner.ask(house.create_job("1-2")))["jobId"]
        house.store.gate = asyncio.Event()
        cancel = asyncio.create_task(
            house.owner.ask(house.change(job_id, target_status=TaskRunStatus.CANCELED))
        )
        await _until(lambda: house.store.waiting == 1)
        rename = asyncio.create_task(
            house.owner.ask(house.change(job_id, fields={"name": "renamed"}))
        )
        other = asyncio.create_task(house.owner.ask(house.create_job()))
        await _until(lambda: len(house.owner.memory.tables[Job]) == 2)
        house.store.gate.set()
        await asyncio.gather(cancel, rename, other)
        house.store.gate = None
        await house.owner.ask(house.create_job())
        (row,) = [row for row in await house.store.find(Job) if row.job_id == job_id]
        assert (row.name, row.status) == ("renamed", TaskRunStatus.CANCELED)
        assert (job_id,) not in house.owner.memory.tables[Job]

    run(body)


def test_a_restarted_owner_goes_on_where_rows_say(run: Any) -> None:
    """The index rebuilt from rows equals the one that lived through the events."""

    async def body(house: Farmhouse) -> None:
        for frames in ("1-30", "1-5"):
            await house.owner.ask(house.create_job(frames))
        worker_id = await house.worker()
        await house.work(worker_id, steps=3)
        lived = house.owner.memory.index.snapshot()
        await house.restart()
        assert house.owner.memory.index.snapshot() == lived
        await house.work(worker_id, steps=40)
        assert {job.status for job in await house.store.find(Job)} == {TaskRunStatus.SUCCEEDED}
        assert await house.store.count(Task) == 35

    run(body)


def test_the_index_matches_rows_after_any_batch(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        await house.owner.ask(house.create_job("1-9"))
        worker_id = await house.worker()
        await house.work(worker_id, steps=2)
        rebuilt = Memory()
        rebuilt.take_in([row async for row in house.store.load()])
        assert rebuilt.index.snapshot() == house.owner.memory.index.snapshot()

    run(body)


def test_a_repeated_token_gets_the_first_answer(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        token = Token(caller="ann", operation="CreateJob", token="t1", request_hash="h")
        first = await house.owner.ask(house.create_job(), token=token)
        again, third = await asyncio.gather(
            house.owner.ask(house.create_job(), token=token),
            house.owner.ask(house.create_job(), token=token),
        )
        await house.restart()
        later = await house.owner.ask(house.create_job(), token=token)
        assert first == again == third == later
        assert await house.store.count(Job) == 1
        other = Token(caller="ann", operation="CreateJob", token="t1", request_hash="other")
        with pytest.raises(ConflictError):
            await house.owner.ask(house.create_job(), token=other)

    run(body)


def test_a_finished_job_can_be_run_again(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        job_id = (await house.owner.ask(house.create_job()))["jobId"]
        worker_id = await house.worker()
        await house.work(worker_id, steps=4)
        await house.owner.ask(
            ChangeJob(
                farm_id=house.farm_id,
                queue_id=house.queue_id,
                job_id=job_id,
                target_status=TaskRunStatus.PENDING,
                by="ann",
            )
        )
        job = await house.store.get(Job, (job_id,))
        assert job is not None
        assert job.status is TaskRunStatus.READY
        await house.work(worker_id, steps=4)
        tasks = await house.store.find(Task)
        assert {task.attempts for task in tasks} == {2}
        job = await house.store.get(Job, (job_id,))
        assert job is not None
        assert job.status is TaskRunStatus.SUCCEEDED

    run(body)


def test_workers_and_farms_stay_in_memory_after_a_restart(run: Any) -> None:
    async def body(house: Farmhouse) -> None:
        worker_id = await house.worker()
        await house.restart()
        assert (worker_id,) in house.owner.memory.tables[Worker]
        assert (house.farm_id,) in house.owner.memory.tables[Farm]
        schedule = await house.report(worker_id)
        assert schedule.hold

    run(body)
