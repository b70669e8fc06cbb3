"""What a farm asks and tells the scheduling index, kept, and played again on another one.

Half of a simulated farm's time is its own: it draws how long tasks take, keeps what ends when, and
makes the records of sessions and jobs. Played again on an index in the same state, the calls take
the time of the scheduler alone.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from grange.scheduling.index import SchedulingIndex


class RecordedIndex:
    """A scheduling index that keeps what it is asked and told, for its twin."""

    def __init__(self) -> None:
        """Make two empty indices."""
        self._index = SchedulingIndex()
        self._twin = SchedulingIndex()
        self._calls: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        """Return a method of the index that is kept when it is called."""
        self.__dict__[name] = both = partial(
            self._call, getattr(self._index, name), getattr(self._twin, name)
        )
        return both

    def _call(
        self, own: Callable[..., object], others: Callable[..., object], *given: object
    ) -> object:
        self._calls.append((others, given))
        return own(*given)

    def play(self) -> float:
        """Do again on the twin what was done since this was called last.

        Returns:
            Seconds of processor time that it took.
        """
        calls = self._calls
        self._calls = []
        begun = time.process_time()
        for call, given in calls:
            call(*given)
        return time.process_time() - begun

    def is_like_its_twin(self) -> bool:
        """True if both are in the same state."""
        return self._index.snapshot() == self._twin.snapshot()
