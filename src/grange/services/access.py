"""The one door that REST and the wire go through: may this caller do this, here?

It finds what a request names (a job's queue and submitter), asks `permissions`, says to the audit
log who acts, and writes down what was refused.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from grange.domain.people import Outcome
from grange.domain.statuses import Role
from grange.domain.work import Job, Session
from grange.kernel.clock import Clock
from grange.kernel.errors import AccessDeniedError
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.ports.state import AllOf, Condition, OneOf, StateStore
from grange.services.audit import ACTING, Act
from grange.services.commands.audit import NoteAct
from grange.services.owner import Owner
from grange.services.permissions import Principal, Target, check, level_on, needs_job

QUIET_MS = MILLIS_PER_MINUTE
"""The same refusal is written down once in this time."""
_MOST_REFUSALS = 4096
_READS = ("Get", "List", "Search", "Find", "BatchGet", "AssumeQueueRoleFor")
"""How operations begin that change nothing; what the server notes meanwhile is its own doing."""

NOTED = frozenset(
    {
        "grange:StartBackup",
        "grange:RebuildBooks",
        "grange:PutForeignHistory",
        "grange:ReplaceLogLines",
        "grange:PruneLogLines",
        "grange:FeedRings",
        "grange:ImportSeriesRrd",
        "grange:DrawStreamPages",
        "grange:AdoptFarm",
        "grange:AddLoginLink",
    }
)
"""Acts that the owner loop does not hear of, or not of all of them: written down beforehand."""


class Access:
    """Decides on requests."""

    def __init__(self, store: StateStore, owner: Owner, clock: Clock) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._refused: dict[tuple[str, str, str], Instant] = {}

    async def require(
        self,
        caller: Principal,
        operation: str,
        named: Mapping[str, str],
        *,
        address: str = "",
        request_id: str = "",
    ) -> None:
        """Return if the caller may; from here on the request's commands are in their name.

        Args:
            caller: who asks.
            operation: a Deadline Cloud operation, `logs:…`, `sts:…` or `grange:…`.
            named: what the request names: farm_id, queue_id, job_id, session_id, …
            address: where the request came from.
            request_id: the request's id.

        Raises:
            AccessDeniedError: the caller may not; that is in the audit log now.
        """
        target = await self.target(caller, operation, named)
        try:
            check(caller, operation, target)
        except AccessDeniedError as error:
            act = _act(caller, operation, named, target, address=address, request_id=request_id)
            await self.note_refusal(act, str(error))
            raise
        if caller.role is Role.WORKER or operation.rpartition(":")[2].startswith(_READS):
            return
        act = _act(caller, operation, named, target, address=address, request_id=request_id)
        ACTING.set(act)
        if operation in NOTED:
            await self._owner.ask(NoteAct(act=act, outcome=Outcome.DONE))

    async def target(self, caller: Principal, operation: str, named: Mapping[str, str]) -> Target:
        """Return what a request is about; rows are read only where the answer depends on them."""
        target = Target(
            farm_id=named.get("farm_id"),
            fleet_id=named.get("fleet_id"),
            worker_id=named.get("worker_id"),
            queue_id=named.get("queue_id"),
            owner=named.get("user"),
        )
        job_id, session_id = named.get("job_id"), named.get("session_id")
        if (job_id or session_id) is None or not needs_job(caller, operation, target):
            return target if job_id is None else replace(target, job_id=job_id)
        if job_id is None:
            session = await self._store.get(Session, (str(session_id),))
            job_id = None if session is None else session.job_id
        job = None if job_id is None else await self._store.get(Job, (job_id,))
        if job is None or (target.farm_id is not None and job.farm_id != target.farm_id):
            return target
        return replace(job_target(job), fleet_id=target.fleet_id, worker_id=target.worker_id)

    async def note_refusal(self, act: Act, reason: str) -> None:
        """Write down that something was refused; the same again within a minute is not."""
        key = (act.actor, act.operation, act.subject or act.farm_id or act.address)
        now = self._clock.now()
        if now - self._refused.get(key, Instant(-QUIET_MS)) < QUIET_MS:
            return
        if len(self._refused) >= _MOST_REFUSALS:
            self._refused.clear()
        self._refused[key] = now
        await self._owner.ask(NoteAct(act=act, outcome=Outcome.REFUSED, reason=reason))

    async def refuse_job(self, operation: str, job: Job, reason: str) -> None:
        """Write down that somebody may not do something to one job of several."""
        act = ACTING.get()
        if act is not None:
            about = replace(act, operation=operation, kind="job", subject=job.job_id)
            await self.note_refusal(about, reason)


def job_target(job: Job) -> Target:
    """Return a job as what a request is about."""
    return Target(
        farm_id=job.farm_id, queue_id=job.queue_id, job_id=job.job_id, owner=job.created_by
    )


def may_see(caller: Principal, target: Target) -> bool:
    """Tell whether a caller may read something; for lists that leave out the rest."""
    return caller.role is not Role.MEMBER or level_on(caller, target) is not None


def farms_seen(caller: Principal) -> Condition:
    """Return the condition of the farms that a caller has a part in."""
    if caller.role is Role.OWNER:
        return AllOf(())
    return OneOf("farm_id", tuple(sorted(caller.farms)))


_KINDS = (
    ("job_id", "job"),
    ("session_id", "session"),
    ("worker_id", "worker"),
    ("queue_id", "queue"),
    ("fleet_id", "fleet"),
    ("budget_id", "budget"),
    ("schedule_id", "report schedule"),
    ("publication_id", "publication"),
    ("name", "name"),
    ("farm_id", "farm"),
)


def _act(
    caller: Principal,
    operation: str,
    named: Mapping[str, str],
    target: Target,
    *,
    address: str,
    request_id: str,
) -> Act:
    kind, subject = _about(named)
    return Act(
        actor=caller.name,
        operation=operation,
        farm_id=target.farm_id or "",
        kind=kind,
        subject=subject,
        credential=caller.credential,
        address=address,
        request_id=request_id,
    )


def _about(named: Mapping[str, str]) -> tuple[str, str]:
    return next(((kind, str(named[key])) for key, kind in _KINDS if named.get(key)), ("", ""))
