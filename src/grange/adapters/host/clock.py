"""The machine's clock: the only module that reads time."""

import asyncio
import time

from grange.kernel.units import Instant


class SystemClock:
    """The `Clock` of every real program."""

    def now(self) -> Instant:
        """Return the current instant (milliseconds UTC, rounded down)."""
        return Instant(time.time_ns() // 1_000_000)

    def monotonic_seconds(self) -> float:
        """Return seconds from an arbitrary start that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        await asyncio.sleep(seconds)
