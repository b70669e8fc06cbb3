"""Teach openjd patience: it looks a thousand times a second whether a process has ended.

`openjd.sessions` follows a process by waiting at most a millisecond for its next printed line, and
then looks whether it has ended. While a machine renders, those thousand wake-ups cost some percent
of a core. A line ends a wait at once, so waiting longer delays nothing but the news that a silent
process has ended. The wait grows with the age of the process: to a fiftieth of it, and to 50 ms at
most.
"""

import queue
from typing import Any

from openjd.sessions import _subprocess

from grange.kernel.clock import Clock

_SHARE = 50
_LONGEST_SECONDS = 0.05


def teach_patience(clock: Clock) -> None:
    """Let openjd's queues of printed lines wait longer, the longer a process has run."""

    class PatientQueue(queue.Queue[Any]):
        """A queue whose short waits grow with its age."""

        def __init__(self, maxsize: int = 0) -> None:
            super().__init__(maxsize)
            self._made_at = clock.monotonic_seconds()

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            """Return the next line, or raise Empty after the wait."""
            if timeout is not None:
                age = clock.monotonic_seconds() - self._made_at
                timeout = max(timeout, min(_LONGEST_SECONDS, age / _SHARE))
            return super().get(block, timeout)

    if hasattr(_subprocess, "Queue"):
        _subprocess.Queue = PatientQueue
