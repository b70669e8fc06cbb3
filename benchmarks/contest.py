"""Contests: every contestant once per round, in turning order: a busy machine disturbs all."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of doing a thing; a round returns its figure, or None if it cannot take part."""

    name: str
    run: Callable[[], float]


@dataclass(slots=True)
class Table:
    """The figures of one contest."""

    title: str
    unit: str
    higher_is_better: bool = True
    figures: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def median(self, name: str) -> float:
        """Return the median figure of a contestant."""
        return statistics.median(self.figures[name])


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that Grange wants to keep."""

    what: str
    wanted: float
    found: float
    at_most: bool = False
    """True if the ratio may not be exceeded; else it has to be reached."""

    @property
    def met(self) -> bool:
        """True if the goal is met."""
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted


def held(table: Table, contestants: Sequence[Contestant], rounds: int) -> Table:
    """Run all contestants `rounds` times and return the table with their figures."""
    for number in range(rounds):
        turn = number % max(1, len(contestants))
        for contestant in (*contestants[turn:], *contestants[:turn]):
            table.figures.setdefault(contestant.name, []).append(contestant.run())
    order = {contestant.name: place for place, contestant in enumerate(contestants)}
    table.figures = dict(sorted(table.figures.items(), key=lambda item: order[item[0]]))
    return table


def seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
