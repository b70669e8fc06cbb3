"""Who may do what: one table, operation × role.

An owner may do everything. A worker may do what a worker needs, for itself alone: `SELF`
operations name a worker in their path, which must be the caller's own. A worker's bootstrap key,
which belongs to no worker yet, may only register one and take over the role of those it registered.
"""

from dataclasses import dataclass
from enum import StrEnum

from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId


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
    "grange:PutSessionLog": Scope.SELF,
    "grange:GetMe": Scope.ANY,
    "grange:PutLogLines": Scope.ANY,
    "grange:PutStreamContact": Scope.ANY,
    "grange:PutStreamValues": Scope.ANY,
}
"""What a worker may do; an operation that is absent is `NEVER`."""


QUEUE_ROLE_MAY = frozenset({"sts:GetCallerIdentity", "logs:CreateLogStream", "logs:PutLogEvents"})
"""What credentials of a queue's role may do: everything else about them is files."""


def check(
    caller: Principal,
    operation: str,
    *,
    farm_id: str | None = None,
    fleet_id: str | None = None,
    worker_id: str | None = None,
) -> None:
    """Return if the caller may use the operation on what the request names.

    Args:
        caller: who asks.
        operation: a Deadline Cloud operation, `logs:…`, `sts:…` or `grange:…`.
        farm_id: the farm the request names, if it names one.
        fleet_id: the fleet the request names, if it names one.
        worker_id: the worker the request names, if it names one.

    Raises:
        AccessDeniedError: the caller may not.
    """
    if caller.queue_id is not None and operation not in QUEUE_ROLE_MAY:
        raise AccessDeniedError(
            "Credentials of a queue's role are for files; use a key or a worker's credentials."
        )
    if caller.role is Role.OWNER:
        return
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
        _check_own(caller, farm_id, fleet_id, worker_id)


def _check_own(
    caller: Principal, farm_id: str | None, fleet_id: str | None, worker_id: str | None
) -> None:
    for asked, own, what in (
        (farm_id, caller.farm_id, "farm"),
        (fleet_id, caller.fleet_id, "fleet"),
        (worker_id, caller.worker_id, "worker"),
    ):
        if asked is not None and asked != own:
            raise AccessDeniedError(f"These credentials are for {what} {own}, not {asked}.")
