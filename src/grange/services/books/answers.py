"""Answers in plain values: accounts, timeline, usage, samples, frames, attempts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import pyarrow as pa

from grange.books.accounts import ACCOUNTS, Account, Totals
from grange.books.periods import QUARTER_MS
from grange.books.presence import existence_ms
from grange.books.questions.usage import USAGE_COLUMNS, first_start, usage
from grange.books.questions.views import job_attempts, job_frames, layer_times, worker_samples
from grange.domain.farm import Farm
from grange.domain.rates import RateCard
from grange.domain.work import Job, Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span, slots
from grange.kernel.units import MILLIS_PER_HOUR, Instant, amount_text
from grange.ports.state import Compare
from grange.services.books.account_sums import GROUPS, account_sums
from grange.services.books.bridge import StateBridge
from grange.services.books.machine_time import machine_time, workers_over
from grange.services.books.sample_hours import HOURLY_MS, samples_by_hours
from grange.services.books.shelf import View
from grange.services.books.worker_slots import slots_of_worker

SAMPLE_MS = 20_000
STEPS: Mapping[str, int] = {"hour": MILLIS_PER_HOUR, "quarter": QUARTER_MS}
_MOST_SLOTS = 20_000


def accounts(view: View, span: Span, *, by: str, step: str | None) -> dict[str, Any]:
    """Return machine time by account.

    Args:
        view: the books.
        span: what is asked about.
        by: worker, fleet or farm.
        step: hour, quarter or None; slots begin at UTC hours and quarters, cut to the span.
    """
    if by not in GROUPS:
        raise _bad("by", f"must be one of {', '.join(GROUPS)}")
    span = Span(span.start, Instant(max(span.start, min(span.end, view.now))))
    edges = [span] if step is None else [slot.clip(span) for slot in slots(span, STEPS[step])]
    if len(edges) > _MOST_SLOTS:
        raise _bad("step", f"gives more than {_MOST_SLOTS} slots; ask for a shorter span")
    present = workers_over(view, span)
    sums = account_sums(view, by, edges) if edges else {}
    names = sorted({GROUPS[by](one.worker_id, one.fleet_id) for one in present})
    nothing = Totals(thread_ms={})
    return {
        "by": by,
        "step": step,
        "span": {"start_at": span.start, "end_at": span.end},
        "rows": [
            _account_row(
                {by: name, "start_at": edge.start, "end_at": edge.end},
                sums.get((name, number), nothing),
            )
            for name in names
            for number, edge in enumerate(edges)
        ],
        "total": _account_row({}, _together(sums.values())),
        "workers": len(present),
        "machine_ms": existence_ms(present, span),
    }


def _together(parts: Iterable[Totals]) -> Totals:
    sums: dict[tuple[Account, int], int] = defaultdict(int)
    for part in parts:
        for key, millis in part.thread_ms.items():
            sums[key] += millis
    return Totals(thread_ms=sums)


def _account_row(head: Mapping[str, Any], totals: Totals) -> dict[str, Any]:
    machine = totals.machine_ms()
    thread = totals.thread_time()
    return {
        **head,
        **{f"{account}_ms": machine[account] for account in ACCOUNTS},
        "machine_ms": sum(machine.values()),
        "thread_ms": {account.value: thread[account] for account in ACCOUNTS},
    }


def timeline(view: View, span: Span) -> dict[str, Any]:
    """Return the account segments of every job thread."""
    time = machine_time(view, span)
    found = time.segments
    rows: dict[tuple[str, int], list[tuple[int, int, str]]] = {}
    names = [account.value for account in ACCOUNTS]
    for worker, thread, start, end, account in zip(
        found.worker.tolist(),
        found.thread.tolist(),
        found.start.tolist(),
        found.end.tolist(),
        found.account.tolist(),
        strict=True,
    ):
        row = rows.setdefault((found.worker_ids[worker], thread), [])
        row.append((start, end, names[account]))
    return {
        "span": {"start_at": time.span.start, "end_at": time.span.end},
        "rows": [
            {"worker_id": worker_id, "thread": thread, "segments": segments}
            for (worker_id, thread), segments in rows.items()
        ],
    }


def usage_by(view: View, state: StateBridge, span: Span, group_by: str) -> dict[str, Any]:
    """Return hours and cost of sessions, cut to the span, by one or two attributes.

    Args:
        view: the books.
        state: for names, currency and rate cards.
        span: what is asked about.
        group_by: names of `USAGE_COLUMNS`, with a comma between two.
    """
    names = group_by.split(",")
    if not 1 <= len(names) <= 2 or set(names) - set(USAGE_COLUMNS) or len(set(names)) < len(names):
        raise _bad("group_by", f"must be one or two of {', '.join(USAGE_COLUMNS)}")
    (first,) = view.ask(first_start(span)).to_pylist()
    since = first["started_at"]
    found = [] if since is None else view.ask(usage(span, names, Instant(since))).to_pylist()
    rows: dict[tuple[str | None, ...], dict[str, Any]] = {}
    times: dict[tuple[str | None, ...], Fraction] = defaultdict(Fraction)
    for row in found:
        key = tuple(row[USAGE_COLUMNS[name]] for name in names)
        total = rows.setdefault(key, {"sessions": 0, "runtime_ms": 0, "cost": None})
        total["sessions"] += row["sessions"]
        total["runtime_ms"] += row["runtime_ms"]
        times[key] += Fraction(row["runtime_ms"], row["threads"])
        if row["cost"] is not None:
            total["cost"] = (total["cost"] or 0) + row["cost"]
    farm = state.get(Farm, view.farm_id)
    shown = _names(state, view.farm_id, names)
    listed = [
        {
            **dict(zip(names, (_shown(shown, *pair) for pair in zip(names, key, strict=True)),
                       strict=True)),
            **{f"{name}_id": value for name, value in zip(names, key, strict=True)
               if name in shown},
            "sessions": total["sessions"],
            "runtime_ms": total["runtime_ms"],
            "machine_ms": round(times[key]),
            "cost": None if total["cost"] is None else amount_text(total["cost"]),
        }
        for key, total in sorted(
            rows.items(), key=lambda item: (-item[1]["runtime_ms"], str(item[0]))
        )
    ]  # fmt: skip
    costs = [total["cost"] for total in rows.values() if total["cost"] is not None]
    return {
        "group_by": names,
        "rows": listed,
        "runtime_ms": sum(total["runtime_ms"] for total in rows.values()),
        "cost": amount_text(sum(costs)) if costs else None,
        "currency": farm.currency if farm is not None else "USD",
        "example": bool(costs)
        and any(
            card.example
            for card in state.find(RateCard, Compare("farm_id", "=", view.farm_id))
            if card.valid_from < span.end
        ),
    }


def _names(state: StateBridge, farm_id: str, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    if "worker" in names:
        found["worker"] = worker_names(state, farm_id)
    if "job" in names:
        found["job"] = {
            job.job_id: job.name for job in state.find(Job, Compare("farm_id", "=", farm_id))
        }
    return found


def _shown(shown: Mapping[str, Mapping[str, str]], name: str, value: str | None) -> str | None:
    return value if value is None else shown.get(name, {}).get(value, value)


def worker_names(state: StateBridge, farm_id: str) -> dict[str, str]:
    """Return what people call each worker."""
    return {
        worker.worker_id: worker.host_name or worker.worker_id
        for worker in state.find(Worker, Compare("farm_id", "=", farm_id))
    }


def samples(view: View, span: Span, *, worker_id: str | None, points: int) -> dict[str, Any]:
    """Return samples of workers as columns, in at most about `points` slots for each worker."""
    width = -(-span.millis // max(1, points))
    step = max(SAMPLE_MS, -(-width // SAMPLE_MS) * SAMPLE_MS)
    if step >= HOURLY_MS:
        step = -(-step // MILLIS_PER_HOUR) * MILLIS_PER_HOUR
        found = samples_by_hours(view, span, step, worker_id)
    else:
        own = None if worker_id is None else slots_of_worker(view, span, step, worker_id)
        found = view.ask(worker_samples(span, step, worker_id)) if own is None else own
    return {
        "span": {"start_at": span.start, "end_at": span.end},
        "step_ms": step,
        "columns": {name: _plain(found.column(name)) for name in found.column_names},
    }


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Return plain values; whole numbers, of which days have tens of thousands, the short way."""
    if pa.types.is_int64(column.type):
        if column.null_count == 0:
            numbers: list[Any] = column.to_numpy().tolist()
            return numbers
        if column.null_count == len(column):
            return [None] * len(column)
    values: list[Any] = column.to_pylist()
    return values


def frames_of_job(view: View, job: Job, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the best record of each frame of a job."""
    rows: list[dict[str, Any]] = view.ask(job_frames(job.job_id, job.created_at)).to_pylist()
    for row in rows:
        row["worker"] = names.get(row["worker_id"], row["worker_id"])
    return rows


def attempts_of_job(view: View, job: Job, names: Mapping[str, str]) -> dict[str, Any]:
    """Return every attempt of a job."""
    rows: list[dict[str, Any]] = view.ask(job_attempts(job.job_id, job.created_at)).to_pylist()
    for row in rows:
        row["worker"] = names.get(row["worker_id"], row["worker_id"])
    return {"rows": rows}


def times_of_layers(view: View, job: Job) -> dict[str, Any]:
    """Return frame times of each layer of a job."""
    rows: list[dict[str, Any]] = view.ask(layer_times(job.job_id, job.created_at)).to_pylist()
    for row in rows:
        row["mean_frame_ms"] = round(Fraction(row["render_ms_sum"], row["frames"]))
    return {"rows": rows}


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])
