"""The worker's core under random events: its server fails, repeats, loses and cancels at will."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from grange.kernel.units import Instant
from grange.worker.machine import apply, check_invariants, due_at
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    ActionMoved,
    Answer,
    Answered,
    AssignedSession,
    Assumed,
    Began,
    Call,
    CallFailed,
    CallKind,
    CallServer,
    CancelAction,
    CloseSession,
    Created,
    Effect,
    Event,
    Failure,
    Finish,
    Kind,
    LocalSession,
    OpenSession,
    Outcome,
    Phase,
    PlannedAction,
    RunnerDied,
    RunnerReady,
    Scheduled,
    SessionClosed,
    SessionNotOpened,
    SessionOpened,
    StartAction,
    StartRunner,
    StopWanted,
    ThreadPhase,
    TimePassed,
    Told,
    Woken,
    WorkerState,
)

THREADS = 2
HOUR_MS = 3_600_000


@dataclass
class ServerSession:
    """What the server has of a session."""

    session_id: str
    actions: list[PlannedAction]
    canceling: bool = False
    ending: bool = False
    entered: bool = False
    made: int = 0


@dataclass
class Server:
    """A server in a nutshell: sessions with open actions; reports close them."""

    known: set[str] = field(default_factory=set)
    started: bool = False
    sessions: dict[str, ServerSession] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    opened: int = 0
    workers: int = 0

    def open(self, tasks: int) -> None:
        self.opened += 1
        session = ServerSession(f"session-{self.opened}", [])
        self.plan(session, Kind.ENV_ENTER)
        session.entered = True
        for _ in range(tasks):
            self.plan(session, Kind.TASK_RUN)
        self.sessions[session.session_id] = session

    def plan(self, session: ServerSession, kind: Kind) -> None:
        session.made += 1
        session.actions.append(
            PlannedAction(
                action_id=f"{session.session_id}/{session.made}",
                kind=kind,
                environment_id="E" if kind is not Kind.TASK_RUN else None,
                step_id="S" if kind is Kind.TASK_RUN else None,
                task_id="T" if kind is Kind.TASK_RUN else None,
            )
        )

    def take(self, call: Call) -> None:
        for action_id, report in call.reports.items():
            if report.outcome is None:
                continue
            assert action_id not in self.outcomes or self.outcomes[action_id] is report.outcome
            session = self.sessions.get(action_id.split("/")[0])
            if session is None:
                continue
            ended = [one for one in session.actions if one.action_id == action_id]
            if not ended:
                continue
            session.actions.remove(ended[0])
            self.outcomes[action_id] = report.outcome
            if report.outcome is not Outcome.SUCCEEDED:
                session.ending = True
            if ended[0].kind is Kind.ENV_EXIT:
                session.entered = False
        for session in list(self.sessions.values()):
            if not session.actions:
                if session.entered:
                    session.ending = True
                    self.plan(session, Kind.ENV_EXIT)
                else:
                    del self.sessions[session.session_id]

    def reply(self) -> Scheduled:
        return Scheduled(
            sessions=tuple(
                AssignedSession(
                    session_id=one.session_id,
                    queue_id="queue",
                    job_id="job",
                    actions=tuple(one.actions),
                )
                for one in self.sessions.values()
            ),
            cancels={
                one.session_id: tuple(
                    action.action_id for action in one.actions if action.kind is not Kind.ENV_EXIT
                )
                for one in self.sessions.values()
                if one.canceling
            },
            interval_seconds=15,
        )

    def lose(self) -> None:
        self.sessions.clear()


class WorkerUnderStress(RuleBasedStateMachine):
    """Random rules; at the end everything is answered and nothing may be left over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = Instant(1_000_000)
        self.state = WorkerState(threads=(ThreadPhase.STARTING,) * THREADS)
        self.server = Server()
        self.call: Call | None = None
        self.begun: set[str] = set()
        self.running: dict[str, StartAction] = {}
        self.opening: dict[str, LocalSession] = {}
        self.open: dict[int, str] = {}
        self.closing: dict[str, int] = {}
        self.starting: set[int] = set()
        self.finished: Finish | None = None

    # ── the harness ──

    def give(self, event: Event) -> None:
        if self.finished is not None:
            return
        self.state, effects = apply(self.state, event)
        check_invariants(self.state)
        for effect in effects:
            self.perform(effect)

    def perform(self, effect: Effect) -> None:
        match effect:
            case CallServer(call=call):
                self.call = call
            case StartRunner(thread=thread):
                self.starting.add(thread)
            case OpenSession(session=session):
                assert session.thread not in self.open, "a runner holds one session at a time"
                assert session.thread not in self.starting
                self.open[session.thread] = session.session_id
                self.opening[session.session_id] = session
            case StartAction(session=session, action=action):
                assert action.action_id not in self.begun, "an action begins once"
                assert self.open[session.thread] == session.session_id
                assert session.session_id not in self.opening
                assert not any(one.session == session for one in self.running.values())
                self.begun.add(action.action_id)
                self.running[action.action_id] = effect
            case CancelAction(action_id=action_id):
                assert action_id in self.running
            case CloseSession(thread=thread, session_id=session_id):
                assert self.open[thread] == session_id
                self.opening.pop(session_id, None)
                self.closing[session_id] = thread
                for action_id in [
                    key for key, one in self.running.items() if one.session.session_id == session_id
                ]:
                    del self.running[action_id]
            case Finish():
                self.finished = effect
            case _:
                pass

    def answer(self, answer: Answer) -> None:
        assert self.call is not None
        call, self.call = self.call, None
        self.give(Answered(at=self.now, number=call.number, answer=answer))

    def fail(self, failure: Failure, jitter: float = 0.5) -> None:
        assert self.call is not None
        call, self.call = self.call, None
        self.give(
            CallFailed(
                at=self.now, number=call.number, failure=failure, message="no", jitter=jitter
            )
        )

    def serve(self) -> None:
        """Let the server carry out and answer the call under way."""
        call = self.call
        assert call is not None
        server = self.server
        match call.kind:
            case CallKind.CREATE:
                server.workers += 1
                server.known.add(f"worker-{server.workers}")
                self.answer(Created(worker_id=f"worker-{server.workers}"))
            case _ if self.state.worker_id not in server.known:
                self.fail(Failure.GONE)
            case CallKind.ASSUME:
                self.answer(Assumed(expires_at=Instant(self.now + HOUR_MS)))
            case CallKind.START:
                server.lose()
                server.started = True
                self.answer(Told())
            case CallKind.SCHEDULE if not server.started:
                self.fail(Failure.NOT_STARTED)
            case CallKind.SCHEDULE:
                server.take(call)
                self.answer(server.reply())
            case CallKind.STOPPING:
                self.answer(Told())
            case CallKind.STOP:
                server.lose()
                server.started = False
                self.answer(Told())

    # ── rules ──

    @initialize(known=st.booleans())
    def begin(self, known: bool) -> None:
        if known:
            self.server.known.add("worker-0")
        self.give(Began(at=self.now, worker_id="worker-0" if known else None))

    @rule(seconds=st.sampled_from([0.01, 0.3, 2, 16, 3000]))
    def time_passes(self, seconds: float) -> None:
        self.now = Instant(self.now + round(seconds * 1000))
        self.give(TimePassed(at=self.now))

    @rule()
    def wakes(self) -> None:
        self.give(Woken(at=self.now))

    @precondition(lambda self: self.call is not None)
    @rule()
    def server_answers(self) -> None:
        self.serve()

    @precondition(lambda self: self.call is not None)
    @rule(
        failure=st.sampled_from([Failure.UNREACHABLE, Failure.THROTTLED, Failure.EXPIRED]),
        jitter=st.floats(0, 0.99),
    )
    def call_fails(self, failure: Failure, jitter: float) -> None:
        assert self.call is not None
        own_key = self.call.kind in {CallKind.CREATE, CallKind.ASSUME}
        if failure is Failure.EXPIRED and own_key and not self.state.ever_worked:
            return  # it would rightly give up
        self.fail(failure, jitter)

    @precondition(lambda self: self.call is not None and self.call.kind is CallKind.SCHEDULE)
    @rule()
    def the_answer_gets_lost(self) -> None:
        assert self.call is not None
        if self.server.started:
            self.server.take(self.call)
        self.fail(Failure.UNREACHABLE)

    @precondition(
        lambda self: (
            self.call is not None
            and self.call.kind is CallKind.SCHEDULE
            and len(self.call.reports) > 1
        )
    )
    @rule()
    def a_call_with_many_reports_is_refused(self) -> None:
        self.fail(Failure.REFUSED)

    @precondition(lambda self: self.server.started and len(self.server.sessions) < THREADS)
    @rule(tasks=st.integers(1, 4))
    def server_opens_a_session(self, tasks: int) -> None:
        self.server.open(tasks)

    @precondition(lambda self: self.server.sessions)
    @rule(data=st.data())
    def server_changes_a_session(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(list(self.server.sessions.values())))
        match data.draw(st.sampled_from(["more", "cancel", "lose"])):
            case "more" if not session.ending and not session.canceling:
                self.server.plan(session, Kind.TASK_RUN)
            case "cancel":
                session.canceling = True
            case "lose":
                del self.server.sessions[session.session_id]
            case _:
                pass

    @rule(what=st.sampled_from(["silent", "deleted"]))
    def server_gives_the_worker_up(self, what: str) -> None:
        self.server.started = False
        self.server.lose()
        if what == "deleted":
            self.server.known.clear()

    @precondition(lambda self: self.starting)
    @rule(data=st.data())
    def a_runner_starts(self, data: st.DataObject) -> None:
        thread = data.draw(st.sampled_from(sorted(self.starting)))
        self.starting.discard(thread)
        self.give(RunnerReady(at=self.now, thread=thread))

    @rule(thread=st.integers(0, THREADS - 1))
    def a_runner_dies(self, thread: int) -> None:
        if thread in self.starting:
            return
        session_id = self.open.pop(thread, "")
        self.opening.pop(session_id, None)
        self.closing.pop(session_id, None)
        for action_id in [k for k, v in self.running.items() if v.session.thread == thread]:
            del self.running[action_id]
        self.give(RunnerDied(at=self.now, thread=thread, message="killed"))

    @precondition(lambda self: self.opening)
    @rule(data=st.data(), good=st.booleans())
    def a_session_opens(self, data: st.DataObject, good: bool) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.opening)))
        session = self.opening.pop(session_id)
        if good:
            self.give(SessionOpened(at=self.now, session_id=session_id))
        else:
            del self.open[session.thread]
            self.give(SessionNotOpened(at=self.now, session_id=session_id, message="no"))

    @precondition(lambda self: self.closing)
    @rule(data=st.data())
    def a_session_closes(self, data: st.DataObject) -> None:
        session_id = data.draw(st.sampled_from(sorted(self.closing)))
        del self.open[self.closing.pop(session_id)]
        self.give(SessionClosed(at=self.now, session_id=session_id))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), percent=st.floats(-10, 200))
    def an_action_moves(self, data: st.DataObject, percent: float) -> None:
        action_id = data.draw(st.sampled_from(sorted(self.running)))
        session_id = self.running[action_id].session.session_id
        self.give(ActionBegan(at=self.now, session_id=session_id, action_id=action_id))
        self.give(
            ActionMoved(
                at=self.now,
                session_id=session_id,
                action_id=action_id,
                percent=percent,
                message="",
            )
        )

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        outcome=st.sampled_from([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELED]),
    )
    def an_action_ends(self, data: st.DataObject, outcome: Outcome) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.running))), outcome)

    def end(self, action_id: str, outcome: Outcome) -> None:
        started = self.running.pop(action_id)
        self.give(
            ActionEnded(
                at=self.now,
                session_id=started.session.session_id,
                action_id=action_id,
                outcome=outcome,
            )
        )

    @rule(session=st.text(max_size=3), thread=st.integers(0, THREADS - 1))
    def late_and_foreign_words_change_nothing(self, session: str, thread: int) -> None:
        before = self.state
        for event in (
            SessionOpened(at=self.now, session_id=session),
            SessionClosed(at=self.now, session_id=session),
            ActionBegan(at=self.now, session_id=session, action_id="x"),
            ActionEnded(at=self.now, session_id=session, action_id="x", outcome=Outcome.SUCCEEDED),
            Answered(at=self.now, number=10**9, answer=Told()),
        ):
            self.give(event)
        assert self.state.sessions == before.sessions
        assert self.state.reports == before.reports

    @precondition(lambda self: self.state.phase is Phase.WORKING)
    @rule()
    def somebody_asks_it_to_stop(self) -> None:
        self.give(StopWanted(at=self.now))

    @invariant()
    def there_is_always_something_to_wait_for(self) -> None:
        if self.finished is None and self.call is None:
            assert due_at(self.state) is not None

    def teardown(self) -> None:
        """Let the server answer and every action end: nothing is left, here or there."""
        for _ in range(600):
            if self.finished is not None:
                return
            self.settle_one()
            done = not self.state.sessions and not self.server.sessions and not self.state.reports
            if done and self.state.phase is Phase.WORKING:
                return
        raise AssertionError(f"not settled: {self.state} {self.server}")

    def settle_one(self) -> None:
        for thread in sorted(self.starting):
            self.starting.discard(thread)
            self.give(RunnerReady(at=self.now, thread=thread))
        for session_id in sorted(self.opening):
            self.opening.pop(session_id)
            self.give(SessionOpened(at=self.now, session_id=session_id))
        for action_id in sorted(self.running):
            if action_id in self.running:
                self.end(action_id, Outcome.SUCCEEDED)
        for session_id in sorted(self.closing):
            del self.open[self.closing.pop(session_id)]
            self.give(SessionClosed(at=self.now, session_id=session_id))
        if self.call is not None:
            self.serve()
        self.now = Instant(self.now + 5_000)
        self.give(TimePassed(at=self.now))


WorkerUnderStress.TestCase.settings = settings(max_examples=120, stateful_step_count=60)
TestWorkerUnderStress = WorkerUnderStress.TestCase
