"""What the outside must hear of once a change is committed. Each may be performed twice."""

from msgspec import Struct

from grange.kernel.ids import FarmId, FleetId, JobId, SessionId, WorkerId


class WakeFleet(Struct, frozen=True):
    """Work waits for this fleet: let up to `count` idle workers ask for it."""

    fleet_id: FleetId
    count: int


class WakeWorker(Struct, frozen=True):
    """This worker should ask for its schedule now."""

    worker_id: WorkerId


class CloseLog(Struct, frozen=True):
    """The session has ended: its log may be compressed."""

    farm_id: FarmId
    session_id: SessionId


class Publish(Struct, frozen=True):
    """Tell whoever watches the farm that a job or worker changed."""

    farm_id: FarmId
    job_id: JobId | None = None
    worker_id: WorkerId | None = None


class DeliverHooks(Struct, frozen=True):
    """Somebody wants to hear of what was committed: deliveries wait."""


Effect = WakeFleet | WakeWorker | CloseLog | Publish | DeliverHooks
