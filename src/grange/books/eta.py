"""When a job will be done: an interval, from the tasks that are done, those that run, and threads.

Task times are drawn from the tasks that ended and the tasks that still run: a task that has run for
an hour says that tasks can take more than an hour (it is censored, as survival statistics calls
it), so that slow frames, which end last, do not make the guess too hopeful. Each draw weighs what
was seen anew (a Bayesian bootstrap), so that few tasks seen make a wide interval. The tasks that
are left are then put on the threads, layer after layer as they depend on each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

DRAWS = 300
MOST_PIECES = 400
"""Tasks of a layer are looked at one by one up to here; more are put together in equal pieces."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """Time from now until everything is done; 80 of 100 times it lies between low and high."""

    low_ms: int
    likely_ms: int
    high_ms: int


def estimate(
    layers: Sequence[LayerLeft], threads: int, *, seed: int = 0, draws: int = DRAWS
) -> Eta | None:
    """Return when layers will be done; None if there is nothing to tell it by.

    Args:
        layers: those that are not done, in the order of the job.
        threads: job threads that work on them; one at least.
        seed: the same seed gives the same answer.
        draws: how many possible courses are looked at.
    """
    left = [layer for layer in layers if layer.waiting or layer.running_ms]
    if threads < 1 or any(not layer.done_ms and not layer.running_ms for layer in left):
        return None
    if not left:
        return Eta(low_ms=0, likely_ms=0, high_ms=0)
    random = Random(seed)  # noqa: S311 - a guess, no secret
    ends = sorted(_course(left, threads, random) for _ in range(draws))
    return Eta(
        low_ms=round(ends[int(LOW * (draws - 1))]),
        likely_ms=round(ends[draws // 2]),
        high_ms=round(ends[int(HIGH * (draws - 1) + 0.999)]),
    )


class _Times:
    """Task times of a layer, as one draw has them."""

    def __init__(self, layer: LayerLeft, random: Random) -> None:
        self._random = random
        seen = sorted(
            [(time, True) for time in layer.done_ms] + [(time, False) for time in layer.running_ms]
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
        self._tail = max(mean + survival * longest, 1.0) / 2
        self.mean = mean + max(0.0, survival) * (longest + self._tail)
        spread = sum(
            (time - self.mean) ** 2 * (upto - before)
            for (time, upto), (_, before) in zip(
                self._steps, [(0.0, 0.0), *self._steps], strict=False
            )
        )
        self.variance = spread + max(0.0, survival) * (longest + self._tail - self.mean) ** 2

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
        return max(self._longest, elapsed) + self._random.expovariate(1.0) * self._tail

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
