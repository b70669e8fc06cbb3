"""Looks at what runs for signs of life: its processes, its log, what it writes."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from grange.kernel.clock import Clock
from grange.worker.guard import Guard, Halt
from grange.worker.sampler import Sampler
from grange.worker.stuck import Silences

_MOST_FILES = 100_000


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a session writes."""

    log: Path
    root: Path


class Lookout:
    """Watches the actions of one worker. Called from one thread.

    Args:
        clock: the machine's clock.
        sampler: reads the processes.
        guard: knows how long a render may be silent, where the machine's owner said so.
    """

    def __init__(self, clock: Clock, sampler: Sampler, guard: Guard) -> None:
        self._clock = clock
        self._sampler = sampler
        self._guard = guard
        self._silences = Silences()
        self._places: dict[str, _Place] = {}
        self._sessions: dict[int, str] = {}

    def opened(self, session_id: str, log: Path, root: Path) -> None:
        """Take note of where a session writes its log, and in which folder its own folders lie."""
        self._places[session_id] = _Place(log, root)

    def closed(self, session_id: str) -> None:
        """Forget a session."""
        self._places.pop(session_id, None)

    def begin(
        self, thread: int, session_id: str, layer: str | None, details: Mapping[str, Any]
    ) -> None:
        """Watch an action; `details` is what the server said of its layer."""
        pace = details.get("grangeFrameMilliseconds")
        if isinstance(pace, int):
            self._silences.learn(layer, pace, measured=False)
        count = partial(bytes_below, self._places[session_id].root, session_id)
        self._sessions[thread] = session_id
        self._silences.begin(thread, layer, self._clock.monotonic_seconds(), count)

    def end(self, thread: int) -> None:
        """Watch it no longer."""
        self._silences.end(thread)
        self._sessions.pop(thread, None)

    def framed(self, layer: str | None, millis: float) -> None:
        """Learn from a frame that is done."""
        self._silences.learn(layer, millis)

    def halts(self) -> list[Halt]:
        """Return what gives no sign of life any more, and must stop."""
        now, trees = self._clock.monotonic_seconds(), self._sampler.trees()
        given, halts = self._guard.profile.silent_seconds, []
        for thread, session_id in self._sessions.items():
            length = 0
            with contextlib.suppress(OSError):  # it has not been written to
                length = self._places[session_id].log.stat().st_size
            found = self._silences.look(thread, now, trees.get(thread), length, given)
            if found is not None:
                halt = Halt(
                    thread=thread,
                    error_class="stuck",
                    error_rule="watch:silence",
                    error_text=found.text,
                )
                halts.append(halt)
        return halts


def bytes_below(root: Path, session_id: str) -> int:
    """Return how many bytes lie in the folders of a session, as far as they can be seen."""
    total = seen = 0
    for top in root.glob(f"{session_id}*"):
        for folder, _, names in os.walk(top):
            for name in names:
                with contextlib.suppress(OSError):  # it has gone meanwhile
                    total += (Path(folder) / name).lstat().st_size
                seen += 1
                if seen >= _MOST_FILES:
                    return total
    return total
