"""The report of a job, over REST."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from grange.domain.work import Layer
from grange.kernel.ids import FarmId, JobId
from grange.ports.state import Order
from grange.server.rest.given import Services
from grange.services.reads.job_report import (
    MOST_LINES,
    MOST_OUTPUTS,
    JobReport,
    failed_first,
    job_report,
    read_output,
)
from grange.services.reads.rows import equals
from grange.services.why import AskWhy


@get("/farms/{farm_id:str}/jobs/{job_id:str}/report", operation="GetJobReport")
async def get_job_report(
    farm_id: FromPath[str],
    job_id: FromPath[str],
    context: Services,
    lines: Annotated[int, QueryParameter(ge=0, le=MOST_LINES)] = 50,
    outputs: Annotated[int, QueryParameter(ge=0, le=MOST_OUTPUTS)] = 20,
) -> JobReport:
    """Report what became of a job: status, progress, rank, events, attempts with their output.

    Of the first `outputs` attempts, failed ones first, the output is read: what tells of errors,
    and the last `lines` lines.
    """
    job = await context.rows.farm_job(farm_id, job_id)
    layers = await context.store.find(Layer, equals(job_id=job_id), order=(Order("index"),))
    journey = await context.books.ask("job_journey", farm_id=farm_id, job_id=job_id)
    why = await context.owner.ask(
        AskWhy(farm_id=FarmId(farm_id), job_id=JobId(job_id), others=job.waits_for or ())
    )
    written = {
        row["action_id"]: await read_output(
            context.task_logs, context.log_lines, job, layers, row, lines=lines
        )
        for row in failed_first(journey)[:outputs]
    }
    return job_report(job, layers, why, journey, written, now=context.clock.now())


HANDLERS = [get_job_report]
