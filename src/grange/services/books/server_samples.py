"""The server's own sample, once a minute: that it ran, and how the machine was."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict

from grange.books.catalog.telemetry_tables import SERVER_SAMPLES
from grange.domain.farm import Farm
from grange.kernel.clock import Clock
from grange.kernel.errors import ThrottledError
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.ports.host import MachineReading, Probe, TreeReading
from grange.ports.state import StateStore
from grange.ports.traffic import TrafficReading
from grange.services.books.group_commit import GroupCommit

_ABOUT_ROW_BYTES = 200

_log = logging.getLogger(__name__)


class ServerSampler:
    """Books one sample for each farm at the end of each minute of the clock.

    A quarter of an hour in which the server ran is known by it, even if nothing else happened.
    """

    def __init__(
        self,
        store: StateStore,
        commit: GroupCommit,
        clock: Clock,
        probe: Probe,
        *,
        server: str,
        process: Callable[[], TreeReading] | None = None,
        model: Callable[[], Callable[[], int]] | None = None,
        traffic: Callable[[], TrafficReading] | None = None,
    ) -> None:
        """Sample a server.

        Args:
            store: knows the farms.
            commit: keeps rows.
            clock: the server's clock.
            probe: reads the machine.
            server: the server's name.
            process: reads the server's own processes; None: they stay unknown.
            model: takes the scheduler's model; returns what measures its bytes, in a thread.
            traffic: reads the buffers of the server's connections.
        """
        self._store = store
        self._commit = commit
        self._clock = clock
        self._probe = probe
        self._server = server
        self._since = clock.now()
        self._before = probe.machine()
        self._process = process
        self._model = model
        self._traffic = traffic
        self._own_before = None if process is None else process()

    async def run(self) -> None:
        """Sample for ever; cancel to stop."""
        while True:
            now = self._clock.now()
            await self._clock.sleep((MILLIS_PER_MINUTE - now % MILLIS_PER_MINUTE) / 1000)
            await self.step(self._clock.now())

    async def step(self, now: Instant) -> None:
        """Book the time since the last step."""
        since, before = self._since, self._before
        self._since, self._before = now, self._probe.machine()
        own_before, own = self._own_before, None if self._process is None else self._process()
        self._own_before = own
        if now <= since:
            return
        sample = _sample(since, now, before, self._before) | {"server": self._server}
        if own is not None and own_before is not None:
            used = max(0, own.cpu_ms - own_before.cpu_ms)
            sample["process_cpu_milli"] = used * 1000 // (now - since)
            sample["process_memory_bytes"] = own.memory_bytes
        if self._model is not None:
            sample["scheduler_bytes"] = await asyncio.to_thread(self._model())
        if self._traffic is not None:
            sample |= asdict(self._traffic())
        parts = [
            (farm.farm_id, SERVER_SAMPLES.name, [sample | {"farm_id": farm.farm_id}])
            for farm in await self._store.find(Farm)
        ]
        try:
            await self._commit.keep(parts, len(parts) * _ABOUT_ROW_BYTES)
        except ThrottledError as error:
            _log.warning(
                "A sample of the server was not kept.",
                extra={"action": "server_sample_lost", "reason": str(error)},
            )


def _sample(
    since: Instant, now: Instant, before: MachineReading, after: MachineReading
) -> dict[str, object]:
    elapsed = now - since
    return {
        "at": now,
        "coverage_ms": min(elapsed, MILLIS_PER_MINUTE),
        "machine_cpu_milli": max(0, after.cpu_busy_ms - before.cpu_busy_ms) * 1000 // elapsed,
        "memory_used_bytes": after.memory_used_bytes,
        "disk_free_bytes": after.disk_free_bytes,
        "temperature_milli_c": after.temperature_milli_c,
    }
