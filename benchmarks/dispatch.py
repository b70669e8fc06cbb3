"""From the end of a task to the start of the next one: 200 workers and a server, over HTTP."""

import json
from pathlib import Path

from benchmarks import machine
from benchmarks.contest import Goal, Table
from benchmarks.farms import hear, program, say, submit
from benchmarks.readers import BROWSERS, browsers_open
from benchmarks.real_server import real_server

WORKERS = 200
SECONDS = 40.0
JOBS = (3, 40, 400, 4_000)
"""Tasks of the jobs that wait: the small ones end meanwhile, so sessions end and others open."""
SMALL_JOBS = 30
GOAL_MS = 20.0
P99 = "99th percentile"


def measured(folder: Path, workers: int, seconds: float, browsers: int = 0) -> list[float]:
    """Return how long job threads waited for their next task, in ms."""
    with real_server(folder) as told, browsers_open(told, browsers):
        for _ in range(SMALL_JOBS):
            submit(told, JOBS[0])
        for tasks in JOBS[1:]:
            submit(told, tasks)
        with program("benchmarks.worker_loops", str(workers), str(seconds)) as loops:
            say(loops, json.dumps(told))
            hear(loops)
            found: list[float] = json.loads(hear(loops))
    return sorted(found)


def share(found: list[float], part: float) -> float:
    """Return the value that this part of sorted values does not exceed."""
    return found[min(len(found) - 1, round(part * len(found)))]


def contests(folder: Path, rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Measure a farm of 200 workers."""
    workers = max(2, round(WORKERS * min(1.0, scale)))
    table = Table(
        f"From the end of a task to the start of the next, {workers} workers over HTTP",
        "ms",
        higher_is_better=False,
    )
    watched = Table(
        f"The same, 99th percentile, with {BROWSERS} browsers open", "ms", higher_is_better=False
    )
    for _ in range(rounds):
        looked_at = measured(folder, workers, SECONDS * max(0.25, scale), BROWSERS)
        before = machine.stolen()
        found = measured(folder, workers, SECONDS * max(0.25, scale))
        watched.figures.setdefault("nobody looks", []).append(share(found, 0.99))
        watched.figures.setdefault(f"{BROWSERS} browsers", []).append(share(looked_at, 0.99))
        for name, part in (("median", 0.5), ("95th percentile", 0.95), (P99, 0.99)):
            table.figures.setdefault(name, []).append(share(found, part))
        table.figures.setdefault("the longest", []).append(found[-1])
        table.notes.append(
            f"{len(found)} tasks, {len(found) / (SECONDS * max(0.25, scale)):.0f} a second;"
            f" {machine.stolen_percent(before)} % of the processor's time taken by others"
        )
    table.notes.append(
        "Tasks of 2 to 10 s, none assigned ahead. Each worker is the worker's own core on its own"
        " connections: wake stream, starts, ends, logs and samples. `grange server`, SQLite FULL."
    )
    return [table, watched], [
        Goal("dispatch at the 99th percentile, ms", GOAL_MS, table.median(P99), at_most=True)
    ]
