"""Trouble that needs a person, and what people did about it. Values and pure rules.

A cluster of trouble is found anew from the farm each time somebody looks; only what people do is
kept. A cluster is open, snoozed, or handled: somebody acted on it and nothing of its kind happened
since.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from grange.kernel.ids import FarmId, JobId, StepId, WorkerId
from grange.kernel.units import Instant


class Trouble(StrEnum):
    """What is wrong. The order is that of the inbox."""

    DISK = "disk"
    """A disk is full."""
    WORKER = "worker"
    """A worker fails at everything."""
    FAILING = "failing"
    """Work fails again and again."""
    SILENT = "silent"
    """A worker is not heard from."""
    STUCK = "stuck"
    """A task runs far longer than it should, or was never begun."""
    LICENCE = "licence"
    """Work that got no licence."""
    WAITING = "waiting"
    """Work waits for a reason nobody will change by itself."""


class Fix(StrEnum):
    """What people do about trouble."""

    QUARANTINE = "quarantine"
    """Its workers finish their running tasks and take no other."""
    ENABLE = "enable"
    """Its workers take work again."""
    EXCLUDE = "exclude"
    """Its workers get nothing more of its jobs."""
    REQUEUE = "requeue"
    """Tasks of its jobs that failed or were canceled run again."""
    RESUME = "resume"
    """Its jobs that were put aside go on."""
    SNOOZE = "snooze"
    """It is not shown until a moment."""
    ASSIGN = "assign"
    """Somebody looks after it."""


SETTLES = frozenset({Fix.QUARANTINE, Fix.ENABLE, Fix.EXCLUDE, Fix.REQUEUE, Fix.RESUME})
"""After these the cluster is handled, until the trouble shows again."""


class TaskBefore(Struct, frozen=True, kw_only=True):
    """A task as it was before somebody had it run again."""

    layer_id: StepId
    index: int
    status: str
    attempts: int


class Deed(Struct, frozen=True, kw_only=True):
    """What somebody did about a cluster, with what is needed to take it back."""

    farm_id: FarmId
    deed_id: str
    cluster_id: str
    title: str
    """Of the cluster."""
    fix: Fix
    text: str
    """What it did, in words."""
    at: Instant
    by: str
    until_at: Instant | None = None
    """Of a snooze."""
    assignee: str | None = None
    """Of an assignment; None takes one back."""
    workers: tuple[WorkerId, ...] = ()
    """Workers that were disabled or enabled by it."""
    jobs: tuple[JobId, ...] = ()
    """Jobs it changed."""
    excluded: tuple[tuple[JobId, WorkerId], ...] = ()
    """Which workers were excluded from which jobs by it."""
    tasks: tuple[TaskBefore, ...] = ()
    """Tasks it had run again."""
    undone_at: Instant | None = None
    undone_by: str | None = None


class ClearMark(Struct, frozen=True, kw_only=True):
    """Since when nothing in a farm needs a person."""

    farm_id: FarmId
    clear_since_at: Instant | None = None
    """None: something does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What people do about one cluster now."""

    state: str
    """open, snoozed or handled."""
    snoozed_until_at: Instant | None = None
    assignee: str | None = None
    deed: Deed | None = None
    """The latest one that stands: it can be undone."""


def handling(deeds: Iterable[Deed], last_at: Instant, now: Instant) -> Handling:
    """Return how a cluster is handled.

    Args:
        deeds: what was done about it, in any order.
        last_at: when its trouble showed last.
        now: the instant of the question.
    """
    standing = sorted(
        (deed for deed in deeds if deed.undone_at is None), key=lambda deed: (deed.at, deed.deed_id)
    )
    latest = standing[-1] if standing else None
    snooze = next((deed for deed in reversed(standing) if deed.fix is Fix.SNOOZE), None)
    until = None if snooze is None else snooze.until_at
    assigned = next((deed for deed in reversed(standing) if deed.fix is Fix.ASSIGN), None)
    settled = any(deed.fix in SETTLES and deed.at >= last_at for deed in standing)
    if until is not None and until <= now:
        until = None
    state = "handled" if settled else "snoozed" if until is not None else "open"
    return Handling(
        state=state,
        snoozed_until_at=until,
        assignee=None if assigned is None else assigned.assignee,
        deed=latest,
    )
