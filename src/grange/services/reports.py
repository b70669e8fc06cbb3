"""What workers say: registration, heartbeats, results; and what they are told in return."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from grange.domain import session_action as action_machine
from grange.domain import worker as worker_machine
from grange.domain.effects import Publish
from grange.domain.events import (
    ActionEnded,
    ActionProgressed,
    ActionStarted,
    TaskStarted,
    WorkerSeen,
    WorkerSilent,
    WorkerStarted,
    WorkerStopped,
    WorkerStopping,
)
from grange.domain.power import PowerOrder
from grange.domain.statuses import ActionKind, SessionActionStatus, TaskRunStatus, WorkerStatus
from grange.domain.work import Session, SessionAction, Task, Worker
from grange.domain.worker import closed_for, person_at, with_closed, with_person
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import (
    FarmId,
    FleetId,
    SessionActionId,
    SessionId,
    WorkerId,
    parse_session_action_id,
)
from grange.kernel.units import Instant
from grange.services.booking import JOB_THREADS, PS
from grange.services.clocks import watch_clock
from grange.services.draft import Draft
from grange.services.machine_facts import book_changes
from grange.services.owner import Needs
from grange.services.power import note_started, note_stopped, order_of
from grange.services.sessions import end_action, fill_threads, lose_sessions, settle_session
from grange.services.silence import heard_again
from grange.services.work import move_task
from grange.services.worker_events import status_event

BUSY_INTERVAL_SECONDS = 15
EAGER_INTERVAL_SECONDS = 2
"""Told to foreign agents with a free thread while work waits."""


class ActionReport(Struct, frozen=True, kw_only=True):
    """One member of updatedSessionActions; times on the worker's clock."""

    completed_status: SessionActionStatus | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    exit_code: int | None = None
    progress_percent: float | None = None
    progress_message: str = ""
    usage: Mapping[str, Any] = {}


class Schedule(Struct, frozen=True, kw_only=True):
    """What a worker is told: all its open sessions, what to stop, when to call again."""

    sessions: tuple[tuple[Session, tuple[SessionAction, ...]], ...]
    cancel: Mapping[SessionId, tuple[SessionActionId, ...]]
    update_interval_seconds: int
    order: PowerOrder | None
    """What the worker is to do: end, or restart or turn off its machine."""
    hold: bool
    """True if the worker is idle, so that the answer may wait for work to come."""


class ReportSchedule(Struct, frozen=True, kw_only=True):
    """UpdateWorkerSchedule: take results in, give work out. Returns a Schedule."""

    farm_id: FarmId
    fleet_id: FleetId
    worker_id: WorkerId
    updates: Mapping[SessionActionId, ActionReport] = {}
    sent_at: Instant | None = None
    """The worker's clock when it sent the request, to the millisecond."""
    signed_at: Instant | None = None
    """The worker's clock when it signed the request, to the second."""
    received_at: Instant | None = None
    """The server's clock when the request came; default: when it is decided."""
    native: bool = False
    closed: str = ""
    """Why the worker takes no work by its own hours; empty: it does."""
    hail_addresses: str = ""
    """Where its neighbours can hail it."""
    person: str = ""
    """`logged_in` if somebody is logged in to its machine, `unknown` if it cannot tell."""

    def needs(self) -> Needs:
        """Actions that are over are no longer in memory.

        They are read to tell a repeat from a lie.
        """
        keys = tuple(
            (SessionAction, parsed)
            for action_id in self.updates
            if (parsed := parse_session_action_id(action_id)) is not None
        )
        return Needs(entities=keys)

    def decide(self, draft: Draft) -> Schedule:
        """Apply the reports and fill the worker's threads."""
        worker = _own(draft, self.farm_id, self.fleet_id, self.worker_id)
        if worker.status not in (WorkerStatus.STARTED, WorkerStatus.STOPPING):
            raise _not_started(worker)
        memory = draft.memory
        memory.last_seen[worker.worker_id] = draft.now
        worker_machine.apply(worker, WorkerSeen(at=draft.now))
        worker = heard_again(draft, worker)
        worker = self._of_itself(draft, worker)
        received_at = self.received_at or draft.now
        if self.sent_at is not None:
            memory.clock_offset_ms[worker.worker_id] = received_at - self.sent_at
        offset = memory.clock_offset_ms.get(worker.worker_id, 0)
        touched: dict[SessionId, None] = {}
        for action_id in sorted(self.updates, key=_order):
            session_id = _take(draft, worker, action_id, self.updates[action_id], offset)
            if session_id is not None:
                touched[session_id] = None
        for session_id in touched:
            if draft.get(Session, session_id).ended_at is None:
                settle_session(draft, session_id)
        worker = draft.get(Worker, self.worker_id)
        if worker.status is WorkerStatus.STARTED and not worker.disabled:
            worker = fill_threads(draft, worker)
        said_at = self.sent_at if self.sent_at is not None else self.signed_at
        if said_at is not None:
            watch_clock(draft, worker, received_at - said_at)
        return _schedule(draft, worker)

    def _of_itself(self, draft: Draft, worker: Worker) -> Worker:
        """Take over what the worker says of itself; most of it is said every time."""
        if self.native != worker.native:
            worker = replace(worker, native=self.native)
            draft.put(worker)
        if self.hail_addresses != (worker.hail_addresses or ""):
            worker = replace(worker, hail_addresses=self.hail_addresses or None)
            draft.put(worker)
        if self.closed != closed_for(worker):
            worker = _close(draft, worker, self.closed)
        if self.person != person_at(worker):
            worker = with_person(worker, self.person)
            draft.put(worker)
        return worker


def _close(draft: Draft, worker: Worker, reason: str) -> Worker:
    """Take over whether a worker's own hours let it work; to the books it is disabled meanwhile."""
    before, after = bool(closed_for(worker)), bool(reason)
    worker = with_closed(worker, reason)
    draft.put(worker)
    if before != after and not worker.disabled:
        draft.event(
            "worker",
            worker.worker_id,
            "worker_disabled",
            worker.farm_id,
            old=str(before).lower(),
            new=str(after).lower(),
            actor="hours",
            worker_id=worker.worker_id,
            fleet_id=worker.fleet_id,
            number=worker.threads,
        )
    draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
    return worker


def _order(action_id: SessionActionId) -> tuple[str, int]:
    parsed = parse_session_action_id(action_id)
    return (str(parsed[0]), parsed[1]) if parsed else (action_id, 0)


def _own(draft: Draft, farm_id: FarmId, fleet_id: FleetId, worker_id: WorkerId) -> Worker:
    worker = draft.get(Worker, worker_id)
    if worker.farm_id != farm_id or worker.fleet_id != fleet_id or worker.deleted_at is not None:
        raise NotFoundError("worker", worker_id)
    return worker


def _not_started(worker: Worker) -> ConflictError:
    return ConflictError(
        f"Worker {worker.worker_id} is {worker.status}: "
        "call UpdateWorker with status STARTED first.",
        reason="STATUS_CONFLICT",
        resource_type="worker",
        resource_id=worker.worker_id,
        context={"status": worker.status.value},
    )


def _take(
    draft: Draft, worker: Worker, action_id: SessionActionId, report: ActionReport, offset: int
) -> SessionId | None:
    """Take in one report; returns the session to settle, or None if it changes nothing."""
    parsed = parse_session_action_id(action_id)
    action = draft.find(SessionAction, *parsed) if parsed else None
    if action is None:
        raise InvalidRequestError(f"There is no session action {action_id}.")
    session = draft.find(Session, action.session_id)
    if action_machine.is_over(action) or session is None:
        _late(draft, worker, action, report)
        return None
    if session.worker_id != worker.worker_id:
        raise InvalidRequestError(f"{action_id} is not this worker's.")
    _check_order(draft, session, action, report)
    floor = max(action.assigned_at, session.last_ended_at or session.started_at)

    def on_server(moment: Instant | None, at_least: int) -> Instant | None:
        if moment is None:
            return None
        return Instant(min(max(moment + offset, at_least), draft.now))

    started = on_server(report.started_at, floor)
    if action.started_at is not None:
        started = action.started_at
    if report.completed_status is None:
        _running(draft, action, report, started)
        return None
    if started is None and report.completed_status is not SessionActionStatus.NEVER_ATTEMPTED:
        started = Instant(min(floor, draft.now))
    ended = on_server(report.ended_at, started if started is not None else floor) or draft.now
    if (
        action.kind is ActionKind.TASK_RUN
        and action.started_at is None
        and started is not None
        and report.completed_status is not SessionActionStatus.SUCCEEDED  # which says it itself
    ):
        _start_task(draft, action, started)
    end_action(
        draft,
        action,
        ActionEnded(
            status=report.completed_status,
            at=ended,
            started_at=started,
            worker_started_at=report.started_at,
            worker_ended_at=report.ended_at,
            exit_code=report.exit_code,
            percent=report.progress_percent,
            message=report.progress_message,
            usage=dict(report.usage),
        ),
    )
    return session.session_id


def _check_order(
    draft: Draft, session: Session, action: SessionAction, report: ActionReport
) -> None:
    """Refuse an action that ran while an earlier one of its session is still open."""
    if report.completed_status is SessionActionStatus.NEVER_ATTEMPTED:
        return
    if report.completed_status is None and report.started_at is None:
        return
    earlier = next((index for index in session.open_actions if index < action.index), None)
    if earlier is not None:
        before = draft.get(SessionAction, session.session_id, earlier)
        raise InvalidRequestError(
            f"{action.action_id} cannot run before {before.action_id} has ended: "
            "report the earlier action first, or both together.",
            reason="OTHER",
        )


def _running(
    draft: Draft, action: SessionAction, report: ActionReport, started: Instant | None
) -> None:
    if action.started_at is None and started is not None and report.started_at is not None:
        action = action_machine.apply(
            action, ActionStarted(at=started, worker_at=report.started_at)
        )
        draft.put(action)
        if action.kind is ActionKind.TASK_RUN:
            _start_task(draft, action, started)
    if report.progress_percent is not None or report.progress_message:
        action = action_machine.apply(
            action,
            ActionProgressed(
                at=draft.now,
                percent=report.progress_percent,
                message=report.progress_message,
            ),
        )
        draft.put(action)
        draft.effect(Publish(action.farm_id, job_id=action.job_id))


def _start_task(draft: Draft, action: SessionAction, started: Instant) -> None:
    if action.layer_id is None or action.task_index is None:
        return
    task = draft.get(Task, action.layer_id, action.task_index)
    if task.status in (TaskRunStatus.ASSIGNED, TaskRunStatus.INTERRUPTING):
        move_task(draft, task, TaskStarted(action_id=action.action_id, at=started))


def _late(draft: Draft, worker: Worker, action: SessionAction, report: ActionReport) -> None:
    """A repeat changes nothing; another word on an action that is over goes to the books only."""
    said = report.completed_status
    if said is None or said is action.status:
        return
    draft.event(
        "session",
        action.action_id,
        "late_report",
        action.farm_id,
        event_id=f"late-{action.action_id}-{said}",
        old=action.status,
        new=said,
        worker_id=worker.worker_id,
        job_id=action.job_id,
        layer_id=action.layer_id,
        actor=worker.worker_id,
    )


def _schedule(draft: Draft, worker: Worker) -> Schedule:
    sessions = []
    cancel: dict[SessionId, tuple[SessionActionId, ...]] = {}
    for session in draft.open_sessions(worker):
        actions = tuple(draft.open_actions(session))
        sessions.append((session, actions))
        stopping = tuple(
            action.action_id for action in actions if action.status is SessionActionStatus.CANCELING
        )
        if stopping:
            cancel[session.session_id] = stopping
    interval = min(BUSY_INTERVAL_SECONDS, max(1, draft.context.silence_seconds // 4))
    if len(sessions) < worker.threads and not worker.native:
        waiting, _ = draft.memory.index.waiting(draft.queues_of(worker.fleet_id))
        if sessions and waiting == "ready":
            interval = EAGER_INTERVAL_SECONDS
    return Schedule(
        sessions=tuple(sessions),
        cancel=cancel,
        update_interval_seconds=interval,
        order=order_of(draft, worker),
        hold=not sessions and worker.status is WorkerStatus.STARTED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWorker:
    """UpdateWorker: a status, capabilities, host properties. Returns the Worker."""

    farm_id: FarmId
    fleet_id: FleetId
    worker_id: WorkerId
    status: WorkerStatus | None = None
    amounts: Mapping[str, float] | None = None
    attributes: Mapping[str, tuple[str, ...]] | None = None
    host_properties: Mapping[str, Any] | None = None
    by: str = ""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> Worker:
        """Take over what the worker says; a worker that starts declares its old sessions lost."""
        worker = _own(draft, self.farm_id, self.fleet_id, self.worker_id)
        old_threads = worker.threads
        before = worker
        worker = self._described(worker)
        draft.put(worker)
        book_changes(draft, before, worker)
        if self.status is not None:
            _set_status(draft, worker, self.status)
        worker = draft.get(Worker, self.worker_id)
        if worker.threads != old_threads:
            draft.event(
                "worker",
                worker.worker_id,
                "worker_threads",
                worker.farm_id,
                old=str(old_threads),
                new=str(worker.threads),
                worker_id=worker.worker_id,
                fleet_id=worker.fleet_id,
                number=worker.threads,
            )
        draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
        return worker

    def _described(self, worker: Worker) -> Worker:
        if self.host_properties is not None:
            worker = replace(
                worker,
                host_properties=self.host_properties,
                host_name=str(self.host_properties.get("hostName") or worker.host_name),
            )
        if self.amounts is not None:
            amounts = dict(self.amounts)
            worker = replace(
                worker,
                amounts=amounts,
                threads=max(1, int(amounts.get(JOB_THREADS, 1))),
                ps_milli=round(amounts.get(PS, 1.0) * 1000),
            )
        if self.attributes is not None:
            worker = replace(worker, attributes=dict(self.attributes))
        return replace(worker, updated_by=self.by or worker.updated_by)


def _set_status(draft: Draft, worker: Worker, status: WorkerStatus) -> None:
    now = draft.now
    seen = draft.memory.last_seen.get(worker.worker_id, worker.last_seen_at or now)
    match status:
        case WorkerStatus.STARTED:
            if worker.status in (WorkerStatus.STARTED, WorkerStatus.STOPPING):
                worker = silence(draft, worker, seen, "worker_restarted")
            after = worker_machine.apply(heard_again(draft, worker), WorkerStarted(at=now))
            note_started(draft, worker)
        case WorkerStatus.STOPPING:
            after = worker_machine.apply(worker, WorkerStopping(at=now))
        case WorkerStatus.STOPPED:
            lose_sessions(draft, worker, now, "worker_stopped")
            worker = draft.get(Worker, worker.worker_id)
            after = worker_machine.apply(worker, WorkerStopped(at=now))
            note_stopped(draft, worker)
        case _:
            raise InvalidRequestError(f"A worker cannot say it is {status}.")
    draft.put(after)
    draft.memory.last_seen[worker.worker_id] = now
    status_event(draft, worker, after, now)


def silence(draft: Draft, worker: Worker, seen: Instant, cause: str) -> Worker:
    """Declare a worker NOT_RESPONDING since it was last seen: its sessions are lost."""
    draft.memory.unverified.discard(worker.worker_id)
    lose_sessions(draft, worker, seen, cause)
    worker = draft.get(Worker, worker.worker_id)
    after = worker_machine.apply(worker, WorkerSilent(at=draft.now))
    draft.put(after)
    status_event(draft, worker, after, draft.now, detail=f'{{"last_seen_at":{seen}}}')
    draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSilentWorkers:
    """Declare workers NOT_RESPONDING that have not been heard of. Returns how many."""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Look at every worker that should be calling."""
        limit = draft.context.silence_seconds * 1000
        count = 0
        for worker in draft.all(Worker):
            if worker.status not in (WorkerStatus.STARTED, WorkerStatus.STOPPING):
                continue
            seen = draft.memory.last_seen.get(worker.worker_id)
            if seen is not None and draft.now - seen > limit:
                silence(draft, worker, seen, "worker_silent")
                count += 1
        return count
