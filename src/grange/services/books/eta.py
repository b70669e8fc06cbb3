"""When a job will be done, from its attempts and the threads that work on it now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from grange.books.eta import CAPACITY_SPREAD, ENOUGH, LayerLeft, capacity, estimate
from grange.domain.farm import QueueFleetAssociation
from grange.domain.statuses import (
    ActionKind,
    AssociationStatus,
    SessionActionStatus,
    TaskRunStatus,
    WorkerStatus,
)
from grange.domain.work import UNASSIGNED, Job, Layer, Session, SessionAction, Worker
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Compare, OneOf, Order
from grange.services.books.desk import Desk

MOST_TASKS = 500
"""So many of the latest tasks of a layer are looked at."""
MOST_LAYERS = 5
MOST_SESSIONS = 2000
"""So many of a job's latest sessions tell how many threads it had."""
_LEFT = (
    TaskRunStatus.READY,
    TaskRunStatus.PENDING,
    TaskRunStatus.ASSIGNED,
    TaskRunStatus.RUNNING,
    TaskRunStatus.INTERRUPTING,
)


def job_eta(desk: Desk, *, farm_id: str, job_id: str, threads: int | None = None) -> dict[str, Any]:
    """Return when a job will be done, with an interval that holds 80 of 100 times.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        job_id: the job.
        threads: job threads to reckon with; None: those that work on it now.
    """
    job = desk.job(farm_id, job_id)
    now = desk.clock.now()
    layers = desk.state.find(Layer, Compare("job_id", "=", job_id), order=(Order("index"),))
    sessions = desk.state.find(
        Session, AllOf((Compare("job_id", "=", job_id), Compare("ended_at", "=", None)))
    )
    used = len(sessions) if threads is None else threads
    running = _running(desk, [session.session_id for session in sessions], now)
    names = {layer.layer_id: layer.name for layer in layers}
    left, rows = [], []
    for layer in layers:
        waiting = sum(layer.counts.get(status, 0) for status in _LEFT)
        if not waiting:
            continue
        own = _times(desk, layer.layer_id)
        earlier = _earlier(desk, layer) if len(own) < ENOUGH else []
        runs = running.get(layer.layer_id, [])
        left.append(
            LayerLeft(
                name=layer.name,
                done_ms=own,
                earlier_ms=earlier,
                running_ms=runs,
                waiting=max(0, waiting - len(runs)),
                depends_on=[names[other] for other in layer.depends_on],
            )
        )
        rows.append(
            {
                "layer_id": layer.layer_id,
                "name": layer.name,
                "left": waiting,
                "running": len(runs),
                "tasks_seen": len(own),
                "earlier_tasks_seen": sum(map(len, earlier)),
            }
        )
    known = [layer for layer in left if layer.done_ms or layer.running_ms or layer.earlier_ms]
    found = None
    if known or not left:
        found = estimate(
            known,
            used if threads is not None or not used else _capacity(desk, job, used),
            seed=now // 60_000,
            spread=CAPACITY_SPREAD if threads is None else 0.0,
        )
    return {
        "job_id": job.job_id,
        "name": job.name,
        "status": job.status,
        "now": now,
        "threads": used,
        "earliest_at": None if found is None else now + found.low_ms,
        "likely_at": None if found is None else now + found.likely_ms,
        "latest_at": None if found is None else now + found.high_ms,
        "text": _text(left, used, [layer.name for layer in left if layer not in known]),
        "layers": rows,
    }


def _text(left: Sequence[LayerLeft], threads: int, unknown: Sequence[str]) -> str:
    if not left:
        return "nothing is left to do"
    if threads < 1:
        return "no thread works on it now"
    if len(unknown) == len(left):
        return "no task of it, or of an earlier layer like it, has been seen yet"
    if unknown:
        return f"not counted, since nothing like it was seen yet: {', '.join(unknown)}"
    return ""


def _times(desk: Desk, layer_id: str) -> list[int]:
    """Return the times of a layer's latest tasks that ended well."""
    found = desk.state.find(
        SessionAction,
        AllOf(
            (
                Compare("layer_id", "=", layer_id),
                Compare("kind", "=", ActionKind.TASK_RUN.value),
                Compare("status", "=", SessionActionStatus.SUCCEEDED.value),
            )
        ),
        order=(Order("ended_at", descending=True),),
        limit=MOST_TASKS,
    )
    return [
        action.ended_at - action.started_at
        for action in found
        if action.started_at is not None and action.ended_at is not None
    ]


def _capacity(desk: Desk, job: Job, used: int) -> int:
    """Return how many threads a job may expect: what it has, had, and what is free for it."""
    waiting = job.counts.get(TaskRunStatus.READY, 0)
    if waiting:  # it has what it can get
        return capacity(used, waiting=waiting, most=used, free=0)
    fleets = {
        one.fleet_id
        for one in desk.state.find(QueueFleetAssociation, Compare("queue_id", "=", job.queue_id))
        if one.status is AssociationStatus.ACTIVE
    }
    free = sum(
        worker.threads - len(worker.sessions)
        for worker in desk.state.find(Worker, Compare("farm_id", "=", job.farm_id))
        if worker.fleet_id in fleets
        and worker.status is WorkerStatus.STARTED
        and not worker.disabled
        and not worker.draining
    )
    changes: list[tuple[int, int]] = []
    for session in desk.state.find(
        Session,
        Compare("job_id", "=", job.job_id),
        order=(Order("started_at", descending=True),),
        limit=MOST_SESSIONS,
    ):
        changes.append((session.started_at, 1))
        if session.ended_at is not None:
            changes.append((session.ended_at, -1))
    most = max(accumulate(change for _, change in sorted(changes)), default=0)
    return capacity(used, waiting=0, most=most, free=free)


def _earlier(desk: Desk, layer: Layer) -> list[list[int]]:
    """Return task times of each of the latest layers of the same name, application and project."""
    like = desk.state.find(
        Layer,
        AllOf(
            (
                Compare("farm_id", "=", layer.farm_id),
                Compare("name", "=", layer.name),
                Compare("created_at", "<", layer.created_at),
                Compare("status", "=", TaskRunStatus.SUCCEEDED.value),
            )
        ),
        order=(Order("created_at", descending=True),),
        limit=200,
    )
    same = [
        one
        for one in like
        if all(
            one.attributes.get(name, UNASSIGNED) == layer.attributes.get(name, UNASSIGNED)
            for name in ("app", "project")
        )
    ]
    found = [_times(desk, one.layer_id) for one in same[:MOST_LAYERS]]
    return [times for times in found if times]


def _running(desk: Desk, sessions: Sequence[str], now: Instant) -> Mapping[str, list[int]]:
    """Return how long each running task has run, by layer."""
    found: dict[str, list[int]] = defaultdict(list)
    if not sessions:
        return found
    actions = desk.state.find(
        SessionAction,
        AllOf(
            (
                OneOf("session_id", tuple(sessions)),
                Compare("kind", "=", ActionKind.TASK_RUN.value),
                Compare("ended_at", "=", None),
            )
        ),
    )
    for action in actions:
        if action.layer_id is not None and action.started_at is not None:
            found[action.layer_id].append(max(0, now - action.started_at))
    return found


ANSWERS: Mapping[str, Any] = {"job_eta": job_eta}
