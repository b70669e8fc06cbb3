"""Workers that report without running anything, many in one process.

Each has a connection of its own and tells, with every UpdateWorkerSchedule, that all tasks it was
assigned have succeeded; the reply brings the next ones. Arguments: how many workers, and for how
many completions. Reads what `farm_server.py` told from stdin; says "ready", waits for a line, and
prints when how many tasks were acknowledged, in seconds, as JSON.
"""

import asyncio
import gc
import json
import sys
import time
from typing import Any

import msgspec
import uvloop

from benchmarks.connection import CLOCK, Connection, join
from benchmarks.farm_worker import CAPABILITIES
from grange.kernel.units import iso8601

WARM_UP_REQUESTS = 8
"""Of each worker: then it has as many tasks ahead as it will get."""


class Worker:
    """One worker: what it will report next, and when it was heard."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._body, self._count = b"{}", 0
        self.moments: list[tuple[float, int]] = []

    async def report(self) -> int:
        """Report once; return how many completions that were."""
        told = self._count
        reply = await self._connection.call("PATCH", f"{self._path}/schedule", self._body)
        self.moments.append((time.monotonic(), told))
        self._body, self._count = _done(reply)
        return told


class Race:
    """How many completions are still wanted of all workers together."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted

    async def run(self, worker: Worker) -> None:
        """Let a worker report until all is done, or there is no more to do."""
        worker.moments.clear()
        while self._left > 0:
            told = await worker.report()
            self._left -= told
            if not told:
                return


async def warm_up(worker: Worker) -> None:
    """Let a worker report a few times."""
    for _ in range(WARM_UP_REQUESTS):
        await worker.report()


def _done(reply: dict[str, Any]) -> tuple[bytes, int]:
    """Return the report that everything in a reply has succeeded, and how much that is."""
    now = iso8601(CLOCK.now())
    said = {
        "completedStatus": "SUCCEEDED",
        "processExitCode": 0,
        "startedAt": now,
        "endedAt": now,
        "progressPercent": 100.0,
    }
    ids = [
        action["sessionActionId"]
        for session in reply["assignedSessions"].values()
        for action in session["sessionActions"]
    ]
    return msgspec.json.encode({"updatedSessionActions": dict.fromkeys(ids, said)}), len(ids)


async def main(count: int, wanted: int) -> None:
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))
    body = {"capabilities": CAPABILITIES}
    workers = [Worker(*await join(told, body)) for _ in range(count)]
    await asyncio.gather(*(warm_up(worker) for worker in workers))
    gc.freeze()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    race = Race(wanted)
    await asyncio.gather(*(race.run(worker) for worker in workers))
    print(json.dumps([one for worker in workers for one in worker.moments]), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
