"""Commits numbered batches and says so on stdout after each acknowledgement, until it is killed.

Arguments: `sqlite PATH` or `postgres URL`, and how many bytes a file may have (0: no limit).
"""

# ruff: noqa: T201 - stdout is what the test reads
import asyncio
import resource
import signal
import sys
from pathlib import Path

from grange.domain.facts import EventFact
from grange.domain.farm import Farm
from grange.kernel.errors import StorageFullError
from grange.ports.state import Batch, StateStore
from grange.testing.conformance.entities import least


def batch(number: int) -> Batch:
    """Two entities and a fact that belong together."""
    return Batch(
        puts=[least(Farm, farm_id=f"farm-{number}-{side}", description="x" * 500) for side in "ab"],
        outbox=[least(EventFact, number=number)],
    )


def open_store(kind: str, where: str) -> StateStore:
    if kind == "sqlite":
        from grange.adapters.sqlite import SqliteStore

        return SqliteStore(Path(where))
    from grange.adapters.postgres import PostgresStore

    return PostgresStore(where)


async def main(kind: str, where: str, most_bytes: int) -> None:
    store = open_store(kind, where)
    await store.open()
    if most_bytes:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    number = await store.count(Farm) // 2
    while True:
        try:
            await store.commit(batch(number))
        except StorageFullError:
            print("full", flush=True)
            break
        print(number, flush=True)
        number += 1
    print("readable", await store.count(Farm) // 2, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
