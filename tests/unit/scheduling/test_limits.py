"""Licences, quotas, classes, groups, memory: who may take what, and that it is given back."""

from typing import Any

import pytest

from grange.domain.facts import LicenceUseFact
from grange.domain.licences import Region, RegionTerms
from grange.domain.shares import ShareKind
from grange.domain.statuses import SessionActionStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, Worker
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import WorkerId
from grange.scheduling.entry import Nothing
from grange.services.commands.groups import ChangeGroup
from grange.services.commands.licences import RemoveLicences, SetLicences
from grange.services.commands.shares import SetShare, UnsetShare
from grange.services.commands.worker_orders import OrderWorker
from grange.services.reports import ActionReport, ReportSchedule, ReportWorker, Schedule
from grange.testing.builders import DecidingFarm, job_template

NUKE = {"grange:app": "nuke"}


def call(farm: DecidingFarm, worker_id: WorkerId, **members: Any) -> Schedule:
    found: Schedule = farm.do(
        ReportSchedule(farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=worker_id, **members)
    )
    return found


def finish(
    farm: DecidingFarm,
    worker_id: WorkerId,
    schedule: Schedule,
    *,
    seconds: float = 1.0,
    **usage: Any,
) -> Schedule:
    """Let a worker finish everything it was told to do."""
    begun = farm.clock.now()
    farm.clock.advance(seconds)
    updates = {
        action.action_id: ActionReport(
            completed_status=SessionActionStatus.SUCCEEDED,
            started_at=begun,
            ended_at=farm.clock.now(),
            usage=usage,
        )
        for _, actions in schedule.sessions
        for action in actions
    }
    return call(farm, worker_id, updates=updates)


def set_licences(
    farm: DecidingFarm, count: int, *, plugin: str = "", region: Region = Region.DEFAULT
) -> None:
    farm.do(
        SetLicences(
            farm_id=farm.farm_id,
            app="nuke",
            plugin=plugin,
            regions={region: RegionTerms(count=count, cost_billionths=2_000_000_000)},
            by="ann",
        )
    )


def best(farm: DecidingFarm, worker_id: WorkerId) -> Any:
    offer = farm.memory.offer(farm.memory.tables[Worker][worker_id,])
    return farm.memory.index.best([farm.queue_id], offer)


def open_jobs(farm: DecidingFarm) -> list[str]:
    return sorted(
        session.job_id for session in farm.memory.tables[Session].values() if not session.ended_at
    )


def say(farm: DecidingFarm, worker_id: WorkerId, **attributes: tuple[str, ...]) -> None:
    farm.do(
        ReportWorker(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=worker_id,
            attributes={f"grange:attr.worker.{name}": one for name, one in attributes.items()},
        )
    )


def test_no_more_sessions_than_licences_and_each_use_is_a_fact() -> None:
    """S0-38."""
    farm = DecidingFarm()
    set_licences(farm, 2)
    for _ in range(3):
        farm.job(job_template(frames="1"), tags=NUKE)
    other = farm.job(job_template(frames="1"), priority=1)
    workers = [farm.worker() for _ in range(4)]
    schedules = [call(farm, worker) for worker in workers]
    assert [len(schedule.sessions) for schedule in schedules] == [1, 1, 1, 0]
    assert schedules[2].sessions[0][0].job_id == other
    assert best(farm, workers[3]) == Nothing("licence")
    assert farm.memory.index.waiting([farm.queue_id]) == ("blocked", 0)
    assert len(finish(farm, workers[0], schedules[0], seconds=1800).sessions) == 1
    (fact,) = [fact for fact in farm.facts if isinstance(fact, LicenceUseFact)]
    assert (fact.product, fact.seats, fact.region) == ("nuke", 1, None)
    assert fact.ended_at - fact.started_at == 1_800_000
    assert fact.amount_billionths == 1_000_000_000


def test_every_licence_taken_is_given_back_once() -> None:
    """S0-38: taken and given back as often as sessions begin and end, lost ones included."""
    farm = DecidingFarm()
    set_licences(farm, 3)
    for _ in range(4):
        farm.job(job_template(frames="1-3", layers=2), tags=NUKE)
    workers = [farm.worker(threads=2) for _ in range(2)]
    for turn in range(12):
        for worker in workers:
            schedule = call(farm, worker)
            if turn != 3:
                finish(farm, worker, schedule)
        held = sum(len(session.licences or ()) for session in farm.memory.tables[Session].values())
        assert held <= 3
        if turn == 3:
            farm.do(
                ReportWorker(
                    farm_id=farm.farm_id,
                    fleet_id=farm.fleet_id,
                    worker_id=workers[0],
                    status=WorkerStatus.STARTED,
                )
            )
    uses = [fact for fact in farm.facts if isinstance(fact, LicenceUseFact)]
    assert len({fact.use_id for fact in uses}) == len(uses)
    assert len(uses) == len(farm.all(Session))
    assert not farm.memory.index.tallies(farm.farm_id).seats


def test_a_region_has_its_own_seats_and_the_rest_share_the_default() -> None:
    """S0-38: a region that is not set draws from the default's seats."""
    farm = DecidingFarm()
    set_licences(farm, 1)
    set_licences(farm, 1, region=Region.CLOUD)
    for _ in range(4):
        farm.job(job_template(frames="1"), tags=NUKE)
    regions = ["farm", "workstation", "cloud", "cloud"]
    given = []
    for region in regions:
        worker = farm.worker()
        say(farm, worker, region=(region,))
        given.append(len(call(farm, worker).sessions))
    assert given == [1, 0, 1, 0]


def test_a_plugin_takes_a_licence_of_its_own_beside_the_application() -> None:
    """S0-38."""
    farm = DecidingFarm()
    set_licences(farm, 5)
    set_licences(farm, 1, plugin="sapphire")
    for _ in range(2):
        farm.job(job_template(frames="1"), tags={**NUKE, "grange:plugin": "sapphire"})
    plain = farm.job(job_template(frames="1"), tags=NUKE, priority=1)
    first = call(farm, farm.worker()).sessions[0][0]
    assert [hold.pool for hold in first.licences or ()] == [
        ("nuke", "", ""),
        ("nuke", "sapphire", ""),
    ]
    assert call(farm, farm.worker()).sessions[0][0].job_id == plain


def test_removing_the_pool_frees_what_waited_for_it() -> None:
    """S0-38."""
    farm = DecidingFarm()
    set_licences(farm, 0)
    farm.job(tags=NUKE)
    worker = farm.worker()
    assert not call(farm, worker).sessions
    farm.do(RemoveLicences(farm_id=farm.farm_id, app="nuke", by="ann"))
    assert len(call(farm, worker).sessions) == 1


def test_more_urgent_work_gets_the_licence_a_running_session_holds() -> None:
    """S0-38: a licence is no reason to keep urgent work waiting for the rest of a job."""
    farm = DecidingFarm()
    set_licences(farm, 1)
    farm.job(job_template(frames="1-9"), tags=NUKE, priority=10)
    worker = farm.worker()
    schedule = call(farm, worker)
    urgent = farm.job(job_template(frames="1"), tags=NUKE, priority=90)
    after = finish(farm, worker, schedule)
    assert [session.job_id for session, _ in after.sessions] == [urgent]


@pytest.mark.parametrize("kind", list(ShareKind))
def test_a_quota_holds_and_is_lifted(kind: ShareKind) -> None:
    farm = DecidingFarm()
    name = "film" if kind is ShareKind.PROJECT else "ann"
    farm.do(SetShare(farm_id=farm.farm_id, kind=kind, name=name, max_threads=2, by="ann"))
    farm.job(job_template(frames="1-20"), tags={"grange:project": "film"})
    worker = farm.worker(threads=4)
    assert len(call(farm, worker).sessions) == 2
    assert best(farm, worker) == Nothing("quota")
    assert farm.memory.index.waiting([farm.queue_id]) == ("blocked", 0)
    farm.do(UnsetShare(farm_id=farm.farm_id, kind=kind, name=name, by="ann"))
    assert len(call(farm, worker).sessions) == 4


def test_a_user_at_the_quota_can_still_send_something_more_urgent() -> None:
    farm = DecidingFarm()
    farm.do(
        SetShare(farm_id=farm.farm_id, kind=ShareKind.USER, name="ann", max_threads=1, by="ann")
    )
    farm.job(job_template(frames="1-9"), priority=10)
    worker = farm.worker()
    schedule = call(farm, worker)
    urgent = farm.job(job_template(frames="1-9"), priority=90)
    assert [one.job_id for one, _ in finish(farm, worker, schedule).sessions] == [urgent]


@pytest.mark.parametrize(
    ("job_class", "worker_classes", "fits"),
    [("A", "A", True), ("A", "BC", False), ("A", "", False), ("AC", "C", True), ("", "B", True)],
)
def test_a_class_never_goes_to_a_worker_of_another(
    job_class: str, worker_classes: str, fits: bool
) -> None:
    """S1-08."""
    farm = DecidingFarm()
    farm.job(tags={"grange:class": job_class} if job_class else {})
    worker = farm.worker()
    farm.do(OrderWorker(farm_id=farm.farm_id, worker=worker, classes=worker_classes, by="ann"))
    assert bool(call(farm, worker).sessions) is fits


def test_a_worker_can_tell_its_classes_itself_and_a_hand_decides() -> None:
    """S1-08."""
    farm = DecidingFarm()
    farm.job(tags={"grange:class": "A"})
    worker = farm.worker()
    say(farm, worker, **{"class": ("A", "B")})
    farm.do(OrderWorker(farm_id=farm.farm_id, worker=worker, classes="Z", by="ann"))
    assert not call(farm, worker).sessions
    farm.do(OrderWorker(farm_id=farm.farm_id, worker=worker, classes="", by="ann"))
    assert len(call(farm, worker).sessions) == 1
    with pytest.raises(InvalidRequestError):
        farm.do(OrderWorker(farm_id=farm.farm_id, worker=worker, classes="1", by="ann"))


def test_a_job_that_requires_a_group_waits_for_a_member() -> None:
    """S1-08, S0-39."""
    farm = DecidingFarm()
    farm.job(tags={"grange:group": "big,huge"})
    worker = farm.worker()
    assert not call(farm, worker).sessions
    farm.do(ChangeGroup(farm_id=farm.farm_id, name="big", how="add", workers=[worker], by="ann"))
    assert len(call(farm, worker).sessions) == 1


def test_who_is_not_preferred_takes_it_only_when_there_is_nothing_else() -> None:
    """S1-08: jobs require or prefer."""
    farm = DecidingFarm()
    picky = farm.job(job_template(frames="1-9"), tags={"grange:prefer_group": "big"}, priority=90)
    plain = farm.job(job_template(frames="1"), priority=10)
    small, big = farm.worker(), farm.worker()
    farm.do(ChangeGroup(farm_id=farm.farm_id, name="big", how="add", workers=[big], by="ann"))
    assert call(farm, small).sessions[0][0].job_id == plain
    assert call(farm, big).sessions[0][0].job_id == picky
    assert call(farm, farm.worker()).sessions[0][0].job_id == picky


def test_memory_is_kept_beside_other_sessions_and_learned_from_frames() -> None:
    farm = DecidingFarm()
    template = job_template(frames="1-9")
    memory = {"name": "amount.worker.memory", "min": 3000}
    template["steps"][0]["hostRequirements"] = {"amounts": [memory]}
    farm.job(template)
    worker = farm.worker(threads=3, **{"amount.worker.memory": 8000.0})
    schedule = call(farm, worker)
    assert len(schedule.sessions) == 2
    peak = 5000 * 2**20
    after = finish(farm, worker, schedule, peakMemoryBytes=peak)
    (layer,) = farm.memory.tables[Layer].values()
    assert layer.reserve_mib == 5000
    while after.sessions:
        assert sum(session.memory_mib or 0 for session, _ in after.sessions[1:]) <= 8000
        after = finish(farm, worker, after, peakMemoryBytes=peak)
    (done,) = farm.memory.tables[Job].values()
    assert done.ended_at is not None


def test_a_worker_with_nothing_else_may_always_try_what_grew_beyond_it() -> None:
    farm = DecidingFarm()
    farm.job(job_template(frames="1-9"))
    worker = farm.worker(threads=2, **{"amount.worker.memory": 1000.0})
    schedule = call(farm, worker)
    after = finish(farm, worker, schedule, peakMemoryBytes=5000 * 2**20)
    for _ in range(12):
        after = finish(farm, worker, after)
    (done,) = farm.memory.tables[Job].values()
    assert done.ended_at is not None


def test_gpus_are_not_given_out_twice() -> None:
    farm = DecidingFarm()
    template = job_template(frames="1-9")
    template["steps"][0]["hostRequirements"] = {
        "amounts": [{"name": "amount.worker.gpu", "min": 1}]
    }
    farm.job(template)
    worker = farm.worker(threads=4, **{"amount.worker.gpu": 2.0})
    assert len(call(farm, worker).sessions) == 2


def test_a_draining_worker_finishes_its_job_and_begins_no_other() -> None:
    """S1-17."""
    farm = DecidingFarm()
    first = farm.job(job_template(frames="1-3"))
    worker = farm.worker()
    schedule = call(farm, worker)
    farm.job(job_template(frames="1"), priority=90)
    farm.do(OrderWorker(farm_id=farm.farm_id, worker=worker, draining=True, by="ann"))
    jobs = []
    while schedule.sessions:
        jobs.append(schedule.sessions[0][0].job_id)
        schedule = finish(farm, worker, schedule)
    assert set(jobs) == {first}
    assert farm.memory.tables[Job][first,].ended_at is not None


def test_a_worker_that_is_stopped_gives_its_tasks_back_without_a_failure() -> None:
    """S1-17."""
    farm = DecidingFarm()
    job = farm.job(job_template(frames="1-3"))
    worker = farm.worker()
    schedule = call(farm, worker)
    answer = farm.do(
        OrderWorker(farm_id=farm.farm_id, worker=worker, disabled=True, stop=True, by="ann")
    )
    assert answer["stopped"] == 1
    told = call(farm, worker)
    ((session, actions),) = told.sessions
    assert told.cancel[session.session_id] == (actions[0].action_id,)
    canceled = {actions[0].action_id: ActionReport(completed_status=SessionActionStatus.CANCELED)}
    assert not call(farm, worker, updates=canceled).sessions
    assert dict(farm.memory.tables[Job][job,].counts) == {"READY": 3}
    assert schedule.sessions[0][0].session_id == session.session_id
