"""Frame records: what one attempt says about each frame it rendered. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grange.kernel.ids import parse_task_id
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.worker.plan import LocalSession, PlannedAction
from grange.worker.telemetry import ActionSeries, FrameParts


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFrame:
    """A frame that the log told apart from the others."""

    frame: int
    span: Span
    path: str | None
    output_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What every frame record of one attempt has in common."""

    session: LocalSession
    action: PlannedAction
    frames: tuple[int, ...]
    """The frames the task is to render, in order."""
    began_at: Instant
    user_logged_in: bool | None


def measured(attempt: Attempt, found: MeasuredFrame, series: ActionSeries) -> dict[str, Any]:
    """Return the record of a frame whose own time is known."""
    return _record(attempt, found, series.parts(found.span), averaged_over=1)


def unmeasured(
    attempt: Attempt,
    known: Sequence[MeasuredFrame],
    ended_at: Instant,
    series: ActionSeries,
    cpu_ms: int | None,
) -> list[dict[str, Any]]:
    """Return the records of the other frames of an attempt that succeeded.

    They share the time that the measured ones leave, in equal parts. A single frame that has the
    attempt to itself is as good as measured.
    """
    told = {one.frame for one in known}
    others = [frame for frame in attempt.frames if frame not in told]
    if not others:
        return []
    taken = sum(one.span.millis for one in known)
    total = max(0, ended_at - attempt.began_at - taken)
    records = []
    for index, frame in enumerate(others):
        start = Instant(attempt.began_at + total * index // len(others))
        end = Instant(attempt.began_at + total * (index + 1) // len(others))
        found = MeasuredFrame(frame=frame, span=Span(start, end), path=None, output_bytes=None)
        # Where measured frames lie between, these spans are shares, not times: no parts are known.
        where = Span(attempt.began_at, ended_at) if len(others) == 1 and not known else found.span
        record = _record(attempt, found, series.parts(where), averaged_over=len(others))
        if not known:
            record["cpu_ms"] = None if cpu_ms is None else cpu_ms // len(others)
        records.append(record)
    return records


def _record(
    attempt: Attempt, found: MeasuredFrame, parts: FrameParts, *, averaged_over: int
) -> dict[str, Any]:
    first = bool(attempt.frames) and found.frame == attempt.frames[0]
    parsed = parse_task_id(attempt.action.task_id or "")
    return {
        "action_id": attempt.action.action_id,
        "session_id": attempt.session.session_id,
        "job_id": attempt.session.job_id,
        "layer_id": attempt.action.step_id,
        "task_index": parsed[1] if parsed else 0,
        "frame": found.frame,
        "started_at": found.span.start,
        "ended_at": max(found.span.start, found.span.end),
        "render_ms": found.span.millis,
        "averaged_over": averaged_over,
        "first_of_chunk": first,
        "first_after_load": first,
        "user_logged_in": attempt.user_logged_in,
        "log_started_at": attempt.began_at,
        "log_first_frame": attempt.frames[0] if attempt.frames else None,
        "part_job_cpu": parts.job_cpu,
        "part_job_memory_bytes": parts.job_memory_bytes,
        "part_other_cpu": parts.other_cpu,
        "part_threads": parts.threads,
        "peak_memory_bytes": parts.peak_memory_bytes,
        "cpu_ms": parts.cpu_ms,
        "output_path": found.path,
        "output_bytes": found.output_bytes,
    }
