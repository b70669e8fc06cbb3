"""Who may do what: the one place where that is decided, for REST and the wire alike.

A user of role owner may do everything. A member may do what their memberships say: `levels` holds
the level each operation needs, on the farm, queue or job that a request names. A worker may do what
a worker needs, for itself alone: `SELF` operations name a worker in their path, which must be the
caller's own. A worker's bootstrap key, which belongs to no worker yet, may only register one, take
over the role of those it registered, and hand in what it collected, in the farms it belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from grange.domain.people import Level, Place
from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId
from grange.services.levels import RULES, Rule

Held = Mapping[tuple[Place, str], Level]
"""What a user is a member of: (place, id) → level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who sent a request, proved by a signature or a cookie."""

    name: str
    """Becomes `createdBy` and `updatedBy`."""
    role: Role
    farm_id: FarmId | None = None
    fleet_id: FleetId | None = None
    worker_id: WorkerId | None = None
    """The worker these credentials were made for; None for a key."""
    queue_id: QueueId | None = None
    """Set on the credentials of a queue's role: they may only read and write files, not the
    farm."""
    held: Held = field(default_factory=dict, hash=False)
    """Memberships in farms, queues and jobs; nobody of role owner needs any."""
    farms: frozenset[str] = frozenset()
    """The farms that hold whatever is in `held`."""
    sign_in_id: str | None = None
    """The browser that is signed in; None for a key."""
    credential: str = field(default="", compare=False)
    """The access key id, or `page`; for the audit log."""


class Target(Struct, frozen=True, kw_only=True):
    """What a request is about, as far as it names it."""

    farm_id: str | None = None
    fleet_id: str | None = None
    worker_id: str | None = None
    queue_id: str | None = None
    job_id: str | None = None
    owner: str | None = None
    """Who submitted the job, or whose it is."""


NOTHING = Target()


class Scope(StrEnum):
    """How far a worker may use an operation."""

    NEVER = "never"
    BOOTSTRAP = "bootstrap"
    """With a worker's key, before (and after) it has a worker."""
    SELF = "self"
    """With a worker's credentials, for its own worker."""
    ANY = "any"
    """With either; the handler checks what the request names."""


WORKER_MAY: dict[str, Scope] = {
    "CreateWorker": Scope.BOOTSTRAP,
    "AssumeFleetRoleForWorker": Scope.ANY,
    "AssumeQueueRoleForWorker": Scope.SELF,
    "UpdateWorker": Scope.SELF,
    "UpdateWorkerSchedule": Scope.SELF,
    "BatchGetJobEntity": Scope.SELF,
    "DeleteWorker": Scope.SELF,
    "logs:CreateLogStream": Scope.SELF,
    "logs:PutLogEvents": Scope.SELF,
    "sts:GetCallerIdentity": Scope.ANY,
    "grange:PutFacts": Scope.SELF,
    "grange:Wake": Scope.SELF,
    "grange:PutHail": Scope.SELF,
    "grange:PutSessionLog": Scope.SELF,
    "grange:GetMe": Scope.ANY,
    "grange:PutLogLines": Scope.ANY,
    "grange:PutStreamContact": Scope.ANY,
    "grange:PutStreamValues": Scope.ANY,
}
"""What a worker may do; an operation that is absent is `NEVER`."""


QUEUE_ROLE_MAY = frozenset({"sts:GetCallerIdentity", "logs:CreateLogStream", "logs:PutLogEvents"})
"""What credentials of a queue's role may do: everything else about them is files."""


def check(caller: Principal, operation: str, target: Target = NOTHING) -> None:
    """Return if the caller may use the operation on what the request names.

    Args:
        caller: who asks.
        operation: a Deadline Cloud operation, `logs:…`, `sts:…` or `grange:…`.
        target: what the request names.

    Raises:
        AccessDeniedError: the caller may not.
    """
    if caller.queue_id is not None and operation not in QUEUE_ROLE_MAY:
        raise AccessDeniedError(
            "Credentials of a queue's role are for files; use a key or a worker's credentials."
        )
    match caller.role:
        case Role.OWNER:
            return
        case Role.MEMBER:
            if caller.queue_id is None:
                _check_member(caller, operation, target)
        case Role.WORKER:
            _check_worker(caller, operation, target)


def level_on(caller: Principal, target: Target) -> Level | None:
    """Return the highest level a member has on the job, queue and farm of a target."""
    found = [
        level
        for place, name in (
            (Place.FARM, target.farm_id),
            (Place.QUEUE, target.queue_id),
            (Place.JOB, target.job_id),
        )
        if name is not None and (level := caller.held.get((place, name))) is not None
    ]
    return max(found, key=lambda level: level.rank, default=None)


def needs_job(caller: Principal, operation: str, target: Target) -> bool:
    """Tell whether a member's right depends on whose the job is, or on which queue it is in."""
    rule = RULES.get(operation)
    if caller.role is not Role.MEMBER or rule is None:
        return False
    level = caller.held.get((Place.FARM, target.farm_id or ""))
    return level is None or level.rank < rule.level.rank


def owned_farms(caller: Principal) -> frozenset[str]:
    """Return the farms a member owns; of a user of role owner, who owns all, none is named."""
    return frozenset(
        name
        for (place, name), level in caller.held.items()
        if place is Place.FARM and level is Level.OWNER
    )


def check_administers(
    caller: Principal, *, name: str, role: Role | None, farms: frozenset[str]
) -> None:
    """Return if the caller may change a user: their keys, password, browsers, memberships.

    The owner of a farm may for members who belong to no other farm; else they could take over
    somebody who may more than they.

    Args:
        caller: who asks.
        name: the user.
        role: the user's role; None: there is no such user, which is told later.
        farms: the farms the user belongs to.

    Raises:
        AccessDeniedError: the caller may not.
    """
    if caller.role is Role.OWNER:
        return
    if role not in {Role.MEMBER, None}:
        raise AccessDeniedError(
            f"{name} has role {role}: only an owner of the server may change that user."
        )
    foreign = farms - owned_farms(caller)
    if foreign:
        raise AccessDeniedError(
            f"{name} belongs to {sorted(foreign)[0]} too, where {caller.name} is no OWNER: ask an"
            " owner of the server."
        )


def _check_member(caller: Principal, operation: str, target: Target) -> None:
    rule = RULES.get(operation)
    if rule is None:
        raise AccessDeniedError(f"{operation} needs an owner of the server; ask one.")
    if rule.anywhere and target.farm_id is None:
        if rule.level is not Level.OWNER or owned_farms(caller):
            return
        raise AccessDeniedError(f"{operation} needs an OWNER of a farm; ask one.")
    if rule.partial and target.farm_id in caller.farms:
        return
    level = level_on(caller, target)
    own = rule.own is not None and target.owner == caller.name
    needed = rule.own if own and rule.own is not None else rule.level
    if level is None or level.rank < needed.rank:
        raise AccessDeniedError(_refusal(caller, operation, target, rule, level))


def _refusal(
    caller: Principal, operation: str, target: Target, rule: Rule, level: Level | None
) -> str:
    where = target.job_id or target.queue_id or target.farm_id or "this server"
    has = f"has level {level}" if level is not None else "is no member"
    whose = (
        f" It belongs to {target.owner}; level {rule.own} is enough for one's own only."
        if rule.own is not None and target.owner not in {None, caller.name}
        else ""
    )
    return f"{operation} needs level {rule.level} on {where}; {caller.name} {has} there.{whose}"


def _check_worker(caller: Principal, operation: str, target: Target) -> None:
    scope = WORKER_MAY.get(operation, Scope.NEVER)
    if scope is Scope.NEVER:
        raise AccessDeniedError(f"{caller.name} has role worker, which may not use {operation}.")
    if scope is Scope.SELF and caller.worker_id is None:
        raise AccessDeniedError(
            f"{operation} needs the credentials of the worker: call AssumeFleetRoleForWorker first."
        )
    if scope is Scope.BOOTSTRAP and caller.worker_id is not None:
        raise AccessDeniedError(f"{operation} needs a worker's key, not a worker's credentials.")
    if caller.worker_id is not None:
        _check_own(caller, target)
    elif target.farm_id is not None and target.farm_id not in caller.farms:
        raise AccessDeniedError(
            f"The key of {caller.name} does not belong to {target.farm_id}. An owner can change"
            f" that: grange user set {caller.name} --farm {target.farm_id} --role CONTRIBUTOR"
        )


def _check_own(caller: Principal, target: Target) -> None:
    for asked, own, what in (
        (target.farm_id, caller.farm_id, "farm"),
        (target.fleet_id, caller.fleet_id, "fleet"),
        (target.worker_id, caller.worker_id, "worker"),
    ):
        if asked is not None and asked != own:
            raise AccessDeniedError(f"These credentials are for {what} {own}, not {asked}.")
