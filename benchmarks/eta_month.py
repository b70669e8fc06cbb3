"""A studio's month on virtual time, to see how often what was foretold of its jobs came true.

The jobs, their frame times, trends, failures and machine speeds are those of the simulated studio.
Threads go to the job that has fewest for its priority, so that a job has more and fewer of them as
others come and go: nothing tells the estimate of that beforehand.
"""

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from grange.books.eta import CAPACITY_SPREAD, LayerLeft, capacity, estimate
from grange.simulation.recipes import RECIPES, LayerRecipe, Recipe

HOUR_MS = 3_600_000
MONTH_MS = 30 * 24 * HOUR_MS
FAILURES = 0.012
"""Share of attempts that fail and are run again."""


@dataclass(slots=True)
class SimulatedLayer:
    """One layer of a job as it goes."""

    recipe: LayerRecipe
    frame_ms: float
    drift: float
    tasks: int
    waiting: list[int]
    done_ms: list[int] = field(default_factory=list)
    running: dict[int, int] = field(default_factory=dict)
    """Thread → since when."""

    @property
    def left(self) -> int:
        """Tasks that are not done."""
        return len(self.waiting) + len(self.running)


@dataclass(slots=True)
class SimulatedJob:
    """One job as it goes."""

    number: int
    recipe: Recipe
    layers: dict[str, SimulatedLayer]
    ask_at_share: float
    foretold: "Foretold | None" = None
    most_threads: int = 0

    @property
    def done_share(self) -> float:
        """How much of it is done."""
        total = sum(layer.tasks for layer in self.layers.values())
        return 1 - sum(layer.left for layer in self.layers.values()) / total

    @property
    def threads(self) -> int:
        """How many threads work on it."""
        return sum(len(layer.running) for layer in self.layers.values())


@dataclass(slots=True)
class Foretold:
    """What was said of a job, and what became of it."""

    at: int
    low_at: int
    likely_at: int
    high_at: int
    ended_at: int = 0

    @property
    def held(self) -> bool:
        """Whether the interval held."""
        return self.low_at <= self.ended_at <= self.high_at


class Month:
    """A farm with threads of different speeds, and a month of jobs."""

    def __init__(self, *, threads: int, jobs: int, seed: int = 1, span_ms: int = MONTH_MS) -> None:
        """Draw the month.

        Args:
            threads: job threads of the farm.
            jobs: that are submitted.
            seed: the same seed makes the same month.
            span_ms: over which they are submitted.
        """
        self._random = rng = random.Random(f"eta {seed}")
        self._speeds = [rng.choice((0.8, 1.0, 1.0, 1.3)) for _ in range(threads)]
        self._free = list(range(threads))
        self._arrivals = sorted(rng.randrange(span_ms) for _ in range(jobs))
        self._events: list[tuple[int, int, int, str, int, int]] = []
        self.now = 0
        self.jobs: dict[int, SimulatedJob] = {}
        self.results: list[Foretold] = []
        self._earlier: dict[str, deque[list[int]]] = {}
        """Times of the latest layers of each name."""

    def run(self) -> list[Foretold]:
        """Let the month pass; return what was foretold."""
        number = 0
        while self._events or number < len(self._arrivals):
            arrives = number < len(self._arrivals) and (
                not self._events or self._arrivals[number] <= self._events[0][0]
            )
            if arrives:
                self.now = self._arrivals[number]
                self.jobs[number] = self._job(number)
                number += 1
            else:
                self._finish(heappop(self._events))
            self._give()
        return self.results

    def _job(self, number: int) -> SimulatedJob:
        rng = self._random
        recipe = rng.choices(RECIPES, [one.weight for one in RECIPES])[0]
        frames = rng.choice(recipe.frames)
        layers = {}
        for one in recipe.layers:
            tasks = 1 if one.whole else math.ceil(frames / one.chunk)
            layers[one.name] = SimulatedLayer(
                recipe=one,
                frame_ms=one.seconds * 1000 * rng.lognormvariate(0, 0.45),
                drift=rng.gauss(0, 0.25),
                tasks=tasks,
                waiting=list(range(tasks))[::-1],
            )
        return SimulatedJob(number, recipe, layers, rng.uniform(0.1, 0.8))

    def _give(self) -> None:
        """Give free threads to the jobs that have fewest for their priority."""
        while self._free:
            ready = [
                (job.threads / job.recipe.priority, job.number, layer)
                for job in self.jobs.values()
                for layer in self._ready(job)
            ]
            if not ready:
                return
            _, number, layer = min(ready, key=lambda one: one[:2])
            self._start(self.jobs[number], layer, self._free.pop())

    def _ready(self, job: SimulatedJob) -> list[SimulatedLayer]:
        return [
            layer
            for layer in job.layers.values()
            if layer.waiting and not any(job.layers[other].left for other in layer.recipe.after)
        ][:1]

    def _start(self, job: SimulatedJob, layer: SimulatedLayer, thread: int) -> None:
        rng, recipe = self._random, layer.recipe
        task = layer.waiting.pop()
        frames = 1 if recipe.whole else recipe.chunk
        took = recipe.load_seconds * 1000 * rng.lognormvariate(0, 0.25)
        for _ in range(frames):
            trend = math.exp(layer.drift * task / max(1, layer.tasks))
            took += layer.frame_ms * trend * rng.lognormvariate(0, recipe.spread)
        took /= self._speeds[thread]
        layer.running[thread] = self.now
        job.most_threads = max(job.most_threads, job.threads)
        event = (self.now + round(took), job.number, thread, recipe.name, task, self.now)
        heappush(self._events, event)

    def _finish(self, event: tuple[int, int, int, str, int, int]) -> None:
        self.now, number, thread, name, task, since = event
        job = self.jobs[number]
        layer = job.layers[name]
        del layer.running[thread]
        self._free.append(thread)
        if self._random.random() < FAILURES:
            layer.waiting.append(task)
        else:
            layer.done_ms.append(self.now - since)
        if not any(one.left for one in job.layers.values()):
            self._ended(job)
        elif job.foretold is None and job.done_share >= job.ask_at_share:
            self._ask(job)

    def _ask(self, job: SimulatedJob) -> None:
        """Ask when the job will be done, as it stands after its thread was given on."""
        self._give()
        left = [
            LayerLeft(
                name=name,
                done_ms=list(layer.done_ms),
                running_ms=[self.now - since for since in layer.running.values()],
                waiting=len(layer.waiting),
                depends_on=layer.recipe.after,
                earlier_ms=list(self._earlier.get(f"{job.recipe.name} {name}", ())),
            )
            for name, layer in job.layers.items()
            if layer.left
        ]
        if job.threads < 1:
            return
        waiting = sum(len(one.waiting) for one in self._ready(job))
        threads = capacity(
            job.threads, waiting=waiting, most=job.most_threads, free=len(self._free)
        )
        found = foretell(left, threads, job.number, self.now)
        if found is not None:
            job.foretold = found

    def _ended(self, job: SimulatedJob) -> None:
        if job.foretold is not None:
            job.foretold.ended_at = self.now
            self.results.append(job.foretold)
        for name, layer in job.layers.items():
            known = self._earlier.setdefault(f"{job.recipe.name} {name}", deque(maxlen=5))
            known.append(layer.done_ms)
        del self.jobs[job.number]


def foretell(
    left: Sequence[LayerLeft], threads: int, seed: int, now: int, spread: float = CAPACITY_SPREAD
) -> Foretold | None:
    """Ask the estimate as the server does."""
    found = estimate(left, threads, seed=seed, spread=spread)
    if found is None:
        return None
    return Foretold(now, now + found.low_ms, now + found.likely_ms, now + found.high_ms)


def coverage(results: Sequence[Foretold]) -> float:
    """Return the share of the intervals that held."""
    return sum(one.held for one in results) / max(1, len(results))
