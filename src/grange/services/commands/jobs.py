"""Jobs: submit, change, stop, run again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from grange.domain import job as job_machine
from grange.domain import layer as layer_machine
from grange.domain.attributes import resolve
from grange.domain.attribution import AttributionRule, Subjects
from grange.domain.effects import Publish
from grange.domain.farm import Queue
from grange.domain.routing import routed
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus
from grange.domain.work import EnvironmentTemplate, Job, Layer, Task
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, JobId, QueueId, StepId
from grange.services.booking import submission_fact
from grange.services.commands.job_links import still_open
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.templates import ParsedJob
from grange.services.work import ask_job, ask_layer, ask_task, layer_detail

WANTS_EVERY_TASK = frozenset({TaskRunStatus.PENDING, TaskRunStatus.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateJob:
    """Submit a job whose template was parsed already. Answers {"jobId"}."""

    farm_id: FarmId
    queue_id: QueueId
    parsed: ParsedJob
    template: str
    template_type: str
    priority: int = 50
    name: str | None = None
    description: str | None = None
    suspended: bool = False
    max_failed_tasks_count: int | None = None
    max_retries_per_task: int | None = None
    max_worker_count: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[JobId, ...] = ()
    """Jobs that must succeed before it begins."""
    rules: tuple[AttributionRule, ...] = ()
    """Of attribution.toml, as it is now: what is decided stays decided."""
    by: str

    def needs(self) -> Needs:
        """The jobs it waits for, also those that have ended."""
        return Needs(jobs=self.after)

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the job and its layers; its tasks cost nothing until they run."""
        queue = draft.get(Queue, self.queue_id)
        if queue.farm_id != self.farm_id:
            raise NotFoundError("queue", self.queue_id)
        open_jobs = still_open(draft, self.farm_id, self.after)
        job_id = JobId(draft.context.ids.new("job"))
        layer_ids = [StepId(draft.context.ids.new("step")) for _ in self.parsed.layers]
        layers = [
            self._layer(draft, queue, job_id, layer_ids, position, waits=bool(open_jobs))
            for position in range(len(layer_ids))
        ]
        counts: dict[str, int] = {}
        for layer in layers:
            for status, count in layer.counts.items():
                counts[status] = counts.get(status, 0) + count
        job = replace(
            self._job(draft, queue, job_id, tuple(layer_ids), counts),
            after=self.after or None,
            waits_for=open_jobs or None,
        )
        draft.put(job)
        for layer, parsed in zip(layers, self.parsed.layers, strict=True):
            draft.put(layer)
            draft.fact(submission_fact(job, layer, parsed.frames))
            draft.event(
                "layer",
                layer.layer_id,
                "layer_status",
                layer.farm_id,
                new=layer.status,
                job_id=job_id,
                layer_id=layer.layer_id,
                number=layer.task_count,
                actor=self.by,
                detail=layer_detail(job, layer),
            )
        draft.event(
            "job",
            job_id,
            "job_status",
            job.farm_id,
            new=job.status,
            job_id=job_id,
            actor=self.by,
            number=sum(counts.values()),
        )
        draft.effect(Publish(job.farm_id, job_id=job_id))
        return {"jobId": job_id}

    def _job(
        self,
        draft: Draft,
        queue: Queue,
        job_id: JobId,
        layer_ids: tuple[StepId, ...],
        counts: Mapping[str, int],
    ) -> Job:
        parsed = self.parsed
        status = job_machine.summary(counts)
        return Job(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            job_id=job_id,
            name=self.name or parsed.name,
            description=parsed.description if self.description is None else self.description,
            priority=self.priority,
            target_status=TaskRunStatus.SUSPENDED if self.suspended else TaskRunStatus.READY,
            template=self.template,
            template_type=self.template_type,
            schema_version=parsed.schema_version,
            extensions=parsed.extensions,
            parameters=parsed.parameters,
            environments=tuple(
                EnvironmentTemplate(environment_id=f"JOB:{job_id}:{raw['name']}", template=raw)
                for raw in parsed.environments
            ),
            attributes=resolve(
                None,
                tags=self.tags,
                parameters=texts(parsed.parameters),
                queue_defaults=queue.settings.get("attributes"),
                rules=self.rules,
                subjects=self._subjects(queue),
            ),
            tags=self.tags,
            settings=self.settings,
            run_as_user=queue.settings.get("jobRunAsUser"),
            max_failed_tasks_count=_given(self.max_failed_tasks_count, 20),
            max_retries_per_task=_given(self.max_retries_per_task, 5),
            max_worker_count=_given(self.max_worker_count, -1),
            layer_ids=layer_ids,
            status=status,
            counts=counts,
            created_at=draft.now,
            created_by=self.by,
            ended_at=draft.now if status is TaskRunStatus.SUCCEEDED else None,
        )

    def _subjects(self, queue: Queue, command: tuple[str, ...] = ()) -> Subjects:
        return Subjects.of(
            parameters=self.parsed.parameters,
            job_name=self.name or self.parsed.name,
            queue=queue.name,
            user=self.by,
            command=command,
        )

    def _layer(
        self,
        draft: Draft,
        queue: Queue,
        job_id: JobId,
        ids: list[StepId],
        position: int,
        *,
        waits: bool,
    ) -> Layer:
        parsed = self.parsed.layers[position]
        layer_id = ids[position]
        unresolved = len(parsed.depends_on)
        rest = TaskRunStatus.PENDING if unresolved or waits else TaskRunStatus.READY
        if self.suspended:
            rest = TaskRunStatus.SUSPENDED
        counts = {rest.value: parsed.task_count} if parsed.task_count else {}
        status = layer_machine.summary(counts)
        attributes = resolve(
            parsed.name,
            tags=self.tags,
            parameters=texts(self.parsed.parameters),
            command_line=parsed.command_line,
            queue_defaults=queue.settings.get("attributes"),
            rules=self.rules,
            subjects=self._subjects(queue, parsed.command_line),
        )
        return Layer(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            job_id=job_id,
            layer_id=layer_id,
            name=parsed.name,
            index=position,
            description=parsed.description,
            template=parsed.template,
            environments=tuple(
                EnvironmentTemplate(environment_id=f"STEP:{layer_id}:{raw['name']}", template=raw)
                for raw in parsed.environments
            ),
            requirement=routed(parsed.requirement, attributes),
            depends_on=tuple(ids[other] for other in parsed.depends_on),
            consumers=tuple(
                ids[other]
                for other, candidate in enumerate(self.parsed.layers)
                if position in candidate.depends_on
            ),
            unresolved=unresolved,
            job_waits=waits or None,
            attributes=attributes,
            frame_parameter=parsed.frame_parameter,
            frame_count=parsed.frame_count,
            task_count=parsed.task_count,
            rest_status=rest,
            status=status,
            counts=counts,
            created_at=draft.now,
            created_by=self.by,
            ended_at=draft.now if status is TaskRunStatus.SUCCEEDED else None,
        )


def texts(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return parameters as text, without the wire's unions."""
    return {
        name: value
        for name, union in parameters.items()
        for value in union.values()
        if isinstance(value, str)
    }


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def _job(draft: Draft, farm_id: FarmId, queue_id: QueueId, job_id: JobId) -> Job:
    job = draft.get(Job, job_id)
    if job.farm_id != farm_id or job.queue_id != queue_id:
        raise NotFoundError("job", job_id)
    return job


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeJob:
    """UpdateJob: status of all tasks, priority, limits, name, archive. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    target_status: TaskRunStatus | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """priority, name, description and the max_… limits."""
    archive: bool = False
    by: str

    def needs(self) -> Needs:
        """The job, also one that has ended."""
        return Needs(jobs=(self.job_id,), every_task=self.target_status in WANTS_EVERY_TASK)

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the fields, then bring the tasks towards the status."""
        job = _job(draft, self.farm_id, self.queue_id, self.job_id)
        fields = dict(self.fields)
        if self.archive:
            if job.ended_at is None or job.open_sessions:
                raise ConflictError(
                    "Only a job that has ended can be archived; cancel it first.",
                    reason="STATUS_CONFLICT",
                    resource_type="job",
                    resource_id=job.job_id,
                    context={"status": job.status.value},
                )
            fields["lifecycle_status"] = JobLifecycleStatus.ARCHIVED
        elif job.lifecycle_status is JobLifecycleStatus.ARCHIVED:
            raise ConflictError(
                "The job is archived.",
                reason="STATUS_CONFLICT",
                resource_type="job",
                resource_id=job.job_id,
                context={"status": job.lifecycle_status.value},
            )
        job = replace(job, **fields, updated_at=draft.now, updated_by=self.by)
        draft.put(job)
        for name, value in self.fields.items():
            draft.event(
                "job",
                job.job_id,
                f"job_{name}",
                job.farm_id,
                new=str(value),
                actor=self.by,
                job_id=job.job_id,
            )
        if self.target_status is not None:
            ask_job(draft, job, self.target_status, self.by)
        draft.effect(Publish(job.farm_id, job_id=job.job_id))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLayer:
    """UpdateStep: bring all tasks of a layer towards a status. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    layer_id: StepId
    target_status: TaskRunStatus
    by: str

    def needs(self) -> Needs:
        """The job, also one that has ended."""
        return Needs(jobs=(self.job_id,), every_task=self.target_status in WANTS_EVERY_TASK)

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Ask the layer."""
        job = _job(draft, self.farm_id, self.queue_id, self.job_id)
        layer = _layer_of(draft, job, self.layer_id)
        ask_layer(draft, layer, self.target_status, self.by)
        draft.effect(Publish(job.farm_id, job_id=job.job_id))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTask:
    """UpdateTask: bring one task towards a status. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    layer_id: StepId
    index: int
    target_status: TaskRunStatus
    by: str

    def needs(self) -> Needs:
        """The job, also one that has ended, and the task, also one that has succeeded."""
        return Needs(jobs=(self.job_id,), entities=((Task, (self.layer_id, self.index)),))

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Ask the task."""
        job = _job(draft, self.farm_id, self.queue_id, self.job_id)
        layer = _layer_of(draft, job, self.layer_id)
        if job.lifecycle_status is JobLifecycleStatus.ARCHIVED:
            raise InvalidRequestError("The job is archived.", reason="OTHER")
        ask_task(draft, layer, self.index, self.target_status, self.by)
        draft.effect(Publish(job.farm_id, job_id=job.job_id))
        return {}


def _layer_of(draft: Draft, job: Job, layer_id: StepId) -> Layer:
    if layer_id not in job.layer_ids:
        raise NotFoundError("step", layer_id)
    return draft.get(Layer, layer_id)
