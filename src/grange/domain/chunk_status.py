"""Chunks as one line: Constellation's five statuses, what a group of chunks is, how far it is.

The words are Constellation's, so that an imported database and a job of this farm read alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from grange.domain.statuses import TaskRunStatus


class ChunkStatus(StrEnum):
    """Where a chunk, or a group of them, stands."""

    QUEUE = "QUEUE"
    RENDERING = "RENDERING"
    HALT = "HALT"
    """Of a chunk: somebody stopped it. Of a group: it is begun, not done, and nothing renders."""
    DONE = "DONE"
    ERROR = "ERROR"


HALTED = "HALTED"
"""How a group in HALT is spelled."""

OF_TASK: Mapping[TaskRunStatus, ChunkStatus] = {
    TaskRunStatus.PENDING: ChunkStatus.QUEUE,
    TaskRunStatus.READY: ChunkStatus.QUEUE,
    TaskRunStatus.ASSIGNED: ChunkStatus.RENDERING,
    TaskRunStatus.STARTING: ChunkStatus.RENDERING,
    TaskRunStatus.SCHEDULED: ChunkStatus.RENDERING,
    TaskRunStatus.INTERRUPTING: ChunkStatus.RENDERING,
    TaskRunStatus.RUNNING: ChunkStatus.RENDERING,
    TaskRunStatus.SUSPENDED: ChunkStatus.HALT,
    TaskRunStatus.CANCELED: ChunkStatus.HALT,
    TaskRunStatus.NOT_COMPATIBLE: ChunkStatus.HALT,
    TaskRunStatus.FAILED: ChunkStatus.ERROR,
    TaskRunStatus.SUCCEEDED: ChunkStatus.DONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a group of chunks is; errors are counted apart, never as done."""

    queued: int = 0
    rendering: int = 0
    halted: int = 0
    done: int = 0
    errors: int = 0

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return self.queued + self.rendering + self.halted + self.done + self.errors

    def percent(self, count: int) -> float:
        """Return how many of a hundred chunks so many are."""
        return 100 * count / self.chunks if self.chunks else 0.0

    @property
    def status(self) -> str:
        """Return the status of the group (ledger S1-03).

        Any error: ERROR. All done: DONE. All waiting: QUEUE. Any rendering: RENDERING. Anything
        else is begun and rests: HALTED.
        """
        if self.errors:
            return ChunkStatus.ERROR.value
        if self.chunks and self.done == self.chunks:
            return ChunkStatus.DONE.value
        if self.queued == self.chunks:
            return ChunkStatus.QUEUE.value
        return ChunkStatus.RENDERING.value if self.rendering else HALTED


def progress_of(statuses: Iterable[ChunkStatus]) -> Progress:
    """Return how far chunks in these statuses are."""
    return _progress(Counter(statuses))


def progress_of_tasks(counts: Iterable[Mapping[str, int]]) -> Progress:
    """Return how far layers are whose tasks by status are these."""
    sums: Counter[ChunkStatus] = Counter()
    for one in counts:
        for status, count in one.items():
            sums[OF_TASK[TaskRunStatus(status)]] += count
    return _progress(sums)


def _progress(sums: Counter[ChunkStatus]) -> Progress:
    return Progress(
        queued=sums[ChunkStatus.QUEUE],
        rendering=sums[ChunkStatus.RENDERING],
        halted=sums[ChunkStatus.HALT],
        done=sums[ChunkStatus.DONE],
        errors=sums[ChunkStatus.ERROR],
    )


def elapsed_text(seconds: int) -> str:
    """Return a span as days:hours:minutes:seconds: 1000 is `0:0:16:40` (ledger S1-15)."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}:{hours}:{minutes}:{rest}"


def mean_frame_seconds(start: float, end: float, frames: int, skipped: int = 0) -> float | None:
    """Return what a frame of a chunk took on average (ledger S1-09).

    Args:
        start: when the chunk began, in seconds.
        end: when it ended.
        frames: how many frames it has.
        skipped: how many of them were not rendered, since they were there already.

    Returns:
        None if nothing was rendered.
    """
    rendered = frames - skipped
    return (end - start) / rendered if rendered > 0 else None
