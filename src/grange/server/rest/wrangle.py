"""The wrangle inbox over REST: what needs a person, doing something about it, taking it back."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from grange.domain.work import Job, Worker
from grange.domain.wrangling import Deed, Fix, Trouble
from grange.kernel.errors import (
    FieldProblem,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
)
from grange.kernel.ids import FarmId, JobId, WorkerId
from grange.kernel.units import Instant
from grange.ports.state import OneOf
from grange.server.context import Context
from grange.server.rest.given import Caller, Services
from grange.services.commands.wrangle import DoDeed, UndoDeed
from grange.services.wrangle.clusters import Cluster, Example, Incident, Named
from grange.services.wrangle.consequences import Reached, consequence
from grange.services.wrangle.inbox import InboxAnswer

MOST_CLUSTERS = 100


class InboxAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do about which clusters."""

    clusters: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_CLUSTERS)]
    fix: Fix
    workers: list[str] | None = None
    """Ids of some of their workers only; None: all of them."""
    jobs: list[str] | None = None
    """Ids of some of their jobs only; None: all of them."""
    until_at: int | None = None
    """Of a snooze."""
    assignee: str | None = None
    """Of an assignment; None: nobody any more."""
    apply: bool = False
    """False: only say what it would do."""


class ClusterOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an action would do about one cluster, or did."""

    cluster_id: str
    title: str
    text: str
    deed_id: str | None = None
    """What undoes it; None: it was not done."""
    refused: str | None = None
    """Why it could not be done."""


class InboxOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an action would do, or did."""

    fix: str
    applied: bool
    text: str
    clusters: list[ClusterOutcome]


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What was put back."""

    text: str


@get("/farms/{farm_id:str}/wrangle", operation="GetInbox")
async def get_inbox(farm_id: FromPath[str], context: Services) -> InboxAnswer:
    """List what needs a person, put together by error signature, and what was done about it."""
    await context.rows.farm({"farmId": farm_id})
    return (await context.inbox.look(FarmId(farm_id))).answer


@get("/farms/{farm_id:str}/wrangle/{cluster_id:str}", operation="GetInbox")
async def get_cluster(
    farm_id: FromPath[str], cluster_id: FromPath[str], context: Services
) -> Cluster:
    """Show one cluster; its examples name the lines of the logs that say it."""
    await context.rows.farm({"farmId": farm_id})
    cluster, _ = (await context.inbox.look(FarmId(farm_id))).of(cluster_id)
    return msgspec.structs.replace(
        cluster, examples=[await _with_line(context, one) for one in cluster.examples]
    )


@post("/farms/{farm_id:str}/wrangle/actions", operation="ActOnInbox", status_code=200)
async def act_on_inbox(
    farm_id: FromPath[str], data: JSONBody[InboxAction], context: Services, caller: Caller
) -> InboxOutcome:
    """Say what a fix of some clusters would do, or do it (`apply`); each can be undone."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.inbox.look(FarmId(farm_id), fresh=data.apply)
    outcomes = []
    for cluster_id in dict.fromkeys(data.clusters):
        cluster, incidents = found.of(cluster_id)
        if data.fix not in (*cluster.fixes, Fix.SNOOZE, Fix.ASSIGN):
            raise InvalidRequestError(
                f"{cluster.title}: {data.fix} does not help here; there is "
                f"{', '.join((*cluster.fixes, Fix.SNOOZE, Fix.ASSIGN))}.",
                fields=[FieldProblem("fix", "does not help here")],
            )
        outcomes.append(
            await _act(context, data, (cluster, incidents), caller.name, FarmId(farm_id))
        )
    if data.apply:
        await context.inbox.look(FarmId(farm_id), fresh=True)
    return InboxOutcome(
        fix=data.fix,
        applied=data.apply,
        text=" ".join(dict.fromkeys(one.text for one in outcomes)),
        clusters=outcomes,
    )


@post(
    "/farms/{farm_id:str}/wrangle/deeds/{deed_id:str}/undo",
    operation="ActOnInbox",
    status_code=200,
)
async def undo_deed(
    farm_id: FromPath[str], deed_id: FromPath[str], context: Services, caller: Caller
) -> Undone:
    """Take back what somebody did about a cluster."""
    deed = await context.store.get(Deed, (deed_id,))
    if deed is None or deed.farm_id != farm_id:
        raise NotFoundError("deed", deed_id)
    answer = await context.owner.ask(UndoDeed(farm_id=FarmId(farm_id), deed=deed, by=caller.name))
    await context.inbox.look(FarmId(farm_id), fresh=True)
    return Undone(text=answer["text"])


async def _act(
    context: Context,
    data: InboxAction,
    found: tuple[Cluster, Sequence[Incident]],
    by: str,
    farm_id: FarmId,
) -> ClusterOutcome:
    cluster, incidents = found
    workers = await context.store.find(
        Worker, OneOf("worker_id", _some(cluster.workers, data.workers))
    )
    jobs = await context.store.find(Job, OneOf("job_id", _some(cluster.jobs, data.jobs)))
    stuck = (
        tuple(one.task_id for one in incidents if one.task_id is not None)
        if cluster.trouble == Trouble.STUCK and data.fix is Fix.REQUEUE
        else ()
    )
    now = context.clock.now()
    text = await consequence(
        context.store,
        data.fix,
        Reached(
            jobs=jobs,
            workers=workers,
            stuck=len(stuck),
            lost_ms=cluster.lost_ms,
            until_at=data.until_at,
            assignee=data.assignee,
        ),
        now,
    )
    outcome = ClusterOutcome(cluster_id=cluster.cluster_id, title=cluster.title, text=text)
    if not data.apply:
        return outcome
    try:
        answer = await context.owner.ask(
            DoDeed(
                farm_id=farm_id,
                cluster_id=cluster.cluster_id,
                title=cluster.title,
                fix=data.fix,
                text=text,
                by=by,
                jobs=tuple(JobId(job.job_id) for job in jobs),
                workers=tuple(WorkerId(worker.worker_id) for worker in workers),
                stuck=stuck,
                until_at=None if data.until_at is None else Instant(data.until_at),
                assignee=data.assignee,
            )
        )
    except GrangeError as error:
        return msgspec.structs.replace(outcome, refused=str(error))
    return msgspec.structs.replace(outcome, deed_id=answer["deed_id"])


def _some(named: Sequence[Named], wanted: Sequence[str] | None) -> tuple[str, ...]:
    some = None if wanted is None else set(wanted)
    return tuple(one.id for one in named if some is None or one.id in some)


async def _with_line(context: Context, one: Example) -> Example:
    """Return an example with the line of its log that says it: the last one that does."""
    sought = next((line.strip() for line in one.text.splitlines() if line.strip()), "")
    if one.task_id is None or one.attempt is None or one.job_id is None or not sought:
        return one
    job = await context.store.get(Job, (one.job_id,))
    log = None if job is None else await context.task_logs.log(job, one.task_id, one.attempt)
    if log is None:
        return one
    number = None
    async for hits in context.log_lines.search(
        log.session_id, sought, first=log.first, end=log.end, literal=True
    ):
        number = hits.lines[-1].number if hits.lines else number
    if number is None:
        return one
    line = number - log.first + 1
    return msgspec.structs.replace(one, line=line, page=f"{one.page}#L{line}")


HANDLERS = [get_inbox, get_cluster, act_on_inbox, undo_deed]
