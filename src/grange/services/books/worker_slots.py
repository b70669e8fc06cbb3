"""Samples of one worker in slots, from the few parts of files that hold them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.services.books.shelf import View

_COLUMNS = (
    "at", "coverage_ms", "cpu_milli", "gpu_milli", "memory_used_bytes", "memory_total_bytes",
    "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s",
    "temperature_milli_c",
)  # fmt: skip
_LARGEST = 2**62
"""Sums that may pass this are left to the query engine, which reckons with more digits."""

Ints = npt.NDArray[np.int64]


def slots_of_worker(view: View, span: Span, step_ms: int, worker_id: str) -> pa.Table | None:
    """Return the answer of `questions.views.worker_samples` for one worker; None: ask that one."""
    inside = Span(Instant(span.start + 1), Instant(span.end + 1))
    rows = view.rows_of_worker("worker_samples", worker_id, _COLUMNS, inside)
    at = rows.column("at").to_numpy()
    slot = (at - 1) - (at - 1) % step_ms
    starts, first = np.unique(slot, return_index=True)
    slots = _Slots(rows, first, len(at))
    if slots.too_large():
        return None
    coverage, _ = slots.sums("coverage_ms")
    return pa.table(
        {
            "worker_id": pa.array([worker_id] * len(starts), pa.string()),
            "slot_at": pa.array(starts),
            "coverage_ms": pa.array(coverage),
            "cpu_milli": slots.weighed("cpu_milli", coverage),
            "cpu_milli_min": slots.extremes("cpu_milli", np.minimum),
            "cpu_milli_max": slots.extremes("cpu_milli", np.maximum),
            "gpu_milli": slots.weighed("gpu_milli", slots.coverage_of("gpu_milli")),
            "memory_used_bytes": slots.weighed("memory_used_bytes", coverage),
            "memory_used_bytes_max": slots.extremes("memory_used_bytes", np.maximum),
            "memory_total_bytes": slots.extremes("memory_total_bytes", np.maximum),
            "net_in_bytes": slots.total("net_in_bytes"),
            "net_out_bytes": slots.total("net_out_bytes"),
            "net_in_max_bytes_per_s": slots.extremes("net_in_max_bytes_per_s", np.maximum),
            "temperature_milli_c": slots.weighed(
                "temperature_milli_c", slots.coverage_of("temperature_milli_c")
            ),
        }
    )


class _Slots:
    """Columns of rows in the order of their slots; `first` is the place where each slot begins."""

    def __init__(self, rows: pa.Table, first: Ints, count: int) -> None:
        self._first = first
        self._count = count
        self._values: dict[str, Ints] = {}
        self._known: dict[str, npt.NDArray[np.bool_]] = {}
        for name in rows.column_names:
            column = rows.column(name)
            self._known[name] = column.is_valid().to_numpy()
            self._values[name] = column.fill_null(0).to_numpy()

    def too_large(self) -> bool:
        """Return whether a sum might not fit."""
        if not self._count:
            return False
        longest = int(np.diff(np.append(self._first, self._count)).max())
        most = max(
            int(np.abs(values).max()) for name, values in self._values.items() if name != "at"
        )
        return most * int(self._values["coverage_ms"].max()) * longest >= _LARGEST

    def sums(self, name: str) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return sums, and where there was anything to add."""
        if not self._count:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
        return (
            np.add.reduceat(self._values[name], self._first),
            np.logical_or.reduceat(self._known[name], self._first),
        )

    def total(self, name: str) -> pa.Array:
        """Return sums, null where nothing is known."""
        found, known = self.sums(name)
        return pa.array(found, mask=~known)

    def coverage_of(self, name: str) -> Ints:
        """Return how long a measure was watched."""
        if not self._count:
            return np.zeros(0, dtype=np.int64)
        return np.add.reduceat(self._values["coverage_ms"] * self._known[name], self._first)

    def weighed(self, name: str, coverage: Ints) -> pa.Array:
        """Return means by how long they were watched."""
        if not self._count:
            return pa.array([], pa.int64())
        known = np.logical_or.reduceat(self._known[name], self._first) & (coverage > 0)
        total = np.add.reduceat(self._values[name] * self._values["coverage_ms"], self._first)
        return pa.array(total // np.maximum(coverage, 1), mask=~known)

    def extremes(self, name: str, ufunc: Any) -> pa.Array:
        """Return the least or the most of each slot."""
        if not self._count:
            return pa.array([], pa.int64())
        known = self._known[name]
        none = np.iinfo(np.int64).max if ufunc is np.minimum else np.iinfo(np.int64).min
        found = ufunc.reduceat(np.where(known, self._values[name], none), self._first)
        return pa.array(found, mask=~np.logical_or.reduceat(known, self._first))
