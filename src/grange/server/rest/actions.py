"""Acting on jobs and workers by the dozen: first what it would do, then doing it; shares."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from grange.domain.power import PowerOrder
from grange.domain.shares import Share, ShareKind, recent_ms
from grange.domain.work import Job
from grange.kernel.errors import (
    AccessDeniedError,
    FieldProblem,
    GrangeError,
    InvalidRequestError,
)
from grange.kernel.ids import FarmId, JobId
from grange.ports.state import Compare
from grange.server.context import Context
from grange.server.rest.given import Caller, Done, Services
from grange.services.access import job_target, may_see
from grange.services.actions import (
    Consequence,
    Selection,
    consequence_for_jobs,
    consequence_for_workers,
    selected,
    still_to_do,
    workers_named,
)
from grange.services.commands.job_actions import ActOnJob, JobAction
from grange.services.commands.power import OrderPower
from grange.services.commands.shares import SetShare, UnsetShare
from grange.services.commands.worker_orders import OrderWorker
from grange.services.permissions import Principal, check


class JobsAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do to which jobs."""

    action: JobAction
    select: Selection
    priority: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    apply: bool = False
    """False: only say what it would do."""


class WorkerOrder(StrEnum):
    """What can be told to workers."""

    ENABLE = "enable"
    """They take work again, whatever kept them from it."""
    DISABLE = "disable"
    """They finish their running tasks and take no other."""
    STOP = "stop"
    """As disable; their running tasks are given back and run elsewhere."""
    DRAIN = "drain"
    """They go on with their jobs and begin no other."""
    QUIT = "quit"
    """They finish their running tasks and end; the machines stay on."""
    RESTART = "restart"
    """They finish their running tasks; then the machines are started anew."""
    SHUTDOWN = "shutdown"
    """They finish their running tasks; then the machines are turned off."""


_POWER = frozenset({WorkerOrder.QUIT, WorkerOrder.RESTART, WorkerOrder.SHUTDOWN})


class WorkersOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to tell which workers."""

    order: WorkerOrder
    workers: list[str]
    """Ids or names."""
    apply: bool = False
    """False: only say what it would do."""


class ShareBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weight and quota of a project or user."""

    weight: float | None = None
    """1 is that of everybody; None: as before."""
    max_threads: int | None = None
    """At most so many job threads at a time; None: any number."""


class ShareRow(msgspec.Struct, frozen=True, kw_only=True):
    """The share of a project or user."""

    kind: str
    name: str
    weight: float
    max_threads: int | None
    threads: int
    """Open sessions now."""
    recent_hours: float
    """Job thread hours of late; those of a day ago count half."""
    level: float
    """Recent hours for each unit of weight: the least comes first."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """All shares of a farm."""

    shares: list[ShareRow]


@post("/farms/{farm_id:str}/jobs/actions", operation="ActOnJobs", status_code=200)
async def act_on_jobs(
    farm_id: FromPath[str], data: JSONBody[JobsAction], context: Services, caller: Caller
) -> Consequence:
    """Say what an action on jobs would do, or do it (`apply`)."""
    await context.rows.farm({"farmId": farm_id})
    if data.action is JobAction.PRIORITY and data.priority is None:
        raise InvalidRequestError(
            "Give a priority from 0 to 100.", fields=[FieldProblem("priority", "is missing")]
        )
    jobs = await selected(context.store, FarmId(farm_id), data.select)
    jobs, refused = await _allowed(jobs, context, caller)
    jobs, ended = still_to_do(data.action, jobs, data.select.jobs)
    refused |= ended
    found = await consequence_for_jobs(
        context.store, data.action, jobs, context.clock.now(), priority=data.priority
    )
    if not data.apply:
        return msgspec.structs.replace(found, refused=refused)
    for job in jobs:
        try:
            answer = await context.owner.ask(
                ActOnJob(
                    farm_id=FarmId(farm_id),
                    job_id=JobId(job.job_id),
                    action=data.action,
                    priority=data.priority,
                    by=caller.name,
                )
            )
        except GrangeError as error:
            refused[job.job_id] = str(error)
            continue
        if data.action is JobAction.DELETE and not answer["deleted"]:
            refused[job.job_id] = "It was canceled and still stops; delete it once it has ended."
    return msgspec.structs.replace(found, applied=True, refused=refused)


async def _allowed(
    jobs: list[Job], context: Context, caller: Principal
) -> tuple[list[Job], dict[str, str]]:
    """Return the jobs the caller may act on, and why not on the others.

    Raises:
        AccessDeniedError: not on a single one.
    """
    allowed: list[Job] = []
    refused: dict[str, str] = {}
    problem = ""
    for job in jobs:
        target = job_target(job)
        try:
            check(caller, "UpdateJob", target)
            allowed.append(job)
        except AccessDeniedError as error:
            problem = str(error)
            await context.access.refuse_job("grange:ActOnJobs", job, problem)
            if may_see(caller, target):
                refused[job.job_id] = problem
    if jobs and not allowed:
        raise AccessDeniedError(problem)
    return allowed, refused


@post("/farms/{farm_id:str}/workers/actions", operation="OrderWorkers", status_code=200)
async def order_workers(
    farm_id: FromPath[str], data: JSONBody[WorkersOrder], context: Services, caller: Caller
) -> Consequence:
    """Say what an order to workers would do, or give it (`apply`)."""
    await context.rows.farm({"farmId": farm_id})
    workers = await workers_named(context.store, FarmId(farm_id), data.workers)
    found = await consequence_for_workers(context.store, data.order, workers, context.clock.now())
    if not data.apply:
        return found
    for worker in workers if data.order in _POWER else ():
        power = PowerOrder(data.order.value)
        await context.owner.ask(
            OrderPower(
                farm_id=FarmId(farm_id), worker=worker.worker_id, order=power, by=caller.name
            )
        )
    for worker in workers if data.order not in _POWER else ():
        await context.owner.ask(
            OrderWorker(
                farm_id=FarmId(farm_id),
                worker=worker.worker_id,
                by=caller.name,
                **_members(data.order),
            )
        )
    return msgspec.structs.replace(found, applied=True)


def _members(order: WorkerOrder) -> dict[str, Any]:
    match order:
        case WorkerOrder.ENABLE:
            return {"disabled": False, "draining": False}
        case WorkerOrder.DISABLE:
            return {"disabled": True}
        case WorkerOrder.STOP:
            return {"disabled": True, "stop": True}
        case _:
            return {"draining": True}


@get("/farms/{farm_id:str}/shares", operation="ListShares")
async def list_shares(farm_id: FromPath[str], context: Services) -> Shares:
    """List what projects and users are entitled to, had of late, and have now."""
    await context.rows.farm({"farmId": farm_id})
    now = context.clock.now()
    threads = context.owner.memory.index.tallies(FarmId(farm_id)).threads
    rows = []
    for share in await context.store.find(Share, Compare("farm_id", "=", farm_id)):
        held = threads.get((share.kind, share.name), 0)
        hours = recent_ms(share, held, now) / 3_600_000
        rows.append(
            ShareRow(
                kind=share.kind,
                name=share.name,
                weight=share.weight_milli / 1000,
                max_threads=share.max_threads,
                threads=held,
                recent_hours=hours,
                level=hours * 1000 / share.weight_milli,
            )
        )
    return Shares(shares=sorted(rows, key=lambda row: (row.kind, row.level, row.name)))


@put("/farms/{farm_id:str}/shares/{kind:str}/{name:str}", operation="PutShare")
async def put_share(
    *,
    farm_id: FromPath[str],
    kind: FromPath[str],
    name: FromPath[str],
    data: JSONBody[ShareBody],
    context: Services,
    caller: Caller,
) -> Done:
    """Set weight and quota of a project or user; what it had of late is kept."""
    await context.owner.ask(
        SetShare(
            farm_id=FarmId(farm_id),
            kind=_kind(kind),
            name=name,
            weight_milli=None if data.weight is None else round(data.weight * 1000),
            max_threads=data.max_threads,
            by=caller.name,
        )
    )
    return Done()


@delete(
    "/farms/{farm_id:str}/shares/{kind:str}/{name:str}",
    operation="DeleteShare",
    status_code=200,
)
async def unset_share(
    *,
    farm_id: FromPath[str],
    kind: FromPath[str],
    name: FromPath[str],
    context: Services,
    caller: Caller,
) -> Done:
    """Give a project or user the weight of everybody, and no quota."""
    await context.owner.ask(
        UnsetShare(farm_id=FarmId(farm_id), kind=_kind(kind), name=name, by=caller.name)
    )
    return Done()


def _kind(name: str) -> ShareKind:
    try:
        return ShareKind(name)
    except ValueError:
        raise InvalidRequestError(
            f"{name!r} has no share; a project or a user has.",
            fields=[FieldProblem("kind", "must be project or user")],
        ) from None


HANDLERS = [act_on_jobs, order_workers, list_shares, put_share, unset_share]
