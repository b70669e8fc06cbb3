"""Farms, queues, fleets, associations and queue environments: changes."""

from collections.abc import Iterable, Mapping
from typing import Any

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment
from grange.domain.statuses import AssociationStatus
from grange.domain.storage import profile_of_fleet
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import FarmId
from grange.server.context import Call, Handler, Result
from grange.server.handlers.storage import check_profiles
from grange.services.commands.farm_objects import (
    Associate,
    Change,
    ChangeAssociation,
    CreateFarm,
    CreateFleet,
    CreateQueue,
    CreateQueueEnvironment,
    Delete,
    Dissociate,
)
from grange.services.templates import check_environment

_FARM_SETTINGS = ("costScaleFactor", "kmsKeyArn", "tags")
_QUEUE_SETTINGS = (
    "defaultBudgetAction",
    "jobAttachmentSettings",
    "roleArn",
    "jobRunAsUser",
    "requiredFileSystemLocationNames",
    "allowedStorageProfileIds",
    "schedulingConfiguration",
    "tags",
)
_FLEET_SETTINGS = ("roleArn", "configuration", "hostConfiguration", "tags")
_QUEUE_LISTS = ("requiredFileSystemLocationNames", "allowedStorageProfileIds")


def _some(request: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: request[name] for name in names if name in request}


def _fields(request: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """Return the fields that are given, by our names; `names` maps ours to the wire's."""
    return {ours: request[theirs] for ours, theirs in names.items() if theirs in request}


async def create_farm(call: Call) -> Result:
    """Answer CreateFarm."""
    request = call.request
    return await call.ask(
        CreateFarm(
            name=request["displayName"],
            description=request.get("description", ""),
            settings=_some(request, _FARM_SETTINGS),
            by=call.caller.name,
        )
    )


async def update_farm(call: Call) -> Result:
    """Answer UpdateFarm."""
    request = call.request
    return await _change(
        call,
        Farm,
        request["farmId"],
        _fields(request, name="displayName", description="description"),
        _some(request, ("costScaleFactor",)),
    )


async def create_queue(call: Call) -> Result:
    """Answer CreateQueue."""
    request = call.request
    await check_profiles(call, request.get("allowedStorageProfileIds", ()))
    return await call.ask(
        CreateQueue(
            farm_id=request["farmId"],
            name=request["displayName"],
            description=request.get("description", ""),
            settings=_some(request, _QUEUE_SETTINGS),
            by=call.caller.name,
        )
    )


async def update_queue(call: Call) -> Result:
    """Answer UpdateQueue."""
    request = call.request
    queue = await call.context.rows.queue(request)
    await check_profiles(call, request.get("allowedStorageProfileIdsToAdd", ()))
    settings = _some(request, _QUEUE_SETTINGS)
    for name in _QUEUE_LISTS:
        kept = [
            item
            for item in queue.settings.get(name, ())
            if item not in request.get(f"{name}ToRemove", ())
        ]
        added = [item for item in request.get(f"{name}ToAdd", ()) if item not in kept]
        if f"{name}ToAdd" in request or f"{name}ToRemove" in request:
            settings[name] = kept + added
    fields = _fields(request, name="displayName", description="description")
    return await _change(call, Queue, request["queueId"], fields, settings)


async def create_fleet(call: Call) -> Result:
    """Answer CreateFleet; Grange runs fleets of machines that register themselves."""
    request = call.request
    _check_workers(request.get("minWorkerCount", 0), request["maxWorkerCount"])
    await _check_configuration(call)
    return await call.ask(
        CreateFleet(
            farm_id=request["farmId"],
            name=request["displayName"],
            description=request.get("description", ""),
            min_worker_count=request.get("minWorkerCount", 0),
            max_worker_count=request["maxWorkerCount"],
            settings=_some(request, _FLEET_SETTINGS),
            by=call.caller.name,
        )
    )


async def update_fleet(call: Call) -> Result:
    """Answer UpdateFleet."""
    request = call.request
    fleet = await call.context.rows.fleet(request)
    _check_workers(
        request.get("minWorkerCount", fleet.min_worker_count),
        request.get("maxWorkerCount", fleet.max_worker_count),
    )
    if "configuration" in request:
        await _check_configuration(call)
    fields = _fields(
        request,
        name="displayName",
        description="description",
        min_worker_count="minWorkerCount",
        max_worker_count="maxWorkerCount",
    )
    return await _change(call, Fleet, request["fleetId"], fields, _some(request, _FLEET_SETTINGS))


async def create_association(call: Call) -> Result:
    """Answer CreateQueueFleetAssociation."""
    request = call.request
    return await call.ask(
        Associate(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            fleet_id=request["fleetId"],
            by=call.caller.name,
        )
    )


async def update_association(call: Call) -> Result:
    """Answer UpdateQueueFleetAssociation."""
    request = call.request
    return await call.ask(
        ChangeAssociation(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            fleet_id=request["fleetId"],
            status=AssociationStatus(request["status"]),
            by=call.caller.name,
        )
    )


async def delete_association(call: Call) -> Result:
    """Answer DeleteQueueFleetAssociation."""
    request = call.request
    await call.context.rows.association(request)
    return await call.ask(
        Dissociate(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            fleet_id=request["fleetId"],
            by=call.caller.name,
        )
    )


async def create_environment(call: Call) -> Result:
    """Answer CreateQueueEnvironment."""
    request = call.request
    return await call.ask(
        CreateQueueEnvironment(
            farm_id=request["farmId"],
            queue_id=request["queueId"],
            name=check_environment(request["template"], request["templateType"]),
            priority=request["priority"],
            template_type=request["templateType"],
            template=request["template"],
            by=call.caller.name,
        )
    )


async def update_environment(call: Call) -> Result:
    """Answer UpdateQueueEnvironment."""
    request = call.request
    old = await call.context.rows.environment(request)
    fields = _fields(
        request, priority="priority", template_type="templateType", template="template"
    )
    if "template" in request or "templateType" in request:
        fields["name"] = check_environment(
            request.get("template", old.template), request.get("templateType", old.template_type)
        )
    return await _change(call, QueueEnvironment, request["queueEnvironmentId"], fields)


async def delete_farm(call: Call) -> Result:
    """Answer DeleteFarm."""
    return await _delete(call, Farm, call.request["farmId"])


async def delete_queue(call: Call) -> Result:
    """Answer DeleteQueue; a queue that ever had a job stays, because its history names it."""
    await call.context.rows.queue(call.request)
    return await _delete(call, Queue, call.request["queueId"])


async def delete_fleet(call: Call) -> Result:
    """Answer DeleteFleet."""
    return await _delete(call, Fleet, call.request["fleetId"])


async def delete_environment(call: Call) -> Result:
    """Answer DeleteQueueEnvironment."""
    await call.context.rows.environment(call.request)
    return await _delete(call, QueueEnvironment, call.request["queueEnvironmentId"])


async def _change(
    call: Call,
    kind: type[Farm] | type[Queue] | type[Fleet] | type[QueueEnvironment],
    key: str,
    fields: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
) -> Result:
    return await call.ask(
        Change(
            kind=kind,
            farm_id=FarmId(call.request["farmId"]),
            key=key,
            fields=fields,
            settings=settings or {},
            by=call.caller.name,
        )
    )


async def _delete(
    call: Call,
    kind: type[Farm] | type[Queue] | type[Fleet] | type[QueueEnvironment],
    key: str,
) -> Result:
    command = Delete(
        kind=kind, farm_id=FarmId(call.request["farmId"]), key=key, by=call.caller.name
    )
    return await call.ask(command)


def _check_workers(least: int, most: int) -> None:
    if least > most:
        raise InvalidRequestError(
            f"minWorkerCount ({least}) must not be larger than maxWorkerCount ({most})."
        )


async def _check_configuration(call: Call) -> None:
    configuration = call.request["configuration"]
    if "customerManaged" not in configuration:
        raise InvalidRequestError(
            "Grange's fleets are customer-managed: give configuration.customerManaged."
        )
    profile = profile_of_fleet(call.request)
    await check_profiles(call, () if profile is None else (profile,))


HANDLERS: dict[str, Handler] = {
    "CreateFarm": create_farm,
    "UpdateFarm": update_farm,
    "DeleteFarm": delete_farm,
    "CreateQueue": create_queue,
    "UpdateQueue": update_queue,
    "DeleteQueue": delete_queue,
    "CreateFleet": create_fleet,
    "UpdateFleet": update_fleet,
    "DeleteFleet": delete_fleet,
    "CreateQueueFleetAssociation": create_association,
    "UpdateQueueFleetAssociation": update_association,
    "DeleteQueueFleetAssociation": delete_association,
    "CreateQueueEnvironment": create_environment,
    "UpdateQueueEnvironment": update_environment,
    "DeleteQueueEnvironment": delete_environment,
}
