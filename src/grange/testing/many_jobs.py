"""Many jobs written into a farm's state at once, for tests and measurements of long lists."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grange.adapters.sqlite import SqliteStore
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.ids import FarmId, JobId, QueueId, StepId, uuid7_hex
from grange.kernel.units import Instant
from grange.ports.state import Batch

USERS = ("ann", "bob", "ivo", "kim", "lea", "mia", "zoe")
PROJECTS = ("alien", "dune", "ghost")
KINDS = ("anim", "beauty", "comp", "fx", "light")
AT_A_TIME = 5_000
_FAILED_OF = 50
_SUSPENDED_OF = 20


def many_jobs(
    farm_id: str, queue_id: str, count: int, now: Instant, *, seed: int = 1
) -> Iterator[Job | Layer]:
    """Yield jobs that wait, one in twenty suspended, one in fifty with failed tasks; each a layer.

    Args:
        farm_id: the farm.
        queue_id: its queue.
        count: how many; they were submitted during the last two days.
        now: the latest submission.
        seed: of chance.
    """
    rng = random.Random(seed)  # noqa: S311 - examples
    for number in range(count):
        at = Instant(now - (count - number) * (2 * 86_400_000 // count))
        shot = f"sh{rng.randrange(400):04d}"
        project = rng.choice(PROJECTS)
        tasks = rng.choice((24, 48, 100, 120, 240))
        failed = rng.randrange(1, 9) if number % _FAILED_OF == 0 else 0
        status = TaskRunStatus.SUSPENDED if number % _SUSPENDED_OF == 1 else TaskRunStatus.READY
        counts = {status.value: tasks - failed}
        if failed:
            counts[TaskRunStatus.FAILED.value] = failed
            status = TaskRunStatus.FAILED
        job_id = JobId(f"job-{uuid7_hex(at, rng.randbytes(10))}")
        layer_id = StepId(f"step-{uuid7_hex(at, rng.randbytes(10))}")
        user = rng.choice(USERS)
        name = f"{project}_{shot}_{rng.choice(KINDS)}_v{rng.randrange(30):03d}"
        attributes = {"project": project, "shot": shot}
        yield Job(
            farm_id=FarmId(farm_id),
            queue_id=QueueId(queue_id),
            job_id=job_id,
            name=name,
            priority=rng.choice((50, 50, 50, 60, 80)),
            attributes=attributes,
            layer_ids=(layer_id,),
            status=status,
            counts=counts,
            created_at=at,
            created_by=user,
            target_status=TaskRunStatus.SUSPENDED,
        )
        yield Layer(
            farm_id=FarmId(farm_id),
            queue_id=QueueId(queue_id),
            job_id=job_id,
            layer_id=layer_id,
            name="render",
            index=0,
            attributes=attributes,
            frame_parameter="Frame",
            frame_count=tasks,
            task_count=tasks,
            rest_status=TaskRunStatus.SUSPENDED,
            status=status,
            counts=counts,
            created_at=at,
            created_by=user,
        )


def write_many_jobs(folder: Path, farm_id: str, queue_id: str, count: int, now: Instant) -> None:
    """Write many jobs into the data folder of a farm that does not run."""

    async def write() -> None:
        store = SqliteStore(folder / "state.db", synchronous="NORMAL")
        await store.open()
        rows: list[Job | Layer] = []
        for row in many_jobs(farm_id, queue_id, count, now):
            rows.append(row)
            if len(rows) >= AT_A_TIME:
                await store.commit(Batch(puts=list(rows)))
                rows.clear()
        await store.commit(Batch(puts=rows))
        await store.close()

    # The caller's thread may have a loop already.
    with ThreadPoolExecutor(1) as alone:
        alone.submit(lambda: asyncio.run(write())).result()
