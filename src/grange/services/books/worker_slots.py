"""Samples of one worker in slots, from the few parts of files that hold them.

The answers are those of the questions in `books.questions.views`, which say what the columns mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.shelf import View

_SAMPLES = (
    "at", "coverage_ms", "cpu_milli", "gpu_milli", "memory_used_bytes", "memory_total_bytes",
    "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s",
    "temperature_milli_c",
)  # fmt: skip
_HOURS = (
    "slot_at", "coverage_ms", "samples", "cpu_milli_sum", "cpu_milli_min", "cpu_milli_max",
    "gpu_samples", "gpu_milli_sum", "memory_used_bytes_sum", "memory_used_bytes_max",
    "memory_total_bytes", "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s",
)  # fmt: skip
_LARGEST = 2**62
"""Sums that may pass this are left to the query engine, which reckons with more digits."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
S = TypeVar("S", bound=np.generic)


def slots_of_worker(view: View, span: Span, step_ms: int, worker_id: str) -> pa.Table | None:
    """Return the answer of `worker_samples` for one worker; None: ask that question."""
    slots = _sampled(view, span, step_ms, worker_id)
    if slots.too_large("coverage_ms"):
        return None
    coverage = slots.add("coverage_ms")
    return _answer(
        worker_id,
        slots,
        {
            "coverage_ms": slots.total("coverage_ms"),
            "cpu_milli": slots.mean("cpu_milli", coverage),
            "cpu_milli_min": slots.extreme("cpu_milli", np.minimum),
            "cpu_milli_max": slots.extreme("cpu_milli", np.maximum),
            "gpu_milli": slots.mean("gpu_milli", slots.coverage_of("gpu_milli")),
            "memory_used_bytes": slots.mean("memory_used_bytes", coverage),
            "memory_used_bytes_max": slots.extreme("memory_used_bytes", np.maximum),
            **_alike(slots),
            "temperature_milli_c": slots.mean(
                "temperature_milli_c", slots.coverage_of("temperature_milli_c")
            ),
        },
    )


def hours_of_worker(
    view: View, hours: Span, step_ms: int, worker_id: str, beyond: Sequence[Span]
) -> pa.Table | None:
    """Return the answer of `worker_hours` for one worker; None: ask that question.

    Args:
        view: the books.
        hours: whole UTC hours that rollups hold.
        step_ms: width of a slot, whole hours.
        worker_id: whose.
        beyond: the spans before and behind `hours` whose samples count too.
    """
    parts = [view.rows_of_worker("worker_hours", worker_id, _HOURS, hours)]
    for span in beyond:
        sampled = _sampled(view, span, MILLIS_PER_HOUR, worker_id)
        if sampled.too_large():
            return None
        parts.append(_hours(sampled))
    rows = pa.concat_tables(parts).sort_by("slot_at") if len(parts) > 1 else parts[0]
    at = rows.column("slot_at").to_numpy()
    slots = _Slots(rows, at - at % step_ms)
    if slots.too_large():
        return None
    return _answer(
        worker_id,
        slots,
        {
            "coverage_ms": slots.total("coverage_ms"),
            "cpu_milli": slots.quotient("cpu_milli_sum", slots.add("samples")),
            "cpu_milli_min": slots.extreme("cpu_milli_min", np.minimum),
            "cpu_milli_max": slots.extreme("cpu_milli_max", np.maximum),
            "gpu_milli": slots.quotient("gpu_milli_sum", slots.add("gpu_samples")),
            "memory_used_bytes": slots.quotient("memory_used_bytes_sum", slots.add("samples")),
            "memory_used_bytes_max": slots.extreme("memory_used_bytes_max", np.maximum),
            **_alike(slots),
        },
    )


def _sampled(view: View, span: Span, step_ms: int, worker_id: str) -> "_Slots":
    """Return samples by slot: one that ends on a border lies in the slot before."""
    inside = Span(Instant(span.start + 1), Instant(span.end + 1))
    rows = view.rows_of_worker("worker_samples", worker_id, _SAMPLES, inside)
    at = rows.column("at").to_numpy() - 1
    return _Slots(rows, at - at % step_ms)


def _hours(slots: "_Slots") -> pa.Table:
    """Return samples put together as rollups keep them."""
    return pa.table(
        {
            "slot_at": pa.array(slots.starts),
            "coverage_ms": slots.total("coverage_ms"),
            "samples": pa.array(slots.counts()),
            "cpu_milli_sum": slots.total("cpu_milli"),
            "cpu_milli_min": slots.extreme("cpu_milli", np.minimum),
            "cpu_milli_max": slots.extreme("cpu_milli", np.maximum),
            "gpu_samples": pa.array(slots.counts("gpu_milli")),
            "gpu_milli_sum": slots.total("gpu_milli"),
            "memory_used_bytes_sum": slots.total("memory_used_bytes"),
            "memory_used_bytes_max": slots.extreme("memory_used_bytes", np.maximum),
            **_alike(slots),
        }
    ).select(list(_HOURS))


def _alike(slots: "_Slots") -> dict[str, pa.Array]:
    """Return the columns that samples and rollups put together in the same way."""
    return {
        "memory_total_bytes": slots.extreme("memory_total_bytes", np.maximum),
        "net_in_bytes": slots.total("net_in_bytes"),
        "net_out_bytes": slots.total("net_out_bytes"),
        "net_in_max_bytes_per_s": slots.extreme("net_in_max_bytes_per_s", np.maximum),
    }


def _answer(worker_id: str, slots: "_Slots", columns: Mapping[str, pa.Array]) -> pa.Table:
    names = pa.array([worker_id] * len(slots.starts), pa.string())
    return pa.table({"worker_id": names, "slot_at": pa.array(slots.starts), **columns})


class _Slots:
    """Rows, ascending by slot, whose columns are put together slot by slot."""

    def __init__(self, rows: pa.Table, slot: Ints) -> None:
        self._count = len(slot)
        begins = np.flatnonzero(slot[1:] != slot[:-1]) + 1
        self._first = np.concatenate([np.zeros(min(1, self._count), np.int64), begins])
        self.starts = slot[self._first]
        """Where each slot starts."""
        self._values: dict[str, Ints] = {}
        self._known: dict[str, Flags | None] = {}
        """None: every value is known."""
        for name, column in zip(rows.column_names, rows.columns, strict=True):
            if column.null_count == self._count > 0:
                self._known[name] = np.zeros(self._count, np.bool_)
                self._values[name] = np.zeros(self._count, np.int64)
                continue
            whole = column.null_count == 0
            self._known[name] = None if whole else column.is_valid().to_numpy()
            self._values[name] = (column if whole else column.fill_null(0)).to_numpy()

    def too_large(self, weight: str | None = None) -> bool:
        """Return whether a sum, weighed by a column, might not fit."""
        if not self._count:
            return False
        measures = [values for name, values in self._values.items()
                    if name not in ("at", "slot_at")]  # fmt: skip
        most = max(max(int(values.max()), -int(values.min())) for values in measures)
        heaviest = 1 if weight is None else max(1, int(self._values[weight].max()))
        return most * heaviest * int(self.counts().max()) >= _LARGEST

    def counts(self, name: str | None = None) -> Ints:
        """Return how many rows each slot has, or how many that know a value."""
        known = None if name is None else self._known[name]
        if known is None:
            return np.diff(np.append(self._first, self._count))
        return self._reduced(np.add, known.astype(np.int64))

    def add(self, name: str) -> Ints:
        """Return sums; 0 where nothing is known."""
        return self._reduced(np.add, self._values[name])

    def total(self, name: str) -> pa.Array:
        """Return sums, null where nothing is known."""
        return self._told(name, self.add(name))

    def coverage_of(self, name: str) -> Ints:
        """Return how long a measure was watched."""
        coverage, known = self._values["coverage_ms"], self._known[name]
        return self._reduced(np.add, coverage if known is None else coverage * known)

    def mean(self, name: str, coverage: Ints) -> pa.Array:
        """Return means by how long they were watched; null where that was no time."""
        weighed = self._values[name] * self._values["coverage_ms"]
        return self._divided(name, self._reduced(np.add, weighed), coverage)

    def quotient(self, name: str, divisor: Ints) -> pa.Array:
        """Return sums divided by something; null where that is 0."""
        return self._divided(name, self.add(name), divisor)

    def extreme(self, name: str, ufunc: Any) -> pa.Array:
        """Return the least or the most of each slot, null where nothing is known."""
        values, known = self._values[name], self._known[name]
        if known is not None:
            limits = np.iinfo(np.int64)
            values = np.where(known, values, limits.max if ufunc is np.minimum else limits.min)
        return self._told(name, self._reduced(ufunc, values))

    def _divided(self, name: str, total: Ints, divisor: Ints) -> pa.Array:
        """Return quotients without their fraction, as SQL divides."""
        whole = np.abs(total) // np.maximum(divisor, 1)
        return self._told(name, np.where(total < 0, -whole, whole), divisor > 0)

    def _told(self, name: str, found: Ints, known: Flags | None = None) -> pa.Array:
        own = self._known[name]
        if own is not None:
            told = self._reduced(np.logical_or, own)
            known = told if known is None else known & told
        return pa.array(found, mask=None if known is None or bool(known.all()) else ~known)

    def _reduced(self, ufunc: Any, values: npt.NDArray[S]) -> npt.NDArray[S]:
        if len(self._first) == self._count:
            return values  # every slot has one row
        found: npt.NDArray[S] = ufunc.reduceat(values, self._first)
        return found
