"""Reads the machine and the job threads every second, and keeps what frames and samples need."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from grange.kernel.clock import Clock
from grange.kernel.units import Instant
from grange.ports.host import MachineReading, Probe, TreeReading
from grange.worker.telemetry import (
    ActionSeries,
    Occupation,
    ThreadFold,
    WorkerFold,
    stretch_between,
    thread_stretch,
)

_log = logging.getLogger(__name__)
_LONGEST_MS = 5_000
"""Readings further apart than this (a machine that slept, a clock that was set) are not joined."""
_FRESH_MS = 100
IDLE = Occupation()


@dataclass(slots=True)
class _Thread:
    fold: ThreadFold
    root_pid: int | None = None
    before: TreeReading | None = None
    occupation: Occupation = IDLE
    series: ActionSeries = field(default_factory=ActionSeries)


class Sampler:
    """Samples one machine. Thread-safe.

    Args:
        probe: reads the machine.
        clock: its clock.
        threads: how many job threads there are.
        samples: takes finished samples, as records for the spool. Called from the sampler's thread.
        ticked: called from the sampler's thread after each second's reading.
    """

    def __init__(
        self,
        probe: Probe,
        clock: Clock,
        threads: int,
        *,
        samples: Callable[[list[dict[str, Any]]], None],
        ticked: Callable[[], None],
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._samples = samples
        self._ticked = ticked
        self._lock = threading.Lock()
        self._threads = [_Thread(ThreadFold(number)) for number in range(threads)]
        self._machine = WorkerFold()
        self._before: tuple[MachineReading, Instant, float] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling; the slot that is not over is not sent, because it may be continued."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def seat(self, thread: int, root_pid: int | None) -> None:
        """Say which process is the root of a job thread."""
        with self._lock:
            self._threads[thread].root_pid = root_pid
            self._threads[thread].before = None

    def occupy(self, thread: int, occupation: Occupation) -> None:
        """Say what a job thread does from now on."""
        with self._lock:
            self._threads[thread].occupation = occupation

    def begin(self, thread: int) -> None:
        """An action begins: read now, and gather its own series from here."""
        self.read()
        with self._lock:
            self._threads[thread].series = ActionSeries()

    def read(self) -> None:
        """Read everything now, unless it was read a moment ago."""
        with self._lock:
            self._read()

    def series(self, thread: int) -> ActionSeries:
        """Return the readings of a job thread's action so far."""
        with self._lock:
            return self._threads[thread].series.copy()

    def rendering(self) -> dict[int, int]:
        """Return the job threads that render, with the memory their processes use."""
        with self._lock:
            return {
                number: 0 if one.before is None else one.before.memory_bytes
                for number, one in enumerate(self._threads)
                if one.occupation.state == "rendering"
            }

    def trees(self) -> dict[int, TreeReading]:
        """Return the last reading of each job thread's processes."""
        with self._lock:
            return {
                number: one.before
                for number, one in enumerate(self._threads)
                if one.before is not None
            }

    def roots(self) -> dict[int, int]:
        """Return the root process of each job thread that has one."""
        with self._lock:
            return {
                number: one.root_pid
                for number, one in enumerate(self._threads)
                if one.root_pid is not None
            }

    @property
    def user_logged_in(self) -> bool | None:
        """Whether anybody was logged in at the last reading."""
        return self._before[0].user_logged_in if self._before is not None else None

    def _run(self) -> None:
        while not self._stop.wait(1.0 - self._clock.now() % 1000 / 1000):
            try:
                with self._lock:
                    self._read()
                self._ticked()
            except Exception:  # noqa: BLE001 whatever a sensor does, sampling goes on
                _log.exception("A reading failed.", extra={"action": "sample"})

    def _read(self) -> None:
        at, moment = self._clock.now(), self._clock.monotonic_seconds()
        if self._before is not None and (moment - self._before[2]) * 1000 < _FRESH_MS:
            return
        machine = self._probe.machine()
        trees = [
            None if one.root_pid is None else self._probe.tree(one.root_pid)
            for one in self._threads
        ]
        before, self._before = self._before, (machine, at, moment)
        if before is None or not self._continuous(before[1], at, moment - before[2]):
            for one, tree in zip(self._threads, trees, strict=True):
                one.before = tree
            return
        stretch = stretch_between(before[0], before[1], machine, at)
        rendering = sum(1 for one in self._threads if one.occupation.state == "rendering")
        records = [
            {"kind": "worker", **asdict(sample)}
            for sample in self._machine.add(stretch)
            if sample.cpu_milli is not None
        ]
        for one, tree in zip(self._threads, trees, strict=True):
            part = thread_stretch(one.before, tree, stretch)
            one.before = tree
            one.series.add(part, stretch, rendering)
            records += [
                {"kind": "thread", **asdict(sample)}
                for sample in one.fold.add(part, one.occupation)
                if sample.cpu_milli is not None and sample.memory_bytes is not None
            ]
        if records:
            self._samples(records)

    def _continuous(self, before: Instant, at: Instant, elapsed_seconds: float) -> bool:
        elapsed_ms = elapsed_seconds * 1000
        return 0 < at - before <= _LONGEST_MS and abs(at - before - elapsed_ms) < 250
