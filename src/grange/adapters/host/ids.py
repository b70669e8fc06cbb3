"""New ids from the machine's clock and its random source."""

import os
import threading

from grange.kernel.clock import Clock
from grange.kernel.ids import uuid7_hex
from grange.kernel.units import Instant

_LOW_BITS = 62
"""Bits of a UUIDv7 below its variant: all ours to count in."""


class RandomIds:
    """An `IdSource`; ids of one source ascend even within a millisecond. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last_at = Instant(-1)
        self._randomness = 0

    def new(self, prefix: str) -> str:
        """Return `prefix-` and 32 hex digits never returned before."""
        return f"{prefix}-{self.new_hex()}"

    def new_hex(self) -> str:
        """Return 32 hex digits never returned before."""
        with self._lock:
            now = max(self._clock.now(), self._last_at)
            if now == self._last_at:
                self._randomness += 1 + int.from_bytes(os.urandom(4), "big")
            else:
                # The top counting bit stays clear, so that counting up cannot overflow.
                self._randomness = int.from_bytes(os.urandom(10), "big") & ~(1 << _LOW_BITS - 1)
                self._last_at = now
            return uuid7_hex(now, self._randomness.to_bytes(10, "big"))
