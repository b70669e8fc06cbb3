"""The worker's core, case by case: when it calls, what it says, how it stops."""

from dataclasses import replace

import pytest

from grange.kernel.units import Instant
from grange.worker.machine import apply, due_at
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    ActionMoved,
    Answered,
    AssignedSession,
    Assumed,
    Began,
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
    OpenSession,
    Outcome,
    Phase,
    PlannedAction,
    RunnerDied,
    RunnerReady,
    Scheduled,
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

START = Instant(1_000_000)


class Bench:
    """The core with somebody at its controls."""

    def __init__(self, threads: int = 1) -> None:
        self.now = START
        self.state = WorkerState(threads=(ThreadPhase.STARTING,) * threads)
        self.effects: list[Effect] = []

    def give(self, event: Event) -> list[Effect]:
        self.state, effects = apply(self.state, event)
        self.effects += effects
        return list(effects)

    def wait(self, seconds: float) -> list[Effect]:
        self.now = Instant(self.now + round(seconds * 1000))
        return self.give(TimePassed(at=self.now))

    def calling(self) -> CallKind | None:
        return self.state.call.kind if self.state.call is not None else None

    def answer(self, answer: Created | Assumed | Told | Scheduled) -> list[Effect]:
        assert self.state.call is not None
        return self.give(Answered(at=self.now, number=self.state.call.number, answer=answer))

    def fail(self, failure: Failure, **more: float) -> list[Effect]:
        assert self.state.call is not None
        number = self.state.call.number
        return self.give(
            CallFailed(at=self.now, number=number, failure=failure, message="no", **more)
        )

    def working(self) -> "Bench":
        self.give(Began(at=self.now, worker_id="worker-1"))
        for number in range(len(self.state.threads)):
            self.give(RunnerReady(at=self.now, thread=number))
        self.answer(Assumed(expires_at=Instant(self.now + 3_600_000)))
        self.answer(Told())
        assert self.calling() is CallKind.SCHEDULE
        return self

    def running(self, *names: str, session_id: str = "s") -> "Bench":
        """Assign tasks, open the session and let the first begin."""
        self.answer(schedule(*names, session_id=session_id))
        self.give(SessionOpened(at=self.now, session_id=session_id))
        self.give(ActionBegan(at=self.now, session_id=session_id, action_id=names[0]))
        return self

    def end(self, name: str, outcome: Outcome, session_id: str = "s") -> list[Effect]:
        return self.give(
            ActionEnded(at=self.now, session_id=session_id, action_id=name, outcome=outcome)
        )

    def sent(self) -> dict[str, Outcome | None]:
        assert self.state.call is not None
        return {key: report.outcome for key, report in self.state.call.reports.items()}


def schedule(*names: str, session_id: str = "s", **more: object) -> Scheduled:
    actions = tuple(
        PlannedAction(
            action_id=name, kind=Kind.ENV_EXIT if name.startswith("exit") else Kind.TASK_RUN
        )
        for name in names
    )
    session = AssignedSession(session_id=session_id, queue_id="q", job_id="j", actions=actions)
    return replace(Scheduled(sessions=(session,)), **more)  # type: ignore[arg-type]


def kinds(effects: list[Effect]) -> list[type[Effect]]:
    return [type(one) for one in effects]


def test_a_new_worker_registers_and_says_started_once_its_runners_are_up() -> None:
    bench = Bench()
    assert StartRunner(thread=0) in bench.give(Began(at=START, worker_id=None))
    assert bench.calling() is CallKind.CREATE
    bench.answer(Created(worker_id="worker-9"))
    assert bench.calling() is CallKind.ASSUME
    bench.answer(Assumed(expires_at=Instant(START + 3_600_000)))
    assert bench.calling() is None
    bench.give(RunnerReady(at=START, thread=0))
    assert bench.calling() is CallKind.START
    bench.answer(Told())
    assert bench.calling() is CallKind.SCHEDULE


def test_a_worker_whose_runners_do_not_come_up_says_started_in_the_end() -> None:
    bench = Bench()
    bench.give(Began(at=START, worker_id="worker-1"))
    bench.answer(Assumed(expires_at=Instant(START + 3_600_000)))
    bench.wait(19)
    assert bench.calling() is None
    bench.wait(2)
    assert bench.calling() is CallKind.START


def test_a_finished_action_is_reported_at_once_and_the_next_has_begun_before() -> None:
    bench = Bench().working().running("a", "b")
    effects = bench.end("a", Outcome.SUCCEEDED)
    assert kinds(effects) == [StartAction, CallServer]
    assert bench.sent() == {"a": Outcome.SUCCEEDED}
    assert bench.state.call is not None
    report = bench.state.call.reports["a"]
    assert (report.started_at, report.ended_at) == (START, START)


def test_ends_of_short_tasks_that_went_well_are_told_together_while_others_wait() -> None:
    bench = Bench().working().running("a", "b", "c", "d", "e", "f")
    assert kinds(bench.end("a", Outcome.SUCCEEDED)) == [StartAction]
    bench.wait(0.05)
    assert kinds(bench.end("b", Outcome.SUCCEEDED)) == [StartAction]
    assert due_at(bench.state) == START + 200
    bench.wait(0.15)
    assert bench.sent() == {"a": Outcome.SUCCEEDED, "b": Outcome.SUCCEEDED}


def test_ends_are_told_at_once_when_few_tasks_wait_or_something_went_wrong() -> None:
    bench = Bench().working().running("a", "b", "c", "d")
    bench.end("a", Outcome.SUCCEEDED)
    assert bench.sent() == {"a": Outcome.SUCCEEDED}
    bench = Bench().working().running("a", "b", "c", "d", "e", "f")
    bench.end("a", Outcome.FAILED)
    assert bench.calling() is CallKind.SCHEDULE


def test_ends_are_told_at_once_while_a_job_thread_is_free() -> None:
    bench = Bench(threads=2).working().running("a", "b", "c", "d", "e", "f")
    bench.end("a", Outcome.SUCCEEDED)
    assert bench.sent() == {"a": Outcome.SUCCEEDED}


def test_progress_is_told_within_two_seconds_but_not_at_once() -> None:
    bench = Bench().working().running("a")
    moved = ActionMoved(at=START, session_id="s", action_id="a", percent=30, message="m")
    assert bench.give(moved) == []
    bench.wait(1)
    assert bench.calling() is None
    bench.wait(1)
    assert bench.state.call is not None
    report = bench.state.call.reports["a"]
    assert (report.percent, report.message, report.started_at) == (30, "m", START)
    bench.answer(schedule("a"))
    assert bench.state.reports == {}


def test_a_start_is_told_within_half_a_second() -> None:
    bench = Bench().working().running("a")
    bench.wait(0.4)
    assert bench.calling() is None
    bench.wait(0.1)
    assert bench.sent() == {"a": None}


def test_a_busy_worker_with_nothing_to_say_calls_at_the_interval() -> None:
    bench = Bench().working().running("a")
    bench.wait(2)
    bench.answer(schedule("a", interval_seconds=15))
    bench.wait(14)
    assert bench.calling() is None
    bench.wait(1)
    assert bench.calling() is CallKind.SCHEDULE


def test_an_idle_worker_calls_again_as_soon_as_a_held_call_is_answered() -> None:
    bench = Bench().working()
    bench.now = Instant(START + 20_000)
    bench.answer(Scheduled(interval_seconds=0))
    assert due_at(bench.state) == bench.now + 200
    bench.wait(0.2)
    assert bench.calling() is CallKind.SCHEDULE


def test_a_wake_makes_it_call_and_is_not_lost_while_a_call_is_under_way() -> None:
    bench = Bench().working().running("a")
    bench.give(Woken(at=bench.now))
    assert bench.calling() is CallKind.SCHEDULE
    bench.give(Woken(at=bench.now))
    bench.answer(schedule("a"))
    assert bench.calling() is CallKind.SCHEDULE


def test_a_report_stays_until_it_is_acknowledged_and_newer_words_are_kept() -> None:
    bench = Bench().working().running("a", "b", "c")
    bench.end("a", Outcome.SUCCEEDED)
    bench.end("b", Outcome.SUCCEEDED)
    assert bench.sent() == {"a": Outcome.SUCCEEDED}
    bench.fail(Failure.UNREACHABLE)
    assert bench.calling() is None
    bench.wait(1)
    assert bench.sent() == {"a": Outcome.SUCCEEDED, "b": Outcome.SUCCEEDED}
    bench.end("c", Outcome.SUCCEEDED)
    bench.answer(schedule("c"))
    assert bench.sent() == {"c": Outcome.SUCCEEDED}


def test_retries_wait_longer_each_time_but_never_more_than_fifteen_seconds() -> None:
    bench = Bench().working()
    waits = []
    for _ in range(12):
        before = bench.now
        bench.fail(Failure.UNREACHABLE)
        due = due_at(bench.state)
        assert due is not None
        waits.append(due - before)
        bench.wait((due - before) / 1000)
        assert bench.calling() is CallKind.SCHEDULE
    assert waits[0] == 250
    assert waits == sorted(waits)
    assert waits[-1] == 10_000


def test_a_throttled_call_waits_as_long_as_the_server_says() -> None:
    bench = Bench().working()
    bench.fail(Failure.THROTTLED, retry_after_seconds=7.0)
    assert (due_at(bench.state) or 0) >= bench.now + 7_000


def test_after_a_failure_only_environments_are_left() -> None:
    bench = Bench().working().running("a", "b", "exit")
    effects = bench.end("a", Outcome.FAILED)
    started = [one.action.action_id for one in effects if isinstance(one, StartAction)]
    assert started == ["exit"]
    assert bench.sent() == {"a": Outcome.FAILED, "b": Outcome.NEVER_ATTEMPTED}
    # What the server assigns before it has heard of the failure is handed back too.
    bench.answer(schedule("exit", "d"))
    assert bench.sent() == {"d": Outcome.NEVER_ATTEMPTED}


def test_a_cancel_reaches_the_running_action_once_and_hands_the_rest_back() -> None:
    bench = Bench().working().running("a", "b")
    bench.give(Woken(at=bench.now))
    effects = bench.answer(schedule("a", "b", cancels={"s": ("a", "b")}))
    (cancel,) = [one for one in effects if isinstance(one, CancelAction)]
    assert (cancel.action_id, cancel.at_once) == ("a", False)
    assert bench.sent() == {"b": Outcome.NEVER_ATTEMPTED}
    effects = bench.answer(schedule("a", cancels={"s": ("a",)}))
    assert not [one for one in effects if isinstance(one, CancelAction)]
    bench.end("a", Outcome.CANCELED)
    assert bench.sent() == {"a": Outcome.CANCELED}


def test_a_session_that_is_missing_from_a_reply_is_closed_and_its_thread_freed_after() -> None:
    bench = Bench().working().running("a")
    bench.give(Woken(at=bench.now))
    effects = bench.answer(schedule("n", session_id="next"))
    assert CloseSession(thread=0, session_id="s") in effects
    assert not [one for one in effects if isinstance(one, OpenSession)]
    assert bench.end("a", Outcome.CANCELED) == []


def test_an_action_that_is_missing_from_a_reply_is_stopped_at_once() -> None:
    bench = Bench().working().running("a")
    bench.give(Woken(at=bench.now))
    effects = bench.answer(schedule("b"))
    (cancel,) = [one for one in effects if isinstance(one, CancelAction)]
    assert cancel.at_once


def test_a_runner_that_dies_fails_its_action_and_another_is_started() -> None:
    bench = Bench().working().running("a", "b")
    effects = bench.give(RunnerDied(at=bench.now, thread=0, message="killed"))
    assert StartRunner(thread=0) in effects
    assert bench.sent() == {"a": Outcome.FAILED, "b": Outcome.NEVER_ATTEMPTED}
    assert bench.state.call is not None
    assert bench.state.call.reports["a"].usage["errorClass"] == "killed"
    bench.answer(Scheduled())
    assert bench.state.sessions == {}


def test_a_worker_the_server_takes_for_dead_gives_up_its_sessions_and_says_started_again() -> None:
    bench = Bench().working().running("a")
    bench.end("a", Outcome.SUCCEEDED)
    effects = bench.fail(Failure.NOT_STARTED)
    assert CloseSession(thread=0, session_id="s") in effects
    assert bench.state.reports == {}
    bench.wait(1)
    assert bench.calling() is CallKind.START


def test_a_worker_the_server_does_not_know_registers_anew() -> None:
    bench = Bench().working()
    bench.fail(Failure.GONE)
    bench.wait(1)
    assert bench.calling() is CallKind.CREATE
    assert bench.state.worker_id is None


def test_a_refused_call_is_sent_again_one_report_at_a_time_and_the_culprit_is_dropped() -> None:
    bench = Bench(threads=2).working()
    bench.answer(
        replace(
            schedule("a"),
            sessions=(*schedule("a").sessions, *schedule("b", session_id="t").sessions),
        )
    )
    for session_id in ("s", "t"):
        bench.give(SessionOpened(at=bench.now, session_id=session_id))
    bench.give(Woken(at=bench.now))
    bench.end("a", Outcome.SUCCEEDED)
    bench.end("b", Outcome.SUCCEEDED, session_id="t")
    bench.fail(Failure.UNREACHABLE)
    bench.wait(1)
    assert set(bench.sent()) == {"a", "b"}
    bench.fail(Failure.REFUSED)
    assert set(bench.sent()) == {"a"}
    bench.fail(Failure.REFUSED)
    assert set(bench.sent()) == {"b"}
    bench.answer(Scheduled())
    assert bench.state.reports == {}
    assert not bench.state.isolating


def test_credentials_are_renewed_before_they_end_and_when_they_are_refused() -> None:
    bench = Bench().working()
    bench.now = Instant(START + 46 * 60_000)
    bench.answer(Scheduled(interval_seconds=0))
    bench.wait(0.2)
    assert bench.calling() is CallKind.ASSUME
    bench.answer(Assumed(expires_at=Instant(bench.now + 3_600_000)))
    bench.wait(1)
    assert bench.calling() is CallKind.SCHEDULE
    bench.fail(Failure.EXPIRED)
    bench.wait(1)
    assert bench.calling() is CallKind.ASSUME


@pytest.mark.parametrize("failure", [Failure.EXPIRED, Failure.REFUSED, Failure.GONE])
def test_a_worker_that_was_never_wanted_ends_and_says_so(failure: Failure) -> None:
    bench = Bench()
    bench.give(Began(at=START, worker_id=None))
    (finish,) = bench.fail(failure)
    assert finish == Finish(exit_code=2, message="no")


def test_a_worker_that_has_worked_never_gives_up() -> None:
    bench = Bench().working()
    bench.fail(Failure.GONE)
    bench.wait(1)
    assert bench.calling() is CallKind.CREATE
    bench.fail(Failure.REFUSED)
    assert bench.state.phase is Phase.NEW
    bench.wait(61)
    assert bench.calling() is CallKind.CREATE


def test_asked_to_stop_it_finishes_what_runs_and_hands_back_what_waits() -> None:
    bench = Bench().working().running("a", "b")
    bench.give(StopWanted(at=bench.now))
    assert bench.calling() is CallKind.STOPPING
    bench.answer(Told())
    assert bench.sent() == {"b": Outcome.NEVER_ATTEMPTED, "a": None}
    bench.answer(schedule("a"))
    bench.end("a", Outcome.SUCCEEDED)
    assert bench.sent() == {"a": Outcome.SUCCEEDED}
    effects = bench.answer(schedule("exit"))
    assert [one.action.action_id for one in effects if isinstance(one, StartAction)] == ["exit"]
    bench.end("exit", Outcome.SUCCEEDED)
    effects = bench.answer(Scheduled())
    assert CloseSession(thread=0, session_id="s") in effects
    assert bench.calling() is CallKind.STOP
    assert bench.answer(Told()) == [Finish(exit_code=0)]


def test_new_sessions_are_handed_back_while_it_stops() -> None:
    bench = Bench(threads=2).working().running("a")
    bench.give(StopWanted(at=bench.now))
    bench.answer(Told())
    both = replace(
        schedule("a"), sessions=(*schedule("a").sessions, *schedule("n", session_id="t").sessions)
    )
    effects = bench.answer(both)
    assert not [one for one in effects if isinstance(one, OpenSession)]
    assert bench.sent() == {"n": Outcome.NEVER_ATTEMPTED}


def test_asked_twice_it_interrupts_what_runs_and_waits_ten_seconds_at_most() -> None:
    bench = Bench().working().running("a", "b")
    bench.give(StopWanted(at=bench.now))
    effects = bench.give(StopWanted(at=bench.now))
    (cancel,) = [one for one in effects if isinstance(one, CancelAction)]
    assert cancel.at_once
    bench.end("a", Outcome.CANCELED)
    assert bench.state.reports["a"].outcome is Outcome.INTERRUPTED
    assert bench.wait(10) == [Finish(exit_code=0)]


def test_asked_a_third_time_it_ends_there_and_then() -> None:
    bench = Bench().working().running("a")
    bench.give(StopWanted(at=bench.now))
    bench.give(StopWanted(at=bench.now))
    assert bench.give(StopWanted(at=bench.now)) == [Finish(exit_code=1)]


def test_an_idle_worker_asked_to_stop_does_not_wait_for_its_held_call() -> None:
    bench = Bench().working()
    held = bench.state.call
    bench.give(StopWanted(at=bench.now))
    assert bench.calling() is CallKind.STOPPING
    assert held is not None
    assert bench.give(Answered(at=bench.now, number=held.number, answer=schedule("a"))) == []
    bench.answer(Told())
    assert bench.calling() is CallKind.STOP


def test_the_server_may_ask_the_worker_to_stop() -> None:
    bench = Bench().working()
    bench.answer(Scheduled(stop_wanted=True))
    assert bench.calling() is CallKind.STOPPING
