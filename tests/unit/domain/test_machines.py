"""The state machines: what their tables promise, and the rules that have a mind of their own."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from grange.domain import job as job_machine
from grange.domain import layer as layer_machine
from grange.domain import session_action as action_machine
from grange.domain import task as task_machine
from grange.domain import worker as worker_machine
from grange.domain.diagrams import page
from grange.domain.events import (
    ActionEnded,
    TaskAsked,
    TaskAssigned,
    TaskEvent,
    TaskFailed,
    TaskReturned,
    TasksMoved,
    TaskStarted,
    TaskSucceeded,
    WorkerSeen,
)
from grange.domain.statuses import (
    ActionKind,
    SessionActionStatus,
    SessionLifecycleStatus,
    TaskRunStatus,
    WorkerStatus,
)
from grange.domain.work import Job, Layer, SessionAction, Task, Worker
from grange.kernel.errors import InvalidTransitionError
from grange.kernel.ids import (
    FarmId,
    FleetId,
    JobId,
    QueueId,
    SessionActionId,
    SessionId,
    StepId,
    WorkerId,
)
from grange.kernel.units import Instant
from grange.wire.spec import deadline

T = Instant(1000)
ACTION = SessionActionId("sessionaction-" + "a" * 32 + "-0")
OTHER = SessionActionId("sessionaction-" + "a" * 32 + "-1")
TASK = Task(
    farm_id=FarmId("farm"), job_id=JobId("job"), layer_id=StepId("step-" + "b" * 32), index=0
)


def leased(status: TaskRunStatus = TaskRunStatus.RUNNING) -> Task:
    return replace(TASK, status=status, action_id=ACTION, attempts=1)


@pytest.mark.parametrize(
    ("enum", "shape"),
    [
        (TaskRunStatus, "TaskRunStatus"),
        (SessionActionStatus, "SessionActionStatus"),
        (SessionLifecycleStatus, "SessionLifecycleStatus"),
        (WorkerStatus, "WorkerStatus"),
    ],
)
def test_statuses_are_spelled_as_the_service_model_spells_them(enum: type, shape: str) -> None:
    known = set(deadline().shapes[shape].enum)
    assert {member.value for member in enum} <= known  # type: ignore[attr-defined]


def test_the_page_of_state_machines_is_current() -> None:
    """Drawn from the tables by `python -m tools.state_machines`."""
    written = Path(__file__).resolve().parents[3] / "docs" / "state-machines.md"
    assert written.read_text(encoding="utf-8") == page()


def test_a_task_is_tried_again_until_its_retries_are_used_up() -> None:
    task = TASK
    seen = []
    for attempt in range(3):
        task, _ = task_machine.apply(task, TaskAssigned(action_id=ACTION, at=T))
        task, _ = task_machine.apply(task, TaskFailed(action_id=ACTION, at=T, max_retries=2))
        seen.append((attempt, task.status))
    assert seen == [(0, "READY"), (1, "READY"), (2, "FAILED")]
    assert task.attempts == 3
    assert task.ended_at == T


def test_a_success_may_say_itself_when_the_task_began() -> None:
    began = Instant(400)
    task, _ = task_machine.apply(TASK, TaskAssigned(action_id=ACTION, at=T))
    task, (moved,) = task_machine.apply(
        task, TaskSucceeded(action_id=ACTION, at=T, started_at=began)
    )
    assert (task.status, task.started_at, task.ended_at) == ("SUCCEEDED", began, T)
    assert (moved.old, moved.new, moved.started_at) == ("ASSIGNED", "SUCCEEDED", began)
    assert layer_machine.started(None, moved) == began
    assert layer_machine.started(Instant(7), moved) == 7


def test_an_interruption_is_no_failure_of_the_task() -> None:
    task, moves = task_machine.apply(leased(), TaskReturned(action_id=ACTION, at=T))
    assert (task.status, task.failures) == (TaskRunStatus.READY, 0)
    assert [(m.old, m.new, m.retried) for m in moves] == [("RUNNING", "READY", 0)]


@pytest.mark.parametrize(
    "event",
    [
        TaskStarted(action_id=OTHER, at=T),
        TaskSucceeded(action_id=OTHER, at=T),
        TaskFailed(action_id=OTHER, at=T, max_retries=1),
        TaskReturned(action_id=OTHER, at=T),
    ],
    ids=lambda event: type(event).__name__,
)
def test_only_the_action_that_holds_the_lease_moves_a_task(event: TaskSucceeded) -> None:
    """Invariant 2: a fencing token that is not the task's own is refused, with the history."""
    with pytest.raises(InvalidTransitionError, match="held by"):
        task_machine.apply(leased(), event)


@pytest.mark.parametrize(
    ("wish", "end", "outcome"),
    [
        ("CANCELED", "canceled", "CANCELED"),
        ("CANCELED", "succeeded", "SUCCEEDED"),
        ("SUSPENDED", "canceled", "SUSPENDED"),
        ("SUSPENDED", "succeeded", "SUCCEEDED"),
        ("READY", "succeeded", "READY"),
        ("FAILED", "succeeded", "FAILED"),
        ("SUCCEEDED", "failed", "SUCCEEDED"),
    ],
)
def test_a_running_task_gets_what_was_asked_for_once_its_action_has_ended(
    wish: str, end: str, outcome: str
) -> None:
    task, _ = task_machine.apply(leased(), TaskAsked(target=TaskRunStatus(wish), at=T, by="ann"))
    assert task.status is TaskRunStatus.INTERRUPTING
    events: dict[str, TaskEvent] = {
        "canceled": TaskReturned(action_id=ACTION, at=T),
        "succeeded": TaskSucceeded(action_id=ACTION, at=T),
        "failed": TaskFailed(action_id=ACTION, at=T, max_retries=0),
    }
    task, _ = task_machine.apply(task, events[end])
    assert task.status == outcome
    task_machine.check_invariants(task)


def test_asking_a_failed_task_to_run_forgives_its_failures() -> None:
    failed = replace(TASK, status=TaskRunStatus.FAILED, failures=3, ended_at=T)
    task, _ = task_machine.apply(failed, TaskAsked(target=TaskRunStatus.READY, at=T, by="ann"))
    assert (task.status, task.failures, task.ended_at) == (TaskRunStatus.READY, 0, None)


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({}, "SUCCEEDED"),
        ({"SUCCEEDED": 3}, "SUCCEEDED"),
        ({"SUCCEEDED": 3, "READY": 1}, "READY"),
        ({"READY": 1, "RUNNING": 1}, "RUNNING"),
        ({"FAILED": 1, "PENDING": 9}, "PENDING"),
        ({"FAILED": 1, "READY": 9}, "READY"),
        ({"CANCELED": 1, "SUCCEEDED": 9}, "CANCELED"),
        ({"SUSPENDED": 1, "SUCCEEDED": 9}, "SUSPENDED"),
    ],
)
def test_the_status_the_tasks_of_a_layer_show(counts: dict[str, int], shown: str) -> None:
    assert layer_machine.summary(counts) == shown


@pytest.mark.parametrize("why", ["FAILED", "SUSPENDED", "CANCELED"])
def test_a_job_whose_last_layers_wait_in_vain_shows_what_they_wait_for(why: str) -> None:
    assert job_machine.summary({why: 1, "PENDING": 9, "SUCCEEDED": 3}) == why
    assert job_machine.summary({why: 1, "READY": 1}) == "READY"


def test_what_is_told_last_may_have_happened_before() -> None:
    """Workers tell late: a job begins with its first task and ends with its last."""
    job = Job(
        farm_id=FarmId("farm"),
        queue_id=QueueId("queue"),
        job_id=JobId("job"),
        name="oats",
        counts={TaskRunStatus.READY: 2},
        created_at=T,
        created_by="ann",
    )
    layer = Layer(
        farm_id=FarmId("farm"),
        queue_id=QueueId("queue"),
        job_id=JobId("job"),
        layer_id=StepId("step-" + "b" * 32),
        name="render",
        index=0,
        counts={TaskRunStatus.READY: 2},
        task_count=2,
        created_at=T,
        created_by="ann",
    )
    for began, ended in ((1500, 2000), (1200, 1900)):
        event = TasksMoved(
            layer_id=layer.layer_id,
            old=TaskRunStatus.READY,
            new=TaskRunStatus.SUCCEEDED,
            at=Instant(ended),
            started_at=Instant(began),
        )
        job, _ = job_machine.apply(job, event)
        layer, _ = layer_machine.apply(layer, event)
    assert (job.status, job.started_at, job.ended_at) == ("SUCCEEDED", 1200, 2000)
    assert (layer.status, layer.started_at, layer.ended_at) == ("SUCCEEDED", 1200, 2000)


def test_more_tasks_cannot_move_than_there_are() -> None:
    with pytest.raises(InvalidTransitionError):
        layer_machine.moved({"READY": 1}, TaskRunStatus.READY, TaskRunStatus.RUNNING, 2)


def test_an_action_ends_once() -> None:
    action = SessionAction(
        farm_id=FarmId("farm"),
        job_id=JobId("job"),
        session_id=SessionId("session-" + "a" * 32),
        index=0,
        kind=ActionKind.TASK_RUN,
        assigned_at=T,
    )
    ended = action_machine.apply(
        action, ActionEnded(status=SessionActionStatus.INTERRUPTED, at=T, cause="worker_lost")
    )
    with pytest.raises(InvalidTransitionError, match="INTERRUPTED"):
        action_machine.apply(ended, ActionEnded(status=SessionActionStatus.SUCCEEDED, at=T))


def test_a_silent_worker_must_say_started_before_its_heartbeats_count() -> None:
    worker = Worker(
        farm_id=FarmId("farm"),
        fleet_id=FleetId("fleet"),
        worker_id=WorkerId("worker"),
        global_index=0,
        status=WorkerStatus.NOT_RESPONDING,
        created_at=T,
        created_by="ann",
    )
    with pytest.raises(InvalidTransitionError):
        worker_machine.apply(worker, WorkerSeen(at=T))
