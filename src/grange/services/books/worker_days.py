"""Records of workers by local day: samples, job threads, hourly counters, and a report of all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.ring_tables import THREAD_QUARTERS
from grange.books.catalog.rollup_tables import WORKER_QUARTERS
from grange.books.periods import QUARTER_MS, DayQuarters, day_quarters, local_day
from grange.books.questions.worker_days import (
    HALF_SAMPLE_MS,
    SAMPLES,
    THREADS,
    days_of_workers,
    hours_of_workers,
    last_quarter,
    render_types_of_workers,
    sampled,
)
from grange.domain.work import Layer, Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of
from grange.ports.state import Compare
from grange.services.books.desk import Desk, local_date
from grange.services.books.rollups import computed, unsettled_hours
from grange.services.books.shelf import View

RING_DAYS = 400
SAMPLES_PER_DAY = 4320
_SAMPLE_MS = 2 * HALF_SAMPLE_MS
_PER_QUARTER = QUARTER_MS // _SAMPLE_MS
_EPOCH = date(1970, 1, 1)
_ROLLUPS = (THREAD_QUARTERS, WORKER_QUARTERS)
_MOST_DAYS = 4000
MOST_WORKERS = 50
"""So many workers' days may be asked for at once."""

Columns = dict[str, list[Any]]


def worker_list(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return all workers there ever were, in the order in which they were registered."""
    return {
        "workers": [
            {
                "worker_id": worker.worker_id,
                "name": worker.host_name or worker.worker_id,
                "global_index": worker.global_index,
            }
            for worker in _workers(desk, farm_id)
        ]
    }


def worker_days(
    desk: Desk, *, farm_id: str, worker_id: str, count: int = RING_DAYS
) -> dict[str, Any]:
    """Return a worker's last days: `count` local days up to the last one anything is known of.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        worker_id: id or name.
        count: how many days.

    Returns:
        Columns, one item for each day, ascending; `valid` is False for days of which nothing is
        known. No columns' items at all if nothing ever was.
    """
    if not 1 <= count <= _MOST_DAYS:
        raise _bad("count", f"must lie between 1 and {_MOST_DAYS}")
    found = _worker(desk, farm_id, worker_id)
    zone = ZoneInfo(desk.farm(farm_id).zone)
    with desk.view(farm_id) as view:
        given = _given(view, Span(Instant(0), view.now))
        (last,) = view.ask(last_quarter(found.worker_id, given)).to_pylist()
        days: list[date] = []
        rows: list[dict[str, Any]] = []
        if last["slot_at"] is not None:
            newest = datetime_of(Instant(last["slot_at"])).astimezone(zone).date()
            days = [newest - timedelta(days=n) for n in reversed(range(count))]
            spans = [local_day(day, zone) for day in days]
            rows = view.ask(days_of_workers(spans, found.worker_id, given)).to_pylist()
    by_day = {row["day"]: row for row in rows}
    none = dict.fromkeys(_DAY_VALUES)
    values = [_day_values(by_day[n]) if n in by_day else none for n in range(len(days))]
    return {
        "worker_id": found.worker_id,
        "name": found.host_name or found.worker_id,
        "zone": str(zone),
        "columns": {
            "day": [day.isoformat() for day in days],
            "unix_day": [(day - _EPOCH).days for day in days],
            "valid": [n in by_day for n in range(len(days))],
        }
        | {name: [value[name] for value in values] for name in _DAY_VALUES},
    }


_DAY_VALUES = (
    "samples", "coverage_ms", "cpu_milli", "job_cpu_milli", "up_ms", "frames_done",
    "chunks_aborted", "chunks_crashed", "chunks_successful",
)  # fmt: skip


def _day_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return sums of a day with the means over the samples there were (S0-29)."""
    samples = row["samples"]
    return {
        **{name: row[name] for name in _DAY_VALUES if name in row},
        "cpu_milli": row["cpu_milli_sum"] / samples if samples else None,
        "job_cpu_milli": (
            row["job_cpu_milli_sum"] / samples if samples and row["thread_samples"] else None
        ),
    }


def worker_report(desk: Desk, *, farm_id: str, start_day: str, end_day: str) -> dict[str, Any]:
    """Return for each local day and worker: mean CPU of machine and jobs, frames; by date.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        start_day: the first day.
        end_day: the day behind the last one.
    """
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    first, last = local_date(start_day), local_date(end_day)
    if not first < last <= first + timedelta(days=_MOST_DAYS):
        raise _bad("end_day", f"must lie behind start_day, at most {_MOST_DAYS} days")
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    names = {w.worker_id: w.host_name or w.worker_id for w in _workers(desk, farm_id)}
    with desk.view(farm_id) as view:
        spans = [local_day(day, zone) for day in days]
        given = _given(view, Span(spans[0].start, spans[-1].end))
        rows = view.ask(days_of_workers(spans, None, given)).to_pylist()
    rows.sort(key=lambda row: (row["day"], names.get(row["worker_id"], ""), row["worker_id"]))
    values = [_day_values(row) for row in rows]
    return {
        "zone": farm.zone,
        "columns": {
            "day": [days[row["day"]].isoformat() for row in rows],
            "worker": [names.get(row["worker_id"], row["worker_id"]) for row in rows],
            "worker_id": [row["worker_id"] for row in rows],
        }
        | {name: [value[name] for value in values] for name in _DAY_VALUES},
    }


def worker_day(desk: Desk, *, farm_id: str, worker_id: str, day: str) -> dict[str, Any]:
    """Return everything known of a worker's local day.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        worker_id: id or name.
        day: as 2026-01-31.

    Returns:
        `samples` and `thread_samples` as columns of the places that are known: `index` counts 20
        seconds of the wall clock, from 0 to 4319. `hours` has one item for each local hour and job
        thread that was there. Where the clock repeats an hour, amounts of both passes add, levels
        are weighed by how long they were watched, and states are the later ones.
    """
    (found,) = _days(desk, farm_id, [_worker(desk, farm_id, worker_id)], local_date(day))
    return found


def day_of_workers(desk: Desk, *, farm_id: str, workers: str, day: str) -> dict[str, Any]:
    """Return a local day of many workers, each as `worker_day` gives it.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        workers: up to 50 ids or names of workers, with commas between.
        day: as 2026-01-31.
    """
    asked = list(dict.fromkeys(name for name in workers.split(",") if name))
    if not 1 <= len(asked) <= MOST_WORKERS:
        raise _bad("workers", f"must name 1 to {MOST_WORKERS} workers, with commas between")
    known = _workers(desk, farm_id)
    found = [_named(known, name) for name in asked]
    return {"workers": _days(desk, farm_id, found, local_date(day))}


def _days(desk: Desk, farm_id: str, workers: Sequence[Worker], when: date) -> list[dict[str, Any]]:
    """Return a local day of each of some workers; what they share is read once."""
    farm = desk.farm(farm_id)
    quarters = day_quarters(when, ZoneInfo(farm.zone))
    place = _places(quarters)
    ids = list(dict.fromkeys(worker.worker_id for worker in workers))
    with desk.view(farm_id) as view:
        asked = sampled(quarters.span)
        samples = view.rows_of_workers("worker_samples", ids, SAMPLES, asked)
        threads = view.rows_of_workers("thread_samples", ids, THREADS, asked)
        types = _render_types(desk, view, threads, quarters.span)
        given = _given(view, quarters.span)
        hours: dict[str, list[dict[str, Any]]] = {worker_id: [] for worker_id in ids}
        for row in view.ask(hours_of_workers(ids, quarters.span, given)).to_pylist():
            hours[row["worker_id"]].append(row)
    listed = []
    for worker in workers:
        own = worker.worker_id
        of_machine = _placed(samples[own], place)
        of_threads = _placed(_with_types(threads[own], types[own]), place)
        known = [
            *pc.unique(of_threads.column("thread")).to_pylist(),
            *(row["thread"] for row in hours[own]),
        ]
        listed.append(
            {
                "worker_id": own,
                "name": worker.host_name or own,
                "day": when.isoformat(),
                "unix_day": (when - _EPOCH).days,
                "zone": farm.zone,
                "span": {"start_at": quarters.span.start, "end_at": quarters.span.end},
                "valid": bool(of_machine.num_rows or of_threads.num_rows or hours[own]),
                "threads": max(known, default=-1) + 1,
                "samples": _by_place(of_machine, ("index",), _SAMPLE_COLUMNS),
                "thread_samples": _by_place(of_threads, ("index", "thread"), _THREAD_COLUMNS),
                "hours": _hours(hours[own], place),
            }
        )
    return listed


_SAMPLE_COLUMNS = (
    "index", "at", "coverage_ms", "cpu_milli", "gpu_milli", "memory_used_bytes",
    "memory_total_bytes", "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s",
    "user_logged_in", "temperature_milli_c",
)  # fmt: skip
_THREAD_COLUMNS = (
    "index", "thread", "at", "coverage_ms", "state", "cpu_milli", "memory_bytes", "render_type",
    "job_id",
)  # fmt: skip
_ADD = frozenset({"coverage_ms", "net_in_bytes", "net_out_bytes"})
_MOST = frozenset({"net_in_max_bytes_per_s", "memory_total_bytes"})
_WEIGHED = frozenset(
    {"cpu_milli", "gpu_milli", "memory_used_bytes", "memory_bytes", "temperature_milli_c"}
)


def _places(day: DayQuarters) -> Mapping[int, int]:
    """Return the number of each quarter of the day by the wall clock, by its UTC start."""
    return {start: number for number, starts in enumerate(day.quarters) for start in starts}


def _placed(rows: pa.Table, place: Mapping[int, int]) -> pa.Table:
    """Return rows with the place of each in the day."""
    middle = rows.column("at").to_numpy() - HALF_SAMPLE_MS
    into = middle % QUARTER_MS
    quarters, own = np.unique(middle - into, return_inverse=True)
    numbers = np.array([place[quarter] for quarter in quarters.tolist()], dtype=np.int64)
    return rows.append_column(
        "index", pa.array(numbers[own] * _PER_QUARTER + into // _SAMPLE_MS, pa.int64())
    )


def _by_place(rows: pa.Table, key: tuple[str, ...], names: Sequence[str]) -> Columns:
    """Return rows by place as columns; those of the same place are put together (rule 11.11)."""
    keys = [rows.column(name).to_numpy() for name in key]
    order = np.lexsort(keys[::-1])
    same = np.logical_and.reduce([part[order][1:] == part[order][:-1] for part in keys])
    if not np.any(same):
        ordered: Columns = rows.select(list(names)).take(pa.array(order)).to_pydict()
        return ordered
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows.sort_by("at").to_pylist():
        where = tuple(row[name] for name in key)
        known = found.get(where)
        found[where] = row if known is None else _both(known, row)
    return _as_columns([found[where] for where in sorted(found)], names)


def _both(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    weights = first["coverage_ms"], second["coverage_ms"]
    merged = dict(second)
    for name, later in second.items():
        earlier = first[name]
        if earlier is None:
            continue
        if later is None:
            merged[name] = earlier
        elif name in _ADD:
            merged[name] = earlier + later
        elif name in _MOST:
            merged[name] = max(earlier, later)
        elif name in _WEIGHED and sum(weights):
            merged[name] = round((earlier * weights[0] + later * weights[1]) / sum(weights))
    return merged


def _hours(rows: Iterable[Mapping[str, Any]], place: Mapping[int, int]) -> Columns:
    names = ("up_ms", "frames_done", "chunks_aborted", "chunks_crashed", "chunks_successful")
    found: dict[tuple[int, int], dict[str, int]] = {}
    for row in rows:
        where = place[row["slot_at"]] // 4, row["thread"]
        sums = found.setdefault(where, dict.fromkeys(names, 0))
        for name in names:
            sums[name] += row[name]
    listed = [{"hour": hour, "thread": thread} | found[hour, thread]
              for hour, thread in sorted(found)]  # fmt: skip
    return _as_columns(listed, ("hour", "thread", *names))


def _as_columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Columns:
    return {name: [row[name] for row in rows] for name in names}


def _render_types(
    desk: Desk, view: View, threads: Mapping[str, pa.Table], span: Span
) -> dict[str, dict[str | None, str]]:
    """Return, by worker, the render types of the layers that samples of job threads name."""
    wanted = {
        worker_id: set(pc.unique(rows.column("layer_id")).to_pylist()) - {None}
        for worker_id, rows in threads.items()
    }
    found: dict[str, dict[str | None, str]] = {worker_id: {} for worker_id in wanted}
    asked = [worker_id for worker_id, layers in wanted.items() if layers]
    if asked:
        for row in view.ask(render_types_of_workers(asked, span)).to_pylist():
            found[row["worker_id"]][row["layer_id"]] = row["render_type"]
    for worker_id, layers in wanted.items():
        for layer_id in layers - set(found[worker_id]):
            layer = desk.state.get(Layer, layer_id)
            if layer is not None:
                named = layer.attributes.get("render_type", "unassigned")
                found[worker_id][layer_id] = named
    return found


def _with_types(threads: pa.Table, types: Mapping[str | None, str]) -> pa.Table:
    """Return samples of job threads with the render type of the layer of each."""
    layers = threads.column("layer_id").combine_chunks().dictionary_encode()
    names = pa.array([types.get(one) for one in layers.dictionary.to_pylist()], pa.string())
    return threads.append_column("render_type", names.take(layers.indices))


def _given(view: View, span: Span) -> dict[str, pa.Table]:
    hours = unsettled_hours(view, _ROLLUPS, span)
    fresh = computed(view, _ROLLUPS, hours)
    return {
        "unsettled": pa.table({"hour": pa.array(sorted(hours), pa.int64())}),
        **{f"{name}_fresh": rows for name, rows in fresh.items()},
    }


def _workers(desk: Desk, farm_id: str) -> list[Worker]:
    found = desk.state.find(Worker, Compare("farm_id", "=", farm_id))
    return sorted(found, key=lambda worker: worker.global_index)


def _worker(desk: Desk, farm_id: str, named: str) -> Worker:
    """Return the worker of an id, or the newest of a name.

    Raises:
        NotFoundError: there is none.
    """
    return _named(_workers(desk, farm_id), named)


def _named(workers: Iterable[Worker], named: str) -> Worker:
    found = [worker for worker in workers if named in (worker.worker_id, worker.host_name)]
    if not found:
        raise NotFoundError("worker", named)
    return found[-1]


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {
    "worker_list": worker_list,
    "worker_days": worker_days,
    "worker_day": worker_day,
    "day_of_workers": day_of_workers,
    "worker_report": worker_report,
}
