"""The queue alone: claim a task and complete one, k of each per transaction, on SQLite.

Grange decides in memory and writes the two rows. A queue on SQLAlchemy Core keeps every task as a
row from the start, asks for the next one and updates it, statement by statement.

Both are measured as they run for days: once SQLite's log has its size, and is written over. While a
log grows, waiting for the disk takes twice as long, since the file system notes each new size.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import Engine, Index, MetaData, bindparam, select, text, update

from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.core_store import sqlite_engine
from grange.adapters.schema import METADATA
from grange.adapters.sqlite import SqliteStore
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Task
from grange.kernel.ids import FarmId, JobId, SessionActionId, StepId
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.testing.conformance.entities import parents_of

TASKS = 100_000
SIZES = {1: 300, 20: 100, 200: 25}
"""Claims and completions per transaction → transactions per round."""
STEADY = 30
"""Transactions without a longer log, before the clock starts."""
OURS, CORE = "Grange's store", "SQLAlchemy Core"
HEX = "0123456789abcdef0123456789abcdef"
ACTION = SessionActionId(f"sessionaction-{HEX}-0")
FIRST = Task(
    farm_id=FarmId(f"farm-{HEX}"),
    job_id=JobId(f"job-{HEX}"),
    layer_id=StepId(f"step-{HEX}"),
    index=0,
)


def _task(index: int, status: TaskRunStatus) -> Task:
    done = status is TaskRunStatus.SUCCEEDED
    return Task(
        farm_id=FIRST.farm_id,
        job_id=FIRST.job_id,
        layer_id=FIRST.layer_id,
        index=index,
        status=status,
        attempts=1,
        action_id=None if done else ACTION,
        latest_action_id=ACTION,
        started_at=Instant(1_767_225_600_000 + index),
        ended_at=Instant(1_767_225_601_000 + index) if done else None,
    )


class _Log:
    """SQLite's log beside a database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-wal")
        self._bytes = 0
        self._steady = 0

    def has_its_size(self) -> bool:
        """True if it has not grown for some transactions; to be asked after each."""
        now = self._path.stat().st_size
        self._steady = self._steady + 1 if now == self._bytes else 0
        self._bytes = now
        return self._steady >= STEADY


def _batches(size: int) -> Iterator[Batch]:
    for start in itertools.count(0, size):
        puts: list[Any] = []
        for index in range(start, start + size):
            puts.append(_task(index, TaskRunStatus.ASSIGNED))
            if index >= size:
                puts.append(_task(index - size, TaskRunStatus.SUCCEEDED))
        yield Batch(puts=puts)


async def _prepare(store: SqliteStore, eager: bool) -> None:
    await store.open()
    rows: list[Any] = [*parents_of(FIRST)]
    if eager:
        rows += [
            Task(farm_id=FIRST.farm_id, job_id=FIRST.job_id, layer_id=FIRST.layer_id, index=index)
            for index in range(TASKS)
        ]
    await store.commit(Batch(puts=rows))


def ours(folder: Path, synchronous: str, size: int, count: int) -> float:
    """Return claims and completions per second through Grange's store."""

    async def run(store: SqliteStore) -> float:
        await _prepare(store, eager=False)
        coming, log = _batches(size), _Log(path)
        while not log.has_its_size():
            await store.commit(next(coming))
        batches = list(itertools.islice(coming, count))
        start = time.perf_counter()
        for batch in batches:
            await store.commit(batch)
        took = time.perf_counter() - start
        await store.close()
        return size * count / took

    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "state.db"
        return uvloop.run(run(SqliteStore(path, synchronous=synchronous)))  # as the server


def core(folder: Path, synchronous: str, size: int, count: int) -> float:
    """Return claims and completions per second of a queue on SQLAlchemy Core."""

    async def prepare(store: SqliteStore) -> None:
        await _prepare(store, eager=True)
        await store.close()

    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "state.db"
        asyncio.run(prepare(SqliteStore(path, synchronous="NORMAL")))
        engine = sqlite_engine(path, synchronous)
        try:
            return _claim_with_core(engine, size, count, _Log(path))
        finally:
            engine.dispose()


def _claim_with_core(engine: Engine, size: int, count: int, log: _Log) -> float:
    table = METADATA.tables["tasks"].to_metadata(MetaData(), referred_schema_fn=None)
    with engine.begin() as connection:
        Index("tasks_by_status", table.c.layer_id, table.c.status, table.c.index).create(connection)
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    ready = (
        select(table.c.index)
        .where(table.c.layer_id == FIRST.layer_id, table.c.status == "READY")
        .order_by(table.c.index)
        .limit(1)
    )
    change = update(table).where(
        table.c.layer_id == FIRST.layer_id, table.c.index == bindparam("task")
    )
    claim = change.values(
        status="ASSIGNED",
        attempts=1,
        action_id=ACTION,
        latest_action_id=ACTION,
        started_at=bindparam("at"),
    )
    complete = change.values(status="SUCCEEDED", action_id=None, ended_at=bindparam("at"))
    claimed: list[int] = []

    def transaction() -> None:
        nonlocal claimed
        with engine.begin() as connection:
            done, claimed = claimed, []
            for place in range(size):
                index = connection.execute(ready).scalar_one()
                at = 1_767_225_600_000 + index
                connection.execute(claim, {"task": index, "at": at})
                claimed.append(index)
                if done:
                    connection.execute(complete, {"task": done[place], "at": at})

    while not log.has_its_size():
        transaction()
    start = time.perf_counter()
    for _ in range(count):
        transaction()
    return size * count / (time.perf_counter() - start)


def contests(folder: Path, rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Compare the two for every size of transaction."""
    tables, goals = [], []
    for size, transactions in SIZES.items():
        count = max(3, round(transactions * scale))
        for level in ("NORMAL", "FULL"):
            table = Table(
                f"Queue alone, {size} per transaction, SQLite {level}", "claim+complete/s"
            )
            contestants = [
                Contestant(OURS, partial(ours, folder, level, size, count)),
                Contestant(CORE, partial(core, folder, level, size, count)),
            ]
            tables.append(held(table, contestants, rounds))
            if size == 20:
                what = f"Claim+complete, 20 per transaction, {level}, vs SQLAlchemy Core"
                goals.append(Goal(what, 5.0, table.median(OURS) / table.median(CORE)))
    return tables, goals
