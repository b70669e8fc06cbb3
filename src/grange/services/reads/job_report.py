"""The report of one job: what happened to it, and what its renders said, errors first.

Everything a person needs who asks what became of a job: its status, how far it is, its place in
the order, its frame times, each event, and each attempt with its output (ledger S1-03, S1-09,
S1-14 to S1-16, S1-20).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from grange.domain.chunk_status import (
    Progress,
    elapsed_text,
    mean_frame_seconds,
    progress_of_tasks,
)
from grange.domain.work import UNASSIGNED, Job, Layer
from grange.kernel.ids import StepId, task_id
from grange.kernel.units import Instant
from grange.ports.log_lines import LogLines
from grange.services.reads.task_logs import TaskLogs
from grange.services.why import JobAnswer

MOST_ERRORS = 50
"""How many lines that tell of an error each attempt shows."""
MOST_LINES = 5000
_NO_ERROR = re.compile(r"\b(?:0|no) (?:errors?|failures?)\b", re.IGNORECASE)
MOST_OUTPUTS = 200


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of output."""

    number: int
    """Its place in the attempt's output, from 1."""
    text: str
    error_class: str | None = None
    """As the rules of its renderer know it; None: it only has a word of an error."""


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
    output_lines: int | None
    """How many lines it wrote in all; None: its output was not read, or there is none."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one attempt wrote."""

    errors: Sequence[ReportLine]
    last: Sequence[ReportLine]
    lines: int


async def read_output(
    reader: TaskLogs,
    windows: LogLines,
    job: Job,
    layers: Sequence[Layer],
    attempt: Mapping[str, Any],
    *,
    lines: int,
) -> Written | None:
    """Read what an attempt wrote: what tells of errors, and its last lines; None: nothing.

    Args:
        reader: finds the lines of attempts, and errors in them.
        windows: reads lines.
        job: the job.
        layers: its layers.
        attempt: as the books tell it.
        lines: how many of the last lines are wanted.
    """
    layer = next((one for one in layers if one.layer_id == attempt["layer_id"]), None)
    task = task_id(StepId(attempt["layer_id"]), attempt["task_index"])
    log = await reader.log(job, task, attempt["attempt"])
    if log is None:
        return None
    errors: list[ReportLine] = []
    finder = await reader.finder(layer, log)
    async for found, _, _ in reader.errors(log, finder):
        errors += [
            ReportLine(
                number=one.line.number - log.first + 1,
                text=one.line.text or "",
                error_class=one.error_class,
            )
            for one in found
            if one.error_class is not None or not _NO_ERROR.search(one.line.text or "")
        ]
        if len(errors) >= MOST_ERRORS:
            break
    first = max(log.first, log.end - lines)
    last = await windows.window(log.session_id, first, log.end - first) if lines else []
    return Written(
        errors=sorted(errors, key=lambda one: (one.error_class is None, one.number))[:MOST_ERRORS],
        last=[ReportLine(number=one.number - log.first + 1, text=one.text or "") for one in last],
        lines=log.lines,
    )


def failed_first(journey: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the attempts of a job: failed ones first, then by time."""
    return sorted(
        journey["attempts"], key=lambda one: (one["status"] != "FAILED", one["started_at"])
    )


def job_report(
    job: Job,
    layers: Sequence[Layer],
    why: JobAnswer,
    journey: Mapping[str, Any],
    written: Mapping[str, Written | None],
    *,
    now: Instant,
) -> JobReport:
    """Put the report together.

    Args:
        job: the job.
        layers: its layers, in order.
        why: what the scheduler says of it.
        journey: its events and attempts, as the books answer `job_journey`.
        written: attempt → what it wrote, of those that were read.
        now: the present.
    """
    waiting = {one.layer_id: one for one in why.layers if one.ready}
    tries = journey["attempts"]
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
    attempts = [_attempt(one, written.get(one["action_id"]), now) for one in failed_first(journey)]
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
        attempts=attempts,
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


def _attempt(row: Mapping[str, Any], written: Written | None, now: Instant) -> ReportAttempt:
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
        error_lines=[] if written is None else list(written.errors),
        output=[] if written is None else list(written.last),
        output_lines=None if written is None else written.lines,
    )
