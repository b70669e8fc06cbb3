"""A worker whose own hours are over gets no work, and is disabled to the books (S1-13)."""

from typing import Any

from grange.services.reports import ReportSchedule, Schedule
from grange.testing.builders import DecidingFarm, job_template, worker_row


def call(farm: DecidingFarm, worker_id: Any, closed: str = "") -> Schedule:
    report = ReportSchedule(
        farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=worker_id, closed=closed
    )
    told: Schedule = farm.do(report)
    return told


def test_a_closed_worker_gets_no_session_until_it_opens_again() -> None:
    farm = DecidingFarm()
    worker_id = farm.worker()
    farm.job(job_template(frames="1-4"))
    assert call(farm, worker_id, "work hours").sessions == ()
    assert call(farm, worker_id, "its user is logged in").sessions == ()
    assert len(call(farm, worker_id).sessions) == 1
    told = [(one.old, one.new) for one in farm.facts if getattr(one, "actor", "") == "hours"]
    assert told == [("false", "true"), ("true", "false")]


def test_a_session_of_a_worker_that_closes_gets_no_further_task() -> None:
    farm = DecidingFarm()
    worker_id = farm.worker()
    farm.job(job_template(frames="1-9"))
    call(farm, worker_id)
    [(_, session_id)] = worker_row(farm, worker_id).sessions
    told = call(farm, worker_id, "work hours")
    assert [session.session_id for session, _ in told.sessions] == [session_id]
    assert len(told.sessions[0][1]) == 1, "what it has it may finish"
