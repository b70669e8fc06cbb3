"""What a fix of the inbox would do, in words, before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.domain.work import Job, Worker
from grange.domain.wrangling import Fix
from grange.kernel.units import Instant, iso8601
from grange.ports.state import StateStore
from grange.services.actions import consequence_for_jobs, consequence_for_workers, stops
from grange.services.commands.job_actions import JobAction

_ORDERS = {Fix.QUARANTINE: "disable", Fix.ENABLE: "enable"}
_ACTIONS = {Fix.REQUEUE: JobAction.REQUEUE, Fix.RESUME: JobAction.RESUME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What a fix reaches."""

    jobs: Sequence[Job]
    workers: Sequence[Worker]
    stuck: int = 0
    """Running tasks that are given back."""
    lost_ms: int = 0
    until_at: int | None = None
    assignee: str | None = None


async def consequence(store: StateStore, fix: Fix, reached: Reached, now: Instant) -> str:
    """Return what a fix would do."""
    if fix in _ORDERS:
        found = await consequence_for_workers(store, _ORDERS[fix], reached.workers, now)
        return found.text
    if fix in _ACTIONS and not reached.stuck:
        return (await consequence_for_jobs(store, _ACTIONS[fix], reached.jobs, now)).text
    return _words(fix, reached)


def _words(fix: Fix, reached: Reached) -> str:
    match fix:
        case Fix.EXCLUDE:
            return (
                f"Gives {_named([one.host_name or one.worker_id for one in reached.workers])}"
                f" no more tasks of {_named([job.name for job in reached.jobs])}."
            )
        case Fix.SNOOZE:
            if reached.until_at is None:
                return "Shows it no more."
            return f"Does not show it until {iso8601(Instant(reached.until_at))}."
        case Fix.ASSIGN:
            who = reached.assignee
            return "Nobody looks after it any more." if who is None else f"{who} looks after it."
        case _:
            what = stops(reached.stuck, reached.lost_ms)
            return f"{what.capitalize()}; they run again elsewhere."


def _named(names: Sequence[str]) -> str:
    if len(names) <= 3:
        return ", ".join(names) or "nothing"
    return f"{', '.join(names[:3])} and {len(names) - 3} more"
