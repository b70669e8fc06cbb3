"""The scheduling index: which layers have ready tasks, best first, by queue and capability class.

It is told of every change of a job, layer or task, and equals the index rebuilt from rows at any
time. A layer's untouched tasks are not listed: they are a range, `next_index` to `task_count`,
less the few that were touched by hand.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer, Requirement, Task
from grange.kernel.ids import JobId, QueueId, StepId
from grange.scheduling.capability import Capability, satisfies

SortKey = tuple[int, int, str, int]
"""(-priority, created, job id, layer index): the smallest comes first."""


@dataclass(slots=True)
class _Entry:
    """What the index knows of one layer."""

    layer_id: StepId
    job_id: JobId
    queue_id: QueueId
    requirement: Requirement
    key: SortKey
    next_index: int
    task_count: int
    rest_ready: bool
    rest_count: int
    open_to_sessions: bool
    """The job may have one more session."""
    returned: list[int] = field(default_factory=list)
    """Indices of touched tasks that are READY, ascending."""
    ahead: set[int] = field(default_factory=set)
    """Touched tasks at or beyond next_index (and some that were, before the cursor passed them)."""

    @property
    def ready_count(self) -> int:
        return len(self.returned) + (self.rest_count if self.rest_ready else 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """The layer a worker should work on next."""

    layer_id: StepId
    job_id: JobId
    priority: int
    ready_count: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why a worker gets no work: no_queue, no_work, not_capable or worker_limit."""

    reason: str


class SchedulingIndex:
    """Ready layers by queue and requirement, best first."""

    def __init__(self) -> None:
        self._entries: dict[StepId, _Entry] = {}
        self._layers_of: dict[JobId, set[StepId]] = {}
        self._ready: dict[tuple[QueueId, Requirement], list[tuple[SortKey, StepId]]] = {}
        self._full: dict[QueueId, set[StepId]] = {}
        self._satisfied: dict[tuple[Capability, Requirement], bool] = {}

    # ── being told ────────────────────────────────────────────────────────────────────────────────

    def set_layer(self, job: Job, layer: Layer) -> None:
        """Take over the current values of a job and one of its layers."""
        entry = self._entries.get(layer.layer_id)
        if entry is not None:
            self._withdraw(entry)
        else:
            entry = _Entry(
                layer_id=layer.layer_id,
                job_id=layer.job_id,
                queue_id=layer.queue_id,
                requirement=layer.requirement,
                key=(0, 0, "", 0),
                next_index=0,
                task_count=layer.task_count,
                rest_ready=False,
                rest_count=0,
                open_to_sessions=True,
            )
            self._entries[layer.layer_id] = entry
            self._layers_of.setdefault(layer.job_id, set()).add(layer.layer_id)
        entry.key = (-job.priority, job.created_at, job.job_id, layer.index)
        entry.next_index = layer.next_index
        entry.rest_ready = layer.rest_status is TaskRunStatus.READY
        entry.rest_count = layer.rest_count
        entry.open_to_sessions = (
            job.max_worker_count < 0 or job.open_sessions < job.max_worker_count
        )
        self._offer(entry)

    def set_task(self, layer_id: StepId, old: Task | None, new: Task | None) -> None:
        """Take over the change of one touched task (None: the task is untouched, or forgotten)."""
        entry = self._entries.get(layer_id)
        if entry is None:
            return
        self._withdraw(entry)
        was = old is not None and old.status is TaskRunStatus.READY
        now = new is not None and new.status is TaskRunStatus.READY
        index = new.index if new is not None else old.index if old is not None else 0
        if was and not now:
            at = bisect_left(entry.returned, index)
            if at < len(entry.returned) and entry.returned[at] == index:
                del entry.returned[at]
        elif now and not was:
            insort(entry.returned, index)
        if new is None:
            entry.ahead.discard(index)
        elif index >= entry.next_index:
            entry.ahead.add(index)
        self._offer(entry)

    def drop_job(self, job_id: JobId) -> None:
        """Forget a job."""
        for layer_id in self._layers_of.pop(job_id, set()):
            self._withdraw(self._entries.pop(layer_id))

    # ── being asked ───────────────────────────────────────────────────────────────────────────────

    def best(self, queues: Iterable[QueueId], capability: Capability) -> Choice | Nothing:
        """Return the best layer with ready tasks in these queues that the capability can do."""
        found: tuple[SortKey, StepId] | None = None
        reason = "no_queue"
        for queue_id in queues:
            if reason == "no_queue":
                reason = "no_work"
            for (queue, requirement), ready in self._ready.items():
                if queue != queue_id or not ready:
                    continue
                if not self._can(capability, requirement):
                    reason = "not_capable"
                elif found is None or ready[0] < found:
                    found = ready[0]
            if reason == "no_work" and self._full.get(queue_id):
                reason = "worker_limit"
        if found is None:
            return Nothing(reason)
        return self._choice(self._entries[found[1]])

    def best_of_job(self, job_id: JobId, capability: Capability) -> Choice | None:
        """Return the job's best layer with ready tasks, whatever its session limit says."""
        entries = [
            entry
            for layer_id in self._layers_of.get(job_id, ())
            if (entry := self._entries[layer_id]).ready_count
            and self._can(capability, entry.requirement)
        ]
        if not entries:
            return None
        return self._choice(min(entries, key=lambda entry: (entry.key, entry.layer_id)))

    def ready_tasks(self, layer_id: StepId) -> Iterator[int]:
        """Yield the indices of the layer's ready tasks, returned ones and lower ones first."""
        entry = self._entries[layer_id]
        yield from entry.returned
        if entry.rest_ready:
            for index in range(entry.next_index, entry.task_count):
                if index not in entry.ahead:
                    yield index

    def is_ahead(self, layer_id: StepId, index: int) -> bool:
        """True if the task at or beyond the cursor has been touched."""
        return index in self._entries[layer_id].ahead

    def waiting(self, queues: Iterable[QueueId]) -> tuple[str, int]:
        """Return ("ready", tasks), ("blocked", 0) or ("none", 0).

        Whether work waits in these queues.
        """
        ready = 0
        blocked = False
        wanted = set(queues)
        for (queue, _), layers in self._ready.items():
            if queue in wanted:
                ready += sum(self._entries[layer_id].ready_count for _, layer_id in layers[:64])
        blocked = any(self._full.get(queue) for queue in wanted)
        if ready:
            return "ready", ready
        return ("blocked", 0) if blocked else ("none", 0)

    def snapshot(self) -> dict[str, object]:
        """Return everything the index holds, in a form that compares equal to a rebuilt one."""
        return {
            "entries": {
                layer_id: (
                    entry.key,
                    entry.next_index,
                    entry.rest_ready,
                    entry.rest_count,
                    entry.open_to_sessions,
                    tuple(entry.returned),
                    tuple(sorted(i for i in entry.ahead if i >= entry.next_index)),
                )
                for layer_id, entry in sorted(self._entries.items())
            },
            "ready": {
                (queue, repr(requirement)): tuple(layers)
                for (queue, requirement), layers in sorted(
                    self._ready.items(), key=lambda item: (item[0][0], repr(item[0][1]))
                )
                if layers
            },
            "full": {
                queue: tuple(sorted(layers))
                for queue, layers in sorted(self._full.items())
                if layers
            },
        }

    # ── inside ────────────────────────────────────────────────────────────────────────────────────

    def _choice(self, entry: _Entry) -> Choice:
        return Choice(
            layer_id=entry.layer_id,
            job_id=entry.job_id,
            priority=-entry.key[0],
            ready_count=entry.ready_count,
        )

    def _can(self, capability: Capability, requirement: Requirement) -> bool:
        pair = (capability, requirement)
        known = self._satisfied.get(pair)
        if known is None:
            if len(self._satisfied) > 100_000:
                self._satisfied.clear()
            known = self._satisfied[pair] = satisfies(capability, requirement)
        return known

    def _offer(self, entry: _Entry) -> None:
        if not entry.ready_count:
            return
        if entry.open_to_sessions:
            bucket = self._ready.setdefault((entry.queue_id, entry.requirement), [])
            insort(bucket, (entry.key, entry.layer_id))
        else:
            self._full.setdefault(entry.queue_id, set()).add(entry.layer_id)

    def _withdraw(self, entry: _Entry) -> None:
        bucket = self._ready.get((entry.queue_id, entry.requirement))
        if bucket:
            at = bisect_left(bucket, (entry.key, entry.layer_id))
            if at < len(bucket) and bucket[at] == (entry.key, entry.layer_id):
                del bucket[at]
        self._full.get(entry.queue_id, set()).discard(entry.layer_id)
