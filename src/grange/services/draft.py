"""The farm in memory, and the draft in which one command changes it.

A draft changes memory at once and remembers how to take it back: a command that fails is undone
and leaves no trace; one that succeeds leaves rows, facts and effects for the batch.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import Struct

from grange.domain.budgets import Budget
from grange.domain.effects import Effect
from grange.domain.events import StatusChanged
from grange.domain.facts import EventFact, Fact
from grange.domain.farm import Queue, QueueFleetAssociation
from grange.domain.faults import JobFaults, passing_on
from grange.domain.groups import Group
from grange.domain.hooks import HookDelivery
from grange.domain.licences import LicenceCount, LicencePool, region_named
from grange.domain.people import AuditEntry
from grange.domain.shares import Share, ShareKind
from grange.domain.statements import PostingPart
from grange.domain.statuses import AssociationStatus, TaskRunStatus
from grange.domain.work import UNASSIGNED, Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId, FleetId, IdSource, JobId, QueueId, SessionId, StepId, WorkerId
from grange.kernel.units import Instant
from grange.ports.state import KEYS, TABLES, Batch, Key, key_of
from grange.scheduling.capability import CORES, GPU, MEMORY, Capability, Offer, capability_of
from grange.scheduling.index import SchedulingIndex
from grange.services.booking import region_of
from grange.services.templates import TaskSpaces

E = TypeVar("E")
_RULES: tuple[type[Any], ...] = (
    Budget,
    Share,
    LicencePool,
    LicenceCount,
    Group,
    QueueFleetAssociation,
)
_FOLLOWED = frozenset((Task, Layer, Job, JobFaults, Worker, Session, *_RULES))
"""Entities that more is known of than their tables."""


class Memory:
    """The farm as the owner knows it: entities by type and key, and the scheduling index."""

    def __init__(self) -> None:
        self.tables: dict[type[Any], dict[Key, Any]] = {table.entity: {} for table in TABLES}
        self.tasks_of: dict[StepId, dict[int, Task]] = {}
        self.queues_of: dict[FleetId, set[QueueId]] = {}
        self.threads_of: dict[FleetId, int] = {}
        """Job threads of all workers of a fleet."""
        self.roomy: dict[FleetId, set[WorkerId]] = {}
        """Workers of a fleet that have a job thread without a session."""
        self.index = SchedulingIndex()
        self.last_seen: dict[WorkerId, Instant] = {}
        """The latest heartbeat; rows hold only what changed with a status."""
        self.idle_since: dict[WorkerId, Instant] = {}
        """When a worker's latest session ended."""
        self.clock_offset_ms: dict[WorkerId, int] = {}
        """What is added to the times a worker reports."""
        self.clock_behind_ms: dict[WorkerId, int] = {}
        """How far each worker's clock was behind at its latest heartbeat; negative: ahead."""
        self.unverified: set[WorkerId] = set()
        """Workers said to render when the server began that have not been heard since."""
        self.pace_ms: dict[StepId, float] = {}
        """Running mean of a layer's task times."""
        self.frame_ms: dict[StepId, float] = {}
        """Running mean of a frame's time, of layers whose chunks are fitted to it."""
        self.took: dict[StepId, deque[tuple[int, float]]] = {}
        """Memory (MiB) and processor threads that the latest tasks of a layer took."""
        self.fleet_waiting: dict[FleetId, str] = {}
        self.groups_of: dict[WorkerId, tuple[str, ...]] = {}
        self.waiting_jobs: dict[JobId, set[JobId]] = {}
        """Job → jobs in memory that were told to begin after it."""
        self._capabilities: dict[WorkerId, tuple[tuple[Any, ...], Capability]] = {}

    def set(self, kind: type[Any], key: Key, entity: Any) -> Any:
        """Put an entity (None: remove it), keep the index true; return what was there before."""
        table = self.tables[kind]
        if entity is None:
            old = table.pop(key, None)
        else:
            old = table.get(key)
            table[key] = entity
        if kind in _FOLLOWED:
            self._follow(kind, key, old, entity)
        return old

    def _follow(self, kind: type[Any], key: Key, old: Any, new: Any) -> None:
        if kind is Task:
            layer_id, index = StepId(str(key[0])), int(key[1])
            if new is None:
                self.tasks_of.get(layer_id, {}).pop(index, None)
            else:
                self.tasks_of.setdefault(layer_id, {})[index] = new
            self.index.set_task(layer_id, old, new)
        elif kind is Layer:
            job = self.tables[Job].get((new.job_id,)) if new is not None else None
            if job is not None:
                self.index.set_layer(job, new)
        elif kind is Job:
            self._follow_job(old, new)
        elif kind is Worker:
            for worker, sign in ((old, -1), (new, 1)):
                if worker is not None:
                    known = self.threads_of.get(worker.fleet_id, 0)
                    self.threads_of[worker.fleet_id] = known + sign * worker.threads
            self._follow_room(old, new)
        elif kind is Session:
            self._follow_session(old, new)
        elif kind is JobFaults:
            self._follow_faults(old, new)
        elif kind in _RULES:
            self._follow_rules(kind, key, old, new)

    def _follow_faults(self, old: JobFaults | None, new: JobFaults | None) -> None:
        was, now = ({} if one is None else passing_on(one) for one in (old, new))
        for layer_id in was.keys() | now.keys():
            if was.get(layer_id) != now.get(layer_id):
                self.index.set_left(layer_id, now.get(layer_id, {}))

    def _follow_rules(self, kind: type[Any], key: Key, old: Any, new: Any) -> None:
        farm_id = FarmId(str(key[0]))
        if kind is Budget:
            known = new or old
            if known is not None:
                jobs = {job.job_id: job for job in self.tables[Job].values()}
                self.index.set_budget(known.farm_id, known.budget_id, new, jobs)
        elif kind is Share:
            self.index.set_share(farm_id, ShareKind(str(key[1])), str(key[2]), new)
        elif kind is LicencePool:
            jobs = {job.job_id: job for job in self.tables[Job].values()}
            pool = (str(key[1]), str(key[2]), str(key[3]))
            self.index.set_pool(farm_id, pool, new, jobs)
        elif kind is LicenceCount:
            pool = (str(key[1]), str(key[2]), str(key[3]))
            tallies = self.index.tallies(farm_id)
            tallies.set_told((pool, region_named(str(key[4]))), new)
        elif kind is Group:
            self._follow_group(old, new)
        else:
            queues = self.queues_of.setdefault(FleetId(str(key[1])), set())
            queue_id = QueueId(str(key[0]))
            if new is not None and new.status is AssociationStatus.ACTIVE:
                queues.add(queue_id)
            else:
                queues.discard(queue_id)

    def _follow_room(self, old: Worker | None, new: Worker | None) -> None:
        if old is not None and (new is None or new.fleet_id != old.fleet_id):
            self.roomy.get(old.fleet_id, set()).discard(old.worker_id)
        if new is not None:
            roomy = self.roomy.setdefault(new.fleet_id, set())
            if len(new.sessions) < new.threads:
                roomy.add(new.worker_id)
            else:
                roomy.discard(new.worker_id)

    def _follow_job(self, old: Job | None, new: Job | None) -> None:
        was, now = (() if one is None else one.after or () for one in (old, new))
        if was != now:
            self._follow_waiting(old, new)
        if new is None:
            if old is not None:
                self.index.drop_job(old.job_id)
            return
        if (
            old is None
            or old.priority != new.priority
            or old.open_sessions != new.open_sessions
            or old.max_worker_count != new.max_worker_count
            or old.excluded_workers != new.excluded_workers
        ):
            for layer_id in new.layer_ids:
                layer = self.tables[Layer].get((layer_id,))
                if layer is not None:
                    self.index.set_layer(new, layer)

    def _follow_waiting(self, old: Job | None, new: Job | None) -> None:
        for job, joins in ((old, False), (new, True)):
            for other in () if job is None else job.after or ():
                waiting = self.waiting_jobs.setdefault(other, set())
                if job is not None:
                    (waiting.add if joins else waiting.discard)(job.job_id)
                if not waiting:
                    del self.waiting_jobs[other]

    def _follow_session(self, old: Session | None, new: Session | None) -> None:
        was = old is not None and old.ended_at is None
        now = new is not None and new.ended_at is None
        if was and now and old is not None and new is not None and old.licences == new.licences:
            return
        session = new or old
        if session is None or not (was or now):
            return
        if session.ended_at is not None:
            self.idle_since[session.worker_id] = session.ended_at
        self.index.set_session(self._payer(session)[0], old, new)

    def _follow_group(self, old: Group | None, new: Group | None) -> None:
        for group, joins in ((old, False), (new, True)):
            for worker_id in () if group is None else group.workers:
                names = set(self.groups_of.get(worker_id, ()))
                name = "" if group is None else group.name
                names = names | {name} if joins else names - {name}
                self.groups_of[worker_id] = tuple(sorted(names))

    def capability(self, worker: Worker) -> Capability:
        """Return what a worker can do, its groups and classes included."""
        groups = self.groups_of.get(worker.worker_id, ())
        basis = (worker.amounts, worker.attributes, worker.classes, groups)
        known = self._capabilities.get(worker.worker_id)
        if known is None or known[0] != basis:
            known = (basis, capability_of(worker, groups))
            self._capabilities[worker.worker_id] = known
        return known[1]

    def offer(self, worker: Worker, besides: SessionId | None = None) -> Offer:
        """Return what a thread of a worker offers beside its other sessions.

        Args:
            worker: the worker.
            besides: the session that asks; what it holds would be free.
        """
        memory = gpus = cores = None
        asking = None if besides is None else self.tables[Session].get((besides,))
        others = [
            self.tables[Session][session_id,]
            for _, session_id in worker.sessions
            if session_id != besides
        ]
        if others:
            total, cards = worker.amounts.get(MEMORY), worker.amounts.get(GPU)
            kept = sum(session.memory_mib or 0 for session in others)
            memory = None if total is None else total - kept
            held = sum(session.gpus or 0 for session in others)
            gpus = None if cards is None else cards - held
            threads = worker.amounts.get(CORES)
            used = sum(session.cores or 0 for session in others)
            cores = None if threads is None or not used else threads - used
        return Offer(
            self.capability(worker),
            worker_id=worker.worker_id,
            region=region_named(region_of(worker)),
            free_memory_mib=memory,
            free_gpus=gpus,
            free_cores=cores,
            held=() if asking is None else tuple(hold.pool for hold in asking.licences or ()),
            payer=None if asking is None else self._payer(asking),
        )

    def bare_offer(self, worker: Worker) -> Offer:
        """Return what a worker offers once its sessions have ended."""
        return Offer(
            self.capability(worker),
            worker_id=worker.worker_id,
            region=region_named(region_of(worker)),
            held=tuple(
                hold.pool
                for _, session_id in worker.sessions
                for hold in self.tables[Session][session_id,].licences or ()
            ),
        )

    def _payer(self, session: Session) -> tuple[str, str]:
        job = self.tables[Job].get((session.job_id,))
        project = UNASSIGNED if job is None else job.attributes.get("project", UNASSIGNED)
        return project, session.user_name

    def take_in(self, entities: list[Any]) -> None:
        """Add rows read from the store.

        Jobs before layers before tasks and sessions, whatever order they come in.
        """
        order: dict[type[Any], int] = {Job: 0, Layer: 1, Task: 2, Session: 2}
        for entity in sorted(entities, key=lambda item: order.get(type(item), -1)):
            self.set(type(entity), key_of(entity), entity)

    def evict(self, job_id: JobId) -> None:
        """Forget a job that has ended: its rows hold everything, and reads come from rows."""
        job = self.tables[Job].get((job_id,))
        if job is None:
            return
        for layer_id in job.layer_ids:
            for index in list(self.tasks_of.get(layer_id, ())):
                self.set(Task, (layer_id, index), None)
            self.tasks_of.pop(layer_id, None)
            self.tables[Layer].pop((layer_id,), None)
            self.pace_ms.pop(layer_id, None)
            self.took.pop(layer_id, None)
            self.frame_ms.pop(layer_id, None)
        self.set(Job, (job_id,), None)


@dataclass(slots=True)
class Context:
    """What decisions need beside the farm itself."""

    ids: IdSource
    spaces: TaskSpaces
    silence_seconds: int = 60
    """A worker unheard of for this long is NOT_RESPONDING."""


class StatusMove(Struct):
    """How the status of a layer or job moved within one command."""

    old: TaskRunStatus
    at: Instant | None = None
    by: str = ""

    def last(self, change: StatusChanged, by: str) -> None:
        """Note the latest change."""
        self.at = change.at
        self.by = by or self.by


class Draft(Struct):
    """One command's changes."""

    memory: Memory
    context: Context
    now: Instant
    facts: list[Fact] = []
    effects: list[Effect] = []
    forget_tasks_of: list[StepId] = []
    changed: dict[tuple[type[Any], Key], Any] = {}
    moved: dict[tuple[type[Any], str], StatusMove] = {}
    """Layers and jobs whose status moved, until their events are left."""
    _undo: list[tuple[type[Any], Key, Any]] = []
    _touched_queues: set[QueueId] = set()

    def __post_init__(self) -> None:
        """Have the index know what time it is."""
        self.memory.index.pass_time(self.now)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    def find(self, kind: type[E], *key: str | int) -> E | None:
        """Return an entity of the farm in memory, or None."""
        found: E | None = self.memory.tables[kind].get(key)
        return found

    def get(self, kind: type[E], *key: str | int) -> E:
        """Return an entity of the farm in memory.

        Raises:
            NotFoundError: there is none.
        """
        found: E | None = self.memory.tables[kind].get(key)
        if found is None:
            raise NotFoundError(_WIRE_NAMES.get(kind.__name__, kind.__name__.lower()), str(key[-1]))
        return found

    def all(self, kind: type[E]) -> Iterator[E]:
        """Yield every entity of a type that is in memory."""
        yield from list(self.memory.tables[kind].values())

    def layers_of(self, job: Job) -> list[Layer]:
        """Return the layers of a job in template order."""
        return [self.get(Layer, layer_id) for layer_id in job.layer_ids]

    def tasks_of(self, layer_id: StepId) -> list[Task]:
        """Return the touched tasks of a layer that are in memory, by index."""
        return [task for _, task in sorted(self.memory.tasks_of.get(layer_id, {}).items())]

    def open_sessions(self, worker: Worker) -> list[Session]:
        """Return a worker's open sessions by thread."""
        return [self.get(Session, session_id) for _, session_id in worker.sessions]

    def open_sessions_of(self, queue_id: QueueId, fleet_id: FleetId) -> list[Session]:
        """Return the open sessions of a fleet's workers for a queue."""
        return [
            session
            for session in self.all(Session)
            if session.ended_at is None
            and (session.queue_id, session.fleet_id) == (queue_id, fleet_id)
        ]

    def open_actions(self, session: Session) -> list[SessionAction]:
        """Return a session's open actions in order."""
        actions, session_id = self.memory.tables[SessionAction], session.session_id
        return [actions[session_id, index] for index in session.open_actions]

    def queues_of(self, fleet_id: FleetId) -> list[QueueId]:
        """Return the queues a fleet works for, in a fixed order."""
        return sorted(self.memory.queues_of.get(fleet_id, ()))

    # ── writing ───────────────────────────────────────────────────────────────────────────────────

    def put(self, entity: Any) -> None:
        """Insert or replace an entity."""
        kind = type(entity)
        self._set(kind, KEYS[kind](entity), entity)

    def delete(self, kind: type[Any], *key: str | int) -> None:
        """Remove an entity; what is in the audit log stays there."""
        if kind is AuditEntry:
            raise TypeError("The audit log is only added to.")
        self._set(kind, key, None)

    def _set(self, kind: type[Any], key: Key, entity: Any) -> None:
        old = self.memory.set(kind, key, entity)
        self._undo.append((kind, key, old))
        self.changed[kind, key] = entity
        if entity is not None and (kind is Layer or kind is Job):
            self._touched_queues.add(entity.queue_id)

    def touch_queues(self, farm_id: FarmId) -> None:
        """Look again who can take what waits in a farm: its limits or workers are others now."""
        self._touched_queues.update(
            queue.queue_id for queue in self.all(Queue) if queue.farm_id == farm_id
        )

    def fact(self, fact: Fact) -> None:
        """Leave a fact for the books."""
        self.facts.append(fact)

    def effect(self, effect: Effect) -> None:
        """Ask for something to be done outside once this is committed."""
        if effect not in self.effects:
            self.effects.append(effect)

    def event(
        self,
        subject: str,
        subject_id: str,
        name: str,
        farm_id: FarmId,
        *,
        at: Instant | None = None,
        event_id: str | None = None,
        **columns: Any,
    ) -> None:
        """Leave an event fact."""
        self.fact(
            EventFact(
                farm_id=farm_id,
                event_id=event_id or self.context.ids.new("event"),
                at=self.now if at is None else at,
                subject=subject,
                subject_id=subject_id,
                name=name,
                **columns,
            )
        )

    # ── ending ────────────────────────────────────────────────────────────────────────────────────

    @property
    def touched_queues(self) -> set[QueueId]:
        """Queues whose layers changed."""
        return self._touched_queues

    def undo(self) -> None:
        """Take back every change, newest first."""
        for kind, key, old in reversed(self._undo):
            self.memory.set(kind, key, old)
        self._undo.clear()
        self.changed.clear()
        self.facts.clear()
        self.effects.clear()


def batch_of(drafts: list[Draft]) -> Batch:
    """Join what several drafts wrote, in order, into one transaction."""
    batch = Batch()
    final: dict[tuple[type[Any], Key], Any] = {}
    for draft in drafts:
        batch.forget_tasks_of.extend(draft.forget_tasks_of)
        final.update(draft.changed)
        batch.outbox.extend(draft.facts)
    for (kind, key), entity in final.items():
        if entity is None:
            batch.deletes.append((kind, key))
        else:
            batch.puts.append(entity)
    return batch


def settled_jobs(changed: Mapping[tuple[type[Any], Key], Any]) -> list[JobId]:
    """Return the jobs among the changes that have ended and have no open session."""
    return [
        entity.job_id
        for (kind, _), entity in changed.items()
        if kind is Job
        and entity is not None
        and entity.ended_at is not None
        and not entity.open_sessions
    ]


def settled_rows(
    changed: Mapping[tuple[type[Any], Key], Any], memory: Memory
) -> list[tuple[type[Any], Key]]:
    """Return the rows among the changes that memory no longer needs once they are committed."""
    found: list[tuple[type[Any], Key]] = []
    for (kind, key), entity in changed.items():
        if entity is None:
            continue
        if kind in (PostingPart, HookDelivery, AuditEntry) or (
            kind in (Session, SessionAction) and entity.ended_at is not None
        ):
            found.append((kind, key))
        elif kind is Task and entity.status is TaskRunStatus.SUCCEEDED:
            layer = memory.tables[Layer].get((entity.layer_id,))
            if layer is None or entity.index < layer.next_index:
                found.append((kind, key))
    return found


def session_of(draft: Draft, session_id: SessionId) -> Session:
    """Return an open session.

    Raises:
        NotFoundError: it is not open.
    """
    return draft.get(Session, session_id)


_WIRE_NAMES = {
    "Layer": "step",
    "SessionAction": "session action",
    "QueueFleetAssociation": "queue-fleet association",
    "QueueEnvironment": "queue environment",
}
