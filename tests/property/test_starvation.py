"""Nobody starves, whatever else is submitted: the real scheduler on virtual time.

However urgent the work that keeps coming is, a job that a worker may take is served at the latest
when it has waited an hour for each point of priority that it is below, and what preemption stops is
stopped only once. Whole jobs come to their end.
"""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grange.domain.policy import Preempt, SchedulingPolicy
from grange.domain.statuses import SessionActionStatus
from grange.domain.work import Job, Session, Task
from grange.services.commands.policy import SetPolicy
from grange.services.preempting import MakeRoom
from grange.services.reports import ActionReport, Schedule
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call

STEP_SECONDS = 1800.0
"""One task of everybody."""
ENDLESS = "1-5000"


class Busy:
    """A farm on which more urgent work is always there."""

    def __init__(self, workers: int, preempt: Preempt, frames: str) -> None:
        self.frames = frames
        self.farm = DecidingFarm(silence_seconds=10**9)
        policy = SchedulingPolicy(preempt=preempt, margin=1)
        self.farm.do(SetPolicy(farm_id=self.farm.farm_id, policy=policy, by="ann"))
        self.workers = [self.farm.worker() for _ in range(workers)]
        self.told: dict[Any, Schedule] = {one: call(self.farm, one) for one in self.workers}
        self.running: dict[Any, bool] = {}

    def step(self) -> None:
        """Let every worker do what it was told: begin, be stopped, or finish its task."""
        for worker in self.workers:
            self.told[worker] = call(self.farm, worker)
        for worker in self.workers:
            self._report(worker, begin=True)
        self.farm.do(MakeRoom())
        for worker in self.workers:
            self.told[worker] = call(self.farm, worker)
        self.farm.clock.advance(STEP_SECONDS)
        for worker in self.workers:
            self._report(worker, begin=False)

    def _report(self, worker: Any, *, begin: bool) -> None:
        told = self.told[worker]
        stopping = {one for actions in told.cancel.values() for one in actions}
        now = self.farm.clock.now()
        updates = {}
        for _, actions in told.sessions:
            for action in actions:
                if begin:
                    updates[action.action_id] = ActionReport(started_at=now)
                    break  # one after the other
                updates[action.action_id] = ActionReport(
                    completed_status=SessionActionStatus.CANCELED
                    if action.action_id in stopping
                    else SessionActionStatus.SUCCEEDED,
                    ended_at=now,
                )
        if updates:
            self.told[worker] = call(self.farm, worker, updates=updates)

    def urgent(self, priority: int, project: str) -> None:
        """See to it that there is more urgent work than all workers can do."""
        for job in list(self.farm.memory.tables[Job].values()):
            if job.ended_at is not None and not job.open_sessions and job.priority >= priority:
                self.farm.memory.evict(job.job_id)  # as the owner does
        ready = sum(
            job.counts.get("READY", 0)
            for job in self.farm.memory.tables[Job].values()
            if job.priority >= priority
        )
        if ready < 2 * len(self.workers):
            tags = {"grange:project": project}
            self.farm.job(job_template(frames=self.frames), priority=priority, tags=tags)

    def job(self, job_id: Any) -> Job:
        found: Job = self.farm.memory.tables[Job][job_id,]
        return found


@settings(max_examples=8, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(
    workers=st.integers(1, 2),
    gap=st.integers(1, 5),
    low=st.integers(0, 80),
    preempt=st.sampled_from(list(Preempt)),
    frames=st.sampled_from(("1-6", ENDLESS)),
    projects=st.lists(st.sampled_from(("a", "b", "c")), min_size=1, max_size=3),
)
def test_a_job_is_served_and_ends_however_much_urgent_work_keeps_coming(
    *, workers: int, gap: int, low: int, preempt: Preempt, frames: str, projects: list[str]
) -> None:
    """S1-16, and item 7 of the render manager: starvation-free."""
    farm = Busy(workers, preempt, frames)
    tags = {"grange:project": "poor"}
    poor = farm.farm.job(job_template(frames="1-2"), priority=low, tags=tags)
    begun = farm.farm.clock.now()
    served = ended = None
    bound_hours = gap + 4 + 2  # its points, the patience with a session, the last task
    steps = round(5 * (bound_hours + 2) * 3600 / STEP_SECONDS) + 12
    for number in range(steps):
        farm.urgent(low + gap, projects[number % len(projects)])
        farm.step()
        if served is None and any(
            one.job_id == poor for one in farm.farm.memory.tables[Session].values()
        ):
            served = (farm.farm.clock.now() - begun) / 3_600_000
        if farm.job(poor).ended_at is not None:
            ended = number
            break
    assert served is not None
    assert served <= bound_hours
    assert ended is not None
    stopped = [task for task in farm.farm.all(Task) if task.preempted]
    assert all(task.attempts <= 2 for task in stopped)
