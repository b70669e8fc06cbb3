"""Who gets which task: priority, age, capability, session limits."""

from typing import Any

import pytest

from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import Layer, Requirement, Session, Task
from grange.scheduling.capability import Capability, Offer, unmet
from grange.scheduling.entry import Choice, Nothing
from grange.services.commands.jobs import ChangeJob, ChangeTask
from grange.services.reports import ActionReport, ReportSchedule
from grange.testing.builders import DecidingFarm, job_template

LINUX = Capability(
    amounts=(("amount.worker.vcpu", 4.0),), attributes=(("attr.worker.os.family", ("linux",)),)
)


def call(farm: DecidingFarm, worker_id: Any, **members: Any) -> Any:
    return farm.do(
        ReportSchedule(farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=worker_id, **members)
    )


def test_highest_priority_comes_first_then_the_oldest() -> None:
    """S1-16."""
    farm = DecidingFarm()
    order = []
    low = farm.job(priority=10)
    old = farm.job(priority=50)
    new = farm.job(priority=50)
    high = farm.job(priority=90)
    for _ in range(4):
        choice = farm.memory.index.best([farm.queue_id], Offer(LINUX))
        assert isinstance(choice, Choice)
        order.append(choice.job_id)
        farm.do(
            ChangeJob(
                farm_id=farm.farm_id,
                queue_id=farm.queue_id,
                job_id=choice.job_id,
                target_status=TaskRunStatus.CANCELED,
                by="ann",
            )
        )
    assert order == [high, old, new, low]


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        (Requirement(), None),
        (Requirement(amounts=(("amount.worker.vcpu", 4.0, None),)), None),
        (Requirement(amounts=(("amount.worker.vcpu", 8.0, None),)), "8 processor threads needed"),
        (Requirement(amounts=(("amount.worker.vcpu", None, 2.0),)), "at most 2"),
        (
            Requirement(amounts=(("amount.worker.gpu", 1.0, None),)),
            "1 GPU needed, the worker has 0",
        ),
        (Requirement(attributes=(("attr.worker.os.family", ("linux", "macos"), ()),)), None),
        (
            Requirement(attributes=(("attr.worker.os.family", ("Windows",), ()),)),
            "operating system Windows needed",
        ),
        (Requirement(attributes=(("attr.a", (), ("x",)),)), "a x needed"),
    ],
)
def test_a_worker_must_meet_every_demand(requirement: Requirement, problem: str | None) -> None:
    found = unmet(LINUX, requirement)
    assert found is None if problem is None else problem in str(found)


def test_nothing_says_why() -> None:
    farm = DecidingFarm()
    index = farm.memory.index
    assert index.best([], Offer(LINUX)) == Nothing("no_queue")
    assert index.best([farm.queue_id], Offer(LINUX)) == Nothing("no_work")
    template = job_template()
    template["steps"][0]["hostRequirements"] = {
        "amounts": [{"name": "amount.worker.gpu", "min": 1}]
    }
    farm.job(template)
    assert index.best([farm.queue_id], Offer(LINUX)) == Nothing("not_capable")


def test_a_job_has_no_more_sessions_than_it_allows() -> None:
    farm = DecidingFarm()
    farm.job(job_template(frames="1-9"), max_worker_count=2)
    worker_id = farm.worker(threads=4)
    call(farm, worker_id)
    assert len(farm.all(Session)) == 2
    assert farm.memory.index.best([farm.queue_id], Offer(LINUX)) == Nothing("worker_limit")


def test_a_more_urgent_job_gets_the_thread_when_the_running_tasks_end() -> None:
    farm = DecidingFarm()
    slow = farm.job(job_template(frames="1-9"), priority=10)
    worker_id = farm.worker()
    schedule = call(farm, worker_id)
    urgent = farm.job(job_template(frames="1-9"), priority=90)
    now = farm.clock.now()
    done = {
        action.action_id: ActionReport(
            completed_status=SessionActionStatus.SUCCEEDED, started_at=now, ended_at=now
        )
        for action in schedule.sessions[0][1]
    }
    assert schedule.sessions[0][0].job_id == slow
    after = call(farm, worker_id, updates=done)
    assert [session.job_id for session, _ in after.sessions] == [urgent]


def test_a_task_changed_by_hand_ahead_of_the_cursor_is_not_given_out_twice() -> None:
    farm = DecidingFarm()
    job_id = farm.job(job_template(frames="1-4"))
    layers = [row.layer_id for row in farm.memory.tables[Layer].values()]
    farm.do(
        ChangeTask(
            farm_id=farm.farm_id,
            queue_id=farm.queue_id,
            job_id=job_id,
            layer_id=layers[0],
            index=1,
            target_status=TaskRunStatus.SUCCEEDED,
            by="ann",
        )
    )
    worker_id = farm.worker()
    given = []
    schedule = call(farm, worker_id)
    while schedule.sessions:
        actions = schedule.sessions[0][1]
        given += [action.task_index for action in actions]
        now = farm.clock.now()
        schedule = call(
            farm,
            worker_id,
            updates={
                action.action_id: ActionReport(
                    completed_status=SessionActionStatus.SUCCEEDED, started_at=now, ended_at=now
                )
                for action in actions
            },
        )
    assert given == [0, 2, 3]
    assert {row.status for row in farm.all(Task)} == {TaskRunStatus.SUCCEEDED}
