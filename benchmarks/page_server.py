"""A farm with many active jobs in a process of its own, for `page.py`; jobs change when told.

Arguments: data folder, and how many jobs. It says where it is, then takes lines:
`changes PER_SECOND SECONDS` changes that many jobs a second for so long and answers `done`.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

import uvloop
from msgspec.structs import replace

from grange.domain.work import Job
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.server.serve import put_loop_first, settle_garbage, spare_collections
from grange.testing.farm import LocalFarm
from grange.testing.many_jobs import write_many_jobs

TICKS_PER_SECOND = 10


async def change(farm: LocalFarm, per_second: int, seconds: float) -> None:
    """Change jobs as the owner's commits do: rows first, then the word that they changed."""
    context = farm.api.context
    jobs = await context.store.find(Job)
    rng = random.Random(1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        batch = []
        for _ in range(per_second // TICKS_PER_SECOND):
            at = rng.randrange(len(jobs))
            total = sum(jobs[at].counts.values())
            done = rng.randrange(total + 1)
            counts = {"SUCCEEDED": done, "READY": total - done}
            jobs[at] = replace(jobs[at], counts={k: v for k, v in counts.items() if v})
            batch.append(jobs[at])
        await context.store.commit(Batch(puts=batch))
        for job in batch:
            context.live.touch(job.farm_id, "job", job.job_id)
            context.board.touch(job.farm_id, "job", job.job_id)
        await asyncio.sleep(max(0, 1 / TICKS_PER_SECOND - (time.monotonic() - began)))


async def main(folder: Path, count: int) -> None:
    async with LocalFarm(folder) as farm:
        ids = farm.ids
    now = Instant(int(time.time() * 1000))
    await asyncio.to_thread(write_many_jobs, folder, ids.farm_id, ids.queue_id, count, now)
    # As the server's own process does it.
    put_loop_first()
    spare_collections()
    async with LocalFarm(folder, synchronous="normal") as farm:
        await farm.api.rest.warm()
        settle_garbage()
        link = await asyncio.to_thread(
            farm.connect().call, "POST", "/api/v1/login-links", body={}, service="grange"
        )
        told = {
            "endpoint": farm.endpoint,
            "login": link["url"],
            "farm": farm.farm_id,
            "queue": farm.queue_id,
            "fleet": farm.fleet_id,
            "owner": [farm.ids.owner.key_id, farm.ids.owner.secret],
            "worker": [farm.ids.worker.key_id, farm.ids.worker.secret],
        }
        print(json.dumps(told), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            _, per_second, seconds = line.split()
            await change(farm, int(per_second), float(seconds))
            print("done", flush=True)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
