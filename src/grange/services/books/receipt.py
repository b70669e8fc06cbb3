"""The receipt of a job: where the time of all machines went, and what the job cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import lcm
from typing import Any

from grange.books.accounts import ACCOUNTS
from grange.books.allotment import rounded
from grange.books.presence import Presence
from grange.books.questions.views import job_cost, job_frames, job_outcome
from grange.books.slowness import why_slow
from grange.domain.farm import Farm
from grange.domain.rates import RateCard
from grange.domain.work import Job, Layer, Worker
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_SECOND, Instant, amount_text
from grange.ports.state import Compare
from grange.services.books.bridge import StateBridge
from grange.services.books.machine_time import machine_time, workers_over
from grange.services.books.shelf import View

_MOST_OUTPUTS = 100
_SETTING_UP_MS = MILLIS_PER_HOUR


def receipt(
    view: View, state: StateBridge, job: Job, *, start: Instant | None = None
) -> dict[str, Any]:
    """Return the receipt of a job; of one that still runs, up to now.

    Args:
        view: the books.
        state: the state store.
        job: the job.
        start: where the span begins. Default: when the job was created; but if it is the first job
            since the last worker was registered, then the moment of that registration.
    """
    end = Instant(min(job.ended_at or view.now, view.now))
    if start is None:
        start = _span_start(state, job, workers_over(view, Span(job.created_at, end)), end)
    time = machine_time(view, Span(start, end))
    totals = time.segments.total()
    accounts = totals.machine_ms()
    machines = len(time.presences)
    workers: dict[str, str] = {
        worker.worker_id: worker.host_name or worker.worker_id
        for worker in state.find(Worker, Compare("farm_id", "=", job.farm_id))
    }
    layers: dict[str, Layer] = {
        layer.layer_id: layer for layer in state.find(Layer, Compare("job_id", "=", job.job_id))
    }
    (outcome,) = view.ask(job_outcome(job.job_id, job.created_at)).to_pylist()
    frames = view.ask(job_frames(job.job_id, job.created_at)).to_pylist()
    return {
        "span": {"start_at": start, "end_at": end},
        "machines": machines,
        "seconds_each": time.existence_ms / machines / MILLIS_PER_SECOND if machines else 0,
        "machine_seconds": time.existence_ms / MILLIS_PER_SECOND,
        "accounts": {f"{account}_ms": accounts[account] for account in ACCOUNTS},
        "unaccounted_ms": time.existence_ms - sum(accounts.values()),
        "frames": {
            "rendered": outcome["frames_rendered"],
            "failed_attempts": outcome["failed_attempts"],
        },
        "cost": _cost(view, state, job, layers, workers),
        "slowest": _slowest(frames, layers, workers),
        "outputs": _outputs(frames, layers),
        "wall_ms": end - job.created_at,
    }


def _span_start(state: StateBridge, job: Job, present: Iterable[Presence], end: Instant) -> Instant:
    """Return when the last worker was registered, if the job was the first one after that."""
    registered = max(
        (start for presence in present if (start := presence.existence().start) < end),
        default=job.created_at,
    )
    if registered >= job.created_at:
        begun = job.started_at or end
        return registered if registered <= begun else job.created_at
    if registered < job.created_at - _SETTING_UP_MS:
        return job.created_at
    earlier = [
        other
        for other in state.find(Job, Compare("farm_id", "=", job.farm_id))
        if other.created_at < job.created_at and (other.ended_at or end) > registered
    ]
    return job.created_at if earlier else registered


def _cost(
    view: View,
    state: StateBridge,
    job: Job,
    layers: Mapping[str, Layer],
    workers: Mapping[str, str],
) -> dict[str, Any] | None:
    rows = view.ask(job_cost(job.job_id, job.created_at)).to_pylist()
    priced = [row for row in rows if row["cost"] is not None]
    if not priced:
        return None
    farm = state.get(Farm, job.farm_id)
    cards = {row["card_id"] for row in priced}
    return {
        "example": any(
            card.example
            for card in state.find(RateCard, Compare("farm_id", "=", job.farm_id))
            if card.card_id in cards
        ),
        "currency": farm.currency if farm is not None else "USD",
        "total": amount_text(sum(row["cost"] for row in priced)),
        "by_layer": _grouped(
            rows,
            "layer_id",
            {layer_id: layer.name for layer_id, layer in layers.items()} | {None: "no layer"},
        ),
        "by_worker": _grouped(rows, "worker_id", workers),
    }


def _grouped(
    rows: Iterable[Mapping[str, Any]], column: str, names: Mapping[Any, str]
) -> list[dict[str, Any]]:
    costs: dict[Any, int] = defaultdict(int)
    times: dict[Any, Fraction] = defaultdict(Fraction)
    for row in rows:
        costs[row[column]] += row["cost"] or 0
        times[row[column]] += Fraction(row["runtime_ms"], row["threads"])
    keys = sorted(costs, key=lambda key: (-costs[key], -times[key], str(key)))
    # Whole milliseconds that sum to the same, by layer and by worker.
    scale = lcm(*(times[key].denominator for key in keys))
    weights = [int(times[key] * scale) for key in keys]
    machine_ms = rounded(weights, scale)
    return [
        {
            "name": names.get(key, str(key)),
            "cost": amount_text(costs[key]),
            "machine_ms": millis,
        }
        for key, millis in zip(keys, machine_ms, strict=True)
    ]


def _slowest(
    frames: Iterable[Mapping[str, Any]], layers: Mapping[str, Layer], workers: Mapping[str, str]
) -> dict[str, Any] | None:
    known = [
        frame
        for frame in frames
        if frame["status"] == "SUCCEEDED"
        and frame["layer_id"] in layers
        and layers[frame["layer_id"]].frame_count is not None
    ]
    if not known:
        return None
    slowest = max(known, key=lambda frame: (frame["render_ms"], -frame["frame"]))
    times = sorted(
        frame["render_ms"] for frame in known if frame["layer_id"] == slowest["layer_id"]
    )
    return {
        "frame": slowest["frame"],
        "layer": layers[slowest["layer_id"]].name,
        "render_ms": slowest["render_ms"],
        "worker": workers.get(slowest["worker_id"], slowest["worker_id"]),
        "why": why_slow(slowest, times[len(times) // 2]),
    }


def _outputs(frames: Iterable[Mapping[str, Any]], layers: Mapping[str, Layer]) -> list[str]:
    """Return the files of the layers nothing depends on, or of all layers if those wrote none."""
    written = [
        (layers[frame["layer_id"]], frame["frame"], frame["output_path"])
        for frame in frames
        if frame["output_path"] and frame["status"] == "SUCCEEDED" and frame["layer_id"] in layers
    ]
    last = [entry for entry in written if not entry[0].consumers] or written
    ordered = sorted(last, key=lambda entry: (entry[0].index, entry[1]))
    return list(dict.fromkeys(path for _, _, path in ordered))[:_MOST_OUTPUTS]
