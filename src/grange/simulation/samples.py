"""What a machine's agent samples: the machine and its job threads, every 20 seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.simulation.machines import GIB, NODES, STATIONS, Machine

SAMPLE_MS = 20_000

Array = np.ndarray[Any, Any]
Columns = dict[str, Any]
"""Column → one value for all rows, or an array with one for each."""


class Stretch(NamedTuple):
    """What a job thread did for a while; times on the server's clock.

    A tuple, because a great many of them pass from one process to another.
    """

    thread: int
    start: Instant
    end: Instant
    session_id: str
    job_id: str
    layer_id: str | None
    cpu: float
    """Share of the job thread's part of the machine."""
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one agent sends for one hour."""

    end: Instant
    tables: dict[str, Columns]


class Sampler:
    """Makes the samples of one machine."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self._machine = machine
        self._rng = np.random.default_rng([seed, *machine.name.encode()])
        self._disk_free = int(self._rng.integers(120, 700)) * GIB

    def batches(
        self,
        whole: Span,
        on: Sequence[Span],
        present: Sequence[Span],
        stretches: Sequence[Stretch],
    ) -> Iterator[Batch]:
        """Yield the samples of some hours, one batch for each hour in which the machine ran.

        Args:
            whole: the hours.
            on: when the machine ran.
            present: when somebody was logged in.
            stretches: what its job threads did.
        """
        # Samples end at multiples of 20 s of the worker's own clock.
        skew = self._machine.skew_ms
        first = -(-(whole.start + skew) // SAMPLE_MS) * SAMPLE_MS
        ends = np.arange(first, whole.end + skew, SAMPLE_MS, dtype=np.int64)
        ends = ends[_inside(ends - skew, on, SAMPLE_MS)]
        if not len(ends):
            return
        middle = ends - skew - SAMPLE_MS // 2
        threads = self._threads(middle, ends, stretches)
        busy = np.zeros(len(ends))
        memory = np.full(len(ends), 3 * GIB, dtype=np.int64)
        np.add.at(busy, threads["place"], threads["cpu_milli"])
        np.add.at(memory, threads["place"], threads["memory_bytes"])
        machine = self._columns(ends, busy, memory, _inside(middle, present, 0))
        hours = (ends - skew) // MILLIS_PER_HOUR
        of_thread = hours[threads.pop("place")]
        order = np.lexsort((threads["at"], threads["thread"], of_thread))
        of_thread = of_thread[order]
        threads = {
            name: value[order] if isinstance(value, np.ndarray) else value
            for name, value in threads.items()
        }
        for hour in np.unique(hours).tolist():
            tables = {"worker_samples": _cut(machine, np.searchsorted(hours, (hour, hour + 1)))}
            low, high = np.searchsorted(of_thread, (hour, hour + 1)).tolist()
            if high > low:
                tables["thread_samples"] = _cut(threads, (low, high))
            yield Batch(end=Instant((hour + 1) * MILLIS_PER_HOUR), tables=tables)

    def _threads(self, middle: Array, ends: Array, stretches: Sequence[Stretch]) -> Columns:
        """Return the samples of all job threads, with the place of the machine's sample of then."""
        pieces = []
        taken: set[tuple[int, int]] = set()
        for stretch in sorted(stretches, key=lambda one: (one.thread, one.start, one.end)):
            low, high = np.searchsorted(middle, (stretch.start, stretch.end)).tolist()
            if high > low and (stretch.thread, low) not in taken:
                pieces.append((stretch, low, high))
                taken.update((stretch.thread, place) for place in (low, high - 1))
        counts = [high - low for _, low, high in pieces]
        place = np.concatenate(
            [np.arange(low, high) for _, low, high in pieces] or [np.zeros(0, dtype=np.int64)]
        )
        noise = self._rng.random(len(place))
        share = 1000 / self._machine.threads
        full = np.repeat([share * one.cpu for one, _, _ in pieces], counts)
        held = np.repeat([float(one.memory_bytes) for one, _, _ in pieces], counts)

        def named(values: list[Any]) -> Array:
            return np.repeat(np.array(values, dtype=object), counts)

        return {
            "place": place,
            "at": ends[place],
            "thread": np.repeat(
                np.array([one.thread for one, _, _ in pieces], dtype=np.int64), counts
            ),
            "session_id": named([one.session_id for one, _, _ in pieces]),
            "job_id": named([one.job_id for one, _, _ in pieces]),
            "layer_id": named([one.layer_id for one, _, _ in pieces]),
            "coverage_ms": SAMPLE_MS,
            "state": "rendering",
            "cpu_milli": (full * (0.9 + 0.1 * noise)).astype(np.int64),
            "memory_bytes": (held * (0.8 + 0.2 * noise)).astype(np.int64) >> 22 << 22,
            "processes": 3,
        }

    def _columns(self, ends: Array, busy: Array, memory: Array, present: Array) -> Columns:
        machine, rng, count = self._machine, self._rng, len(ends)
        noise = rng.random(count)
        cpu = np.minimum(1000, busy + 6 + 12 * noise + 180 * noise * present).astype(np.int64)
        net = (2_000_000 + 30_000_000 * noise * (busy > 0)).astype(np.int64)
        total = machine.memory_gib * GIB
        self._disk_free = max(20 * GIB, self._disk_free + int(rng.integers(-9, 10)) * GIB)
        gpu = None
        if machine.fleet != NODES:
            strength = 0.1 if machine.fleet == STATIONS else 2.4
            gpu = np.minimum(1000, busy * strength + 40 * noise).astype(np.int64)
        return {
            "at": ends,
            "coverage_ms": SAMPLE_MS,
            "cpu_milli": cpu,
            "gpu_milli": gpu,
            "memory_used_bytes": np.minimum(total, memory),
            "memory_total_bytes": total,
            "net_in_bytes": net,
            "net_out_bytes": net // 7,
            "net_in_max_bytes_per_s": net // 9,
            "user_logged_in": present,
            "load1_milli": (busy * (machine.cores / 1.1)).astype(np.int64),
            "disk_free_bytes": self._disk_free,
            "temperature_milli_c": (34_000 + 8 * cpu) // 500 * 500,
        }


def _inside(times: Array, spans: Sequence[Span], before: int) -> Array:
    """Return which times lie in a span, and what is `before` them too."""
    found = np.zeros(len(times), dtype=bool)
    for span in spans:
        found |= (times - before >= span.start) & (times <= span.end)
    return found


def _cut(columns: Columns, span: Any) -> Columns:
    low, high = int(span[0]), int(span[1])
    return {
        name: value[low:high] if isinstance(value, np.ndarray) else value
        for name, value in columns.items()
    }
