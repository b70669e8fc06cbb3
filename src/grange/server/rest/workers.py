"""What workers send beside the Deadline Cloud API: facts and logs; and how they are woken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, get, patch, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from grange.kernel.ids import FarmId
from grange.server.context import require_room
from grange.server.rest.given import Caller, Done, Services
from grange.services.commands.worker_orders import OrderWorker
from grange.services.reads.logs import check_writer
from grange.wire.decode import parse_object

WAKE_SECONDS = 10.0
"""How often a silent wake stream says that it is alive."""

_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class RefusedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not kept."""

    table: str
    index: int
    message: str


class FactsKept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch of facts; it is durable now."""

    accepted: int
    refused: list[RefusedFact]


class LogSize(msgspec.Struct, frozen=True, kw_only=True):
    """How long a log is now."""

    size: int


class WorkerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a worker. What is not given stays."""

    disabled: bool | None = None
    draining: bool | None = None
    classes: str | None = None
    """Letters A to Z, e.g. `AC`; empty: as the worker itself says."""
    note: str | None = None
    """What people say of it; empty: nothing."""


@post(
    "/farms/{farm_id:str}/workers/{worker_id:str}/facts",
    operation="PutFacts",
    status_code=200,
)
async def put_facts(
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    context: Services,
    request: Request[Any, Any, State],
) -> FactsKept:
    """Take in frame records and samples of a worker; durable when answered, repeats harmless."""
    worker = await context.rows.farm_worker(farm_id, worker_id)
    body = await request.body()
    batch = parse_object(body)
    offset = context.owner.memory.clock_offset_ms.get(worker.worker_id, 0)
    kept = await context.ingest.ingest(worker, offset, batch, byte_count=len(body))
    samples = batch.get("worker_samples") or []
    if samples and not kept.refused:
        context.latest.note(worker.worker_id, samples, context.clock.now())
        context.live.touch(farm_id, "worker", worker_id)
    for job_id in {str(row.get("job_id")) for row in batch.get("frames") or ()}:
        context.live.touch(farm_id, "frames", job_id)
    return FactsKept(
        accepted=kept.accepted,
        refused=[
            RefusedFact(table=row.table, index=row.index, message=row.message)
            for row in kept.refused
        ],
    )


@get(
    "/farms/{farm_id:str}/workers/{worker_id:str}/wake",
    operation="Wake",
    media_type="text/event-stream",
)
async def wake(
    farm_id: FromPath[str], worker_id: FromPath[str], caller: Caller, context: Services
) -> Stream:
    """Follow when a worker should ask for its schedule, as server-sent events."""
    worker = await context.rows.farm_worker(farm_id, worker_id)

    async def events() -> AsyncIterator[bytes]:
        stream = context.wakes.open_stream(worker.fleet_id, worker.worker_id)
        closing = asyncio.ensure_future(context.closing.wait())
        try:
            yield b": hello\n\n"
            key = context.identity.hail_key(worker.fleet_id).hex()
            yield b"event: key\ndata: " + msgspec.json.encode({"key": key}) + b"\n\n"
            while not closing.done() and context.identity.may_go_on(caller):
                woken = asyncio.ensure_future(stream.next(WAKE_SECONDS))
                await asyncio.wait({woken, closing}, return_when=asyncio.FIRST_COMPLETED)
                if not woken.done():
                    woken.cancel()
                    continue
                wanted, orders = stream.taken()
                for order in orders:
                    yield b"event: hail\ndata: " + msgspec.json.encode(order) + b"\n\n"
                if wanted:
                    yield b"event: wake\ndata: {}\n\n"
                elif not orders:
                    yield b": keep-alive\n\n"
        finally:
            closing.cancel()
            context.wakes.close_stream(worker.worker_id, stream)

    return Stream(events(), media_type="text/event-stream", headers=_STREAM_HEADERS)


@put("/farms/{farm_id:str}/sessions/{session_id:str}/log", operation="PutSessionLog")
async def put_session_log(
    *,
    farm_id: FromPath[str],
    session_id: FromPath[str],
    context: Services,
    caller: Caller,
    request: Request[Any, Any, State],
    offset: Annotated[int, QueryParameter(ge=0)],
) -> LogSize:
    """Add bytes to a session's log at an offset; what is there already is skipped."""
    await check_writer(caller, session_id, context.rows)
    require_room(context, "session logs")
    size = await context.logs.append(session_id, await request.body(), offset)
    return LogSize(size=size)


@patch("/farms/{farm_id:str}/workers/{worker_id:str}", operation="UpdateWorker")
async def change_worker(
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    data: JSONBody[WorkerChange],
    context: Services,
    caller: Caller,
) -> Done:
    """Disable, enable or drain a worker, set its classes, note something about it."""
    await context.owner.ask(
        OrderWorker(
            farm_id=FarmId(farm_id),
            worker=worker_id,
            disabled=data.disabled,
            draining=data.draining,
            classes=data.classes,
            note=data.note,
            by=caller.name,
        )
    )
    return Done()


HANDLERS = [put_facts, wake, put_session_log, change_worker]
