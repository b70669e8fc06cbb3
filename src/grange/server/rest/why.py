"""Why a job waits, and when it will be done, over REST."""

from typing import Annotated, Any

from litestar import get
from litestar.params import FromPath, QueryParameter

from grange.domain.work import Job
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId, JobId
from grange.scheduling.blocks import Block
from grange.server.rest.given import Services
from grange.server.rest.shapes import EtaAnswer, described
from grange.services.why import AskWhy, JobAnswer


@get("/farms/{farm_id:str}/jobs/{job_id:str}/why", operation="GetWhy")
async def get_why(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    drop: Annotated[str, QueryParameter()] = "",
    priority: Annotated[int | None, QueryParameter(ge=0, le=100)] = None,
) -> JobAnswer:
    """Say why a job waits, and what would be without some reasons (`drop`, with commas)."""
    known = await context.store.get(Job, (job_id,))
    answer: JobAnswer = await context.owner.ask(
        AskWhy(
            farm_id=FarmId(farm_id),
            job_id=JobId(job_id),
            others=() if known is None else known.waits_for or (),
            dropped=tuple(_block(name) for name in drop.split(",") if name.strip()),
            priority=priority,
        )
    )
    return answer


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/eta", operation="GetEta", responses=described(EtaAnswer)
)
async def get_eta(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    threads: Annotated[int | None, QueryParameter(ge=1, le=100_000)] = None,
) -> dict[str, Any]:
    """Say when a job will be done: an interval that holds 80 of 100 times."""
    answer: dict[str, Any] = await context.books.ask(
        "job_eta", farm_id=farm_id, job_id=job_id, threads=threads
    )
    return answer


def _block(name: str) -> Block:
    try:
        return Block(name.strip().lower())
    except ValueError:
        raise InvalidRequestError(
            f"{name!r} is no reason. There are: {', '.join(Block)}.",
            fields=[FieldProblem("drop", "is no reason")],
        ) from None


HANDLERS = [get_why, get_eta]
