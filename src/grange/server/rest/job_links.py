"""Which jobs a job waits for, over REST."""

from typing import Annotated

import msgspec
from litestar import put
from litestar.params import FromPath, JSONBody

from grange.kernel.ids import FarmId, JobId
from grange.server.rest.given import Caller, Services
from grange.services.commands.job_links import MOST, SetJobAfter, chain_of


class JobAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The jobs that must succeed before a job begins; none: it waits for no job."""

    jobs: Annotated[list[str], msgspec.Meta(max_length=MOST)]


class JobWaits(msgspec.Struct, frozen=True, kw_only=True):
    """Those of them that have not succeeded yet."""

    waits_for: list[str]


@put("/farms/{farm_id:str}/jobs/{job_id:str}/after", operation="PutJobAfter")
async def put_job_after(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    data: JSONBody[JobAfter],
    context: Services,
    caller: Caller,
) -> JobWaits:
    """Say which jobs must succeed before a job begins; what already runs goes on."""
    after = tuple(JobId(one) for one in data.jobs)
    found = await context.owner.ask(
        SetJobAfter(
            farm_id=FarmId(farm_id),
            job_id=JobId(job_id),
            after=after,
            chain=await chain_of(context.store, after),
            by=caller.name,
        )
    )
    return JobWaits(waits_for=found["waits_for"])


HANDLERS = [put_job_after]
