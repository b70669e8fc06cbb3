"""What a data logger does again and again; each timer can be stopped and started (S3-26)."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, NotFoundError

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Timer:
    every_seconds: Callable[[], float]
    act: Callable[[], object]
    running: bool
    next_at: float


class Timers:
    """Named timers, looked at by one thread, started and stopped by any.

    Args:
        clock: the machine's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._timers: dict[str, _Timer] = {}

    def add(self, name: str, every_seconds: Callable[[], float], act: Callable[[], object]) -> None:
        """Have something done again and again, first after one period.

        Args:
            name: what people call it.
            every_seconds: the period, asked anew each time.
            act: what is done; an error is said and the timer goes on.
        """
        due = self._clock.monotonic_seconds() + every_seconds()
        with self._lock:
            self._timers[name] = _Timer(every_seconds, act, running=True, next_at=due)

    def switch(self, name: str, *, running: bool) -> None:
        """Start or stop a timer.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._lock:
            timer = self._timers.get(name)
            if timer is None:
                raise NotFoundError("timer", name)
            if running and not timer.running:
                timer.next_at = self._clock.monotonic_seconds() + timer.every_seconds()
            timer.running = running

    def state(self) -> dict[str, dict[str, float | bool]]:
        """Return every timer's period and whether it runs."""
        with self._lock:
            return {
                name: {"running": timer.running, "every_seconds": timer.every_seconds()}
                for name, timer in sorted(self._timers.items())
            }

    def tick(self) -> list[str]:
        """Do what is due; returns the names."""
        now = self._clock.monotonic_seconds()
        with self._lock:
            due = [
                (name, timer)
                for name, timer in self._timers.items()
                if timer.running and timer.next_at <= now
            ]
            for _, timer in due:
                timer.next_at = max(timer.next_at + timer.every_seconds(), now)
        for name, timer in due:
            try:
                timer.act()
            except (GrangeError, OSError) as error:
                _log.warning("%s failed: %s", name, error, extra={"action": "timer_failed"})
        return [name for name, _ in due]
