"""Puts single incidents together by what they have in common. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from grange.domain.signatures import cluster_id
from grange.domain.wrangling import Fix, Trouble
from grange.kernel.units import Instant

MOST_EXAMPLES = 5
QUARANTINED = "quarantined"
"""The signature of workers that the farm took from work."""
ORDER = {trouble: number for number, trouble in enumerate(Trouble)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One thing that went wrong once, or is wrong now."""

    trouble: Trouble
    signature: str
    text: str
    first_at: Instant
    at: Instant
    """When it showed last."""
    lost_ms: int = 0
    """Time of job threads it cost."""
    job_id: str | None = None
    job_name: str | None = None
    task_id: str | None = None
    attempt: int | None = None
    session_id: str | None = None
    worker_id: str | None = None
    worker: str | None = None
    fixes: tuple[Fix, ...] = ()


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One of the incidents of a cluster."""

    at: int
    text: str
    job_id: str | None = None
    job: str | None = None
    task_id: str | None = None
    attempt: int | None = None
    worker_id: str | None = None
    worker: str | None = None
    line: int | None = None
    """The line of the attempt's log that says it; None: not looked for, or not there."""
    page: str | None = None
    """The address of the page that shows it."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A job or worker of a cluster."""

    id: str
    name: str
    count: int
    """Incidents it had."""


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents with one signature."""

    cluster_id: str
    trouble: str
    signature: str
    title: str
    count: int
    lost_ms: int
    first_at: int
    last_at: int
    jobs: list[Named]
    workers: list[Named]
    examples: list[Example]
    """The newest ones."""
    fixes: list[str]
    """What can be done about it, the likeliest first."""
    state: str = "open"
    """open, snoozed or handled."""
    snoozed_until_at: int | None = None
    assignee: str | None = None
    deed_id: str | None = None
    """What somebody did last: it can be undone."""
    deed: str | None = None
    """What that was, in words."""


def clusters(incidents: Iterable[Incident]) -> list[Cluster]:
    """Return incidents put together by trouble and signature: the worst first."""
    return [cluster for cluster, _ in with_incidents(incidents)]


def with_incidents(incidents: Iterable[Incident]) -> list[tuple[Cluster, list[Incident]]]:
    """Return what `clusters` does, each cluster with its incidents."""
    groups: dict[tuple[Trouble, str], list[Incident]] = {}
    for one in incidents:
        groups.setdefault((one.trouble, one.signature), []).append(one)
    found = [(_cluster(trouble, name, group), group) for (trouble, name), group in groups.items()]
    return sorted(found, key=lambda pair: _place(pair[0]))


def _place(one: Cluster) -> tuple[int, int, int, str]:
    return (ORDER[Trouble(one.trouble)], -one.lost_ms, -one.count, one.cluster_id)


def _cluster(trouble: Trouble, name: str, group: Sequence[Incident]) -> Cluster:
    newest = sorted(group, key=lambda one: (-one.at, one.task_id or "", one.worker_id or ""))
    jobs = _named((one.job_id, one.job_name) for one in group)
    workers = _named((one.worker_id, one.worker) for one in group)
    return Cluster(
        cluster_id=cluster_id(trouble, name),
        trouble=trouble,
        signature=name,
        title=_title(trouble, newest[0], len(group), jobs, workers),
        count=len(group),
        lost_ms=sum(one.lost_ms for one in group),
        first_at=min(one.first_at for one in group),
        last_at=newest[0].at,
        jobs=jobs,
        workers=workers,
        examples=[
            Example(
                at=one.at,
                text=one.text,
                job_id=one.job_id,
                job=one.job_name,
                task_id=one.task_id,
                attempt=one.attempt,
                worker_id=one.worker_id,
                worker=one.worker,
                page=page_of(one.job_id, one.task_id, one.attempt, one.worker_id),
            )
            for one in newest[:MOST_EXAMPLES]
        ],
        fixes=list(dict.fromkeys(fix for one in newest for fix in one.fixes)),
    )


def _named(pairs: Iterable[tuple[str | None, str | None]]) -> list[Named]:
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for one, name in pairs:
        if one is not None:
            names[one] = name or one
            counts[one] = counts.get(one, 0) + 1
    return [
        Named(id=one, name=names[one], count=counts[one])
        for one in sorted(names, key=lambda one: (-counts[one], names[one], one))
    ]


def page_of(
    job_id: str | None, task_id: str | None, attempt: int | None, worker_id: str | None
) -> str | None:
    """Return the page that shows an incident: its log, its job, or its worker."""
    if job_id is not None and task_id is not None and attempt is not None:
        return f"/jobs/{job_id}/tasks/{task_id}/log?attempt={attempt}"
    if job_id is not None:
        return f"/jobs/{job_id}"
    return None if worker_id is None else f"/workers/{worker_id}"


def _title(
    trouble: Trouble,
    newest: Incident,
    count: int,
    jobs: Sequence[Named],
    workers: Sequence[Named],
) -> str:
    job = _who(jobs, "job")
    worker = _who(workers, "worker")
    times = "once" if count == 1 else f"{count} times"
    match trouble:
        case Trouble.DISK:
            return f"Disk full: {worker or 'the server'}"
        case Trouble.WORKER:
            if newest.signature != QUARANTINED:
                return f"{worker} failed {times} in a row"
            verb = "is" if len(workers) == 1 else "are"
            return f"{worker} {verb} quarantined: {newest.text}"
        case Trouble.FAILING:
            return f"{job} failed {times}" + (f" on {worker}" if workers else "")
        case Trouble.SILENT:
            return f"{worker} {'is' if len(workers) == 1 else 'are'} not heard from"
        case Trouble.STUCK:
            tasks = "a task" if count == 1 else f"{count} tasks"
            return f"{job}: {tasks} may be stuck"
        case Trouble.LICENCE:
            return f"{job} {'waits' if len(jobs) == 1 else 'wait'} for a licence"
        case _:
            return f"{job} {'waits' if len(jobs) == 1 else 'wait'}: {newest.text}"


def _who(named: Sequence[Named], noun: str) -> str:
    if not named:
        return ""
    return named[0].name if len(named) == 1 else f"{len(named)} {noun}s"
