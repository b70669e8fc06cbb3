"""A studio's past, brought from another system: kept as it was told, shown, never priced."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from grange.kernel.ids import FarmId
from grange.server.context import Context
from grange.server.rest.day_shapes import ForeignHistory
from grange.server.rest.given import Caller, Services
from grange.server.rest.shapes import described
from grange.services.books.foreign import MOST_RECORDS, keep_foreign

Answer = dict[str, Any]


class ForeignRecords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records as the exporter writes them."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """Name of the other system."""
    written_at: Annotated[int, msgspec.Meta(ge=0)]
    """When they were written out; the same in every repeat."""
    records: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MOST_RECORDS)]


class ForeignKept(msgspec.Struct, frozen=True, kw_only=True):
    """How many records were kept."""

    kept: int


@post("/farms/{farm_id:str}/foreign-history", operation="PutForeignHistory", status_code=200)
async def put_foreign_history(
    farm_id: FromPath[str], data: JSONBody[ForeignRecords], context: Services, caller: Caller
) -> ForeignKept:
    """Take in records of another system; durable when answered, repeats harmless."""
    farm = await context.rows.farm({"farmId": farm_id})
    kept = await keep_foreign(
        context.ingest,
        now=context.clock.now(),
        farm_id=FarmId(farm_id),
        zone=farm.zone,
        source=data.source,
        written_at=data.written_at,
        by=caller.name,
        records=data.records,
    )
    return ForeignKept(kept=kept)


@get(
    "/farms/{farm_id:str}/foreign-history",
    operation="ListForeignHistory",
    responses=described(ForeignHistory),
)
async def list_foreign_history(
    *,
    farm_id: FromPath[str],
    context: Services,
    kind: FromQuery[
        Literal["job", "day", "worker_day", "layer_time", "chunk", "log", "worker"]
    ] = "job",
    project: FromQuery[str | None] = None,
    source: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=5000)] = 100,
    skipped: Annotated[int, QueryParameter(ge=0)] = 0,
) -> Answer:
    """Show records of another system, newest first, and how many there are."""
    return await _ask(
        context,
        farm_id,
        kind=kind,
        project=project,
        source=source,
        limit=limit,
        skipped=skipped,
    )


async def _ask(context: Context, farm_id: str, **arguments: Any) -> Answer:
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("foreign_history", farm_id=farm_id, **arguments)
    return answer


HANDLERS = [put_foreign_history, list_foreign_history]
