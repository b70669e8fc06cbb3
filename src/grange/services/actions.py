"""Finding jobs and workers to act on, and saying first what that would do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from grange.domain.statuses import LEASED, ActionKind, JobLifecycleStatus, TaskRunStatus
from grange.domain.work import UNASSIGNED, Job, Layer, Session, SessionAction, Worker
from grange.kernel.batches import batched
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.state import IDS_AT_ONCE, AllOf, Compare, Condition, OneOf, Order, StateStore
from grange.services.commands.job_actions import JobAction
from grange.services.commands.jobs import texts
from grange.services.reads.rows import alive

MOST_JOBS = 1000
"""How many jobs are acted on at a time."""
_WAITING = (TaskRunStatus.READY, TaskRunStatus.PENDING, TaskRunStatus.SUSPENDED)
_AGAIN = (TaskRunStatus.FAILED, TaskRunStatus.CANCELED)
_OF_OPEN_JOBS = frozenset({JobAction.PAUSE, JobAction.STOP, JobAction.RESUME, JobAction.CANCEL})
"""What nothing is left to be done of, once a job has ended; but tasks put aside can go on."""
_STOPPING = frozenset({JobAction.STOP, JobAction.CANCEL, JobAction.RESET, JobAction.DELETE})


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which jobs: all that is given must hold (S1-17). Nothing given selects nothing."""

    jobs: list[str] = []
    """Ids."""
    queue: str | None = None
    user: str | None = None
    project: str | None = None
    app: str | None = None
    statuses: list[str] = []
    text: str | None = None
    """Part of the name, or of a parameter such as the scene's path; upper and lower case alike."""
    priority_from: int | None = None
    priority_to: int | None = None


class JobConsequence(msgspec.Struct, frozen=True, kw_only=True):
    """One job an action reaches."""

    job_id: str
    name: str
    user: str
    project: str
    status: str
    priority: int
    running: int
    waiting: int
    done: int
    again: int
    """Tasks that failed or were canceled."""
    lost_ms: int
    """Job thread time of tasks that are stopped, until now."""


class WorkerConsequence(msgspec.Struct, frozen=True, kw_only=True):
    """One worker an order reaches."""

    worker_id: str
    name: str
    status: str
    running: int
    lost_ms: int


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What an action would do, or did."""

    action: str
    applied: bool
    text: str
    """E.g. `Cancels 2 jobs: stops 12 running tasks, loses about 3.4 h.`"""
    nothing: bool = False
    """There is nothing to do."""
    jobs: list[JobConsequence] = []
    workers: list[WorkerConsequence] = []
    refused: dict[str, str] = {}
    """Of what could not be done: id → why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A task that runs now."""

    worker_id: str
    job_id: str
    lost_ms: int


async def selected(store: StateStore, farm_id: FarmId, wanted: Selection) -> list[Job]:
    """Return the jobs of a selection, oldest first; deleted ones never.

    Raises:
        InvalidRequestError: nothing is selected by anything, or too much is.
    """
    parts = _conditions(farm_id, wanted)
    filtered = wanted.app is not None or wanted.text is not None
    if len(parts) == 2 and not filtered and wanted.project is None:
        raise InvalidRequestError("Say which jobs: by id, status, user, project, text or priority.")
    found = await store.find(
        Job, AllOf(tuple(parts)), order=(Order("created_at"),), limit=20 * MOST_JOBS
    )
    if wanted.project is not None:
        found = [job for job in found if job.attributes.get("project") == wanted.project]
    if wanted.text is not None:
        found = [job for job in found if _says(job, wanted.text.lower())]
    if wanted.app is not None and found:
        found = await _of_app(store, found, wanted.app)
    if len(found) > MOST_JOBS:
        raise InvalidRequestError(
            f"That selects {len(found)} jobs; at most {MOST_JOBS} are acted on at a time. "
            "Select fewer."
        )
    return found


def still_to_do(
    action: JobAction, jobs: Sequence[Job], named: Collection[str]
) -> tuple[list[Job], dict[str, str]]:
    """Return the jobs an action can do something to, and why not to the others.

    Args:
        action: what is to be done.
        jobs: those that were selected.
        named: ids somebody gave; of jobs that were found otherwise nobody expects an answer.
    """
    if action not in _OF_OPEN_JOBS:
        return list(jobs), {}
    ended = {
        job.job_id: job
        for job in jobs
        if job.ended_at is not None
        and not (action is JobAction.RESUME and job.counts.get(TaskRunStatus.SUSPENDED))
    }
    left = [job for job in jobs if job.job_id not in ended]
    return left, {
        job_id: f"{job.name} has ended already: {job.status.lower()}."
        for job_id, job in ended.items()
        if job_id in named
    }


async def consequence_for_jobs(
    store: StateStore,
    action: JobAction,
    jobs: Sequence[Job],
    now: Instant,
    *,
    priority: int | None = None,
) -> Consequence:
    """Return what an action would do to jobs; `priority`: the one they would get."""
    running = await _running(store, "job_id", [job.job_id for job in jobs], now)
    rows = [_job_row(job, action, running) for job in jobs]
    return Consequence(action=action, applied=False, text=_text(action, rows, priority), jobs=rows)


_TAKING_AWAY = {"disable", "stop", "quit", "restart", "shutdown", "drain"}


async def consequence_for_workers(
    store: StateStore, order: str, workers: Sequence[Worker], now: Instant
) -> Consequence:
    """Return what an order would do to workers."""
    running = await _running(store, "worker_id", [one.worker_id for one in workers], now)
    rows = [
        WorkerConsequence(
            worker_id=one.worker_id,
            name=one.host_name,
            status=one.status,
            running=sum(1 for each in running if each.worker_id == one.worker_id),
            lost_ms=sum(each.lost_ms for each in running if each.worker_id == one.worker_id)
            if order == "stop"
            else 0,
        )
        for one in workers
    ]
    count = sum(row.running for row in rows)
    lost = sum(row.lost_ms for row in rows)
    what = {
        "disable": f"disables {many(len(rows), 'worker')}; {many(count, 'running task')} will be"
        " finished",
        "stop": f"disables {many(len(rows), 'worker')}, {stops(count, lost)}",
        "quit": f"ends {many(len(rows), 'worker')}; {many(count, 'running task')} will be finished",
        "restart": f"restarts {many(len(rows), 'machine')}; {many(count, 'running task')} will be"
        " finished",
        "shutdown": f"shuts down {many(len(rows), 'machine')};"
        f" {many(count, 'running task')} will be finished",
        "drain": f"drains {many(len(rows), 'worker')}; jobs on them go on to their end",
    }.get(order, f"lets {many(len(rows), 'worker')} take work")
    if order in _TAKING_AWAY and len(rows) > 1 and await _is_every_one(store, workers):
        what += "; no other worker is there to take work"
    return Consequence(action=order, applied=False, text=_sentence(what), workers=rows)


async def _is_every_one(store: StateStore, workers: Sequence[Worker]) -> bool:
    """Return whether no worker of their farm is left beside these."""
    own = {one.worker_id for one in workers}
    every = await store.find(Worker, AllOf((Compare("farm_id", "=", workers[0].farm_id), alive())))
    return all(one.worker_id in own or one.disabled for one in every)


async def workers_named(store: StateStore, farm_id: FarmId, names: Collection[str]) -> list[Worker]:
    """Return workers by id or name.

    Raises:
        InvalidRequestError: a name is no worker's, or of several.
    """
    every = await store.find(Worker, AllOf((Compare("farm_id", "=", farm_id), alive())))
    found: dict[str, Worker] = {}
    for name in names:
        fitting = [one for one in every if one.worker_id == name] or [
            one for one in every if one.host_name == name
        ]
        if len(fitting) != 1:
            problem = "is no worker" if not fitting else "is the name of several; give the id"
            raise InvalidRequestError(f"{name!r} {problem}. grange worker ls lists them.")
        found[fitting[0].worker_id] = fitting[0]
    return sorted(found.values(), key=lambda one: (one.host_name, one.worker_id))


def _conditions(farm_id: FarmId, wanted: Selection) -> list[Condition]:
    parts: list[Condition] = [
        Compare("farm_id", "=", farm_id),
        Compare("lifecycle_status", "!=", JobLifecycleStatus.ARCHIVED.value),
    ]
    if wanted.jobs:
        parts.append(OneOf("job_id", tuple(wanted.jobs)))
    if wanted.queue is not None:
        parts.append(Compare("queue_id", "=", wanted.queue))
    if wanted.user is not None:
        parts.append(Compare("created_by", "=", wanted.user))
    if wanted.statuses:
        known = {status.value for status in TaskRunStatus}
        statuses = tuple(status.upper() for status in wanted.statuses)
        unknown = [status for status in statuses if status not in known]
        if unknown:
            raise InvalidRequestError(f"{unknown[0]} is no status of a job.")
        parts.append(OneOf("status", statuses))
    if wanted.priority_from is not None:
        parts.append(Compare("priority", ">=", wanted.priority_from))
    if wanted.priority_to is not None:
        parts.append(Compare("priority", "<=", wanted.priority_to))
    return parts


def _says(job: Job, text: str) -> bool:
    return text in job.name.lower() or any(
        text in value.lower() for value in texts(job.parameters).values()
    )


async def _of_app(store: StateStore, jobs: Sequence[Job], app: str) -> list[Job]:
    of: set[str] = set()
    for part in batched([job.job_id for job in jobs], IDS_AT_ONCE):
        layers = await store.find(Layer, OneOf("job_id", part))
        of |= {layer.job_id for layer in layers if layer.attributes.get("app") == app}
    return [job for job in jobs if job.job_id in of]


async def _running(
    store: StateStore, column: str, values: Sequence[str], now: Instant
) -> list[Running]:
    """Return the tasks that run now, of jobs or of workers."""
    sessions: list[Session] = []
    for part in batched(values, IDS_AT_ONCE):
        sessions += await store.find(
            Session, AllOf((OneOf(column, part), Compare("ended_at", "=", None)))
        )
    of: Mapping[str, Session] = {session.session_id: session for session in sessions}
    found = []
    for part in batched(list(of), IDS_AT_ONCE):
        actions = await store.find(
            SessionAction,
            AllOf(
                (
                    OneOf("session_id", part),
                    Compare("ended_at", "=", None),
                    Compare("kind", "=", ActionKind.TASK_RUN.value),
                )
            ),
        )
        found += [
            Running(
                worker_id=of[action.session_id].worker_id,
                job_id=action.job_id,
                lost_ms=max(0, now - action.started_at),
            )
            for action in actions
            if action.started_at is not None
        ]
    return found


def _job_row(job: Job, action: JobAction, running: Iterable[Running]) -> JobConsequence:
    own = [one for one in running if one.job_id == job.job_id]

    def count(*statuses: TaskRunStatus) -> int:
        return sum(job.counts.get(status, 0) for status in statuses)

    return JobConsequence(
        job_id=job.job_id,
        name=job.name,
        user=job.created_by,
        project=job.attributes.get("project", UNASSIGNED),
        status=job.status,
        priority=job.priority,
        running=count(*LEASED),
        waiting=count(*_WAITING),
        done=count(TaskRunStatus.SUCCEEDED),
        again=count(*_AGAIN),
        lost_ms=sum(one.lost_ms for one in own) if action in _STOPPING else 0,
    )


def _text(action: JobAction, rows: Sequence[JobConsequence], priority: int | None) -> str:
    jobs = many(len(rows), "job")
    running = sum(row.running for row in rows)
    waiting = sum(row.waiting for row in rows)
    lost = sum(row.lost_ms for row in rows)
    match action:
        case JobAction.REQUEUE:
            again = sum(row.again for row in rows)
            what = f"requeues {many(again, 'task')} of {jobs}"
        case JobAction.PAUSE:
            what = f"pauses {jobs}; {many(running, 'running task')} will be finished"
        case JobAction.RESUME:
            what = f"lets {jobs} go on"
        case JobAction.PRIORITY:
            before = sorted({row.priority for row in rows})
            what = f"changes the priority of {jobs}"
            what += f" from {before[0]}" if len(before) == 1 else ""
            what += "" if priority is None else f" to {priority}"
        case JobAction.RESET:
            done = sum(row.done for row in rows)
            what = f"renders {jobs} again, {many(done, 'finished task')} included"
            what += f": {stops(running, lost)}" if running else ""
        case JobAction.STOP:
            what = f"pauses {jobs}: {stops(running, lost)}"
        case _:
            what = f"{action}s {jobs}: {stops(running, lost)}"
            what += f", drops {many(waiting, 'waiting task')}" if waiting else ""
    return _sentence(what)


def stops(count: int, lost_ms: int) -> str:
    """Return how many running tasks are stopped, and what that loses."""
    if not count:
        return "stops nothing that runs"
    hours, minutes = lost_ms / MILLIS_PER_HOUR, lost_ms / 60_000
    about = f"{hours:.1f} h" if hours >= 1 else f"{minutes:.0f} min"
    if minutes < 1.5:
        about = f"{lost_ms / 1000:.0f} s"
    return f"stops {many(count, 'running task')}, loses about {about}"


def many(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
