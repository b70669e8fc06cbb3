"""Farms, queues, fleets, associations and queue environments: reads."""

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment, QueueFleetAssociation
from grange.domain.work import Job, Worker
from grange.ports.state import AllOf, Compare, Order
from grange.server.context import Call, Handler, Result
from grange.services.access import farms_seen, may_see
from grange.services.permissions import Target
from grange.services.reads import shapes
from grange.services.reads.rows import alive, equals


async def get_farm(call: Call) -> Result:
    """Answer GetFarm."""
    return shapes.farm(await call.context.rows.farm(call.request))


async def list_farms(call: Call) -> Result:
    """Answer ListFarms."""
    where = farms_seen(call.caller)
    rows, token = await call.context.rows.page(Farm, where, "farm_id", call.page)
    return {"farms": [shapes.farm(row) for row in rows], "nextToken": token}


async def get_queue(call: Call) -> Result:
    """Answer GetQueue."""
    queue = await call.context.rows.queue(call.request)
    return shapes.queue(queue, busy=await _busy(call, queue))


async def list_queues(call: Call) -> Result:
    """Answer ListQueues; a wanted status is applied to each page, as it is no column."""
    await call.context.rows.farm(call.request)
    where = equals(farm_id=call.request["farmId"])
    rows, token = await call.context.rows.page(Queue, where, "queue_id", call.page)
    shown = [
        shapes.queue(row, busy=await _busy(call, row))
        for row in rows
        if may_see(call.caller, Target(farm_id=row.farm_id, queue_id=row.queue_id))
    ]
    wanted = call.request.get("status")
    return {
        "queues": [item for item in shown if wanted in {None, item["status"]}],
        "nextToken": token,
    }


async def get_fleet(call: Call) -> Result:
    """Answer GetFleet."""
    fleet = await call.context.rows.fleet(call.request)
    return shapes.fleet(fleet, worker_count=await _workers(call, fleet))


async def list_fleets(call: Call) -> Result:
    """Answer ListFleets."""
    await call.context.rows.farm(call.request)
    where = equals(farm_id=call.request["farmId"])
    if "displayName" in call.request:
        where = AllOf((where, Compare("name", "=", call.request["displayName"])))
    if call.request.get("status", "ACTIVE") != "ACTIVE":
        return {"fleets": []}
    rows, token = await call.context.rows.page(Fleet, where, "fleet_id", call.page)
    shown = [shapes.fleet(row, worker_count=await _workers(call, row)) for row in rows]
    return {"fleets": shown, "nextToken": token}


async def get_association(call: Call) -> Result:
    """Answer GetQueueFleetAssociation."""
    return shapes.association(await call.context.rows.association(call.request))


async def list_associations(call: Call) -> Result:
    """Answer ListQueueFleetAssociations."""
    await call.context.rows.farm(call.request)
    named = {"queue_id": call.request.get("queueId"), "fleet_id": call.request.get("fleetId")}
    where = equals(
        farm_id=call.request["farmId"],
        **{name: value for name, value in named.items() if value is not None},
    )
    order = (Order("queue_id"), Order("fleet_id"))
    rows, token = await call.context.rows.slice(QueueFleetAssociation, where, order, call.page)
    shown = [shapes.association(row) for row in rows]
    return {"queueFleetAssociations": shown, "nextToken": token}


async def get_environment(call: Call) -> Result:
    """Answer GetQueueEnvironment."""
    return shapes.environment(await call.context.rows.environment(call.request))


async def list_environments(call: Call) -> Result:
    """Answer ListQueueEnvironments, in the order they are entered."""
    await call.context.rows.queue(call.request)
    where = equals(queue_id=call.request["queueId"])
    order = (Order("priority"), Order("queue_environment_id"))
    rows, token = await call.context.rows.slice(QueueEnvironment, where, order, call.page)
    return {"environments": [shapes.environment(row) for row in rows], "nextToken": token}


async def _busy(call: Call, queue: Queue) -> bool:
    where = AllOf((equals(queue_id=queue.queue_id), Compare("ended_at", "=", None)))
    return await call.context.store.count(Job, where) > 0


async def _workers(call: Call, fleet: Fleet) -> int:
    return await call.context.store.count(Worker, AllOf((alive(), equals(fleet_id=fleet.fleet_id))))


HANDLERS: dict[str, Handler] = {
    "GetFarm": get_farm,
    "ListFarms": list_farms,
    "GetQueue": get_queue,
    "ListQueues": list_queues,
    "GetFleet": get_fleet,
    "ListFleets": list_fleets,
    "GetQueueFleetAssociation": get_association,
    "ListQueueFleetAssociations": list_associations,
    "GetQueueEnvironment": get_environment,
    "ListQueueEnvironments": list_environments,
}
