"""The disk of a data folder: how much is left, and a file that keeps some of it back."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

RESERVE_BYTES = 64 * 1024 * 1024
LEAST_BYTES = 1_000_000_000
LEAST_SHARE = 0.02
_NAME = "reserve"

Measure = Callable[[Path], tuple[int, int]]
"""Returns (free bytes, size in bytes) of the disk that a folder lies on."""


def measured(folder: Path) -> tuple[int, int]:
    """Return (free bytes, size in bytes) of a folder's disk, as this process may use them."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class DiskRoom:
    """A `Room` on the disk of a data folder.

    Args:
        folder: the data folder.
        reserve_bytes: how much is kept back.
        measure: reads the disk.
    """

    def __init__(
        self, folder: Path, *, reserve_bytes: int = RESERVE_BYTES, measure: Measure = measured
    ) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self.measure = measure

    def has_room(self) -> bool:
        """Return False while less than 1 GB or 2 % of the disk is free."""
        free, size = self.measure(self._folder)
        return free >= _least(size)

    def keep_reserve(self) -> bool:
        """Set the reserve aside again if there is room for it; returns whether it is there."""
        with self._lock:
            if self._is_kept():
                return True
            free, size = self.measure(self._folder)
            if free < _least(size) + self._reserve_bytes:
                return False
            return self._allocate()

    def spend_reserve(self) -> bool:
        """Give the reserve up to whatever is written next; returns False if it is spent already."""
        with self._lock:
            kept = self._is_kept()
            self._path.unlink(missing_ok=True)
            return kept

    def _is_kept(self) -> bool:
        try:
            return self._path.stat().st_size >= self._reserve_bytes
        except FileNotFoundError:
            return False

    def _allocate(self) -> bool:
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._reserve_bytes)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True


def _least(size: int) -> float:
    return max(LEAST_BYTES, LEAST_SHARE * size)
