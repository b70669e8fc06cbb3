"""What the index remembers is what a walk through every layer would find, whatever happens."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grange.domain.budgets import Budget
from grange.domain.licences import LicenceCount, LicencePool, Region, RegionTerms
from grange.domain.shares import Share, ShareKind, counted
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer, Requirement
from grange.kernel.ids import FarmId, JobId, QueueId, StepId, WorkerId
from grange.kernel.units import Instant
from grange.scheduling import lane, table
from grange.scheduling.capability import MEMORY, Capability, Offer
from grange.scheduling.entry import Choice
from grange.scheduling.index import SchedulingIndex

FARM = FarmId("farm")
QUEUES = [QueueId("q1"), QueueId("q2")]
APPS = ("", "nuke", "maya")
GROUP = "grange:attr.worker.group"
REQUIREMENTS = [
    Requirement(),
    Requirement(amounts=((MEMORY, 8.0, None),)),
    Requirement(prefers=((GROUP, ("big",)),)),
    Requirement(amounts=((MEMORY, 8.0, None),), prefers=((GROUP, ("small",)),)),
]
CAPABILITIES = [
    Capability(amounts=((MEMORY, memory),), attributes=((GROUP, (group,)),))
    for memory in (4.0, 16.0)
    for group in ("big", "small")
]
DOINGS = st.one_of(
    st.tuples(st.just("submit"), st.integers(0, 2**30)),
    st.tuples(st.just("ready"), st.integers(0, 99), st.booleans()),
    st.tuples(st.just("sessions"), st.integers(0, 99), st.integers(0, 2)),
    st.tuples(st.just("exclude"), st.integers(0, 99), st.integers(0, 3)),
    st.tuples(st.just("served"), st.integers(0, 99), st.integers(0, 30)),
    st.tuples(st.just("priority"), st.integers(0, 99), st.integers(0, 100)),
    st.tuples(st.just("drop"), st.integers(0, 99)),
    st.tuples(st.just("charge"), st.integers(0, 5), st.integers(0, 900)),
    st.tuples(st.just("wait"), st.integers(1, 7200)),
    st.tuples(st.just("quota"), st.integers(0, 5), st.one_of(st.none(), st.integers(0, 3))),
    st.tuples(st.just("thread"), st.integers(0, 2), st.integers(0, 2), st.sampled_from((-1, 1))),
    st.tuples(st.just("pool"), st.integers(1, 2), st.one_of(st.none(), st.integers(0, 2))),
    st.tuples(st.just("told"), st.integers(1, 2), st.one_of(st.none(), st.integers(0, 2))),
    st.tuples(st.just("seat"), st.integers(1, 2), st.sampled_from((-1, 1))),
    st.tuples(st.just("budget"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("ask"), st.integers(0, 3), st.integers(0, 3), st.integers(0, 8)),
)


class Both:
    """An index that is told and asked all the time, and one that is built anew for each answer."""

    def __init__(self) -> None:
        self.index = SchedulingIndex()
        self.jobs: dict[JobId, Job] = {}
        self.layers: dict[StepId, Layer] = {}
        self.shares: dict[tuple[ShareKind, str], Share] = {}
        self.pools: dict[str, LicencePool] = {}
        self.told: dict[str, LicenceCount] = {}
        self.budgets: dict[str, Budget] = {}
        self.threads: list[tuple[str, str, int]] = []
        self.seats: list[tuple[str, int]] = []
        self.now = Instant(10**12)

    def do(self, doing: tuple[Any, ...]) -> None:
        name, *values = doing
        getattr(self, name)(*values)

    def _job(self, number: int) -> Job | None:
        known = sorted(self.jobs)
        return self.jobs[known[number % len(known)]] if known else None

    def _put(self, job: Job | None, **members: Any) -> None:
        if job is None:
            return
        job = replace(job, **members)
        self.jobs[job.job_id] = job
        for layer_id in job.layer_ids:
            self.index.set_layer(job, self.layers[layer_id])

    def submit(self, seed: int) -> None:
        number = len(self.layers)
        job_id, layer_id = JobId(f"job-{number:03}"), StepId(f"step-{number:03}")
        attributes = {"project": f"p{seed % 3}", "app": APPS[seed // 3 % 3]}
        common: dict[str, Any] = {
            "farm_id": FARM, "queue_id": QUEUES[seed // 9 % 2], "job_id": job_id,
            "created_at": Instant(seed // 18 % 5 * 1000), "created_by": f"u{seed // 90 % 3}",
            "attributes": attributes,
        }  # fmt: skip
        job = Job(name="j", priority=50 + seed // 270 % 2, layer_ids=(layer_id,),
                  max_worker_count=(-1, 1)[seed // 540 % 2], **common)  # fmt: skip
        self.layers[layer_id] = Layer(
            layer_id=layer_id, name="l", index=0, task_count=3,
            requirement=REQUIREMENTS[seed // 1080 % 4], **common,
        )  # fmt: skip
        self._put(job)

    def ready(self, number: int, is_ready: bool) -> None:
        job = self._job(number)
        if job is not None:
            layer_id = job.layer_ids[0]
            status = TaskRunStatus.READY if is_ready else TaskRunStatus.SUSPENDED
            self.layers[layer_id] = replace(self.layers[layer_id], rest_status=status)
            self._put(job)

    def sessions(self, number: int, count: int) -> None:
        self._put(self._job(number), open_sessions=count)

    def exclude(self, number: int, worker: int) -> None:
        self._put(self._job(number), excluded_workers=(WorkerId(f"w{worker}"),))

    def served(self, number: int, hours: int) -> None:
        self._put(self._job(number), served_at=Instant(hours * 3_600_000))

    def priority(self, number: int, priority: int) -> None:
        self._put(self._job(number), priority=priority)

    def drop(self, number: int) -> None:
        job = self._job(number)
        if job is not None:
            del self.jobs[job.job_id]
            self.index.drop_job(job.job_id)

    def _share(self, number: int) -> Share:
        kind, name = (
            (ShareKind.PROJECT, f"p{number}") if number < 3 else (ShareKind.USER, f"u{number - 3}")
        )
        return self.shares.get((kind, name)) or Share(farm_id=FARM, kind=kind, name=name)

    def _put_share(self, share: Share) -> None:
        self.shares[share.kind, share.name] = share
        self.index.set_share(FARM, share.kind, share.name, share)

    def charge(self, number: int, seconds: int) -> None:
        """Have somebody have had a thread for so long."""
        share = counted(self._share(number), 0, Instant(self.now - seconds * 1000))
        self._put_share(counted(share, 1, self.now))

    def wait(self, seconds: int) -> None:
        self.now = Instant(self.now + seconds * 1000)
        self.index.pass_time(self.now)

    def quota(self, number: int, most: int | None) -> None:
        self._put_share(replace(self._share(number), max_threads=most))

    def thread(self, project: int, user: int, change: int) -> None:
        payer = (f"p{project}", f"u{user}")
        if change < 0 and (*payer, 1) not in self.threads:
            return
        if change > 0:
            self.threads.append((*payer, change))
        else:
            self.threads.remove((*payer, 1))
        self.index.tallies(FARM).count_thread(*payer, change)

    def pool(self, app: int, count: int | None) -> None:
        key = (APPS[app], "", "")
        if count is None:
            self.pools.pop(APPS[app], None)
        else:
            self.pools[APPS[app]] = LicencePool(
                farm_id=FARM, app=APPS[app], regions={Region.DEFAULT: RegionTerms(count=count)},
                updated_at=Instant(0), updated_by="x",
            )  # fmt: skip
        self.index.set_pool(FARM, key, self.pools.get(APPS[app]), self.jobs)

    def told_row(self, app: int, seats: int) -> LicenceCount:
        return LicenceCount(farm_id=FARM, app=APPS[app], region="default", seats=seats)

    def budget(self, project: int, spent: bool) -> None:
        name = f"b{project}"
        self.budgets[name] = Budget(
            farm_id=FARM, budget_id=name, name=name, scope={"project": f"p{project}"},
            amount_billionths=1, start_at=Instant(0), created_at=Instant(0), created_by="x",
            stops=True, exhausted=spent,
        )  # fmt: skip
        self.index.set_budget(FARM, name, self.budgets[name], self.jobs)

    def seat(self, app: int, change: int) -> None:
        self.seats.append((APPS[app], change))
        self.index.tallies(FARM).count_seat((APPS[app], "", ""), Region.DEFAULT, change)

    def rebuilt(self) -> SchedulingIndex:
        """Return the index built anew: it remembers nothing."""
        index = SchedulingIndex()
        index.pass_time(self.now)
        tallies = index.tallies(FARM)
        for app, pool in self.pools.items():
            tallies.set_pool((app, "", ""), pool)
        for app, row in self.told.items():
            tallies.set_told(((app, "", ""), Region.DEFAULT), row)
        for (kind, name), share in self.shares.items():
            tallies.set_share((kind, name), share)
        for name, one in self.budgets.items():
            tallies.set_budget(name, one)
        for project, user, change in self.threads:
            tallies.count_thread(project, user, change)
        for app, change in self.seats:
            tallies.count_seat((app, "", ""), Region.DEFAULT, change)
        for job in self.jobs.values():
            for layer_id in job.layer_ids:
                index.set_layer(job, self.layers[layer_id])
        return index

    def ask(self, capability: int, worker: int, more: int) -> None:
        payer = None if more % 3 == 0 else (f"p{more % 3}", f"u{more % 2}")
        offer = Offer(
            CAPABILITIES[capability],
            worker_id=WorkerId(f"w{worker}"),
            free_memory_mib=6.0 if more == 8 else None,
            held=(("nuke", "", ""),) if more in (4, 5) else (),
            payer=payer,
        )
        queues = QUEUES[: 1 + more % 2]
        found = self.index.best(queues, offer)
        again = self.index.best(queues, offer)
        wanted = self.rebuilt().best(queues, offer)
        assert found == again == wanted
        if isinstance(wanted, Choice):
            assert self.index.is_outranked(queues, offer, wanted.priority - 1, -1_000)
            assert self.index.is_outranked(queues, offer, 1_000, wanted.band)
        tops = [entry.priority for entry in self.index._entries.values()
                if entry.offered and entry.is_open and entry.layer.queue_id in queues]  # fmt: skip
        assert not self.index.is_outranked(queues, offer, max(tops, default=-1), -1_000)


def _tell(both: Both, app: int, seats: int | None) -> None:
    row = None if seats is None else both.told_row(app, seats)
    if row is None:
        both.told.pop(APPS[app], None)
    else:
        both.told[APPS[app]] = row
    both.index.tallies(FARM).set_told(((APPS[app], "", ""), Region.DEFAULT), row)


@pytest.fixture(scope="module", autouse=True)
def short_memory() -> Iterator[None]:
    """Remember only the two first layers for each kind of offer, so that others follow soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "MOST_FIRST", 2)
        patch.setattr(lane, "MOST_FIRST", 2)
        yield


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    seeds=st.lists(st.integers(0, 2**30), min_size=3, max_size=14),
    doings=st.lists(DOINGS, min_size=5, max_size=60),
)
# Nothing that is liked is left, and there is more of the rest than is remembered.
@example(seeds=[2403, 2745, 554668659], doings=[("submit", 0)] * 5 + [("submit", 441)])
# What fits goes, and what is left of the same user does not.
@example(seeds=[114, 9, 120120966], doings=[("submit", 9)] + [("ready", 0, False)] * 4)
def test_an_answer_from_memory_is_the_answer_of_an_index_built_anew(
    seeds: list[int], doings: list[tuple[Any, ...]]
) -> None:
    both = Both()
    for seed in seeds:
        both.submit(seed)
    for number, doing in enumerate(doings):
        if doing[0] == "told":
            _tell(both, doing[1], doing[2])
        else:
            both.do(doing)
        both.ask(number % 4, number % 3, number % 9)
    assert both.rebuilt().snapshot()["entries"] == both.index.snapshot()["entries"]
