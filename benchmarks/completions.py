"""Completions over the wire: tasks that nobody runs, as many per request as the protocol allows."""

import json
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from benchmarks.farms import hear, program, say, submit
from benchmarks.throughput import DASK, FULL, NORMAL

WORKERS = 20
PEER_WORKERS = 2
"""One per core: dask is slower with more."""


def by_farm(folder: Path, synchronous: str, tasks: int) -> float:
    """Return completions per second with simulated workers."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        program("benchmarks.farm_server", place, synchronous, "") as server,
    ):
        told = json.loads(hear(server))
        submit(told, 20 * tasks + 100 * WORKERS)
        with program("benchmarks.simulated_workers", str(WORKERS), str(tasks)) as workers:
            say(workers, json.dumps(told))
            hear(workers)
            say(workers, "go")
            moments: list[tuple[float, int]] = json.loads(hear(workers))
    return rate(moments)


def rate(moments: list[tuple[float, int]]) -> float:
    """Return completions per second between the first and last tenth of the requests."""
    moments = sorted(moments)
    first, last = len(moments) // 10, len(moments) - 1 - len(moments) // 10
    done = sum(count for _, count in moments[first + 1 : last + 1])
    return done / (moments[last][0] - moments[first][0])


def contests(
    folder: Path, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Run farms and dask in turn."""
    tasks = max(1000, round(10_000 * scale))
    table = Table(f"Completions over the wire, {WORKERS} simulated workers", "tasks/s")
    table.notes.append(
        "Each request reports all tasks a worker was assigned and is answered with the next ones."
        " HTTP, signed and checked requests, sessions, history, facts; dask keeps nothing."
    )
    ours = [
        Contestant(name, partial(by_farm, folder, level, tasks))
        for name, level in ((NORMAL, "normal"), (FULL, "full"))
    ]
    if not with_peers:
        return [held(table, ours, rounds)], []
    with program("benchmarks.peers.dask_tasks", python=peer("dask.distributed")) as dask:

        def run_dask() -> float:
            asked = {"what": "rate", "tasks": max(1000, tasks // 4), "workers": PEER_WORKERS}
            say(dask, json.dumps(asked))
            return float(hear(dask))

        held(table, [*ours, Contestant(DASK, run_dask)], rounds)
    ratio = table.median(FULL) / table.median(DASK)
    return [table], [
        Goal("completions over the wire, SQLite FULL, vs dask.distributed", 1.0, ratio)
    ]
