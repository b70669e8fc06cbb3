"""When a job will be done: an interval, from the tasks that are done, those that run, and threads.

Task times are drawn from the tasks that ended and the tasks that still run: a task that has run for
an hour says that tasks can take more than an hour (it is censored, as survival statistics calls
it), so that slow frames, which end last, do not make the guess too hopeful. Each draw weighs what
was seen anew (a Bayesian bootstrap), so that few tasks seen make a wide interval. The tasks that
are left are then put on the threads, layer after layer as they depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from math import erfc, exp, log, sqrt, tau
from random import Random
from statistics import NormalDist

DRAWS = 300
MOST_PIECES = 400
"""Tasks of a layer are looked at one by one up to here; more are put together in equal pieces."""
ENOUGH = 5
"""With fewer tasks of its own done, a layer is also told by earlier ones like it."""
USUAL_WIDTH = 0.35
"""Sigma of the logarithms of a layer's task times, where little is known."""
HELP = 4
"""It counts as much as so many tasks."""
CAPACITY_SPREAD = 0.45
"""How much the threads of a job differ from what was expected of them, as the sigma of a lognormal
distribution: others come and go. Measured by the calibration on a simulated month."""
WIDENED = 1.55
"""How much wider the interval is made where capacity is uncertain: what is not modelled (trends
within a scene, machines of other speeds, failures) makes ends scatter more than the draws do.
Measured by the same calibration, so that 80 of 100 ends lie inside."""
LOW, HIGH = 0.10, 0.90
"""Between these quantiles lie 80 of 100 ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLeft:
    """What is left of a layer, and what is known of its task times."""

    name: str
    done_ms: Sequence[int]
    """Times of tasks that ended well, of this layer or of earlier ones like it."""
    running_ms: Sequence[int] = ()
    """How long running tasks have run."""
    waiting: int = 0
    depends_on: Sequence[str] = ()
    earlier_ms: Sequence[Sequence[int]] = ()
    """Times of tasks of each earlier layer like it: looked at while few of its own are done. Each
    draw takes one of these layers, since what makes one scene slow makes all its tasks slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """Time from now until everything is done; 80 of 100 times it lies between low and high."""

    low_ms: int
    likely_ms: int
    high_ms: int


def capacity(now: int, *, waiting: int, most: int, free: int) -> int:
    """Return how many threads a job may expect to have.

    As long as tasks of it wait, it has what it can get. One whose ready tasks all run has fewer
    threads than it could have: its next layer will have more.

    Args:
        now: threads that work on it.
        waiting: ready tasks that no thread works on.
        most: threads that it had at the most.
        free: threads that are free and could take its tasks.
    """
    return max(1, now + free if waiting else max(now + free, most))


def estimate(
    layers: Sequence[LayerLeft],
    threads: int,
    *,
    seed: int = 0,
    draws: int = DRAWS,
    spread: float = 0.0,
) -> Eta | None:
    """Return when layers will be done; None if there is nothing to tell it by.

    Args:
        layers: those that are not done, in the order of the job.
        threads: job threads that work on them; one at least.
        seed: the same seed gives the same answer.
        draws: how many possible courses are looked at.
        spread: how uncertain the number of threads is; 0: it stays as it is.
    """
    left = [layer for layer in layers if layer.waiting or layer.running_ms]
    if threads < 1 or any(
        not layer.done_ms and not layer.running_ms and not layer.earlier_ms for layer in left
    ):
        return None
    if not left:
        return Eta(low_ms=0, likely_ms=0, high_ms=0)
    random = Random(seed)  # noqa: S311 - a guess, no secret
    running = sum(len(layer.running_ms) for layer in left)
    ends = sorted(
        _course(left, _drawn_threads(threads, running, spread, random), random)
        for _ in range(draws)
    )
    low, likely, high = (
        max(1.0, ends[place])
        for place in (int(LOW * (draws - 1)), draws // 2, int(HIGH * (draws - 1) + 0.999))
    )
    if spread:
        low, high = likely * (low / likely) ** WIDENED, likely * (high / likely) ** WIDENED
    return Eta(low_ms=round(low), likely_ms=round(likely), high_ms=round(high))


def _drawn_threads(threads: int, running: int, spread: float, random: Random) -> int:
    if not spread:
        return threads
    return max(1, running // 4, round(threads * random.lognormvariate(0, spread)))


@lru_cache(maxsize=512)
def _bell(done: tuple[int, ...], running: tuple[int, ...]) -> tuple[float, float]:
    """Return mean and sigma of the logarithms of times; running ones are censored.

    Expectation and maximisation for a censored normal distribution; a few times are helped by what
    frame times usually are.
    """
    ended = [log(max(1, time)) for time in done]
    open_ones = [log(max(1, time)) for time in running]
    count = len(ended) + len(open_ones)
    middle = sum(ended or open_ones) / len(ended or open_ones)
    width = USUAL_WIDTH
    for _ in range(6):
        total, squares = sum(ended), sum(value * value for value in ended)
        for value in open_ones:
            z = (value - middle) / width
            rest = 0.5 * erfc(z / sqrt(2))
            hazard = exp(-z * z / 2) / sqrt(tau) / rest if rest > 1e-12 else z + 1 / max(z, 1.0)
            total += middle + width * hazard
            squares += middle * middle + width * width + width * (value + middle) * hazard
        middle = total / count
        variance = max(0.0, squares / count - middle * middle)
        width = sqrt((count * variance + HELP * USUAL_WIDTH**2) / (count + HELP))
    return middle, width


class _Times:
    """Task times of a layer, as one draw has them."""

    def __init__(self, layer: LayerLeft, random: Random) -> None:
        self._random = random
        done = list(layer.done_ms)
        if layer.earlier_ms and len(done) < ENOUGH:
            done += random.choice(layer.earlier_ms)
        seen = sorted(
            [(time, True) for time in done] + [(time, False) for time in layer.running_ms]
        )
        weights = [random.expovariate(1.0) for _ in seen]
        at_risk = sum(weights)
        survival = 1.0
        self._steps: list[tuple[float, float]] = []
        """(time, chance to take no longer), ascending."""
        mean = 0.0
        for (time, ended), weight in zip(seen, weights, strict=True):
            if ended and at_risk > 0:
                mass = survival * min(1.0, weight / at_risk)
                survival -= mass
                mean += mass * time
                self._steps.append((time, 1.0 - survival))
            at_risk -= weight
        longest = float(seen[-1][0])
        self._longest = max(longest, 1.0)
        middle, width = _bell(tuple(done), tuple(layer.running_ms))
        known = max(1, len(done))
        self._bell = NormalDist(
            middle + random.gauss(0, width / sqrt(known)),
            width * exp(random.gauss(0, 1 / sqrt(2 * (known + HELP)))),
        )
        self.beyond = self._beyond(self._longest, 0.5)
        self.mean = mean + max(0.0, survival) * self.beyond
        spread = sum(
            (time - self.mean) ** 2 * (upto - before)
            for (time, upto), (_, before) in zip(
                self._steps, [(0.0, 0.0), *self._steps], strict=False
            )
        )
        self.variance = spread + max(0.0, survival) * (self.beyond - self.mean) ** 2

    def draw(self, elapsed: float = 0.0) -> float:
        """Return a task's time, of a task that has run for so long already."""
        begin, past = 0, 0.0
        for begin, (time, upto) in enumerate(self._steps):  # noqa: B007 - used below
            if time > elapsed:
                break
            past = upto
        else:
            begin = len(self._steps)
        point = past + (1.0 - past) * self._random.random()
        for time, upto in self._steps[begin:]:
            if point <= upto:
                return time
        return self._beyond(max(self._longest, elapsed), self._random.random())

    def _beyond(self, longest: float, point: float) -> float:
        """Return a time longer than any that was seen, as the bell of the times' logarithms ends.

        Args:
            longest: that was seen.
            point: from 0 to 1; where it lies among all that are longer.
        """
        past = self._bell.cdf(log(longest))
        if past > 1 - 1e-6:
            return longest * (1.0 + 0.1 * point)
        return float(exp(self._bell.inv_cdf(min(past + (1.0 - past) * point, 1 - 1e-9))))

    def draw_many(self, count: int) -> float:
        """Return the time of several tasks one after the other."""
        if count == 1:
            return self.draw()
        drawn = self._random.gauss(count * self.mean, (count * self.variance) ** 0.5)
        return max(drawn, 0.2 * count * self.mean)


def _course(layers: Sequence[LayerLeft], threads: int, random: Random) -> float:
    """Return when everything is done in one possible course."""
    times = {layer.name: _Times(layer, random) for layer in layers}
    pieces = {layer.name: _pieces(layer.waiting, threads) for layer in layers}
    open_count = {layer.name: len(pieces[layer.name]) + len(layer.running_ms) for layer in layers}
    waits: dict[str, set[str]] = {
        layer.name: {name for name in layer.depends_on if name in open_count} for layer in layers
    }
    busy: list[tuple[float, str]] = []
    for layer in layers:
        for elapsed in layer.running_ms:
            heappush(busy, (times[layer.name].draw(elapsed) - elapsed, layer.name))
    now = 0.0
    while True:
        while len(busy) < threads:
            ready = next(
                (one.name for one in layers if pieces[one.name] and not waits[one.name]), None
            )
            if ready is None:
                break
            heappush(busy, (now + times[ready].draw_many(pieces[ready].pop()), ready))
        if not busy:
            return now
        now, name = heappop(busy)
        open_count[name] -= 1
        if not open_count[name]:
            for others in waits.values():
                others.discard(name)


def _pieces(waiting: int, threads: int) -> list[int]:
    """Return how many tasks each piece has: one each, unless there are very many."""
    most = max(MOST_PIECES, 4 * threads)
    if waiting <= most:
        return [1] * waiting
    size, more = divmod(waiting, most)
    return [size + 1] * more + [size] * (most - more)
