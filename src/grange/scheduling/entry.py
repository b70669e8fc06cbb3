"""What the index knows of a layer, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from grange.domain.licences import PoolKey
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.ids import JobId, StepId, WorkerId
from grange.scheduling.lane import Lane, Place

_READY = TaskRunStatus.READY


Left = Mapping[int, frozenset[WorkerId]]
"""Tasks that failed, by index, and the workers that leave them to others."""


@dataclass(slots=True)
class Entry:
    """What the index knows of one layer."""

    job: Job
    """As it was told of last."""
    layer: Layer
    """As it was told of last."""
    layer_id: StepId
    job_id: JobId
    place: Place
    version: int = -1
    """Of the farm's limits when it was put in its place."""
    priority: int = 0
    pools: tuple[PoolKey, ...] = ()
    fits: set[int] = field(default_factory=set)
    """Kinds of offers that its demand is known to fit."""
    lane: Lane | None = None
    """Where it stands; None: it is not offered, or no session may begin on it."""
    ready: int = 0
    """How many of its tasks are ready."""
    open_to_sessions: bool = True
    """The job may have one more session."""
    spent: str = ""
    """Name of the budget that is spent and stops it; empty: none does."""
    excluded: frozenset[WorkerId] = frozenset()
    left: Left = field(default_factory=dict)
    returned: list[int] = field(default_factory=list)
    """Indices of touched tasks that are READY, ascending."""
    ahead: set[int] = field(default_factory=set)
    """Touched tasks at or beyond next_index (and some that were, before the cursor passed them)."""
    offered: bool = False

    def stays_with(self, job: Job, layer: Layer, band: int, version: int) -> bool:
        """True if its place is the same as before, though the job may have other sessions."""
        known = self.job
        return (
            band == self.place.band
            and job.priority == self.priority
            and job.attributes is known.attributes
            and job.excluded_workers is known.excluded_workers
            and self.is_alike(layer, version)
        )

    def is_alike(self, layer: Layer, version: int) -> bool:
        """True if nothing of a layer has changed since that decides on its place."""
        known = self.layer
        return (
            layer.requirement is known.requirement
            and layer.attributes is known.attributes
            and layer.reserve_mib == known.reserve_mib
            and layer.reserve_cores == known.reserve_cores
            and version == self.version
        )

    @property
    def is_choosy(self) -> bool:
        """Whether some workers may not have it, or some of its tasks."""
        return bool(self.excluded or self.left)

    def shuns(self, worker_id: WorkerId) -> bool:
        """True if a worker may have none of its ready tasks, whatever it offers."""
        if worker_id in self.excluded:
            return True
        if not self.left or self.ready > len(self.returned):
            return False
        return all(worker_id in self.left.get(index, ()) for index in self.returned)

    @property
    def is_open(self) -> bool:
        """Whether a session may begin on it, as far as the job itself is concerned."""
        return self.open_to_sessions and not self.spent

    @property
    def is_rest_ready(self) -> bool:
        """Whether the tasks that nobody has touched are ready."""
        return self.layer.rest_status is _READY


class Choice(Struct, frozen=True, gc=False):
    """The layer a worker should work on next."""

    layer_id: StepId
    job_id: JobId
    priority: int
    ready_count: int
    band: int = 0
    """How urgent it is, its waiting included: less is more urgent."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why a worker gets no work.

    no_queue, no_work, not_capable, licence, quota or worker_limit.
    """

    reason: str
