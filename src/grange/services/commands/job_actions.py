"""What people do to jobs by the dozen: one command for each job, whatever the action."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from grange.domain.effects import Publish
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus
from grange.domain.work import Job
from grange.kernel.errors import ConflictError, FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, JobId
from grange.services.commands.jobs import ChangeJob
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import ask_layer, say_asked


class JobAction(StrEnum):
    """What can be done to a job."""

    REQUEUE = "requeue"
    """Tasks that failed or were canceled run again; of a failed job those put aside, too."""
    PAUSE = "pause"
    """Nothing more is begun; running tasks are finished."""
    STOP = "stop"
    """As pause, and running tasks are stopped and given back."""
    RESUME = "resume"
    """What was paused goes on."""
    CANCEL = "cancel"
    PRIORITY = "priority"
    RESET = "reset"
    """Every task runs again; what was rendered stays in the books."""
    DELETE = "delete"
    """It is shown nowhere any more; the books keep it. What has not ended is canceled."""


_ENDED_BY_THEM = frozenset({TaskRunStatus.FAILED, TaskRunStatus.CANCELED})
_SUSPENDED = frozenset({TaskRunStatus.SUSPENDED})
_TARGETS = {
    JobAction.STOP: TaskRunStatus.SUSPENDED,
    JobAction.CANCEL: TaskRunStatus.CANCELED,
    JobAction.RESET: TaskRunStatus.PENDING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnJob:
    """Do something to a job. Answers {"deleted"}: false of a job that still has to stop first."""

    farm_id: FarmId
    job_id: JobId
    action: JobAction
    priority: int | None = None
    by: str

    def needs(self) -> Needs:
        """The job, also one that has ended."""
        return Needs(jobs=(self.job_id,), every_task=self.action is JobAction.RESET)

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Do it, and leave an event that says who did."""
        job = draft.get(Job, self.job_id)
        if job.farm_id != self.farm_id:
            raise NotFoundError("job", self.job_id)
        if job.lifecycle_status is JobLifecycleStatus.ARCHIVED:
            raise ConflictError(
                "The job is deleted.",
                reason="STATUS_CONFLICT",
                resource_type="job",
                resource_id=job.job_id,
                context={"status": job.lifecycle_status.value},
            )
        match self.action:
            case JobAction.PRIORITY:
                if self.priority is None or not 0 <= self.priority <= 100:
                    raise InvalidRequestError(
                        "A priority is a number from 0 to 100.",
                        fields=[FieldProblem("priority", "must be from 0 to 100")],
                    )
                self._change(draft, job, fields={"priority": self.priority})
            case JobAction.PAUSE:
                self._layers(draft, job, TaskRunStatus.SUSPENDED, spare_running=True)
            case JobAction.RESUME:
                self._layers(draft, job, TaskRunStatus.READY, only=_SUSPENDED)
            case JobAction.REQUEUE:
                # Of a job that has failed, what was put aside because of that goes on too.
                aside = _SUSPENDED if job.status is TaskRunStatus.FAILED else frozenset()
                self._layers(draft, job, TaskRunStatus.READY, only=_ENDED_BY_THEM | aside)
            case JobAction.DELETE:
                return {"deleted": self._delete(draft, job)}
            case _:
                self._change(draft, job, target_status=_TARGETS[self.action])
        return {"deleted": False}

    def _layers(self, draft: Draft, job: Job, target: TaskRunStatus, **how: Any) -> None:
        draft.put(replace(job, updated_at=draft.now, updated_by=self.by))
        for layer in draft.layers_of(job):
            ask_layer(draft, layer, target, self.by, **how)
        say_asked(draft, job, self.action, self.by)
        draft.effect(Publish(job.farm_id, job_id=job.job_id))

    def _change(self, draft: Draft, job: Job, **members: Any) -> None:
        ChangeJob(
            farm_id=job.farm_id,
            queue_id=job.queue_id,
            job_id=job.job_id,
            by=self.by,
            **members,
        ).decide(draft)

    def _delete(self, draft: Draft, job: Job) -> bool:
        if job.ended_at is None:
            self._change(draft, job, target_status=TaskRunStatus.CANCELED)
            job = draft.get(Job, job.job_id)
        if job.ended_at is None or job.open_sessions:
            return False
        self._change(draft, job, archive=True)
        return True
