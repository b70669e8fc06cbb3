"""Farms and jobs as pages show them: overview, a job, its frames, logs, previews, events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from grange.domain.farm import Farm
from grange.domain.work import Session
from grange.kernel.errors import NotFoundError, UnreachableError
from grange.server.context import Context
from grange.server.rest.given import Caller, Services
from grange.server.rest.shapes import TEXT, as_file
from grange.services.access import farms_seen
from grange.services.permissions import Principal
from grange.services.reads.frames import with_books
from grange.services.reads.pages import FarmRow, FrameColumns, JobDetail, Overview, farm_row
from grange.services.reads.previews import preview_roots

LOG_BYTES = 8 * 1024 * 1024
"""How much of a log one answer holds."""

_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Farms(msgspec.Struct, frozen=True, kw_only=True):
    """All farms."""

    farms: list[FarmRow]


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of a job."""

    frames: FrameColumns
    books_answered: bool
    """False: the books are being restarted, and what only they know is missing. Ask again."""


@get("/farms", operation="ListFarms")
async def list_farms(context: Services, caller: Caller) -> Farms:
    """List the farms that the caller has a part in, simulated ones last."""
    farms = await context.store.find(Farm, farms_seen(caller))
    return Farms(farms=[farm_row(farm) for farm in sorted(farms, key=lambda farm: farm.simulated)])


@get("/farms/{farm_id:str}/overview", operation="GetOverview")
async def get_overview(farm_id: FromPath[str], context: Services) -> Overview:
    """Show a farm: its newest jobs and all its workers."""
    farm = await context.rows.farm({"farmId": farm_id})
    context.hails.opened()
    return await context.pages.overview(farm, context.clock.now(), context.live.number)


@get("/farms/{farm_id:str}/jobs/{job_id:str}", operation="GetJob")
async def get_job(farm_id: FromPath[str], job_id: FromPath[str], context: Services) -> JobDetail:
    """Show a job."""
    job = await context.rows.farm_job(farm_id, job_id)
    times = await _if_open(context, "layer_times", farm_id=farm_id, job_id=job_id)
    means = None
    if times is not None:
        means = {row["layer_id"]: row["mean_frame_ms"] for row in times["rows"]}
    return await context.pages.job(job, means)


@get("/farms/{farm_id:str}/jobs/{job_id:str}/frames", operation="GetFrames")
async def get_frames(farm_id: FromPath[str], job_id: FromPath[str], context: Services) -> Frames:
    """Show every frame of a job, as columns."""
    job = await context.rows.farm_job(farm_id, job_id)
    columns = await context.pages.frames(job)
    known = await _if_open(context, "job_frames", farm_id=farm_id, job_id=job_id)
    farm = await context.rows.farm({"farmId": farm_id})
    return Frames(
        frames=with_books(columns, known or [], pictured=not farm.simulated),
        books_answered=known is not None,
    )


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/preview/{layer_id:str}/{frame:int}",
    operation="GetPreview",
    responses=as_file("The thumbnail", "image/jpeg"),
)
async def get_preview(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    layer_id: FromPath[str],
    frame: FromPath[int],
    context: Services,
    width: Annotated[int, QueryParameter(ge=16, le=2048)] = 240,
) -> Response[bytes]:
    """Show a thumbnail of a rendered frame."""
    job = await context.rows.farm_job(farm_id, job_id)
    known = await context.books.ask("job_frames", farm_id=farm_id, job_id=job_id)
    path = next(
        (
            row["output_path"]
            for row in known
            if row["layer_id"] == layer_id and row["frame"] == frame and row["output_path"]
        ),
        None,
    )
    if path is None:
        raise NotFoundError("preview", f"{layer_id}/{frame}")
    roots = preview_roots(job, context.preview_roots)
    picture = await context.previews.thumbnail(path, roots, width)
    headers = {"cache-control": "private, max-age=60"}
    return Response(picture, media_type="image/jpeg", headers=headers)


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/log",
    operation="GetLog",
    responses=as_file("The log", TEXT),
)
async def get_job_log(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromQuery[str],
    context: Services,
    attempt: Annotated[int | None, QueryParameter(ge=1)] = None,
) -> Response[str]:
    """Read what one attempt of a task wrote; the latest one by default."""
    job = await context.rows.farm_job(farm_id, job_id)
    log = await context.task_logs.log(job, task, attempt)
    if log is None:
        raise NotFoundError("log", task)
    shown, size = [], 0
    async for piece in context.log_lines.content(log.session_id, log.first, log.end):
        shown.append(piece[: LOG_BYTES - size])
        size += len(piece)
        if size >= LOG_BYTES:
            break
    return Response(b"".join(shown).decode("utf-8", "replace"), media_type=TEXT)


@get(
    "/farms/{farm_id:str}/sessions/{session_id:str}/log",
    operation="GetLog",
    responses=as_file("The log from that byte on", TEXT),
)
async def get_session_log(
    farm_id: FromPath[str],
    session_id: FromPath[str],
    context: Services,
    start: Annotated[int, QueryParameter(name="from")] = 0,
) -> Response[bytes]:
    """Read a session's log from a byte on; negative counts from the end."""
    session = await context.store.get(Session, (session_id,))
    if session is None or session.farm_id != farm_id:
        raise NotFoundError("session", session_id)
    part = await context.logs.read(session_id, start, LOG_BYTES)
    if part is None:
        raise NotFoundError("log", session_id)
    headers = {"x-grange-log-start": str(part.start), "x-grange-log-size": str(part.size)}
    return Response(part.content, media_type=TEXT, headers=headers)


@get("/farms/{farm_id:str}/events", operation="GetEvents", media_type="text/event-stream")
async def get_events(
    farm_id: FromPath[str],
    context: Services,
    caller: Caller,
    request: Request[Principal, None, State],
) -> Stream:
    """Follow what changes in a farm, as server-sent events."""
    await context.rows.farm({"farmId": farm_id})
    last = request.headers.get("last-event-id", "")
    number = int(last) if last.isascii() and last.isdigit() and len(last) < 20 else None

    async def events() -> AsyncIterator[bytes]:
        async for piece in context.live.subscribe(farm_id, number):
            yield piece
            if not context.identity.may_go_on(caller):
                return

    return Stream(events(), media_type="text/event-stream", headers=_STREAM_HEADERS)


async def _if_open(context: Context, question: str, **arguments: str) -> Any:
    """Ask the books, but do without them while they are being restarted."""
    try:
        return await context.books.ask(question, **arguments)
    except UnreachableError:
        return None


HANDLERS = [
    list_farms,
    get_overview,
    get_job,
    get_frames,
    get_preview,
    get_job_log,
    get_session_log,
    get_events,
]
