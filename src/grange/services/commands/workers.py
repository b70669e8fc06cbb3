"""Workers: register, disable, delete. What workers themselves report is in `services.reports`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from grange.domain.effects import Publish, WakeWorker
from grange.domain.farm import Fleet
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.kernel.errors import ConflictError, NotFoundError, QuotaExceededError
from grange.kernel.ids import FarmId, FleetId, WorkerId
from grange.services.draft import Draft
from grange.services.faults import lift_quarantine
from grange.services.machine_facts import book_changes
from grange.services.owner import Needs
from grange.services.sessions import lose_sessions
from grange.services.worker_events import status_event, worker_event


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateWorker:
    """Register a worker. Answers {"workerId"}."""

    farm_id: FarmId
    fleet_id: FleetId
    host_properties: Mapping[str, Any] = field(default_factory=dict)
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the worker, with an index that no other ever had."""
        fleet = draft.get(Fleet, self.fleet_id)
        if fleet.farm_id != self.farm_id:
            raise NotFoundError("fleet", self.fleet_id)
        workers = list(draft.all(Worker))
        alive = sum(
            1
            for worker in workers
            if worker.fleet_id == self.fleet_id and worker.deleted_at is None
        )
        if alive >= fleet.max_worker_count:
            raise QuotaExceededError(
                f"The fleet has its maximum of {fleet.max_worker_count} workers; "
                "delete one or raise maxWorkerCount.",
                resource_type="worker",
                quota_code="maxWorkerCount",
            )
        worker = Worker(
            farm_id=self.farm_id,
            fleet_id=self.fleet_id,
            worker_id=WorkerId(draft.context.ids.new("worker")),
            global_index=max((worker.global_index for worker in workers), default=-1) + 1,
            host_name=str(self.host_properties.get("hostName", "")),
            host_properties=self.host_properties,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(worker)
        status_event(draft, worker, worker, draft.now)
        book_changes(draft, None, worker)
        draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
        return {"workerId": worker.worker_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableWorker:
    """Give a worker no more work, or give it work again.

    Its running tasks are finished. Answers {}.
    """

    farm_id: FarmId
    worker_id: WorkerId
    disabled: bool
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the flag."""
        worker = draft.get(Worker, self.worker_id)
        if worker.farm_id != self.farm_id or worker.deleted_at is not None:
            raise NotFoundError("worker", self.worker_id)
        if worker.disabled == self.disabled:
            return {}
        draft.put(replace(worker, disabled=self.disabled, updated_at=draft.now, updated_by=self.by))
        lift_quarantine(draft, worker.worker_id)
        worker_event(
            draft,
            worker,
            "worker_disabled",
            old=str(worker.disabled).lower(),
            new=str(self.disabled).lower(),
            actor=self.by,
            number=worker.threads,
        )
        draft.effect(WakeWorker(worker.worker_id))
        draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteWorker:
    """Delete a worker that is down. Answers {}."""

    farm_id: FarmId
    fleet_id: FleetId
    worker_id: WorkerId
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Mark the worker deleted; its row, index and history stay."""
        worker = draft.get(Worker, self.worker_id)
        if (
            worker.farm_id != self.farm_id
            or worker.fleet_id != self.fleet_id
            or worker.deleted_at is not None
        ):
            raise NotFoundError("worker", self.worker_id)
        if worker.status in (WorkerStatus.STARTED, WorkerStatus.STOPPING):
            raise ConflictError(
                "The worker is running; stop it first.",
                reason="STATUS_CONFLICT",
                resource_type="worker",
                resource_id=worker.worker_id,
                context={"status": worker.status.value},
            )
        lose_sessions(draft, worker, draft.now, "worker_deleted")
        worker = draft.get(Worker, self.worker_id)
        draft.put(replace(worker, deleted_at=draft.now, updated_at=draft.now, updated_by=self.by))
        worker_event(
            draft,
            worker,
            "worker_status",
            old=worker.status,
            new="DELETED",
            actor=self.by,
            number=worker.threads,
        )
        draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
        return {}
