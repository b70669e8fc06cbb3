"""Why a job waits: each block, seeded, is the first reason; removing it shows the next or none.

Invariant 7 of the design. What is removed is removed in earnest, and the scheduler is asked.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from grange.domain.budgets import Budget
from grange.domain.farm import QueueFleetAssociation
from grange.domain.faults import WorkerFaults
from grange.domain.licences import RegionTerms
from grange.domain.shares import ShareKind
from grange.domain.statuses import TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Layer, Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.scheduling.blocks import Block, Unmet
from grange.services.budget_watch import TellBudgets
from grange.services.commands.budgets import PutBudget
from grange.services.commands.farm_objects import Associate
from grange.services.commands.groups import ChangeGroup
from grange.services.commands.jobs import ChangeJob
from grange.services.commands.licences import SetLicences
from grange.services.commands.shares import SetShare, UnsetShare
from grange.services.commands.worker_orders import OrderWorker
from grange.services.reports import FindSilentWorkers, ReportWorker, Schedule
from grange.services.waiting import AskReasons, Reasons, Seen
from grange.services.why import AskWhy, JobAnswer
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call, finish, open_jobs

ORDER = list(Block)


class Seeded:
    """A farm with one worker, and a job that every block can keep from it."""

    def __init__(self) -> None:
        self.farm = DecidingFarm()
        self.worker = self.farm.worker(threads=1, **{"amount.worker.memory": 4000.0})
        template = job_template(frames="1-4")
        self.template = template
        self.tags = {"grange:project": "film", "grange:app": "nuke"}
        self.demands: list[dict[str, Any]] = []
        self.attributes: list[dict[str, Any]] = []
        self.undo: list[Callable[[], None]] = []
        self.members: dict[str, Any] = {}
        self.closed = ""

    def call(self) -> Schedule:
        return call(self.farm, self.worker, closed=self.closed)

    def submit(self) -> Any:
        requirements: dict[str, Any] = {}
        if self.demands:
            requirements["amounts"] = self.demands
        if self.attributes:
            requirements["attributes"] = self.attributes
        if requirements:
            self.template["steps"][-1]["hostRequirements"] = requirements
        self.job = self.farm.job(self.template, tags=self.tags, **self.members)
        return self.job

    def why(self, **members: Any) -> JobAnswer:
        answer: JobAnswer = self.farm.do(
            AskWhy(farm_id=self.farm.farm_id, job_id=self.job, **members)
        )
        return answer

    def change(self, **members: Any) -> None:
        self.farm.do(
            ChangeJob(
                farm_id=self.farm.farm_id,
                queue_id=self.farm.queue_id,
                job_id=self.job,
                by="ann",
                **members,
            )
        )

    def order(self, **members: Any) -> None:
        self.farm.do(
            OrderWorker(farm_id=self.farm.farm_id, worker=self.worker, by="ann", **members)
        )

    def say(self, **members: Any) -> None:
        self.farm.do(
            ReportWorker(
                farm_id=self.farm.farm_id,
                fleet_id=self.farm.fleet_id,
                worker_id=self.worker,
                **members,
            )
        )

    def tell(self, name: str, *values: str) -> None:
        known = self.farm.memory.tables[Worker][self.worker,].attributes
        self.say(attributes={**known, name: values})

    def amounts(self, **more: float) -> None:
        known = self.farm.memory.tables[Worker][self.worker,].amounts
        self.say(amounts={**known, **more})


def paused(at: Seeded) -> Callable[[], None]:
    at.members["suspended"] = True
    return lambda: at.change(target_status=TaskRunStatus.READY)


def limit(at: Seeded) -> Callable[[], None]:
    at.members["max_worker_count"] = 0
    return lambda: at.change(fields={"max_worker_count": 1})


def quota(at: Seeded) -> Callable[[], None]:
    whose: dict[str, Any] = {
        "farm_id": at.farm.farm_id, "kind": ShareKind.PROJECT, "name": "film", "by": "ann",
    }  # fmt: skip
    at.farm.do(SetShare(max_threads=0, **whose))
    return lambda: at.farm.do(UnsetShare(**whose))


def dependency(at: Seeded) -> Callable[[], None]:
    """A job of no worker's class comes before; then somebody says that it has succeeded."""
    other = at.farm.job(job_template(frames="1"), tags={"grange:class": "Q"})
    at.members["after"] = (other,)
    return lambda: at.farm.do(
        ChangeJob(
            farm_id=at.farm.farm_id, queue_id=at.farm.queue_id, job_id=other,
            target_status=TaskRunStatus.SUCCEEDED, by="ann",
        )
    )  # fmt: skip


def budget(at: Seeded) -> Callable[[], None]:
    members: dict[str, Any] = {
        "farm_id": at.farm.farm_id, "name": "film, spring", "scope": {"project": "film"},
        "stops": True, "by": "ann",
    }  # fmt: skip
    made = at.farm.do(PutBudget(amount_billionths=1, **members))["budget_id"]
    at.farm.do(TellBudgets(farm_id=at.farm.farm_id, spent={made: True}))
    return lambda: at.farm.do(PutBudget(amount_billionths=2, budget_id=made, **members))


def renderer(at: Seeded) -> Callable[[], None]:
    at.attributes.append({"name": "grange:attr.renderer", "anyOf": ["nuke"]})
    return lambda: at.tell("grange:attr.renderer", "nuke")


def workers(at: Seeded) -> Callable[[], None]:
    at.order(disabled=True)
    return lambda: at.order(disabled=False)


def fleet(at: Seeded) -> Callable[[], None]:
    pair: dict[str, Any] = {
        "farm_id": at.farm.farm_id, "queue_id": at.farm.queue_id,
        "fleet_id": at.farm.fleet_id, "by": "ann",
    }  # fmt: skip
    at.farm.memory.set(QueueFleetAssociation, (at.farm.queue_id, at.farm.fleet_id), None)
    return lambda: at.farm.do(Associate(**pair))


def group(at: Seeded) -> Callable[[], None]:
    at.tags["grange:group"] = "big"
    change: dict[str, Any] = {
        "farm_id": at.farm.farm_id, "name": "big", "workers": [at.worker], "by": "ann",
    }  # fmt: skip
    return lambda: at.farm.do(ChangeGroup(how="add", **change))


def job_class(at: Seeded) -> Callable[[], None]:
    at.tags["grange:class"] = "C"
    return lambda: at.order(classes="BC")


def hours(at: Seeded) -> Callable[[], None]:
    def put(reason: str) -> None:
        at.closed = reason
        at.call()

    put("outside its render hours")
    return lambda: put("")


def excluded(at: Seeded) -> Callable[[], None]:
    def put(workers: tuple[Any, ...] | None) -> None:
        known: Job = at.farm.memory.tables[Job][at.job,]
        at.farm.memory.set(Job, (at.job,), replace(known, excluded_workers=workers))

    at.undo.append(lambda: put((at.worker,)))
    return lambda: put(None)


def requirement(at: Seeded) -> Callable[[], None]:
    at.attributes.append({"name": "attr.worker.os.family", "anyOf": ["windows"]})
    return lambda: at.tell("attr.worker.os.family", "windows")


def memory(at: Seeded) -> Callable[[], None]:
    at.demands.append({"name": "amount.worker.memory", "min": 8000})
    return lambda: at.amounts(**{"amount.worker.memory": 9000.0})


def gpu(at: Seeded) -> Callable[[], None]:
    at.demands.append({"name": "amount.worker.gpu", "min": 1})
    return lambda: at.amounts(**{"amount.worker.gpu": 1.0})


def licence(at: Seeded) -> Callable[[], None]:
    def count(number: int) -> None:
        at.farm.do(
            SetLicences(
                farm_id=at.farm.farm_id,
                app="nuke",
                regions={"default": RegionTerms(count=number)},  # type: ignore[dict-item]
                by="ann",
            )
        )

    count(0)
    return lambda: count(1)


SEEDS: dict[Block, Callable[[Seeded], Callable[[], None]]] = {
    Block.PAUSED: paused,
    Block.DEPENDENCY: dependency,
    Block.LIMIT: limit,
    Block.BUDGET: budget,
    Block.QUOTA: quota,
    Block.WORKERS: workers,
    Block.FLEET: fleet,
    Block.GROUP: group,
    Block.CLASS: job_class,
    Block.HOURS: hours,
    Block.EXCLUDED: excluded,
    Block.REQUIREMENT: requirement,
    Block.MEMORY: memory,
    Block.GPU: gpu,
    Block.RENDERER: renderer,
    Block.LICENCE: licence,
}


@pytest.mark.parametrize("block", SEEDS)
def test_a_block_is_the_first_reason_and_without_it_the_job_starts(block: Block) -> None:
    at = Seeded()
    remove = SEEDS[block](at)
    at.submit()
    for seed in at.undo:
        seed()
    at.call()
    assert open_jobs(at.farm) == []
    answer = at.why()
    assert answer.reason == block
    assert answer.text
    assert at.why(dropped=(block,)).reason == "" or block is Block.WORKERS
    remove()
    assert at.why().reason == "" or open_jobs(at.farm)
    at.call()
    assert open_jobs(at.farm) == [at.job]


def test_the_funnel_has_the_documented_order_and_every_block_is_seeded() -> None:
    """S1-08, S1-16: `requirement` are the demands that have no word of their own."""
    assert [block for block in Block if block is not Block.REQUIREMENT] == [
        "paused", "dependency", "limit", "budget", "quota", "workers", "fleet", "group", "class",
        "hours", "excluded", "memory", "gpu", "renderer", "licence", "priority",
    ]  # fmt: skip
    assert set(SEEDS) == set(Block) - {Block.PRIORITY}


def test_the_highest_priority_comes_first_then_the_oldest_job() -> None:
    """S1-16: and the reason says so of the others."""
    at = Seeded()
    jobs = [at.farm.job(job_template(frames="1"), priority=p) for p in (40, 60, 60)]
    told = call(at.farm, at.worker)
    order = []
    for _ in jobs:
        order += open_jobs(at.farm)
        waiting = [one for one in jobs if one not in order]
        for one in waiting:
            answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=one))
            assert answer.reason == Block.PRIORITY
        told = finish(at.farm, at.worker, told)
    assert order == [jobs[1], jobs[2], jobs[0]]


def test_a_spent_budget_ends_sessions_after_their_tasks_and_more_money_lets_them_go_on() -> None:
    at = Seeded()
    remove = budget(at)
    at.farm.do(TellBudgets(farm_id=at.farm.farm_id, spent={
        one.budget_id: False for one in at.farm.memory.tables[Budget].values()
    }))  # fmt: skip
    at.submit()
    other = at.farm.job(job_template(frames="1"), priority=1)
    told = at.call()
    assert open_jobs(at.farm) == [at.job]
    spent = {one.budget_id: True for one in at.farm.memory.tables[Budget].values()}
    assert at.farm.do(TellBudgets(farm_id=at.farm.farm_id, spent=spent)) == 1
    assert at.farm.do(TellBudgets(farm_id=at.farm.farm_id, spent=spent)) == 0
    events = [getattr(fact, "name", "") for fact in at.farm.facts]
    assert events.count("budget_reached") == 2
    finish(at.farm, at.worker, told)
    assert open_jobs(at.farm) == [other]
    assert at.why().text == "the budget film, spring is spent"
    remove()
    assert at.why().reason == Block.PRIORITY


def test_a_budget_that_stops_work_is_of_what_is_known_before_it_begins() -> None:
    at = Seeded()
    members: dict[str, Any] = {"farm_id": at.farm.farm_id, "name": "x", "amount_billionths": 1,
                               "by": "ann", "scope": {"client": "acme"}}  # fmt: skip
    with pytest.raises(InvalidRequestError):
        at.farm.do(PutBudget(stops=True, **members))
    at.farm.do(PutBudget(**members))


def test_all_blocks_at_once_show_one_after_the_other_in_the_order_of_the_funnel() -> None:
    at = Seeded()
    removals = {block: seed(at) for block, seed in SEEDS.items()}
    at.submit()
    for seed in at.undo:
        seed()
    for block in sorted(removals, key=lambda one: one.position):
        at.call()
        assert open_jobs(at.farm) == []
        assert at.why().reason == block
        removals[block]()
    at.call()
    assert open_jobs(at.farm) == [at.job]


def test_a_layer_waits_for_the_layers_it_depends_on() -> None:
    at = Seeded()
    at.template = job_template(frames="1", layers=2)
    at.submit()
    answer = at.why()
    assert [one.reason for one in answer.layers] == ["", Block.DEPENDENCY]
    assert "layer0" in answer.layers[1].text
    finish(at.farm, at.worker, call(at.farm, at.worker))
    assert Block.DEPENDENCY not in [one.reason for one in at.why().layers]


def test_the_rank_says_what_comes_first_and_which_priority_would_be_first() -> None:
    at = Seeded()
    first = at.farm.job(job_template(frames="1-9"), priority=70)
    call(at.farm, at.worker)
    at.farm.job(job_template(frames="1-5"), priority=60)
    at.submit()
    answer = at.why()
    assert answer.reason == Block.PRIORITY
    (layer,) = answer.layers
    assert (layer.layers_before, layer.tasks_before) == (2, 8 + 5)
    assert layer.priority_to_be_first == 71
    assert at.why(priority=71).layers[0].tasks_before == 0
    at.change(fields={"priority": layer.priority_to_be_first})
    told = finish(at.farm, at.worker, call(at.farm, at.worker))
    assert [session.job_id for session, _ in told.sessions] == [at.job] != [first]


def test_what_no_worker_of_the_job_could_take_does_not_come_first() -> None:
    at = Seeded()
    at.farm.job(job_template(frames="1-9"), priority=70, tags={"grange:group": "big"})
    at.farm.job(job_template(frames="1-9"), priority=80, tags={"grange:class": "C"})
    at.farm.job(job_template(frames="1-9"), priority=90, tags={"grange:app": "nuke"})
    licence(at)
    at.tags = {}
    at.submit()
    call(at.farm, at.worker)
    answer = at.why()
    assert answer.text == "the one worker that could take it is busy; it is next"
    assert (answer.layers[0].tasks_before, answer.layers[0].priority_to_be_first) == (0, 50)
    at.farm.job(job_template(frames="1-5"), priority=60)
    [layer] = at.why().layers
    assert (layer.layers_before, layer.tasks_before) == (1, 5)
    assert layer.priority_to_be_first == 61


def test_every_worker_has_its_own_reason_and_they_add_up() -> None:
    at = Seeded()
    at.tags |= {"grange:group": "big", "grange:class": "C"}
    at.submit()
    member = at.farm.worker()
    at.farm.do(
        ChangeGroup(farm_id=at.farm.farm_id, name="big", how="add", workers=[member], by="ann")
    )
    off = at.farm.worker()
    at.farm.do(
        ReportWorker(
            farm_id=at.farm.farm_id,
            fleet_id=at.farm.fleet_id,
            worker_id=off,
            status=WorkerStatus.STOPPED,
        )
    )
    (layer,) = at.why().layers
    reasons = {one.worker_id: one.reason for one in layer.workers}
    assert reasons == {at.worker: "group", member: "class", off: "workers"}
    assert layer.reason == "class"
    assert sum(step.stopped for step in layer.funnel) == 3
    assert [step.reached for step in layer.funnel][:4] == [3, 2, 2, 1]
    what_if = {one.drop: (one.workers, one.next_reason) for one in layer.what_if}
    assert what_if["class"] == (1, "")
    assert what_if["group"] == (0, "class")


def test_memory_that_other_sessions_hold_is_a_reason() -> None:
    at = Seeded()
    at.amounts(**{"grange:amount.worker.jobthreads": 2.0})
    at.demands.append({"name": "amount.worker.memory", "min": 3000})
    at.submit()
    call(at.farm, at.worker)
    answer = at.why()
    assert answer.reason == Block.MEMORY
    assert "1,000 MiB are left" in answer.text


def test_a_job_whose_tasks_all_run_or_that_ended_waits_for_nothing() -> None:
    at = Seeded()
    at.template = job_template(frames="1")
    at.submit()
    told = call(at.farm, at.worker)
    assert at.why().layers == []
    finish(at.farm, at.worker, told)
    assert "ended" in at.why().text


def test_a_job_of_another_farm_is_not_told_about() -> None:
    at = Seeded()
    at.submit()
    with pytest.raises(NotFoundError):
        at.farm.do(AskWhy(farm_id=FarmId("farm-x"), job_id=at.job))


def test_asking_changes_nothing() -> None:
    at = Seeded()
    at.submit()
    before = at.farm.memory.index.snapshot()
    rows = dict(at.farm.rows)
    at.why(dropped=tuple(Block), priority=99)
    assert at.farm.memory.index.snapshot() == before
    assert at.farm.rows == rows
    assert len(at.farm.memory.tables[Layer]) == 1


def of_a_group(at: Seeded) -> None:
    """Submit a job that only the one worker of a group could take; two others are up."""
    at.farm.worker()
    at.farm.worker()
    at.farm.do(
        ChangeGroup(farm_id=at.farm.farm_id, name="big", how="add", workers=[at.worker], by="ann")
    )
    at.tags |= {"grange:group": "big"}
    at.submit()


def quarantined(at: Seeded) -> Callable[[], None]:
    known = WorkerFaults(
        farm_id=at.farm.farm_id,
        worker_id=at.worker,
        quarantined_at=at.farm.clock.now(),
        cause="it smokes",
    )
    at.order(disabled=True)
    at.farm.memory.set(WorkerFaults, (at.worker,), known)
    return lambda: at.order(disabled=False)


def disabled(at: Seeded) -> Callable[[], None]:
    at.order(disabled=True)
    return lambda: at.order(disabled=False)


def draining(at: Seeded) -> Callable[[], None]:
    at.order(draining=True)
    return lambda: at.order(draining=False)


def silent(at: Seeded) -> Callable[[], None]:
    at.farm.clock.advance(100)
    for worker in at.farm.all(Worker):
        if worker.worker_id != at.worker:
            at.farm.memory.last_seen[worker.worker_id] = at.farm.clock.now()
    at.farm.do(FindSilentWorkers())
    return lambda: None


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (quarantined, "is quarantined: it smokes"),
        (disabled, "was disabled by ann"),
        (draining, "is draining"),
        (silent, "is not responding"),
    ],
)
def test_what_keeps_the_only_fitting_worker_away_is_the_reason_not_what_others_lack(
    seed: Callable[[Seeded], Callable[[], None]], text: str
) -> None:
    at = Seeded()
    of_a_group(at)
    undo = seed(at)
    answer = at.why()
    assert answer.reason == Block.WORKERS
    name = at.farm.memory.tables[Worker][at.worker,].host_name or at.worker
    assert answer.text == f"the only worker that could take it, {name}, {text}"
    found: Reasons = at.farm.do(AskReasons(job_ids=(at.job,), seen=Seen()))
    assert found.of[at.job][1] == Unmet(Block.WORKERS, answer.text), "lists say the same"
    undo()
    if seed is not silent:
        assert at.why().reason == ""


def test_of_several_fitting_workers_that_are_away_the_most_common_cause_is_told() -> None:
    at = Seeded()
    of_a_group(at)
    other = at.farm.worker()
    at.farm.do(
        ChangeGroup(farm_id=at.farm.farm_id, name="big", how="add", workers=[other], by="ann")
    )
    for worker in (at.worker, other):
        at.farm.do(OrderWorker(farm_id=at.farm.farm_id, worker=worker, by="ann", draining=True))
    text = "none of the 2 workers that could take it takes work: the worker is draining"
    assert at.why().text == text


def test_a_worker_that_is_away_and_lacks_something_is_not_the_reason() -> None:
    at = Seeded()
    of_a_group(at)
    at.farm.do(
        ChangeGroup(farm_id=at.farm.farm_id, name="big", how="remove", workers=[at.worker], by="x")
    )
    disabled(at)
    assert at.why().reason == Block.GROUP
