"""Why a job waits: the true first reason, and what would change it.

Asked of the owner, since the answer is the scheduler's own: the same index and the same predicates
that give work out. Reasons are looked for in the order of `Block`. The reason of a layer is the
last one that any worker gets to: take it away, and that worker starts the layer, or the next reason
shows. Where none of those that are there could ever do it, it is what keeps those away that could.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from grange.domain.farm import QueueFleetAssociation
from grange.domain.faults import JobFaults, LayerHold, WorkerFaults
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, Layer, Worker
from grange.domain.worker import closed_for
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId, JobId, QueueId, StepId
from grange.scheduling.blocks import Block, Unmet
from grange.scheduling.capability import NOBODY, Offer
from grange.services.draft import Draft
from grange.services.owner import Needs

WAITING = (TaskRunStatus.READY, TaskRunStatus.PENDING, TaskRunStatus.SUSPENDED)
_IN_DEMAND = (
    Block.GROUP,
    Block.CLASS,
    Block.HOURS,
    Block.EXCLUDED,
    Block.REQUIREMENT,
    Block.MEMORY,
    Block.GPU,
    Block.RENDERER,
    Block.LICENCE,
)
"""Reasons of single workers: each can be dropped to see what would be."""
_UNFIT = frozenset(
    {
        Block.FLEET,
        Block.GROUP,
        Block.CLASS,
        Block.REQUIREMENT,
        Block.MEMORY,
        Block.GPU,
        Block.RENDERER,
    }
)
"""What a worker cannot do, however long one waits for it."""
_AWAY = frozenset({Block.WORKERS, Block.HOURS, Block.EXCLUDED})
"""What keeps a worker from work that it could do."""
MOST_WORKERS = 200


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the funnel: how many workers come to it, and how many it stops."""

    reason: str
    reached: int
    stopped: int
    text: str
    """What the first worker that it stops lacks; empty: it stops none."""


class WorkerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Why one worker does not take the layer."""

    worker_id: str
    name: str
    reason: str
    """Empty: it would take it now."""
    text: str


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What would be without one reason."""

    drop: str
    workers: int
    """Workers that could take the layer then, now or when they are free."""
    next_reason: str
    """What it would wait for then; empty: it would start."""


class LayerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Why one layer waits."""

    layer_id: str
    name: str
    ready: int
    pending: int
    suspended: int
    running: int
    reason: str
    """Empty: nothing keeps it; it starts when a worker asks next."""
    text: str
    funnel: list[Step]
    workers: list[WorkerAnswer]
    workers_left_out: int
    layers_before: int
    tasks_before: int
    """Ready tasks of layers that come first."""
    priority_to_be_first: int | None
    """None: no priority does it."""
    what_if: list[WhatIf]


class JobAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job waits."""

    job_id: str
    name: str
    status: str
    priority: int
    reason: str
    """Of the first layer that waits; empty: nothing keeps the job."""
    text: str
    layers: list[LayerAnswer]
    """Those that have tasks that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWhy:
    """Ask why a job waits. Returns a JobAnswer; changes nothing."""

    farm_id: FarmId
    job_id: JobId
    dropped: tuple[Block, ...] = ()
    """Reasons that are not looked at, to see what would be."""
    priority: int | None = None
    """Another priority than the job's, to see what would be."""
    others: tuple[JobId, ...] = ()
    """The jobs it waits for; they are looked up even if they have ended."""

    def needs(self) -> Needs:
        """The job and those it waits for, also if they have ended."""
        return Needs(jobs=(self.job_id, *self.others))

    def decide(self, draft: Draft) -> JobAnswer:
        """Look at every layer with tasks that wait."""
        job = draft.get(Job, self.job_id)
        if job.farm_id != self.farm_id:
            raise NotFoundError("job", self.job_id)
        layers = [
            Question(draft, job, layer, dropped=self.dropped, priority=self.priority).answer()
            for layer in draft.layers_of(job)
            if any(layer.counts.get(status, 0) for status in WAITING)
        ]
        first = next((one for one in layers if one.ready), next(iter(layers), None))
        if first is not None:
            reason, text = first.reason, first.text
        elif job.ended_at is not None:
            reason, text = "", f"the job has ended: {job.status.lower()}"
        else:
            reason, text = "", "every task is with a worker"
        return JobAnswer(
            job_id=job.job_id,
            name=job.name,
            status=job.status,
            priority=job.priority,
            reason=reason,
            text=text,
            layers=layers,
        )


Verdicts = Sequence[tuple[tuple[Worker, ...], Unmet | None]]
"""Workers that get the same answer, and why they do not take the layer."""


class Question:
    """One layer, looked at once."""

    def __init__(
        self,
        draft: Draft,
        job: Job,
        layer: Layer,
        *,
        dropped: Collection[Block] = (),
        priority: int | None = None,
        alike: list[tuple[Worker, ...]] | None = None,
    ) -> None:
        """Prepare to look at a layer.

        Args:
            draft: the farm.
            job: whose layer it is.
            layer: the layer.
            dropped: reasons that are not looked at.
            priority: another priority than the job's.
            alike: what `workers_alike` returned for the job; None: it is asked.
        """
        self._draft = draft
        self._job = job
        self._layer = layer
        self._dropped = frozenset(dropped)
        self._priority = priority
        self._index = draft.memory.index
        self._alike = workers_alike(draft, job) if alike is None else alike

    def answer(self) -> LayerAnswer:
        """Return the whole answer: reason, funnel, rank, every worker's own, and what if."""
        layer, counts = self._layer, self._layer.counts
        found = self.verdicts(self._dropped)
        reason = self._reason(found, self._dropped)
        alone = sorted(
            ((one, verdict) for like, verdict in found for one in like),
            key=lambda item: (item[0].host_name, item[0].worker_id),
        )
        before = self._before(found) if self._index.ready_count(layer.layer_id) else []
        return LayerAnswer(
            layer_id=layer.layer_id,
            name=layer.name,
            ready=counts.get(TaskRunStatus.READY, 0),
            pending=counts.get(TaskRunStatus.PENDING, 0),
            suspended=counts.get(TaskRunStatus.SUSPENDED, 0),
            running=counts.get(TaskRunStatus.RUNNING, 0) + counts.get(TaskRunStatus.ASSIGNED, 0),
            reason="" if reason is None else reason.block,
            text="it starts when a worker asks next" if reason is None else reason.text,
            funnel=self._funnel(found),
            workers=[
                WorkerAnswer(
                    worker_id=worker.worker_id,
                    name=worker.host_name,
                    reason="" if verdict is None else verdict.block,
                    text="" if verdict is None else verdict.text,
                )
                for worker, verdict in alone[:MOST_WORKERS]
            ],
            workers_left_out=max(0, len(alone) - MOST_WORKERS),
            layers_before=len(before),
            tasks_before=sum(count for _, count in before),
            priority_to_be_first=self._index.priority_to_be_first(
                layer.layer_id, [other for other, _ in before]
            ),
            what_if=self._what_if(reason),
        )

    # ── reasons ───────────────────────────────────────────────────────────────────────────────────

    def _reason(self, found: Verdicts, dropped: Collection[Block]) -> Unmet | None:
        """Return the first reason; None: nothing keeps the layer."""
        held = self.held(dropped)
        if held is not None:
            return held
        reason = self.first_of(found, dropped)
        if reason is None or reason.block is not Block.PRIORITY:
            return reason
        return Unmet(reason.block, reason.text + self._rank_text(found))

    def held(self, dropped: Collection[Block] = ()) -> Unmet | None:
        """Return what keeps the layer from every worker; None: workers have to be looked at."""
        for looked in (self._paused(), self._waits_for()):
            if looked is not None and looked.block not in dropped:
                return looked
        return self._index.held_back(self._layer.layer_id, dropped)

    def _before(self, found: Verdicts) -> list[tuple[StepId, int]]:
        """Return the layers that come first, and their ready tasks.

        Where workers could take the layer, only those count that one of these could take as well:
        what waits for another machine, a seat or money keeps none of their threads.
        """
        offers = [
            self._draft.memory.bare_offer(workers[0])
            for workers, verdict in found
            if verdict is None or verdict.block is Block.PRIORITY
        ]
        queues = self._queues(found)
        return self._index.before(self._layer.layer_id, queues, self._priority, offers)

    def _rank_text(self, found: Verdicts) -> str:
        if not self._index.ready_count(self._layer.layer_id):
            return ""
        before = self._before(found)
        tasks = sum(count for _, count in before)
        if not before:
            return "; it is next"
        ready = "1 ready task" if tasks == 1 else f"{tasks} ready tasks"
        layers = "1 layer" if len(before) == 1 else f"{len(before)} layers"
        verb = "comes" if tasks == 1 else "come"
        return f"; {ready} of {layers} {verb} first"

    def _paused(self) -> Unmet | None:
        """Return why nothing of the layer may begin, whoever asked for that."""
        layer, job = self._layer, self._job
        faults = self._draft.find(JobFaults, job.job_id)
        hold = self._draft.find(LayerHold, layer.layer_id)
        waits = layer.counts.get(TaskRunStatus.READY, 0) + layer.counts.get(
            TaskRunStatus.PENDING, 0
        )
        if layer.counts.get(TaskRunStatus.SUSPENDED, 0) and not waits:
            if faults is not None and faults.disabled_at is not None:
                what = faults.error_text or faults.error_class
                return Unmet(Block.PAUSED, f"the farm put the job aside: {what}")
            by = f" by {job.updated_by}" if job.updated_by else ""
            return Unmet(Block.PAUSED, f"it was paused{by}")
        if hold is not None and hold.until_at is not None:
            left = max(0, hold.until_at - self._draft.now) / 1000
            what = hold.error_text or hold.error_class
            return Unmet(Block.PAUSED, f"it is put off: {what}; it goes on in {left:.0f} s")
        return None

    def _waits_for(self) -> Unmet | None:
        if self._layer.job_waits:
            others = [
                _other_text(self._draft, one, self._job.job_id) for one in self._job.waits_for or ()
            ]
            more = f" and {len(others) - 3} more jobs" if len(others) > 3 else ""
            return Unmet(Block.DEPENDENCY, f"it waits for {', '.join(others[:3])}{more}")
        if not self._layer.unresolved:
            return None
        names = [
            other.name
            for layer_id in self._layer.depends_on
            if (other := self._draft.find(Layer, layer_id)) is not None
            and other.status is not TaskRunStatus.SUCCEEDED
        ]
        return Unmet(Block.DEPENDENCY, f"it waits for {', '.join(names)} to succeed")

    # ── workers ───────────────────────────────────────────────────────────────────────────────────

    def verdicts(self, dropped: Collection[Block] = ()) -> Verdicts:
        """Return why each kind of worker does not take the layer now; None: it does."""
        return [(workers, self._verdict(workers[0], dropped)) for workers in self._alike]

    def _verdict(self, worker: Worker, dropped: Collection[Block]) -> Unmet | None:
        """Return why a worker does not take the layer now."""
        off = _off(self._draft, worker)
        if off is not None:
            return off
        queues = self._draft.queues_of(worker.fleet_id)
        if self._layer.queue_id not in queues and Block.FLEET not in dropped:
            return Unmet(Block.FLEET, self._not_for_queue(worker))
        unfit = self._index.unfit(self._layer.layer_id, _offer(self._draft, worker), dropped)
        closed = "" if Block.HOURS in dropped else closed_for(worker)
        if closed and (unfit is None or unfit.block.position > Block.HOURS.position):
            return Unmet(Block.HOURS, f"it takes no work now: {closed}")
        if unfit is not None:
            return unfit
        if len(worker.sessions) < worker.threads or Block.PRIORITY in dropped:
            return None
        return Unmet(Block.PRIORITY, "all its threads are busy")

    def _not_for_queue(self, worker: Worker) -> str:
        pair = (self._layer.queue_id, worker.fleet_id)
        if self._draft.find(QueueFleetAssociation, *pair) is None:
            return "its fleet does not work for the queue"
        return "the queue is stopped for its fleet"

    def first_of(self, found: Verdicts, dropped: Collection[Block] = ()) -> Unmet | None:
        """Return the reason that the verdicts of all workers make; None: one takes the layer."""
        reason = reason_of(found)
        if reason is None or reason.block not in _UNFIT:
            return reason
        away = [
            (workers, verdict)
            for workers, verdict in found
            if verdict is not None
            and verdict.block in _AWAY
            and self._could(workers[0], {*dropped, Block.EXCLUDED, Block.LICENCE})
        ]
        return _away(away) or reason

    def _could(self, worker: Worker, dropped: Collection[Block]) -> bool:
        """True if a worker could take the layer, were it there and its threads free."""
        queues = self._draft.queues_of(worker.fleet_id)
        if self._layer.queue_id not in queues and Block.FLEET not in dropped:
            return False
        offer = self._draft.memory.bare_offer(worker)
        return self._index.unfit(self._layer.layer_id, offer, dropped) is None

    def _queues(self, found: Verdicts) -> list[QueueId]:
        """Return the queues whose work competes for the workers that could take the layer."""
        fleets = {
            workers[0].fleet_id
            for workers, verdict in found
            if verdict is None or verdict.block.position > Block.FLEET.position
        }
        queues = {queue for fleet in fleets for queue in self._draft.queues_of(fleet)}
        return sorted(queues | {self._layer.queue_id})

    def _funnel(self, found: Verdicts) -> list[Step]:
        stopped: Counter[Block] = Counter()
        for workers, verdict in found:
            if verdict is not None:
                stopped[verdict.block] += len(workers)
        left = sum(len(workers) for workers, _ in found)
        steps = []
        for block in Block:
            if block.position < Block.WORKERS.position:
                continue
            text = next(
                (one.text for _, one in found if one is not None and one.block is block), ""
            )
            steps.append(Step(reason=block, reached=left, stopped=stopped[block], text=text))
            left -= stopped[block]
        return steps

    def _what_if(self, reason: Unmet | None) -> list[WhatIf]:
        """Return what would be without the reason, and without each other that stops a worker."""
        if reason is None:
            return []
        stopping = {
            verdict.block
            for _, verdict in self.verdicts(self._dropped)
            if verdict is not None and verdict.block in _IN_DEMAND
        }
        found = []
        for block in sorted({reason.block, *stopping}, key=lambda one: one.position):
            if block is Block.WORKERS:
                continue
            dropped = {*self._dropped, block}
            verdicts = self.verdicts(dropped)
            after = self._reason(verdicts, dropped)
            able = sum(
                1 for _, verdict in verdicts if verdict is None or verdict.block is Block.PRIORITY
            )
            found.append(
                WhatIf(
                    drop=block,
                    workers=able,
                    next_reason="" if after is None else after.block,
                )
            )
        return found


def workers_alike(draft: Draft, job: Job) -> list[tuple[Worker, ...]]:
    """Return workers put together that get the same answer: each is asked about once."""
    groups: dict[tuple[object, ...], list[Worker]] = {}
    excluded = set(job.excluded_workers or ())
    leaving = draft.memory.index.leaving(job.job_id)
    for worker in draft.all(Worker):
        if worker.farm_id != job.farm_id or worker.deleted_at is not None:
            continue
        key = (
            _off(draft, worker),
            closed_for(worker),
            worker.fleet_id,
            worker.worker_id in excluded,
            worker.worker_id if worker.worker_id in leaving else None,
            len(worker.sessions) < worker.threads,
            replace(_offer(draft, worker), worker_id=NOBODY),
        )
        groups.setdefault(key, []).append(worker)
    return [tuple(group) for group in groups.values()]


def reason_of(found: Verdicts) -> Unmet | None:
    """Return the last reason that any worker gets to; None: one takes the layer."""
    if not found:
        return Unmet(Block.WORKERS, "the farm has no worker")
    if any(verdict is None for _, verdict in found):
        return None
    last = max(
        (verdict.block for _, verdict in found if verdict is not None),
        key=lambda block: block.position,
    )
    same: Counter[str] = Counter()
    for workers, verdict in found:
        if verdict is not None and verdict.block is last:
            same[verdict.text] += len(workers)
    count = sum(same.values())
    if last is Block.PRIORITY:
        return Unmet(last, _busy(count))
    total = sum(len(workers) for workers, _ in found)
    text, _ = same.most_common(1)[0]
    return Unmet(last, f"{text} ({count} of {total} workers come this far)")


def _away(found: Sequence[tuple[tuple[Worker, ...], Unmet]]) -> Unmet | None:
    """Return what keeps the only workers away that could take a layer; None: there are none."""
    same: Counter[Unmet] = Counter()
    for workers, verdict in found:
        same[verdict] += len(workers)
    if not same:
        return None
    first, _ = same.most_common(1)[0]
    count = sum(same.values())
    if count > 1:
        text = f"none of the {count} workers that could take it takes work: {first.text}"
        return Unmet(first.block, text)
    [worker] = found[0][0]
    subject = f"the only worker that could take it, {worker.host_name or worker.worker_id},"
    for opening in ("the worker ", "it "):
        if first.text.startswith(opening):
            return Unmet(first.block, f"{subject} {first.text.removeprefix(opening)}")
    return Unmet(first.block, f"{subject} does not: {first.text}")


def _offer(draft: Draft, worker: Worker) -> Offer:
    """Return what a thread of a worker offers; what busy ones hold is free when they ask."""
    if len(worker.sessions) < worker.threads:
        return draft.memory.offer(worker)
    return draft.memory.bare_offer(worker)


def _off(draft: Draft, worker: Worker) -> Unmet | None:
    """Return why a worker takes no work at all."""
    if worker.status is not WorkerStatus.STARTED:
        return Unmet(Block.WORKERS, f"the worker is {worker.status.lower().replace('_', ' ')}")
    if worker.disabled:
        faults = draft.find(WorkerFaults, worker.worker_id)
        if faults is not None and faults.quarantined_at is not None:
            return Unmet(Block.WORKERS, f"the worker is quarantined: {faults.cause}")
        by = f" by {worker.updated_by}" if worker.updated_by else ""
        return Unmet(Block.WORKERS, f"the worker was disabled{by}")
    if worker.draining:
        return Unmet(Block.WORKERS, "the worker is draining")
    return None


def _other_text(draft: Draft, job_id: JobId, waiting: JobId) -> str:
    """Return a job that must succeed first, and what has to be done about it if it will not."""
    need_not = f"grange job set {waiting} --after none"
    other = draft.find(Job, job_id)
    if other is None:
        return f"job {job_id} to succeed"
    name = f"job {other.name} ({job_id})"
    if other.lifecycle_status is JobLifecycleStatus.ARCHIVED:
        return f"{name}, which was deleted; say that it need not wait: {need_not}"
    if other.ended_at is not None:
        return f"{name}, which {_ENDED[other.status]}; requeue it, or {need_not}"
    return f"{name} to succeed"


_ENDED = {
    TaskRunStatus.FAILED: "failed",
    TaskRunStatus.CANCELED: "was canceled",
    TaskRunStatus.SUCCEEDED: "has succeeded",
}


def _busy(able: int) -> str:
    if able == 1:
        return "the one worker that could take it is busy"
    return f"all {able} workers that could take it are busy"
