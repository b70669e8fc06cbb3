"""A state store that gathers many commits into few: a simulation can be run again, so it may.

Nobody waits for a commit of the past to be durable. What changes often in a short time (a job's
counts, a worker's sessions) is written once. Facts wait in memory for the drain.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from grange.domain.facts import Fact
from grange.kernel.ids import JobId
from grange.kernel.units import Instant
from grange.ports.state import (
    AllOf,
    Batch,
    Condition,
    Key,
    ManifestRow,
    Order,
    OutboxRow,
    StateStore,
    key_of,
)

E = TypeVar("E")
_Rows = dict[tuple[type[Any], Key], Any]
EVERYTHING = AllOf(())
MOST_ROWS = 32_000
"""So many changed rows are written at once."""


class GatheringStore:
    """A `StateStore` in front of another one. Reads see everything that was committed."""

    def __init__(self, inner: StateStore) -> None:
        self._inner = inner
        self._rows: _Rows = {}
        self._leaving: _Rows = {}
        """What is being written."""
        self._writing: asyncio.Task[None] | None = None
        self._facts: deque[OutboxRow] = deque()
        self._sequence = 0
        self.facts_seen = 0
        """Facts left by state machines so far."""

    async def open(self) -> None:
        """Open the store behind."""
        await self._inner.open()

    async def close(self) -> None:
        """Write what was gathered, facts too, and close the store behind."""
        await self.flush()
        await self._inner.commit(Batch(outbox=[row.fact for row in self._facts]))
        self._facts.clear()
        await self._inner.close()

    async def commit(self, batch: Batch) -> None:
        """Keep a batch, and write what was gathered once it is much."""
        if batch.forget_tasks_of:
            await self.flush()
            await self._inner.commit(Batch(forget_tasks_of=list(batch.forget_tasks_of)))
        for kind, key in batch.deletes:
            self._rows[kind, key] = None
        for entity in batch.puts:
            self._rows[type(entity), key_of(entity)] = entity
        for fact in batch.outbox:
            self._sequence += 1
            self._facts.append(OutboxRow(self._sequence, fact))
        self.facts_seen += len(batch.outbox)
        if len(self._rows) >= MOST_ROWS:
            await self._begin_writing()

    async def flush(self) -> None:
        """Write what was gathered in one transaction."""
        await self._begin_writing()
        await self._written()

    async def _begin_writing(self) -> None:
        """Have it written while more is gathered; wait first for what is being written."""
        await self._written()
        if self._rows:
            self._leaving, self._rows = self._rows, {}
            self._writing = asyncio.create_task(self._inner.commit(_batch(self._leaving)))
            await asyncio.sleep(0)  # noqa: TID251 - begins now, however long nobody waits

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None
            self._leaving = {}

    async def get(self, entity: type[E], key: Key) -> E | None:
        """Return one committed entity."""
        place = (entity, key)
        for rows in (self._rows, self._leaving):
            if place in rows:
                found: E | None = rows[place]
                return found
        return await self._inner.get(entity, key)

    async def find(
        self,
        entity: type[E],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[E]:
        """Return committed entities."""
        await self.flush()
        return await self._inner.find(entity, where, order=order, limit=limit, offset=offset)

    async def columns(
        self,
        entity: type[Any],
        names: Sequence[str],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return some columns of committed entities."""
        await self.flush()
        return await self._inner.columns(entity, names, where, order=order, limit=limit)

    async def count(self, entity: type[Any], where: Condition = EVERYTHING) -> int:
        """Return how many committed entities match."""
        await self.flush()
        return await self._inner.count(entity, where)

    async def load(self) -> AsyncIterator[Any]:
        """Yield what the owner decides on."""
        await self.flush()
        async for entity in self._inner.load():
            yield entity

    async def load_job(self, job_id: JobId) -> list[Any]:
        """Return the job, its layers and live tasks."""
        await self.flush()
        return await self._inner.load_job(job_id)

    def take_facts(self) -> list[Fact]:
        """Return every fact that waits, in order, and forget them."""
        facts = [row.fact for row in self._facts]
        self._facts.clear()
        return facts

    async def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest facts that wait, in order."""
        return list(islice(self._facts, limit))

    async def clear_outbox(self, up_to: int) -> None:
        """Drop the facts up to and including this sequence."""
        while self._facts and self._facts[0].sequence <= up_to:
            self._facts.popleft()

    async def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books."""
        return await self._inner.manifest(include_retired=include_retired)

    async def publish(
        self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant
    ) -> None:
        """Add files and retire others in one transaction."""
        await self._inner.publish(add, retire, now)

    async def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed."""
        await self._inner.forget_files(paths)


def _batch(rows: Mapping[tuple[type[Any], Key], Any]) -> Batch:
    batch = Batch()
    for (kind, key), entity in rows.items():
        if entity is None:
            batch.deletes.append((kind, key))
        else:
            batch.puts.append(entity)
    return batch
