"""Waking workers: a held UpdateWorkerSchedule and a wake stream both wait here for work.

A wake that finds nobody waiting is kept, so that a worker that looks away for a moment misses
nothing.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from grange.domain.effects import CloseLog, Effect, Publish, WakeFleet, WakeWorker
from grange.kernel.ids import FleetId, WorkerId


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits on behalf of a worker."""

    worker_id: WorkerId
    fleet_id: FleetId
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, timeout_seconds: float) -> bool:
        """Wait to be woken; returns False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.woken.wait()
        except TimeoutError:
            return False
        self.woken.clear()
        return True


class Wakes:
    """Who waits, by worker and by fleet."""

    def __init__(self) -> None:
        self._by_worker: dict[WorkerId, dict[Waiter, None]] = {}
        self._by_fleet: dict[FleetId, dict[Waiter, None]] = {}

    @contextmanager
    def waiting(self, worker_id: WorkerId, fleet_id: FleetId) -> Iterator[Waiter]:
        """Count as waiting inside the block; yields the `Waiter`."""
        waiter = Waiter(worker_id, fleet_id)
        self._by_worker.setdefault(worker_id, {})[waiter] = None
        self._by_fleet.setdefault(fleet_id, {})[waiter] = None
        try:
            yield waiter
        finally:
            self._remove(self._by_worker, worker_id, waiter)
            self._remove(self._by_fleet, fleet_id, waiter)

    def worker(self, worker_id: WorkerId) -> None:
        """Wake everybody who waits for one worker."""
        for waiter in self._by_worker.get(worker_id, ()):
            waiter.woken.set()

    def fleet(self, fleet_id: FleetId, count: int) -> None:
        """Wake up to `count` workers of a fleet, those that have waited longest first."""
        waiters = self._by_fleet.get(fleet_id, {})
        woken: set[WorkerId] = set()
        for waiter in list(waiters):
            if len(woken) >= count and waiter.worker_id not in woken:
                break
            waiter.woken.set()
            woken.add(waiter.worker_id)
            waiters[waiter] = waiters.pop(waiter)

    def everybody(self) -> None:
        """Wake everybody: the server stops."""
        for waiters in self._by_worker.values():
            for waiter in waiters:
                waiter.woken.set()

    @staticmethod
    def _remove(table: dict[Any, dict[Waiter, None]], key: Any, waiter: Waiter) -> None:
        waiters = table.get(key, {})
        waiters.pop(waiter, None)
        if not waiters:
            table.pop(key, None)


Touch = Callable[[str, str, str], None]
"""(farm id, event name, subject id)."""


class Effects:
    """Performs what a committed batch asks for; nothing here can fail or wait."""

    def __init__(self, wakes: Wakes, touch: Touch) -> None:
        self._wakes = wakes
        self._touch = touch

    async def perform(self, effects: Sequence[Effect]) -> None:
        """Wake workers and tell the pages."""
        for effect in effects:
            match effect:
                case WakeWorker(worker_id):
                    self._wakes.worker(worker_id)
                case WakeFleet(fleet_id, count):
                    self._wakes.fleet(fleet_id, count)
                case Publish(farm_id, job_id, worker_id):
                    if job_id is not None:
                        self._touch(farm_id, "job", job_id)
                    if worker_id is not None:
                        self._touch(farm_id, "worker", worker_id)
                case CloseLog():
                    continue  # idle logs are compressed by a sweep, for late lines may still come
