"""How a change of one task runs up to its layer and job, and down to the layers that wait."""

from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from grange.domain import job as job_machine
from grange.domain import layer as layer_machine
from grange.domain import session_action as action_machine
from grange.domain import task as task_machine
from grange.domain.effects import Publish, WakeWorker
from grange.domain.events import (
    ActionCancelAsked,
    DependencyReopened,
    DependencySucceeded,
    StatusChanged,
    TaskAsked,
    TaskEvent,
    TaskHeld,
    TaskReleased,
    TasksMoved,
)
from grange.domain.faults import JobFaults, LayerHold
from grange.domain.statuses import LEASED, TERMINAL, TaskRunStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import JobId, StepId, parse_session_action_id, task_id
from grange.kernel.units import Instant
from grange.services.draft import Draft, StatusMove

PENDING = TaskRunStatus.PENDING
READY = TaskRunStatus.READY
SUSPENDED = TaskRunStatus.SUSPENDED
CANCELED = TaskRunStatus.CANCELED
FAILED = TaskRunStatus.FAILED
SUCCEEDED = TaskRunStatus.SUCCEEDED

_AFFECTED: dict[TaskRunStatus, frozenset[TaskRunStatus]] = {
    READY: frozenset({SUSPENDED, FAILED, CANCELED}),
    PENDING: frozenset({SUSPENDED, FAILED, CANCELED, SUCCEEDED}) | LEASED,
    SUSPENDED: frozenset({PENDING, READY}) | LEASED,
    CANCELED: frozenset({PENDING, READY, SUSPENDED}) | LEASED,
    FAILED: frozenset({PENDING, READY, SUSPENDED}) | LEASED,
    SUCCEEDED: frozenset({PENDING, READY, SUSPENDED, FAILED, CANCELED}) | LEASED,
}
"""Which tasks a wish for a status touches.

READY resumes what was stopped and tries again what failed; PENDING runs everything again.
"""


def move_task(draft: Draft, task: Task, event: TaskEvent) -> Task:
    """Apply an event to a task and everything that follows from it.

    Returns the task as it is then.
    """
    after, moves = task_machine.apply(task, event)
    draft.put(after)
    for move in moves:
        tasks_moved(draft, move)
    layer = draft.get(Layer, task.layer_id)
    if after.status is READY and layer.waits and not isinstance(event, TaskHeld):
        return move_task(draft, after, TaskHeld(at=event.at))
    return after


def tasks_moved(draft: Draft, move: TasksMoved) -> None:
    """Tell a layer, its job and the layers that wait for it that tasks moved."""
    layer = draft.get(Layer, move.layer_id)
    layer, changes = layer_machine.apply(layer, move)
    draft.put(layer)
    job, job_changes = job_machine.apply(draft.get(Job, layer.job_id), move)
    draft.put(job)
    draft.effect(Publish(job.farm_id, job_id=job.job_id))
    for change in changes:
        _layer_changed(draft, layer, change)
    for change in job_changes:
        draft.moved.setdefault((Job, job.job_id), StatusMove(old=change.old)).last(change, move.by)
        other_job_changed(draft, job.job_id, change)
    if move.new is FAILED and job_machine.failure_limit_reached(draft.get(Job, job.job_id)):
        _stop_after_failures(draft, draft.get(Job, job.job_id))


def _layer_changed(draft: Draft, layer: Layer, change: StatusChanged) -> None:
    draft.moved.setdefault((Layer, layer.layer_id), StatusMove(old=change.old)).last(change, "")
    if change.new is SUCCEEDED:
        for consumer in layer.consumers:
            _dependency_succeeded(draft, consumer, change)
    elif change.old is SUCCEEDED:
        for consumer in layer.consumers:
            _dependency_reopened(draft, consumer, change)


def book_statuses(draft: Draft) -> None:
    """Leave one event for each layer and job that shows another status than before the command.

    What it showed in between, while one task ended and the next began, is nobody's business.
    """
    for (kind, key), move in draft.moved.items():
        if kind is Layer:
            layer = draft.get(Layer, key)
            if layer.status is not move.old:
                draft.event(
                    "layer",
                    layer.layer_id,
                    "layer_status",
                    layer.farm_id,
                    at=move.at,
                    old=move.old,
                    new=layer.status,
                    actor=move.by,
                    job_id=layer.job_id,
                    layer_id=layer.layer_id,
                    number=layer.task_count,
                    detail=layer_detail(draft.get(Job, layer.job_id), layer),
                )
        else:
            job = draft.get(Job, key)
            if job.status is not move.old:
                draft.event(
                    "job",
                    job.job_id,
                    "job_status",
                    job.farm_id,
                    at=move.at,
                    old=move.old,
                    new=job.status,
                    actor=move.by,
                    job_id=job.job_id,
                    number=sum(job.counts.values()),
                )
    draft.moved.clear()


def layer_detail(job: Job, layer: Layer) -> str:
    """Return the JSON that goes with a layer's events: what the books group it by."""
    return msgspec.json.encode(
        {
            "user": job.created_by,
            "project": layer.attributes.get("project", "unassigned"),
            "app": layer.attributes.get("app", "unassigned"),
            "frame_count": layer.frame_count,
            "layer": layer.name,
            "queue_id": layer.queue_id,
            "render_type": layer.attributes.get("render_type", "unassigned"),
            "max_workers": job.max_worker_count,
        }
    ).decode()


def _dependency_succeeded(draft: Draft, layer_id: StepId, change: StatusChanged) -> None:
    layer, _ = layer_machine.apply(draft.get(Layer, layer_id), DependencySucceeded(at=change.at))
    draft.put(layer)
    if not layer.waits:
        release_layer(draft, layer, change.at)


def _dependency_reopened(draft: Draft, layer_id: StepId, change: StatusChanged) -> None:
    layer, _ = layer_machine.apply(draft.get(Layer, layer_id), DependencyReopened(at=change.at))
    draft.put(layer)
    hold_layer(draft, layer, change.at)


def release_layer(draft: Draft, layer: Layer, at: Instant) -> None:
    """Let the PENDING tasks of a layer be given out."""
    if layer.rest_status is PENDING:
        rest = layer.rest_count
        draft.put(replace(layer, rest_status=READY))
        if rest:
            tasks_moved(
                draft,
                TasksMoved(layer_id=layer.layer_id, old=PENDING, new=READY, count=rest, at=at),
            )
    for task in draft.tasks_of(layer.layer_id):
        if task.status is PENDING:
            move_task(draft, task, TaskReleased(at=at))


def hold_layer(draft: Draft, layer: Layer, at: Instant) -> None:
    """Give out no more tasks of a layer: those that are READY become PENDING."""
    if layer.rest_status is READY:
        rest = layer.rest_count
        draft.put(replace(layer, rest_status=PENDING))
        if rest:
            tasks_moved(
                draft,
                TasksMoved(layer_id=layer.layer_id, old=READY, new=PENDING, count=rest, at=at),
            )
    for task in draft.tasks_of(layer.layer_id):
        if task.status is READY:
            move_task(draft, task, TaskHeld(at=at))


def other_job_changed(draft: Draft, job_id: JobId, change: StatusChanged) -> None:
    """Tell the jobs that wait for a job that it has succeeded, or has not any more."""
    if SUCCEEDED not in (change.new, change.old):
        return
    for waiting_id in sorted(draft.memory.waiting_jobs.get(job_id, ())):
        waiting = draft.get(Job, waiting_id)
        open_jobs = set(waiting.waits_for or ())
        open_jobs = open_jobs - {job_id} if change.new is SUCCEEDED else open_jobs | {job_id}
        wait_for_jobs(draft, waiting, open_jobs, change.at)


def wait_for_jobs(draft: Draft, job: Job, open_jobs: Collection[JobId], at: Instant) -> None:
    """Have a job wait until these other jobs have succeeded; none: let it begin.

    What already runs goes on: only tasks that have not begun wait.
    """
    draft.put(replace(job, waits_for=tuple(sorted(open_jobs)) or None))
    waits = bool(open_jobs)
    for layer in draft.layers_of(job):
        if bool(layer.job_waits) is waits:
            continue
        after = replace(layer, job_waits=waits or None)
        draft.put(after)
        if waits:
            hold_layer(draft, after, at)
        elif not after.unresolved and not _paused_for_licence(draft, after):
            release_layer(draft, after, at)


def _paused_for_licence(draft: Draft, layer: Layer) -> bool:
    hold = draft.find(LayerHold, layer.layer_id)
    return hold is not None and hold.until_at is not None


def _stop_after_failures(draft: Draft, job: Job) -> None:
    for layer in draft.layers_of(job):
        ask_layer(draft, layer, CANCELED, "failure limit")


# ── what people ask for ───────────────────────────────────────────────────────────────────────────


def ask_job(draft: Draft, job: Job, target: TaskRunStatus, by: str) -> None:
    """Bring every task of a job towards a status.

    Raises:
        InvalidRequestError: the status cannot be asked for.
    """
    if target not in _AFFECTED:
        raise InvalidRequestError(f"A job cannot be asked to be {target}.")
    if target in (READY, PENDING):
        job = _forgiven(draft, job)
    draft.put(replace(job, target_status=target, updated_at=draft.now, updated_by=by))
    for layer in draft.layers_of(job):
        ask_layer(draft, layer, target, by)
    say_asked(draft, job, target, by)


def say_asked(draft: Draft, job: Job, what: str, by: str) -> None:
    """Write into a job's history what somebody asked of it."""
    draft.event(
        "job",
        job.job_id,
        "job_asked",
        job.farm_id,
        old=job.status,
        new=what,
        actor=by,
        job_id=job.job_id,
    )


def _forgiven(draft: Draft, job: Job) -> Job:
    """Forget what went wrong in a job that somebody starts again; return the job."""
    known = draft.find(JobFaults, job.job_id)
    for layer_id in job.layer_ids:
        if draft.find(LayerHold, layer_id) is not None:
            draft.delete(LayerHold, layer_id)
    if known is None:
        return job
    draft.delete(JobFaults, job.job_id)
    left = tuple(one for one in job.excluded_workers or () if one not in known.excluded)
    return replace(job, excluded_workers=left or None)


def ask_layer(
    draft: Draft,
    layer: Layer,
    target: TaskRunStatus,
    by: str,
    *,
    spare_running: bool = False,
    only: frozenset[TaskRunStatus] | None = None,
) -> None:
    """Bring every task of a layer towards a status; untouched tasks go all at once.

    Tasks that have succeeded are only reached if they are in memory: see `Needs.every_task`.
    With `spare_running` those that a worker holds are left alone; with `only`, those in any other
    status.
    """
    layer = draft.get(Layer, layer.layer_id)
    affected = _AFFECTED[target] - LEASED if spare_running else _AFFECTED[target]
    affected = affected if only is None else affected & only
    old = layer.rest_status
    goal = _waiting_status(layer, target)
    draft.put(replace(layer, target_status=target, updated_at=draft.now, updated_by=by))
    if target is PENDING:
        draft.event(
            "layer",
            layer.layer_id,
            "layer_reset",
            layer.farm_id,
            actor=by,
            job_id=layer.job_id,
            layer_id=layer.layer_id,
            number=layer.task_count,
        )
    if old in affected and old is not goal:
        rest = layer.rest_count
        draft.put(replace(draft.get(Layer, layer.layer_id), rest_status=goal))
        if rest:
            tasks_moved(
                draft,
                TasksMoved(
                    layer_id=layer.layer_id, old=old, new=goal, count=rest, at=draft.now, by=by
                ),
            )
    for known in draft.tasks_of(layer.layer_id):
        # One that failed may have stopped the others: each is looked at as it is now.
        task = draft.find(Task, known.layer_id, known.index)
        if task is not None and task.status in affected:
            _ask(draft, task, target, by)


def ask_task(draft: Draft, layer: Layer, index: int, target: TaskRunStatus, by: str) -> Task:
    """Bring one task towards a status.

    Raises:
        NotFoundError: the layer has no such task.
        InvalidRequestError: the status cannot be asked for.
    """
    if target not in _AFFECTED:
        raise InvalidRequestError(f"A task cannot be asked to be {target}.")
    task = touch_task(draft, layer, index)
    if target in (READY, PENDING) and task.status in (READY, PENDING):
        return task
    task = _ask(draft, task, target, by)
    draft.event(
        "task",
        task.task_id,
        "task_status",
        task.farm_id,
        new=target,
        actor=by,
        job_id=task.job_id,
        layer_id=task.layer_id,
    )
    return task


def touch_task(draft: Draft, layer: Layer, index: int) -> Task:
    """Return a task as a row of its own, making it one if nobody touched it yet.

    Raises:
        NotFoundError: the layer has no such task.
    """
    task = draft.find(Task, layer.layer_id, index)
    if task is not None:
        return task
    layer = draft.get(Layer, layer.layer_id)
    if not layer.next_index <= index < layer.task_count:
        raise NotFoundError("task", task_id(layer.layer_id, index))
    if index == layer.next_index:
        draft.put(after_cut(draft, layer, index))
    else:
        draft.put(replace(layer, touched_ahead=layer.touched_ahead + 1))
    task = Task(
        farm_id=layer.farm_id,
        job_id=layer.job_id,
        layer_id=layer.layer_id,
        index=index,
        status=layer.rest_status,
        ended_at=layer.ended_at if layer.rest_status in TERMINAL else None,
    )
    if task.status in TERMINAL and task.ended_at is None:
        task = replace(task, ended_at=draft.now)
    draft.put(task)
    return task


def after_cut(draft: Draft, layer: Layer, index: int) -> Layer:
    """Return the layer with its cursor beyond `index` and beyond every task touched ahead of it."""
    cursor, ahead = index + 1, layer.touched_ahead
    while ahead and draft.memory.index.is_ahead(layer.layer_id, cursor):
        cursor, ahead = cursor + 1, ahead - 1
    return replace(layer, next_index=cursor, touched_ahead=ahead)


def _ask(draft: Draft, task: Task, target: TaskRunStatus, by: str) -> Task:
    layer = draft.get(Layer, task.layer_id)
    asked = TaskAsked(target=target, at=draft.now, by=by, dependencies_open=layer.waits)
    after = move_task(draft, task, asked)
    if after.status is TaskRunStatus.INTERRUPTING and after.action_id is not None:
        cancel_action(draft, after.action_id, f"{target.lower()} by {by}")
    return after


def cancel_action(draft: Draft, action_id: str, cause: str) -> None:
    """Ask the worker to stop an action, if it is still open."""
    parsed = parse_session_action_id(action_id)
    action = draft.find(SessionAction, *parsed) if parsed else None
    if action is None or action_machine.is_over(action):
        return
    draft.put(action_machine.apply(action, ActionCancelAsked(at=draft.now, cause=cause)))
    session = draft.get(Session, action.session_id)
    draft.effect(WakeWorker(session.worker_id))


def _waiting_status(layer: Layer, target: TaskRunStatus) -> TaskRunStatus:
    if target in (READY, PENDING):
        return PENDING if layer.waits else READY
    return target
