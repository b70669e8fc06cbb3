"""Who is woken when work comes: idle workers first, then those that could take more."""

import asyncio

from grange.domain.effects import WakeFleet
from grange.domain.work import Worker
from grange.kernel.ids import FleetId, WorkerId
from grange.server.effects import Effects
from grange.services.reports import ReportSchedule
from grange.services.wake import Wakes
from grange.testing.builders import DecidingFarm, job_template

FLEET = FleetId("fleet-" + "0" * 32)
ONE, TWO = (WorkerId("worker-" + f"{number:032x}") for number in (1, 2))


def test_a_worker_whose_threads_are_all_taken_is_not_woken() -> None:
    wakes = Wakes()
    full, roomy = wakes.open_stream(FLEET, ONE), wakes.open_stream(FLEET, TWO)
    wakes.roomy = lambda _: [TWO]
    wakes.wake_fleet(FLEET, 5)
    assert full.taken() == (False, [])
    assert roomy.taken() == (True, [])


def test_many_effects_of_one_batch_wake_a_fleet_once() -> None:
    wakes = Wakes()
    woken: list[int] = []
    wakes.wake_fleet = lambda fleet_id, count: woken.append(count)  # type: ignore[method-assign]
    effects = [WakeFleet(FLEET, 9), WakeFleet(FLEET, 8), WakeFleet(FLEET, 7)]
    asyncio.run(Effects(wakes).perform(effects))
    assert woken == [7]


def test_a_worker_is_roomy_until_each_thread_has_a_session_and_again_afterwards() -> None:
    farm = DecidingFarm()
    worker = farm.worker()
    roomy = farm.memory.roomy[farm.fleet_id]
    assert worker in roomy
    farm.job(job_template(frames="1-3"))
    report = ReportSchedule(farm_id=farm.farm_id, fleet_id=farm.fleet_id, worker_id=worker)
    farm.do(report)
    assert worker not in roomy
    farm.memory.set(Worker, (worker,), None)
    assert worker not in roomy
