"""What decides the attributes of a job: project, shot, app, …."""

import asyncio
from collections.abc import Mapping

import msgspec
from litestar import get
from litestar.params import FromPath

from grange.domain.attributes import Decision, decide
from grange.domain.attribution import AttributionRule, Subjects
from grange.domain.farm import Queue
from grange.domain.work import UNASSIGNED, Job, Layer
from grange.kernel.errors import ConfigurationError, InvalidRequestError
from grange.ports.state import Order
from grange.server.rest.given import Services
from grange.services.commands.jobs import texts
from grange.services.reads.rows import equals
from grange.services.templates import ParsedJob, parse_job


class AttributionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute of a job or a layer."""

    layer: str | None
    """None: of the job."""
    attribute: str
    value: str
    """What would be decided now."""
    source: str
    """What decides it: a tag, a parameter, a rule, the command, the queue, or nothing."""
    kept: str
    """What was decided when the job was created; it stays."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Every attribute of a job and its layers."""

    job_id: str
    name: str
    rules: list[str]
    """Names of the rules in force, in order."""
    rows: list[AttributionRow]


@get("/farms/{farm_id:str}/jobs/{job_id:str}/attribution", operation="TestAttribution")
async def try_attribution(
    farm_id: FromPath[str], job_id: FromPath[str], context: Services
) -> Attribution:
    """Show what decides every attribute of a job by the rules as they are now."""
    farm = await context.rows.farm({"farmId": farm_id})
    job = await context.rows.farm_job(farm_id, job_id)
    queue = await context.store.get(Queue, (job.queue_id,))
    layers = await context.store.find(Layer, equals(job_id=job_id), order=(Order("index"),))
    try:
        rules = await asyncio.to_thread(context.attribution.checked, farm.name, farm.farm_id)
    except ConfigurationError as error:
        raise InvalidRequestError(str(error), reason="OTHER") from error
    parsed = await asyncio.to_thread(parse_job, job.template, job.template_type, job.parameters)
    asked = _Asked(job, queue, rules, parsed)
    rows = _rows(None, asked.decided(None), job.attributes)
    for layer in layers:
        rows += _rows(layer.name, asked.decided(layer), layer.attributes)
    return Attribution(
        job_id=job.job_id, name=job.name, rules=[rule.name for rule in rules], rows=rows
    )


class _Asked:
    """A job, looked at with the rules as they are now."""

    def __init__(
        self,
        job: Job,
        queue: Queue | None,
        rules: tuple[AttributionRule, ...],
        parsed: ParsedJob,
    ) -> None:
        self._job = job
        self._queue = queue
        self._rules = rules
        self._parsed = parsed

    def decided(self, layer: Layer | None) -> Mapping[str, Decision]:
        """Return what decides each attribute of a layer, or of the whole job."""
        command = () if layer is None else self._parsed.layers[layer.index].command_line
        return decide(
            None if layer is None else layer.name,
            tags=self._job.tags,
            parameters=texts(self._job.parameters),
            command_line=command,
            queue_defaults=None if self._queue is None else self._queue.settings.get("attributes"),
            rules=self._rules,
            subjects=Subjects.of(
                parameters=self._job.parameters,
                job_name=self._job.name,
                queue="" if self._queue is None else self._queue.name,
                user=self._job.created_by,
                command=command,
            ),
        )


def _rows(
    layer: str | None, decided: Mapping[str, Decision], kept: Mapping[str, str]
) -> list[AttributionRow]:
    return [
        AttributionRow(
            layer=layer,
            attribute=name,
            value=decision.value,
            source=decision.source,
            kept=kept.get(name, UNASSIGNED),
        )
        for name, decision in decided.items()
    ]


HANDLERS = [try_attribution]
