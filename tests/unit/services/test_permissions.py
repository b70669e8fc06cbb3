"""The roles, as a matrix: every operation × every kind of caller."""

import pytest

from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId
from grange.server.rest.app import HANDLERS
from grange.services.permissions import QUEUE_ROLE_MAY, WORKER_MAY, Principal, Scope, check
from grange.wire.spec import deadline

FARM, FLEET = FarmId("farm-" + "1" * 32), FleetId("fleet-" + "1" * 32)
OWN, OTHER = WorkerId("worker-" + "1" * 32), WorkerId("worker-" + "2" * 32)
OWNER = Principal(name="ana", role=Role.OWNER)
KEY = Principal(name="worker", role=Role.WORKER)
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
        check(caller, operation, farm_id=FARM, fleet_id=FLEET, worker_id=worker_id)
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
