"""Stopping work for more urgent work, where the farm wants that: `scheduling.preemption` decides.

What is stopped is wasted with the cause `preempted`, runs again first of its layer, and is not
stopped for that a second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.licences import Region
from grange.domain.policy import Preempt, SchedulingPolicy, policy_of
from grange.domain.shares import ShareKind
from grange.domain.statuses import ActionKind, SessionActionStatus, WorkerStatus
from grange.domain.work import UNASSIGNED, Job, Session, SessionAction, Task, Worker
from grange.domain.worker import closed_for
from grange.kernel.ids import FarmId
from grange.scheduling.capability import Offer
from grange.scheduling.entry import Choice
from grange.scheduling.preemption import Limit, Thread, victims
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import cancel_action

CAUSE = "preempted"
_BY = "grange"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeRoom:
    """Stop tasks for more urgent work that waits. Returns how many sessions were stopped."""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Look at each farm that wants this."""
        count = 0
        for farm in draft.all(Farm):
            policy = policy_of(farm.settings)
            if policy.preempt is Preempt.NOW:
                count += _make_room(draft, farm.farm_id, policy)
        return count


def _make_room(draft: Draft, farm_id: FarmId, policy: SchedulingPolicy) -> int:
    most_urgent = draft.memory.index.most_urgent(farm_id)
    if most_urgent is None:
        return 0
    workers = [
        worker
        for worker in draft.all(Worker)
        if worker.farm_id == farm_id
        and worker.status is WorkerStatus.STARTED
        and not (worker.disabled or worker.draining or closed_for(worker))
    ]
    least_urgent = most_urgent - policy.margin
    threads = [one for worker in workers for one in _threads(draft, worker, least_urgent)]
    room: dict[Limit, int] = {}
    for limit in {limit for one in threads for limit in one.takes}:
        left = draft.memory.index.room(farm_id, limit)
        if left is not None:
            room[limit] = left
    stopped = victims(policy, threads, room)
    for session_id in stopped:
        _stop(draft, draft.get(Session, session_id))
    return len(stopped)


def _threads(draft: Draft, worker: Worker, least_urgent: int) -> Iterator[Thread]:
    """Yield the threads of a worker that work which waits could take, as preemption sees them.

    Work of more than the least urgent priority is left alone, whatever waits.
    """
    memory = draft.memory
    queues = draft.queues_of(worker.fleet_id)
    free = worker.threads - len(worker.sessions)
    if free > 0:
        offer = memory.offer(worker)
        choice = memory.index.best(queues, offer)
        if isinstance(choice, Choice):
            for _ in range(free):
                yield Thread(
                    name="",
                    wanted_priority=choice.priority,
                    takes=_takes(draft, choice, offer),
                )
    for session in draft.open_sessions(worker):
        tasks = [one for one in draft.open_actions(session) if one.kind is ActionKind.TASK_RUN]
        if not tasks and not session.ending:
            continue
        leaving = session.ending or any(
            one.status is SessionActionStatus.CANCELING for one in tasks
        )
        priority = draft.get(Job, session.job_id).priority
        if not leaving and priority > least_urgent:
            continue
        offer = memory.offer(worker, besides=session.session_id)
        choice = memory.index.best(queues, offer)
        if not isinstance(choice, Choice):
            continue
        yield Thread(
            name="" if leaving else session.session_id,
            wanted_priority=choice.priority,
            takes=_takes(draft, choice, offer),
            priority=priority,
            frees=_frees(draft, session, offer.region),
            lost_ms=sum(draft.now - one.started_at for one in tasks if one.started_at is not None),
            stopped_before=any(_stopped_before(draft, one) for one in tasks),
        )


def _takes(draft: Draft, choice: Choice, offer: Offer) -> tuple[Limit, ...]:
    job = draft.get(Job, choice.job_id)
    return (
        ("layer", choice.layer_id),
        ("job", choice.job_id),
        *_of_payer(job.attributes.get("project", UNASSIGNED), job.created_by),
        *(("seat", pool, offer.region) for pool in draft.memory.index.pools_of(choice.layer_id)),
    )


def _frees(draft: Draft, session: Session, region: Region) -> tuple[Limit, ...]:
    job = draft.get(Job, session.job_id)
    return (
        ("job", session.job_id),
        *_of_payer(job.attributes.get("project", UNASSIGNED), session.user_name),
        *(("seat", hold.pool, region) for hold in session.licences or ()),
    )


def _of_payer(project: str, user: str) -> tuple[Limit, Limit]:
    return (ShareKind.PROJECT, project), (ShareKind.USER, user)


def _stopped_before(draft: Draft, action: SessionAction) -> bool:
    task = draft.find(Task, str(action.layer_id), int(action.task_index or 0))
    return task is not None and bool(task.preempted)


def _stop(draft: Draft, session: Session) -> None:
    """Have a session's tasks stopped; one that is done before that is done."""
    for action in draft.open_actions(session):
        if action.kind is not ActionKind.TASK_RUN:
            continue
        task = draft.get(Task, str(action.layer_id), int(action.task_index or 0))
        if action.started_at is not None:
            draft.put(replace(task, preempted=True))
            draft.event(
                "task",
                task.task_id,
                "task_preempted",
                task.farm_id,
                actor=_BY,
                job_id=task.job_id,
                layer_id=task.layer_id,
                worker_id=session.worker_id,
                number=draft.now - action.started_at,
            )
        cancel_action(draft, action.action_id, CAUSE)
