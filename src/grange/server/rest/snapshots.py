"""Everything at once, packed, for pages that filter and sort by themselves; and jobs by query."""

import asyncio
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.books.where import Fields, Node, parse
from grange.books.where.order import order_of
from grange.domain.farm import Farm
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.server.context import Context
from grange.server.rest.given import Services
from grange.services.reads.board import in_order, matching
from grange.services.reads.job_numbers import JobNumbers
from grange.services.reads.job_pages import SORTED, JobPages
from grange.services.reads.job_rows import JobRow
from grange.services.reads.packing import Pack, Packed
from grange.services.reads.pages import WorkerRow
from grange.services.reads.row_fields import JOB_FIELDS, WORKER_FIELDS, told

_HEADERS = {
    "content-encoding": "gzip",
    "cache-control": "no-store",
    "vary": "accept-encoding",
}
_WORKERS = Pack("worker_id")
_PACKED = {200: ResponseSpec(Packed, description="Rows as columns", generate_examples=False)}


class FoundJobs(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that a query is true for, the newest first or sorted."""

    jobs: list[JobRow]
    matched: int | None
    """For how many the query is true; None: not all were looked at."""
    total: int
    """Of how many."""
    next: str | None
    """`after` of the next page; None: there is no other."""
    looked_back_to: int | None
    """When the oldest job that was looked at was submitted; null where they are sorted."""


class FoundWorkers(msgspec.Struct, frozen=True, kw_only=True):
    """Workers that a query is true for, by name."""

    workers: list[WorkerRow]
    matched: int
    total: int


@get(
    "/farms/{farm_id:str}/snapshots/jobs",
    operation="GetJobsSnapshot",
    responses=_PACKED,
)
async def get_jobs_snapshot(
    farm_id: FromPath[str],
    context: Services,
    since: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Response[bytes]:
    """Show all active jobs as compressed columns; they include the event numbered `since`."""
    farm = await context.rows.farm({"farmId": farm_id})
    await context.waiting.look()
    content = await context.board.snapshot(farm, since)
    return Response(content, media_type="application/json", headers=_HEADERS)


@get(
    "/farms/{farm_id:str}/snapshots/workers",
    operation="GetWorkersSnapshot",
    responses=_PACKED,
)
async def get_workers_snapshot(farm_id: FromPath[str], context: Services) -> Response[bytes]:
    """Show all workers as compressed columns."""
    farm = await context.rows.farm({"farmId": farm_id})
    number, now = context.live.number, context.clock.now()
    rows = await context.pages.all_workers(farm_id, now)
    about = {
        "number": number,
        "now": now,
        "zone": farm.zone,
        "fields": told(WORKER_FIELDS),
        "complete": True,
        "total": len(rows),
    }
    rows.sort(key=lambda row: row.worker_id)
    content = await asyncio.to_thread(_WORKERS.whole, rows, about)
    return Response(content, media_type="application/json", headers=_HEADERS)


@get("/farms/{farm_id:str}/jobs/numbers", operation="GetJobNumbers")
async def get_job_numbers(farm_id: FromPath[str], context: Services) -> JobNumbers:
    """Count the jobs that render, that wait, and that failed within a day."""
    await context.rows.farm({"farmId": farm_id})
    return await context.job_numbers.of(farm_id)


@get("/farms/{farm_id:str}/jobs", operation="FindJobs")
async def find_jobs(
    *,
    farm_id: FromPath[str],
    context: Services,
    where: FromQuery[str] = "",
    active: FromQuery[bool] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    after: FromQuery[str | None] = None,
    sort: FromQuery[str] = "",
) -> FoundJobs:
    """List jobs by a query, the newest first or sorted: all of them, or the active ones."""
    farm = await context.rows.farm({"farmId": farm_id})
    node = _node(context, farm, where, JOB_FIELDS)
    wishes = order_of(sort, JOB_FIELDS)
    order = [(wish.field.row_key, wish.descends) for wish in wishes]
    if active and order and after is not None:
        raise _bad_sort("of the active jobs begins with the first one: it takes no after")
    if not active and any(wish.field.name not in SORTED for wish in wishes):
        raise _bad_sort(f"of all jobs can be by {', '.join(SORTED)}; by others of active ones")
    if not active and len(wishes) > 1:
        raise _bad_sort("of all jobs can be by one field")
    await context.waiting.look()
    if active and after is None:
        found = await context.board.find(farm_id, node)
        if found.complete:
            rows = await asyncio.to_thread(in_order, found.rows, order) if order else found.rows
            return FoundJobs(
                jobs=rows[:limit],
                matched=len(found.rows),
                total=found.total,
                next=None,
                looked_back_to=None,
            )
    if active and order:
        raise _bad_sort("needs all active jobs at once, and the farm has more than that")
    pages = JobPages(context.store, context.waiting.of)
    page = await pages.page(farm_id, node, limit, after, next(iter(wishes), None))
    whole = after is None and page.next is None
    return FoundJobs(
        jobs=page.rows,
        matched=len(page.rows) if whole else None,
        total=await context.board.total(farm_id),
        next=page.next,
        looked_back_to=page.looked_back_to,
    )


@get("/farms/{farm_id:str}/workers", operation="FindWorkers")
async def find_workers(
    farm_id: FromPath[str],
    context: Services,
    where: FromQuery[str] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=100_000)] = 100_000,
) -> FoundWorkers:
    """List workers by a query, by name."""
    farm = await context.rows.farm({"farmId": farm_id})
    node = _node(context, farm, where, WORKER_FIELDS)
    rows = await context.pages.all_workers(farm_id, context.clock.now())
    found = matching(rows, node)
    found.sort(key=lambda row: (row.name, row.worker_id))
    return FoundWorkers(workers=found[:limit], matched=len(found), total=len(rows))


def _bad_sort(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"sort {message}.", fields=[FieldProblem("sort", message)])


def _node(context: Context, farm: Farm, where: str, fields: Fields) -> Node:
    return parse(where, fields, zone=ZoneInfo(farm.zone), now=context.clock.now())


HANDLERS = [get_jobs_snapshot, get_workers_snapshot, get_job_numbers, find_jobs, find_workers]
