"""The scheduler alone, on virtual time: 10,000 workers, 500 jobs, demands, licences and limits.

A decision is one task that is done and what its thread does next: the session's job is asked for
its next task, what is more urgent is looked for, and the index is told of the task that was taken;
or else the session ends, what project and user had is counted, its licences go back, and the thread
opens one for other work. No sockets, no database. Whatever a farm asks and tells the index is
played again on a twin of it, and that is timed: so the simulation's own work is not taken for the
scheduler's. One row has both, as before. Rates are by the processor's time, so that a busy machine
disturbs them less; the wait is real time. Collections of lost objects are as rare as in the server.
"""

import gc
import itertools
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.scheduler_calls import RecordedIndex
from benchmarks.scheduler_farm import PROJECTS, REQUIREMENTS, WEIGHTS, SimulatedFarm, Thread
from grange.domain.work import Requirement
from grange.scheduling.capability import satisfies
from grange.scheduling.entry import Choice
from grange.server.serve import GC_THRESHOLDS

DECISIONS = "decisions, layers of 20,000 tasks"
SIMULATED = "the same, with the simulation's own work"
BLOCKED = "the same, 400 more urgent layers blocked on a licence"
MIXED = "decisions, layers of 50 to 400 tasks: sessions end often"
QUOTA = "the same, one user always at a quota"
ASKED = "answers alone, to threads that ask"
ASKED_BLOCKED = "answers alone, 400 more urgent layers blocked on a licence"
LONG, SHORT = (20_000, 20_001), (50, 400)
"""(fewest, most) tasks of a layer."""
PLAYED = 100
"""So many decisions are played at a time: what they are asked with is as fresh as in a server."""


def size_of(scale: float) -> tuple[int, int]:
    """Return how many workers and jobs there are."""
    return max(100, round(10_000 * scale)), max(50, round(500 * scale))


def farm_of(
    scale: float,
    *,
    blocked: bool = False,
    quota: bool = False,
    tasks: tuple[int, int] = LONG,
    index: RecordedIndex | None = None,
) -> SimulatedFarm:
    """Return a farm with all threads busy; with 400 more layers that want a used-up licence."""
    workers, jobs = size_of(scale)
    farm = SimulatedFarm(workers=workers, jobs=jobs, quota=quota, tasks=tasks, index=index)
    if blocked:
        farm.exhaust("clarisse", layers=400)
    farm.fill()
    farm.run(workers)
    return farm


class Recorded:
    """A farm whose scheduler is timed alone."""

    def __init__(
        self,
        scale: float,
        *,
        blocked: bool = False,
        quota: bool = False,
        tasks: tuple[int, int] = LONG,
    ) -> None:
        """Make a farm as `farm_of` does."""
        self.index = RecordedIndex()
        self.farm = farm_of(scale, blocked=blocked, quota=quota, tasks=tasks, index=self.index)
        self.index.play()

    def decisions(self, count: int) -> float:
        """Return decisions per second, everything asked and told included."""
        took = 0.0
        for _ in range(count // PLAYED):
            self.farm.run(PLAYED)
            took += self.index.play()
        if not self.index.is_like_its_twin():
            raise AssertionError("The same calls left two indices in different states")
        return count // PLAYED * PLAYED / took


def simulated(farm: SimulatedFarm, count: int) -> float:
    """Return decisions per second of the scheduler and the simulation around it."""
    begun = time.process_time()
    farm.run(count)
    return count / (time.process_time() - begun)


def answers(farm: SimulatedFarm, count: int) -> float:
    """Return answers per second: what a thread is to do next, asked of a farm that stands still."""
    threads = list(itertools.islice(itertools.cycle(farm.threads), count))
    index = farm.index
    begun = time.process_time()
    for thread in threads:
        index.best(thread.queues, thread.free)
    return count / (time.process_time() - begun)


def latencies(farm: SimulatedFarm, count: int) -> tuple[float, float]:
    """Return the median and 99th percentile of one decision, in microseconds of real time."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        farm.run(1)
        took.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def fairness_error(scale: float) -> float:
    """Return how far the worst project is from its share of thread time, over three hours.

    All want the same and always have work, so that nothing but the shares decides.
    """
    farm = SimulatedFarm(workers=max(60, round(600 * scale)), jobs=0)
    for project in PROJECTS:
        for _ in range(2):
            farm.submit(
                app="blender", project=project, priority=50, tasks=100,
                requirement=Requirement(), queue=0, layers=1, limit=-1,
            )  # fmt: skip
    farm.fill()
    farm.run_until(hours=3)
    busy = farm.measured.busy_ms
    total, weights = sum(busy.values()), {one: WEIGHTS.get(one, 1000) for one in PROJECTS}
    return max(
        abs(busy.get(one, 0) / total / (weight / sum(weights.values())) - 1)
        for one, weight in weights.items()
    )


@dataclass(frozen=True, slots=True)
class Small:
    """A farm small enough for an exact solution: machines, jobs, and seats of one licence."""

    threads: Sequence[Thread]
    jobs: Sequence[tuple[Requirement, str, int]]
    """(demand, application, tasks)."""
    seats: int


def optimum(small: Small) -> int:
    """Return the most threads that can work at once: every way to use the seats is tried.

    With the licensed tasks of each job fixed, what is left is a matching of tasks to threads, which
    augmenting paths solve exactly.
    """
    best = 0
    licensed = [place for place, job in enumerate(small.jobs) if job[1] == "nuke"]
    choices = [range(min(small.jobs[place][2], small.seats) + 1) for place in licensed]
    for chosen in itertools.product(*choices):
        if sum(chosen) > small.seats:
            continue
        counts = dict(zip(licensed, chosen, strict=True))
        slots = [
            place for place, job in enumerate(small.jobs) for _ in range(counts.get(place, job[2]))
        ]
        if len(slots) > best:
            best = max(best, _matching(small, slots))
    return best


def _matching(small: Small, slots: Sequence[int]) -> int:
    fits = [
        [satisfies(thread.free.capability, small.jobs[place][0]) for thread in small.threads]
        for place in range(len(small.jobs))
    ]
    given: dict[int, int] = {}

    def place(slot: int, seen: set[int]) -> bool:
        for thread, fit in enumerate(fits[slots[slot]]):
            if fit and thread not in seen:
                seen.add(thread)
                if thread not in given or place(given[thread], seen):
                    given[thread] = slot
                    return True
        return False

    return sum(place(slot, set()) for slot in range(len(slots)))


def utilisation(seeds: Iterable[int]) -> list[float]:
    """Return, for small farms, the busy threads over the most that could be busy."""
    found = []
    for seed in seeds:
        farm = SimulatedFarm(workers=24, jobs=0, seed=seed, licences=4)
        jobs = []
        for number in range(6):
            demand = REQUIREMENTS[(seed * 7 + number * 3) % len(REQUIREMENTS)]
            app, tasks = ("nuke", "blender")[number % 2], 3 + (seed + number) % 5
            farm.submit(
                app=app, project="project2", priority=50, tasks=tasks, requirement=demand,
                queue=1, layers=1, limit=-1,
            )  # fmt: skip
            jobs.append((demand, app, tasks))
        farm.fill()
        busy = sum(1 for thread in farm.threads if thread.session is not None)
        found.append(busy / max(1, optimum(Small(farm.threads, jobs, 4))))
    return found


def idle_with_work(farm: SimulatedFarm) -> int:
    """Return how many free threads there are that the index has work for: none may be."""
    return sum(
        isinstance(farm.index.best(thread.queues, thread.free), Choice)
        for thread in farm.threads
        if thread.session is None
    )


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for lost objects as seldom as the server does."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def contests(rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Measure the scheduler."""
    count = max(1_000, round(50_000 * scale))
    workers, jobs = size_of(scale)
    free, blocked = Recorded(scale), Recorded(scale, blocked=True)
    mixed, quota = Recorded(scale, tasks=SHORT), Recorded(scale, tasks=SHORT, quota=True)
    both, asked, asked_blocked = farm_of(scale), farm_of(scale), farm_of(scale, blocked=True)
    ending = farm_of(scale, tasks=SHORT)
    with rare_collections():
        speed = held(
            Table(f"Scheduler on virtual time: {workers:,} workers, {jobs:,} jobs", "per second"),
            [
                Contestant(DECISIONS, lambda: free.decisions(count)),
                Contestant(SIMULATED, lambda: simulated(both, count)),
                Contestant(BLOCKED, lambda: blocked.decisions(count)),
                Contestant(MIXED, lambda: mixed.decisions(count)),
                Contestant(QUOTA, lambda: quota.decisions(count)),
                Contestant(ASKED, lambda: answers(asked, count)),
                Contestant(ASKED_BLOCKED, lambda: answers(asked_blocked, count)),
            ],
            rounds,
        )
        median, late = latencies(ending, count // 5)
    for name, one in ((DECISIONS, free), (BLOCKED, blocked), (MIXED, mixed), (QUOTA, quota)):
        share = one.farm.measured.starts / one.farm.measured.decisions
        speed.notes.append(f"{name}: {share:.0%} of them opened a session")
    wait = Table("From a free slot to its assignment", "µs", higher_is_better=False)
    wait.figures = {"median": [median], "99th percentile": [late]}
    waited = ending.measured.waited_ms
    wait.notes.append(
        f"free threads with work for them at the end: {idle_with_work(ending)};"
        f" threads waited {waited / 1000:.0f} s of virtual time for work that suits them"
    )
    ratios = utilisation(range(12))
    quality = Table("What it makes of a farm", "share")
    quality.figures = {
        "busy threads over the optimum, mean of 12 small farms": [statistics.mean(ratios)],
        "the worst of them": [min(ratios)],
    }
    fair = Table("Fairness over three hours", "share", higher_is_better=False)
    fair.figures = {"worst project against its share": [fairness_error(scale)]}
    goals = [
        Goal("decisions per second", 100_000, speed.median(DECISIONS)),
        Goal("decisions per second, 400 layers blocked", 20_000, speed.median(BLOCKED)),
    ]
    return [speed, wait, quality, fair], goals
