"""What the outside must hear of once a change is committed. Each may be performed twice."""

from dataclasses import dataclass

from grange.kernel.ids import FarmId, FleetId, JobId, SessionId, WorkerId


@dataclass(frozen=True, slots=True)
class WakeFleet:
    """Work waits for this fleet: let up to `count` idle workers ask for it."""

    fleet_id: FleetId
    count: int


@dataclass(frozen=True, slots=True)
class WakeWorker:
    """This worker should ask for its schedule now."""

    worker_id: WorkerId


@dataclass(frozen=True, slots=True)
class CloseLog:
    """The session has ended: its log may be compressed."""

    farm_id: FarmId
    session_id: SessionId


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell whoever watches the farm that a job or worker changed."""

    farm_id: FarmId
    job_id: JobId | None = None
    worker_id: WorkerId | None = None


Effect = WakeFleet | WakeWorker | CloseLog | Publish
