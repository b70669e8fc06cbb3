"""What follows from a failed attempt: the judgement of `domain.faults`, carried out."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from grange.domain.events import TaskFailed, TaskReturned
from grange.domain.faults import (
    POLICIES,
    Blame,
    Failure,
    JobFaults,
    Judgement,
    LayerHold,
    Stroke,
    WorkerFaults,
    did_well,
    earns_quarantine,
    failed_on,
    hold_ms,
    judge,
    passing_on,
    task_taken,
)
from grange.domain.statuses import TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.domain.worker import closed_for
from grange.kernel.ids import FarmId, StepId, WorkerId
from grange.kernel.units import Instant
from grange.scheduling.capability import MEMORY, demand_of, satisfies
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import ask_layer, ask_task, hold_layer, move_task, release_layer
from grange.services.worker_events import worker_event

_LEAST_MIB = 256
_BY = "grange"
"""Who acts where no person does."""


def fail_attempt(
    draft: Draft, session: Session, action: SessionAction, task: Task, at: Instant
) -> None:
    """Move a task whose attempt failed, and act on what the failure says of worker and work."""
    job = draft.get(Job, session.job_id)
    failed = TaskFailed(action_id=action.action_id, at=at, max_retries=job.max_retries_per_task)
    error_class = str(action.usage.get("errorClass", ""))
    layer = draft.get(Layer, task.layer_id)
    blame = Blame(
        layer_id=layer.layer_id,
        index=task.index,
        worker_id=session.worker_id,
        error_class=error_class,
    )
    peak_bytes = action.usage.get("peakMemoryBytes") or 0
    failure = _failure(draft, job, task, blame, peak_bytes // 2**20)
    verdict = judge(failure)
    draft.put(verdict.faults)
    if verdict.exclude:
        _exclude(draft, job, session, error_class)
    if verdict.reserve_mib is not None:
        _raise_reserve(draft, layer, verdict.reserve_mib)
    if verdict.blame_worker:
        _stroke(draft, session, error_class, at)
    if not verdict.counts:
        move_task(draft, task, TaskReturned(action_id=action.action_id, at=at))
    else:
        move_task(draft, task, replace(failed, max_retries=0) if verdict.stop else failed)
    if verdict.hold:
        _hold(draft, layer, action, at)
    if verdict.disable:
        _disable(draft, draft.get(Job, job.job_id), action, verdict)
    _tidy(draft, job)


def attempt_went_well(
    draft: Draft, session: Session, layer_id: StepId, index: int, at: Instant
) -> None:
    """Forget what a worker was blamed for; go on with a layer that paused for a licence."""
    known = draft.find(WorkerFaults, session.worker_id)
    if known is not None and known.quarantined_at is None:
        draft.delete(WorkerFaults, session.worker_id)
    hold = draft.find(LayerHold, layer_id)
    if hold is not None:
        draft.delete(LayerHold, hold.layer_id)
        _go_on(draft, hold, at)
    faults = draft.find(JobFaults, session.job_id)
    if faults is not None:
        _learn(draft, faults, did_well(faults, session.worker_id, layer_id, index))
        _tidy(draft, draft.get(Job, session.job_id))


def attempt_begins(draft: Draft, task: Task) -> None:
    """Let the workers have a failed task again that left it to others: one has taken it."""
    known = draft.find(JobFaults, task.job_id) if task.failures else None
    if known is not None:
        _learn(draft, known, task_taken(known, task.layer_id, task.index))


def set_aside(draft: Draft, layer_id: StepId, index: int) -> None:
    """Suspend a task that came back to a job the farm has put aside."""
    task = draft.find(Task, layer_id, index)
    if task is None or task.status not in (TaskRunStatus.READY, TaskRunStatus.PENDING):
        return
    known = draft.find(JobFaults, task.job_id)
    if known is not None and known.disabled_at is not None:
        ask_task(draft, draft.get(Layer, layer_id), index, TaskRunStatus.SUSPENDED, _BY)


def _tidy(draft: Draft, job: Job) -> None:
    """Forget what went wrong in a job that has ended, unless it says what to take back later."""
    known = draft.find(JobFaults, job.job_id)
    ended = draft.get(Job, job.job_id).ended_at is not None
    if known is not None and ended and not known.excluded and known.disabled_at is None:
        draft.delete(JobFaults, job.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHolds:
    """Go on with layers whose pause is over. Returns how many."""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Release them; the next refusal makes the pause longer."""
        due = [
            hold
            for hold in draft.all(LayerHold)
            if hold.until_at is not None and hold.until_at <= draft.now
        ]
        for hold in due:
            if draft.find(Layer, hold.layer_id) is None:  # its job has ended
                draft.delete(LayerHold, hold.layer_id)
                continue
            draft.put(replace(hold, until_at=None))
            _go_on(draft, hold, draft.now)
        return len(due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmit:
    """Let workers have a task again that they left to others, where no other can take it now.

    The others may have been switched off since. Returns of how many tasks that was so.
    """

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Look at every task that is to be taken by another worker."""
        count = 0
        for known in tuple(draft.all(JobFaults)):
            left = known
            for layer_id, tasks in passing_on(known).items():
                job, layer = draft.find(Job, known.job_id), draft.find(Layer, layer_id)
                if job is None or layer is None:
                    continue
                for index, workers in tasks.items():
                    if not _free(draft, job, layer, workers):
                        left = task_taken(left, layer_id, index)
                        count += 1
            _learn(draft, known, left)
        return count


def _go_on(draft: Draft, hold: LayerHold, at: Instant) -> None:
    layer = draft.find(Layer, hold.layer_id)
    if hold.until_at is not None and layer is not None and not layer.waits:
        release_layer(draft, layer, at)


def quarantine_event(draft: Draft, worker: Worker, cause: str, by: str) -> None:
    """Leave the event of a worker that is kept from work for what it did."""
    worker_event(
        draft,
        worker,
        "worker_quarantined",
        old="false",
        new="true",
        actor=by,
        number=worker.threads,
        detail=msgspec.json.encode({"cause": cause}).decode(),
    )


def lift_quarantine(draft: Draft, worker_id: WorkerId) -> None:
    """Forget what a worker was blamed for: somebody enabled it again."""
    if draft.find(WorkerFaults, worker_id) is not None:
        draft.delete(WorkerFaults, worker_id)


def _failure(draft: Draft, job: Job, task: Task, blame: Blame, peak_mib: int) -> Failure:
    layer = draft.get(Layer, task.layer_id)
    known = draft.find(JobFaults, job.job_id) or JobFaults(farm_id=job.farm_id, job_id=job.job_id)
    largest = 0
    if blame.error_class in POLICIES:
        able, largest = _workers(draft, job, layer)
    else:
        # Any program may fail like that, many times a second: one other worker is enough to know.
        tried = failed_on(known, blame.layer_id, blame.index) | {blame.worker_id}
        able = _free(draft, job, layer, tried) or _workers(draft, job, layer)[0]
    demanded = demand_of(layer.requirement, layer.reserve_mib).memory_mib
    return Failure(
        blame=blame,
        known=known,
        failures=task.failures,
        max_retries=job.max_retries_per_task,
        free=able - {blame.worker_id},
        job_succeeded=job.counts.get(TaskRunStatus.SUCCEEDED, 0),
        reserved_mib=max(_LEAST_MIB, demanded, peak_mib),
        largest_mib=largest,
    )


def _workers(draft: Draft, job: Job, layer: Layer) -> tuple[frozenset[WorkerId], int]:
    """Return the workers that could do a layer now, and the most memory one of its fleets has."""
    able: set[WorkerId] = set()
    largest = 0.0
    excluded = job.excluded_workers or ()
    for worker in _of_queue(draft, job):
        largest = max(largest, worker.amounts.get(MEMORY, 0.0))
        if worker.worker_id not in excluded and _is_able(draft, worker, layer):
            able.add(worker.worker_id)
    return frozenset(able), int(largest)


def _free(
    draft: Draft, job: Job, layer: Layer, besides: frozenset[WorkerId]
) -> frozenset[WorkerId]:
    """Return one worker that could do a layer now, besides some; none: there is no such."""
    besides |= frozenset(job.excluded_workers or ())
    for worker in _of_queue(draft, job):
        if worker.worker_id not in besides and _is_able(draft, worker, layer):
            return frozenset({worker.worker_id})
    return frozenset()


def _of_queue(draft: Draft, job: Job) -> Iterator[Worker]:
    fleets = {
        fleet_id for fleet_id, queues in draft.memory.queues_of.items() if job.queue_id in queues
    }
    for worker in draft.all(Worker):
        if worker.deleted_at is None and worker.fleet_id in fleets:
            yield worker


def _is_able(draft: Draft, worker: Worker, layer: Layer) -> bool:
    return (
        worker.status is WorkerStatus.STARTED
        and not worker.disabled
        and not worker.draining
        and not closed_for(worker)
        and satisfies(draft.memory.capability(worker), layer.requirement)
    )


def _learn(draft: Draft, known: JobFaults, now: JobFaults) -> None:
    if now is not known:
        draft.put(now)


def _exclude(draft: Draft, job: Job, session: Session, error_class: str) -> None:
    excluded = tuple(sorted({*(job.excluded_workers or ()), session.worker_id}))
    if excluded == job.excluded_workers:
        return
    draft.put(replace(job, excluded_workers=excluded))
    draft.event(
        "job",
        job.job_id,
        "worker_excluded",
        job.farm_id,
        new=error_class,
        actor=_BY,
        job_id=job.job_id,
        worker_id=session.worker_id,
        fleet_id=session.fleet_id,
    )


def _raise_reserve(draft: Draft, layer: Layer, reserve_mib: int) -> None:
    draft.put(replace(layer, reserve_mib=reserve_mib))
    draft.event(
        "layer",
        layer.layer_id,
        "memory_reserve_raised",
        layer.farm_id,
        old="" if layer.reserve_mib is None else str(layer.reserve_mib),
        new=str(reserve_mib),
        actor=_BY,
        job_id=layer.job_id,
        layer_id=layer.layer_id,
        number=reserve_mib,
    )


def _stroke(draft: Draft, session: Session, error_class: str, at: Instant) -> None:
    """Blame the worker; disable it if that was once too often."""
    worker = draft.get(Worker, session.worker_id)
    known = draft.find(WorkerFaults, worker.worker_id) or WorkerFaults(
        farm_id=worker.farm_id, worker_id=worker.worker_id
    )
    stroke = Stroke(job_id=session.job_id, error_class=error_class, at=at)
    known = replace(known, strokes=(*known.strokes, stroke)[-20:])
    if known.quarantined_at is None and earns_quarantine(known.strokes) and not worker.disabled:
        cause = f"{len(known.strokes)} failures in a row, the last one: {error_class}"
        known = replace(known, quarantined_at=draft.now, cause=cause)
        draft.put(replace(worker, disabled=True, updated_at=draft.now, updated_by=_BY))
        worker_event(
            draft,
            worker,
            "worker_disabled",
            old="false",
            new="true",
            actor=_BY,
            number=worker.threads,
        )
        quarantine_event(draft, worker, cause, _BY)
    draft.put(known)


def _hold(draft: Draft, layer: Layer, action: SessionAction, at: Instant) -> None:
    known = draft.find(LayerHold, layer.layer_id)
    refusals = 1 if known is None else known.refusals + 1
    draft.put(
        LayerHold(
            farm_id=layer.farm_id,
            job_id=layer.job_id,
            layer_id=layer.layer_id,
            until_at=Instant(draft.now + hold_ms(refusals)),
            refusals=refusals,
            **_error(action),
        )
    )
    hold_layer(draft, draft.get(Layer, layer.layer_id), at)
    draft.event(
        "layer",
        layer.layer_id,
        "layer_held",
        layer.farm_id,
        new=str(action.usage.get("errorClass", "")),
        actor=_BY,
        job_id=layer.job_id,
        layer_id=layer.layer_id,
        number=hold_ms(refusals) // 1000,
    )


def _disable(draft: Draft, job: Job, action: SessionAction, verdict: Judgement) -> None:
    """Put a job aside: what waits is suspended, what runs goes on, and the next job is served."""
    draft.put(replace(verdict.faults, disabled_at=draft.now, **_error(action)))
    for layer in draft.layers_of(job):
        ask_layer(draft, layer, TaskRunStatus.SUSPENDED, _BY, spare_running=True)
    draft.event(
        "job",
        job.job_id,
        "job_disabled",
        FarmId(job.farm_id),
        new=str(action.usage.get("errorClass", "")),
        actor=_BY,
        job_id=job.job_id,
        layer_id=action.layer_id,
        worker_id=draft.get(Session, action.session_id).worker_id,
        detail=msgspec.json.encode(_error(action)).decode(),
    )


def _error(action: SessionAction) -> dict[str, str]:
    return {
        "error_class": str(action.usage.get("errorClass", "")),
        "error_rule": str(action.usage.get("errorRule", "")),
        "error_text": str(action.usage.get("errorText", ""))[:1000],
    }
