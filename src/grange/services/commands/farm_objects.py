"""Farms, queues, fleets, their associations, queue environments and rate cards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment, QueueFleetAssociation
from grange.domain.rates import CardTerms, RateCard, RateLine
from grange.domain.statuses import AssociationStatus
from grange.domain.work import Job, Worker
from grange.kernel.errors import ConflictError, NotFoundError
from grange.kernel.ids import FarmId, FleetId, QueueId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import cancel_action


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFarm:
    """Make a farm. Answers {"farmId"}."""

    name: str
    description: str = ""
    zone: str = "UTC"
    currency: str = "USD"
    settings: Mapping[str, Any] = field(default_factory=dict)
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the farm."""
        farm = Farm(
            farm_id=FarmId(draft.context.ids.new("farm")),
            name=self.name,
            description=self.description,
            zone=self.zone,
            currency=self.currency,
            settings=self.settings,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(farm)
        return {"farmId": farm.farm_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQueue:
    """Make a queue. Answers {"queueId"}."""

    farm_id: FarmId
    name: str
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the queue."""
        draft.get(Farm, self.farm_id)
        queue = Queue(
            farm_id=self.farm_id,
            queue_id=QueueId(draft.context.ids.new("queue")),
            name=self.name,
            description=self.description,
            settings=self.settings,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(queue)
        return {"queueId": queue.queue_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFleet:
    """Make a fleet. Answers {"fleetId"}."""

    farm_id: FarmId
    name: str
    description: str = ""
    min_worker_count: int = 0
    max_worker_count: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the fleet."""
        draft.get(Farm, self.farm_id)
        fleet = Fleet(
            farm_id=self.farm_id,
            fleet_id=FleetId(draft.context.ids.new("fleet")),
            name=self.name,
            description=self.description,
            min_worker_count=self.min_worker_count,
            max_worker_count=self.max_worker_count,
            settings=self.settings,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(fleet)
        return {"fleetId": fleet.fleet_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Change fields of a farm, queue, fleet or queue environment; absent fields stay. Answers {}.

    `settings` are merged: a member given as None is removed.
    """

    kind: type[Farm] | type[Queue] | type[Fleet] | type[QueueEnvironment]
    farm_id: FarmId
    key: str
    fields: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the changed value."""
        old = _own(draft, self.kind, self.farm_id, self.key)
        fields = dict(self.fields)
        if self.settings:
            merged = {**old.settings, **self.settings}
            fields["settings"] = {
                name: value for name, value in merged.items() if value is not None
            }
        draft.put(replace(old, **fields, updated_at=draft.now, updated_by=self.by))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a farm, queue, fleet or queue environment that nothing depends on. Answers {}."""

    kind: type[Farm] | type[Queue] | type[Fleet] | type[QueueEnvironment]
    farm_id: FarmId
    key: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the row, unless something still hangs on it."""
        found = _own(draft, self.kind, self.farm_id, self.key)
        dependent = _dependent(draft, found)
        if dependent is not None:
            kind, key = dependent
            raise ConflictError(
                f"{self.key} still has {kind} {key}; delete that first.",
                reason="RESOURCE_IN_USE",
                resource_type=self.kind.__name__.lower(),
                resource_id=self.key,
                context={"dependent": key},
            )
        draft.delete(self.kind, self.key)
        if isinstance(found, Queue):
            for environment in draft.all(QueueEnvironment):
                if environment.queue_id == found.queue_id:
                    draft.delete(QueueEnvironment, environment.queue_environment_id)
        return {}


def _dependent(draft: Draft, found: Any) -> tuple[str, str] | None:
    """Return what hangs on a farm, queue or fleet: (kind, id) of the first, or None."""
    hanging: list[tuple[str, str]] = []
    if isinstance(found, Farm):
        hanging += [("queue", q.queue_id) for q in draft.all(Queue) if q.farm_id == found.farm_id]
        hanging += [("fleet", f.fleet_id) for f in draft.all(Fleet) if f.farm_id == found.farm_id]
    elif isinstance(found, Queue):
        hanging += [
            ("an association with fleet", association.fleet_id)
            for association in draft.all(QueueFleetAssociation)
            if association.queue_id == found.queue_id
        ]
        hanging += [("job", j.job_id) for j in draft.all(Job) if j.queue_id == found.queue_id]
    elif isinstance(found, Fleet):
        hanging += [
            ("an association with queue", association.queue_id)
            for association in draft.all(QueueFleetAssociation)
            if association.fleet_id == found.fleet_id
        ]
        hanging += [
            ("worker", worker.worker_id)
            for worker in draft.all(Worker)
            if worker.fleet_id == found.fleet_id and worker.deleted_at is None
        ]
    return hanging[0] if hanging else None


def _own(draft: Draft, kind: type[Any], farm_id: FarmId, key: str) -> Any:
    found = draft.get(kind, key)
    if found.farm_id != farm_id:
        raise NotFoundError(kind.__name__.lower(), key)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Associate:
    """Let a fleet work for a queue. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the association."""
        _own(draft, Queue, self.farm_id, self.queue_id)
        _own(draft, Fleet, self.farm_id, self.fleet_id)
        if draft.find(QueueFleetAssociation, self.queue_id, self.fleet_id) is not None:
            raise ConflictError(
                "The fleet already works for the queue.",
                reason="RESOURCE_ALREADY_EXISTS",
                resource_type="queue-fleet association",
                resource_id=f"{self.queue_id}/{self.fleet_id}",
            )
        draft.put(
            QueueFleetAssociation(
                farm_id=self.farm_id,
                queue_id=self.queue_id,
                fleet_id=self.fleet_id,
                created_at=draft.now,
                created_by=self.by,
            )
        )
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAssociation:
    """Start or stop a fleet's work for a queue. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    status: AssociationStatus
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the status; one that is stopping becomes STOPPED once its sessions are gone."""
        association = draft.get(QueueFleetAssociation, self.queue_id, self.fleet_id)
        if association.farm_id != self.farm_id:
            raise NotFoundError("queue-fleet association", f"{self.queue_id}/{self.fleet_id}")
        sessions = draft.open_sessions_of(self.queue_id, self.fleet_id)
        if self.status is AssociationStatus.STOP_SCHEDULING_AND_CANCEL_TASKS:
            for session in sessions:
                for action in draft.open_actions(session):
                    cancel_action(draft, action.action_id, f"fleet stopped by {self.by}")
        status = self.status
        if status is not AssociationStatus.ACTIVE and not sessions:
            status = AssociationStatus.STOPPED
        draft.put(replace(association, status=status, updated_at=draft.now, updated_by=self.by))
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissociate:
    """End a fleet's work for a queue. Answers {}."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove an association that is not active and has no open session."""
        association = draft.get(QueueFleetAssociation, self.queue_id, self.fleet_id)
        is_active = association.status is AssociationStatus.ACTIVE
        if is_active or draft.open_sessions_of(self.queue_id, self.fleet_id):
            raise ConflictError(
                "Set the association to STOP_SCHEDULING_AND_COMPLETE_TASKS first "
                "and let its sessions end.",
                reason="STATUS_CONFLICT",
                resource_type="queue-fleet association",
                resource_id=f"{self.queue_id}/{self.fleet_id}",
                context={"status": association.status.value},
            )
        draft.delete(QueueFleetAssociation, self.queue_id, self.fleet_id)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateQueueEnvironment:
    """Add an environment to a queue. Answers {"queueEnvironmentId"}."""

    farm_id: FarmId
    queue_id: QueueId
    name: str
    """As the template names it (services.templates.check_environment)."""
    priority: int
    template_type: str
    template: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the environment."""
        _own(draft, Queue, self.farm_id, self.queue_id)
        environment = QueueEnvironment(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            queue_environment_id=draft.context.ids.new("queueenv"),
            name=self.name,
            priority=self.priority,
            template_type=self.template_type,
            template=self.template,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(environment)
        return {"queueEnvironmentId": environment.queue_environment_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRateCard:
    """Publish a new version of a farm's prices. Answers {"card_id"}."""

    farm_id: FarmId
    name: str
    valid_from: Instant | None = None
    """None: from now on."""
    example: bool = False
    lines: tuple[RateLine, ...]
    terms: CardTerms | None = None
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the card; earlier cards stay as they are."""
        draft.get(Farm, self.farm_id)
        card = RateCard(
            farm_id=self.farm_id,
            card_id=draft.context.ids.new("card"),
            name=self.name,
            valid_from=draft.now if self.valid_from is None else self.valid_from,
            example=self.example,
            lines=self.lines,
            terms=self.terms,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(card)
        return {"card_id": card.card_id}
