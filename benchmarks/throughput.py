"""Tasks per second of whole systems: Grange, procrastinate, dask; tasks that do nothing."""

import asyncio
import json
from functools import partial
from pathlib import Path

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from benchmarks.farms import hear, program, say, tasks_per_second
from grange.testing.databases import create_database, drop_database

NORMAL, FULL, POSTGRES = "Grange, SQLite NORMAL", "Grange, SQLite FULL", "Grange, PostgreSQL"
PROCRASTINATE, DASK = "procrastinate, PostgreSQL", "dask.distributed"
WORKERS = 2
CONCURRENCY = 4
"""Of each procrastinate worker: it gains from several at once."""


def _on_postgres(folder: Path, server: str, tasks: int) -> float:
    url = asyncio.run(create_database(server))
    try:
        return tasks_per_second(folder, "full", url, tasks=tasks)
    finally:
        asyncio.run(drop_database(server, url))


def contests(
    folder: Path, server: str | None, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Run farms and peers in turn."""
    tasks = round(1000 * scale)
    table = Table("Whole system, 2 workers, 1 task per request", "tasks/s")
    table.notes.append(
        "Grange: HTTP, signed and checked requests, sessions, history and facts for the books. "
        "dask keeps nothing on disk. procrastinate and PostgreSQL wait for the disk, as FULL does."
    )
    ours = [
        Contestant(NORMAL, partial(tasks_per_second, folder, "normal", "", tasks=tasks)),
        Contestant(FULL, partial(tasks_per_second, folder, "full", "", tasks=tasks)),
    ]
    if server:
        ours.append(Contestant(POSTGRES, partial(_on_postgres, folder, server, tasks)))
    if not with_peers:
        return [held(table, ours, rounds)], []
    with program("benchmarks.peers.dask_tasks", python=peer("dask.distributed")) as dask:

        def run_dask() -> float:
            say(dask, json.dumps({"what": "rate", "tasks": tasks, "workers": WORKERS}))
            return float(hear(dask))

        contestants = [*ours, Contestant(DASK, run_dask)]
        if server:
            contestants.append(Contestant(PROCRASTINATE, partial(_procrastinate, server, tasks)))
        held(table, contestants, rounds)
    goals = [
        Goal("SQLite NORMAL, 2 workers, vs dask.distributed", 3.0, _ratio(table, NORMAL, DASK))
    ]
    if server:
        ratio = _ratio(table, FULL, PROCRASTINATE)
        goals.append(Goal("SQLite FULL, 2 workers, vs procrastinate", 1.3, ratio))
    return [table], goals


def _ratio(table: Table, ours: str, theirs: str) -> float:
    return table.median(ours) / table.median(theirs)


def _procrastinate(server: str, tasks: int) -> float:
    url = asyncio.run(create_database(server))
    try:
        with program(
            "benchmarks.peers.procrastinate_tasks", "bench", python=peer("procrastinate")
        ) as process:
            told = {"url": url, "tasks": tasks, "workers": WORKERS, "concurrency": CONCURRENCY}
            say(process, json.dumps(told))
            return float(hear(process))
    finally:
        asyncio.run(drop_database(server, url))
