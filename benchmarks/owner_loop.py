"""Claims and completions per second through the owner loop: decide, commit, answer in order."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.batches import done
from benchmarks.contest import Contestant, Table, held
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.postgres import PostgresStore
from grange.adapters.sqlite import SqliteStore
from grange.domain.effects import Effect
from grange.domain.statuses import WorkerStatus
from grange.ports.state import StateStore
from grange.services.commands.farm_objects import Associate, CreateFarm, CreateFleet, CreateQueue
from grange.services.commands.jobs import CreateJob
from grange.services.commands.workers import CreateWorker
from grange.services.draft import Context
from grange.services.owner import Owner
from grange.services.reports import ReportSchedule, ReportWorker
from grange.services.templates import TaskSpaces, parse_job
from grange.testing.builders import job_template
from grange.testing.databases import create_database, drop_database

WORKERS = (1, 20, 200)
"""How many workers report at once; what waits together becomes one transaction."""


class OwnedFarm:
    """A farm behind an owner loop on an open store, without a door."""

    def __init__(self, store: StateStore) -> None:
        self.clock = SystemClock()
        context = Context(ids=RandomIds(self.clock), spaces=TaskSpaces())
        self.owner = Owner(store, self.clock, context, _nothing)

    async def start(self) -> None:
        """Make a farm, a queue and a fleet."""
        await self.owner.start()
        ask = self.owner.ask
        self.farm_id = (await ask(CreateFarm(name="f", by="ann")))["farmId"]
        farm = {"farm_id": self.farm_id, "by": "ann"}
        self.queue_id = (await ask(CreateQueue(name="q", **farm)))["queueId"]
        fleet = await ask(CreateFleet(name="l", max_worker_count=1000, **farm))
        self.fleet_id = fleet["fleetId"]
        await ask(Associate(queue_id=self.queue_id, fleet_id=self.fleet_id, **farm))

    async def submit(self, tasks: int) -> Any:
        """Submit a job of this many tasks and return its id."""
        text = msgspec.json.encode(job_template(frames=f"1-{tasks}")).decode()
        parsed = parse_job(text, "JSON", {})
        command = CreateJob(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            parsed=parsed,
            template=text,
            template_type="JSON",
            by="ann",
        )
        return (await self.owner.ask(command))["jobId"]

    async def worker(self) -> Any:
        """Register and start a worker and return its id."""
        ids = {"farm_id": self.farm_id, "fleet_id": self.fleet_id}
        made = await self.owner.ask(CreateWorker(by="w", **ids))
        report = ReportWorker(
            worker_id=made["workerId"],
            status=WorkerStatus.STARTED,
            attributes={"attr.worker.os.family": ("linux",)},
            **ids,
        )
        await self.owner.ask(report)
        return made["workerId"]

    async def work(self, worker_id: Any, tasks: int) -> None:
        """Complete this many tasks, one per report."""
        updates: Any = {}
        for _ in range(tasks + 1):
            report = ReportSchedule(
                farm_id=self.farm_id,
                fleet_id=self.fleet_id,
                worker_id=worker_id,
                updates=updates,
                native=True,
            )
            updates = done(await self.owner.ask(report), self.clock.now())


async def _nothing(_: Sequence[Effect]) -> None:
    """Perform no effects: nobody listens."""


async def rate(store: StateStore, workers: int, tasks: int) -> float:
    """Return claims and completions per second with this many workers."""
    await store.open()
    farm = OwnedFarm(store)
    try:
        await farm.start()
        await farm.submit(100_000)
        ids = [await farm.worker() for _ in range(workers)]
        each = max(1, tasks // workers)
        await asyncio.gather(*(farm.work(worker, 1) for worker in ids))
        start = time.perf_counter()
        await asyncio.gather(*(farm.work(worker, each) for worker in ids))
        return workers * each / (time.perf_counter() - start)
    finally:
        await farm.owner.stop()
        await store.close()


def on_sqlite(folder: Path, synchronous: str, workers: int, tasks: int) -> float:
    """Measure on SQLite."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = SqliteStore(Path(place) / "state.db", synchronous=synchronous)
        return asyncio.run(rate(store, workers, tasks))


def on_postgres(server: str, workers: int, tasks: int) -> float:
    """Measure on PostgreSQL."""

    async def run() -> float:
        url = await create_database(server)
        try:
            return await rate(PostgresStore(url), workers, tasks)
        finally:
            await drop_database(server, url)

    return asyncio.run(run())


def contests(folder: Path, server: str | None, rounds: int, scale: float) -> list[Table]:
    """Run the owner loop with 1, 20 and 200 workers on every database."""
    tables = []
    for workers in WORKERS:
        tasks = round((300 if workers == 1 else 1000) * scale)
        contestants = [
            Contestant(f"SQLite {level}", partial(on_sqlite, folder, level, workers, tasks))
            for level in ("NORMAL", "FULL")
        ]
        if server:
            contestants.append(
                Contestant("PostgreSQL", partial(on_postgres, server, workers, tasks))
            )
        title = f"Owner loop, {workers} worker{'s' if workers > 1 else ''} at once"
        tables.append(held(Table(title, "claim+complete/s"), contestants, rounds))
    return tables
