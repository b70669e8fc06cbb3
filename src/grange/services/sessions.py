"""Sessions: which job a free thread works on, what its session does next, and how it ends."""

from typing import Any

from msgspec.structs import replace

from grange.domain import job as job_machine
from grange.domain import session as session_machine
from grange.domain import session_action as action_machine
from grange.domain.effects import CloseLog, Publish
from grange.domain.events import (
    ActionClosed,
    ActionEnded,
    ActionPlanned,
    EndingBegan,
    SessionClosed,
    SessionFinished,
    SessionOpened,
    TaskAssigned,
    TaskReturned,
    TaskSucceeded,
)
from grange.domain.farm import Farm, QueueFleetAssociation
from grange.domain.policy import SchedulingPolicy, policy_of
from grange.domain.rates import PricedWork, RateCard, card_at, thread_rate
from grange.domain.statuses import (
    ActionKind,
    AssociationStatus,
    SessionActionStatus,
    TaskRunStatus,
)
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.domain.worker import closed_for
from grange.kernel.ids import FarmId, SessionId, StepId
from grange.kernel.units import Instant
from grange.scheduling.entry import Choice
from grange.scheduling.preemption import PATIENCE, gives_way
from grange.services.booking import action_fact, region_of, session_fact
from grange.services.chunks import fit_chunks
from grange.services.claims import claim, claim_again, learn_use, let_go, served
from grange.services.draft import Draft
from grange.services.faults import attempt_begins, attempt_went_well, fail_attempt, set_aside
from grange.services.work import after_cut, move_task

AHEAD_MS = 2_000
"""Enough tasks are assigned ahead to keep a thread busy for this long."""
MOST_AHEAD = 16
"""Each is told again with every reply until it is done, and waits while others could have it."""


def fill_threads(draft: Draft, worker: Worker) -> Worker:
    """Open a session on every free thread of a worker there is work for."""
    if worker.draining or closed_for(worker):
        return worker
    busy = {thread for thread, _ in worker.sessions}
    for thread in range(worker.threads):
        if thread in busy:
            continue
        offer = draft.memory.offer(worker)
        choice = draft.memory.index.best(draft.queues_of(worker.fleet_id), offer)
        if not isinstance(choice, Choice):
            break
        worker = _open(draft, worker, thread, choice)
    return worker


def _open(draft: Draft, worker: Worker, thread: int, choice: Choice) -> Worker:
    now = draft.now
    layer = draft.get(Layer, choice.layer_id)
    job = draft.get(Job, choice.job_id)
    cards = tuple(card for card in draft.all(RateCard) if card.farm_id == job.farm_id)
    work = PricedWork(
        fleet_id=worker.fleet_id,
        region=region_of(worker),
        app=layer.attributes.get("app"),
        queue_id=job.queue_id,
        project=layer.attributes.get("project"),
        user_name=job.created_by,
    )
    rate = thread_rate(card_at(cards, now), worker.fleet_id, worker.threads, worker.ps_milli, work)
    session = Session(
        farm_id=job.farm_id,
        queue_id=job.queue_id,
        fleet_id=worker.fleet_id,
        worker_id=worker.worker_id,
        job_id=job.job_id,
        session_id=SessionId(draft.context.ids.new("session")),
        thread=thread,
        threads=worker.threads,
        user_name=job.created_by,
        ps_milli=worker.ps_milli,
        card_id=rate.card_id if rate else None,
        rate_line_id=rate.line_id if rate else None,
        billionths_per_hour=rate.billionths_per_hour if rate else None,
        started_at=now,
        host_properties=worker.host_properties,
        **claim(draft, worker, job, layer),
    )
    draft.put(session)
    after, _ = job_machine.apply(job, SessionOpened(at=now))
    draft.put(replace(after, served_at=now))
    worker = replace(
        worker, sessions=tuple(sorted((*worker.sessions, (thread, session.session_id))))
    )
    draft.put(worker)
    draft.effect(Publish(job.farm_id, worker_id=worker.worker_id))
    for environment in job.environments:
        session = _enter(draft, session, environment.environment_id, None)
    _plan_tasks(draft, session, job, layer)
    return worker


def _plan(draft: Draft, session: Session, kind: ActionKind, **members: Any) -> Session:
    action = SessionAction(
        farm_id=session.farm_id,
        job_id=session.job_id,
        session_id=session.session_id,
        index=session.next_action_index,
        kind=kind,
        assigned_at=draft.now,
        **members,
    )
    draft.put(action)
    session = session_machine.apply(session, ActionPlanned(at=draft.now))
    draft.put(session)
    return session


def _enter(draft: Draft, session: Session, environment_id: str, layer_id: StepId | None) -> Session:
    session = _plan(
        draft, session, ActionKind.ENV_ENTER, environment_id=environment_id, layer_id=layer_id
    )
    session = replace(session, entered=(*session.entered, environment_id))
    draft.put(session)
    return session


def _plan_tasks(draft: Draft, session: Session, job: Job, layer: Layer) -> Session:
    """Give the session tasks of a layer, leaving and entering layer environments as needed."""
    if session.layer_id != layer.layer_id:
        for environment_id in reversed(_of_layer(session)):
            session = _plan(
                draft,
                session,
                ActionKind.ENV_EXIT,
                environment_id=environment_id,
                layer_id=session.layer_id,
            )
        if session.layer_id is not None:
            session = claim_again(draft, session, layer)
        session = replace(session, layer_id=layer.layer_id)
        draft.put(session)
        for environment in layer.environments:
            session = _enter(draft, session, environment.environment_id, layer.layer_id)
    open_tasks = [action.kind for action in draft.open_actions(session)].count(ActionKind.TASK_RUN)
    for _ in range(_wanted(draft, session, layer) - open_tasks):
        index = draft.memory.index.first_ready(layer.layer_id, session.worker_id)
        if index is None:
            break
        session = _assign(draft, session, job, layer.layer_id, index)
    return session


def _assign(draft: Draft, session: Session, job: Job, layer_id: StepId, index: int) -> Session:
    layer = draft.get(Layer, layer_id)
    task = draft.find(Task, layer_id, index)
    if task is None:
        draft.put(after_cut(draft, layer, index))
        task = Task(
            farm_id=layer.farm_id,
            job_id=layer.job_id,
            layer_id=layer_id,
            index=index,
            status=TaskRunStatus.READY,
        )
    session = _plan(
        draft,
        session,
        ActionKind.TASK_RUN,
        layer_id=layer_id,
        task_index=index,
        attempt=task.attempts + 1,
        parameters=draft.context.spaces.parameters(job, layer.index, index),
    )
    action = draft.get(SessionAction, session.session_id, session.next_action_index - 1)
    attempt_begins(draft, task)
    move_task(draft, task, TaskAssigned(action_id=action.action_id, at=draft.now))
    return session


def _wanted(draft: Draft, session: Session, layer: Layer) -> int:
    """Return how many open tasks the session should have: more when they are short and many."""
    pace = draft.memory.pace_ms.get(layer.layer_id)
    by_pace = 1 if pace is None else min(MOST_AHEAD, 1 + int(AHEAD_MS / max(pace, 1.0)))
    threads = draft.memory.threads_of.get(session.fleet_id, 0)
    fair = layer.counts.get(TaskRunStatus.READY, 0) // max(1, 2 * threads)
    return max(1, min(by_pace, fair))


def _of_layer(session: Session) -> list[str]:
    return [environment for environment in session.entered if environment.startswith("STEP:")]


# ── going on, and ending ──────────────────────────────────────────────────────────────────────────


def settle_session(draft: Draft, session_id: SessionId) -> None:
    """Give an open session its next tasks, or lead it out of its environments and end it."""
    session = draft.get(Session, session_id)
    worker = draft.get(Worker, session.worker_id)
    if not session.ending and not worker.disabled and not closed_for(worker):
        session = _top_up(draft, session, worker)
    if session.open_actions:
        return
    if not session.ending:
        session = session_machine.apply(session, EndingBegan(at=draft.now))
        draft.put(session)
    if session.entered:
        for environment_id in reversed(session.entered):
            layer_id = session.layer_id if environment_id.startswith("STEP:") else None
            session = _plan(
                draft,
                session,
                ActionKind.ENV_EXIT,
                environment_id=environment_id,
                layer_id=layer_id,
            )
        return
    finish_session(draft, session, draft.now)


def _top_up(draft: Draft, session: Session, worker: Worker) -> Session:
    index = draft.memory.index
    queues = draft.queues_of(worker.fleet_id)
    offer = draft.memory.offer(worker, besides=session.session_id)
    own = index.best_of_job(session.job_id, offer)
    if own is None:
        return session
    if not worker.draining and index.is_outranked(queues, offer, own.priority, own.band - PATIENCE):
        best = index.best(queues, offer)
        if isinstance(best, Choice) and gives_way(_policy(draft, session.farm_id), best, own):
            return session  # this session ends with what it has
    if session.queue_id not in queues:
        return session
    if session.open_actions and own.layer_id != session.layer_id:
        return session  # layers change only between tasks
    return _plan_tasks(
        draft, session, draft.get(Job, session.job_id), draft.get(Layer, own.layer_id)
    )


def _policy(draft: Draft, farm_id: FarmId) -> SchedulingPolicy:
    return policy_of(draft.get(Farm, farm_id).settings)


def end_action(draft: Draft, action: SessionAction, event: ActionEnded) -> None:
    """End an action and do what follows for its task and session. The session is settled later."""
    after = action_machine.apply(action, event)
    draft.put(after)
    session = session_machine.apply(
        draft.get(Session, action.session_id), ActionClosed(index=action.index, at=event.at)
    )
    session = replace(session, last_ended_at=max(event.at, session.last_ended_at or event.at))
    served(draft, session, event.at)
    good = after.status is SessionActionStatus.SUCCEEDED
    never = after.status is SessionActionStatus.NEVER_ATTEMPTED
    if not good and not session.ending:
        session = session_machine.apply(session, EndingBegan(at=event.at))
    if after.kind is ActionKind.ENV_ENTER and not good:
        session = replace(
            session,
            environment_failed=after.status is SessionActionStatus.FAILED
            or session.environment_failed,
        )
        if never:
            session = _left(session, after.environment_id)
    if after.kind is ActionKind.ENV_EXIT:
        session = _left(session, after.environment_id)
    draft.put(session)
    job = draft.get(Job, after.job_id)
    layer = draft.find(Layer, after.layer_id) if after.layer_id else None
    if after.kind is ActionKind.TASK_RUN:
        after = _end_attempt(draft, session, after)
    draft.fact(action_fact(job, layer, session, after, draft.get(Worker, session.worker_id)))


def _left(session: Session, environment_id: str | None) -> Session:
    return replace(
        session, entered=tuple(entered for entered in session.entered if entered != environment_id)
    )


def _end_attempt(draft: Draft, session: Session, action: SessionAction) -> SessionAction:
    """Move the task as its action ended; returns the action with the cause it was given."""
    if action.layer_id is None or action.task_index is None or action.ended_at is None:
        raise AssertionError(f"{action.action_id} runs no task")
    task = draft.get(Task, action.layer_id, action.task_index)
    at = action.ended_at
    match action.status:
        case SessionActionStatus.SUCCEEDED:
            if action.started_at is not None:
                _learn_pace(draft, action.layer_id, at - action.started_at)
                learn_use(draft, action.layer_id, action.usage, at - action.started_at)
            move_task(
                draft,
                task,
                TaskSucceeded(action_id=action.action_id, at=at, started_at=action.started_at),
            )
            if action.started_at is not None:
                fit_chunks(draft, action.layer_id, action.task_index, at - action.started_at)
            attempt_went_well(draft, session, action.layer_id, action.task_index, at)
        case SessionActionStatus.FAILED:
            fail_attempt(draft, session, action, task, at)
        case SessionActionStatus.NEVER_ATTEMPTED if session.environment_failed:
            draft.put(replace(session, environment_failed=False))
            action = replace(action, cause=action.cause or "environment_failed")
            draft.put(action)
            fail_attempt(draft, session, action, task, at)
        case _:
            move_task(draft, task, TaskReturned(action_id=action.action_id, at=at))
    set_aside(draft, task.layer_id, task.index)
    return action


def _learn_pace(draft: Draft, layer_id: StepId, millis: int) -> None:
    known = draft.memory.pace_ms.get(layer_id)
    draft.memory.pace_ms[layer_id] = millis if known is None else known + (millis - known) / 8


def finish_session(draft: Draft, session: Session, at: Instant) -> None:
    """End a session that has no open actions left, and book it."""
    session = session_machine.apply(let_go(draft, session, at), SessionFinished(at=at))
    draft.put(session)
    job, _ = job_machine.apply(draft.get(Job, session.job_id), SessionClosed(at=at))
    draft.put(job)
    worker = draft.get(Worker, session.worker_id)
    worker = replace(
        worker,
        sessions=tuple(pair for pair in worker.sessions if pair[1] != session.session_id),
    )
    draft.put(worker)
    draft.fact(session_fact(job, session, worker))
    draft.effect(CloseLog(session.farm_id, session.session_id))
    draft.effect(Publish(session.farm_id, job_id=job.job_id, worker_id=worker.worker_id))
    _stopped(draft, session)


def _stopped(draft: Draft, session: Session) -> None:
    """Say that a fleet which is stopping for a queue has stopped, if this was its last session."""
    link = draft.find(QueueFleetAssociation, session.queue_id, session.fleet_id)
    if link is None or link.status in (AssociationStatus.ACTIVE, AssociationStatus.STOPPED):
        return
    if not draft.open_sessions_of(session.queue_id, session.fleet_id):
        draft.put(replace(link, status=AssociationStatus.STOPPED, updated_at=draft.now))


def lose_sessions(draft: Draft, worker: Worker, last_seen: Instant, cause: str) -> None:
    """End every open session of a worker that is gone; its tasks go back, no failure is counted."""
    for session in draft.open_sessions(worker):
        latest = session.last_ended_at or session.started_at
        actions = draft.open_actions(session)
        begun = [action.started_at for action in actions if action.started_at is not None]
        at = Instant(max(last_seen, latest, session.started_at, *begun))
        for action in actions:
            attempted = action.started_at is not None
            end_action(
                draft,
                action,
                ActionEnded(
                    status=SessionActionStatus.INTERRUPTED
                    if attempted
                    else SessionActionStatus.NEVER_ATTEMPTED,
                    at=at,
                    cause=cause,
                ),
            )
        finish_session(draft, draft.get(Session, session.session_id), at)
