"""Fair shares with history, and that nobody starves."""

from collections import Counter
from math import log
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.domain.shares import HALF_LIFE_MS, Share, ShareKind, counted, level, recent_ms
from grange.domain.work import Job, Session
from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.scheduling.table import AGING_MS
from grange.services.commands.jobs import CreateJob
from grange.services.commands.shares import SetShare
from grange.services.templates import parse_job
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call, finish


def faded(millis: int) -> float:
    """Return what a thread has had of late that was held for so long until now."""
    return HALF_LIFE_MS / log(2) * (1 - 2 ** (-millis / HALF_LIFE_MS))


def project_of(farm: DecidingFarm, job_id: str) -> str:
    job: Job = farm.memory.tables[Job][job_id,]
    return job.attributes["project"]


def endless(farm: DecidingFarm, project: str, **members: Any) -> Any:
    return farm.job(job_template(frames="1-100000"), tags={"grange:project": project}, **members)


def short_jobs(farm: DecidingFarm, project: str, count: int, **members: Any) -> list[Any]:
    return [
        farm.job(job_template(frames="1"), tags={"grange:project": project}, **members)
        for _ in range(count)
    ]


def run(farm: DecidingFarm, worker: Any, turns: int, seconds: dict[str, float]) -> Counter[str]:
    """Let a worker do so many one-frame jobs; return the seconds each project had."""
    had: Counter[str] = Counter()
    schedule = call(farm, worker)
    for _ in range(turns):
        project = project_of(farm, schedule.sessions[0][0].job_id)
        had[project] += int(seconds[project])
        schedule = finish(farm, worker, schedule, seconds=seconds[project])
    return had


def test_projects_get_thread_time_by_their_weights_however_long_their_frames_take() -> None:
    farm = DecidingFarm()
    kind = ShareKind.PROJECT
    farm.do(SetShare(farm_id=farm.farm_id, kind=kind, name="film", weight_milli=2000, by="ann"))
    worker = farm.worker()
    short_jobs(farm, "film", 150)
    short_jobs(farm, "advert", 150)
    had = run(farm, worker, 150, {"film": 600, "advert": 300})
    assert had["film"] / had["advert"] == pytest.approx(2.0, rel=0.1)


def test_users_of_a_project_share_it_alike() -> None:
    """Who had less comes first, whatever was sent first."""
    farm = DecidingFarm()
    now = farm.clock.now()
    nothing = Share(
        farm_id=farm.farm_id, kind=ShareKind.USER, name="ann", counted_at=Instant(now - 10**7)
    )
    used = counted(nothing, 1, now)
    farm.memory.set(Share, (farm.farm_id, ShareKind.USER, "ann"), used)
    text = msgspec.json.encode(job_template(frames="1")).decode()
    sent = [
        farm.do(
            CreateJob(
                farm_id=farm.farm_id,
                queue_id=farm.queue_id,
                parsed=parse_job(text, "JSON", {}),
                template=text,
                template_type="JSON",
                by=user,
            )
        )["jobId"]
        for user in ("ann", "bob")
    ]
    assert call(farm, farm.worker()).sessions[0][0].job_id == sent[1]


def test_what_was_had_counts_half_after_a_day() -> None:
    began = Instant(10**12)
    share = Share(farm_id=FarmId("f"), kind=ShareKind.USER, name="ann", counted_at=began)
    assert counted(share, 0, Instant(began + 1000)).used_log2 is None
    ended = Instant(began + 60_000)
    used = counted(share, 60, ended)
    assert recent_ms(used, 0, ended) == pytest.approx(60 * faded(60_000), rel=1e-6)
    later = Instant(ended + HALF_LIFE_MS)
    assert recent_ms(used, 0, later) == pytest.approx(30 * faded(60_000), rel=1e-6)


@given(
    cuts=st.lists(st.integers(0, 3 * HALF_LIFE_MS), max_size=6),
    threads=st.integers(0, 50),
)
def test_what_was_had_is_the_same_however_often_it_is_counted(
    cuts: list[int], threads: int
) -> None:
    began, ended = Instant(10**12), Instant(10**12 + 4 * HALF_LIFE_MS)
    share = Share(farm_id=FarmId("f"), kind=ShareKind.USER, name="ann", counted_at=began)
    often = share
    for cut in sorted(cuts):
        often = counted(often, threads, Instant(began + cut))
    wanted = recent_ms(share, threads, ended)
    assert recent_ms(often, threads, ended) == pytest.approx(wanted, rel=1e-6, abs=1)


def test_a_level_stands_still_for_who_has_nothing_and_rises_for_who_has() -> None:
    began, later = Instant(10**12), Instant(10**12 + 3_600_000)
    share = Share(farm_id=FarmId("f"), kind=ShareKind.USER, name="ann", counted_at=began)
    assert level(share, 0, later, 1000) is None
    used = counted(share, 5, later)
    at_rest = level(used, 0, later, 1000)
    assert at_rest is not None
    assert level(used, 0, Instant(later + HALF_LIFE_MS), 1000) == at_rest
    serving = [level(used, 1, Instant(later + hour * 3_600_000), 1000) for hour in range(4)]
    known = [one for one in serving if one is not None]
    assert len(known) == 4
    assert at_rest < known[0] < known[1] < known[2] < known[3]
    twice = level(msgspec.structs.replace(used, weight_milli=2000), 0, later, 1000)
    assert twice == pytest.approx(at_rest - 1)


def test_who_had_nothing_comes_before_who_had_much_whatever_was_sent_first() -> None:
    farm = DecidingFarm()
    worker = farm.worker()
    short_jobs(farm, "film", 3)
    run(farm, worker, 3, {"film": 36_000})
    (late,) = short_jobs(farm, "film", 1)
    (new,) = short_jobs(farm, "advert", 1)
    first = call(farm, worker)
    assert first.sessions[0][0].job_id == new
    assert [one.job_id for one, _ in finish(farm, worker, first).sessions] == [late]


def test_a_long_task_counts_while_it_runs() -> None:
    farm = DecidingFarm()
    farm.job(job_template(frames="1"), tags={"grange:project": "film"})
    worker = farm.worker()
    schedule = call(farm, worker)
    key = (farm.farm_id, ShareKind.PROJECT, "film")
    began = farm.clock.now()
    assert recent_ms(farm.memory.tables[Share][key], 1, Instant(began + 3_600_000)) == (
        pytest.approx(faded(3_600_000), rel=1e-6)
    )
    finish(farm, worker, schedule, seconds=7200)
    had = recent_ms(farm.memory.tables[Share][key], 0, farm.clock.now())
    assert had == pytest.approx(faded(7_200_000), rel=1e-6)
    assert not [s for s in farm.memory.tables[Session].values() if s.ended_at is None]


@settings(max_examples=15, deadline=None)
@given(
    low=st.integers(0, 40),
    gap=st.integers(1, 12),
    seconds=st.sampled_from([300.0, 900.0]),
)
def test_a_job_is_served_at_the_latest_when_it_waited_an_hour_for_each_point(
    low: int, gap: int, seconds: float
) -> None:
    """Nobody starves: urgent work that never ends delays a job, but not for ever."""
    farm = DecidingFarm()
    worker = farm.worker()
    poor = endless(farm, "poor", priority=low)
    began = farm.clock.now()
    schedule = None
    while True:
        farm.job(job_template(frames="1"), tags={"grange:project": "rich"}, priority=low + gap)
        schedule = (
            call(farm, worker)
            if schedule is None
            else finish(farm, worker, schedule, seconds=seconds)
        )
        waited = farm.clock.now() - began
        if any(session.job_id == poor for session, _ in schedule.sessions):
            break
        assert waited <= gap * AGING_MS + MILLIS_PER_HOUR
    assert waited > (gap - 1) * AGING_MS - MILLIS_PER_HOUR


def test_two_threads_that_ask_at_once_serve_two_projects() -> None:
    """Nobody has had anything, and what a thread will have counts when it is taken."""
    farm = DecidingFarm()
    endless(farm, "film")
    endless(farm, "advert")
    began = [call(farm, farm.worker()) for _ in range(4)]
    jobs = [schedule.sessions[0][0].job_id for schedule in began]
    assert Counter(project_of(farm, job_id) for job_id in jobs) == {"film": 2, "advert": 2}


def test_what_sessions_have_had_while_they_run_decides_who_comes_next() -> None:
    """A project whose thread works for an hour falls behind one that had half an hour."""
    farm = DecidingFarm()
    early, late, third = farm.worker(), farm.worker(), farm.worker()
    endless(farm, "film")
    call(farm, early)
    farm.clock.advance(1800)
    endless(farm, "advert")
    call(farm, late)
    farm.clock.advance(1800)
    job_id = call(farm, third).sessions[0][0].job_id
    assert project_of(farm, job_id) == "advert"


def test_age_is_no_reason_to_leave_a_job_that_is_being_served() -> None:
    """A job that was served just now has no advantage over one of the same priority."""
    farm = DecidingFarm()
    worker = farm.worker()
    old = endless(farm, "film", priority=50)
    schedule = call(farm, worker)
    farm.clock.advance(5 * 3600)
    new = endless(farm, "film", priority=52)
    assert schedule.sessions[0][0].job_id == old
    assert [s.job_id for s, _ in finish(farm, worker, schedule).sessions] == [new]
