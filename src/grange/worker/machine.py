"""The worker's core: what happened in, what to do out. Pure; no clock, no input, no output.

`apply` takes one event and returns the new state and the effects to perform. After every event it
asks which call to the server is due, and makes at most one at a time. `due_at` says when to come
back if nothing happens. Replies are declarative: a session that is missing from a reply is stopped,
an action that is missing is not wanted.
"""

from dataclasses import replace
from typing import assert_never

from grange.kernel.units import Instant
from grange.worker.pipelines import (
    action_began,
    action_ended,
    action_moved,
    closed_all,
    drained,
    hand_back,
    merged,
    runner_died,
    runner_ready,
    session_closed,
    session_not_opened,
    session_opened,
)
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    ActionMoved,
    ActionReport,
    Answered,
    Assumed,
    Began,
    Call,
    CallFailed,
    CallKind,
    CallServer,
    Created,
    Effect,
    Event,
    Failure,
    Finish,
    LocalSession,
    Outcome,
    Phase,
    RememberWorker,
    RunnerDied,
    RunnerReady,
    Scheduled,
    SessionClosed,
    SessionNotOpened,
    SessionOpened,
    SessionPhase,
    StartRunner,
    Stop,
    StopWanted,
    ThreadPhase,
    TimePassed,
    Told,
    Woken,
    WorkerState,
)

SOON_MS = 2_000
"""Progress is reported no sooner than this after the last call; ends are reported at once, but for
`GATHER_MS`."""
START_SOON_MS = 500
"""The same of starts: what ends sooner is reported only once."""
GATHER_MS = 200
"""The ends of short tasks that went well are told together, this long after the last call."""
AHEAD_ENOUGH = 3
"""So many tasks must wait in each session meanwhile: no job thread is to stand still for it."""
SHORTEST_MS = 200
"""The least time between two calls that nothing asks for."""
FIRST_RETRY_MS = 250
LONGEST_RETRY_MS = 10_000
REFUSED_RETRY_MS = 60_000
"""After an answer that trying again will hardly change."""
RUNNERS_PATIENCE_MS = 20_000
"""How long a worker that has just begun waits for its runners before it says STARTED."""
STOP_PATIENCE_MS = 10_000
"""How long a worker that has nothing left to do tries to say that it stops."""

Step = tuple[WorkerState, tuple[Effect, ...]]


def apply(state: WorkerState, event: Event) -> Step:
    """Return the state after `event` and what to do."""
    if state.phase is Phase.STOPPED:
        return state, ()
    state, effects = _take(state, event)
    if state.phase is Phase.STOPPED:
        return state, effects
    state, more = _advance(state, event.at)
    return state, effects + more


def due_at(state: WorkerState) -> Instant | None:
    """Return when `TimePassed` will make a difference; None if only an event can."""
    if state.phase is Phase.STOPPED:
        return None
    moments = [state.stop_deadline] if state.stop_deadline is not None else []
    if state.call is None:
        moments.append(_next_call_at(state))
    return min(moments, default=None)


def check_invariants(state: WorkerState) -> None:
    """Raise AssertionError if the state is one the machine can never reach."""
    held: dict[int, str] = {}
    for session in state.sessions.values():
        if session.phase in {SessionPhase.OPENING, SessionPhase.OPEN} and not session.broken:
            if session.thread in held:
                raise AssertionError(f"Thread {session.thread} has two open sessions")
            held[session.thread] = session.session_id
        if session.running is not None and session.phase not in {
            SessionPhase.OPEN,
            SessionPhase.CLOSING,
        }:
            raise AssertionError(f"{session.session_id} runs while it is {session.phase}")
        waiting = [action.action_id for action in session.pipeline]
        if len(set(waiting)) != len(waiting):
            raise AssertionError(f"{session.session_id} has an action twice")
        if session.running is not None and session.running.action.action_id in waiting:
            raise AssertionError(f"{session.session_id} runs an action that also waits")
        for action_id in waiting:
            if action_id in state.reports and state.reports[action_id].outcome is not None:
                raise AssertionError(f"{action_id} has ended and waits")
    # A worker that the server forgot may be stopped before it has registered anew.
    if state.phase not in {Phase.NEW, Phase.STOPPED} and state.worker_id is None:
        raise AssertionError(f"The worker is {state.phase} without an id")


def _take(state: WorkerState, event: Event) -> Step:  # noqa: C901, PLR0911, PLR0912 one case each
    match event:
        case Began():
            starts = tuple(StartRunner(thread=number) for number in range(len(state.threads)))
            phase = Phase.NEW if event.worker_id is None else Phase.REGISTERED
            state = replace(state, worker_id=event.worker_id, phase=phase, began_at=event.at)
            return state, starts
        case Answered():
            return _answered(state, event)
        case CallFailed():
            return _call_failed(state, event)
        case TimePassed():
            return state, ()
        case Woken():
            return replace(state, woken=True), ()
        case StopWanted():
            return _stop_wanted(state, event)
        case RunnerReady():
            return runner_ready(state, event)
        case RunnerDied():
            return runner_died(state, event)
        case SessionOpened():
            return session_opened(state, event)
        case SessionNotOpened():
            return session_not_opened(state, event)
        case SessionClosed():
            return session_closed(state, event)
        case ActionBegan():
            return action_began(state, event)
        case ActionMoved():
            return action_moved(state, event)
        case ActionEnded():
            return action_ended(state, event)
        case _:
            assert_never(event)


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────


def _answered(state: WorkerState, event: Answered) -> Step:
    call = state.call
    if call is None or call.number != event.number:
        return state, ()  # an answer nobody waits for any more
    state = replace(state, call=None, failures=0, not_before=None, last_call_at=event.at)
    match event.answer:
        case Created(worker_id=worker_id):
            state = replace(
                state, worker_id=worker_id, phase=Phase.REGISTERED, credentials_until=None
            )
            return state, (RememberWorker(worker_id=worker_id),)
        case Assumed(expires_at=expires_at):
            return replace(state, credentials_from=event.at, credentials_until=expires_at), ()
        case Told():
            return _told(state, call, event.at)
        case Scheduled() as reply:
            return _scheduled(state, call, reply, event.at)
        case _:
            assert_never(event.answer)


def _told(state: WorkerState, call: Call, at: Instant) -> Step:
    if call.kind is CallKind.STOP:
        return replace(state, phase=Phase.STOPPED), (Finish(exit_code=0),)
    if call.kind is CallKind.STOPPING:
        return replace(state, stopping_said=True, next_call_at=at), ()
    return replace(state, phase=Phase.WORKING, ever_worked=True, next_call_at=at), ()


def _scheduled(state: WorkerState, call: Call, reply: Scheduled, at: Instant) -> Step:
    kept = {
        action_id: report
        for action_id, report in state.reports.items()
        if call.reports.get(action_id) != report
    }
    isolating = state.isolating and bool(kept)
    interval_ms = round(reply.interval_seconds * 1000)
    state = replace(
        state,
        reports=kept,
        isolating=isolating,
        interval_seconds=reply.interval_seconds,
        next_call_at=Instant(max(call.sent_at + interval_ms, at + SHORTEST_MS)),
    )
    state, effects = merged(state, reply, frozenset(call.reports), at)
    if reply.stop_wanted and state.stop is Stop.NO:
        state = replace(state, order=reply.order)
        state, more = _stop_wanted(state, StopWanted(at=at))
        effects += more
    return state, effects


def _call_failed(state: WorkerState, event: CallFailed) -> Step:
    call = state.call
    if call is None or call.number != event.number:
        return state, ()
    state = replace(state, call=None, last_call_at=event.at, failures=state.failures + 1)
    state = replace(state, not_before=_retry_at(state, event))
    match event.failure:
        case Failure.UNREACHABLE | Failure.THROTTLED:
            return state, ()
        case Failure.EXPIRED if call.kind not in {CallKind.CREATE, CallKind.ASSUME}:
            # Not at once: fresh credentials may be refused too.
            soon = Instant(event.at + FIRST_RETRY_MS)
            return replace(state, credentials_until=None, not_before=soon), ()
        case Failure.GONE if call.kind is not CallKind.CREATE:
            return _forget(state, event.at)
        case Failure.NOT_STARTED if call.kind is not CallKind.CREATE:
            state = replace(state, phase=Phase.REGISTERED, reports={}, isolating=False)
            return closed_all(state)
        case Failure.REFUSED if call.kind is CallKind.SCHEDULE and call.reports:
            return _isolate(state, call), ()
        case _:
            if state.ever_worked:
                return replace(state, not_before=Instant(event.at + REFUSED_RETRY_MS)), ()
            stopped = replace(state, phase=Phase.STOPPED)
            return stopped, (Finish(exit_code=2, message=event.message),)


def _retry_at(state: WorkerState, event: CallFailed) -> Instant:
    backoff = min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 1.5 ** min(state.failures - 1, 20))
    delay = max(backoff, event.retry_after_seconds * 1000) * (0.5 + event.jitter)
    return Instant(event.at + max(round(delay), round(event.retry_after_seconds * 1000)))


def _forget(state: WorkerState, at: Instant) -> Step:
    """The server does not know this worker: begin anew."""
    state, effects = closed_all(state)
    state = replace(
        state,
        phase=Phase.NEW,
        worker_id=None,
        credentials_until=None,
        reports={},
        isolating=False,
        not_before=Instant(at + FIRST_RETRY_MS),
        stopping_said=False,
    )
    return state, (*effects, RememberWorker(worker_id=None))


def _isolate(state: WorkerState, call: Call) -> WorkerState:
    """Send reports one at a time; a single one that is refused is dropped."""
    if len(call.reports) > 1:
        return replace(state, isolating=True, not_before=None)
    reports = {key: value for key, value in state.reports.items() if key not in call.reports}
    return replace(state, reports=reports, isolating=bool(reports), not_before=None)


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────


def _stop_wanted(state: WorkerState, event: StopWanted) -> Step:
    now = event.now or state.stop is not Stop.NO
    if state.stop is Stop.NOW:
        return replace(state, phase=Phase.STOPPED), (Finish(exit_code=1),)
    state = replace(state, stop=Stop.NOW if now else Stop.DRAIN)
    if state.phase is not Phase.WORKING:
        return replace(state, phase=Phase.STOPPED), (Finish(exit_code=0),)
    # A held call would only keep the last words waiting.
    if state.call is not None and not state.sessions:
        state = replace(state, call=None)
    if now:
        state = replace(state, stop_deadline=Instant(event.at + STOP_PATIENCE_MS))
        return hand_back(state, event.at)
    return drained(state, event.at)


# ── which call is due ─────────────────────────────────────────────────────────────────────────────


def _advance(state: WorkerState, at: Instant) -> Step:
    if state.stop is not Stop.NO and _quiet(state) and state.stop_deadline is None:
        state = replace(state, stop_deadline=Instant(at + STOP_PATIENCE_MS))
    over = state.stop_deadline is not None and at >= state.stop_deadline
    unknown = state.stop is not Stop.NO and state.phase is not Phase.WORKING and _quiet(state)
    if over or unknown:
        return replace(state, phase=Phase.STOPPED), (Finish(exit_code=0),)
    if state.call is not None or at < _next_call_at(state):
        return state, ()
    kind = _next_kind(state)
    if kind is CallKind.SCHEDULE and at >= _refresh_at(state):
        kind = CallKind.ASSUME
    reports = _reports_to_send(state) if kind is CallKind.SCHEDULE else {}
    number = state.calls_made + 1
    call = Call(number=number, kind=kind, sent_at=at, reports=reports)
    state = replace(state, call=call, calls_made=number)
    if kind is CallKind.SCHEDULE:
        state = replace(state, woken=False)
    return state, (CallServer(call=call),)


def _next_kind(state: WorkerState) -> CallKind:
    if state.phase is Phase.NEW:
        return CallKind.CREATE
    if state.credentials_until is None:
        return CallKind.ASSUME
    if state.phase is Phase.REGISTERED:
        return CallKind.START
    if state.stop is not Stop.NO:
        if not state.stopping_said and state.stop is Stop.DRAIN:
            return CallKind.STOPPING
        if _quiet(state):
            return CallKind.STOP
    return CallKind.SCHEDULE


def _next_call_at(state: WorkerState) -> Instant:
    """Return when the next call is to be made, given that none is under way."""
    earliest = state.not_before or Instant(0)
    kind = _next_kind(state)
    if kind is CallKind.START and not state.ever_worked and _still_starting(state):
        # A worker that says it has started can render: its runners come first.
        return Instant(max(earliest, (state.began_at or 0) + RUNNERS_PATIENCE_MS))
    if kind is not CallKind.SCHEDULE:
        return earliest
    moments = [_refresh_at(state)]
    if state.next_call_at is not None:
        moments.append(state.next_call_at)
    ended = [report.outcome for report in state.reports.values() if report.outcome is not None]
    if state.woken or (ended and not _can_wait(state, ended)):
        moments.append(Instant(0))
    elif ended:
        moments.append(Instant((state.last_call_at or 0) + GATHER_MS))
    elif state.reports:
        fresh = any(one.percent is None and not one.message for one in state.reports.values())
        soon = START_SOON_MS if fresh else SOON_MS
        moments.append(Instant((state.last_call_at or 0) + soon))
    return Instant(max(earliest, min(moments)))


def _can_wait(state: WorkerState, ended: list[Outcome]) -> bool:
    """Return True if nobody waits for these: all went well, and every session has more to do."""
    return (
        state.stop is Stop.NO
        and not state.isolating
        and all(outcome is Outcome.SUCCEEDED for outcome in ended)
        and len(state.sessions) == len(state.threads)
        and all(
            session.running is not None and len(session.pipeline) >= AHEAD_ENOUGH
            for session in state.sessions.values()
        )
    )


def _still_starting(state: WorkerState) -> bool:
    return any(thread is ThreadPhase.STARTING for thread in state.threads)


def _refresh_at(state: WorkerState) -> Instant:
    """Return when to renew the credentials: a quarter of an hour before they end, or half-way."""
    if state.credentials_until is None or state.credentials_from is None:
        return Instant(0)
    life = state.credentials_until - state.credentials_from
    return Instant(state.credentials_until - min(15 * 60_000, life // 2))


def _reports_to_send(state: WorkerState) -> dict[str, ActionReport]:
    if not state.isolating:
        return dict(state.reports)
    ended = [one for one, report in state.reports.items() if report.outcome is not None]
    return {one: state.reports[one] for one in (ended or list(state.reports))[:1]}


def _quiet(state: WorkerState) -> bool:
    """Return True if nothing is left to run or to tell, so that the worker may say STOPPED."""
    return not state.reports and all(_over(session) for session in state.sessions.values())


def _over(session: LocalSession) -> bool:
    return (
        session.running is None
        and not session.pipeline
        and (session.phase in {SessionPhase.CLOSING, SessionPhase.REFUSED} or session.broken)
    )
