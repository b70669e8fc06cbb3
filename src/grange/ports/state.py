"""The state store: farms, work, workers, users; the outbox; the manifest of the books.

Every value is one of the entity types in `TABLES`. A `Batch` is one transaction. Reads see
committed rows only. SQLite and PostgreSQL implement this port under one conformance suite.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from grange.domain.budgets import Budget
from grange.domain.exchange import ExchangeRate
from grange.domain.facts import Fact
from grange.domain.farm import (
    AccessKey,
    ClientToken,
    Farm,
    Fleet,
    Queue,
    QueueEnvironment,
    QueueFleetAssociation,
    User,
)
from grange.domain.faults import JobFaults, LayerHold, WorkerFaults
from grange.domain.groups import Group
from grange.domain.hooks import Hook, HookDelivery, MessagePlan
from grange.domain.licences import LicenceCount, LicencePool
from grange.domain.people import AuditEntry, Membership, Password, Preference, SignIn
from grange.domain.power import PowerPolicy, WorkerPower
from grange.domain.publications import Publication
from grange.domain.rates import RateCard
from grange.domain.retention import RetentionPolicy
from grange.domain.schedules import ReportSchedule
from grange.domain.series import Series
from grange.domain.shares import Share
from grange.domain.statements import BooksMonth, Posting, PostingPart
from grange.domain.storage import StorageProfile
from grange.domain.views import SavedView
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.domain.wrangling import ClearMark, Deed
from grange.kernel.ids import JobId, StepId
from grange.kernel.units import Instant

Entity = (
    Farm
    | Queue
    | Fleet
    | QueueFleetAssociation
    | QueueEnvironment
    | User
    | AccessKey
    | Membership
    | Password
    | SignIn
    | Preference
    | AuditEntry
    | ClientToken
    | RateCard
    | RetentionPolicy
    | ExchangeRate
    | ReportSchedule
    | BooksMonth
    | Posting
    | PostingPart
    | Budget
    | Group
    | LicencePool
    | LicenceCount
    | JobFaults
    | LayerHold
    | WorkerFaults
    | PowerPolicy
    | WorkerPower
    | Publication
    | Share
    | Series
    | Hook
    | MessagePlan
    | HookDelivery
    | StorageProfile
    | Deed
    | ClearMark
    | SavedView
    | Job
    | Layer
    | Task
    | Session
    | SessionAction
    | Worker
)
Key = tuple[str | int, ...]
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How one entity type is kept.

    Columns are the entity's fields: str, int, float, bool and their optionals as themselves, enums
    as text, everything else (mappings, tuples, dataclasses) as JSON text.
    """

    entity: type[Any]
    name: str
    key: tuple[str, ...]
    """The primary key."""
    indexes: tuple[tuple[str, ...], ...] = ()
    """What rows are found by. Of these columns, only a status and an end change under one key."""


TABLES: tuple[Table, ...] = (
    Table(entity=Farm, name="farms", key=("farm_id",)),
    Table(entity=Queue, name="queues", key=("queue_id",), indexes=(("farm_id",),)),
    Table(entity=Fleet, name="fleets", key=("fleet_id",), indexes=(("farm_id",),)),
    Table(
        entity=QueueFleetAssociation,
        name="queue_fleet_associations",
        key=("queue_id", "fleet_id"),
        indexes=(("fleet_id",),),
    ),
    Table(
        entity=QueueEnvironment,
        name="queue_environments",
        key=("queue_environment_id",),
        indexes=(("queue_id",),),
    ),
    Table(entity=User, name="users", key=("name",)),
    Table(entity=AccessKey, name="access_keys", key=("key_id",), indexes=(("user_name",),)),
    Table(
        entity=Membership,
        name="memberships",
        key=("user_name", "place", "target_id"),
        indexes=(("farm_id",),),
    ),
    Table(entity=Password, name="passwords", key=("user_name",)),
    Table(entity=SignIn, name="sign_ins", key=("sign_in_id",), indexes=(("user_name",),)),
    Table(entity=Preference, name="preferences", key=("user_name",)),
    Table(
        entity=AuditEntry,
        name="audit_entries",
        key=("audit_id",),
        indexes=(("at",), ("actor", "at"), ("farm_id", "at")),
    ),
    Table(entity=ClientToken, name="client_tokens", key=("caller", "operation", "token")),
    Table(
        entity=RateCard, name="rate_cards", key=("card_id",), indexes=(("farm_id", "valid_from"),)
    ),
    Table(entity=RetentionPolicy, name="retention_policies", key=("farm_id",)),
    Table(
        entity=ExchangeRate,
        name="exchange_rates",
        key=("rate_id",),
        indexes=(("farm_id", "valid_from"),),
    ),
    Table(
        entity=ReportSchedule,
        name="report_schedules",
        key=("schedule_id",),
        indexes=(("farm_id",),),
    ),
    Table(entity=BooksMonth, name="books_months", key=("farm_id", "month")),
    Table(entity=Posting, name="postings", key=("posting_id",), indexes=(("farm_id", "number"),)),
    Table(
        entity=PostingPart,
        name="posting_parts",
        key=("posting_id", "number"),
        indexes=(("farm_id", "month"),),
    ),
    Table(entity=Budget, name="budgets", key=("budget_id",), indexes=(("farm_id",),)),
    Table(entity=Group, name="worker_groups", key=("farm_id", "name")),
    Table(entity=LicencePool, name="licence_pools", key=("farm_id", "app", "plugin", "version")),
    Table(
        entity=LicenceCount,
        name="licence_counts",
        key=("farm_id", "app", "plugin", "version", "region"),
    ),
    Table(entity=JobFaults, name="job_faults", key=("job_id",)),
    Table(entity=LayerHold, name="layer_holds", key=("layer_id",)),
    Table(entity=WorkerFaults, name="worker_faults", key=("worker_id",)),
    Table(entity=PowerPolicy, name="power_policies", key=("farm_id", "scope")),
    Table(entity=WorkerPower, name="worker_power", key=("worker_id",)),
    Table(
        entity=Publication,
        name="publications",
        key=("publication_id",),
        indexes=(("farm_id",), ("token_hash",)),
    ),
    Table(entity=Share, name="shares", key=("farm_id", "kind", "name")),
    Table(entity=Series, name="series", key=("farm_id", "name")),
    Table(entity=Hook, name="hooks", key=("hook_id",), indexes=(("farm_id",),)),
    Table(entity=MessagePlan, name="message_plans", key=("farm_id", "user_name")),
    Table(
        entity=HookDelivery,
        name="hook_deliveries",
        key=("hook_id", "event_id"),
        indexes=(("status", "created_at"), ("farm_id", "created_at")),
    ),
    Table(
        entity=StorageProfile,
        name="storage_profiles",
        key=("storage_profile_id",),
        indexes=(("farm_id",),),
    ),
    Table(entity=Deed, name="wrangle_deeds", key=("deed_id",), indexes=(("farm_id",),)),
    Table(entity=ClearMark, name="wrangle_marks", key=("farm_id",)),
    Table(entity=SavedView, name="saved_views", key=("farm_id", "user_name", "page", "name")),
    Table(
        entity=Job,
        name="jobs",
        key=("job_id",),
        indexes=(("farm_id", "created_at"), ("queue_id", "created_at"), ("ended_at",)),
    ),
    Table(entity=Layer, name="layers", key=("layer_id",), indexes=(("job_id", "index"),)),
    Table(entity=Task, name="tasks", key=("layer_id", "index"), indexes=(("job_id",),)),
    Table(
        entity=Session,
        name="sessions",
        key=("session_id",),
        indexes=(("job_id", "started_at"), ("worker_id", "started_at"), ("status",)),
    ),
    Table(
        entity=SessionAction,
        name="session_actions",
        key=("session_id", "index"),
        indexes=(("job_id",), ("layer_id", "task_index")),
    ),
    Table(
        entity=Worker,
        name="workers",
        key=("worker_id",),
        indexes=(("fleet_id",), ("farm_id",)),
    ),
)


UNDECIDED: frozenset[type[Any]] = frozenset({ClientToken, PostingPart, HookDelivery, AuditEntry})
"""Entities that are only written and read: the owner does not hold them."""


def key_of(entity: Any) -> Key:
    """Return the primary key of an entity, in the order of its table's `key`."""
    return KEYS[type(entity)](entity)


def _key_getter(names: tuple[str, ...]) -> Callable[[Any], Key]:
    """Return a function that reads a key; every decision asks for some dozen of them."""
    if len(names) > 1:
        return attrgetter(*names)
    get: Callable[[Any], Any] = attrgetter(*names)
    return lambda entity: (get(entity),)


KEYS: dict[type[Any], Callable[[Any], Key]] = {
    table.entity: _key_getter(table.key) for table in TABLES
}
"""Entity type → the function that reads its primary key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One live file of the books."""

    farm_id: str
    path: str
    """Relative to the data folder, with forward slashes."""
    form: str
    """block, delta or rollup."""
    table_name: str
    start_at: Instant
    end_at: Instant
    """The half-open span of fact times the file may hold."""
    producer: str
    """`server`, or the collecting machine."""
    catalog_version: int
    row_count: int
    byte_count: int
    sha256: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Journal sequences or parent files it was made of."""
    created_at: Instant
    retired_at: Instant | None = None
    """Set when a newer file took its place; deleted once no reader can hold it."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A fact waiting to be drained to the journal."""

    sequence: int
    """Ascending; never reused."""
    fact: Fact


class Batch(Struct):
    """What one transaction writes. Applied in the order: forgotten tasks, deletes, puts, outbox."""

    forget_tasks_of: list[StepId] = []
    """Layers whose task rows are all deleted (the layer starts over)."""
    deletes: list[tuple[type[Any], Key]] = []
    puts: list[Any] = []
    """Entities to insert or replace whole."""
    outbox: list[Fact] = []

    @property
    def empty(self) -> bool:
        """True if there is nothing to write."""
        return not (self.forget_tasks_of or self.deletes or self.puts or self.outbox)


# Conditions of a read: a small closed tree every store compiles to SQL.


@dataclass(frozen=True, slots=True)
class Compare:
    """`column op value`.

    The op is one of = != < <= > >=. A null column never matches, except `=`/`!=` None.
    """

    column: str
    op: str
    value: str | int | float | bool | None


IDS_AT_ONCE = 500
"""How many values one query names, where there may be more of them: databases have limits."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The column equals one of the values; no values match nothing."""

    column: str
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """The text column contains the term, ignoring case."""

    column: str
    term: str


@dataclass(frozen=True, slots=True)
class JsonEquals:
    """A member of a JSON column (a path of keys) equals, or compares to, a text value."""

    column: str
    path: tuple[str, ...]
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches; no parts match everything."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part matches; no parts match nothing."""

    parts: "tuple[Condition, ...]"


Condition = Compare | OneOf | Contains | JsonEquals | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by a column; nulls last either way."""

    column: str
    descending: bool = False


class StateStore(Protocol):
    """Where state is kept."""

    async def open(self) -> None:
        """Open the store, migrating it forward if it is older (after a copy, for SQLite)."""
        ...

    async def close(self) -> None:
        """Finish the current transaction and close."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one durable transaction.

        Raises:
            StorageFullError: the disk is full; nothing was written.
            ThrottledError: the store could not commit now; nothing was written.
        """
        ...

    async def get(self, entity: type[E], key: Key) -> E | None:
        """Return one committed entity."""
        ...

    async def find(
        self,
        entity: type[E],
        where: Condition = AllOf(()),
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[E]:
        """Return committed entities, by default in key order (the key also breaks ties)."""
        ...

    async def columns(
        self,
        entity: type[Any],
        names: Sequence[str],
        where: Condition = AllOf(()),
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return some columns of committed entities: those `find` returns, in the same order.

        For lists of many: a job's template need not be read to say its name.
        """
        ...

    async def count(self, entity: type[Any], where: Condition = AllOf(())) -> int:
        """Return how many committed entities match."""
        ...

    def load(self) -> AsyncIterator[Any]:
        """Yield what the owner decides on.

        Every entity that is not work (those in `UNDECIDED` aside); every job that has not ended or
        still has an open session, with its layers and its live tasks (those that have not succeeded
        or lie at or beyond their layer's next_index); all open sessions with their open actions.
        """
        ...

    async def load_job(self, job_id: JobId) -> list[Any]:
        """Return the job, its layers and live tasks (see `load`); [] if there is no such job."""
        ...

    async def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest rows of the outbox, in order."""
        ...

    async def clear_outbox(self, up_to: int) -> None:
        """Delete the outbox rows up to and including this sequence."""
        ...

    async def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books, live ones only by default, by path."""
        ...

    async def publish(
        self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant
    ) -> None:
        """Add files and retire others in one transaction, so that readers see one or the other."""
        ...

    async def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed from disk."""
        ...
