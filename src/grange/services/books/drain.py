"""The outbox drain: facts of the state machines move from the state store to the journal.

Repeats are harmless: if the server dies between the sync and the deletion, the rows are appended
again, and every reader keeps one row per key.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from grange.books.catalog.rows import fact_row
from grange.kernel.clock import Clock, wait_until_set
from grange.kernel.errors import ThrottledError
from grange.ports.state import OutboxRow, StateStore
from grange.services.books.group_commit import GroupCommit, Part

BATCH = 2_000
_ABOUT_ROW_BYTES = 600

_log = logging.getLogger(__name__)


def parts_of(rows: Sequence[OutboxRow]) -> list[Part]:
    """Return outbox rows as rows of the journal's tables, one part for each farm and table."""
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        table_name, columns = fact_row(row.fact)
        parts[row.fact.farm_id, table_name].append(columns)
    return [(farm_id, table_name, found) for (farm_id, table_name), found in parts.items()]


class Drain:
    """Moves the outbox to the journal, oldest first."""

    def __init__(
        self,
        store: StateStore,
        commit: GroupCommit,
        clock: Clock,
        *,
        idle_seconds: float = 0.5,
        pause_seconds: float = 0.0,
    ) -> None:
        """Make a drain.

        Args:
            store: where the outbox is.
            commit: the journal's.
            clock: the server's.
            idle_seconds: how often to look without being woken.
            pause_seconds: how long to let facts gather once woken. They are durable already, and
                one sync of the journal then serves many commits.
        """
        self._store = store
        self._commit = commit
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._pause_seconds = pause_seconds
        self._stopping = False
        self._moving = asyncio.Lock()
        self._wake = asyncio.Event()

    async def step(self) -> int:
        """Move one batch; return how many facts that were.

        Raises:
            ThrottledError: the journal cannot take them now; they stay in the outbox.
        """
        async with self._moving:
            rows = await self._store.outbox(BATCH)
            if not rows:
                return 0
            await self._commit.keep(parts_of(rows), len(rows) * _ABOUT_ROW_BYTES)
            await self._store.clear_outbox(rows[-1].sequence)
            return len(rows)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Leave everything in the outbox inside the block."""
        async with self._moving:
            yield

    async def drain(self) -> int:
        """Move everything that is there; return how many facts that were."""
        total = 0
        while moved := await self.step():
            total += moved
        return total

    def wake(self) -> None:
        """Say that a commit left facts in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Move facts as they come until `stop` is called."""
        while not self._stopping:
            self._wake.clear()
            try:
                # What came meanwhile waits for the next round: it is durable where it is.
                while await self.step() == BATCH:
                    pass
            except ThrottledError as error:
                _log.warning(
                    "The journal took no facts; they wait in the outbox.",
                    extra={"action": "drain_refused", "reason": str(error)},
                )
                await self._clock.sleep(error.retry_after_seconds)
                continue
            await wait_until_set(self._wake, self._clock, self._idle_seconds)
            if self._pause_seconds and not self._stopping:
                await self._clock.sleep(self._pause_seconds)

    async def stop(self) -> None:
        """End `run` and move what is left."""
        self._stopping = True
        self._wake.set()
        await self.drain()
