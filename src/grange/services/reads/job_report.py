"""The report of one job: what happened to it, and what its renders said, errors first.

Everything a person needs who asks what became of a job: its status, how far it is, its place in
the order, its frame times, each event, and each attempt with its output (ledger S1-03, S1-09,
S1-14 to S1-16, S1-20).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from grange.domain.chunk_status import (
    Progress,
    elapsed_text,
    mean_frame_seconds,
    progress_of_tasks,
)
from grange.domain.work import UNASSIGNED, Job, Layer
from grange.kernel.units import Instant
from grange.ports.session_logs import LogPart
from grange.services.reads.logs import Line, decode_lines
from grange.services.why import JobAnswer

LOG_BYTES = 8 * 1024 * 1024
"""How much of one session's log is read: its beginning."""
MOST_ERRORS = 50
"""How many lines that tell of an error each attempt shows."""
MOST_LINES = 5000
_EARLY_MS = 50
_LATE_MS = 500

_ERROR = re.compile(
    r"\b(error|errors|fatal|failed|failure|exception|traceback|aborted|segmentation fault"
    r"|out of memory|no such file|not found|permission denied|core dumped|killed)\b",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(r"\b(0|no) (error|errors|failures?)\b", re.IGNORECASE)


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of output."""

    number: int
    """Its place in the attempt's output, from 1."""
    text: str


class ReportEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the job, a layer, a task or a session of it."""

    at: int
    event_id: str
    subject: str
    subject_id: str
    name: str
    old: str | None
    new: str | None
    by: str
    worker: str | None
    detail: str


class ReportAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a chunk, and what it wrote."""

    action_id: str
    session_id: str
    layer: str
    task_index: int
    attempt: int | None
    frames: str | None
    worker: str
    status: str
    cause: str
    exit_code: int | None
    error_class: str | None
    error_rule: str | None
    error_text: str | None
    started_at: int
    ended_at: int | None
    elapsed: str
    mean_frame_seconds: float | None
    """Its time by the frames it rendered; frames that were there already are not among them."""
    error_lines: list[ReportLine]
    """What tells of errors, first."""
    output: list[ReportLine]
    """The last lines it wrote."""
    output_lines: int
    """How many lines it wrote in all."""


class ReportLayer(msgspec.Struct, frozen=True, kw_only=True):
    """How far one layer is, and where it stands in the order."""

    layer_id: str
    name: str
    status: str
    """QUEUE, RENDERING, HALTED, DONE or ERROR."""
    chunks: int
    queued_percent: float
    rendering_percent: float
    halted_percent: float
    done_percent: float
    error_percent: float
    """Errors are counted apart, never as done."""
    rank: int | None
    """1: it is given out next; None: none of its chunks waits."""
    tasks_before: int
    mean_frame_seconds: float | None


class JobReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job."""

    job_id: str
    name: str
    project: str
    user: str
    priority: int
    status: str
    """QUEUE, RENDERING, HALTED, DONE or ERROR."""
    task_run_status: str
    created_at: int
    started_at: int | None
    ended_at: int | None
    elapsed: str | None
    """From the first start to the end, or until now, as days:hours:minutes:seconds."""
    chunks: int
    queued_percent: float
    rendering_percent: float
    halted_percent: float
    done_percent: float
    error_percent: float
    rank: int | None
    reason: str
    """Why it waits; empty: nothing keeps it."""
    mean_frame_seconds: float | None
    layers: list[ReportLayer]
    events: list[ReportEvent]
    attempts: list[ReportAttempt]
    """Failed ones first, then by time."""


def is_error(text: str) -> bool:
    """Return True if a line of output tells of an error."""
    return bool(_ERROR.search(text)) and not _NO_ERROR.search(text)


def job_report(
    job: Job,
    layers: Sequence[Layer],
    why: JobAnswer,
    journey: Mapping[str, Any],
    logs: Mapping[str, LogPart | None],
    *,
    now: Instant,
    lines: int,
) -> JobReport:
    """Put the report together.

    Args:
        job: the job.
        layers: its layers, in order.
        why: what the scheduler says of it.
        journey: its events and attempts, as the books answer `job_journey`.
        logs: session → its log.
        now: the present.
        lines: how many of the last lines of each attempt's output are shown.
    """
    waiting = {one.layer_id: one for one in why.layers if one.ready}
    tries = journey["attempts"]
    read = {
        session_id: decode_lines(part.content, part.start, Instant(0))
        for session_id, part in logs.items()
        if part is not None
    }
    rows = []
    for layer in layers:
        told = waiting.get(layer.layer_id)
        mine = [one for one in tries if one["layer_id"] == layer.layer_id]
        rows.append(
            ReportLayer(
                layer_id=layer.layer_id,
                name=layer.name,
                rank=None if told is None else told.layers_before + 1,
                tasks_before=0 if told is None else told.tasks_before,
                mean_frame_seconds=_mean(mine),
                **_progress(progress_of_tasks([layer.counts])),
            )
        )
    end = job.ended_at or now
    attempts = [_attempt(one, read.get(one["session_id"], []), now, lines) for one in tries]
    ranks = [row.rank for row in rows if row.rank is not None]
    return JobReport(
        job_id=job.job_id,
        name=job.name,
        project=job.attributes.get("project", UNASSIGNED),
        user=job.created_by,
        priority=job.priority,
        task_run_status=job.status.value,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        elapsed=None
        if job.started_at is None
        else elapsed_text(max(0, end - job.started_at) // 1000),
        rank=min(ranks, default=None),
        reason=f"{why.reason}: {why.text}" if why.reason else "",
        mean_frame_seconds=_mean(tries),
        layers=rows,
        events=[_event(row) for row in journey["events"]],
        attempts=sorted(attempts, key=lambda one: (one.status != "FAILED", one.started_at)),
        **_progress(progress_of_tasks(layer.counts for layer in layers)),
    )


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "status": progress.status,
        "chunks": progress.chunks,
        "queued_percent": progress.percent(progress.queued),
        "rendering_percent": progress.percent(progress.rendering),
        "halted_percent": progress.percent(progress.halted),
        "done_percent": progress.percent(progress.done),
        "error_percent": progress.percent(progress.errors),
    }


def _mean(tries: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the mean time of the frames of successful attempts."""
    good = [one for one in tries if one["status"] == "SUCCEEDED" and one["frame_count"]]
    frames = sum(_rendered(one) for one in good)
    seconds = sum(one["ended_at"] - one["started_at"] for one in good) / 1000
    return mean_frame_seconds(0, seconds, frames)


def _rendered(attempt: Mapping[str, Any]) -> int:
    """Return how many frames an attempt rendered: those it was seen to, or else all of them."""
    return int(attempt["frames_seen"] or attempt["frame_count"] or 0)


def _event(row: Mapping[str, Any]) -> ReportEvent:
    return ReportEvent(
        at=row["at"],
        event_id=row["event_id"],
        subject=row["subject"],
        subject_id=row["subject_id"],
        name=row["name"],
        old=row["old"],
        new=row["new"],
        by=row["actor"],
        worker=row["worker"],
        detail=row["detail"],
    )


def _attempt(
    row: Mapping[str, Any], log: Sequence[Line], now: Instant, lines: int
) -> ReportAttempt:
    running = row["status"] == "RUNNING"
    end = now if running else row["ended_at"]
    mean = None
    if row["frame_count"] and not running:
        mean = mean_frame_seconds(
            row["started_at"] / 1000,
            end / 1000,
            row["frame_count"],
            row["frame_count"] - _rendered(row),
        )
    written = [
        ReportLine(number=number, text=line.text)
        for number, line in enumerate(_of_attempt(row, log), start=1)
    ]
    return ReportAttempt(
        action_id=row["action_id"],
        session_id=row["session_id"],
        layer=row["layer_name"] or "",
        task_index=row["task_index"] or 0,
        attempt=row["attempt"],
        frames=row["frames"],
        worker=row["worker"],
        status=row["status"],
        cause=row["cause"],
        exit_code=row["exit_code"],
        error_class=row["error_class"],
        error_rule=row["error_rule"],
        error_text=row["error_text"],
        started_at=row["started_at"],
        ended_at=None if running else row["ended_at"],
        elapsed=elapsed_text(max(0, end - row["started_at"]) // 1000),
        mean_frame_seconds=mean,
        error_lines=[line for line in written if is_error(line.text)][:MOST_ERRORS],
        output=written[-lines:] if lines else [],
        output_lines=len(written),
    )


def _of_attempt(row: Mapping[str, Any], log: Sequence[Line]) -> list[Line]:
    """Return the lines of a session's log that an attempt wrote, by their times."""
    if not any(line.at for line in log):
        return list(log)
    begin = row["worker_started_at"] or row["started_at"]
    end = row["worker_ended_at"] if row["status"] != "RUNNING" else None
    return [
        line
        for line in log
        if line.at >= begin - _EARLY_MS and (end is None or line.at <= end + _LATE_MS)
    ]
