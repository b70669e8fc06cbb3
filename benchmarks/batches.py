"""The batches a farm really commits while workers claim and complete tasks, recorded beforehand.

One claim and completion is one UpdateWorkerSchedule that reports a task as done and is answered
with the next: two tasks, two session actions, the session, layer and job, and facts for the books.
"""

from dataclasses import dataclass

from grange.domain.statuses import SessionActionStatus
from grange.kernel.ids import SessionActionId, WorkerId
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.services.draft import Draft, batch_of
from grange.services.reports import ActionReport, ReportSchedule, Schedule
from grange.testing.builders import DecidingFarm, job_template

WORKERS = 50


@dataclass(frozen=True, slots=True)
class Recording:
    """What to put first, and then the batches, each of `size` claims and completions."""

    setup: Batch
    batches: list[Batch]
    size: int

    @property
    def completions(self) -> int:
        """How many tasks are completed in all."""
        return self.size * len(self.batches)


def record(size: int, count: int) -> Recording:
    """Record `count` batches of `size` claims and completions."""
    farm = DecidingFarm()
    workers = [farm.worker() for _ in range(WORKERS)]
    farm.job(job_template(frames="1-100000"))
    told = {worker: farm.do(_report(farm, worker, {})) for worker in workers}

    def complete(number: int) -> Draft:
        farm.clock.advance(0.05)
        worker = workers[number % WORKERS]
        draft = Draft(memory=farm.memory, context=farm.context, now=farm.clock.now())
        told[worker] = _report(farm, worker, done(told[worker], draft.now)).decide(draft)
        return draft

    for number in range(3 * WORKERS):  # until every thread has as many tasks ahead as it will get
        draft = complete(number)
        farm.rows.update(draft.changed)
    setup = Batch(puts=[row for row in farm.rows.values() if row is not None])
    batches = [
        batch_of([complete(start + number) for number in range(size)])
        for start in range(0, size * count, size)
    ]
    return Recording(setup, batches, size)


Updates = dict[SessionActionId, ActionReport]


def _report(farm: DecidingFarm, worker: WorkerId, updates: Updates) -> ReportSchedule:
    return ReportSchedule(
        farm_id=farm.farm_id,
        fleet_id=farm.fleet_id,
        worker_id=worker,
        updates=updates,
        native=True,
    )


def done(told: Schedule, now: Instant) -> Updates:
    """Return the report that the first task a worker was told of has succeeded."""
    ((_, actions),) = told.sessions
    report = ActionReport(
        completed_status=SessionActionStatus.SUCCEEDED,
        started_at=Instant(now - 40),
        ended_at=now,
        exit_code=0,
        progress_percent=100.0,
    )
    return {actions[0].action_id: report}
