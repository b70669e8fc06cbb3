"""The clock port, and a virtual clock for simulations and tests.

Only `adapters/host/clock.py` reads the machine's time; everything else is handed a `Clock` or a
`now`.
"""

import asyncio
import heapq
from typing import Protocol

from grange.kernel.units import Instant


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> Instant:
        """Return the current instant (milliseconds UTC)."""
        ...

    def monotonic_seconds(self) -> float:
        """Return seconds from an arbitrary start that never run backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock's time."""
        ...


async def wait_until_set(event: asyncio.Event, clock: Clock, at_most_seconds: float) -> None:
    """Wait for an event, at most for so long of this clock's time."""
    found = asyncio.ensure_future(event.wait())
    slept = asyncio.ensure_future(clock.sleep(at_most_seconds))
    try:
        await asyncio.wait({found, slept}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        found.cancel()
        slept.cancel()


class VirtualClock:
    """A clock that stands still until it is told to advance; sleepers wake in order."""

    def __init__(self, start: Instant = Instant(1_767_225_600_000)) -> None:
        self._now = start
        self._start = start
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> Instant:
        """Return the virtual instant."""
        return self._now

    def monotonic_seconds(self) -> float:
        """Return virtual seconds since the clock was made."""
        return (self._now - self._start) / 1000

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced by `seconds`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * 1000), self._count, future))
        await future

    def advance(self, seconds: float) -> None:
        """Move the clock forward and wake every sleeper that is due, earliest first."""
        target = self._now + round(seconds * 1000)
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._now = Instant(due)
            if not future.done():
                future.set_result(None)
        self._now = Instant(target)
