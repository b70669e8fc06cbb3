"""The sessions of the worker's core: pipelines, cancels, job threads. Pure; see `machine`."""

from dataclasses import replace

from grange.kernel.units import Instant
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    ActionMoved,
    ActionReport,
    AssignedSession,
    CancelAction,
    CloseSession,
    Effect,
    Kind,
    LocalSession,
    OpenSession,
    Outcome,
    PlannedAction,
    RunnerDied,
    RunnerReady,
    Running,
    Scheduled,
    SessionClosed,
    SessionNotOpened,
    SessionOpened,
    SessionPhase,
    StartAction,
    StartRunner,
    Stop,
    ThreadPhase,
    WorkerState,
)

Step = tuple[WorkerState, tuple[Effect, ...]]


# ── the server's reply ────────────────────────────────────────────────────────────────────────────


def merged(state: WorkerState, reply: Scheduled, told: frozenset[str], at: Instant) -> Step:
    """Make the sessions here those of the reply.

    Args:
        state: the worker.
        reply: the whole truth about its sessions.
        told: actions the request had reports of; if they ended, they are not begun again.
        at: when the reply came.
    """
    effects: list[Effect] = []
    wanted = {session.session_id: session for session in reply.sessions}
    for session_id in list(state.sessions):
        if session_id not in wanted:
            state, more = _drop(state, state.sessions[session_id])
            effects += more
    for session in reply.sessions:
        known = state.sessions.get(session.session_id)
        if known is None:
            state = _adopt(state, session)
        elif known.phase is SessionPhase.CLOSING:
            continue
        state, more = _follow(state, session, told)
        effects += more
    for session_id, action_ids in reply.cancels.items():
        state, more = _cancel(state, session_id, frozenset(action_ids), at)
        effects += more
    state = _refuse_what_cannot_run(state, at)
    state, more = advance_threads(state)
    return state, (*effects, *more)


def _adopt(state: WorkerState, assigned: AssignedSession) -> WorkerState:
    taken = {
        session.thread
        for session in state.sessions.values()
        if session.phase not in {SessionPhase.CLOSING, SessionPhase.REFUSED}
    }
    free = [number for number in range(len(state.threads)) if number not in taken]
    refused = state.stop is not Stop.NO or not free
    session = LocalSession(
        session_id=assigned.session_id,
        queue_id=assigned.queue_id,
        job_id=assigned.job_id,
        thread=free[0] if free else 0,
        phase=SessionPhase.REFUSED if refused else SessionPhase.WAITING,
    )
    return _put(state, session)


def _follow(state: WorkerState, assigned: AssignedSession, told: frozenset[str]) -> Step:
    """Take over a session's pipeline; what has begun or ended here is left out."""
    session = state.sessions[assigned.session_id]
    listed = {action.action_id for action in assigned.actions}
    running = session.running
    ended = {one for one, report in state.reports.items() if report.outcome is not None}
    busy = running.action.action_id if running is not None else None
    pipeline = tuple(
        action
        for action in assigned.actions
        if action.action_id != busy
        and action.action_id not in ended
        and not (action.action_id in told and action.action_id not in state.reports)
    )
    effects: tuple[Effect, ...] = ()
    if running is not None and busy not in listed and not running.canceling:
        session = replace(session, running=replace(running, canceling=True))
        effects = (_cancel_effect(session, running.action, at_once=True),)
    return _put(state, replace(session, pipeline=pipeline)), effects


def _drop(state: WorkerState, session: LocalSession) -> Step:
    """Stop a session that the server no longer knows."""
    if session.phase is SessionPhase.CLOSING:
        return state, ()
    if session.phase in {SessionPhase.WAITING, SessionPhase.REFUSED} or session.broken:
        return _remove(state, session.session_id), ()
    closing = replace(session, phase=SessionPhase.CLOSING, pipeline=(), running=None)
    return _put(state, closing), (
        CloseSession(thread=session.thread, session_id=session.session_id),
    )


def _cancel(state: WorkerState, session_id: str, action_ids: frozenset[str], at: Instant) -> Step:
    session = state.sessions.get(session_id)
    if session is None or session.phase is SessionPhase.CLOSING:
        return state, ()
    effects: tuple[Effect, ...] = ()
    running = session.running
    if running is not None and running.action.action_id in action_ids and not running.canceling:
        session = replace(session, running=replace(running, canceling=True))
        effects = (_cancel_effect(session, running.action, at_once=False),)
    dropped = tuple(one for one in session.pipeline if one.action_id in action_ids)
    kept = tuple(one for one in session.pipeline if one.action_id not in action_ids)
    state = _put(state, replace(session, pipeline=kept))
    return _never(state, dropped, "Canceled before it began.", at), effects


def _refuse_what_cannot_run(state: WorkerState, at: Instant) -> WorkerState:
    """Hand back what a failed, broken, refused or draining session will not begin."""
    for session in state.sessions.values():
        if session.phase is SessionPhase.CLOSING:
            continue
        if session.broken or session.phase is SessionPhase.REFUSED or state.stop is Stop.NOW:
            handed = session.pipeline
            why = "The session's runner is gone." if session.broken else "The worker is stopping."
        elif session.failed or state.stop is not Stop.NO:
            handed = tuple(one for one in session.pipeline if one.kind is not Kind.ENV_EXIT)
            why = (
                "An earlier action of the session did not succeed."
                if session.failed
                else "The worker is stopping."
            )
        else:
            continue
        kept = tuple(one for one in session.pipeline if one not in handed)
        state = _put(state, replace(session, pipeline=kept))
        state = _never(state, handed, why, at)
    return state


# ── what runners say ──────────────────────────────────────────────────────────────────────────────


def session_opened(state: WorkerState, event: SessionOpened) -> Step:
    """Begin the pipeline."""
    session = state.sessions.get(event.session_id)
    if session is None or session.phase is not SessionPhase.OPENING:
        return state, ()
    return advance_threads(_put(state, replace(session, phase=SessionPhase.OPEN)))


def session_not_opened(state: WorkerState, event: SessionNotOpened) -> Step:
    """Fail the first action of a session that could not be opened; nothing else can run in it."""
    session = state.sessions.get(event.session_id)
    if session is None or session.phase is not SessionPhase.OPENING:
        return state, ()
    first, rest = session.pipeline[:1], session.pipeline[1:]
    state = _free(state, session.thread)
    state = _put(
        state, replace(session, phase=SessionPhase.REFUSED, broken=True, failed=True, pipeline=())
    )
    for action in first:
        state = _report(
            state,
            action.action_id,
            ActionReport(
                outcome=Outcome.FAILED,
                message=event.message[:4096],
                started_at=event.at,
                ended_at=event.at,
                usage={
                    "errorClass": "setup",
                    "errorRule": "session:open",
                    "errorText": event.message[:1000],
                },
            ),
        )
    state = _never(state, rest, "The session could not be opened.", event.at)
    return advance_threads(state)


def session_closed(state: WorkerState, event: SessionClosed) -> Step:
    """Free the job thread of a session that has been cleaned up."""
    session = state.sessions.get(event.session_id)
    if session is None or session.phase is not SessionPhase.CLOSING:
        return state, ()
    state = _free(_remove(state, event.session_id), session.thread)
    return advance_threads(state)


def runner_ready(state: WorkerState, event: RunnerReady) -> Step:
    """Give a waiting session to a runner that has started."""
    if state.threads[event.thread] is not ThreadPhase.STARTING:
        return state, ()
    return advance_threads(_free(state, event.thread))


def runner_died(state: WorkerState, event: RunnerDied) -> Step:
    """Fail what the runner ran, hand back what waited, and start another runner."""
    for session in list(state.sessions.values()):
        if session.thread != event.thread or session.broken:
            continue
        if session.phase is SessionPhase.CLOSING:
            state = _remove(state, session.session_id)
        elif session.phase in {SessionPhase.OPENING, SessionPhase.OPEN}:
            state = _break(state, session, event)
    threads = _with(state.threads, event.thread, ThreadPhase.STARTING)
    return replace(state, threads=threads), (StartRunner(thread=event.thread),)


def _break(state: WorkerState, session: LocalSession, event: RunnerDied) -> WorkerState:
    running = session.running
    state = _put(
        state,
        replace(session, broken=True, failed=True, running=None, pipeline=()),
    )
    if running is not None:
        interrupted = state.stop is Stop.NOW
        state = _report(
            state,
            running.action.action_id,
            ActionReport(
                outcome=Outcome.INTERRUPTED if interrupted else Outcome.FAILED,
                message=event.message[:4096],
                started_at=running.started_at or event.at,
                ended_at=event.at,
                usage={
                    "errorClass": event.error_class,
                    "errorRule": event.error_rule,
                    "errorText": event.message[:1000],
                },
            ),
        )
    return _never(state, session.pipeline, event.message, event.at)


def action_began(state: WorkerState, event: ActionBegan) -> Step:
    """Note when the action's process started."""
    session, running = _running(state, event.session_id, event.action_id)
    if session is None or running is None:
        return state, ()
    state = _put(state, replace(session, running=replace(running, started_at=event.at)))
    report = ActionReport(started_at=event.at, updated_at=event.at)
    return _report(state, event.action_id, report), ()


def action_moved(state: WorkerState, event: ActionMoved) -> Step:
    """Note progress; it is told with one of the next calls."""
    session, running = _running(state, event.session_id, event.action_id)
    if session is None or running is None:
        return state, ()
    percent = running.percent if event.percent is None else min(100.0, max(0.0, event.percent))
    message = (event.message or running.message)[:4096]
    if (percent, message) == (running.percent, running.message):
        return state, ()
    running = replace(running, percent=percent, message=message)
    state = _put(state, replace(session, running=running))
    report = ActionReport(
        percent=percent, message=message, started_at=running.started_at, updated_at=event.at
    )
    return _report(state, event.action_id, report), ()


def action_ended(state: WorkerState, event: ActionEnded) -> Step:
    """Report the end, and go on with the pipeline or hand it back."""
    session, running = _running(state, event.session_id, event.action_id)
    if session is None or running is None:
        return state, ()
    outcome = event.outcome
    if state.stop is Stop.NOW and outcome is not Outcome.SUCCEEDED:
        outcome = Outcome.INTERRUPTED
    never = outcome is Outcome.NEVER_ATTEMPTED
    report = ActionReport(
        outcome=outcome,
        exit_code=event.exit_code,
        percent=running.percent,
        message=(event.message or running.message)[:4096],
        started_at=None if never else running.started_at or event.started_at or event.at,
        ended_at=None if never else event.at,
        usage=event.usage,
    )
    good = outcome is Outcome.SUCCEEDED
    session = replace(session, running=None, failed=session.failed or not good)
    state = _report(_put(state, session), event.action_id, report)
    state = _refuse_what_cannot_run(state, event.at)
    return advance_threads(state)


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────


def drained(state: WorkerState, at: Instant) -> Step:
    """Begin nothing new but leaving environments; what runs goes on."""
    for session in list(state.sessions.values()):
        if session.phase is SessionPhase.WAITING:
            state = _put(state, replace(session, phase=SessionPhase.REFUSED))
    return advance_threads(_refuse_what_cannot_run(state, at))


def hand_back(state: WorkerState, at: Instant) -> Step:
    """Stop everything at once: what runs is interrupted, what waits is handed back."""
    effects: list[Effect] = []
    state = _refuse_what_cannot_run(state, at)
    for session in list(state.sessions.values()):
        running = session.running
        if running is not None:
            canceling = replace(session, running=replace(running, canceling=True))
            state = _put(state, canceling)
            effects.append(_cancel_effect(session, running.action, at_once=True))
        elif session.phase is SessionPhase.WAITING:
            state = _put(state, replace(session, phase=SessionPhase.REFUSED))
        elif session.phase in {SessionPhase.OPENING, SessionPhase.OPEN} and not session.broken:
            state = _put(state, replace(session, phase=SessionPhase.CLOSING))
            effects.append(CloseSession(thread=session.thread, session_id=session.session_id))
    return state, tuple(effects)


def closed_all(state: WorkerState) -> Step:
    """Stop every session without a report: the server has given them up."""
    effects: list[Effect] = []
    for session in list(state.sessions.values()):
        state, more = _drop(state, session)
        effects += more
    return state, tuple(effects)


# ── threads ───────────────────────────────────────────────────────────────────────────────────────


def advance_threads(state: WorkerState) -> Step:
    """Open what waits for a free thread, begin what can begin, close what is over."""
    effects: list[Effect] = []
    for session in list(state.sessions.values()):
        state, effect = _advance(state, session)
        if effect is not None:
            effects.append(effect)
    return state, tuple(effects)


def _advance(state: WorkerState, session: LocalSession) -> tuple[WorkerState, Effect | None]:
    if session.phase is SessionPhase.WAITING:
        if state.threads[session.thread] is not ThreadPhase.FREE:
            return state, None
        opening = replace(session, phase=SessionPhase.OPENING)
        threads = _with(state.threads, session.thread, ThreadPhase.BUSY)
        return _put(replace(state, threads=threads), opening), OpenSession(session=opening)
    if session.phase is not SessionPhase.OPEN or session.running is not None or session.broken:
        return state, None
    if session.pipeline:
        action, *rest = session.pipeline
        started = replace(session, pipeline=tuple(rest), running=Running(action=action))
        return _put(state, started), StartAction(session=started, action=action)
    if state.stop is Stop.NOW:
        state = _put(state, replace(session, phase=SessionPhase.CLOSING))
        return state, CloseSession(thread=session.thread, session_id=session.session_id)
    return state, None


def _running(
    state: WorkerState, session_id: str, action_id: str
) -> tuple[LocalSession | None, Running | None]:
    session = state.sessions.get(session_id)
    if session is None or session.running is None:
        return None, None
    if session.running.action.action_id != action_id:
        return None, None
    return session, session.running


def _cancel_effect(session: LocalSession, action: PlannedAction, *, at_once: bool) -> CancelAction:
    return CancelAction(
        thread=session.thread,
        session_id=session.session_id,
        action_id=action.action_id,
        at_once=at_once,
    )


def _never(
    state: WorkerState, actions: tuple[PlannedAction, ...], why: str, at: Instant
) -> WorkerState:
    for action in actions:
        report = ActionReport(outcome=Outcome.NEVER_ATTEMPTED, message=why[:4096], updated_at=at)
        state = _report(state, action.action_id, report)
    return state


def _report(state: WorkerState, action_id: str, report: ActionReport) -> WorkerState:
    return replace(state, reports={**state.reports, action_id: report})


def _put(state: WorkerState, session: LocalSession) -> WorkerState:
    return replace(state, sessions={**state.sessions, session.session_id: session})


def _remove(state: WorkerState, session_id: str) -> WorkerState:
    kept = {key: value for key, value in state.sessions.items() if key != session_id}
    return replace(state, sessions=kept)


def _free(state: WorkerState, thread: int) -> WorkerState:
    return replace(state, threads=_with(state.threads, thread, ThreadPhase.FREE))


def _with(
    threads: tuple[ThreadPhase, ...], thread: int, phase: ThreadPhase
) -> tuple[ThreadPhase, ...]:
    return (*threads[:thread], phase, *threads[thread + 1 :])
