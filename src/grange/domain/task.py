"""The task machine. A task is moved by the session action that holds its lease, and by people."""

from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import (
    TaskAsked,
    TaskAssigned,
    TaskEvent,
    TaskFailed,
    TaskHeld,
    TaskReleased,
    TaskReturned,
    TasksMoved,
    TaskStarted,
    TaskSucceeded,
)
from grange.domain.machine import Table, next_of
from grange.domain.statuses import LEASED, TaskRunStatus
from grange.domain.work import Task
from grange.kernel.errors import InvalidTransitionError

PENDING = TaskRunStatus.PENDING
READY = TaskRunStatus.READY
ASSIGNED = TaskRunStatus.ASSIGNED
RUNNING = TaskRunStatus.RUNNING
INTERRUPTING = TaskRunStatus.INTERRUPTING
SUSPENDED = TaskRunStatus.SUSPENDED
CANCELED = TaskRunStatus.CANCELED
FAILED = TaskRunStatus.FAILED
SUCCEEDED = TaskRunStatus.SUCCEEDED

_ASKABLE = (PENDING, READY, SUSPENDED, CANCELED, FAILED, SUCCEEDED)

TABLE: Table[TaskRunStatus] = {
    PENDING: {TaskReleased: (READY,), TaskAsked: _ASKABLE},
    READY: {TaskAssigned: (ASSIGNED,), TaskHeld: (PENDING,), TaskAsked: _ASKABLE},
    ASSIGNED: {
        TaskStarted: (RUNNING,),
        TaskSucceeded: (SUCCEEDED,),
        TaskFailed: (READY, FAILED),
        TaskReturned: (READY,),
        TaskAsked: (INTERRUPTING,),
    },
    RUNNING: {
        TaskStarted: (RUNNING,),
        TaskSucceeded: (SUCCEEDED,),
        TaskFailed: (READY, FAILED),
        TaskReturned: (READY,),
        TaskAsked: (INTERRUPTING,),
    },
    INTERRUPTING: {
        TaskStarted: (INTERRUPTING,),
        TaskSucceeded: _ASKABLE,
        TaskFailed: _ASKABLE,
        TaskReturned: _ASKABLE,
        TaskAsked: (INTERRUPTING,),
    },
    SUSPENDED: {TaskAsked: _ASKABLE},
    CANCELED: {TaskAsked: _ASKABLE},
    FAILED: {TaskAsked: _ASKABLE},
    SUCCEEDED: {TaskAsked: _ASKABLE},
    TaskRunStatus.STARTING: {},
    TaskRunStatus.SCHEDULED: {},
    TaskRunStatus.NOT_COMPATIBLE: {},
}


def apply(task: Task, event: TaskEvent) -> tuple[Task, tuple[TasksMoved, ...]]:
    """Return the task after `event`, and the move its layer must hear of, if there is one.

    Raises:
        InvalidTransitionError: the status does not accept the event, or the event comes from a
        session
            action that does not hold the task.
    """
    allowed = TABLE[task.status].get(type(event))
    if allowed is None:
        allowed = next_of(TABLE, "Task", task.task_id, task.status, event)
    after = _after(task, event)
    if after.status not in allowed:
        raise InvalidTransitionError(
            "Task", task.task_id, task.status, f"{type(event).__name__} to {after.status}"
        )
    if after.status is task.status:
        return after, ()
    retried = 1 if isinstance(event, TaskFailed) and after.status is READY else 0
    by = event.by if isinstance(event, TaskAsked) else ""
    unsaid = isinstance(event, TaskSucceeded) and task.status is ASSIGNED
    moved = TasksMoved(
        layer_id=task.layer_id,
        old=task.status,
        new=after.status,
        retried=retried,
        at=event.at,
        by=by,
        started_at=after.started_at if unsaid else None,
    )
    return after, (moved,)


def _after(task: Task, event: TaskEvent) -> Task:
    match event:
        case TaskAssigned():
            return replace(
                task,
                status=ASSIGNED,
                attempts=task.attempts + 1,
                action_id=event.action_id,
                latest_action_id=event.action_id,
                started_at=None,
                ended_at=None,
                updated_at=event.at,
            )
        case TaskStarted():
            _check_lease(task, event)
            status = INTERRUPTING if task.status is INTERRUPTING else RUNNING
            return replace(task, status=status, started_at=event.at, updated_at=event.at)
        case TaskSucceeded():
            _check_lease(task, event)
            # Work that was finished while it was being stopped is still finished work, unless
            # somebody asked for it to be done again or marked it by hand.
            target = task.target_status
            if target is None or target in (CANCELED, SUSPENDED):
                target = SUCCEEDED
            if task.started_at is None and event.started_at is not None:
                task = replace(task, started_at=event.started_at)
            return _released(task, target, event)
        case TaskFailed():
            _check_lease(task, event)
            failures = task.failures + 1
            target = task.target_status or (READY if failures <= event.max_retries else FAILED)
            return _released(replace(task, failures=failures), target, event)
        case TaskReturned():
            _check_lease(task, event)
            return _released(task, task.target_status or READY, event)
        case TaskReleased():
            return replace(task, status=READY, updated_at=event.at)
        case TaskHeld():
            return replace(task, status=PENDING, updated_at=event.at)
        case TaskAsked():
            return _asked(task, event)
        case _:
            assert_never(event)


def _released(
    task: Task, status: TaskRunStatus, event: TaskSucceeded | TaskFailed | TaskReturned
) -> Task:
    ended = event.at if status in (SUCCEEDED, FAILED, CANCELED) else None
    failures = 0 if task.target_status in (PENDING, READY) else task.failures
    return replace(
        task,
        status=status,
        failures=failures,
        target_status=None,
        action_id=None,
        ended_at=ended,
        updated_at=event.at,
    )


def _asked(task: Task, event: TaskAsked) -> Task:
    target = event.target
    if target in (PENDING, READY):
        target = PENDING if event.dependencies_open else READY
    if task.status in LEASED:
        return replace(
            task,
            status=INTERRUPTING,
            target_status=target,
            updated_at=event.at,
            updated_by=event.by,
        )
    ended = event.at if target in (SUCCEEDED, FAILED, CANCELED) else None
    return replace(
        task,
        status=target,
        target_status=None,
        failures=0 if target in (PENDING, READY) else task.failures,
        ended_at=ended,
        updated_at=event.at,
        updated_by=event.by,
    )


def _check_lease(
    task: Task, event: TaskStarted | TaskSucceeded | TaskFailed | TaskReturned
) -> None:
    if event.action_id != task.action_id:
        raise InvalidTransitionError(
            "Task",
            task.task_id,
            task.status,
            type(event).__name__,
            f"held by {task.action_id}, reported by {event.action_id}",
        )


def check_invariants(task: Task) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    held = task.status in LEASED
    if held != (task.action_id is not None):
        raise AssertionError(f"{task.task_id} is {task.status} and held by {task.action_id}")
    if (task.target_status is not None) != (task.status is INTERRUPTING):
        raise AssertionError(f"{task.task_id} is {task.status} with target {task.target_status}")
    if (task.ended_at is not None) != (task.status in (SUCCEEDED, FAILED, CANCELED)):
        raise AssertionError(f"{task.task_id} is {task.status} with end {task.ended_at}")
