"""Submitting 100,000 tasks, and what a waiting task costs: lazy (ours), eager rows, dask."""

import asyncio
import gc
import json
import tempfile
import time
import tracemalloc
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from benchmarks.farms import hear, program, say
from benchmarks.owner_loop import OwnedFarm
from grange.adapters.sqlite import SqliteStore
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Layer, Task
from grange.ports.state import Batch

TASKS = 100_000
JOBS = 20
"""Jobs in memory at once, for the bytes per task."""
LAZY, EAGER = "Grange: one layer row", "one row per task"


async def _with_farm(folder: Path, eager: bool) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = SqliteStore(Path(place) / "state.db", synchronous="NORMAL")
        await store.open()
        farm = OwnedFarm(store)
        try:
            await farm.start()
            await farm.submit(10)
            start = time.perf_counter()
            await farm.submit(TASKS)
            if eager:
                layer = next(row for row in await store.find(Layer) if row.task_count == TASKS)
                await store.commit(Batch(puts=[_row(layer, index) for index in range(TASKS)]))
            return (time.perf_counter() - start) * 1000
        finally:
            await farm.owner.stop()
            await store.close()


def _row(layer: Layer, index: int) -> Task:
    return Task(
        farm_id=layer.farm_id,
        job_id=layer.job_id,
        layer_id=layer.layer_id,
        index=index,
        status=TaskRunStatus.READY,
    )


async def _bytes_per_task(folder: Path) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = SqliteStore(Path(place) / "state.db", synchronous="NORMAL")
        await store.open()
        farm = OwnedFarm(store)
        try:
            await farm.start()
            await farm.submit(TASKS)
            gc.collect()
            tracemalloc.start()
            for _ in range(JOBS):
                await farm.submit(TASKS)
            gc.collect()
            found, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return found / (JOBS * TASKS)
        finally:
            await farm.owner.stop()
            await store.close()


def _bytes_of_dask() -> float:
    """Ask a fresh process: memory once freed is used again and would not be seen."""
    with program("benchmarks.peers.dask_tasks", python=peer("dask.distributed")) as dask:
        say(dask, json.dumps({"what": "bytes", "tasks": 20_000}))
        return float(hear(dask))


def _run(what: Coroutine[Any, Any, float]) -> float:
    return asyncio.run(what)


def contests(folder: Path, rounds: int, *, with_peers: bool) -> tuple[list[Table], list[Goal]]:
    """Compare submission and memory."""
    submit = Table(f"Submit {TASKS:,} tasks, SQLite NORMAL", "ms", higher_is_better=False)
    contestants = [
        Contestant(LAZY, lambda: _run(_with_farm(folder, eager=False))),
        Contestant(EAGER, lambda: _run(_with_farm(folder, eager=True))),
    ]
    held(submit, contestants, rounds)
    ratio = submit.median(EAGER) / submit.median(LAZY)
    goals = [Goal(f"Submit {TASKS:,} tasks vs eager rows", 30.0, ratio)]
    memory = Table("Memory of a waiting task", "bytes", higher_is_better=False)
    ours = Contestant("Grange", lambda: _run(_bytes_per_task(folder)))
    if not with_peers:
        return [submit, held(memory, [ours], rounds)], goals
    held(memory, [ours, Contestant("dask.distributed", _bytes_of_dask)], rounds)
    ratio = memory.median("Grange") / memory.median("dask.distributed")
    goals.append(Goal("Memory per waiting task vs dask.distributed", 0.01, ratio, at_most=True))
    return [submit, memory], goals
