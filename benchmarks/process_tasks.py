"""Tasks that are a process each: a farm with a real worker, openjd-sessions alone, dask.

The farm is `grange server` (every commit on the disk) and `grange worker run` with a job thread per
core. openjd-sessions alone runs as many sessions, each in a process of its own, and keeps nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from benchmarks.farms import ROOT, hear, program, say, steady_rate, submit
from benchmarks.real_server import real_server
from benchmarks.workers import TRUE, ended_tasks, worker_environment

FARM, OPENJD, DASK = "Grange, SQLite FULL", "openjd-sessions alone", "dask.distributed"
GOAL = 0.65


def threads() -> int:
    """Return how many job threads take part: one per core."""
    return os.cpu_count() or 1


def by_farm(folder: Path, tasks: int) -> float:
    """Return tasks per second through server and worker."""
    with tempfile.TemporaryDirectory(dir=folder) as place, real_server(folder) as told:
        job = submit(told, tasks, command=TRUE)
        words = [sys.executable, "-m", "grange", "worker", "run", "--allow-root", "--no-hail"]
        words += ["--data", str(Path(place) / "worker"), "--threads", str(threads())]
        words += ["--pass-env", "PYTHONPATH"]
        with subprocess.Popen(
            words,
            cwd=ROOT,
            env={**worker_environment(told), **_paths()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as worker:
            try:
                ended = ended_tasks(told, job, tasks)
            finally:
                worker.terminate()
                worker.wait()
    return steady_rate([at / 1000 for _, at in ended])


def _paths() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    return {} if known is None else {"PYTHONPATH": known}


def alone(folder: Path, tasks: int) -> float:
    """Return tasks per second of openjd-sessions, in as many processes."""
    each = tasks // threads()
    with ExitStack() as stack:
        running = [
            stack.enter_context(program("benchmarks.openjd_tasks", str(each), str(folder)))
            for _ in range(threads())
        ]
        for process in running:
            hear(process)
        for process in running:
            say(process, "go")
        moments = [at for process in running for at in json.loads(hear(process))]
    return steady_rate(moments)


def contests(
    folder: Path, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Run the three in turn."""
    tasks = max(60, round(500 * scale))
    table = Table(f"Tasks of {TRUE}, a process each, {threads()} job threads", "tasks/s")
    table.notes.append(
        "Grange and openjd-sessions: OpenJD sessions, a log kept. dask: subprocess.run in a worker"
        " process per core; no session, no log, nothing kept."
    )
    contestants = [
        Contestant(FARM, partial(by_farm, folder, tasks)),
        Contestant(OPENJD, partial(alone, folder, tasks)),
    ]
    if not with_peers:
        held(table, contestants, rounds)
    else:
        with program("benchmarks.peers.dask_tasks", python=peer("dask.distributed")) as dask:

            def run_dask() -> float:
                asked = {"what": "processes", "tasks": tasks, "workers": threads()}
                say(dask, json.dumps(asked))
                return float(hear(dask))

            held(table, [*contestants, Contestant(DASK, run_dask)], rounds)
    ratio = table.median(FARM) / table.median(OPENJD)
    return [table], [Goal("process tasks, end to end, vs openjd-sessions alone", GOAL, ratio)]
