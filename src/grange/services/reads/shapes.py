"""Entities as members of Deadline Cloud's output shapes; None members are left out when encoded."""

from collections.abc import Iterable, Mapping
from typing import Any

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment, QueueFleetAssociation
from grange.domain.statuses import ActionKind, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.ids import FarmId, FleetId, QueueId, SessionId, StepId, WorkerId, task_id

Shape = dict[str, Any]

_STATUSES = tuple(status.value for status in TaskRunStatus)


def stamps(entity: Any) -> Shape:
    """Return createdAt, createdBy, updatedAt and updatedBy."""
    return {
        "createdAt": entity.created_at,
        "createdBy": entity.created_by,
        "updatedAt": entity.updated_at,
        "updatedBy": entity.updated_by,
    }


def farm(value: Farm) -> Shape:
    """Return a farm as GetFarm and ListFarms show it."""
    return {
        "farmId": value.farm_id,
        "displayName": value.name,
        "description": value.description,
        "costScaleFactor": value.settings.get("costScaleFactor", 1.0),
        "kmsKeyArn": value.settings.get("kmsKeyArn"),
        **stamps(value),
    }


def queue(value: Queue, *, busy: bool) -> Shape:
    """Return a queue as GetQueue and ListQueues show it."""
    return {
        "defaultBudgetAction": "NONE",
        **value.settings,
        "farmId": value.farm_id,
        "queueId": value.queue_id,
        "displayName": value.name,
        "description": value.description,
        "status": "SCHEDULING" if busy else "IDLE",
        **stamps(value),
    }


def fleet(value: Fleet, *, worker_count: int) -> Shape:
    """Return a fleet as GetFleet and ListFleets show it."""
    return {
        **value.settings,
        "farmId": value.farm_id,
        "fleetId": value.fleet_id,
        "displayName": value.name,
        "description": value.description,
        "status": "ACTIVE",
        "autoScalingStatus": "STEADY",
        "workerCount": worker_count,
        "minWorkerCount": value.min_worker_count,
        "maxWorkerCount": value.max_worker_count,
        **stamps(value),
    }


def association(value: QueueFleetAssociation) -> Shape:
    """Return a queue-fleet association."""
    return {
        "queueId": value.queue_id,
        "fleetId": value.fleet_id,
        "status": value.status.value,
        **stamps(value),
    }


def environment(value: QueueEnvironment) -> Shape:
    """Return a queue environment as GetQueueEnvironment shows it."""
    return {
        "queueEnvironmentId": value.queue_environment_id,
        "name": value.name,
        "priority": value.priority,
        "templateType": value.template_type,
        "template": value.template,
        **stamps(value),
    }


def counts(value: Mapping[str, int]) -> dict[str, int]:
    """Return tasks by status with every status, as clients index it."""
    return {status: value.get(status, 0) for status in _STATUSES}


def job(value: Job) -> Shape:
    """Return a job as GetJob shows it; its description is added there alone."""
    return {
        "farmId": value.farm_id,
        "queueId": value.queue_id,
        "jobId": value.job_id,
        "name": value.name,
        "description": value.description,
        "lifecycleStatus": value.lifecycle_status.value,
        "lifecycleStatusMessage": value.lifecycle_message,
        "priority": value.priority,
        "startedAt": value.started_at,
        "endedAt": value.ended_at,
        "taskRunStatus": value.status.value,
        "targetTaskRunStatus": _optional(value.target_status),
        "taskRunStatusCounts": counts(value.counts),
        "taskFailureRetryCount": value.retry_count,
        "maxFailedTasksCount": value.max_failed_tasks_count,
        "maxRetriesPerTask": value.max_retries_per_task,
        "maxWorkerCount": value.max_worker_count,
        "storageProfileId": value.settings.get("storageProfileId"),
        "sourceJobId": value.settings.get("sourceJobId"),
        "attachments": value.settings.get("attachments"),
        "parameters": dict(value.parameters),
        **stamps(value),
    }


def step(value: Layer) -> Shape:
    """Return a layer as ListSteps shows it."""
    resolved = len(value.depends_on) - value.unresolved
    done = value.status is TaskRunStatus.SUCCEEDED
    return {
        "farmId": value.farm_id,
        "queueId": value.queue_id,
        "jobId": value.job_id,
        "stepId": value.layer_id,
        "name": value.name,
        "description": value.description,
        "lifecycleStatus": "CREATE_COMPLETE",
        "taskRunStatus": value.status.value,
        "targetTaskRunStatus": _optional(value.target_status),
        "taskRunStatusCounts": counts(value.counts),
        "taskFailureRetryCount": value.retry_count,
        "startedAt": value.started_at,
        "endedAt": value.ended_at,
        "dependencyCounts": {
            "dependenciesResolved": resolved,
            "dependenciesUnresolved": value.unresolved,
            "consumersResolved": len(value.consumers) if done else 0,
            "consumersUnresolved": 0 if done else len(value.consumers),
        },
        **stamps(value),
    }


def step_in_full(value: Layer, parameters: Iterable[Mapping[str, Any]]) -> Shape:
    """Return a layer as GetStep shows it."""
    space = [dict(item) for item in parameters]
    shown = step(value)
    combination = value.template.get("parameterSpace", {}).get("combination")
    if space:
        shown["parameterSpace"] = {"parameters": space, "combination": combination}
    requirement = value.requirement
    if requirement.amounts or requirement.attributes:
        shown["requiredCapabilities"] = {
            "amounts": [
                {"name": name, "min": least, "max": most}
                for name, least, most in requirement.amounts
            ],
            "attributes": [
                {"name": name, "anyOf": list(any_of) or None, "allOf": list(all_of) or None}
                for name, any_of, all_of in requirement.attributes
            ],
        }
    return shown


def task(layer: Layer, index: int, row: Task | None, parameters: Mapping[str, Any]) -> Shape:
    """Return a task; one without a row was never touched and has its layer's rest status."""
    shown: Shape = {
        "farmId": layer.farm_id,
        "queueId": layer.queue_id,
        "jobId": layer.job_id,
        "stepId": layer.layer_id,
        "taskId": task_id(layer.layer_id, index),
        "createdAt": layer.created_at,
        "createdBy": layer.created_by,
        "parameters": dict(parameters),
    }
    if row is None:
        return {**shown, "runStatus": layer.rest_status.value, "failureRetryCount": 0}
    return {
        **shown,
        "runStatus": row.status.value,
        "targetRunStatus": _optional(row.target_status),
        "failureRetryCount": row.failures,
        "startedAt": row.started_at,
        "endedAt": row.ended_at,
        "updatedAt": row.updated_at,
        "updatedBy": row.updated_by,
        "latestSessionActionId": row.latest_action_id,
    }


def session_log_group(farm_id: FarmId, queue_id: QueueId) -> str:
    """Return the log group of a queue's session logs."""
    return f"/aws/deadline/{farm_id}/{queue_id}"


def worker_log_group(farm_id: FarmId, fleet_id: FleetId) -> str:
    """Return the log group of a fleet's worker logs."""
    return f"/aws/deadline/{farm_id}/{fleet_id}"


def log_configuration(group: str, stream: SessionId | WorkerId) -> Shape:
    """Return where a session or worker writes its log."""
    return {
        "logDriver": "awslogs",
        "options": {"logGroupName": group, "logStreamName": stream},
        "parameters": {"interval": "15"},
    }


def session(value: Session) -> Shape:
    """Return a session as ListSessions shows it."""
    return {
        "farmId": value.farm_id,
        "queueId": value.queue_id,
        "jobId": value.job_id,
        "sessionId": value.session_id,
        "fleetId": value.fleet_id,
        "workerId": value.worker_id,
        "startedAt": value.started_at,
        "endedAt": value.ended_at,
        "lifecycleStatus": value.status.value,
        "updatedAt": value.updated_at,
        "updatedBy": value.updated_by,
    }


def session_in_full(value: Session) -> Shape:
    """Return a session as GetSession shows it."""
    return {
        **session(value),
        "log": log_configuration(
            session_log_group(value.farm_id, value.queue_id), value.session_id
        ),
        "workerLog": log_configuration(
            worker_log_group(value.farm_id, value.fleet_id), value.worker_id
        ),
        "hostProperties": dict(value.host_properties) or None,
    }


def action_definition(value: SessionAction) -> Shape:
    """Return what an action does, as the wire's union."""
    if value.kind is ActionKind.ENV_ENTER:
        return {"envEnter": {"environmentId": value.environment_id}}
    if value.kind is ActionKind.ENV_EXIT:
        return {"envExit": {"environmentId": value.environment_id}}
    if value.kind is ActionKind.SYNC_INPUT:
        return {"syncInputJobAttachments": {"stepId": value.layer_id}}
    run: Shape = {"stepId": value.layer_id, "parameters": dict(value.parameters)}
    if value.layer_id is not None and value.task_index is not None:
        run["taskId"] = task_id(StepId(value.layer_id), value.task_index)
    return {"taskRun": run}


def action(value: SessionAction) -> Shape:
    """Return a session action as GetSessionAction shows it."""
    return {
        "farmId": value.farm_id,
        "jobId": value.job_id,
        "sessionId": value.session_id,
        "sessionActionId": value.action_id,
        "status": value.status.value,
        "startedAt": value.started_at,
        "endedAt": value.ended_at,
        "workerUpdatedAt": value.updated_at,
        "progressPercent": value.progress_percent,
        "progressMessage": value.progress_message or None,
        "processExitCode": value.exit_code,
        "definition": action_definition(value),
    }


def worker_status(value: Worker) -> str:
    """Return a worker's status at the wire: STARTED is RUNNING or IDLE."""
    if value.status is WorkerStatus.STARTED:
        return "RUNNING" if value.sessions else "IDLE"
    return value.status.value


def worker(value: Worker) -> Shape:
    """Return a worker as GetWorker and ListWorkers show it."""
    host = dict(value.host_properties)
    if value.host_name:
        host.setdefault("hostName", value.host_name)
    return {
        "farmId": value.farm_id,
        "fleetId": value.fleet_id,
        "workerId": value.worker_id,
        "hostProperties": host or None,
        "status": worker_status(value),
        "log": log_configuration(worker_log_group(value.farm_id, value.fleet_id), value.worker_id),
        **stamps(value),
    }


def _optional(status: Any) -> str | None:
    return None if status is None else str(status.value)
