"""The inbox: what in a farm needs a person, found anew from the farm whenever somebody looks.

Jobs, workers and open actions are looked at in memory, a few thousand at a time, so that nothing
that dispatches waits; what failed is read from committed rows. An answer holds for two seconds,
however many pages ask.
"""

import asyncio
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from grange.domain.farm import Queue, QueueFleetAssociation
from grange.domain.faults import JobFaults, LayerHold, WorkerFaults
from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.domain.wrangling import ClearMark, Deed, Trouble, handling
from grange.kernel.batches import batched
from grange.kernel.clock import Clock
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId, JobId, QueueId, task_id
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.ports.room import Room
from grange.ports.state import IDS_AT_ONCE, AllOf, AnyOf, Compare, OneOf, Order, StateStore
from grange.services.commands.wrangle import NoteClear
from grange.services.owner import Owner
from grange.services.reads.latest import LatestSamples
from grange.services.reads.rows import alive, equals
from grange.services.why import AskWhy
from grange.services.wrangle.clusters import Cluster, Incident, with_incidents
from grange.services.wrangle.failures import LOOP, Attempt, Known, from_failures
from grange.services.wrangle.present import (
    Limits,
    Open,
    Stopped,
    full_disks,
    full_server,
    held,
    held_by_queue,
    quarantined,
    silent,
    stopped_queues,
    stuck,
    waiting,
)

HOLDS_MS = 2000
SLICE = 2000
MOST_ATTEMPTS = 5000
MOST_JOBS = 2000
MOST_DEEDS = 20


class DeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something somebody did, which can be undone."""

    deed_id: str
    cluster_id: str
    title: str
    fix: str
    text: str
    at: int
    by: str


class InboxAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What needs a person, and what was done about it."""

    now: int
    clear_since_at: int | None
    """Since when nothing is open; None: something is."""
    open: int
    snoozed: int
    handled: int
    lost_ms: int
    """Of open clusters: time of job threads."""
    clusters: list[Cluster]
    deeds: list[DeedRow]
    """Of the last day, newest first; those that were undone are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer, and the incidents behind it."""

    answer: InboxAnswer
    incidents: dict[str, list[Incident]]
    """By cluster."""

    def of(self, cluster_id: str) -> tuple[Cluster, list[Incident]]:
        """Return a cluster and its incidents.

        Raises:
            NotFoundError: there is none, or it is over.
        """
        for cluster in self.answer.clusters:
            if cluster.cluster_id == cluster_id:
                return cluster, self.incidents[cluster_id]
        raise NotFoundError("cluster", cluster_id)


class Inbox:
    """Finds what needs a person."""

    def __init__(
        self,
        *,
        store: StateStore,
        owner: Owner,
        latest: LatestSamples,
        room: Room,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._latest = latest
        self._room = room
        self._clock = clock
        self.limits = limits or Limits()
        self._known: dict[FarmId, tuple[Instant, Found]] = {}
        self._lock = asyncio.Lock()

    async def look(self, farm_id: FarmId, *, fresh: bool = False) -> Found:
        """Return what needs a person in a farm.

        Args:
            farm_id: the farm.
            fresh: never answer with what was found a moment ago.
        """
        async with self._lock:
            now = self._clock.now()
            known = self._known.get(farm_id)
            if known is not None and not fresh and 0 <= now - known[0] < HOLDS_MS:
                return known[1]
            found = await self._look(farm_id, now)
            self._known[farm_id] = (now, found)
            return found

    async def _look(self, farm_id: FarmId, now: Instant) -> Found:
        workers = await self._store.find(Worker, AllOf((alive(), equals(farm_id=farm_id))))
        stopped = self._stopped(farm_id)
        active = await self._active(farm_id, stopped)
        failures = await self._failures(farm_id, active, workers, now)
        blamed = {one.worker_id for one in failures if one.trouble is Trouble.WORKER}
        quiet = (worker for worker in workers if worker.worker_id not in blamed)
        strikes = {one.worker_id: one for one in self._owner.memory.tables[WorkerFaults].values()}
        incidents = [
            *quarantined(quiet, strikes, now),
            *silent(workers, self._owner.memory.last_seen, now),
            *stuck(self._open(workers), self.limits, now),
            *held(self._holds(farm_id)),
            *self._disks(workers, now),
            *failures,
            *(
                held_by_queue(job, stopped[job.queue_id])
                for job in active
                if job.queue_id in stopped and _count(job, TaskRunStatus.READY)
            ),
            *await self._waiting(
                farm_id, (job for job in active if job.queue_id not in stopped), now
            ),
        ]
        return await self._answer(farm_id, incidents, now)

    async def _answer(self, farm_id: FarmId, incidents: list[Incident], now: Instant) -> Found:
        deeds = await self._store.find(Deed, equals(farm_id=farm_id))
        shown = []
        behind: dict[str, list[Incident]] = {}
        for cluster, own_incidents in with_incidents(incidents):
            own = [deed for deed in deeds if deed.cluster_id == cluster.cluster_id]
            how = handling(own, Instant(cluster.last_at), now)
            behind[cluster.cluster_id] = own_incidents
            shown.append(
                msgspec.structs.replace(
                    cluster,
                    state=how.state,
                    snoozed_until_at=how.snoozed_until_at,
                    assignee=how.assignee,
                    deed_id=None if how.deed is None else how.deed.deed_id,
                    deed=None if how.deed is None else f"{how.deed.text} By {how.deed.by}.",
                )
            )
        open_ones = [one for one in shown if one.state == "open"]
        answer = InboxAnswer(
            now=now,
            clear_since_at=await self._clear_since(farm_id, bool(open_ones), now),
            open=len(open_ones),
            snoozed=sum(one.state == "snoozed" for one in shown),
            handled=sum(one.state == "handled" for one in shown),
            lost_ms=sum(one.lost_ms for one in open_ones),
            clusters=shown,
            deeds=[
                DeedRow(
                    deed_id=deed.deed_id,
                    cluster_id=deed.cluster_id,
                    title=deed.title,
                    fix=deed.fix,
                    text=deed.text,
                    at=deed.at,
                    by=deed.by,
                )
                for deed in sorted(deeds, key=lambda deed: -deed.at)[:MOST_DEEDS]
                if deed.undone_at is None and now - deed.at < MILLIS_PER_DAY
            ],
        )
        return Found(answer=answer, incidents=behind)

    async def _clear_since(self, farm_id: FarmId, something: bool, now: Instant) -> Instant | None:
        """Keep since when nothing is open, and return it."""
        mark = await self._store.get(ClearMark, (farm_id,))
        since = None if mark is None else mark.clear_since_at
        if something and since is not None:
            since = None
            await self._owner.ask(NoteClear(farm_id=farm_id, clear_since_at=None))
        elif not something and since is None:
            since = now
            await self._owner.ask(NoteClear(farm_id=farm_id, clear_since_at=now))
        return since

    # ── work in memory ────────────────────────────────────────────────────────────────────────────

    def _stopped(self, farm_id: FarmId) -> dict[QueueId, Stopped]:
        tables = self._owner.memory.tables
        return stopped_queues(
            [one for one in tables[Queue].values() if one.farm_id == farm_id],
            [one for one in tables[QueueFleetAssociation].values() if one.farm_id == farm_id],
        )

    async def _active(self, farm_id: FarmId, stopped: Container[QueueId]) -> list[Job]:
        """Return the jobs that have not ended and need a look: something failed, or all waits.

        What is left of a job of a stopped queue waits, even while some of it still runs.
        """
        found = []
        for number, job in enumerate(list(self._owner.memory.tables[Job].values())):
            if number % SLICE == SLICE - 1:
                await self._clock.sleep(0)
            if (
                job.farm_id == farm_id
                and job.ended_at is None
                and (
                    job.retry_count
                    or _count(job, TaskRunStatus.FAILED)
                    or _waits(job)
                    or job.queue_id in stopped
                )
            ):
                found.append(job)
        return found

    def _open(self, workers: Iterable[Worker]) -> Iterable[Open]:
        memory = self._owner.memory
        by_id = {worker.worker_id: worker for worker in workers}
        for action in list(memory.tables[SessionAction].values()):
            session = memory.tables[Session].get((action.session_id,))
            if session is None or session.worker_id not in by_id or action.ended_at is not None:
                continue
            job = memory.tables[Job].get((session.job_id,))
            if job is None:
                continue
            yield Open(
                action=action,
                session=session,
                job=job,
                layer=memory.tables[Layer].get((action.layer_id,)),
                worker=by_id[session.worker_id],
                pace_ms=memory.pace_ms.get(action.layer_id) if action.layer_id else None,
                is_first=bool(session.open_actions) and session.open_actions[0] == action.index,
            )

    def _holds(self, farm_id: FarmId) -> Iterable[tuple[LayerHold, Job]]:
        memory = self._owner.memory
        for hold in list(memory.tables[LayerHold].values()):
            job = memory.tables[Job].get((hold.job_id,))
            if hold.farm_id == farm_id and job is not None:
                yield hold, job

    def _disks(self, workers: Sequence[Worker], now: Instant) -> list[Incident]:
        free: dict[str, int] = {}
        for worker in workers:
            sample = self._latest.of(worker.worker_id, now)
            if sample is not None and sample.disk_free_bytes is not None:
                free[worker.worker_id] = sample.disk_free_bytes
        found = full_disks(free, workers, self.limits, now)
        return found if self._room.has_room() else [*found, full_server(now)]

    async def _waiting(self, farm_id: FarmId, jobs: Iterable[Job], now: Instant) -> list[Incident]:
        """Ask the scheduler about work that waits for long; alike jobs are asked about once."""
        groups: dict[tuple[object, ...], list[Job]] = {}
        for job in jobs:
            since = max(job.created_at, job.served_at or job.created_at)
            if _waits(job) and now - since >= self.limits.waits_ms:
                groups.setdefault(self._kind(job), []).append(job)
        found = []
        oldest = sorted(groups.values(), key=lambda group: min(job.created_at for job in group))
        for group in oldest[: self.limits.most_questions]:
            try:
                answer = await self._owner.ask(AskWhy(farm_id=farm_id, job_id=group[0].job_id))
            except NotFoundError:
                continue  # it was deleted a moment ago
            for job in group:
                one = waiting(job, str(answer.reason), answer.text)
                if one is not None:
                    found.append(one)
        return found

    def _kind(self, job: Job) -> tuple[object, ...]:
        """Return what the scheduler's answer about a job depends on, besides its rank."""
        layers = [self._owner.memory.tables[Layer].get((one,)) for one in job.layer_ids]
        return (
            job.queue_id,
            job.max_worker_count,
            job.excluded_workers,
            job.created_by,
            job.attributes.get("project"),
            tuple(
                (one.requirement, one.reserve_mib, one.attributes.get("app"), one.unresolved > 0)
                for one in layers
                if one is not None and one.status is not TaskRunStatus.SUCCEEDED
            ),
        )

    # ── what failed ───────────────────────────────────────────────────────────────────────────────

    async def _failures(
        self, farm_id: FarmId, active: Sequence[Job], workers: Sequence[Worker], now: Instant
    ) -> list[Incident]:
        since = Instant(now - self.limits.window_ms)
        ended = await self._store.find(
            Job,
            AllOf(
                (
                    equals(farm_id=farm_id),
                    Compare("ended_at", ">=", since),
                    Compare("lifecycle_status", "!=", "ARCHIVED"),
                    AnyOf(
                        (
                            Compare("status", "=", TaskRunStatus.FAILED.value),
                            Compare("retry_count", ">", 0),
                        )
                    ),
                )
            ),
            order=(Order("ended_at", descending=True),),
            limit=MOST_JOBS,
        )
        broken = [job for job in active if job.retry_count or _count(job, TaskRunStatus.FAILED)]
        jobs = {job.job_id: job for job in (*broken, *ended)}
        attempts = await self._attempts(jobs, workers, since)
        if not attempts:
            return []
        faults = self._owner.memory.tables[JobFaults]
        return from_failures(
            attempts,
            Known(
                succeeded_at=await self._succeeded(attempts),
                disabled={worker.worker_id for worker in workers if worker.disabled},
                aside={
                    job_id
                    for job_id in jobs
                    if (known := faults.get((job_id,))) is not None
                    and known.disabled_at is not None
                },
                failed={
                    job.job_id
                    for job in jobs.values()
                    if _count(job, TaskRunStatus.FAILED) or _count(job, TaskRunStatus.CANCELED)
                },
                lost={
                    job.job_id
                    for job in jobs.values()
                    if job.ended_at is not None and job.status is TaskRunStatus.FAILED
                },
            ),
        )

    async def _attempts(
        self, jobs: dict[JobId, Job], workers: Sequence[Worker], since: Instant
    ) -> list[Attempt]:
        """Return the failed attempts of jobs, newest first."""
        actions: list[SessionAction] = []
        for part in batched(list(jobs), IDS_AT_ONCE):
            actions += await self._store.find(
                SessionAction,
                AllOf(
                    (
                        OneOf("job_id", part),
                        Compare("status", "=", SessionActionStatus.FAILED.value),
                        Compare("ended_at", ">=", since),
                    )
                ),
                order=(Order("ended_at", descending=True),),
                limit=MOST_ATTEMPTS,
            )
        worker_of: dict[str, str] = {}
        for ids in batched(list({action.session_id for action in actions}), IDS_AT_ONCE):
            where = OneOf("session_id", ids)
            worker_of |= dict(
                await self._store.columns(Session, ("session_id", "worker_id"), where)
            )
        sore = await self._sore({action.job_id for action in actions})
        names: dict[str, str] = {worker.worker_id: worker.host_name for worker in workers}
        return [
            _attempt(action, jobs[action.job_id], worker_of[action.session_id], sore, names)
            for action in actions
            if action.session_id in worker_of
        ]

    async def _sore(self, job_ids: Iterable[str]) -> set[tuple[str, int]]:
        """Return the tasks that have not succeeded, and that nobody canceled."""
        found: set[tuple[str, int]] = set()
        for part in batched(sorted(job_ids), IDS_AT_ONCE):
            where = AllOf(
                (
                    OneOf("job_id", part),
                    Compare("status", "!=", TaskRunStatus.SUCCEEDED.value),
                    Compare("status", "!=", TaskRunStatus.CANCELED.value),
                )
            )
            found.update(await self._store.columns(Task, ("layer_id", "index"), where))
        return found

    async def _succeeded(self, attempts: Sequence[Attempt]) -> dict[str, Instant]:
        """Return when each worker that may be in a loop last did something well."""
        failed: dict[str, list[Instant]] = {}
        for one in attempts:
            failed.setdefault(one.worker_id, []).append(one.at)
        found: dict[str, Instant] = {}
        for worker_id, times in failed.items():
            if len(times) < LOOP:
                continue
            since = sorted(times)[-20:][0]
            sessions = await self._store.find(
                Session,
                AllOf(
                    (
                        equals(worker_id=worker_id),
                        AnyOf((Compare("ended_at", "=", None), Compare("ended_at", ">=", since))),
                    )
                ),
            )
            for part in batched([session.session_id for session in sessions], IDS_AT_ONCE):
                for action in await self._store.find(
                    SessionAction,
                    AllOf(
                        (
                            OneOf("session_id", part),
                            Compare("kind", "=", "task_run"),
                            Compare("status", "=", SessionActionStatus.SUCCEEDED.value),
                            Compare("ended_at", ">=", since),
                        )
                    ),
                    order=(Order("ended_at", descending=True),),
                    limit=1,
                ):
                    at = action.ended_at or since
                    found[worker_id] = max(found.get(worker_id, at), at)
        return found


def _count(job: Job, status: TaskRunStatus) -> int:
    return job.counts.get(status.value, 0)


def _waits(job: Job) -> bool:
    return job.open_sessions == 0 and _count(job, TaskRunStatus.READY) > 0


def _attempt(
    action: SessionAction,
    job: Job,
    worker_id: str,
    sore: set[tuple[str, int]],
    names: dict[str, str],
) -> Attempt:
    at = action.ended_at or action.assigned_at
    task = hurts = None
    if action.layer_id is not None and action.task_index is not None:
        task = task_id(action.layer_id, action.task_index)
        hurts = (action.layer_id, action.task_index) in sore
    text = str(action.usage.get("errorText") or action.progress_message or "").strip()
    if not text:
        code = action.exit_code
        text = "ended badly and said nothing" if code is None else f"ended with exit code {code}"
    return Attempt(
        job_id=job.job_id,
        job_name=job.name,
        session_id=action.session_id,
        worker_id=worker_id,
        worker=names.get(worker_id) or worker_id,
        task_id=task,
        attempt=action.attempt,
        text=text[:500],
        at=at,
        lost_ms=max(0, at - action.started_at) if action.started_at is not None else 0,
        hurts=job.status not in (TaskRunStatus.SUCCEEDED, TaskRunStatus.CANCELED)
        if hurts is None
        else hurts,
    )
