"""Hailing workers: neighbours tell what they met, people ask for it."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from grange.domain.hails import MOST_LINE_BYTES, Outcome
from grange.kernel.ids import WorkerId
from grange.server.rest.given import Done, Services
from grange.services.reads.hails import HailRow, hail_row


class HailMet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a worker met when it hailed another one."""

    hail_id: str
    outcome: Outcome
    answer: Annotated[str, msgspec.Meta(max_length=MOST_LINE_BYTES)] = ""
    """What the other one said."""


@post("/farms/{farm_id:str}/workers/{worker_id:str}/hails", operation="PutHail", status_code=200)
async def put_hail(
    farm_id: FromPath[str], worker_id: FromPath[str], data: JSONBody[HailMet], context: Services
) -> Done:
    """Tell what this worker met when it hailed a neighbour that the server did not hear of."""
    await context.rows.farm({"farmId": farm_id})
    context.hails.told(WorkerId(worker_id), data.hail_id, data.outcome, data.answer)
    return Done()


@post("/farms/{farm_id:str}/workers/{worker_id:str}/hail", operation="HailWorker", status_code=200)
async def hail_worker(
    farm_id: FromPath[str], worker_id: FromPath[str], context: Services
) -> HailRow:
    """Have a worker hailed by two of its neighbours now, and show what they met."""
    worker = await context.rows.farm_worker(farm_id, worker_id)
    return await hail_row(context.store, await context.hails.hail(worker.worker_id))


HANDLERS = [put_hail, hail_worker]
