"""Work that makes room for more urgent work: the rule alone, and carried out on a farm."""

from typing import Any

import pytest

from grange.books.payers import CauseClass, cause_class
from grange.domain.facts import SessionActionFact
from grange.domain.policy import Preempt, SchedulingPolicy, policy_of, settings_of
from grange.domain.shares import ShareKind
from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import Session, SessionAction, Task
from grange.kernel.errors import InvalidRequestError
from grange.scheduling.preemption import Thread, ends_after_frame, victims
from grange.services.commands.policy import SetPolicy
from grange.services.commands.shares import SetShare
from grange.services.preempting import MakeRoom
from grange.services.reports import ActionReport
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call, finish, open_jobs, set_licences

NOW = SchedulingPolicy(preempt=Preempt.NOW, margin=10)


def busy(name: str, priority: int, **members: Any) -> Thread:
    return Thread(
        name=name, priority=priority, wanted_priority=80, takes=(("layer", "x"),), **members
    )


def test_the_least_urgent_work_stops_and_of_that_what_loses_least() -> None:
    threads = [busy("a", 50), busy("b", 20, lost_ms=900), busy("c", 20, lost_ms=30), busy("d", 75)]
    assert victims(NOW, threads, {("layer", "x"): 2}) == ["c", "b"]
    assert victims(NOW, threads, {("layer", "x"): 9}) == ["c", "b", "a"]


def test_nothing_stops_that_need_not_may_not_or_was_stopped_before() -> None:
    room = {("layer", "x"): 1}
    assert victims(SchedulingPolicy(preempt=Preempt.AFTER_FRAME), [busy("a", 1)], room) == []
    assert victims(SchedulingPolicy(preempt=Preempt.OFF), [busy("a", 1)], room) == []
    assert victims(NOW, [busy("a", 71)], room) == []
    assert victims(NOW, [busy("a", 1, stopped_before=True)], room) == []
    assert victims(NOW, [busy("", 0), busy("a", 1)], room) == []  # a free thread takes it
    assert victims(NOW, [busy("a", 1)], {("layer", "x"): 0}) == []


def test_limits_hold_and_what_is_given_back_counts() -> None:
    room = {("layer", "x"): 5, ("user", "ann"): 0}
    takes = (("layer", "x"), ("user", "ann"))
    own = Thread(name="own", priority=5, wanted_priority=80, takes=takes, frees=(("user", "ann"),))
    other = Thread(name="other", priority=1, wanted_priority=80, takes=takes)
    assert victims(NOW, [own, other], room) == ["own"]


@pytest.mark.parametrize(
    ("preempt", "margin", "ends"),
    [("off", 1, False), ("after_frame", 1, True), ("now", 1, True), ("after_frame", 21, False)],
)
def test_after_a_frame_a_session_ends_if_the_policy_says_so(
    preempt: str, margin: int, ends: bool
) -> None:
    policy = SchedulingPolicy(preempt=Preempt(preempt), margin=margin)
    assert ends_after_frame(policy, 70, 50) is ends
    assert policy_of({"scheduling": settings_of(policy)}) == policy


class Room:
    """A farm that preempts at once, and a job of low priority on its only worker."""

    def __init__(self, preempt: Preempt = Preempt.NOW) -> None:
        self.farm = DecidingFarm()
        self.policy(preempt)
        self.worker = self.farm.worker()
        self.low = self.farm.job(job_template(frames="1-3"), priority=20)
        self.told = call(self.farm, self.worker)
        self.run(self.told)
        self.farm.clock.advance(30)

    def policy(self, preempt: Preempt, margin: int = 10) -> None:
        policy = SchedulingPolicy(preempt=preempt, margin=margin)
        self.farm.do(SetPolicy(farm_id=self.farm.farm_id, policy=policy, by="ann"))

    def run(self, told: Any) -> None:
        """Have the worker say that it runs what it was told to."""
        for _, actions in told.sessions:
            report = ActionReport(started_at=self.farm.clock.now(), progress_percent=1.0)
            call(self.farm, self.worker, updates={actions[0].action_id: report})

    def stop(self) -> Any:
        """Have the worker stop what it was told to stop; return what it is told then."""
        told = call(self.farm, self.worker)
        updates = {
            action_id: ActionReport(
                completed_status=SessionActionStatus.CANCELED, ended_at=self.farm.clock.now()
            )
            for actions in told.cancel.values()
            for action_id in actions
        }
        assert updates
        return call(self.farm, self.worker, updates=updates)

    def make_room(self) -> int:
        found: int = self.farm.do(MakeRoom())
        return found


def test_a_running_task_is_stopped_booked_and_runs_again_first() -> None:
    at = Room()
    urgent = at.farm.job(job_template(frames="1"), priority=60)
    assert at.make_room() == 1
    assert at.make_room() == 0  # it is being stopped already
    told = at.stop()
    assert open_jobs(at.farm) == [urgent]
    (fact,) = [one for one in at.farm.facts if isinstance(one, SessionActionFact)]
    assert (fact.status, fact.cause) == (SessionActionStatus.CANCELED, "preempted")
    assert fact.ended_at - (fact.started_at or 0) >= 30_000
    assert cause_class("aborted", fact.cause, fact.error_class) is CauseClass.FARM
    told = finish(at.farm, at.worker, told)
    assert open_jobs(at.farm) == [at.low]
    (action,) = [one for _, actions in told.sessions for one in actions]
    assert (action.task_index, action.attempt) == (0, 2)
    (task,) = [one for one in at.farm.all(Task) if one.index == 0 and one.failures == 0
               and one.job_id == at.low]  # fmt: skip
    assert task.attempts == 2


def test_a_task_is_stopped_only_once_so_that_it_ends_some_time() -> None:
    at = Room()
    at.farm.job(job_template(frames="1"), priority=60)
    at.make_room()
    told = finish(at.farm, at.worker, at.stop())
    at.run(told)
    at.farm.job(job_template(frames="1"), priority=90)
    assert at.make_room() == 0


def test_a_task_that_is_done_before_it_is_stopped_is_done() -> None:
    at = Room()
    at.farm.job(job_template(frames="1"), priority=60)
    at.make_room()
    finish(at.farm, at.worker, call(at.farm, at.worker))
    (task,) = [one for one in at.farm.all(Task) if one.job_id == at.low and one.index == 0]
    assert task.status is TaskRunStatus.SUCCEEDED


@pytest.mark.parametrize("preempt", [Preempt.OFF, Preempt.AFTER_FRAME])
def test_other_policies_stop_nothing_that_runs(preempt: Preempt) -> None:
    at = Room(preempt)
    urgent = at.farm.job(job_template(frames="1"), priority=60)
    assert at.make_room() == 0
    finish(at.farm, at.worker, at.told)
    assert open_jobs(at.farm) == [at.low if preempt is Preempt.OFF else urgent]


def test_no_more_is_stopped_than_the_urgent_job_can_use() -> None:
    at = Room()
    others = [at.farm.worker() for _ in range(3)]
    at.farm.job(job_template(frames="1-9"), priority=20)
    for worker in others:
        call(at.farm, worker)
    at.farm.job(job_template(frames="1-9"), priority=60, max_worker_count=2)
    assert at.make_room() == 2


def test_a_licence_that_all_sessions_of_the_job_hold_is_no_reason_to_stop_others() -> None:
    at = Room()
    set_licences(at.farm, 0)
    at.farm.job(job_template(frames="1-9"), priority=60, tags={"grange:app": "nuke"})
    assert at.make_room() == 0
    set_licences(at.farm, 1)
    assert at.make_room() == 1


def test_a_quota_of_the_waiting_job_holds() -> None:
    at = Room()
    at.farm.do(
        SetShare(farm_id=at.farm.farm_id, kind=ShareKind.PROJECT, name="film", max_threads=0,
                 by="ann")
    )  # fmt: skip
    at.farm.job(job_template(frames="1-9"), priority=60, tags={"grange:project": "film"})
    assert at.make_room() == 0


def test_a_free_thread_takes_urgent_work_and_nothing_is_stopped() -> None:
    at = Room()
    at.farm.worker()
    at.farm.job(job_template(frames="1"), priority=60)
    assert at.make_room() == 0


def test_a_margin_must_be_one() -> None:
    at = Room()
    with pytest.raises(InvalidRequestError):
        at.policy(Preempt.NOW, margin=0)
    assert at.farm.all(Session)
    assert at.farm.all(SessionAction)
