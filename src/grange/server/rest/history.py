"""The job history, layer times, frames by index, and contact with workers."""

from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.server.context import Context
from grange.server.rest.given import Services
from grange.server.rest.history_shapes import (
    Contacts,
    FrameRecords,
    FrameRecordsOfJobs,
    HistoryAnswer,
    HistoryProjects,
    HistoryRecord,
    LayerErrors,
    LayerLog,
    LayerTimes,
)
from grange.server.rest.shapes import described

Answer = dict[str, Any]


@get(
    "/farms/{farm_id:str}/history/projects",
    operation="ListHistoryProjects",
    responses=described(HistoryProjects),
)
async def list_history_projects(farm_id: FromPath[str], context: Services) -> Answer:
    """List the projects that have a history."""
    return await _ask(context, "history_projects", farm_id=farm_id)


@get("/farms/{farm_id:str}/history", operation="ListHistory", responses=described(HistoryAnswer))
async def list_history(
    *,
    farm_id: FromPath[str],
    context: Services,
    project: FromQuery[str | None] = None,
    where: FromQuery[str] = "",
    user: FromQuery[str] = "",
    app: FromQuery[str] = "",
    renderer: FromQuery[str] = "",
    render_type: FromQuery[str] = "",
    age_hours: FromQuery[float | None] = None,
    invert: FromQuery[bool] = False,
    states: Annotated[int, QueryParameter(ge=0, le=255)] = 255,
    mode: Annotated[int, QueryParameter(ge=0, le=4)] = 0,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    oldest_first: FromQuery[bool] = False,
    sort: Annotated[str, QueryParameter(max_length=500)] = "",
    details: FromQuery[bool] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 100,
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Answer:
    """List records of layers: filtered, sorted, then limited; `matched` of `of` says how many."""
    return await _ask(
        context,
        "history",
        farm_id=farm_id,
        project=project,
        where=where,
        user=user,
        app=app,
        renderer=renderer,
        render_type=render_type,
        age_hours=age_hours,
        invert=invert,
        states=states,
        mode=mode,
        start=start,
        end=end,
        oldest_first=oldest_first,
        sort=sort,
        details=details,
        limit=limit,
        offset=offset,
    )


@get(
    "/farms/{farm_id:str}/history/{layer_id:str}",
    operation="GetHistory",
    responses=described(HistoryRecord),
)
async def get_history(farm_id: FromPath[str], layer_id: FromPath[str], context: Services) -> Answer:
    """Show one record: usage, sums, cost, workers, the newest errors and log entries."""
    return await _ask(context, "history_record", farm_id=farm_id, layer_id=layer_id)


@get(
    "/farms/{farm_id:str}/history/{layer_id:str}/errors",
    operation="ListHistoryErrors",
    responses=described(LayerErrors),
)
async def list_history_errors(
    farm_id: FromPath[str], layer_id: FromPath[str], context: Services
) -> Answer:
    """List every error of a layer, oldest first."""
    return await _ask(context, "history_errors", farm_id=farm_id, layer_id=layer_id)


@get(
    "/farms/{farm_id:str}/history/{layer_id:str}/log",
    operation="ListHistoryLog",
    responses=described(LayerLog),
)
async def list_history_log(
    farm_id: FromPath[str], layer_id: FromPath[str], context: Services
) -> Answer:
    """List every entry of a layer's log, oldest first."""
    return await _ask(context, "history_log", farm_id=farm_id, layer_id=layer_id)


@get(
    "/farms/{farm_id:str}/layer-times", operation="ListLayerTimes", responses=described(LayerTimes)
)
async def list_layer_times(
    *,
    farm_id: FromPath[str],
    context: Services,
    project: FromQuery[str | None] = None,
    render_type: FromQuery[str | None] = None,
    layer: FromQuery[str | None] = None,
) -> Answer:
    """List the last 100 finished layers of each project, render type and layer name."""
    return await _ask(
        context,
        "layer_time_lists",
        farm_id=farm_id,
        project=project,
        render_type=render_type,
        layer=layer,
    )


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/frame-records",
    operation="ListFrameRecords",
    responses=described(FrameRecords),
)
async def list_frame_records(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    layer_id: FromQuery[str | None] = None,
) -> Answer:
    """List the frames of a job by their index from 0, with their five parts."""
    return await _ask(context, "frame_records", farm_id=farm_id, job_id=job_id, layer_id=layer_id)


@get(
    "/farms/{farm_id:str}/frame-records",
    operation="ListFrameRecordsOfJobs",
    responses=described(FrameRecordsOfJobs),
)
async def list_frame_records_of_jobs(
    farm_id: FromPath[str], jobs: FromQuery[str], context: Services
) -> Answer:
    """List the frames of up to 100 jobs, their ids with commas between; for whoever copies them."""
    return await _ask(context, "frame_records_of_jobs", farm_id=farm_id, jobs=jobs)


@get("/farms/{farm_id:str}/contacts", operation="ListContacts", responses=described(Contacts))
async def list_contacts(
    farm_id: FromPath[str], context: Services, worker_id: FromQuery[str | None] = None
) -> Answer:
    """List when workers were last heard of, their versions, addresses and wake-ups."""
    return await _ask(context, "contacts", farm_id=farm_id, worker_id=worker_id)


async def _ask(context: Context, question: str, *, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask(question, farm_id=farm_id, **arguments)
    return answer


HANDLERS = [
    list_history_projects,
    list_history,
    get_history,
    list_history_errors,
    list_history_log,
    list_layer_times,
    list_frame_records,
    list_frame_records_of_jobs,
    list_contacts,
]
