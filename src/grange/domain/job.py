"""The job machine: the sum of its layers, and how many sessions work on it."""

from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import JobEvent, SessionClosed, SessionOpened, StatusChanged, TasksMoved
from grange.domain.layer import latest, moved, started
from grange.domain.machine import Table, next_of
from grange.domain.statuses import TERMINAL, TaskRunStatus
from grange.domain.work import Counts, Job

_SHOWN = (
    TaskRunStatus.PENDING,
    TaskRunStatus.READY,
    TaskRunStatus.ASSIGNED,
    TaskRunStatus.RUNNING,
    TaskRunStatus.INTERRUPTING,
    TaskRunStatus.SUSPENDED,
    TaskRunStatus.CANCELED,
    TaskRunStatus.FAILED,
    TaskRunStatus.SUCCEEDED,
)

TABLE: Table[TaskRunStatus] = {
    **{
        status: {TasksMoved: _SHOWN, SessionOpened: (status,), SessionClosed: (status,)}
        for status in _SHOWN
    },
    TaskRunStatus.STARTING: {},
    TaskRunStatus.SCHEDULED: {},
    TaskRunStatus.NOT_COMPATIBLE: {},
}

_PRECEDENCE = (
    TaskRunStatus.RUNNING,
    TaskRunStatus.ASSIGNED,
    TaskRunStatus.INTERRUPTING,
    TaskRunStatus.READY,
    TaskRunStatus.FAILED,
    TaskRunStatus.SUSPENDED,
    TaskRunStatus.CANCELED,
    TaskRunStatus.PENDING,
    TaskRunStatus.SUCCEEDED,
)


def summary(counts: Counts) -> TaskRunStatus:
    """Return the one status that all tasks of a job show.

    Work that moves comes first. If none moves, tasks that are PENDING wait for a layer that failed,
    was suspended or was canceled, and that is what the job shows.
    """
    for status in _PRECEDENCE:
        if counts.get(status):
            return status
    return TaskRunStatus.SUCCEEDED


def apply(job: Job, event: JobEvent) -> tuple[Job, tuple[StatusChanged, ...]]:
    """Return the job after `event`, and its change of status if there was one."""
    next_of(TABLE, "Job", job.job_id, job.status, event)
    match event:
        case SessionOpened():
            return replace(job, open_sessions=job.open_sessions + 1), ()
        case SessionClosed():
            return replace(job, open_sessions=job.open_sessions - 1), ()
        case TasksMoved():
            counts = moved(job.counts, event.old, event.new, event.count)
            status = summary(counts)
            at = latest(job.updated_at, event.at)
            ended = None
            if status in TERMINAL:
                ended = job.ended_at if job.ended_at is not None else at
            after = replace(
                job,
                counts=counts,
                status=status,
                retry_count=job.retry_count + event.retried,
                started_at=started(job.started_at, event),
                ended_at=ended,
                updated_at=at,
                updated_by=event.by or job.updated_by,
            )
            if status is job.status:
                return after, ()
            return after, (StatusChanged(old=job.status, new=status, at=event.at),)
        case _:
            assert_never(event)


def failure_limit_reached(job: Job) -> bool:
    """True if more tasks have failed than the job allows, so that the rest must not be started."""
    return job.counts.get(TaskRunStatus.FAILED, 0) > job.max_failed_tasks_count


def check_invariants(job: Job) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    if job.open_sessions < 0:
        raise AssertionError(f"{job.job_id} has {job.open_sessions} open sessions")
    if any(count <= 0 for count in job.counts.values()):
        raise AssertionError(f"{job.job_id} has an empty count: {job.counts}")
    if (job.ended_at is not None) != (job.status in TERMINAL):
        raise AssertionError(f"{job.job_id} is {job.status} with end {job.ended_at}")
