"""What failed attempts say: whose fault it looks like, and what is worth a person's time. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grange.domain.signatures import says_disk_is_full, signature
from grange.domain.wrangling import Fix, Trouble
from grange.kernel.units import Instant
from grange.services.wrangle.clusters import Incident

LOOP = 3
"""So many failures alike, or in a row, are a loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One failed attempt."""

    job_id: str
    job_name: str
    session_id: str
    worker_id: str
    worker: str
    task_id: str | None
    attempt: int | None
    text: str
    at: Instant
    lost_ms: int
    hurts: bool
    """Its task has not succeeded since, and nobody canceled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known beside the attempts."""

    succeeded_at: Mapping[str, Instant]
    """Worker → its latest success, as far as it matters."""
    disabled: Collection[str]
    """Workers that take no work."""
    aside: Collection[str]
    """Jobs the farm put aside."""
    failed: Collection[str]
    """Jobs that have failed, or have tasks that did."""
    lost: Collection[str] = ()
    """Jobs that ended as failed."""


def from_failures(attempts: Sequence[Attempt], known: Known) -> list[Incident]:
    """Return the incidents that failed attempts make.

    A disk that is full is one by the first attempt that says so. A worker that failed three times
    in a row, at several jobs or where no other worker failed alike, is taken to be at fault.
    Whatever else fails three times alike, or has brought a job down, is the work's own trouble.
    """
    found: list[Incident] = []
    rest: list[Attempt] = []
    for one in attempts:
        if one.hurts and says_disk_is_full(one.text):
            found.append(_incident(Trouble.DISK, signature(one.text), one, known))
        else:
            rest.append(one)
    blamed, names = _loops(rest, known)
    found += [
        _incident(Trouble.WORKER, names[one.worker_id], one, known)
        for one in rest
        if one in blamed.get(one.worker_id, ())
    ]
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for one in rest:
        if one.hurts and one not in blamed.get(one.worker_id, ()):
            groups[signature(one.text)].append(one)
    for name, group in groups.items():
        jobs = {one.job_id for one in group}
        if len(group) >= LOOP or jobs & {*known.aside, *known.lost}:
            found += [_incident(Trouble.FAILING, name, one, known) for one in group]
    return found


def streaks(attempts: Iterable[Attempt], known: Known) -> dict[str, list[Attempt]]:
    """Return the failures of each worker since it last did something well, oldest first."""
    by_worker: dict[str, list[Attempt]] = defaultdict(list)
    for one in sorted(attempts, key=lambda one: one.at):
        if one.at > known.succeeded_at.get(one.worker_id, Instant(-1)):
            by_worker[one.worker_id].append(one)
    return by_worker


def _loops(
    attempts: Sequence[Attempt], known: Known
) -> tuple[dict[str, frozenset[Attempt]], dict[str, str]]:
    """Return the streaks of workers at fault, and what each is called."""
    alike: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in attempts:
        alike[one.job_id, signature(one.text)].add(one.worker_id)
    blamed: dict[str, frozenset[Attempt]] = {}
    names: dict[str, str] = {}
    for worker_id, streak in streaks(attempts, known).items():
        if len(streak) < LOOP:
            continue
        jobs = {one.job_id for one in streak}
        alone = all(len(alike[one.job_id, signature(one.text)]) == 1 for one in streak)
        if not (alone or len(jobs) > 1):
            continue
        blamed[worker_id] = frozenset(streak)
        common = Counter(signature(one.text) for one in streak).most_common()
        names[worker_id] = common[0][0] if len(common) == 1 else f"{common[0][0]} and others"
    return blamed, names


def _incident(trouble: Trouble, name: str, one: Attempt, known: Known) -> Incident:
    return Incident(
        trouble=trouble,
        signature=name,
        text=one.text,
        first_at=one.at,
        at=one.at,
        lost_ms=one.lost_ms,
        job_id=one.job_id,
        job_name=one.job_name,
        task_id=one.task_id,
        attempt=one.attempt,
        session_id=one.session_id,
        worker_id=one.worker_id,
        worker=one.worker,
        fixes=_fixes(trouble, one, known),
    )


def _fixes(trouble: Trouble, one: Attempt, known: Known) -> tuple[Fix, ...]:
    worker = Fix.ENABLE if one.worker_id in known.disabled else Fix.QUARANTINE
    requeue = (Fix.REQUEUE,) if one.job_id in known.failed else ()
    resume = (Fix.RESUME,) if one.job_id in known.aside else ()
    if trouble is Trouble.FAILING:
        return (*resume, *requeue, Fix.EXCLUDE, worker)
    return (worker, Fix.EXCLUDE, *requeue, *resume)
