"""What the page of a worker shows: the machine, what is known against it, what it was at."""

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from grange.domain.faults import WorkerFaults
from grange.domain.worker import closed_for
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.server.rest.given import Services
from grange.server.rest.shapes import AttemptAt, WorkerAttempts, described
from grange.services.reads.pages import WorkerRow

LONGEST_SPAN_MS = 8 * 86_400_000

Answer = dict[str, Any]


class WorkerDetail(WorkerRow, frozen=True, kw_only=True):
    """One worker in full."""

    closed: str
    """Why it takes no work by its own hours; empty: it does."""
    ps_milli: int
    amounts: dict[str, float]
    """What it says it has, by capability."""
    attributes: dict[str, list[str]]
    host_properties: dict[str, object]
    created_at: int
    updated_at: int | None
    updated_by: str | None
    quarantined_at: int | None
    """When it was quarantined; None: it is not."""
    quarantine_cause: str
    strokes: int
    """Failures it was blamed for since it last did something well."""


@get("/farms/{farm_id:str}/workers/{worker_id:str}", operation="GetWorkerPage")
async def get_worker(
    farm_id: FromPath[str], worker_id: FromPath[str], context: Services
) -> WorkerDetail:
    """Show a worker: what it does, what it is made of, what is known against it."""
    worker = await context.rows.farm_worker(farm_id, worker_id)
    rows = await context.pages.workers([worker.worker_id], context.clock.now())
    if not rows:
        raise NotFoundError("worker", worker_id)
    faults = await context.store.get(WorkerFaults, (worker.worker_id,))
    return WorkerDetail(
        **msgspec.structs.asdict(rows[0]),
        closed=closed_for(worker),
        ps_milli=worker.ps_milli,
        amounts=dict(worker.amounts),
        attributes={name: list(values) for name, values in worker.attributes.items()},
        host_properties=dict(worker.host_properties),
        created_at=worker.created_at,
        updated_at=worker.updated_at,
        updated_by=worker.updated_by,
        quarantined_at=None if faults is None else faults.quarantined_at,
        quarantine_cause="" if faults is None else faults.cause,
        strokes=0 if faults is None else len(faults.strokes),
    )


@get(
    "/farms/{farm_id:str}/workers/{worker_id:str}/attempts",
    operation="GetTimeline",
    responses=described(WorkerAttempts),
)
async def get_worker_attempts(
    *,
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    start: FromQuery[int],
    end: FromQuery[int],
    context: Services,
    thread: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Answer:
    """List what a worker was at in a span of at most 8 days, with the log of each attempt."""
    if not start < end <= start + LONGEST_SPAN_MS:
        raise InvalidRequestError(
            "`end` must lie behind `start`, by 8 days at most.",
            fields=[FieldProblem("end", "must be larger than start, by 8 days at most")],
        )
    answer: Answer = await context.books.ask(
        "worker_attempts",
        farm_id=farm_id,
        worker_id=worker_id,
        start=start,
        end=end,
        thread=thread,
    )
    return answer


@get(
    "/farms/{farm_id:str}/workers/{worker_id:str}/attempt",
    operation="GetTimeline",
    responses=described(AttemptAt),
)
async def get_attempt_at(
    *,
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    at: FromQuery[int],
    context: Services,
    thread: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Answer:
    """Say what a worker, or one job thread of it, was at at an instant, and what came beside."""
    answer: Answer = await context.books.ask(
        "attempt_at", farm_id=farm_id, worker_id=worker_id, at=at, thread=thread
    )
    return answer


HANDLERS = [get_worker, get_worker_attempts, get_attempt_at]
