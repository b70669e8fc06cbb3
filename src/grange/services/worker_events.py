"""Events of a worker: what every one of them says, and the one of its status."""

from typing import Any

from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.kernel.units import Instant
from grange.services.draft import Draft


def worker_event(draft: Draft, worker: Worker, name: str, **columns: Any) -> None:
    """Leave an event of a worker."""
    draft.event(
        "worker",
        worker.worker_id,
        name,
        worker.farm_id,
        worker_id=worker.worker_id,
        fleet_id=worker.fleet_id,
        **columns,
    )


def status_event(
    draft: Draft, before: Worker, after: Worker, at: Instant, detail: str = ""
) -> None:
    """Leave the event of a worker's change of status."""
    if before.status is after.status and before.status is not WorkerStatus.CREATED:
        return
    worker_event(
        draft,
        after,
        "worker_status",
        at=at,
        old=before.status,
        new=after.status,
        number=after.threads,
        detail=detail,
    )
