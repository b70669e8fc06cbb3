"""The active jobs of each farm in memory, as rows, for pages that show all of them.

Active are jobs that have not ended, or ended within the last day. Nothing is kept before somebody
asks, and nothing after nobody has asked for a while. Rows are read from the store, never from the
owner's memory; which of them changed is told by the same word that makes a live event.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from grange.books.where import Node, holds
from grange.domain.farm import Farm
from grange.domain.statuses import JobLifecycleStatus
from grange.domain.work import Job
from grange.kernel.clock import Clock
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Compare, StateStore
from grange.services.reads.job_rows import JobRow, JobRows, Why, explained, unknown
from grange.services.reads.packing import pack
from grange.services.reads.row_fields import JOB_FIELDS, told

R = TypeVar("R", bound=msgspec.Struct)

MOST_ACTIVE = 100_000
"""Rows of a farm; those that ended go first, then the oldest."""
RECENT_MS = 86_400_000
IDLE_MS = 600_000
"""After so long without a question the rows are forgotten."""
FRESH_MS = 2_000
"""A snapshot is sent again for so long although rows have changed; for ever if none has."""
_COUNTED = frozenset({"tasks_total", "tasks_running", "tasks_failed"})
"""Sums over a row's `counts`."""
_INSTANTS = frozenset({"created_at", "started_at", "ended_at"})


@dataclass(slots=True)
class _Packed:
    number: int
    at: Instant
    changes: int
    content: bytes


@dataclass(slots=True)
class _Farm:
    rows: dict[str, JobRow] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    complete: bool = True
    loaded: bool = False
    changes: int = 0
    """How often rows were read anew."""
    asked_at: Instant = Instant(0)
    packed: _Packed | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    packing: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a query found among the active jobs."""

    rows: list[JobRow]
    total: int
    complete: bool


class Board:
    """Holds rows of active jobs."""

    def __init__(
        self, store: StateStore, clock: Clock, number: Callable[[], int], why: Why = unknown
    ) -> None:
        """Make a board that holds nothing yet.

        Args:
            store: where rows are read from.
            clock: the server's clock.
            number: the number of the latest live event.
            why: says why a job waits, as it was found last.
        """
        self._store = store
        self._clock = clock
        self._number = number
        self._why = why
        self._jobs = JobRows(store, why)
        self._farms: dict[str, _Farm] = {}

    def touch(self, farm_id: str, event: str, subject_id: str) -> None:
        """Note that a job changed; cheap and never waits."""
        farm = self._farms.get(farm_id)
        if event != "job" or farm is None:
            return
        if self._clock.now() - farm.asked_at > IDLE_MS:
            del self._farms[farm_id]
        else:
            farm.dirty.add(subject_id)

    def reason_changed(self, farm_id: str, job_id: str) -> None:
        """Note that a job waits for something else than before; cheap and never waits."""
        farm = self._farms.get(farm_id)
        row = None if farm is None else farm.rows.get(job_id)
        if farm is not None and row is not None:
            farm.rows[job_id] = explained(row, self._why(job_id))
            farm.changes += 1

    async def rows(self, farm_id: str, job_ids: Iterable[str]) -> list[JobRow]:
        """Read rows of some jobs anew, for a live event."""
        wanted = tuple(job_ids)
        farm = self._farms.get(farm_id)
        if farm is None or not farm.loaded:
            return await self._jobs.some(wanted)
        return await self._refresh(farm, wanted)

    async def snapshot(self, farm: Farm, since: int) -> bytes:
        """Return all active jobs of a farm as compressed JSON (see `packing.Packed`).

        Args:
            farm: whose jobs.
            since: the number of an event that the rows must include.
        """
        known = await self._current(farm.farm_id)
        async with known.packing:
            packed, now = known.packed, self._clock.now()
            number = self._number()
            same = packed is not None and not known.dirty and packed.changes == known.changes
            fresh = packed is not None and packed.number >= since and now - packed.at <= FRESH_MS
            if packed is None or not (same or fresh):
                await self._refresh(known, tuple(known.dirty))
                self._forget_old(known, now)
                changes = known.changes
                about = {
                    "number": number,
                    "now": now,
                    "zone": farm.zone,
                    "fields": told(JOB_FIELDS),
                    "complete": known.complete,
                    "total": await self.total(farm.farm_id),
                }
                rows = list(known.rows.values())
                content = await asyncio.to_thread(_pack, about, rows)
                packed = known.packed = _Packed(number, now, changes, content)
        return packed.content

    async def find(self, farm_id: str, node: Node) -> Found:
        """Return the active jobs that a query is true for, the newest first."""
        known = await self._current(farm_id)
        await self._refresh(known, tuple(known.dirty))
        self._forget_old(known, self._clock.now())
        rows = await asyncio.to_thread(matching, list(known.rows.values()), node)
        rows.sort(key=lambda row: (row.created_at, row.job_id), reverse=True)
        return Found(rows=rows, total=len(known.rows), complete=known.complete)

    async def total(self, farm_id: str) -> int:
        """Return how many jobs a farm has, those that ended long ago included."""
        return await self._store.count(Job, shown(farm_id))

    async def _current(self, farm_id: str) -> _Farm:
        farm = self._farms.setdefault(farm_id, _Farm())
        farm.asked_at = self._clock.now()
        async with farm.packing:
            if not farm.loaded:
                await self._load(farm_id, farm)
        return farm

    async def _load(self, farm_id: str, farm: _Farm) -> None:
        now = self._clock.now()
        own = shown(farm_id)
        waiting = await self._jobs.newest(
            AllOf((own, Compare("ended_at", "=", None))), MOST_ACTIVE + 1
        )
        room = MOST_ACTIVE - len(waiting)
        ended = (
            await self._jobs.newest(
                AllOf((own, Compare("ended_at", ">=", now - RECENT_MS))), room + 1
            )
            if room > 0
            else []
        )
        farm.complete = room >= 0 and len(ended) <= room
        rows = sorted([*waiting, *ended[: max(room, 0)]], key=lambda row: row.job_id)
        farm.rows = {row.job_id: row for row in rows[-MOST_ACTIVE:]}
        farm.loaded = True

    async def _refresh(self, farm: _Farm, job_ids: tuple[str, ...]) -> list[JobRow]:
        if not job_ids:
            return []
        async with farm.reading:
            farm.dirty.difference_update(job_ids)
            farm.changes += 1
            rows = await self._jobs.some(job_ids)
            for row in rows:
                if row.lifecycle_status == JobLifecycleStatus.ARCHIVED:
                    farm.rows.pop(row.job_id, None)
                elif row.job_id in farm.rows or len(farm.rows) < MOST_ACTIVE:
                    farm.rows[row.job_id] = row
                else:
                    farm.complete = False
        return rows

    def _forget_old(self, farm: _Farm, now: Instant) -> None:
        old = [
            row.job_id
            for row in farm.rows.values()
            if row.ended_at is not None and row.ended_at < now - RECENT_MS
        ]
        for job_id in old:
            del farm.rows[job_id]


def shown(farm_id: str) -> AllOf:
    """Return the condition of the jobs of a farm, less those that were deleted."""
    return AllOf(
        (
            Compare("farm_id", "=", farm_id),
            Compare("lifecycle_status", "!=", JobLifecycleStatus.ARCHIVED.value),
        )
    )


def matching(rows: Iterable[R], node: Node) -> list[R]:
    """Return the rows a query is true for."""
    return [row for row in rows if holds(node, _Members(row))]


class _Members(Mapping[str, object]):
    """A row as a mapping, without copying it."""

    __slots__ = ("_row",)

    def __init__(self, row: msgspec.Struct) -> None:
        self._row = row

    def __getitem__(self, key: str) -> object:
        return getattr(self._row, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._row.__struct_fields__)

    def __len__(self) -> int:
        return len(self._row.__struct_fields__)


def _pack(about: dict[str, object], rows: list[JobRow]) -> bytes:
    rows.sort(key=lambda row: row.job_id)
    return pack(about, rows, key="job_id", instants=_INSTANTS, left_out=_COUNTED)
