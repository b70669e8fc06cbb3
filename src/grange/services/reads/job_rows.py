"""One row per job, read without what is large of it: lists of many are made of these."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from grange.domain.farm import Queue
from grange.domain.statuses import LEASED, TaskRunStatus
from grange.domain.work import UNASSIGNED, Job, Layer
from grange.kernel.batches import batched
from grange.ports.state import AllOf, Condition, OneOf, Order, StateStore
from grange.scheduling.blocks import Unmet
from grange.services.why import WAITING

LAYERS_OF = 2000
"""So many jobs' layers are looked up at a time."""


class JobRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One job in a list. Many are kept, and none holds another: the collector passes them by."""

    job_id: str
    queue_id: str
    name: str
    user: str
    project: str
    priority: int
    status: str
    lifecycle_status: str
    counts: dict[str, int]
    """Tasks by status; a status without tasks is absent."""
    tasks_total: int
    frames_total: int
    frames_done: int
    created_at: int
    started_at: int | None
    ended_at: int | None
    cost: str | None = None
    """Decimal; None without a rate card, and in lists."""
    queue: str = ""
    """The queue's name."""
    shot: str | None = None
    sequence: str | None = None
    app: str | None = None
    tasks_running: int = 0
    tasks_failed: int = 0
    waits: str | None = None
    """What keeps it, in the scheduler's word; None: nothing does, as far as is known."""
    because: str | None = None
    """The same in words, as `grange job why` says it."""


_JOB = (
    "job_id",
    "queue_id",
    "name",
    "created_by",
    "attributes",
    "priority",
    "status",
    "lifecycle_status",
    "counts",
    "created_at",
    "started_at",
    "ended_at",
)
_LAYER = ("job_id", "task_count", "frame_count", "counts")
_LEASED = tuple(status.value for status in LEASED)
_Sums = dict[str, tuple[int, int, int]]
"""Job → tasks, frames, frames done."""


Why = Callable[[str], Unmet | None]


def unknown(_job_id: str) -> None:
    """Say why a job waits where nobody has looked."""


class JobRows:
    """Reads rows of jobs."""

    def __init__(self, store: StateStore, why: Why = unknown) -> None:
        """Read rows.

        Args:
            store: where from.
            why: says why a job waits, as it was found last.
        """
        self._store = store
        self._why = why

    async def some(self, job_ids: Iterable[str]) -> list[JobRow]:
        """Return rows of these jobs; of one that does not exist there is none."""
        return await self._rows(OneOf("job_id", tuple(job_ids)), (), None)

    async def first(
        self, where: Condition, limit: int, order: Sequence[Order] = ()
    ) -> list[JobRow]:
        """Return the first jobs of a condition in an order; what is alike comes newest first."""
        newest = (Order("created_at", descending=True), Order("job_id", descending=True))
        return await self._rows(where, (*order, *newest), limit)

    async def _rows(
        self, where: Condition, order: Sequence[Order], limit: int | None
    ) -> list[JobRow]:
        jobs = await self._store.columns(Job, _JOB, where, order=order, limit=limit)
        queue_ids = tuple({str(job[1]) for job in jobs})
        queues: dict[str, str] = dict(
            await self._store.columns(
                Queue, ("queue_id", "name"), AllOf((OneOf("queue_id", queue_ids),))
            )
        )
        rows: list[JobRow] = []
        for part in batched(jobs, LAYERS_OF):
            layers = await self._store.columns(
                Layer, _LAYER, OneOf("job_id", tuple(job[0] for job in part))
            )
            sums = _sums(layers)
            rows += [
                explained(_row(job, sums.get(job[0], (0, 0, 0)), queues), self._why(job[0]))
                for job in part
            ]
        return rows


def _sums(layers: Iterable[tuple[Any, ...]]) -> _Sums:
    found: _Sums = {}
    for job_id, task_count, frame_count, counts in layers:
        tasks, frames, done = found.get(job_id, (0, 0, 0))
        found[job_id] = (
            tasks + task_count,
            frames + (frame_count or 0),
            done + _frames_done(task_count, frame_count, counts),
        )
    return found


def _frames_done(task_count: int, frame_count: int | None, counts: Mapping[str, int]) -> int:
    """Return about how many frames are done; exact whenever all chunks are of one size."""
    if not frame_count or not task_count:
        return 0
    done = counts.get(TaskRunStatus.SUCCEEDED.value, 0)
    if done == task_count:
        return frame_count
    per_task = -(-frame_count // task_count)
    return min(frame_count, done * per_task)


def _row(job: tuple[Any, ...], sums: tuple[int, int, int], queues: Mapping[str, str]) -> JobRow:
    (job_id, queue_id, name, user, attributes, priority, status, lifecycle, counts, *times) = job
    tasks, frames, done = sums
    return JobRow(
        job_id=job_id,
        queue_id=queue_id,
        name=name,
        user=user,
        project=attributes.get("project", UNASSIGNED),
        priority=priority,
        status=status.value,
        lifecycle_status=lifecycle.value,
        counts=dict(counts),
        tasks_total=tasks,
        frames_total=frames,
        frames_done=done,
        created_at=times[0],
        started_at=times[1],
        ended_at=times[2],
        queue=queues.get(queue_id, ""),
        shot=_known(attributes, "shot"),
        sequence=_known(attributes, "sequence"),
        app=_known(attributes, "app"),
        tasks_running=sum([counts.get(status, 0) for status in _LEASED]),
        tasks_failed=counts.get(TaskRunStatus.FAILED.value, 0),
    )


def explained(row: JobRow, reason: Unmet | None) -> JobRow:
    """Return a row with the reason why its job waits, if it does."""
    waits = because = None
    if reason is not None and row.ended_at is None and _has_waiting(row):
        waits, because = reason.block.value, reason.text
    if row.waits == waits and row.because == because:
        return row
    return replace(row, waits=waits, because=because)


def _has_waiting(row: JobRow) -> bool:
    return any(row.counts.get(status, 0) for status in WAITING)


def _known(attributes: Mapping[str, str], name: str) -> str | None:
    value = attributes.get(name, UNASSIGNED)
    return None if value == UNASSIGNED else value
