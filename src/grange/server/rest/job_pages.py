"""What the page of a job shows beside its rows: attempts, events, movies; frames tried again."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from grange.books.frame_ranges import expand
from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import SessionAction
from grange.kernel.errors import FieldProblem, GrangeError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, StepId
from grange.ports.state import AllOf, Compare, Condition, Order
from grange.server.context import Context
from grange.server.rest.given import Caller, Services
from grange.server.rest.shapes import JobAttempts, JobEvents, as_file, described
from grange.services.actions import Consequence, many
from grange.services.commands.jobs import ChangeTask
from grange.services.permissions import Principal
from grange.services.reads.previews import file_inside, preview_roots
from grange.services.reads.rows import equals

Answer = dict[str, Any]

MOST_TASKS = 5000
"""How many tasks are tried again at a time."""
MOVIES = frozenset({".mp4", ".m4v", ".webm", ".mov", ".ogv", ".mkv"})
_PIECE = 256 * 1024
_ENDED = (
    TaskRunStatus.FAILED,
    TaskRunStatus.CANCELED,
    TaskRunStatus.SUCCEEDED,
    TaskRunStatus.SUSPENDED,
)


class FramesAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frames to render again."""

    layer_id: str
    frames: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    """E.g. `1-10,15` or `1-100:2`."""
    action: Literal["requeue"] = "requeue"
    apply: bool = False
    """False: only say what it would do."""


class Movie(msgspec.Struct, frozen=True, kw_only=True):
    """A movie that an attempt named."""

    layer_id: str
    task_index: int
    number: int
    """Its place among the files of the task."""
    name: str
    size: int


class Movies(msgspec.Struct, frozen=True, kw_only=True):
    """The movies of a job that can be seen."""

    movies: list[Movie]


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/attempts",
    operation="GetJob",
    responses=described(JobAttempts),
)
async def get_attempts(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    outcome: FromQuery[str] = "",
    layer_id: FromQuery[str] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Answer:
    """List attempts of a job, newest first: filtered first, limited then."""
    found: Answer = await context.books.ask(
        "job_attempts_page",
        farm_id=farm_id,
        job_id=job_id,
        outcome=outcome,
        layer_id=layer_id,
        limit=limit,
        offset=offset,
    )
    return found


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/events",
    operation="GetJob",
    responses=described(JobEvents),
)
async def get_job_events(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    offset: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Answer:
    """List what happened to a job and by whom, newest first."""
    found: Answer = await context.books.ask(
        "job_events_page", farm_id=farm_id, job_id=job_id, limit=limit, offset=offset
    )
    return found


@post(
    "/farms/{farm_id:str}/jobs/{job_id:str}/frames/actions",
    operation="ActOnFrames",
    status_code=200,
)
async def act_on_frames(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    data: JSONBody[FramesAction],
    context: Services,
    caller: Caller,
) -> Consequence:
    """Say which tasks would render some frames again, or have them do it (`apply`)."""
    job = await context.rows.farm_job(farm_id, job_id)
    wanted = _frames(data.frames)
    columns = await context.pages.frames(job)
    rows = zip(columns.layer_id, columns.frame, columns.task_index, columns.status, strict=True)
    own = [(frame, task, status) for layer, frame, task, status in rows if layer == data.layer_id]
    statuses = {task: status for frame, task, status in own if frame in wanted}
    ended = {task for task, status in statuses.items() if status in _ENDED}
    tasks = sorted(ended)
    frames = sum(1 for _, task, _ in own if task in ended)
    if len(tasks) > MOST_TASKS:
        raise InvalidRequestError(
            f"That is {len(tasks)} tasks; at most {MOST_TASKS} at a time. Name fewer frames."
        )
    text = f"Renders {many(frames, 'frame')} in {many(len(tasks), 'task')} again"
    left = len(statuses) - len(tasks)
    text += f"; {many(left, 'task')} of them still to come or at work." if left else "."
    if not statuses:
        text = "The layer has none of these frames."
    found = Consequence(action=data.action, applied=data.apply, text=text, nothing=not statuses)
    if not data.apply:
        return found
    refused: dict[str, str] = {}
    for task in tasks:
        try:
            await context.owner.ask(
                ChangeTask(
                    farm_id=FarmId(farm_id),
                    queue_id=job.queue_id,
                    job_id=job.job_id,
                    layer_id=StepId(data.layer_id),
                    index=task,
                    target_status=TaskRunStatus.PENDING,
                    by=caller.name,
                )
            )
        except GrangeError as error:
            refused[str(task)] = str(error)
    return msgspec.structs.replace(found, refused=refused)


@get("/farms/{farm_id:str}/jobs/{job_id:str}/movies", operation="GetPreview")
async def list_movies(farm_id: FromPath[str], job_id: FromPath[str], context: Services) -> Movies:
    """List the movies that attempts of a job named and that can be seen from here."""
    job = await context.rows.farm_job(farm_id, job_id)
    roots = preview_roots(job, context.preview_roots)
    found = []
    for layer_id, task, number, path in await _movies_of(context, equals(job_id=job_id)):
        try:
            file = await asyncio.to_thread(file_inside, path, roots, MOVIES, "movie")
        except NotFoundError:
            continue
        size = (await asyncio.to_thread(file.stat)).st_size
        found.append(
            Movie(layer_id=layer_id, task_index=task, number=number, name=file.name, size=size)
        )
    return Movies(movies=found)


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/movies/{layer_id:str}/{task:int}/{number:int}",
    operation="GetPreview",
    responses=as_file("The movie, or the part that was asked for", "video/*"),
)
async def get_movie(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    layer_id: FromPath[str],
    task: FromPath[int],
    number: FromPath[int],
    context: Services,
    request: Request[Principal, None, State],
) -> Stream | Response[bytes]:
    """Play a movie; a Range is answered with that part."""
    job = await context.rows.farm_job(farm_id, job_id)
    own = await _movies_of(context, equals(job_id=job_id, layer_id=layer_id, task_index=task))
    path = next((path for _, _, place, path in own if place == number), None)
    if path is None:
        raise NotFoundError("movie", f"{layer_id}/{task}/{number}")
    roots = preview_roots(job, context.preview_roots)
    file = await asyncio.to_thread(file_inside, path, roots, MOVIES, "movie")
    size = (await asyncio.to_thread(file.stat)).st_size
    headers = {"accept-ranges": "bytes", "cache-control": "private, max-age=60"}
    span = _range(request.headers.get("range", ""), size)
    if span is None:
        headers["content-range"] = f"bytes */{size}"
        return Response(b"", status_code=416, headers=headers, media_type="text/plain")
    begin, end = span
    status = 206 if "range" in request.headers else 200
    if status == 206:
        headers["content-range"] = f"bytes {begin}-{end - 1}/{size}"
    headers["content-length"] = str(end - begin)
    kind = mimetypes.guess_type(file.name)[0] or "video/mp4"
    return Stream(_part(file, begin, end), status_code=status, headers=headers, media_type=kind)


async def _part(file: Path, begin: int, end: int) -> AsyncIterator[bytes]:
    while begin < end:
        piece = await asyncio.to_thread(_read, file, begin, min(_PIECE, end - begin))
        if not piece:
            return
        begin += len(piece)
        yield piece


def _read(file: Path, start: int, size: int) -> bytes:
    with file.open("rb") as source:
        source.seek(start)
        return source.read(size)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Return the bytes a Range header asks for; None if the file has none of them."""
    unit, _, wanted = header.partition("=")
    first, dash, last = wanted.partition(",")[0].strip().partition("-")
    if (
        unit.strip() != "bytes"
        or not dash
        or not all(one.isdigit() or not one for one in (first, last))
    ):
        return 0, size
    if not first:
        return (max(0, size - int(last)), size) if last and int(last) else None
    begin, end = int(first), min(size, int(last) + 1 if last else size)
    return (begin, end) if begin < end else None


async def _movies_of(context: Context, whose: Condition) -> list[tuple[str, int, int, str]]:
    """Return layer, task, number and path of every movie a successful attempt named."""
    actions = await context.store.columns(
        SessionAction,
        ("layer_id", "task_index", "usage"),
        AllOf(
            (
                whose,
                Compare("kind", "=", "task_run"),
                Compare("status", "=", SessionActionStatus.SUCCEEDED.value),
            )
        ),
        order=(Order("ended_at", descending=True),),
        limit=2000,
    )
    found: dict[tuple[str, int, int], str] = {}
    for layer_id, task, usage in actions:
        for number, path in enumerate(usage.get("outputPaths") or ()):
            if layer_id is not None and Path(path).suffix.lower() in MOVIES:
                found.setdefault((layer_id, task or 0, number), str(path))
    return [(*key, path) for key, path in sorted(found.items())]


def _frames(text: str) -> set[int]:
    try:
        return set(expand(text))
    except ValueError as error:
        problem = FieldProblem("frames", "are written as 1-10,15 or 1-100:2")
        raise InvalidRequestError(
            f"{text[:80]!r}: frames {problem.message}.", fields=[problem]
        ) from error


HANDLERS = [get_attempts, get_job_events, act_on_frames, list_movies, get_movie]
