"""A farm on virtual time around the real scheduling index: no sockets, no database, no clock.

What happens here is what the owner does to the index: it is asked for every thread that is free or
has finished a task, and told of every task, session, share and licence that changes by its answer.
"""

import heapq
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Any

from msgspec.structs import replace

from benchmarks.scheduler_calls import RecordedIndex
from grange.domain.licences import LicenceHold, LicencePool, PoolKey, Region, RegionTerms
from grange.domain.policy import SchedulingPolicy
from grange.domain.routing import CLASS, GROUP
from grange.domain.shares import HALF_LIFE_MS, Share, ShareKind, counted
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer, Requirement, Session, Worker
from grange.kernel.ids import FarmId, FleetId, JobId, QueueId, SessionId, StepId, WorkerId
from grange.kernel.units import Instant
from grange.scheduling.capability import GPU, MEMORY, NOBODY, Offer, capability_of
from grange.scheduling.entry import Choice
from grange.scheduling.index import SchedulingIndex
from grange.scheduling.preemption import PATIENCE, gives_way

FARM = FarmId("farm-1")
QUEUES = (QueueId("queue-1"), QueueId("queue-2"), QueueId("queue-3"))
FLEETS: Sequence[tuple[QueueId, ...]] = (QUEUES, QUEUES[:2], QUEUES[1:])
"""The queues that each fleet works for."""
APPS = ("maya", "nuke", "houdini", "blender", "arnold", "clarisse")
PROJECTS = tuple(f"project{number}" for number in range(10))
WEIGHTS = {"project0": 2000, "project1": 500}
"""Of those that are not like everybody."""
USERS = 40
NO_JOB = JobId("")
START = Instant(1_767_225_600_000)
_BITS = 20
"""Of a thread's number."""
_THREAD = 2**_BITS - 1


@dataclass(slots=True, eq=False)
class Thread:
    """A job thread of a worker, and what it does."""

    number: int
    queues: tuple[QueueId, ...]
    free: Offer
    """What it offers when it has no session."""
    bound: Offer
    """What it offers for its session."""
    session: Session | None = None
    job_id: JobId = NO_JOB
    """Of its session."""
    since: int = 0
    """When it began to be free, or its task began."""


@dataclass(slots=True)
class Measured:
    """What a run counted."""

    decisions: int = 0
    starts: int = 0
    """Sessions that began."""
    waited_ms: int = 0
    """Of threads that were free and then had work."""
    busy_ms: Counter[str] = field(default_factory=Counter)
    """Thread time by project."""


class Ends:
    """When tasks end, kept by the second, so that the simulation itself costs little.

    A task takes longer than a second: none ends in the second that is being looked at.
    """

    def __init__(self) -> None:
        self._by_second: dict[int, list[int]] = {}
        self._seconds: list[int] = []
        self._current: list[int] = []
        """The latest first."""

    def add(self, at: int, thread: int) -> None:
        """Note when the task of a thread ends."""
        known = self._by_second.get(at // 1000)
        if known is None:
            self._by_second[at // 1000] = [at << _BITS | thread]
            heapq.heappush(self._seconds, at // 1000)
        else:
            known.append(at << _BITS | thread)

    def pop(self) -> tuple[int, int] | None:
        """Return when the next task ends, and of which thread; None: none runs."""
        if not self._current:
            if not self._seconds:
                return None
            self._current = self._by_second.pop(heapq.heappop(self._seconds))
            self._current.sort(reverse=True)
        following = self._current.pop()
        return following >> _BITS, following & _THREAD


class SimulatedFarm:
    """Workers and jobs of mixed demands, licences and limits."""

    def __init__(
        self,
        *,
        workers: int,
        jobs: int,
        seed: int = 1,
        licences: int | None = None,
        quota: bool = False,
        tasks: tuple[int, int] = (50, 400),
        index: SchedulingIndex | RecordedIndex | None = None,
    ) -> None:
        """Fill a farm.

        Args:
            workers: each with one job thread.
            jobs: that are kept waiting; one that ends is followed by another of its kind.
            seed: the same seed makes the same farm.
            licences: seats of each limited application; None: for a third of the workers.
            quota: one user has a quota, and is always at it.
            tasks: the fewest and the most of a layer.
            index: an empty one; None: one of its own.
        """
        self.random = random.Random(seed)
        self._tasks = tasks
        self._policy = SchedulingPolicy()
        self.index = index or SchedulingIndex()
        self.now = START
        self.measured = Measured()
        self.jobs: dict[JobId, Job] = {}
        self.payers: dict[JobId, tuple[tuple[ShareKind, str], ...]] = {}
        """Project and user of each job."""
        self.layers: dict[StepId, Layer] = {}
        self.shares: dict[tuple[ShareKind, str], Share] = {}
        self.idle: dict[int, Thread] = {}
        self._ends = Ends()
        self._pace: dict[StepId, int] = {}
        self._again: dict[JobId, dict[str, Any]] = {}
        """How jobs were submitted: one that ends is followed by another like it."""
        self._count = 0
        seats = workers // 3 if licences is None else licences
        for app in APPS[:3]:
            self._pool(app, seats)
        self._history(workers, quota=quota)
        for _ in range(jobs):
            self.submit()
        self.threads = [self._thread(number) for number in range(workers)]

    # ── what there is ─────────────────────────────────────────────────────────────────────────────

    def _pool(self, app: str, count: int) -> None:
        pool = LicencePool(
            farm_id=FARM,
            app=app,
            regions={Region.DEFAULT: RegionTerms(count=count)},
            updated_at=START,
            updated_by="x",
        )
        self.index.set_pool(FARM, (app, "", ""), pool, {})

    def _history(self, workers: int, *, quota: bool) -> None:
        """Have everybody look back on a day in which they had what was due to them."""
        weights = {name: WEIGHTS.get(name, 1000) for name in PROJECTS}
        day = workers * 86_400_000
        for name, weight in weights.items():
            share = Share(farm_id=FARM, kind=ShareKind.PROJECT, name=name, weight_milli=weight)
            had = day * weight // sum(weights.values())
            self._put_share(replace(share, used_log2=log2(had) + START / HALF_LIFE_MS))
        for number in range(USERS):
            share = Share(farm_id=FARM, kind=ShareKind.USER, name=f"user{number}")
            if quota and not number:
                share = replace(share, max_threads=workers // USERS // 2)
            self._put_share(replace(share, used_log2=log2(day / USERS) + START / HALF_LIFE_MS))

    def _thread(self, number: int) -> Thread:
        kind = number % 12
        worker = Worker(
            farm_id=FARM,
            fleet_id=FleetId(f"fleet-{number % 3}"),
            worker_id=WorkerId(f"worker-{number:06}"),
            global_index=number,
            amounts={
                MEMORY: (16_000.0, 64_000.0, 128_000.0, 256_000.0)[kind % 4],
                GPU: 1.0 if kind % 3 == 0 else 0.0,
            },
            attributes={"attr.worker.os.family": ("linux" if kind % 6 else "windows",)},
            classes=("A", "B", "C")[: 1 + kind % 3],
            created_at=START,
            created_by="w",
        )
        capability = capability_of(worker, ("big",) if kind % 4 > 1 else ("small",))
        offer = Offer(capability, worker_id=worker.worker_id)
        return Thread(number, FLEETS[number % 3], offer, offer)

    def submit(
        self,
        *,
        app: str | None = None,
        project: str | None = None,
        priority: int | None = None,
        tasks: int | None = None,
        requirement: Requirement | None = None,
        queue: int | None = None,
        layers: int | None = None,
        limit: int | None = None,
    ) -> JobId:
        """Put a job with one or two layers into a queue; what is not said is drawn."""
        again = {
            "app": app, "project": project, "priority": priority, "tasks": tasks,
            "requirement": requirement, "queue": queue, "layers": layers, "limit": limit,
        }  # fmt: skip
        pick, self._count = self.random, self._count + 1
        number = self._count
        job_id = JobId(f"job-{number:08}")
        app = app or pick.choice(APPS)
        attributes = {"app": app, "project": project or pick.choice(PROJECTS)}
        count = layers or pick.choice((1, 1, 1, 2))
        queue_id = pick.choice(QUEUES) if queue is None else QUEUES[queue]
        layer_ids = tuple(StepId(f"step-{number:08}-{place}") for place in range(count))
        job = Job(
            farm_id=FARM,
            queue_id=queue_id,
            job_id=job_id,
            name=f"shot{number}",
            priority=priority or pick.choices((30, 50, 70), (10, 89, 1))[0],
            attributes=attributes,
            max_worker_count=pick.choice((-1, -1, -1, -1, -1, 40)) if limit is None else limit,
            layer_ids=layer_ids,
            created_at=Instant(self.now + number % 1000),
            created_by=f"user{pick.randrange(USERS)}",
        )
        self.jobs[job_id] = job
        self.payers[job_id] = (
            (ShareKind.PROJECT, attributes["project"]),
            (ShareKind.USER, job.created_by),
        )
        self._again[job_id] = again
        for place, layer_id in enumerate(layer_ids):
            count = tasks or pick.randrange(*self._tasks)
            layer = Layer(
                farm_id=FARM,
                queue_id=queue_id,
                job_id=job_id,
                layer_id=layer_id,
                name=f"layer{place}",
                index=place,
                requirement=requirement or pick.choice(REQUIREMENTS),
                attributes=attributes,
                task_count=count,
                counts={TaskRunStatus.READY: count},
                created_at=job.created_at,
                created_by=job.created_by,
            )
            self.layers[layer_id] = layer
            self._pace[layer_id] = pick.choice((20_000, 60_000, 180_000))
            self.index.set_layer(job, layer)
        return job_id

    def exhaust(self, app: str, *, layers: int) -> None:
        """Submit layers, more urgent than any other, that want a licence that is used up."""
        self._pool(app, 0)
        for _ in range(layers):
            self.submit(app=app, layers=1, priority=90)

    # ── what happens ──────────────────────────────────────────────────────────────────────────────

    def fill(self) -> None:
        """Ask for every thread, as workers do that start."""
        for thread in self.threads:
            self.ask(thread)

    def run(self, decisions: int) -> None:
        """Let tasks end, one after the other, and ask for their threads."""
        wanted = self.measured.decisions + decisions
        measured, threads, ends = self.measured, self.threads, self._ends
        while measured.decisions < wanted:
            following = ends.pop()
            if following is None:
                return
            self.now = Instant(following[0])
            self.finished(threads[following[1]])

    def run_until(self, *, hours: float) -> None:
        """Let this much virtual time pass."""
        until = START + round(hours * 3_600_000)
        before = -1
        while self.now <= until and self.measured.decisions != before:
            before = self.measured.decisions
            self.run(1)

    def ask(self, thread: Thread) -> bool:
        """Ask for work for a free thread; True if there was some."""
        self.measured.decisions += 1
        choice = self.index.best(thread.queues, thread.free)
        if not isinstance(choice, Choice):
            self.idle[thread.number] = thread
            return False
        if self.idle.pop(thread.number, None) is not None:
            self.measured.waited_ms += self.now - thread.since
        self._open(thread, choice)
        return True

    def finished(self, thread: Thread) -> None:
        """Take in that a thread's task is done, and ask what it does next."""
        self.measured.decisions += 1
        now, job_id = self.now, thread.job_id
        self.index.pass_time(now)
        project = self.payers[job_id][0][1]
        self.measured.busy_ms[project] += now - thread.since
        own = self.index.best_of_job(job_id, thread.bound)
        if own is not None and not self._gives_way(thread, own):
            self._assign(thread, own.layer_id)
            return
        self._close(thread)
        self.measured.decisions -= 1
        thread.since = self.now
        self.ask(thread)
        self._ended(job_id)

    def _gives_way(self, thread: Thread, own: Choice) -> bool:
        """True if the session ends with what it has."""
        aged = own.band - PATIENCE
        if not self.index.is_outranked(thread.queues, thread.bound, own.priority, aged):
            return False
        best = self.index.best(thread.queues, thread.bound)
        return isinstance(best, Choice) and gives_way(self._policy, best, own)

    def _open(self, thread: Thread, choice: Choice) -> None:
        job = self.jobs[choice.job_id]
        self.measured.starts += 1
        pools = self.index.pools_of(choice.layer_id)
        session = Session(
            farm_id=FARM,
            queue_id=job.queue_id,
            fleet_id=FleetId("fleet"),
            worker_id=thread.free.worker_id,
            job_id=job.job_id,
            session_id=SessionId(f"session-{self.measured.starts}"),
            thread=0,
            threads=1,
            user_name=job.created_by,
            started_at=self.now,
            licences=tuple(self._hold(pool) for pool in pools) or None,
        )
        thread.session = session
        thread.job_id = job.job_id
        project = job.attributes["project"]
        thread.bound = Offer(
            thread.free.capability,
            worker_id=thread.free.worker_id,
            held=pools,
            payer=(project, job.created_by),
        )
        self._count_threads(job.job_id)
        self.index.set_session(project, None, session)
        self._put_job(replace(job, open_sessions=job.open_sessions + 1, served_at=self.now))
        self._assign(thread, choice.layer_id)

    def _assign(self, thread: Thread, layer_id: StepId) -> None:
        layer = self.layers[layer_id]
        index = self.index.first_ready(layer_id, NOBODY)
        if index is None:
            raise AssertionError(f"{layer_id} was chosen and has no ready task")
        self.layers[layer_id] = after = replace(layer, next_index=index + 1)
        self.index.set_layer(self.jobs[layer.job_id], after)
        thread.since = self.now
        took = int(self._pace[layer_id] * (0.5 + self.random.random()))
        self._ends.add(self.now + took, thread.number)

    def _close(self, thread: Thread) -> None:
        session, job = thread.session, self.jobs[thread.job_id]
        if session is None:
            raise AssertionError(f"Thread {thread.number} has no session to close")
        ended = replace(session, licences=None, ended_at=self.now)
        self._count_threads(job.job_id)
        self.index.set_session(job.attributes["project"], session, ended)
        self._put_job(replace(job, open_sessions=job.open_sessions - 1))
        thread.session = None
        thread.bound = thread.free

    def _ended(self, job_id: JobId) -> None:
        """Forget a job that is done, and submit another."""
        job = self.jobs.get(job_id)
        if job is None or job.open_sessions:
            return
        if any(self.index.ready_count(one) for one in job.layer_ids):
            return
        self.index.drop_job(job_id)
        for layer_id in job.layer_ids:
            del self.layers[layer_id]
            del self._pace[layer_id]
        del self.jobs[job_id], self.payers[job_id]
        self.submit(**self._again.pop(job_id))
        for thread in list(self.idle.values()):
            if not self.ask(thread):
                break

    # ── telling the index ─────────────────────────────────────────────────────────────────────────

    def _put_job(self, job: Job) -> None:
        self.jobs[job.job_id] = job
        for layer_id in job.layer_ids:
            self.index.set_layer(job, self.layers[layer_id])

    def _put_share(self, share: Share) -> None:
        self.shares[share.kind, share.name] = share
        self.index.set_share(FARM, share.kind, share.name, share)

    def _count_threads(self, job_id: JobId) -> None:
        threads = self.index.tallies(FARM).threads
        for whose in self.payers[job_id]:
            self._put_share(counted(self.shares[whose], threads.get(whose, 0), self.now))

    def _hold(self, pool: PoolKey) -> LicenceHold:
        return LicenceHold(
            app=pool[0], plugin="", version="", region=Region.DEFAULT, product=pool[0],
            since_at=self.now,
        )  # fmt: skip


def _needs(memory: float = 0, gpu: float = 0, **attributes: str) -> Requirement:
    amounts = [(MEMORY, memory, None)] if memory else []
    amounts += [(GPU, gpu, None)] if gpu else []
    names = {"group": GROUP, "letter": CLASS, "system": "attr.worker.os.family"}
    return Requirement(
        amounts=tuple(sorted(amounts)),
        attributes=tuple(sorted((names[one], (value,), ()) for one, value in attributes.items())),
    )


REQUIREMENTS = (
    Requirement(),
    Requirement(),
    _needs(memory=12_000),
    _needs(memory=60_000),
    _needs(memory=200_000),
    _needs(gpu=1),
    _needs(group="big"),
    _needs(letter="B"),
    _needs(letter="A", system="linux"),
    _needs(memory=60_000, gpu=1, system="linux"),
)
"""What layers demand of a worker."""
