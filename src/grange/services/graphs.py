"""Pictures of the books: worker states, CPU, frame times."""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from grange.domain.farm import Farm
from grange.domain.work import Job, Layer
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.plots.cpu import CpuSeries, cpu
from grange.plots.frame_times import LayerFrames, frame_times
from grange.plots.palette import Theme
from grange.plots.sheet import Format, Picture
from grange.plots.worker_states import ThreadStates, worker_states
from grange.ports.state import Compare
from grange.services.books.answers import worker_names
from grange.services.library import Books
from grange.services.reads.pages import expand

_drawing = threading.Lock()
"""matplotlib's settings are global, so one picture is drawn at a time."""


def draw(
    books: Books,
    *,
    farm_id: str,
    name: str,
    kind: str,
    start: int | None = None,
    end: int | None = None,
    job_id: str | None = None,
    theme: str = "light",
    width: int = 1000,
    height: int | None = None,
) -> bytes:
    """Return a picture as PNG or SVG.

    Args:
        books: the facts.
        farm_id: whose.
        name: worker-states, cpu or frame-times.
        kind: png or svg.
        start: from when on; default: a day before the end, or the job's beginning.
        end: until when; default: now, or the job's end.
        job_id: the job; frame-times needs one.
        theme: light or dark.
        width: in pixels.
        height: in pixels; None: as the rows need.

    Raises:
        InvalidRequestError: there is no such picture, or it needs a job.
        NotFoundError: there is no such farm or job.
    """
    painter = _PAINTERS.get(name)
    if painter is None:
        raise _invalid("name", f"must be one of {', '.join(sorted(_PAINTERS))}")
    farm = books.state.get(Farm, farm_id)
    if farm is None:
        raise NotFoundError("farm", farm_id)
    job = None if job_id is None else books.state.get(Job, job_id)
    if job_id is not None and (job is None or job.farm_id != farm_id):
        raise NotFoundError("job", job_id)
    now = books.clock.now()
    span = _span(now, job, start, end)
    mark = "SIMULATED " if farm.simulated else ""
    title = f"{mark}{_TITLES[name]}: {job.name if job else farm.name}"
    picture = Picture(
        title=title,
        span=span,
        zone=ZoneInfo(farm.zone),
        data_until_at=Instant(min(now, span.end)),
        theme=Theme(theme),
        format=Format(kind),
        width=width,
        height=height,
    )
    return painter(books, farm_id, job, picture)


def _span(now: Instant, job: Job | None, start: int | None, end: int | None) -> Span:
    if end is None:
        end = now if job is None or job.ended_at is None else job.ended_at
    if start is None:
        start = end - MILLIS_PER_DAY if job is None else job.started_at or job.created_at
    if end <= start:
        raise _invalid("end", "must be larger than start")
    return Span(Instant(start), Instant(end))


def _worker_states(books: Books, farm_id: str, _job: Job | None, picture: Picture) -> bytes:
    span = picture.span
    found = books.timeline(farm_id=farm_id, start=span.start, end=span.end)
    names = worker_names(books.state, farm_id)
    rows = [
        ThreadStates(
            worker=names.get(row["worker_id"], row["worker_id"]),
            thread=row["thread"],
            starts_at=[segment[0] for segment in row["segments"]],
            ends_at=[segment[1] for segment in row["segments"]],
            accounts=[segment[2] for segment in row["segments"]],
        )
        for row in found["rows"]
    ]
    rows.sort(key=lambda row: (row.worker, row.thread))
    with _drawing:
        return worker_states(picture, rows)


def _cpu(books: Books, farm_id: str, _job: Job | None, picture: Picture) -> bytes:
    span = picture.span
    found = books.worker_samples(
        farm_id=farm_id, start=span.start, end=span.end, points=max(50, picture.width // 2)
    )
    names = worker_names(books.state, farm_id)
    by_worker: dict[str, list[int]] = {}
    columns: Mapping[str, list[Any]] = found["columns"]
    for index, worker_id in enumerate(columns["worker_id"]):
        by_worker.setdefault(worker_id, []).append(index)
    series = [
        CpuSeries(
            name=names.get(worker_id, worker_id),
            starts_at=[columns["slot_at"][index] for index in indices],
            slot_ms=found["step_ms"],
            mean_milli=[columns["cpu_milli"][index] for index in indices],
            low_milli=[columns["cpu_milli_min"][index] for index in indices],
            high_milli=[columns["cpu_milli_max"][index] for index in indices],
        )
        for worker_id, indices in by_worker.items()
    ]
    series.sort(key=lambda one: one.name)
    with _drawing:
        return cpu(picture, series)


def _frame_times(books: Books, farm_id: str, job: Job | None, picture: Picture) -> bytes:
    if job is None:
        raise _invalid("job", "is required for frame-times")
    layers = books.state.find(Layer, Compare("job_id", "=", job.job_id))
    layers.sort(key=lambda layer: layer.index)
    frames: dict[str, list[tuple[int, int | None, bool]]] = {}
    for row in books.job_frames(farm_id=farm_id, job_id=job.job_id):
        frames.setdefault(row["layer_id"], []).append((row["frame"], row["render_ms"], False))
    for row in books.attempts(farm_id=farm_id, job_id=job.job_id)["rows"]:
        if row["status"] == "FAILED" and row["frames"]:
            failed = [(frame, None, True) for frame in expand(row["frames"])]
            frames.setdefault(row["layer_id"], []).extend(failed)
    shown = [
        LayerFrames(
            name=layer.name,
            frames=[frame for frame, _, _ in rows],
            render_ms=[millis for _, millis, _ in rows],
            failed=[failed for _, _, failed in rows],
        )
        for layer in layers
        if (rows := sorted(frames.get(layer.layer_id, []), key=lambda row: (row[0], row[2])))
    ]
    with _drawing:
        return frame_times(picture, shown)


def _invalid(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


_TITLES = {
    "worker-states": "Worker states",
    "cpu": "CPU",
    "frame-times": "Frame times",
}
_PAINTERS: dict[str, Callable[[Books, str, Job | None, Picture], bytes]] = {
    "worker-states": _worker_states,
    "cpu": _cpu,
    "frame-times": _frame_times,
}
