"""What people do about trouble in the inbox, and how they take it back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.effects import Publish
from grange.domain.farm import Farm, User
from grange.domain.faults import WorkerFaults
from grange.domain.statuses import LEASED, JobLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer, Task, Worker
from grange.domain.wrangling import ClearMark, Deed, Fix, TaskBefore
from grange.kernel.errors import (
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
)
from grange.kernel.ids import FarmId, JobId, WorkerId, parse_task_id
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.services.commands.job_actions import ActOnJob, JobAction
from grange.services.commands.workers import DisableWorker
from grange.services.draft import Draft
from grange.services.faults import quarantine_event
from grange.services.owner import Needs
from grange.services.work import ask_task

KEPT_MS = 30 * MILLIS_PER_DAY
"""How long it is remembered what somebody did."""
MOST_TASKS = 2000
"""Of how many tasks a deed remembers what they were."""
LONGEST_SNOOZE_MS = 366 * MILLIS_PER_DAY
_ENDED_BADLY = frozenset({TaskRunStatus.FAILED, TaskRunStatus.CANCELED})
_UNTOUCHED = frozenset({TaskRunStatus.READY, TaskRunStatus.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class DoDeed:
    """Do something about a cluster. Answers {"deed_id"}."""

    farm_id: FarmId
    cluster_id: str
    title: str
    fix: Fix
    text: str
    by: str
    jobs: tuple[JobId, ...] = ()
    workers: tuple[WorkerId, ...] = ()
    stuck: tuple[str, ...] = ()
    """Ids of running tasks that are given back instead of those that failed."""
    until_at: Instant | None = None
    assignee: str | None = None

    def needs(self) -> Needs:
        """The jobs, also those that have ended."""
        return Needs(jobs=self.jobs)

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Do it, and remember what is needed to take it back."""
        draft.get(Farm, self.farm_id)
        deed = Deed(
            farm_id=self.farm_id,
            deed_id=draft.context.ids.new("deed"),
            cluster_id=self.cluster_id,
            title=self.title,
            fix=self.fix,
            text=self.text,
            at=draft.now,
            by=self.by,
        )
        match self.fix:
            case Fix.QUARANTINE | Fix.ENABLE:
                deed = replace(deed, workers=tuple(self._switch(draft)))
            case Fix.EXCLUDE:
                deed = replace(deed, excluded=tuple(self._exclude(draft)))
            case Fix.REQUEUE if self.stuck:
                self._give_back(draft)
            case Fix.REQUEUE:
                deed = replace(deed, tasks=tuple(self._requeue(draft))[:MOST_TASKS])
            case Fix.RESUME:
                deed = replace(deed, jobs=tuple(self._resume(draft)))
            case Fix.SNOOZE:
                deed = replace(deed, until_at=self._until(draft))
            case Fix.ASSIGN:
                deed = replace(deed, assignee=self._assignee(draft))
        self._forget_old(draft)
        draft.put(deed)
        return {"deed_id": deed.deed_id}

    def _switch(self, draft: Draft) -> Iterable[WorkerId]:
        """Disable or enable the workers; yield those that were not so already."""
        wanted = self.fix is Fix.QUARANTINE
        for worker_id in self.workers:
            worker = draft.find(Worker, worker_id)
            if worker is None or worker.deleted_at is not None or worker.disabled is wanted:
                continue
            _disable(draft, worker, wanted, self.by)
            if wanted:
                draft.put(
                    WorkerFaults(
                        farm_id=self.farm_id,
                        worker_id=worker_id,
                        quarantined_at=draft.now,
                        cause=f"{self.title}, by {self.by}",
                    )
                )
                quarantine_event(draft, worker, self.title, self.by)
            yield worker_id

    def _exclude(self, draft: Draft) -> Iterable[tuple[JobId, WorkerId]]:
        for job in self._own_jobs(draft):
            before = set(job.excluded_workers or ())
            new = [one for one in self.workers if one not in before]
            if not new:
                continue
            draft.put(replace(job, excluded_workers=tuple(sorted({*before, *new}))))
            for worker_id in new:
                worker = draft.find(Worker, worker_id)
                draft.event(
                    "job",
                    job.job_id,
                    "worker_excluded",
                    job.farm_id,
                    new="wrangle",
                    actor=self.by,
                    job_id=job.job_id,
                    worker_id=worker_id,
                    fleet_id=None if worker is None else worker.fleet_id,
                )
                yield job.job_id, worker_id
            draft.effect(Publish(job.farm_id, job_id=job.job_id))

    def _requeue(self, draft: Draft) -> Iterable[TaskBefore]:
        for job in self._own_jobs(draft):
            before = [
                (task, task.attempts)
                for layer_id in job.layer_ids
                for task in draft.tasks_of(layer_id)
                if task.status in _ENDED_BADLY
            ]
            _act(draft, job, JobAction.REQUEUE, self.by)
            for task, attempts in before:
                yield TaskBefore(
                    layer_id=task.layer_id,
                    index=task.index,
                    status=task.status,
                    attempts=attempts,
                )

    def _give_back(self, draft: Draft) -> None:
        for one in self.stuck:
            parsed = parse_task_id(one)
            task = None if parsed is None else draft.find(Task, *parsed)
            if task is None or task.farm_id != self.farm_id or task.status not in LEASED:
                continue  # it ended by itself
            ask_task(
                draft, draft.get(Layer, task.layer_id), task.index, TaskRunStatus.READY, self.by
            )

    def _resume(self, draft: Draft) -> Iterable[JobId]:
        for job in self._own_jobs(draft):
            if job.counts.get(TaskRunStatus.SUSPENDED, 0):
                _act(draft, job, JobAction.RESUME, self.by)
                yield job.job_id

    def _own_jobs(self, draft: Draft) -> Iterable[Job]:
        for job_id in self.jobs:
            job = draft.find(Job, job_id)
            if (
                job is not None
                and job.farm_id == self.farm_id
                and job.lifecycle_status is not JobLifecycleStatus.ARCHIVED
            ):
                yield job

    def _until(self, draft: Draft) -> Instant:
        if self.until_at is None or not draft.now < self.until_at <= draft.now + LONGEST_SNOOZE_MS:
            raise InvalidRequestError(
                "Snooze until an instant that lies ahead, within a year.",
                fields=[FieldProblem("until_at", "must lie ahead")],
            )
        return self.until_at

    def _assignee(self, draft: Draft) -> str | None:
        if self.assignee is not None and draft.find(User, self.assignee) is None:
            raise NotFoundError("user", self.assignee)
        return self.assignee

    def _forget_old(self, draft: Draft) -> None:
        for old in draft.all(Deed):
            if old.farm_id == self.farm_id and draft.now - old.at > KEPT_MS:
                draft.delete(Deed, old.deed_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoDeed:
    """Take back what somebody did about a cluster. Answers {"text"}.

    What has happened since stays: a worker somebody else has switched, a task that was begun.
    """

    farm_id: FarmId
    deed: Deed
    """As it was read: it names the jobs that must be in memory."""
    by: str

    def needs(self) -> Needs:
        """The jobs it changed, also those that have ended."""
        deed = self.deed
        return Needs(jobs=(*deed.jobs, *dict.fromkeys(job for job, _ in deed.excluded)))

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put back what it changed."""
        deed = draft.get(Deed, self.deed.deed_id)
        if deed.farm_id != self.farm_id:
            raise NotFoundError("deed", deed.deed_id)
        if deed.undone_at is not None:
            raise ConflictError(
                f"It was undone already, by {deed.undone_by}.",
                reason="STATUS_CONFLICT",
                resource_type="deed",
                resource_id=deed.deed_id,
            )
        back = [
            *self._workers(draft, deed),
            *self._excluded(draft, deed),
            *self._tasks(draft, deed),
            *self._jobs(draft, deed),
        ]
        draft.put(replace(deed, undone_at=draft.now, undone_by=self.by))
        return {"text": "Undone" + (f": {', '.join(back)}." if back else ".")}

    def _workers(self, draft: Draft, deed: Deed) -> list[str]:
        wanted = deed.fix is Fix.ENABLE
        changed = []
        for worker_id in deed.workers:
            worker = draft.find(Worker, worker_id)
            if worker is not None and worker.deleted_at is None and worker.disabled is not wanted:
                _disable(draft, worker, wanted, self.by)
                changed.append(worker.host_name or worker_id)
        word = "disabled" if wanted else "enabled"
        return [f"{word} {', '.join(changed)}"] if changed else []

    def _excluded(self, draft: Draft, deed: Deed) -> list[str]:
        count = 0
        for job_id, worker_id in deed.excluded:
            job = draft.find(Job, job_id)
            if job is None or worker_id not in (job.excluded_workers or ()):
                continue
            left = tuple(one for one in job.excluded_workers or () if one != worker_id)
            draft.put(replace(job, excluded_workers=left or None))
            draft.effect(Publish(job.farm_id, job_id=job_id))
            count += 1
        return [f"{count} excluded before may work on the job again"] if count else []

    def _tasks(self, draft: Draft, deed: Deed) -> list[str]:
        count = 0
        for before in deed.tasks:
            task = draft.find(Task, before.layer_id, before.index)
            if (
                task is not None
                and task.status in _UNTOUCHED
                and task.attempts == before.attempts
                and (layer := draft.find(Layer, before.layer_id)) is not None
            ):
                ask_task(draft, layer, before.index, TaskRunStatus(before.status), self.by)
                count += 1
        if not deed.tasks:
            return []
        return [f"{count} of {len(deed.tasks)} tasks had not begun and are as they were"]

    def _jobs(self, draft: Draft, deed: Deed) -> list[str]:
        count = 0
        for job_id in deed.jobs:
            job = draft.find(Job, job_id)
            if job is not None and job.ended_at is None:
                _act(draft, job, JobAction.PAUSE, self.by)
                count += 1
        return [f"paused {count} jobs"] if count else []


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteClear:
    """Note since when nothing needs a person. Answers {}."""

    farm_id: FarmId
    clear_since_at: Instant | None

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the mark."""
        draft.get(Farm, self.farm_id)
        draft.put(ClearMark(farm_id=self.farm_id, clear_since_at=self.clear_since_at))
        return {}


def _disable(draft: Draft, worker: Worker, disabled: bool, by: str) -> None:
    DisableWorker(
        farm_id=worker.farm_id, worker_id=worker.worker_id, disabled=disabled, by=by
    ).decide(draft)
    draft.touch_queues(worker.farm_id)


def _act(draft: Draft, job: Job, action: JobAction, by: str) -> None:
    ActOnJob(farm_id=job.farm_id, job_id=job.job_id, action=action, by=by).decide(draft)
