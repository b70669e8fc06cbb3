"""Which jobs a job waits for: it begins when all of them have succeeded.

A job that waits for one that failed or was canceled goes on waiting: requeue that one, or let this
one wait for it no longer. What has begun is not stopped when a job it came after is opened again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.effects import Publish
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus
from grange.domain.work import Job
from grange.kernel.errors import ConflictError, FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, JobId
from grange.ports.state import OneOf, StateStore
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import wait_for_jobs

TAG = "grange:after"
"""The tag of CreateJob that names jobs to wait for, with commas or blanks."""
MOST = 100
"""Jobs that one job may wait for."""


def named_jobs(tags: Mapping[str, str]) -> tuple[JobId, ...]:
    """Return the jobs that the tags of a new job tell it to wait for."""
    words = tags.get(TAG, "").replace(",", " ").split()
    return tuple(JobId(word) for word in dict.fromkeys(words))


def still_open(draft: Draft, farm_id: FarmId, after: Collection[JobId]) -> tuple[JobId, ...]:
    """Return those of the jobs to wait for that have not succeeded.

    Raises:
        NotFoundError: there is no such job in the farm.
        InvalidRequestError: there are too many, or one was deleted without having succeeded.
    """
    if len(after) > MOST:
        raise InvalidRequestError(
            f"A job can wait for at most {MOST} jobs.",
            fields=[FieldProblem("after", f"must name at most {MOST} jobs")],
        )
    found = []
    for job_id in after:
        job = draft.get(Job, job_id)
        if job.farm_id != farm_id:
            raise NotFoundError("job", job_id)
        if job.status is TaskRunStatus.SUCCEEDED:
            continue
        if job.lifecycle_status is JobLifecycleStatus.ARCHIVED:
            raise InvalidRequestError(
                f"{job.name} ({job_id}) was deleted without having succeeded.",
                fields=[FieldProblem("after", "names a deleted job")],
            )
        found.append(job_id)
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetJobAfter:
    """Say which jobs a job waits for; none: it waits for no job. Answers {"waits_for"}."""

    farm_id: FarmId
    job_id: JobId
    after: tuple[JobId, ...]
    chain: tuple[JobId, ...] = ()
    """The jobs that those wait for, and so on; see `chain_of`."""
    by: str

    def needs(self) -> Needs:
        """The job, and all that would be before it."""
        return Needs(jobs=tuple(dict.fromkeys((self.job_id, *self.after, *self.chain))))

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put what it waits for; hold or release its tasks."""
        job = draft.get(Job, self.job_id)
        if job.farm_id != self.farm_id:
            raise NotFoundError("job", self.job_id)
        if job.ended_at is not None:
            raise ConflictError(
                "The job has ended; requeue it first.",
                reason="STATUS_CONFLICT",
                resource_type="job",
                resource_id=job.job_id,
                context={"status": job.status.value},
            )
        after = tuple(dict.fromkeys(self.after))
        open_jobs = still_open(draft, self.farm_id, after)
        if self.job_id in _all_before(draft, after):
            raise InvalidRequestError(
                "The jobs would wait for each other.",
                fields=[FieldProblem("after", "waits for this job already")],
            )
        draft.put(replace(job, after=after or None, updated_at=draft.now, updated_by=self.by))
        wait_for_jobs(draft, draft.get(Job, job.job_id), open_jobs, draft.now)
        draft.event(
            "job",
            job.job_id,
            "job_after",
            job.farm_id,
            old=",".join(job.after or ()),
            new=",".join(after),
            actor=self.by,
            job_id=job.job_id,
        )
        draft.effect(Publish(job.farm_id, job_id=job.job_id))
        return {"waits_for": list(open_jobs)}


def _all_before(draft: Draft, after: Iterable[JobId]) -> set[JobId]:
    seen: set[JobId] = set()
    left = list(after)
    while left:
        job_id = left.pop()
        if job_id not in seen:
            seen.add(job_id)
            job = draft.find(Job, job_id)
            left += () if job is None else job.after or ()
    return seen


async def chain_of(store: StateStore, after: Iterable[JobId]) -> tuple[JobId, ...]:
    """Return the jobs that jobs wait for, and those that these wait for, and so on."""
    seen: dict[JobId, None] = {}
    left = set(after)
    while left:
        seen |= dict.fromkeys(sorted(left))
        found = await store.find(Job, OneOf("job_id", tuple(sorted(left))))
        left = {other for job in found for other in job.after or ()} - set(seen)
    return tuple(seen)
