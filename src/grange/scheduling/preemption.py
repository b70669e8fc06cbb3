"""Which running work makes room for more urgent work. Pure.

A task is stopped for that at most once: the second time it runs to its end. So nothing that is
served at last, because it has waited long, is stopped again and again.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.domain.policy import Preempt, SchedulingPolicy
from grange.scheduling.entry import Choice

PATIENCE = 4
"""A session ends after its tasks for work that has waited so many hours longer than is due to the
difference of priority: else a job without end would keep its threads for ever."""
Limit = Hashable
"""Something of which there is only so much: ready tasks, sessions, threads, licences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A job thread, and the work that would be given to it if it were free."""

    name: str
    """Of the session that holds it; empty: it is free, or will be in a moment."""
    wanted_priority: int
    takes: tuple[Limit, ...] = ()
    """What that work takes one of."""
    priority: int = 0
    """Of the work it does now."""
    frees: tuple[Limit, ...] = ()
    """What is given back if it stops."""
    lost_ms: int = 0
    """How long its task has run: that would be for nothing."""
    stopped_before: bool = False
    """Its task was stopped for more urgent work once."""


def outranks(policy: SchedulingPolicy, waiting: int, running: int) -> bool:
    """True if work that waits is urgent enough to be given the thread of work that runs."""
    return waiting - running >= policy.margin


def ends_after_frame(policy: SchedulingPolicy, waiting: int, running: int) -> bool:
    """True if a session takes no further task of its job, because of what waits."""
    return policy.preempt is not Preempt.OFF and outranks(policy, waiting, running)


def gives_way(policy: SchedulingPolicy, waiting: Choice, running: Choice) -> bool:
    """True if a session takes no further task of its job, for what waits: urgent, or very old."""
    hours = (running.band + running.priority) - (waiting.band + waiting.priority)
    if hours >= max(0, running.priority - waiting.priority) + PATIENCE:
        return True
    return waiting.priority > running.priority and ends_after_frame(
        policy, waiting.priority, running.priority
    )


def victims(
    policy: SchedulingPolicy, threads: Sequence[Thread], room: Mapping[Any, int]
) -> list[str]:
    """Return the sessions that are to be stopped, those that matter least first.

    Free threads, and those that are being stopped already, are reckoned with before any other.

    Args:
        policy: of the farm.
        threads: those that work which waits could take.
        room: how much there is of each `Limit`; what is absent is not limited.
    """
    if policy.preempt is not Preempt.NOW:
        return []
    left: dict[Limit, int] = dict(room)
    found = []
    for one in sorted(threads, key=_order):
        if one.name and (
            one.stopped_before or not outranks(policy, one.wanted_priority, one.priority)
        ):
            continue
        after = dict(left)
        for limit in one.frees:
            if limit in after:
                after[limit] += 1
        if any(after.get(limit, 1) < 1 for limit in one.takes):
            continue
        for limit in one.takes:
            if limit in after:
                after[limit] -= 1
        left = after
        if one.name:
            found.append(one.name)
    return found


def _order(one: Thread) -> tuple[bool, int, int, int, str]:
    return (bool(one.name), -one.wanted_priority, one.priority, one.lost_ms, one.name)
