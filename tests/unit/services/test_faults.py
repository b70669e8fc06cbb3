"""What follows from failed attempts: for the task, its job, and the worker (ledger S1-07)."""

from typing import Any

import pytest
from msgspec.structs import replace

from grange.domain.faults import JobFaults, LayerHold, WorkerFaults, hold_ms
from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import Job, Layer, SessionAction, Task, Worker
from grange.kernel.ids import JobId, WorkerId
from grange.services.commands.jobs import ChangeJob
from grange.services.commands.workers import DisableWorker
from grange.services.faults import Readmit, ReleaseHolds
from grange.services.reports import ActionReport, ReportSchedule, Schedule
from grange.testing.builders import DecidingFarm, job_template

MEMORY = "amount.worker.memory"
AGAIN = {TaskRunStatus.READY, TaskRunStatus.ASSIGNED}
"""It will be tried again, and may have been given out already by the reply to the report."""


class Shop(DecidingFarm):
    """A farm whose workers fail as told."""

    def call(self, worker_id: WorkerId, **updates: Any) -> Schedule:
        self.clock.advance(0.1)
        report = ReportSchedule(
            farm_id=self.farm_id, fleet_id=self.fleet_id, worker_id=worker_id, **updates
        )
        told: Schedule = self.do(report)
        return told

    def given(self, worker_id: WorkerId) -> SessionAction | None:
        """Ask for work; return the first task the worker has."""
        for _, actions in self.call(worker_id).sessions:
            for action in actions:
                if action.task_index is not None:
                    return action
        return None

    def end(self, worker_id: WorkerId, error_class: str | None = None, **usage: Any) -> Task | None:
        """Take a task and end it, badly if there is a class; return the task as it is then."""
        action = self.given(worker_id)
        if action is None or action.layer_id is None:
            return None
        if error_class is not None:
            usage |= {"errorClass": error_class, "errorRule": "a/1:b", "errorText": "why"}
        now = self.clock.now()
        status = SessionActionStatus.FAILED if error_class else SessionActionStatus.SUCCEEDED
        report = ActionReport(
            completed_status=status,
            started_at=now,
            ended_at=now,
            exit_code=1 if error_class else 0,
            usage=usage,
        )
        self.call(worker_id, updates={action.action_id: report})
        found: Task = self.rows[Task, (action.layer_id, action.task_index or 0)]
        return found

    def job_row(self, job_id: str) -> Job:
        found: Job = self.memory.tables[Job][job_id,]
        return found

    def events(self, name: str) -> list[Any]:
        return [fact for fact in self.facts if getattr(fact, "name", "") == name]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_refused_licence_costs_no_retry_blames_nobody_and_pauses_the_layer(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-3"))
    ann, bob = shop.worker(), shop.worker()
    task = shop.end(ann, "licence")
    assert task is not None
    assert (task.status, task.failures) == (TaskRunStatus.PENDING, 0)
    assert shop.given(ann) is None
    assert shop.given(bob) is None, "the other worker would be refused too"
    assert not shop.all(WorkerFaults)
    assert shop.job_row(job_id).excluded_workers is None
    shop.clock.advance(hold_ms(1) / 1000)
    assert shop.do(ReleaseHolds()) == 1
    assert shop.end(bob, "licence") is not None
    shop.clock.advance(hold_ms(1) / 1000)
    assert shop.do(ReleaseHolds()) == 0, "the second refusal in a row pauses for longer"
    shop.clock.advance(hold_ms(2) / 1000)
    assert shop.do(ReleaseHolds()) == 1
    good = shop.end(bob)
    assert good is not None
    assert good.status is TaskRunStatus.SUCCEEDED
    assert not shop.memory.tables[LayerHold]
    assert len(shop.events("layer_held")) == 2


def test_a_licence_that_comes_free_ends_the_pause_at_once(shop: Shop) -> None:
    shop.job(job_template(frames="1-4"))
    ann, bob = shop.worker(), shop.worker()
    assert shop.given(ann) is not None
    shop.end(bob, "licence")
    assert shop.given(bob) is None
    shop.end(ann)
    assert shop.given(bob) is not None


def test_out_of_memory_raises_what_is_reserved_by_half_until_no_worker_has_more(shop: Shop) -> None:
    shop.job(job_template(frames="1"), max_retries_per_task=1)
    ann = shop.worker(threads=1, **{MEMORY: 8000.0})
    layer = shop.all(Layer)[0]
    reserves = []
    for _ in range(3):
        task = shop.end(ann, "memory", peakMemoryBytes=3000 * 2**20)
        assert task is not None
        assert task.status in AGAIN
        assert task.failures == 0
        reserves.append(shop.memory.tables[Layer][layer.layer_id,].reserve_mib)
    assert reserves == [4500, 6750, 8000]
    task = shop.end(ann, "memory")
    assert task is not None
    assert task.failures == 1, "no worker has more: now it counts"
    assert shop.events("memory_reserve_raised")


def test_a_missing_file_stops_a_task_after_two_different_workers_and_the_job_with_it(
    shop: Shop,
) -> None:
    job_id = shop.job(job_template(frames="1-5"))
    other = shop.job(job_template(frames="1"))
    ann, bob = shop.worker(), shop.worker()
    task = shop.end(ann, "missing_input")
    assert task is not None
    assert task.status in AGAIN
    task = shop.end(bob, "missing_input")
    assert task is not None
    assert task.status is TaskRunStatus.FAILED
    counts = shop.job_row(job_id).counts
    assert counts == {"FAILED": 1, "SUSPENDED": 4}
    [event] = shop.events("job_disabled")
    assert "a/1:b" in event.detail
    known = shop.memory.tables[JobFaults][job_id,]
    assert (known.error_class, known.error_text) == ("missing_input", "why")
    following = shop.given(ann)
    assert following is not None
    assert following.job_id == other, "the farm moves on to the next job"


def test_the_same_worker_twice_is_not_two_workers(shop: Shop) -> None:
    shop.job(job_template(frames="1"))
    ann = shop.worker()
    for _ in range(2):
        task = shop.end(ann, "missing_input")
        assert task is not None
        assert task.status in AGAIN


def test_a_job_that_renders_elsewhere_is_not_put_aside_for_one_bad_frame(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-9"), max_retries_per_task=0)
    ann = shop.worker()
    shop.end(ann)
    for _ in range(2):
        shop.end(ann, "missing_input")
    counts = shop.job_row(job_id).counts
    assert (counts["READY"] + counts["ASSIGNED"], counts["FAILED"]) == (6, 2)
    shop.end(ann, "missing_input")
    assert len(shop.events("job_disabled")) == 1
    held = shop.given(ann)
    assert held is not None, "what a worker held already it keeps"
    returned = ActionReport(
        completed_status=SessionActionStatus.NEVER_ATTEMPTED, ended_at=shop.clock.now()
    )
    shop.call(ann, updates={held.action_id: returned})
    assert shop.job_row(job_id).counts == {"SUCCEEDED": 1, "FAILED": 3, "SUSPENDED": 5}
    assert shop.given(ann) is None, "and what comes back waits with the rest"


def test_resuming_a_job_that_was_put_aside_gives_everybody_another_try(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-5"))
    ann, bob = shop.worker(), shop.worker()
    shop.end(ann, "missing_input")
    shop.end(bob, "missing_input")
    assert shop.job_row(job_id).excluded_workers == (ann,)
    shop.do(
        ChangeJob(
            farm_id=shop.farm_id,
            queue_id=shop.queue_id,
            job_id=JobId(job_id),
            target_status=TaskRunStatus.READY,
            by="ann",
        )
    )
    assert shop.job_row(job_id).excluded_workers is None
    assert not shop.memory.tables[JobFaults]
    assert shop.job_row(job_id).counts == {"READY": 5}
    assert shop.end(ann) is not None


def test_a_broken_gpu_excludes_its_worker_from_the_job_at_once(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-5"))
    ann, bob = shop.worker(), shop.worker()
    shop.end(ann, "gpu")
    assert shop.job_row(job_id).excluded_workers == (ann,)
    assert shop.given(ann) is None
    assert shop.given(bob) is not None
    assert [event.new for event in shop.events("worker_excluded")] == ["gpu"]


def test_the_only_worker_is_not_excluded(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-5"))
    ann = shop.worker()
    shop.end(ann, "gpu")
    assert shop.job_row(job_id).excluded_workers is None
    assert shop.given(ann) is not None


def test_a_worker_that_crashes_once_may_go_on_and_twice_may_not(
    shop: Shop,
) -> None:
    job_id = shop.job(job_template(frames="1-5"))
    ann, bob = shop.worker(), shop.worker()
    shop.end(ann, "crash")
    shop.end(bob)
    assert shop.job_row(job_id).excluded_workers is None
    shop.end(ann, "crash")
    assert shop.job_row(job_id).excluded_workers == (ann,)
    assert len(shop.events("worker_excluded")) == 1


@pytest.mark.parametrize("error_class", ["failed", "killed", "crash", "stuck", "timeout"])
def test_a_task_that_failed_is_tried_on_another_worker_next(shop: Shop, error_class: str) -> None:
    job_id = shop.job(job_template(frames="1-3"))
    ann, bob = shop.worker(), shop.worker()
    task = shop.end(ann, error_class)
    assert task is not None
    assert (task.index, task.status) == (0, TaskRunStatus.READY), "not given to ann again"
    following = shop.given(ann)
    assert following is not None, "the worker goes on with the rest of the job"
    assert following.task_index == 1
    again = shop.given(bob)
    assert again is not None
    assert again.task_index == 0
    assert shop.job_row(job_id).excluded_workers is None


def test_a_bad_machine_does_not_fail_a_job(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-9"))
    bad, good = shop.worker(threads=2), shop.worker()
    for _ in range(40):
        shop.end(bad, "failed")
        shop.end(bad, "failed")
        shop.end(good)
    job = shop.job_row(job_id)
    assert job.status is TaskRunStatus.SUCCEEDED
    assert job.excluded_workers == (bad,), "and in the end it gets nothing more of the job"
    assert [event.new for event in shop.events("worker_excluded")] == ["failed"]


def test_two_bad_machines_of_three_do_not_hand_a_task_to_and_fro(shop: Shop) -> None:
    shop.job(job_template(frames="1"))
    ann, bob, good = shop.worker(), shop.worker(), shop.worker()
    shop.end(ann, "failed")
    shop.end(bob, "failed")
    assert shop.given(ann) is None
    assert shop.given(bob) is None
    task = shop.end(good)
    assert task is not None
    assert (task.status, task.failures) == (TaskRunStatus.SUCCEEDED, 2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_job_that_fails_on_every_worker_ends(shop: Shop, count: int) -> None:
    job_id = shop.job(job_template(frames="1-4"), max_retries_per_task=5)
    workers = [shop.worker() for _ in range(count)]
    failed = 0
    while shop.job_row(job_id).ended_at is None:
        before = failed
        for worker in workers:
            failed += shop.end(worker, "failed") is not None
        assert failed > before, "some worker always has something of it"
    assert shop.job_row(job_id).status is TaskRunStatus.FAILED
    assert failed == 4 * 6
    assert shop.job_row(job_id).excluded_workers is None
    assert not shop.all(JobFaults)


def test_a_bad_frame_costs_no_worker_the_job(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-20"))
    workers = [shop.worker(), shop.worker()]
    while shop.job_row(job_id).ended_at is None:
        for worker in workers:
            given = shop.given(worker)
            if given is not None:
                shop.end(worker, "failed" if (given.task_index or 0) % 4 == 0 else None)
        assert len(shop.job_row(job_id).excluded_workers or ()) < 2
    assert shop.job_row(job_id).counts == {"SUCCEEDED": 15, "FAILED": 5}
    assert not shop.events("worker_excluded")


def test_a_worker_tries_again_when_nobody_else_is_left(shop: Shop) -> None:
    shop.job(job_template(frames="1"))
    ann, bob = shop.worker(), shop.worker()
    shop.end(ann, "failed")
    assert shop.do(Readmit()) == 0
    assert shop.given(ann) is None, "bob will take it"
    shop.do(DisableWorker(farm_id=shop.farm_id, worker_id=bob, disabled=True, by="ann"))
    assert shop.do(Readmit()) == 1
    assert shop.given(ann) is not None


def test_whom_people_excluded_stays_excluded(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1-3"))
    ann, bob, eve = shop.worker(), shop.worker(), shop.worker()
    job = shop.memory.tables[Job][job_id,]
    given = shop.given(ann)
    assert given is not None
    shop.memory.set(Job, (job_id,), replace(shop.job_row(job_id), excluded_workers=(ann,)))
    assert job.excluded_workers is None
    shop.end(ann, "failed")
    assert shop.given(bob) is not None
    assert shop.given(eve) is not None
    assert shop.job_row(job_id).excluded_workers == (ann,)


def test_a_worker_is_quarantined_after_three_failures_in_a_row_across_jobs(shop: Shop) -> None:
    first = shop.job(job_template(frames="1-9"))
    shop.job(job_template(frames="1-9"))
    ann, bob = shop.worker(), shop.worker()
    for _ in range(3):
        shop.end(ann, "crash")
    assert shop.job_row(first).excluded_workers == (ann,)
    known = shop.memory.tables[WorkerFaults][ann,]
    assert known.quarantined_at is not None
    assert shop.memory.tables[Worker][ann,].disabled
    assert shop.given(ann) is None
    assert shop.given(bob) is not None
    assert len(shop.events("worker_quarantined")) == 1
    shop.do(DisableWorker(farm_id=shop.farm_id, worker_id=ann, disabled=False, by="ann"))
    assert not shop.memory.tables[WorkerFaults]
    assert shop.given(ann) is not None


def test_one_bad_job_alone_quarantines_nobody(shop: Shop) -> None:
    shop.job(job_template(frames="1-9"))
    ann = shop.worker()
    for _ in range(5):
        shop.end(ann, "crash")
    assert not shop.memory.tables[Worker][ann,].disabled


def test_a_success_wipes_the_slate(shop: Shop) -> None:
    shop.job(job_template(frames="1-9"))
    shop.job(job_template(frames="1-9"))
    ann = shop.worker()
    for error_class in ("crash", "crash", None, "crash"):
        shop.end(ann, error_class)
    assert len(shop.memory.tables[WorkerFaults][ann,].strokes) == 1


def test_success_without_output_fails_and_stops_after_two_workers(shop: Shop) -> None:
    job_id = shop.job(job_template(frames="1"))
    ann, bob = shop.worker(), shop.worker()
    shop.end(ann, "no_output")
    task = shop.end(bob, "no_output")
    assert task is not None
    assert task.status is TaskRunStatus.FAILED
    assert not shop.events("job_disabled")
    assert shop.job_row(job_id).ended_at is not None
    assert shop.memory.tables[JobFaults][job_id,].excluded == (ann,), "to be taken back"


def test_the_only_worker_uses_up_the_retries(shop: Shop) -> None:
    shop.job(job_template(frames="1"), max_retries_per_task=1)
    ann = shop.worker()
    task = shop.end(ann, "failed")
    assert task is not None
    assert task.status in AGAIN
    assert task.failures == 1
    task = shop.end(ann, "failed")
    assert task is not None
    assert task.status is TaskRunStatus.FAILED
    assert not shop.all(JobFaults)
