"""Jobs, steps, tasks, sessions and session actions: reads."""

from typing import Any

from grange.domain.work import Job, Layer, Session, SessionAction, Task
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import parse_task_id
from grange.ports.state import AllOf, Compare, OneOf, Order
from grange.server.context import Call, Handler, Result
from grange.server.handlers.batches import batch
from grange.services.permissions import Target, check
from grange.services.reads import shapes
from grange.services.reads.rows import equals
from grange.services.reads.search import JOBS, STEPS, job_found, search


def _check_queues(call: Call) -> None:
    """Return if the caller may read every queue that a search names."""
    for queue_id in call.request["queueIds"]:
        target = Target(farm_id=call.request["farmId"], queue_id=queue_id)
        check(call.caller, "ListJobs", target)


async def get_job(call: Call) -> Result:
    """Answer GetJob."""
    return shapes.job(await call.context.rows.job(call.request))


async def list_jobs(call: Call) -> Result:
    """Answer ListJobs."""
    await call.context.rows.queue(call.request)
    where = equals(queue_id=call.request["queueId"])
    rows, token = await call.context.rows.page(Job, where, "job_id", call.page)
    return {"jobs": [shapes.job(row) for row in rows], "nextToken": token}


async def search_jobs(call: Call) -> Result:
    """Answer SearchJobs."""
    _check_queues(call)
    scope = AllOf(
        (
            equals(farm_id=call.request["farmId"]),
            OneOf("queue_id", tuple(call.request["queueIds"])),
        )
    )
    found = await search(call.context.store, JOBS, scope, call.request)
    return {
        "jobs": [job_found(row) for row in found.rows],
        "nextItemOffset": found.next_offset,
        "totalResults": found.total,
    }


async def get_step(call: Call) -> Result:
    """Answer GetStep."""
    layer = await call.context.rows.layer(call.request)
    job = await call.context.rows.job(call.request)
    return shapes.step_in_full(layer, call.context.spaces.definition(job, layer.index))


async def list_steps(call: Call) -> Result:
    """Answer ListSteps, in the order of the template."""
    await call.context.rows.job(call.request)
    where = equals(job_id=call.request["jobId"])
    rows, token = await call.context.rows.page(Layer, where, "index", call.page)
    return {"steps": [shapes.step(row) for row in rows], "nextToken": token}


async def search_steps(call: Call) -> Result:
    """Answer SearchSteps."""
    _check_queues(call)
    scope = AllOf(
        (
            equals(farm_id=call.request["farmId"]),
            OneOf("queue_id", tuple(call.request["queueIds"])),
            *(equals(job_id=call.request[name]) for name in ("jobId",) if name in call.request),
        )
    )
    found = await search(call.context.store, STEPS, scope, call.request)
    return {
        "steps": [shapes.step(row) for row in found.rows],
        "nextItemOffset": found.next_offset,
        "totalResults": found.total,
    }


async def list_step_dependencies(call: Call) -> Result:
    """Answer ListStepDependencies."""
    layer = await call.context.rows.layer(call.request)
    return await _linked(call, layer.depends_on, "dependencies")


async def list_step_consumers(call: Call) -> Result:
    """Answer ListStepConsumers."""
    layer = await call.context.rows.layer(call.request)
    return await _linked(call, layer.consumers, "consumers", of=layer)


async def _linked(
    call: Call, step_ids: tuple[Any, ...], member: str, of: Layer | None = None
) -> Result:
    layers = await call.context.store.find(Layer, OneOf("layer_id", step_ids))
    by_id = {layer.layer_id: layer for layer in layers}
    links = []
    for step_id in step_ids:
        waits_for = of or by_id[step_id]
        done = waits_for.status.value == "SUCCEEDED"
        links.append({"stepId": step_id, "status": "RESOLVED" if done else "UNRESOLVED"})
    return {member: links}


async def get_task(call: Call) -> Result:
    """Answer GetTask."""
    layer = await call.context.rows.layer(call.request)
    job = await call.context.rows.job(call.request)
    index, row = await call.context.rows.task(layer, call.request["taskId"])
    parameters = call.context.spaces.parameters(job, layer.index, index)
    return shapes.task(layer, index, row, parameters)


async def list_tasks(call: Call) -> Result:
    """Answer ListTasks; tasks never touched have no row and are made up from their layer."""
    layer = await call.context.rows.layer(call.request)
    job = await call.context.rows.job(call.request)
    start = int(call.context.rows.cursor(call.page) or 0)
    end = min(start + call.page.size, layer.task_count)
    where = AllOf(
        (
            equals(layer_id=layer.layer_id),
            Compare("index", ">=", start),
            Compare("index", "<", end),
        )
    )
    rows = {row.index: row for row in await call.context.store.find(Task, where)}
    spaces = call.context.spaces
    tasks = [
        shapes.task(layer, index, rows.get(index), spaces.parameters(job, layer.index, index))
        for index in range(start, end)
    ]
    more = end < layer.task_count
    return {
        "tasks": tasks,
        "nextToken": call.context.rows.token(end, call.page) if more else None,
    }


async def get_session(call: Call) -> Result:
    """Answer GetSession."""
    return shapes.session_in_full(await call.context.rows.session(call.request))


async def list_sessions(call: Call) -> Result:
    """Answer ListSessions."""
    await call.context.rows.job(call.request)
    where = equals(job_id=call.request["jobId"])
    rows, token = await call.context.rows.page(Session, where, "session_id", call.page)
    return {"sessions": [shapes.session(row) for row in rows], "nextToken": token}


async def get_session_action(call: Call) -> Result:
    """Answer GetSessionAction."""
    await call.context.rows.job(call.request)
    return shapes.action(await call.context.rows.action(call.request))


async def list_session_actions(call: Call) -> Result:
    """Answer ListSessionActions, of a session or of a task if one is named."""
    await call.context.rows.job(call.request)
    where = [Compare("job_id", "=", call.request["jobId"])]
    if "sessionId" in call.request:
        where.append(Compare("session_id", "=", call.request["sessionId"]))
    if "taskId" in call.request:
        parsed = parse_task_id(call.request["taskId"])
        if parsed is None:
            raise NotFoundError("task", call.request["taskId"])
        where += [
            Compare("layer_id", "=", parsed[0]),
            Compare("task_index", "=", parsed[1]),
            Compare("kind", "=", "task_run"),
        ]
    order = (Order("session_id"), Order("index"))
    rows, token = await call.context.rows.slice(
        SessionAction, AllOf(tuple(where)), order, call.page
    )
    return {"sessionActions": [shapes.action(row) for row in rows], "nextToken": token}


HANDLERS: dict[str, Handler] = {
    "GetJob": get_job,
    "ListJobs": list_jobs,
    "SearchJobs": search_jobs,
    "BatchGetJob": batch(get_job, "jobs"),
    "GetStep": get_step,
    "ListSteps": list_steps,
    "SearchSteps": search_steps,
    "BatchGetStep": batch(get_step, "steps"),
    "ListStepDependencies": list_step_dependencies,
    "ListStepConsumers": list_step_consumers,
    "GetTask": get_task,
    "ListTasks": list_tasks,
    "BatchGetTask": batch(get_task, "tasks"),
    "GetSession": get_session,
    "ListSessions": list_sessions,
    "BatchGetSession": batch(get_session, "sessions"),
    "GetSessionAction": get_session_action,
    "ListSessionActions": list_session_actions,
    "BatchGetSessionAction": batch(get_session_action, "sessionActions"),
}
