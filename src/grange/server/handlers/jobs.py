"""Jobs, steps and tasks: submit and change."""

import asyncio
from typing import Any

from grange.domain.farm import QueueEnvironment
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import parse_task_id
from grange.ports.state import Order
from grange.server.context import Call, Handler, Result, require_room
from grange.server.handlers.storage import check_profile_of_job
from grange.services.access import job_target
from grange.services.commands.job_links import named_jobs
from grange.services.commands.jobs import ChangeJob, ChangeLayer, ChangeTask, CreateJob
from grange.services.permissions import check
from grange.services.reads.rows import equals
from grange.services.templates import parameter_definitions, parse_job

MAX_TEMPLATE_BYTES = 1_000_000

_SETTINGS = ("attachments", "storageProfileId", "sourceJobId")
_FIELDS = {
    "priority": "priority",
    "name": "name",
    "description": "description",
    "max_failed_tasks_count": "maxFailedTasksCount",
    "max_retries_per_task": "maxRetriesPerTask",
    "max_worker_count": "maxWorkerCount",
}


async def create_job(call: Call) -> Result:
    """Answer CreateJob, of a template or of an older job (sourceJobId)."""
    request = call.request
    require_room(call.context, "jobs")
    queue = await call.context.rows.queue(request)
    template, template_type, given, settings = await _source(call)
    check_profile_of_job(queue, request.get("storageProfileId"))
    if len(template.encode()) > MAX_TEMPLATE_BYTES:
        raise _invalid("template", f"must not be larger than {MAX_TEMPLATE_BYTES} bytes")
    environments = await call.context.store.find(
        QueueEnvironment,
        equals(queue_id=queue.queue_id),
        order=(Order("priority"), Order("queue_environment_id")),
    )
    parsed = await asyncio.to_thread(
        parse_job,
        template,
        template_type,
        given,
        [(item.template_type, item.template) for item in environments],
    )
    farm = await call.context.rows.farm(request)
    rules = await asyncio.to_thread(call.context.attribution.rules, farm.name, farm.farm_id)
    return await call.ask(
        CreateJob(
            farm_id=queue.farm_id,
            queue_id=queue.queue_id,
            parsed=parsed,
            template=template,
            template_type=template_type,
            priority=request["priority"],
            name=request.get("nameOverride"),
            description=request.get("descriptionOverride"),
            suspended=request.get("targetTaskRunStatus") == "SUSPENDED",
            max_failed_tasks_count=request.get("maxFailedTasksCount"),
            max_retries_per_task=request.get("maxRetriesPerTask"),
            max_worker_count=request.get("maxWorkerCount"),
            tags=request.get("tags", {}),
            after=named_jobs(request.get("tags", {})),
            settings=settings,
            rules=rules,
            by=call.caller.name,
        )
    )


async def _source(call: Call) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Return template, its type, parameters and settings."""
    request = call.request
    settings = {name: request[name] for name in _SETTINGS if name in request}
    given = dict(request.get("parameters", {}))
    if "sourceJobId" not in request:
        if "template" not in request:
            raise _invalid("template", "is required unless sourceJobId is given")
        if "templateType" not in request:
            raise _invalid("templateType", "is required with a template")
        return request["template"], request["templateType"], given, settings
    if "template" in request:
        raise _invalid("sourceJobId", "cannot be given together with a template")
    source = await call.context.store.get(Job, (request["sourceJobId"],))
    if source is None or source.farm_id != request["farmId"]:
        raise NotFoundError("job", request["sourceJobId"])
    check(call.caller, "GetJob", job_target(source))
    for name in ("attachments", "storageProfileId"):
        if name in source.settings:
            settings.setdefault(name, source.settings[name])
    return source.template, source.template_type, {**source.parameters, **given}, settings


async def update_job(call: Call) -> Result:
    """Answer UpdateJob: cancel, requeue, suspend, priority, limits, names, archive."""
    request = call.request
    wanted = request.get("targetTaskRunStatus")
    return await call.ask(
        ChangeJob(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            job_id=request["jobId"],
            target_status=None if wanted is None else TaskRunStatus(wanted),
            fields={ours: request[theirs] for ours, theirs in _FIELDS.items() if theirs in request},
            archive=request.get("lifecycleStatus") == "ARCHIVED",
            by=call.caller.name,
        )
    )


async def update_step(call: Call) -> Result:
    """Answer UpdateStep."""
    request = call.request
    return await call.ask(
        ChangeLayer(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            job_id=request["jobId"],
            layer_id=request["stepId"],
            target_status=TaskRunStatus(request["targetTaskRunStatus"]),
            by=call.caller.name,
        )
    )


async def update_task(call: Call) -> Result:
    """Answer UpdateTask."""
    request = call.request
    parsed = parse_task_id(request["taskId"])
    if parsed is None or parsed[0] != request["stepId"]:
        raise NotFoundError("task", request["taskId"])
    return await call.ask(
        ChangeTask(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            job_id=request["jobId"],
            layer_id=parsed[0],
            index=parsed[1],
            target_status=TaskRunStatus(request["targetRunStatus"]),
            by=call.caller.name,
        )
    )


async def list_job_parameter_definitions(call: Call) -> Result:
    """Answer ListJobParameterDefinitions."""
    job = await call.context.rows.job(call.request)
    return {"jobParameterDefinitions": parameter_definitions(job.template, job.template_type)}


def _invalid(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"1 field is not valid: {field} {message}.", fields=[FieldProblem(field, message)]
    )


HANDLERS: dict[str, Handler] = {
    "CreateJob": create_job,
    "UpdateJob": update_job,
    "UpdateStep": update_step,
    "UpdateTask": update_task,
    "ListJobParameterDefinitions": list_job_parameter_definitions,
}
