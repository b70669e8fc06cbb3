"""The report of a job, over REST."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from grange.domain.work import Job, Layer
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId, JobId
from grange.ports.state import Order
from grange.server.rest.given import Services
from grange.services.reads.job_report import LOG_BYTES, MOST_LINES, JobReport, job_report
from grange.services.reads.rows import equals
from grange.services.why import AskWhy


@get("/farms/{farm_id:str}/jobs/{job_id:str}/report", operation="GetJobReport")
async def get_job_report(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    lines: Annotated[int, QueryParameter(ge=0, le=MOST_LINES)] = 50,
) -> JobReport:
    """Report what became of a job: status, progress, rank, events, each attempt's output."""
    job = await context.store.get(Job, (job_id,))
    if job is None or job.farm_id != farm_id:
        raise NotFoundError("job", job_id)
    layers = await context.store.find(Layer, equals(job_id=job_id), order=(Order("index"),))
    journey = await context.books.ask("job_journey", farm_id=farm_id, job_id=job_id)
    why = await context.owner.ask(AskWhy(farm_id=FarmId(farm_id), job_id=JobId(job_id)))
    sessions = {row["session_id"] for row in journey["attempts"]}
    logs = {one: await context.logs.read(one, 0, LOG_BYTES) for one in sorted(sessions)}
    return job_report(job, layers, why, journey, logs, now=context.clock.now(), lines=lines)


HANDLERS = [get_job_report]
