"""Laying a farm's books out as the folder that Royal Render's scripts know (S0-59).

An export adds to what is in the folder: it writes anew what changed in the last days, and keeps the
rest. So a nightly export of two days keeps a folder complete.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from grange.kernel.batches import batched
from grange.kernel.clock import Clock
from grange.kernel.units import MILLIS_PER_DAY
from grange.rrdata import gather_days, gather_jobs, gather_settings, gather_workers
from grange.rrdata.door import Asks
from grange.rrdata.files import FileProblem, Kind, read_value, write_value
from grange.rrdata.history import SUFFIX, file_name
from grange.rrdata.jobs import HistoryFile
from grange.rrdata.place import (
    CLIENTS,
    CONTACTS,
    DAYS,
    FARM,
    FRAMES,
    GROUPS,
    HISTORY,
    INHOUSE,
    LICENSES,
    RENDER_TIMES,
    SERVER_STATS,
    FarmFile,
    Place,
    wall_seconds,
)
from grange.rrdata.workers import DAYS_KEPT, DayBlock, WorkerFile

T = TypeVar("T")

DEFAULT_DAYS = 31
_STATS_SUFFIX = ".stdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How many files of each kind were written."""

    days: int
    workers: int
    projects: int
    jobs: int
    frames: int


def export_farm(
    asks: Asks,
    root: Path,
    *,
    clock: Clock,
    days: int = DEFAULT_DAYS,
    frames: bool = True,
    anew: bool = False,
    tell: Callable[[str], None] = lambda _text: None,
) -> Exported:
    """Write the folder; each file changes in one step.

    Args:
        asks: who answers.
        root: the folder; it is made if it is not there.
        clock: the machine's clock.
        days: so many local days, today the last, are written anew.
        frames: whether the frames of the jobs of these days are written too.
        anew: whether jobs that have not changed since the last export are written again.
        tell: takes a line about how far it is.

    Raises:
        GrangeError: as the server answers.
        OSError: a file cannot be written.
    """
    about = asks.ask("books_about")
    place = Place()
    place.use(root=root, clock=clock, zone=ZoneInfo(about["zone"]))
    for folder in (DAYS, CLIENTS, FRAMES, HISTORY, INHOUSE, str(Path(FARM).parent)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    today = wall_seconds(place.local(about["now"])) // 86_400
    first = today - days + 1
    tell("settings")
    _settings(asks, root, place)
    tell("the farm's lists")
    write_value(root / SERVER_STATS, Kind.RINGS, gather_days.rings_file(asks, place))
    written_days = 0
    for unix_day in range(first, today + 1):
        file = gather_days.day_file(asks, unix_day, place)
        if file is not None:
            write_value(root / DAYS / f"{unix_day}{_STATS_SUFFIX}", Kind.DAY, file)
            written_days += 1
    tell(f"{written_days} days of jobs and groups")
    workers = _workers(asks, root, first, today, tell)
    since = about["now"] - days * MILLIS_PER_DAY
    projects, jobs, frame_files = _history(
        asks,
        root,
        place,
        since=since,
        until=about["now"] + 1,
        frames=frames,
        anew=anew,
        tell=tell,
    )
    write_value(
        root / FARM,
        Kind.FARM,
        FarmFile(
            farm_id=about["farm_id"],
            name=about["name"],
            zone=about["zone"],
            currency=about["currency"],
            exported_at=about["now"],
        ),
    )
    return Exported(
        days=written_days, workers=workers, projects=projects, jobs=jobs, frames=frame_files
    )


def _settings(asks: Asks, root: Path, place: Place) -> None:
    write_value(root / GROUPS, Kind.GROUPS, gather_settings.groups_file(asks))
    write_value(root / LICENSES, Kind.LICENSES, gather_settings.licenses_file(asks))
    write_value(root / CONTACTS, Kind.CONTACTS, gather_settings.contacts_file(asks, place))
    write_value(
        root / RENDER_TIMES, Kind.LAYER_TIMES, gather_settings.layer_times_file(asks, place)
    )


def _workers(asks: Asks, root: Path, first: int, today: int, tell: Callable[[str], None]) -> int:
    count = 0
    known = gather_workers.known_days(asks, first, today)
    for some in batched(gather_workers.workers(asks), gather_workers.AT_ONCE):
        anew = _days_of(asks, [worker_id for worker_id, _ in some], known)
        for worker_id, name in some:
            path = root / CLIENTS / file_name(name, _STATS_SUFFIX)
            before = _kept(path, Kind.CLIENT, WorkerFile(name=name))
            blocks = {block.day: block for block in before.days if not first <= block.day <= today}
            blocks |= anew[worker_id]
            kept = [blocks[day] for day in sorted(blocks) if day > today - DAYS_KEPT]
            if kept:
                write_value(path, Kind.CLIENT, WorkerFile(name=name, days=kept))
                count += 1
                tell(f"worker {name}: {len(kept)} days")
    return count


def _days_of(
    asks: Asks, worker_ids: Sequence[str], known: Mapping[int, Sequence[str]]
) -> dict[str, dict[int, DayBlock]]:
    """Return what is known of some workers, by worker and day."""
    found: dict[str, dict[int, DayBlock]] = {worker_id: {} for worker_id in worker_ids}
    for unix_day, of_day in known.items():
        wanted = [worker_id for worker_id in worker_ids if worker_id in of_day]
        if wanted:
            for worker_id, block in gather_workers.day_blocks(asks, wanted, unix_day).items():
                found[worker_id][unix_day] = block
    return found


def _history(
    asks: Asks,
    root: Path,
    place: Place,
    *,
    since: int,
    until: int,
    frames: bool,
    anew: bool,
    tell: Callable[[str], None],
) -> tuple[int, int, int]:
    """Write the projects; return how many there are, their jobs, and files of frames."""
    short_ids: dict[str, str] = {}
    frames_of_jobs: dict[str, int] = defaultdict(int)
    jobs = count = 0
    for project in gather_jobs.projects(asks):
        path = root / HISTORY / file_name(project, SUFFIX)
        before = _kept(path, Kind.HISTORY, HistoryFile(project=project))
        known = {} if anew else {job.full_id: job.changed for job in before.jobs}

        def changed(row: Mapping[str, Any], known: Mapping[str, datetime] = known) -> bool:
            return known.get(row["layer_id"]) != place.local(row["changed_at"])

        found = list(gather_jobs.records(asks, project, since=since, until=until, wanted=changed))
        new = gather_jobs.history_file(project, found, place)
        by_id = {job.full_id: job for job in (*before.jobs, *new.jobs)}
        write_value(path, Kind.HISTORY, HistoryFile(project=project, jobs=list(by_id.values())))
        for record in found:
            short_ids[record["layer_id"]] = record["short_id"]
            frames_of_jobs[record["job_id"]] += record["frames"]["total"] or 0
        jobs += len(found)
        count += 1
        tell(f"history of {project}: {len(found)} jobs that changed")
    written = 0
    wanted = list(frames_of_jobs.items()) if frames else []
    for layer_id, file in gather_jobs.frames_files(asks, wanted, place):
        if layer_id in short_ids:
            name = f"{short_ids[layer_id]}{_STATS_SUFFIX}"
            write_value(root / FRAMES / name, Kind.FRAMES, file)
            written += 1
    return count, jobs, written


def _kept(path: Path, kind: Kind, empty: T) -> T:
    """Return what a file held before; a damaged one is written anew."""
    try:
        found: Any = read_value(path, kind, type(empty))
    except FileProblem:
        return empty
    return found if isinstance(found, type(empty)) else empty
