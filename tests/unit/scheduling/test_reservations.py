"""What is kept for a session beside others: as demanded, or as earlier tasks of the layer took."""

from typing import Any

from grange.domain.policy import Reserve, SchedulingPolicy
from grange.domain.work import Layer, Session
from grange.scheduling.blocks import Block
from grange.services.commands.policy import SetPolicy
from grange.services.reports import ReportWorker
from grange.services.why import AskWhy
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call, finish, open_jobs

MIB = 2**20


class Measured:
    """A worker of two job threads, 8 processor threads and 16 GB, and a job of many frames."""

    def __init__(self, reserve: Reserve) -> None:
        self.farm = DecidingFarm()
        policy = SchedulingPolicy(reserve=reserve)
        self.farm.do(SetPolicy(farm_id=self.farm.farm_id, policy=policy, by="ann"))
        amounts = {"amount.worker.vcpu": 8.0, "amount.worker.memory": 16_000.0}
        self.worker = self.farm.worker(threads=1, **amounts)
        self.job = self.farm.job(job_template(frames="1-999"))
        self.told = call(self.farm, self.worker)

    def render(self, *mib: int, cores: float = 1.0) -> Layer:
        """Finish a task for each of these peaks of memory; return the layer then."""
        for peak in mib:
            self.told = finish(
                self.farm, self.worker, self.told, seconds=100,
                peakMemoryBytes=peak * MIB, cpuMilliseconds=round(cores * 100_000),
            )  # fmt: skip
        (layer,) = self.farm.memory.tables[Layer].values()
        found: Layer = layer
        return found

    def second_thread(self) -> Any:
        """Give the worker another thread and let it ask."""
        self.farm.do(
            ReportWorker(
                farm_id=self.farm.farm_id, fleet_id=self.farm.fleet_id, worker_id=self.worker,
                amounts={"grange:amount.worker.jobthreads": 2.0, "amount.worker.vcpu": 8.0,
                         "amount.worker.memory": 16_000.0},
            )
        )  # fmt: skip
        return call(self.farm, self.worker)


def test_the_first_task_counts_and_later_all_but_the_largest_few() -> None:
    at = Measured(Reserve.MEMORY)
    assert at.render(6_000).reserve_mib == 6_000
    assert at.render(9_000).reserve_mib == 9_000
    layer = at.render(*[6_000] * 31)
    assert layer.reserve_mib == 6_000  # one of 33 took 9,000
    assert layer.reserve_cores is None


def test_what_is_demanded_alone_is_kept_if_the_farm_wants_that() -> None:
    at = Measured(Reserve.DEMANDED)
    assert at.render(6_000, 9_000).reserve_mib is None
    at.second_thread()
    assert len(open_jobs(at.farm)) == 2


def test_processor_threads_that_fit_beside_another_session_are_given() -> None:
    at = Measured(Reserve.ALL)
    assert at.render(1_000, 1_000, cores=3.0).reserve_cores == 3
    assert len(at.second_thread().sessions) == 2


def test_too_few_processor_threads_are_a_reason_that_can_be_read() -> None:
    at = Measured(Reserve.ALL)
    at.render(1_000, 1_000, cores=6.0)
    at.farm.job(job_template(frames="1"), priority=90)
    told = finish(at.farm, at.worker, at.told, seconds=100)
    finish(at.farm, at.worker, told, seconds=100)  # now its session holds what it takes
    (session,) = [one for one in at.farm.memory.tables[Session].values() if not one.ended_at]
    assert session.cores == 6
    told = at.second_thread()
    assert len(told.sessions) == 1
    answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=at.job))
    assert answer.reason == Block.REQUIREMENT
    assert "2 processor threads are left" in answer.text
