"""Workers: registration, credentials, schedule, what their sessions need to know."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from grange.domain.farm import Fleet, Queue
from grange.domain.statuses import Role, SessionActionStatus, SessionLifecycleStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.kernel.errors import AccessDeniedError, GrangeError, NotFoundError
from grange.kernel.units import Instant, instant_of
from grange.ports.state import AllOf, Compare, OneOf
from grange.server.context import Call, Handler, Result
from grange.server.handlers.batches import batch
from grange.server.handlers.storage import rules_of
from grange.server.http import ClientGoneError
from grange.services.commands.workers import CreateWorker, DeleteWorker
from grange.services.identity import TemporaryCredentials
from grange.services.outputs import contained_outputs
from grange.services.reads import shapes
from grange.services.reads.rows import alive, equals
from grange.services.reads.search import search, workers_now
from grange.services.reports import ActionReport, ReportSchedule, ReportWorker, Schedule
from grange.wire.encode import encode_part
from grange.wire.faults import fault_of

HOLD_SECONDS = 20.0
"""How long an idle worker's request is held at most: well below the 60 s its client waits."""
_SAID_AT = "x-grange-sent-at"
_NATIVE = "x-grange-native"
_CLOSED = "x-grange-closed"
_HAIL = "x-grange-hail"
_PERSON = "x-grange-person"
_PERSONS = frozenset({"logged_in", "unknown"})
_SIGNED_AT = "x-amz-date"


async def create_worker(call: Call) -> Result:
    """Answer CreateWorker."""
    request = call.request
    return await call.ask(
        CreateWorker(
            farm_id=request["farmId"],
            fleet_id=request["fleetId"],
            host_properties=request.get("hostProperties", {}),
            by=call.caller.name,
        )
    )


async def get_worker(call: Call) -> Result:
    """Answer GetWorker."""
    return shapes.worker(await call.context.rows.worker(call.request))


async def list_workers(call: Call) -> Result:
    """Answer ListWorkers."""
    await call.context.rows.fleet(call.request)
    where = AllOf((alive(), equals(fleet_id=call.request["fleetId"])))
    rows, token = await call.context.rows.page(Worker, where, "worker_id", call.page)
    return {"workers": [shapes.worker(row) for row in rows], "nextToken": token}


async def search_workers(call: Call) -> Result:
    """Answer SearchWorkers."""
    scope = AllOf(
        (
            alive(),
            equals(farm_id=call.request["farmId"]),
            OneOf("fleet_id", tuple(call.request["fleetIds"])),
        )
    )
    kind = await workers_now(call.context.store, scope)
    found = await search(call.context.store, kind, scope, call.request)
    return {
        "workers": [shapes.worker(row) for row in found.rows],
        "nextItemOffset": found.next_offset,
        "totalResults": found.total,
    }


async def delete_worker(call: Call) -> Result:
    """Answer DeleteWorker."""
    request = call.request
    return await call.ask(
        DeleteWorker(
            farm_id=request["farmId"],
            fleet_id=request["fleetId"],
            worker_id=request["workerId"],
            by=call.caller.name,
        )
    )


async def assume_fleet_role_for_worker(call: Call) -> Result:
    """Answer AssumeFleetRoleForWorker; a worker's key only for workers that it registered."""
    worker = await call.context.rows.worker(call.request)
    caller = call.caller
    if caller.role is Role.WORKER and caller.worker_id is None and worker.created_by != caller.name:
        raise AccessDeniedError(f"Worker {worker.worker_id} was not registered by {caller.name}.")
    return _credentials(
        call.context.identity.worker_credentials(
            caller,
            farm_id=worker.farm_id,
            fleet_id=worker.fleet_id,
            worker_id=worker.worker_id,
            now=call.context.clock.now(),
        )
    )


async def assume_queue_role_for_worker(call: Call) -> Result:
    """Answer AssumeQueueRoleForWorker, for a worker with a session of that queue."""
    worker = await call.context.rows.worker(call.request)
    where = AllOf(
        (
            equals(worker_id=worker.worker_id, queue_id=call.request["queueId"]),
            Compare("status", "=", SessionLifecycleStatus.STARTED.value),
        )
    )
    if await call.context.store.count(Session, where) == 0:
        raise AccessDeniedError("The worker has no session of that queue.")
    return _credentials(
        call.context.identity.worker_credentials(
            call.caller,
            farm_id=worker.farm_id,
            fleet_id=worker.fleet_id,
            worker_id=worker.worker_id,
            queue_id=call.request["queueId"],
            now=call.context.clock.now(),
        )
    )


async def assume_queue_role_for_user(call: Call) -> Result:
    """Answer AssumeQueueRoleForUser and AssumeQueueRoleForRead."""
    queue = await call.context.rows.queue(call.request)
    return _credentials(
        call.context.identity.queue_credentials(
            call.caller,
            farm_id=queue.farm_id,
            queue_id=queue.queue_id,
            now=call.context.clock.now(),
        )
    )


def _credentials(found: TemporaryCredentials) -> Result:
    return {
        "credentials": {
            "accessKeyId": found.access_key_id,
            "secretAccessKey": found.secret_access_key,
            "sessionToken": found.session_token,
            "expiration": found.expires_at,
        }
    }


async def update_worker(call: Call) -> Result:
    """Answer UpdateWorker; agents end without a log configuration."""
    request = call.request
    capabilities = request.get("capabilities")
    status = request.get("status")
    worker: Worker = await call.context.owner.ask(
        ReportWorker(
            farm_id=request["farmId"],
            fleet_id=request["fleetId"],
            worker_id=request["workerId"],
            status=None if status is None else WorkerStatus(status),
            amounts=None if capabilities is None else _amounts(capabilities),
            attributes=None if capabilities is None else _attributes(capabilities),
            host_properties=request.get("hostProperties"),
            by=call.caller.name,
        )
    )
    group = shapes.worker_log_group(worker.farm_id, worker.fleet_id)
    return {"log": shapes.log_configuration(group, worker.worker_id)}


def _amounts(capabilities: Mapping[str, Any]) -> dict[str, float]:
    return {item["name"]: float(item["value"]) for item in capabilities.get("amounts", ())}


def _attributes(capabilities: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {item["name"]: tuple(item["values"]) for item in capabilities.get("attributes", ())}


async def update_worker_schedule(call: Call) -> Result:
    """Answer UpdateWorkerSchedule; held while the worker is idle, until there is work for it."""
    request, context = call.request, call.context
    report = ReportSchedule(
        farm_id=request["farmId"],
        fleet_id=request["fleetId"],
        worker_id=request["workerId"],
        updates={
            action_id: _report(update)
            for action_id, update in request.get("updatedSessionActions", {}).items()
        },
        sent_at=_sent_at(call.headers),
        signed_at=_signed_at(call.headers),
        received_at=context.clock.now(),
        native=call.headers.get(_NATIVE) == "1",
        closed=call.headers.get(_CLOSED, "")[:200],
        hail_addresses=call.headers.get(_HAIL, "")[:1000],
        person=said if (said := call.headers.get(_PERSON, "")) in _PERSONS else "",
    )
    schedule: Schedule = await context.owner.ask(report)
    deadline = context.clock.monotonic_seconds() + min(HOLD_SECONDS, context.hold_seconds)
    again = replace(report, updates={}, sent_at=None, signed_at=None)
    while schedule.hold:
        left = deadline - context.clock.monotonic_seconds()
        if left <= 0 or report.updates or context.closing.is_set():
            return _schedule(call, schedule, 0)  # results are acknowledged at once
        schedule = await _held(call, again, left)
    return _schedule(call, schedule, schedule.update_interval_seconds)


async def _held(call: Call, report: ReportSchedule, seconds: float) -> Schedule:
    """Wait for work, but first ask once more: it may have come before the waiting began.

    Raises:
        ClientGoneError: the worker hung up; it must not be given work it would never hear of.
    """
    context = call.context
    hold = asyncio.ensure_future(context.wakes.hold(report.fleet_id, report.worker_id, seconds))
    closing = asyncio.ensure_future(context.closing.wait())
    gone = asyncio.ensure_future(call.gone())
    try:
        schedule: Schedule = await context.owner.ask(report)
        if schedule.hold:
            await asyncio.wait({hold, closing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ClientGoneError
            schedule = await context.owner.ask(report)
    finally:
        for waiting in (hold, closing, gone):
            waiting.cancel()
    return schedule


def _report(update: Mapping[str, Any]) -> ActionReport:
    completed = update.get("completedStatus")
    return ActionReport(
        completed_status=None if completed is None else SessionActionStatus(completed),
        started_at=update.get("startedAt"),
        ended_at=update.get("endedAt"),
        updated_at=update.get("updatedAt"),
        exit_code=update.get("processExitCode"),
        progress_percent=update.get("progressPercent"),
        progress_message=update.get("progressMessage", ""),
        usage=update.get("grangeUsage", {}),
    )


def _sent_at(headers: Mapping[str, str]) -> Instant | None:
    text = headers.get(_SAID_AT, "")
    return Instant(int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _signed_at(headers: Mapping[str, str]) -> Instant | None:
    """Return the time in the header that a signature carries."""
    return _moment(headers.get(_SIGNED_AT, ""))


@lru_cache(maxsize=1024)
def _moment(text: str) -> Instant | None:
    """Return a signing time: many requests of a second carry the same."""
    try:
        return instant_of(datetime.strptime(text, "%Y%m%dT%H%M%S%z"))
    except ValueError:
        return None


def _schedule(call: Call, schedule: Schedule, interval_seconds: int) -> Result:
    order = schedule.order
    native = call.headers.get(_NATIVE) == "1"
    return {
        "desiredWorkerStatus": None if order is None else "STOPPED",
        # Other agents refuse members they do not know.
        "grangeOrder": order.value if order is not None and native else None,
        "assignedSessions": {
            session.session_id: _told(session, actions) for session, actions in schedule.sessions
        },
        "cancelSessionActions": {
            session_id: list(actions) for session_id, actions in schedule.cancel.items()
        },
        "updateIntervalSeconds": interval_seconds,
    }


_SESSIONS: dict[str, bytes] = {}
"""What is told of a session with each of its actions, by its id, up to the list of those."""
_ASSIGNED: dict[tuple[str, int], bytes] = {}
"""Actions as they were told, by session and index: each is told again until it is done."""
_MOST_ASSIGNED = 8192


def _told(session: Session, actions: Iterable[SessionAction]) -> msgspec.Raw:
    """Return a session and its open actions as a worker is told them."""
    begun = _SESSIONS.get(session.session_id)
    if begun is None:
        if len(_SESSIONS) >= _MOST_ASSIGNED:
            _SESSIONS.clear()
        group = shapes.session_log_group(session.farm_id, session.queue_id)
        whole = encode_part(
            "AssignedSession",
            {
                "queueId": session.queue_id,
                "jobId": session.job_id,
                "logConfiguration": shapes.log_configuration(group, session.session_id),
            },
        )
        begun = _SESSIONS[session.session_id] = bytes(whole)[:-1] + b',"sessionActions":['
    return msgspec.Raw(begun + b",".join([_assigned(action) for action in actions]) + b"]}")


def _assigned(action: SessionAction) -> bytes:
    key = (action.session_id, action.index)
    told = _ASSIGNED.get(key)
    if told is None:
        if len(_ASSIGNED) >= _MOST_ASSIGNED:
            _ASSIGNED.clear()
        definition = shapes.action_definition(action)
        told = _ASSIGNED[key] = bytes(
            encode_part(
                "AssignedSessionAction",
                {"sessionActionId": action.action_id, "definition": definition},
            )
        )
    return told


async def list_sessions_for_worker(call: Call) -> Result:
    """Answer ListSessionsForWorker."""
    worker = await call.context.rows.worker(call.request)
    where = equals(worker_id=worker.worker_id)
    rows, token = await call.context.rows.page(Session, where, "session_id", call.page)
    return {"sessions": [shapes.session(row) for row in rows], "nextToken": token}


async def batch_get_job_entity(call: Call) -> Result:
    """Answer BatchGetJobEntity: what a worker needs to run its sessions."""
    entities, errors = [], []
    for identifier in call.request["identifiers"]:
        kind, wanted = next(iter(identifier.items()))
        try:
            entities.append({kind: await _entity(call, kind, wanted)})
        except GrangeError as error:
            fault = fault_of(error)
            errors.append({kind: {**wanted, "code": fault.code, "message": fault.message}})
    return {"entities": entities, "errors": errors}


async def _entity(call: Call, kind: str, wanted: Mapping[str, Any]) -> Result:
    job = await call.context.store.get(Job, (wanted["jobId"],))
    where = equals(worker_id=call.request["workerId"], job_id=wanted["jobId"])
    if job is None or await call.context.store.count(Session, where) == 0:
        raise NotFoundError("job", wanted["jobId"])
    match kind:
        case "stepDetails":
            return await _step_details(call, job, wanted["stepId"])
        case "environmentDetails":
            return await _environment_details(call, job, wanted["environmentId"])
        case "jobAttachmentDetails":
            attachments = job.settings.get("attachments", {"manifests": []})
            return {"jobId": job.job_id, "attachments": attachments}
        case _:
            return await _job_details(call, job)


async def _job_details(call: Call, job: Job) -> Result:
    queue = await call.context.store.get(Queue, (job.queue_id,))
    fleet = await call.context.store.get(Fleet, (call.request["fleetId"],))
    settings = {} if queue is None else queue.settings
    return {
        "jobId": job.job_id,
        "jobAttachmentSettings": settings.get("jobAttachmentSettings"),
        "jobRunAsUser": job.run_as_user or {"runAs": "WORKER_AGENT_USER"},
        "logGroupName": shapes.session_log_group(job.farm_id, job.queue_id),
        "queueRoleArn": settings.get("roleArn"),
        "parameters": dict(job.parameters),
        "schemaVersion": job.schema_version,
        "extensions": list(job.extensions) or None,
        "pathMappingRules": await rules_of(call.context.store, job, queue, fleet),
        # Other agents refuse members they do not know.
        "grangeOutputs": contained_outputs(job) if call.headers.get(_NATIVE) == "1" else None,
    }


async def _step_details(call: Call, job: Job, step_id: str) -> Result:
    layer = await call.context.store.get(Layer, (step_id,))
    if layer is None or layer.job_id != job.job_id:
        raise NotFoundError("step", step_id)
    return {
        "jobId": job.job_id,
        "stepId": layer.layer_id,
        "schemaVersion": job.schema_version,
        "template": dict(layer.template),
        "dependencies": list(layer.depends_on),
        "extensions": list(job.extensions) or None,
        "grangeFrameMilliseconds": _frame_ms(call, layer),
    }


def _frame_ms(call: Call, layer: Layer) -> int | None:
    """Return how long a frame of a layer has taken so far, for Grange's own workers."""
    pace = call.context.owner.memory.pace_ms.get(layer.layer_id)
    if pace is None or call.headers.get(_NATIVE) != "1":
        return None  # other agents refuse members they do not know
    return max(1, round(pace * layer.task_count / (layer.frame_count or layer.task_count)))


async def _environment_details(call: Call, job: Job, environment_id: str) -> Result:
    environments = list(job.environments)
    if environment_id.startswith("STEP:"):
        layer = await call.context.store.get(Layer, (environment_id.split(":")[1],))
        if layer is not None and layer.job_id == job.job_id:
            environments += layer.environments
    for environment in environments:
        if environment.environment_id == environment_id:
            return {
                "jobId": job.job_id,
                "environmentId": environment_id,
                "schemaVersion": job.schema_version,
                "template": dict(environment.template),
                "extensions": list(job.extensions) or None,
            }
    raise NotFoundError("environment", environment_id)


HANDLERS: dict[str, Handler] = {
    "CreateWorker": create_worker,
    "GetWorker": get_worker,
    "BatchGetWorker": batch(get_worker, "workers"),
    "ListWorkers": list_workers,
    "SearchWorkers": search_workers,
    "DeleteWorker": delete_worker,
    "AssumeFleetRoleForWorker": assume_fleet_role_for_worker,
    "AssumeQueueRoleForWorker": assume_queue_role_for_worker,
    "AssumeQueueRoleForUser": assume_queue_role_for_user,
    "AssumeQueueRoleForRead": assume_queue_role_for_user,
    "UpdateWorker": update_worker,
    "UpdateWorkerSchedule": update_worker_schedule,
    "ListSessionsForWorker": list_sessions_for_worker,
    "BatchGetJobEntity": batch_get_job_entity,
}
