"""What follows from a failed attempt, by the class its log was given. Pure.

The class decides whether the failure counts against the task, the machine or the work itself.
What is known of earlier failures is kept beside jobs and workers, so that it survives a restart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from grange.kernel.ids import FarmId, JobId, StepId, WorkerId
from grange.kernel.units import Instant

MEMORY_FACTOR = 1.5
"""How much more memory is reserved after an attempt ran out of it."""
WORKERS_TO_STOP = 2
"""Different workers on which a task must fail alike before it is given up."""
STROKES_TO_EXCLUDE = 2
"""Failures a worker may be blamed for in one job before it is excluded from it."""
STROKES_TO_QUARANTINE = 3
"""Blamed failures in a row before a worker is quarantined, if they are of several jobs."""
JOBS_TO_QUARANTINE = 2
TASKS_TO_DISABLE = 3
"""Tasks given up for the work's own fault before a job that renders elsewhere is disabled."""
TASKS_TO_EXCLUDE = 3
"""Tasks that failed on a worker and that others did, before it is excluded from the job."""
FIRST_HOLD_MS = 60_000
LONGEST_HOLD_MS = 600_000
_MOST_BLAMES = 200


class Blame(Struct, frozen=True, kw_only=True):
    """One failed attempt."""

    layer_id: StepId
    index: int
    worker_id: WorkerId
    error_class: str
    passed_on: bool = False
    """Its worker leaves the task to others until one has taken it."""
    done_elsewhere: bool = False
    """Another worker did the task since, and its own none of the job."""


class JobFaults(Struct, frozen=True, kw_only=True):
    """What has gone wrong in a job, as far as it still counts."""

    farm_id: FarmId
    job_id: JobId
    blames: tuple[Blame, ...] = ()
    stopped: int = 0
    """Tasks given up for the work's own fault."""
    excluded: tuple[WorkerId, ...] = ()
    """Workers the farm excluded from it; people may have excluded others."""
    disabled_at: Instant | None = None
    """When the farm put the job aside; None: it did not."""
    error_class: str = ""
    error_rule: str = ""
    error_text: str = ""


class LayerHold(Struct, frozen=True, kw_only=True):
    """A layer that is not begun anywhere for a while: its licence was refused."""

    farm_id: FarmId
    job_id: JobId
    layer_id: StepId
    until_at: Instant | None
    """None: it goes on, and the next refusal counts as one more in a row."""
    refusals: int = 1
    """Refusals in a row: each doubles the pause."""
    error_class: str = ""
    error_rule: str = ""
    error_text: str = ""


class Stroke(Struct, frozen=True, kw_only=True):
    """A failure its worker is blamed for."""

    job_id: JobId
    error_class: str
    at: Instant


class WorkerFaults(Struct, frozen=True, kw_only=True):
    """What a worker is blamed for since it last did something well."""

    farm_id: FarmId
    worker_id: WorkerId
    strokes: tuple[Stroke, ...] = ()
    quarantined_at: Instant | None = None
    """When the farm disabled it; None: it did not."""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a class of error asks for."""

    counts: bool = True
    """The failure uses up one of the task's retries."""
    blames_worker: bool = False
    excludes_at_once: bool = False
    """The worker is excluded from the job the first time."""
    passes_on: bool = False
    """The task is tried on another worker next, if there is one."""
    stops_after_workers: bool = False
    """The task is given up once it failed alike on two different workers."""
    holds: bool = False
    """The layer pauses."""
    raises_memory: bool = False
    disables_job: bool = False
    """The work itself is at fault: a job that gets nowhere is put aside."""


POLICIES = {
    "licence": Policy(counts=False, holds=True),
    "memory": Policy(raises_memory=True, passes_on=True),
    "missing_input": Policy(stops_after_workers=True, disables_job=True),
    "scene": Policy(stops_after_workers=True, disables_job=True),
    "output": Policy(excludes_at_once=True),
    "crash": Policy(blames_worker=True, passes_on=True),
    "gpu": Policy(blames_worker=True, excludes_at_once=True),
    "setup": Policy(blames_worker=True, excludes_at_once=True),
    "no_output": Policy(stops_after_workers=True),
    "stuck": Policy(blames_worker=True, passes_on=True),
}
"""Error class → policy."""
OTHERS = Policy(passes_on=True)
"""Of a class that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt and what there is to know about it."""

    blame: Blame
    known: JobFaults
    failures: int
    """Failures of the task that counted, before this one."""
    max_retries: int
    free: frozenset[WorkerId]
    """Other workers that could do the layer now."""
    job_succeeded: int
    """Tasks of the job that have succeeded."""
    reserved_mib: int
    """Memory reserved for the layer, or used by the attempt if that is more."""
    largest_mib: int
    """Memory of the largest worker there is for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is to be done."""

    counts: bool
    stop: bool = False
    """The task is given up whatever retries it has left."""
    hold: bool = False
    reserve_mib: int | None = None
    exclude: bool = False
    """The worker gets nothing more of the job."""
    blame_worker: bool = False
    disable: bool = False
    faults: JobFaults
    """What is known of the job from now on."""


def judge(failure: Failure) -> Judgement:
    """Return what follows from a failed attempt."""
    blame, known = failure.blame, failure.known
    policy = POLICIES.get(blame.error_class, OTHERS)
    blames = _latest((*known.blames, blame))
    reserve = None
    if policy.raises_memory and failure.reserved_mib < failure.largest_mib:
        reserve = min(round(failure.reserved_mib * MEMORY_FACTOR), failure.largest_mib)
    counts = policy.counts and reserve is None
    alike = {
        one.worker_id
        for one in blames
        if (one.layer_id, one.index, one.error_class)
        == (blame.layer_id, blame.index, blame.error_class)
    }
    stop = policy.stops_after_workers and len(alike) >= WORKERS_TO_STOP
    gone = stop or (counts and failure.failures >= failure.max_retries)
    exclude = bool(failure.free) and (
        policy.excludes_at_once
        or (policy.stops_after_workers and not stop)
        or (policy.blames_worker and _strokes(blames, blame) >= STROKES_TO_EXCLUDE)
        or (
            policy.passes_on
            and counts
            and _done_elsewhere(blames, blame.worker_id) >= TASKS_TO_EXCLUDE
        )
    )
    stopped = known.stopped + (1 if gone and policy.disables_job else 0)
    disable = (
        gone
        and policy.disables_job
        and known.disabled_at is None
        and (not failure.job_succeeded or stopped >= TASKS_TO_DISABLE)
    )
    if gone:
        blames = _without_task(blames, blame)
    elif policy.passes_on and counts:
        blames = _passed_on(failure, blames)
    return Judgement(
        counts=counts,
        stop=stop,
        hold=policy.holds,
        reserve_mib=reserve,
        exclude=exclude,
        blame_worker=policy.blames_worker,
        disable=disable,
        faults=JobFaults(
            farm_id=known.farm_id,
            job_id=known.job_id,
            blames=blames,
            stopped=stopped,
            excluded=tuple(sorted({*known.excluded, *([blame.worker_id] if exclude else [])})),
            disabled_at=known.disabled_at,
            error_class=known.error_class,
            error_rule=known.error_rule,
            error_text=known.error_text,
        ),
    )


def task_taken(known: JobFaults, layer_id: StepId, index: int) -> JobFaults:
    """Return what is known of a job after a worker took a task that failed on others."""
    blames = tuple(
        replace(one, passed_on=False)
        if one.passed_on and (one.layer_id, one.index) == (layer_id, index)
        else one
        for one in known.blames
    )
    return known if blames == known.blames else replace(known, blames=blames)


def did_well(known: JobFaults, worker_id: WorkerId, layer_id: StepId, index: int) -> JobFaults:
    """Return what is known of a job after a worker did a task of it.

    The failures of the worker were those of their tasks, and failures at the task those of their
    workers.
    """
    blames = tuple(
        replace(one, done_elsewhere=True) if (one.layer_id, one.index) == (layer_id, index) else one
        for one in known.blames
        if one.passed_on or one.worker_id != worker_id or one.error_class in POLICIES
    )
    return known if blames == known.blames else replace(known, blames=blames)


def passing_on(known: JobFaults) -> dict[StepId, dict[int, frozenset[WorkerId]]]:
    """Return the tasks that others are to take, by layer, and the workers that leave them."""
    found: dict[StepId, dict[int, frozenset[WorkerId]]] = {}
    for one in known.blames:
        if one.passed_on:
            tasks = found.setdefault(one.layer_id, {})
            tasks[one.index] = tasks.get(one.index, frozenset()) | {one.worker_id}
    return found


def failed_on(known: JobFaults, layer_id: StepId, index: int) -> frozenset[WorkerId]:
    """Return the workers on which a task failed, as far as that still counts."""
    return frozenset(
        one.worker_id for one in known.blames if (one.layer_id, one.index) == (layer_id, index)
    )


def _passed_on(failure: Failure, blames: tuple[Blame, ...]) -> tuple[Blame, ...]:
    """Have the workers on which the task failed leave it to others.

    Where each of the others failed at it already, they have their turn again.
    """
    latest = failure.blame
    tried = {one.worker_id for one in blames if _is_same_task(one, latest)}
    if failure.free - tried:
        leave = tried
    elif failure.free:
        leave = {latest.worker_id}
    else:
        leave = set()
    return tuple(
        replace(one, passed_on=one.worker_id in leave) if _is_same_task(one, latest) else one
        for one in blames
    )


def _latest(blames: tuple[Blame, ...]) -> tuple[Blame, ...]:
    """Return the latest, and all of tasks that others are to take."""
    old = blames[:-_MOST_BLAMES]
    return (*(one for one in old if one.passed_on), *blames[-_MOST_BLAMES:])


def _without_task(blames: tuple[Blame, ...], latest: Blame) -> tuple[Blame, ...]:
    """Return the failures without those of a task that was given up: it was its own fault."""
    return tuple(
        replace(one, passed_on=False) if _is_same_task(one, latest) else one
        for one in blames
        if one.error_class in POLICIES or not _is_same_task(one, latest)
    )


def _is_same_task(one: Blame, other: Blame) -> bool:
    return (one.layer_id, one.index) == (other.layer_id, other.index)


def _done_elsewhere(blames: Iterable[Blame], worker_id: WorkerId) -> int:
    """Return how many tasks failed on a worker that others have done since."""
    return len(
        {
            (one.layer_id, one.index)
            for one in blames
            if one.worker_id == worker_id and one.done_elsewhere
        }
    )


def _strokes(blames: Iterable[Blame], latest: Blame) -> int:
    blaming = {name for name, policy in POLICIES.items() if policy.blames_worker}
    return sum(
        1 for one in blames if one.worker_id == latest.worker_id and one.error_class in blaming
    )


def hold_ms(refusals: int) -> int:
    """Return how long a layer pauses after so many refusals in a row."""
    return min(LONGEST_HOLD_MS, FIRST_HOLD_MS << min(refusals - 1, 10))


def earns_quarantine(strokes: Sequence[Stroke]) -> bool:
    """True if a worker failed too often in a row, and not for the fault of one job."""
    jobs = {stroke.job_id for stroke in strokes}
    return len(strokes) >= STROKES_TO_QUARANTINE and len(jobs) >= JOBS_TO_QUARANTINE
