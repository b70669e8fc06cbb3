"""A whole farm in a process of its own, for `farms.py`: says where it is, runs until stdin ends.

Arguments: data folder, `full` or `normal`, and where the state is kept (empty: SQLite).
"""

import asyncio
import gc
import json
import sys
from pathlib import Path

import uvloop

from grange.testing.farm import LocalFarm


async def main(folder: Path, synchronous: str, state_url: str) -> None:
    async with LocalFarm(folder, state_url=state_url, synchronous=synchronous) as farm:
        gc.freeze()
        gc.set_threshold(50_000, 50, 1000)
        told = {
            "endpoint": farm.endpoint,
            "farm": farm.farm_id,
            "queue": farm.queue_id,
            "fleet": farm.fleet_id,
            "owner": [farm.ids.owner.key_id, farm.ids.owner.secret],
            "worker": [farm.ids.worker.key_id, farm.ids.worker.secret],
        }
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
