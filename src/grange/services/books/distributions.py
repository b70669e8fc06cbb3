"""Distributions of attempts: frame times, waiting, memory, processor use, errors, hosts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from grange.books.confidence import ratio_interval, share_interval
from grange.books.questions import distributions as questions
from grange.books.questions.distributions import QUANTILES, Scope
from grange.books.questions.model import Question
from grange.books.sheet import (
    Column,
    Row,
    Sheet,
    count,
    instant,
    millis,
    money,
    ratio,
    share,
    size,
    text,
)
from grange.domain.work import Job, Layer, Worker
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, amount_text
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.books.shelf import View

MEMORY = "amount.worker.memory"
PROCESSORS = "amount.worker.vcpu"
MIB = 1 << 20
ECDF_POINTS = 100


class Asked(NamedTuple):
    """Where a report looks, and at what."""

    desk: Desk
    view: View
    scope: Scope
    by: Sequence[str]


Maker = Callable[[Asked], Sheet]


def _percent(quantile: float) -> str:
    return f"p{round(quantile * 100):02}"


def _key_columns(by: Sequence[str]) -> list[Column]:
    return [text(name) for name in by]


def _keyed(row: Mapping[str, Any], by: Sequence[str]) -> dict[str, Any]:
    return {name: row[f"{name}_key"] for name in by}


def _spread(values: Sequence[float] | None, prefix: str, unit: str) -> dict[str, int | None]:
    known: Sequence[float | None] = values or [None] * len(QUANTILES)
    return {
        f"{prefix}{_percent(one)}_{unit}": None if value is None else round(value)
        for one, value in zip(QUANTILES, known, strict=True)
    }


def _rows(asked: Asked, question: Question) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked.view.ask(question).to_pylist()
    return found


def frame_times(asked: Asked) -> Sheet:
    """Return quantiles of frame times."""
    rows: list[Row] = []
    averaged = 0
    for row in _rows(asked, questions.frame_times(asked.scope, asked.by)):
        averaged += row["averaged"]
        rows.append(
            {
                **_keyed(row, asked.by),
                "frames": row["frames"],
                "mean_ms": round(row["render_ms"] / row["frames"]),
                "least_ms": row["least_ms"],
                **_spread(row["quantiles"], "", "ms"),
                "most_ms": row["most_ms"],
                "render_ms": row["render_ms"],
            }
        )
    note = (
        f"{averaged:,} frames were not timed one by one: they have the mean of their chunk, "
        "so the spread is larger than it looks."
    )
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            count("frames"),
            millis("mean_ms"),
            millis("least_ms"),
            *(millis(f"{_percent(one)}_ms") for one in QUANTILES),
            millis("most_ms"),
            millis("render_ms", "All of them together."),
        ),
        rows=rows,
        notes=(note,) if averaged else (),
    )


def frame_ecdf(asked: Asked) -> Sheet:
    """Return which share of frames took at most so long."""
    rows: list[Row] = [
        {
            **_keyed(row, asked.by),
            "share": number / ECDF_POINTS,
            "render_ms": time,
            "frames": row["frames"],
        }
        for row in _rows(asked, questions.frame_ecdf(asked.scope, asked.by, ECDF_POINTS))
        for number, time in enumerate(row["times_ms"])
    ]
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            share("share"),
            millis("render_ms", "This share of the frames took at most so long."),
            count("frames"),
        ),
        rows=rows,
    )


def queue_wait(asked: Asked) -> Sheet:
    """Return how long tasks waited for what they depend on, and then for a worker."""
    jobs = asked.desk.state.find(Job, Compare("farm_id", "=", asked.view.farm_id))
    since = min((job.created_at for job in jobs), default=asked.scope.span.start)
    rows: list[Row] = [
        {
            **_keyed(row, asked.by),
            "tasks": row["tasks"],
            "dependency_mean_ms": round(row["dependency_sum"] / row["tasks"]),
            **_spread(row["dependency"], "dependency_", "ms"),
            "queue_mean_ms": round(row["queue_sum"] / row["tasks"]),
            **_spread(row["queue_wait"], "queue_", "ms"),
            "queue_most_ms": row["queue_most"],
            **_spread(row["whole"], "whole_", "ms"),
        }
        for row in _rows(asked, questions.queue_waits(asked.scope, asked.by, Instant(since)))
    ]
    shown = ("p50", "p90", "p95", "p99")
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            count("tasks"),
            millis("dependency_mean_ms", "Submitted → eligible: waiting for other layers."),
            *(millis(f"dependency_{one}_ms") for one in shown),
            millis("queue_mean_ms", "Eligible → started: waiting for a worker."),
            *(millis(f"queue_{one}_ms") for one in shown),
            millis("queue_most_ms"),
            *(millis(f"whole_{one}_ms", "Submitted → started.") for one in shown),
        ),
        rows=rows,
    )


def memory(asked: Asked) -> Sheet:
    """Return peaks of memory against what layers reserved."""
    layers = asked.desk.state.find(Layer, Compare("farm_id", "=", asked.view.farm_id))
    reserved: dict[str, int] = {
        layer.layer_id: round(least * MIB)
        for layer in layers
        for name, least, _ in layer.requirement.amounts
        if name == MEMORY and least
    }
    rows: list[Row] = [
        {
            **_keyed(row, asked.by),
            "attempts": row["attempts"],
            "measured": row["measured"],
            **_spread(row["quantiles"], "", "bytes"),
            "most_bytes": row["most_bytes"],
            "reserved_bytes": row["reserved_bytes"],
            "over_reserved": row["over_reserved"] if row["reserved_bytes"] else None,
            "used_of_reserved": (
                row["peak_byte_ms"] / row["reserved_byte_ms"] if row["reserved_byte_ms"] else None
            ),
        }
        for row in _rows(asked, questions.memory(asked.scope, asked.by, reserved))
    ]
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            count("attempts"),
            count("measured", "How many of them had their memory watched."),
            *(size(f"{one}_bytes") for one in ("p50", "p90", "p99")),
            size("most_bytes"),
            size("reserved_bytes", "The largest reservation of a layer; none: nothing reserved."),
            count("over_reserved", "Attempts that took more than was reserved."),
            share("used_of_reserved", "Peaks ÷ reservations, weighed by time."),
        ),
        rows=rows,
    )


def cpu(asked: Asked) -> Sheet:
    """Return how much of the processor time they had attempts used."""
    workers = asked.desk.state.find(Worker, Compare("farm_id", "=", asked.view.farm_id))
    cores: dict[str, int] = {
        worker.worker_id: round(worker.amounts[PROCESSORS] * 1000)
        for worker in workers
        if worker.amounts.get(PROCESSORS)
    }
    rows: list[Row] = []
    for row in _rows(asked, questions.processors(asked.scope, asked.by, cores)):
        available = row["available_ms"]
        quantiles = row["quantiles"] or [None] * len(QUANTILES)
        rows.append(
            {
                **_keyed(row, asked.by),
                "attempts": row["attempts"],
                "measured": row["measured"],
                "run_ms": row["run_ms"],
                "cpu_ms": row["cpu_ms"],
                "available_ms": None if available is None else round(available),
                "efficiency": row["cpu_ms"] / available if available else None,
                **{
                    f"{_percent(one)}_efficiency": value
                    for one, value in zip(QUANTILES, quantiles, strict=True)
                },
            }
        )
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            count("attempts"),
            count("measured", "How many of them had their processor time measured."),
            millis("run_ms"),
            millis("cpu_ms", "Processor time used."),
            millis("available_ms", "Run time × the job thread's share of the processors."),
            share("efficiency", "cpu_ms ÷ available_ms."),
            *(share(f"{one}_efficiency") for one in ("p05", "p25", "p50", "p75", "p95")),
        ),
        rows=rows,
    )


def errors(asked: Asked) -> Sheet:
    """Return failed attempts by class, the most wasted hours first."""
    found = _rows(asked, questions.errors(asked.scope, asked.by))
    whole = sum(row["machine_ms"] for row in found)
    before = 0.0
    rows: list[Row] = []
    for row in found:
        before += row["machine_ms"]
        rows.append(
            {
                **_keyed(row, asked.by),
                "attempts": row["attempts"],
                "jobs": row["jobs"],
                "workers": row["workers"],
                "wasted_machine_ms": round(row["machine_ms"]),
                "wasted_thread_ms": row["run_ms"],
                "share": row["machine_ms"] / whole if whole else None,
                "cumulative_share": before / whole if whole else None,
                "cost": None if row["cost"] is None else amount_text(row["cost"]),
                "last_at": row["last_at"],
                "last_text": row["last_text"],
            }
        )
    return Sheet(
        columns=(
            *_key_columns(asked.by),
            count("attempts"),
            count("jobs"),
            count("workers"),
            millis("wasted_machine_ms", "Machine time the attempts took."),
            millis("wasted_thread_ms", "The same as time of job threads."),
            share("share"),
            share("cumulative_share", "Of this row and those above it."),
            money("cost", "What the attempts cost, without the gaps around them."),
            instant("last_at"),
            text("last_text"),
        ),
        rows=rows,
    )


def hosts(asked: Asked) -> Sheet:
    """Return how workers compare, the fastest for their speed first."""
    rows: list[Row] = []
    for row in _rows(asked, questions.hosts(asked.scope)):
        success = share_interval(row["succeeded"], row["succeeded"] + row["failed"])
        compared = row["compared"] or 0
        time = (
            ratio_interval(row["log_mean"], row["log_sd"], compared)
            if row["log_mean"] is not None
            else None
        )
        rows.append(
            {
                "worker": row["worker_key"],
                "worker_id": row["worker_id"],
                "speed": row["ps_milli"] / 1000,
                "attempts": row["attempts"],
                "failed": row["failed"],
                "frames": row["frames"] or 0,
                "machine_ms": round(row["machine_ms"]),
                "success": success.value if success else None,
                "success_low": success.low if success else None,
                "success_high": success.high if success else None,
                "compared": compared,
                "time": time.value if time else None,
                "time_low": time.low if time else None,
                "time_high": time.high if time else None,
            }
        )
    return Sheet(
        columns=(
            text("worker"),
            text("worker_id"),
            ratio("speed", "Relative speed of the machine."),
            count("attempts"),
            count("failed"),
            count("frames", "Of successful attempts."),
            millis("machine_ms"),
            share("success"),
            share("success_low", "With 95 % it is at least this."),
            share("success_high"),
            count("compared", "Frames of layers that other workers rendered too."),
            ratio("time", "Frame time × speed ÷ the layer's median of it; below 1 is fast."),
            ratio("time_low", "With 95 % it is at least this."),
            ratio("time_high"),
        ),
        rows=rows,
        notes=("Times are normalised by each machine's relative speed.",),
    )


def narrowed(view: View, span: Span, scope: Scope) -> tuple[Scope, dict[str, int]]:
    """Return the scope with when its attempts began, and how many they are of how many."""
    (found,) = view.ask(questions.attempt_counts(scope)).to_pylist()
    since = span.start if found["first_at"] is None else Instant(found["first_at"])
    return (
        Scope(span=scope.span, names=scope.names, node=scope.node, since=since),
        {"matched": found["matched"], "total": found["total"]},
    )
