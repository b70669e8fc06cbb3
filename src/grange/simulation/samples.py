"""What a machine's agent sends each hour: samples of the machine and of its job threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.simulation.machines import GIB, NODES, STATIONS, Machine

SAMPLE_MS = 20_000
Columns = dict[str, Any]
"""Column → one value for all rows, or an array with one for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a job thread did for a while; times on the server's clock."""

    thread: int
    start: Instant
    end: Instant
    session_id: str
    job_id: str
    layer_id: str | None
    cpu: float
    """Share of the job thread's part of the machine."""
    memory_bytes: int


class Sampler:
    """Makes the samples of one machine."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self._machine = machine
        self._rng = np.random.default_rng([seed, *machine.name.encode()])
        self._disk_free = int(self._rng.integers(120, 700)) * GIB

    def hour(
        self,
        hour: Instant,
        on: Sequence[Span],
        stretches: Sequence[Stretch],
        *,
        present: bool,
    ) -> tuple[Columns, list[Columns]]:
        """Return the machine's samples of an hour, and those of each job thread that worked.

        Args:
            hour: its start.
            on: when the machine ran.
            stretches: what its job threads did.
            present: somebody was logged in.
        """
        # Samples end at multiples of 20 s of the worker's own clock.
        skew = self._machine.skew_ms
        first_end = -(-(hour + skew) // SAMPLE_MS) * SAMPLE_MS
        ends = np.arange(first_end, hour + MILLIS_PER_HOUR + skew, SAMPLE_MS, dtype=np.int64)
        kept = np.zeros(len(ends), dtype=bool)
        for span in on:
            kept |= (ends - skew - SAMPLE_MS >= span.start) & (ends - skew <= span.end)
        ends = ends[kept]
        count = len(ends)
        if not count:
            return {}, []
        middle = ends - skew - SAMPLE_MS // 2
        busy = np.zeros(count)
        memory = np.full(count, 3 * GIB, dtype=np.int64)
        threads = []
        for stretch in stretches:
            first, last = np.searchsorted(middle, (stretch.start, stretch.end))
            if last <= first:
                continue
            columns = self._thread(stretch, ends[first:last])
            busy[first:last] += columns["cpu_milli"]
            memory[first:last] += columns["memory_bytes"]
            threads.append(columns)
        return self._machine_columns(ends, busy, memory, present=present), threads

    def _thread(self, stretch: Stretch, ends: "np.ndarray[Any, Any]") -> Columns:
        count = len(ends)
        full = 1000 * stretch.cpu / self._machine.threads
        noise = self._rng.random(count)
        return {
            "at": ends,
            "thread": stretch.thread,
            "session_id": stretch.session_id,
            "job_id": stretch.job_id,
            "layer_id": stretch.layer_id,
            "coverage_ms": SAMPLE_MS,
            "state": "rendering",
            "cpu_milli": (full * (0.9 + 0.1 * noise)).astype(np.int64),
            "memory_bytes": (stretch.memory_bytes * (0.7 + 0.3 * noise)).astype(np.int64)
            // 4096
            * 4096,
            "processes": 3,
        }

    def _machine_columns(
        self,
        ends: "np.ndarray[Any, Any]",
        busy: "np.ndarray[Any, Any]",
        memory: "np.ndarray[Any, Any]",
        *,
        present: bool,
    ) -> Columns:
        machine, rng, count = self._machine, self._rng, len(ends)
        noise = rng.random(count)
        cpu = np.minimum(1000, busy + 6 + 12 * noise + (180 * noise if present else 0))
        net = (2_000_000 + 30_000_000 * noise * (busy > 0)).astype(np.int64)
        total = machine.memory_gib * GIB
        self._disk_free = max(20 * GIB, self._disk_free + int(rng.integers(-1, 2)) * GIB)
        return {
            "at": ends,
            "coverage_ms": SAMPLE_MS,
            "cpu_milli": cpu.astype(np.int64),
            "gpu_milli": None
            if machine.fleet == NODES
            else np.minimum(
                1000, (busy * (2.4 if machine.fleet != STATIONS else 0.1)) + 40 * noise
            ).astype(np.int64),
            "memory_used_bytes": np.minimum(total, memory),
            "memory_total_bytes": total,
            "net_in_bytes": net,
            "net_out_bytes": net // 7,
            "net_in_max_bytes_per_s": net // 9,
            "user_logged_in": present,
            "load1_milli": (busy * machine.cores / 1.1).astype(np.int64),
            "disk_free_bytes": self._disk_free,
            "temperature_milli_c": (34_000 + 8 * cpu).astype(np.int64) // 500 * 500,
        }


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    """Return columns as rows of plain values."""
    if not columns:
        return []
    count = len(columns["at"])
    lists = {
        name: value.tolist() if isinstance(value, np.ndarray) else [value] * count
        for name, value in columns.items()
    }
    names = list(lists)
    return [dict(zip(names, values, strict=True)) for values in zip(*lists.values(), strict=True)]
