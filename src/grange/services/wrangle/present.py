"""What is wrong at this moment, without any failed attempt: silence, stuck tasks, full disks. Pure.

The instant of such an incident is when it began, so that what a person does about it settles it
until it begins anew.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grange.domain.farm import Queue, QueueFleetAssociation
from grange.domain.faults import LayerHold, WorkerFaults, hold_ms
from grange.domain.hails import WORDS
from grange.domain.signatures import signature
from grange.domain.statuses import ActionKind, AssociationStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.domain.wrangling import Fix, Trouble
from grange.kernel.ids import QueueId, WorkerId, task_id
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.wrangle.clusters import QUARANTINED, Incident

STAYS = frozenset(
    {
        "workers",
        "fleet",
        "group",
        "class",
        "excluded",
        "requirement",
        "memory",
        "gpu",
        "renderer",
        "budget",
    }
)
"""Reasons for waiting that last until somebody changes something."""
LICENCE = "licence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on something needs a person."""

    window_ms: int = MILLIS_PER_DAY
    """Failures before that are old."""
    stuck_ms: int = 600_000
    """No task is stuck before it ran this long."""
    stuck_factor: float = 5.0
    """It is when it took this many times the mean of its layer."""
    silent_task_ms: int = MILLIS_PER_HOUR
    """Without such a mean: when nothing was said of it for this long."""
    waits_ms: int = 300_000
    """Work that waits for a shorter time may still begin by itself."""
    disk_bytes: int = 2**30
    """A disk with less room is full."""
    most_questions: int = 60
    """How many kinds of waiting work the scheduler is asked about at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One action that is not over, and whose it is."""

    action: SessionAction
    session: Session
    job: Job
    layer: Layer | None
    worker: Worker
    pace_ms: float | None
    """Running mean of the layer's task times."""
    is_first: bool
    """It is the one its session is to do now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A queue that no fleet works for any more, because somebody stopped it."""

    name: str
    at: Instant
    by: str | None


def silent(
    workers: Iterable[Worker], seen: Mapping[WorkerId, Instant], now: Instant
) -> list[Incident]:
    """Return the workers that are not heard from; those that are disabled nobody waits for."""
    found = []
    for worker in workers:
        lost = worker.status is WorkerStatus.NOT_RESPONDING
        if worker.disabled or not (lost or worker.hail is not None):
            continue
        said, text = "not heard from", "no sign of life"
        if worker.hail is not None:
            said, text = WORDS[worker.hail.verdict]
        at = seen.get(worker.worker_id) or worker.last_seen_at or worker.created_at
        found.append(
            Incident(
                trouble=Trouble.SILENT,
                signature=said,
                text=text,
                first_at=at,
                at=at,
                lost_ms=(now - at) * worker.threads,
                worker_id=worker.worker_id,
                worker=worker.host_name or worker.worker_id,
                fixes=(Fix.QUARANTINE,),
            )
        )
    return found


def quarantined(
    workers: Iterable[Worker], known: Mapping[WorkerId, WorkerFaults], now: Instant
) -> list[Incident]:
    """Return the workers that the farm took from work: each waits for somebody to enable it."""
    found = []
    for worker in workers:
        faults = known.get(worker.worker_id)
        # Whom people quarantine has no strokes: that is what they did, and nothing to be done.
        if faults is None or faults.quarantined_at is None or not faults.strokes:
            continue
        found.append(
            Incident(
                trouble=Trouble.WORKER,
                signature=QUARANTINED,
                text=faults.cause,
                first_at=faults.strokes[0].at,
                at=faults.quarantined_at,
                lost_ms=max(0, now - faults.quarantined_at) * worker.threads,
                worker_id=worker.worker_id,
                worker=worker.host_name or worker.worker_id,
                fixes=(Fix.ENABLE,),
            )
        )
    return found


def stuck(actions: Iterable[Open], limits: Limits, now: Instant) -> list[Incident]:
    """Return the tasks that run far too long, and those that a worker holds and never begins."""
    found = []
    for one in actions:
        action = one.action
        if action.kind is not ActionKind.TASK_RUN or not one.is_first:
            continue
        since = action.assigned_at if action.started_at is None else action.started_at
        passed = now - since
        if passed < limits.stuck_ms:
            continue
        if action.started_at is None:
            text = "a worker holds it and has not begun it"
        elif one.pace_ms is not None and one.pace_ms > 0:
            if passed < one.pace_ms * limits.stuck_factor:
                continue
            text = f"runs {passed / one.pace_ms:.0f} times as long as others of its layer"
        elif now - (action.updated_at or since) >= limits.silent_task_ms:
            text = "nothing was heard of it for long"
        else:
            continue
        layer = one.layer.name if one.layer is not None else ""
        task = None
        if action.layer_id is not None and action.task_index is not None:
            task = task_id(action.layer_id, action.task_index)
        found.append(
            Incident(
                trouble=Trouble.STUCK,
                signature=f"{one.job.name} · {layer}",
                text=text,
                first_at=since,
                at=since,
                lost_ms=passed,
                job_id=one.job.job_id,
                job_name=one.job.name,
                task_id=task,
                attempt=action.attempt,
                session_id=action.session_id,
                worker_id=one.worker.worker_id,
                worker=one.worker.host_name or one.worker.worker_id,
                fixes=(Fix.REQUEUE, Fix.QUARANTINE, Fix.EXCLUDE),
            )
        )
    return found


def held(holds: Iterable[tuple[LayerHold, Job]]) -> list[Incident]:
    """Return the layers that pause because a licence was refused."""
    found = []
    for hold, job in holds:
        if hold.until_at is None or hold.error_class != LICENCE:
            continue
        at = Instant(hold.until_at - hold_ms(hold.refusals))
        found.append(
            Incident(
                trouble=Trouble.LICENCE,
                signature=signature(hold.error_text or "no licence"),
                text=hold.error_text or "no licence",
                first_at=at,
                at=at,
                job_id=job.job_id,
                job_name=job.name,
            )
        )
    return found


def waiting(job: Job, reason: str, text: str) -> Incident | None:
    """Return what the scheduler's reason for a job makes; None: it needs nobody."""
    if reason not in STAYS and reason != LICENCE:
        return None
    since = max(job.created_at, job.served_at or job.created_at)
    return Incident(
        trouble=Trouble.LICENCE if reason == LICENCE else Trouble.WAITING,
        signature=f"{reason}: {signature(text)}",
        text=text,
        first_at=since,
        at=since,
        job_id=job.job_id,
        job_name=job.name,
    )


def stopped_queues(
    queues: Iterable[Queue], links: Iterable[QueueFleetAssociation]
) -> dict[QueueId, Stopped]:
    """Return the queues that were stopped: fleets are to work for them, and none may.

    A queue that no fleet was ever set to work for is no stopped one: starting it does nothing.
    """
    of: dict[QueueId, list[QueueFleetAssociation]] = {}
    for link in links:
        of.setdefault(link.queue_id, []).append(link)
    found = {}
    for queue in queues:
        known = of.get(queue.queue_id, [])
        if not known or any(link.status is AssociationStatus.ACTIVE for link in known):
            continue
        # With the last of its fleets the queue stopped.
        last = max(known, key=lambda link: link.updated_at or link.created_at)
        found[queue.queue_id] = Stopped(
            name=queue.name, at=last.updated_at or last.created_at, by=last.updated_by
        )
    return found


def held_by_queue(job: Job, stopped: Stopped) -> Incident:
    """Return what a job makes that waits in a queue which was stopped."""
    since = max(job.created_at, job.served_at or job.created_at)
    by = f" by {stopped.by}" if stopped.by else ""
    return Incident(
        trouble=Trouble.WAITING,
        signature=f"queue {stopped.name} is stopped",
        text=(
            f"the queue {stopped.name} was stopped{by}; "
            f"start it with: grange queue start {shlex.quote(stopped.name)}"
        ),
        first_at=Instant(max(since, stopped.at)),
        at=Instant(max(since, stopped.at)),
        job_id=job.job_id,
        job_name=job.name,
    )


def full_disks(
    free: Mapping[str, int], workers: Iterable[Worker], limits: Limits, now: Instant
) -> list[Incident]:
    """Return the workers whose disk has no room left.

    Args:
        free: worker → bytes free, as it last said.
        workers: those of the farm.
        limits: from when on a disk is full.
        now: the instant of the question.
    """
    return [
        Incident(
            trouble=Trouble.DISK,
            signature="little room where sessions are kept",
            text=f"{free[worker.worker_id] // 2**20} MiB free where sessions are kept",
            first_at=now,
            at=now,
            worker_id=worker.worker_id,
            worker=worker.host_name or worker.worker_id,
            fixes=(Fix.QUARANTINE,),
        )
        for worker in workers
        if worker.worker_id in free
        and free[worker.worker_id] < limits.disk_bytes
        and not worker.disabled
    ]


def full_server(now: Instant) -> Incident:
    """Return the incident of a server whose disk is full."""
    return Incident(
        trouble=Trouble.DISK,
        signature="the server",
        text="the server takes no jobs, logs or samples until there is room",
        first_at=now,
        at=now,
    )
