"""The layer machine: counts of tasks, the status they add up to, and what waits for what."""

from collections.abc import Mapping
from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import (
    DependencyReopened,
    DependencySucceeded,
    LayerEvent,
    StatusChanged,
    TasksMoved,
)
from grange.domain.machine import Table, next_of
from grange.domain.statuses import TERMINAL, TaskRunStatus
from grange.domain.work import Counts, Layer
from grange.kernel.errors import InvalidTransitionError
from grange.kernel.units import Instant

_SHOWN = (
    TaskRunStatus.PENDING,
    TaskRunStatus.READY,
    TaskRunStatus.ASSIGNED,
    TaskRunStatus.RUNNING,
    TaskRunStatus.INTERRUPTING,
    TaskRunStatus.SUSPENDED,
    TaskRunStatus.CANCELED,
    TaskRunStatus.FAILED,
    TaskRunStatus.SUCCEEDED,
)

TABLE: Table[TaskRunStatus] = {
    **{
        status: {
            TasksMoved: _SHOWN,
            DependencySucceeded: (status,),
            DependencyReopened: (status,),
        }
        for status in _SHOWN
    },
    TaskRunStatus.STARTING: {},
    TaskRunStatus.SCHEDULED: {},
    TaskRunStatus.NOT_COMPATIBLE: {},
}

_PRECEDENCE = (
    TaskRunStatus.RUNNING,
    TaskRunStatus.ASSIGNED,
    TaskRunStatus.INTERRUPTING,
    TaskRunStatus.READY,
    TaskRunStatus.PENDING,
    TaskRunStatus.FAILED,
    TaskRunStatus.SUSPENDED,
    TaskRunStatus.CANCELED,
    TaskRunStatus.SUCCEEDED,
)


def summary(counts: Counts) -> TaskRunStatus:
    """Return the one status that the tasks of a layer show: work that moves, then work that waits.

    A layer without tasks has succeeded.
    """
    for status in _PRECEDENCE:
        if counts.get(status):
            return status
    return TaskRunStatus.SUCCEEDED


def moved(counts: Counts, old: TaskRunStatus, new: TaskRunStatus, count: int) -> Mapping[str, int]:
    """Return the counts after `count` tasks went from `old` to `new`.

    Raises:
        InvalidTransitionError: there are not that many tasks to move.
    """
    after = dict(counts)
    left = after.get(old, 0) - count
    if left < 0:
        raise InvalidTransitionError("Layer", "counts", old, f"move of {count} tasks", str(counts))
    if left:
        after[old] = left
    else:
        after.pop(old, None)
    after[new] = after.get(new, 0) + count
    return after


def apply(layer: Layer, event: LayerEvent) -> tuple[Layer, tuple[StatusChanged, ...]]:
    """Return the layer after `event`, and its change of status if there was one."""
    next_of(TABLE, "Layer", layer.layer_id, layer.status, event)
    match event:
        case TasksMoved():
            counts = moved(layer.counts, event.old, event.new, event.count)
            status = summary(counts)
            at = latest(layer.updated_at, event.at)
            after = replace(
                layer,
                counts=counts,
                status=status,
                retry_count=layer.retry_count + event.retried,
                started_at=started(layer.started_at, event),
                ended_at=_end(layer.ended_at, status, at),
                updated_at=at,
                updated_by=event.by or layer.updated_by,
            )
            if status is layer.status:
                return after, ()
            return after, (StatusChanged(old=layer.status, new=status, at=event.at),)
        case DependencySucceeded():
            return replace(layer, unresolved=layer.unresolved - 1), ()
        case DependencyReopened():
            return replace(layer, unresolved=layer.unresolved + 1), ()
        case _:
            assert_never(event)


def started(known: Instant | None, event: TasksMoved) -> Instant | None:
    """Return when the first task began, after tasks moved.

    Workers tell late, and not in the order in which things happened: the earliest start counts.
    """
    began = event.at if event.new is TaskRunStatus.RUNNING else event.started_at
    if known is None or began is None:
        return began if known is None else known
    return min(known, began)


def latest(known: Instant | None, at: Instant) -> Instant:
    """Return the latest moment at which tasks moved: what is told last may have happened before."""
    return at if known is None else max(known, at)


def _end(ended_at: Instant | None, status: TaskRunStatus, at: Instant) -> Instant | None:
    if status not in TERMINAL:
        return None
    return at if ended_at is None else ended_at


def check_invariants(layer: Layer) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    if sum(layer.counts.values()) != layer.task_count:
        raise AssertionError(f"{layer.layer_id} counts {layer.counts} of {layer.task_count} tasks")
    if any(count <= 0 for count in layer.counts.values()):
        raise AssertionError(f"{layer.layer_id} has an empty count: {layer.counts}")
    if layer.rest_count < 0 or layer.counts.get(layer.rest_status, 0) < layer.rest_count:
        raise AssertionError(f"{layer.layer_id} has {layer.rest_count} untouched tasks")
    if not 0 <= layer.unresolved <= len(layer.depends_on):
        raise AssertionError(f"{layer.layer_id} has {layer.unresolved} unresolved dependencies")
    if (layer.ended_at is not None) != (layer.status in TERMINAL):
        raise AssertionError(f"{layer.layer_id} is {layer.status} with end {layer.ended_at}")
