"""New ids from a virtual clock and a seed: the same past has the same ids."""

import random

from grange.kernel.clock import Clock
from grange.kernel.ids import uuid7_hex

_NOISE_BITS = 20


class SeededIds:
    """An `IdSource` that gives the same ids every time; they ascend."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"ids {seed}")  # noqa: S311 - a simulation, no secrets
        self._count = 0

    def new(self, prefix: str) -> str:
        """Return the next id."""
        self._count += 1
        low = self._count << _NOISE_BITS | self._random.getrandbits(_NOISE_BITS)
        return f"{prefix}-{uuid7_hex(self._clock.now(), low.to_bytes(10, 'big'))}"
