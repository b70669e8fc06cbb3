"""How far a long answer is, for somebody who waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

Say = Callable[[str, int, int], None]
"""Told what is done now, how much of it is done, and how much there is (0: not known)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is being done."""

    what: str
    """verify or rebuild."""
    step: str
    done: int
    of: int


def silent(_step: str, _done: int, _of: int) -> None:
    """Nobody waits."""


class Progress:
    """Who does what, by farm. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: dict[tuple[str, int], Step] = {}
        self._count = 0

    @contextmanager
    def of(self, farm_id: str, what: str) -> Iterator[Say]:
        """Yield what is to be told how far it is; it is forgotten at the end of the block."""
        with self._lock:
            self._count += 1
            place = (farm_id, self._count)

        def say(step: str, done: int, of: int) -> None:
            with self._lock:
                self._steps[place] = Step(what=what, step=step, done=done, of=of)

        say("waiting", 0, 0)
        try:
            yield say
        finally:
            with self._lock:
                del self._steps[place]

    def steps(self, farm_id: str) -> list[dict[str, Any]]:
        """Return what is being done for a farm."""
        with self._lock:
            return [asdict(step) for (own, _), step in self._steps.items() if own == farm_id]
