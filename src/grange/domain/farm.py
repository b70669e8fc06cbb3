"""Farm objects: what exists before any job does.

`settings` holds those members of a resource's Deadline Cloud shape that the farm keeps and returns
but never decides on, under their wire names.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from grange.domain.statuses import AssociationStatus, Role
from grange.kernel.ids import FarmId, FleetId, QueueId
from grange.kernel.units import Instant

SIMULATED = "simulated"
"""Member of a farm's settings that marks a made-up past."""


class Farm(Struct, frozen=True, kw_only=True):
    """One farm: its own zone, currency, rate cards and accounts."""

    farm_id: FarmId
    name: str
    description: str = ""
    zone: str = "UTC"
    """IANA name of the zone local days are cut in."""
    currency: str = "USD"
    """ISO 4217 code; amounts never carry it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None

    @property
    def simulated(self) -> bool:
        """True if nothing of this farm ever happened: its past was made up, and is marked so."""
        return self.settings.get(SIMULATED) is True


class Queue(Struct, frozen=True, kw_only=True):
    """Where jobs are submitted to."""

    farm_id: FarmId
    queue_id: QueueId
    name: str
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """defaultBudgetAction, jobAttachmentSettings, roleArn, jobRunAsUser, allowedStorageProfileIds,
    …"""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class Fleet(Struct, frozen=True, kw_only=True):
    """A set of like workers; every worker is in exactly one."""

    farm_id: FarmId
    fleet_id: FleetId
    name: str
    description: str = ""
    min_worker_count: int = 0
    max_worker_count: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    """configuration, roleArn, hostConfiguration, …"""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class QueueFleetAssociation(Struct, frozen=True, kw_only=True):
    """A fleet works for a queue."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    status: AssociationStatus = AssociationStatus.ACTIVE
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class QueueEnvironment(Struct, frozen=True, kw_only=True):
    """An OpenJD environment entered by every session of the queue, lowest priority number first."""

    farm_id: FarmId
    queue_id: QueueId
    queue_environment_id: str
    name: str
    priority: int
    template_type: str
    """JSON or YAML."""
    template: str
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class User(Struct, frozen=True, kw_only=True):
    """A person or program that may sign requests. Workers' keys belong to users of role worker."""

    name: str
    role: Role
    created_at: Instant
    created_by: str
    disabled: bool = False


class AccessKey(Struct, frozen=True, kw_only=True):
    """A key of a user. Its secret is HMAC(master, key id, generation): never stored."""

    key_id: str
    user_name: str
    generation: int = 0
    revoked: bool = False
    created_at: Instant
    created_by: str


class ClientToken(Struct, frozen=True, kw_only=True):
    """The answer given to an idempotency token, so that a repeat gets the same answer."""

    caller: str
    operation: str
    token: str
    request_hash: str
    response: Mapping[str, Any]
    created_at: Instant
