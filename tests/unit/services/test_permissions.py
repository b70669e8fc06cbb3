"""The roles, as a matrix: every operation × every kind of caller."""

import pytest

from grange.domain.people import Level, Place
from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId
from grange.server.deadline import HANDLERS as HANDLERS_OF_WIRE
from grange.server.rest.app import HANDLERS
from grange.services.levels import RULES
from grange.services.permissions import (
    QUEUE_ROLE_MAY,
    WORKER_MAY,
    Principal,
    Scope,
    Target,
    check,
    check_administers,
    needs_job,
)
from grange.wire.spec import deadline

FARM, FLEET = FarmId("farm-" + "1" * 32), FleetId("fleet-" + "1" * 32)
OWN, OTHER = WorkerId("worker-" + "1" * 32), WorkerId("worker-" + "2" * 32)
OWNER = Principal(name="ana", role=Role.OWNER)
KEY = Principal(
    name="worker",
    role=Role.WORKER,
    held={(Place.FARM, FARM): Level.CONTRIBUTOR},
    farms=frozenset({FARM}),
)
WORKER = Principal(name="worker", role=Role.WORKER, farm_id=FARM, fleet_id=FLEET, worker_id=OWN)
QUEUE_ROLE = Principal(
    name="worker",
    role=Role.WORKER,
    farm_id=FARM,
    fleet_id=FLEET,
    worker_id=OWN,
    queue_id=QueueId("queue-" + "1" * 32),
)
REST = tuple(sorted({f"grange:{handler.opt['operation']}" for handler in HANDLERS}))
"""What every route of the REST API names, so that a new one is in the matrix by itself."""
AWS = (
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:GetLogEvents",
    "sts:GetCallerIdentity",
)
OPERATIONS = [*sorted(deadline().operations), *REST, *AWS]
SERVED_BY_WIRE = set(HANDLERS_OF_WIRE)

KEY_MAY = {
    "CreateWorker",
    "AssumeFleetRoleForWorker",
    "sts:GetCallerIdentity",
    "grange:GetMe",
    "grange:PutStreamValues",
    "grange:PutLogLines",
    "grange:PutStreamContact",
}
WORKER_ITSELF_MAY = {
    "AssumeFleetRoleForWorker",
    "AssumeQueueRoleForWorker",
    "UpdateWorker",
    "UpdateWorkerSchedule",
    "BatchGetJobEntity",
    "DeleteWorker",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sts:GetCallerIdentity",
    "grange:PutFacts",
    "grange:PutHail",
    "grange:Wake",
    "grange:PutSessionLog",
    "grange:GetMe",
    "grange:PutStreamValues",
    "grange:PutLogLines",
    "grange:PutStreamContact",
}
QUEUE_MAY = {"logs:CreateLogStream", "logs:PutLogEvents", "sts:GetCallerIdentity"}


def _may(caller: Principal, operation: str, worker_id: WorkerId = OWN) -> bool:
    try:
        check(caller, operation, Target(farm_id=FARM, fleet_id=FLEET, worker_id=worker_id))
    except AccessDeniedError:
        return False
    return True


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_matrix(operation: str):
    """Written out here once more, so that no change of the table goes unnoticed."""
    assert _may(OWNER, operation)
    assert _may(KEY, operation) == (operation in KEY_MAY)
    assert _may(WORKER, operation) == (operation in WORKER_ITSELF_MAY)
    assert _may(QUEUE_ROLE, operation) == (operation in QUEUE_MAY)


def test_every_route_names_its_operation():
    assert len(REST) > 20
    assert not [handler for handler in HANDLERS if not handler.opt.get("operation")]


@pytest.mark.parametrize("operation", sorted(WORKER_ITSELF_MAY))
def test_a_worker_may_nothing_for_another_worker(operation: str):
    assert not _may(WORKER, operation, OTHER)


def test_the_tables_name_operations_that_exist():
    known = {*deadline().operations, *REST, *AWS}
    assert set(WORKER_MAY) <= known
    assert known >= QUEUE_ROLE_MAY
    assert Scope.NEVER not in WORKER_MAY.values()


# Members: every operation × every level × whose job it is. Written out here once more.

QUEUE, JOB = "queue-" + "1" * 32, "job-" + "1" * 32
OTHER_FARM = "farm-" + "2" * 32
ON_JOB = Target(farm_id=FARM, queue_id=QUEUE, job_id=JOB, owner="ben")
LEVELS = (None, *Level)

ON_OWN_JOBS = {"UpdateJob", "UpdateStep", "UpdateTask", "grange:PutJobAfter", "grange:ActOnFrames"}
OF_ONESELF = {"grange:PutMessagePlan", "grange:DeleteMessagePlan"}
SUBMITS = {"CreateJob", "AssumeQueueRoleForUser"}
MANAGES = {
    "CreateWorker",
    "UpdateWorker",
    "DeleteWorker",
    "AssumeFleetRoleForWorker",
    "grange:OrderWorkers",
    "grange:UpdateWorker",
    "grange:WakeUpWorker",
    "grange:HailWorker",
    "grange:PutGroup",
    "grange:PutGroups",
    "grange:DeleteGroup",
    "grange:VerifyBooks",
    "grange:DrawStreamPages",
    "grange:RunReportSchedule",
    "grange:ForgetStreamContact",
    "grange:ActOnInbox",
}
OWNS = {
    "UpdateFarm",
    *(
        verb + noun
        for verb in ("Create", "Update", "Delete")
        for noun in (
            "Queue",
            "Fleet",
            "QueueFleetAssociation",
            "QueueEnvironment",
            "StorageProfile",
        )
    ),
    *(
        f"grange:{name}"
        for name in (
            "ListMemberships",
            "PutMembership",
            "ListAudit",
            "FreezeMonth",
            "MoveCost",
            "CreditCost",
            "PutBudget",
            "DeleteBudget",
            "PutRateCard",
            "PutExchangeRate",
            "PutLicences",
            "PutAllLicences",
            "DeleteLicences",
            "PutShare",
            "DeleteShare",
            "PutReportSchedule",
            "DeleteReportSchedule",
            "SetRetention",
            "RebuildBooks",
            "PutForeignHistory",
            "PutPublication",
            "RevokePublication",
            "PutSeries",
            "DeleteSeries",
            "FeedRings",
            "ImportSeriesRrd",
            "PutStreamValues",
            "PutLogLines",
            "ReplaceLogLines",
            "PruneLogLines",
            "PutStreamContact",
            "PutScheduling",
            "PutPowerPolicy",
            "DeletePowerPolicy",
            "ListHooks",
            "PutHook",
            "DeleteHook",
            "GetHookSecret",
            "RenewHookSecret",
            "TestHook",
            "ListHookDeliveries",
            "ReplayHook",
        )
    ),
}
OWNS_ANYWHERE = {
    "grange:AddUser",
    "grange:ListUsers",
    "grange:DisableUser",
    "grange:SetPassword",
    "grange:SignOutUser",
    "grange:AddKey",
    "grange:RevokeKey",
}
EVERYBODY = {
    "sts:GetCallerIdentity",
    "ListFarms",
    "grange:GetMe",
    "grange:ChangeMe",
    "grange:ListFarms",
    "grange:AddLoginLink",
}
SERVERS = {
    "CreateFarm",
    "DeleteFarm",
    "UpdateWorkerSchedule",
    "BatchGetJobEntity",
    "AssumeQueueRoleForWorker",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "grange:PutFacts",
    "grange:PutHail",
    "grange:Wake",
    "grange:PutSessionLog",
    "grange:StartBackup",
    "grange:ListBackups",
    "grange:AdoptFarm",
    "grange:ListServerAudit",
}
SERVED = [*sorted(SERVED_BY_WIRE), *REST, *AWS]


def member(level: Level | None, place: Place = Place.FARM, name: str = FARM) -> Principal:
    held = {} if level is None else {(place, name): level}
    return Principal(
        name="ana",
        role=Role.MEMBER,
        held=held,
        farms=frozenset() if level is None else frozenset({FARM}),
    )


def allowed(caller: Principal, operation: str, target: Target) -> bool:
    try:
        check(caller, operation, target)
    except AccessDeniedError:
        return False
    return True


def least(operation: str, *, own: bool) -> Level | None:
    """The lowest level that may; None: no level does."""
    if operation in SERVERS:
        return None
    if operation in OWNS | OWNS_ANYWHERE or (operation in OF_ONESELF and not own):
        return Level.OWNER
    if operation in MANAGES or (operation in ON_OWN_JOBS and not own):
        return Level.MANAGER
    if operation in SUBMITS | ON_OWN_JOBS:
        return Level.CONTRIBUTOR
    return Level.VIEWER


@pytest.mark.parametrize("operation", SERVED)
def test_every_operation_for_every_level(operation: str):
    """Issue 6: what each level may, on somebody's job and on one's own, and nowhere else."""
    anywhere = operation in EVERYBODY or operation.startswith("BatchGet")
    for own in (False, True):
        wanted = least(operation, own=own)
        target = Target(farm_id=FARM, queue_id=QUEUE, job_id=JOB, owner="ana" if own else "ben")
        if anywhere or operation in OWNS_ANYWHERE:
            target = Target()
        for level in LEVELS:
            enough = wanted is not None and level is not None and level.rank >= wanted.rank
            found = allowed(member(level), operation, target)
            assert found == (enough or (anywhere and wanted is not None)), (operation, own, level)
            if not anywhere and operation not in OWNS_ANYWHERE:
                elsewhere = Target(farm_id=OTHER_FARM, queue_id="queue-2", job_id="job-2")
                assert not allowed(member(level), operation, elsewhere)
    assert allowed(OWNER, operation, ON_JOB)


def test_every_operation_that_is_served_says_which_level_it_needs():
    """A new route is the server owner's alone until somebody says otherwise, here or there."""
    assert set(SERVED) - set(RULES) == SERVERS
    assert set(RULES) <= set(SERVED)


@pytest.mark.parametrize(("place", "name"), [(Place.QUEUE, QUEUE), (Place.JOB, JOB)])
def test_a_level_in_a_queue_or_job_counts_there_alone(place: Place, name: str):
    """The levels are per farm, queue or job."""
    manager = member(Level.MANAGER, place, name)
    assert allowed(manager, "UpdateJob", ON_JOB)
    assert allowed(manager, "GetJob", ON_JOB)
    assert not allowed(manager, "UpdateJob", Target(farm_id=FARM, queue_id="queue-2", job_id="j2"))
    assert not allowed(manager, "grange:GetOverview", Target(farm_id=FARM))
    assert not allowed(manager, "grange:PutRateCard", Target(farm_id=FARM))
    assert allowed(manager, "CreateJob", Target(farm_id=FARM, queue_id=QUEUE)) == (
        place is Place.QUEUE
    )
    assert allowed(manager, "GetFarm", Target(farm_id=FARM))
    assert needs_job(manager, "UpdateJob", ON_JOB)


def test_the_highest_of_several_levels_counts():
    both = Principal(
        name="ana",
        role=Role.MEMBER,
        held={(Place.FARM, FARM): Level.VIEWER, (Place.QUEUE, QUEUE): Level.MANAGER},
        farms=frozenset({FARM}),
    )
    assert allowed(both, "UpdateJob", ON_JOB)
    assert not allowed(both, "UpdateJob", Target(farm_id=FARM, queue_id="queue-2", job_id="j2"))


def test_a_refusal_says_what_is_missing_and_whose_the_job_is():
    with pytest.raises(AccessDeniedError, match=r"MANAGER.*CONTRIBUTOR there.*belongs to ben"):
        check(member(Level.CONTRIBUTOR), "UpdateJob", ON_JOB)


def test_a_workers_key_is_for_the_farms_it_belongs_to():
    """A collector's key may hand in lines and values for its farm alone."""
    for operation in ("grange:PutLogLines", "grange:PutStreamValues", "grange:PutStreamContact"):
        assert allowed(KEY, operation, Target(farm_id=FARM))
        assert not allowed(KEY, operation, Target(farm_id=OTHER_FARM))
    assert not allowed(KEY, "CreateWorker", Target(farm_id=OTHER_FARM, fleet_id=FLEET))


@pytest.mark.parametrize(
    ("role", "farms", "may"),
    [
        (Role.MEMBER, {FARM}, True),
        (Role.MEMBER, set(), True),
        (Role.MEMBER, {FARM, OTHER_FARM}, False),
        (Role.OWNER, set(), False),
        (Role.WORKER, {FARM}, False),
    ],
)
def test_a_farms_owner_changes_members_of_own_farms_alone(role: Role, farms: set[str], may: bool):
    """Else they could set the password of somebody who may more than they."""
    theirs = frozenset(farms)
    check_administers(OWNER, name="x", role=role, farms=theirs)
    if may:
        check_administers(member(Level.OWNER), name="x", role=role, farms=theirs)
    else:
        with pytest.raises(AccessDeniedError):
            check_administers(member(Level.OWNER), name="x", role=role, farms=theirs)
