"""The active jobs of each farm in memory, as rows, for pages that show all of them.

Active are jobs that have not ended, or ended within the last day. The rows are read when the server
has started, piece by piece beside its work, and kept current, so that no reader waits for them.
They are read from the store, never from the owner's memory; which of them changed is told by the
same word that makes a live event.

A snapshot is two parts: all rows as they were packed last, which is kept, and behind it those that
changed since. All of them are packed anew once many have changed, beside the readers and seldom.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from grange.books.where import Node, holds
from grange.domain.farm import Farm
from grange.domain.statuses import JobLifecycleStatus
from grange.domain.work import Job
from grange.kernel.batches import batched
from grange.kernel.clock import Clock
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Compare, Order, StateStore
from grange.services.reads.gzip_parts import Begun
from grange.services.reads.job_rows import JobRow, JobRows, Why, explained, unknown
from grange.services.reads.packing import Pack
from grange.services.reads.row_fields import JOB_FIELDS, told

R = TypeVar("R", bound=msgspec.Struct)

MOST_ACTIVE = 100_000
"""Rows of a farm; those that ended go first, then the oldest."""
RECENT_MS = 86_400_000
STEP_SECONDS = 5.0
"""How often rows that changed are read although nobody asks."""
IDLE_MS = 600_000
"""After so long without a question they are read only once a minute."""
IDLE_STEP_MS = 60_000
FORGET_STEP_MS = 60_000
"""How often rows of jobs that ended long ago are looked for."""
FRESH_MS = 2_000
"""A snapshot is sent again for so long although rows have changed; for ever if none has."""
AT_A_TIME = 500
"""Rows that are read at once, so that whoever asks for something else is not held up."""
MOST_CHANGED = 1000
"""More changed rows than this, and more than one in twenty, are packed into the first part."""
SHARE, SHARE_OF_MOST = 20, 5
"""Packing all rows takes at most one part in so many of the time; more if most have changed."""
_PACK = Pack(
    "job_id",
    instants=frozenset({"created_at", "started_at", "ended_at"}),
    # Sums over a row's `counts`.
    left_out=frozenset({"tasks_total", "tasks_running", "tasks_failed"}),
)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sent:
    number: int
    at: Instant
    changes: int
    content: bytes


@dataclass(frozen=True, slots=True)
class _First:
    """The first part of a snapshot."""

    part: Begun
    at: Instant
    took_ms: int


@dataclass(slots=True)
class _Farm:
    rows: dict[str, JobRow] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    unexplained: set[str] = field(default_factory=set)
    """Jobs whose reason became another one while the rows were read for the first time."""
    complete: bool = True
    loaded: bool = False
    changes: int = 0
    """How often rows became other ones."""
    asked_at: Instant = Instant(0)
    kept_at: Instant = Instant(0)
    looked_at: Instant = Instant(0)
    """When rows of jobs that ended long ago were looked for."""
    first: _First | None = None
    changed: set[str] = field(default_factory=set)
    """Jobs whose rows are not as in the first part."""
    changed_meanwhile: set[str] | None = None
    """Likewise of the first part that is being packed."""
    sent: _Sent | None = None
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    packing: asyncio.Lock = field(default_factory=asyncio.Lock)
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def most_changed(self) -> bool:
        """Whether to pack what changed costs more than to pack all rows anew spares."""
        return len(self.changed) > max(MOST_CHANGED, len(self.rows) // 2)

    def note(self, job_ids: Iterable[str]) -> None:
        """Note that these rows are other ones now."""
        ids = tuple(job_ids)
        self.changed.update(ids)
        if self.changed_meanwhile is not None:
            self.changed_meanwhile.update(ids)


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

    async def run(self) -> None:
        """Read the active jobs of all farms and keep them current; cancel to stop."""
        while True:
            try:
                await self.step()
            except Exception:  # noqa: BLE001 - a loop that ended would let rows grow old
                _log.exception("Rows of active jobs were not read.", extra={"action": "board"})
            await self._clock.sleep(STEP_SECONDS)

    async def step(self) -> None:
        """Do once what readers need not wait for."""
        for farm in await self._store.find(Farm):
            await self._keep(farm.farm_id)

    def touch(self, farm_id: str, event: str, subject_id: str) -> None:
        """Note that a job changed; cheap and never waits."""
        farm = self._farms.get(farm_id)
        if event == "job" and farm is not None:
            farm.dirty.add(subject_id)

    def reason_changed(self, farm_id: str, job_id: str) -> None:
        """Note that a job waits for something else than before; cheap and never waits."""
        farm = self._farms.get(farm_id)
        if farm is None:
            return
        row = farm.rows.get(job_id)
        if not farm.loaded:
            farm.unexplained.add(job_id)
        elif row is not None:
            farm.rows[job_id] = explained(row, self._why(job_id))
            farm.changes += 1
            farm.note((job_id,))

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
        known = await self._asked(farm.farm_id)
        async with known.ending:
            sent, now = known.sent, self._clock.now()
            number = self._number()
            same = sent is not None and not known.dirty and sent.changes == known.changes
            fresh = sent is not None and sent.number >= since and now - sent.at <= FRESH_MS
            if sent is None or not (same or fresh):
                await self._catch_up(known, now)
                total = await self.total(farm.farm_id)
                if known.first is None or known.most_changed:
                    await self._pack_all(known)
                changes, content = known.changes, self._end_of(known, farm, number, total)
                sent = known.sent = _Sent(number, now, changes, await content)
        return sent.content

    async def find(self, farm_id: str, node: Node) -> Found:
        """Return the active jobs that a query is true for, the newest first."""
        known = await self._asked(farm_id)
        await self._catch_up(known, self._clock.now())
        rows = await asyncio.to_thread(matching, list(known.rows.values()), node)
        rows.sort(key=lambda row: (row.created_at, row.job_id), reverse=True)
        return Found(rows=rows, total=len(known.rows), complete=known.complete)

    async def total(self, farm_id: str) -> int:
        """Return how many jobs a farm has, those that ended long ago included."""
        return await self._store.count(Job, shown(farm_id))

    async def _asked(self, farm_id: str) -> _Farm:
        farm = await self._loaded(farm_id)
        farm.asked_at = self._clock.now()
        return farm

    async def _keep(self, farm_id: str) -> None:
        farm = await self._loaded(farm_id)
        now = self._clock.now()
        if now - farm.asked_at > IDLE_MS and now - farm.kept_at < IDLE_STEP_MS:
            return
        farm.kept_at = now
        await self._catch_up(farm, now)
        first = farm.first
        many = len(farm.changed) > max(MOST_CHANGED, len(farm.rows) // SHARE)
        share = SHARE_OF_MOST if farm.most_changed else SHARE
        if first is None or (many and now - first.at > share * first.took_ms):
            await self._pack_all(farm)

    async def _loaded(self, farm_id: str) -> _Farm:
        farm = self._farms.setdefault(farm_id, _Farm())
        async with farm.loading:
            if not farm.loaded:
                await self._load(farm_id, farm)
        return farm

    async def _load(self, farm_id: str, farm: _Farm) -> None:
        own = shown(farm_id)
        waiting = await self._newest(AllOf((own, Compare("ended_at", "=", None))), MOST_ACTIVE + 1)
        room = MOST_ACTIVE - len(waiting)
        recent = Compare("ended_at", ">=", self._clock.now() - RECENT_MS)
        ended = await self._newest(AllOf((own, recent)), room + 1) if room > 0 else []
        rows: dict[str, JobRow] = {}
        for job_ids in batched([*waiting, *ended][:MOST_ACTIVE], AT_A_TIME):
            for row in await self._jobs.some(job_ids):
                if row.lifecycle_status != JobLifecycleStatus.ARCHIVED:
                    rows[row.job_id] = row
        await self._explain(farm, rows)
        farm.complete = room >= 0 and len(ended) <= room
        farm.rows = rows
        farm.loaded = True

    async def _explain(self, farm: _Farm, rows: dict[str, JobRow]) -> None:
        """Tell the reasons that were found while rows were read: no row is read again for one."""
        while farm.unexplained:
            for job_id in [
                farm.unexplained.pop() for _ in range(min(AT_A_TIME, len(farm.unexplained)))
            ]:
                if job_id in rows:
                    rows[job_id] = explained(rows[job_id], self._why(job_id))
            await asyncio.sleep(0)  # noqa: TID251 - a turn for the others, not a time

    async def _newest(self, where: AllOf, limit: int) -> list[str]:
        """Return the ids of the newest jobs of a condition."""
        order = (Order("created_at", descending=True), Order("job_id", descending=True))
        found = await self._store.columns(Job, ("job_id",), where, order=order, limit=limit)
        return [job_id for (job_id,) in found]

    async def _catch_up(self, farm: _Farm, now: Instant) -> None:
        for job_ids in batched(tuple(farm.dirty), AT_A_TIME):
            await self._refresh(farm, job_ids)
        if now - farm.looked_at >= FORGET_STEP_MS:
            farm.looked_at = now
            self._forget_old(farm, now)

    async def _refresh(self, farm: _Farm, job_ids: Collection[str]) -> list[JobRow]:
        if not job_ids:
            return []
        async with farm.reading:
            farm.dirty.difference_update(job_ids)
            rows = await self._jobs.some(job_ids)
            other = [row for row in rows if row != farm.rows.get(row.job_id)]
            farm.changes += bool(other)
            for row in other:
                if row.lifecycle_status == JobLifecycleStatus.ARCHIVED:
                    farm.rows.pop(row.job_id, None)
                elif row.job_id in farm.rows or len(farm.rows) < MOST_ACTIVE:
                    farm.rows[row.job_id] = row
                else:
                    farm.complete = False
            farm.note(row.job_id for row in other)
        return rows

    @staticmethod
    def _forget_old(farm: _Farm, now: Instant) -> None:
        oldest = now - RECENT_MS
        old = [
            row.job_id
            for row in farm.rows.values()
            if row.ended_at is not None and row.ended_at < oldest
        ]
        for job_id in old:
            del farm.rows[job_id]
        farm.note(old)

    async def _pack_all(self, farm: _Farm) -> None:
        async with farm.packing:
            began = self._clock.now()
            farm.changed_meanwhile = set()
            rows = list(farm.rows.values())
            try:
                part = await asyncio.to_thread(_begun, rows)
                farm.first = _First(part, began, self._clock.now() - began)
                farm.changed = farm.changed_meanwhile
            finally:
                farm.changed_meanwhile = None

    async def _end_of(self, farm: _Farm, about: Farm, number: int, total: int) -> bytes:
        """Return a whole snapshot: the first part, and what changed since."""
        if farm.first is None:
            raise RuntimeError("The first part of a snapshot was not packed.")
        changed = [farm.rows[job_id] for job_id in farm.changed if job_id in farm.rows]
        gone = [job_id for job_id in farm.changed if job_id not in farm.rows]
        members = {
            "number": number,
            "now": self._clock.now(),
            "zone": about.zone,
            "fields": told(JOB_FIELDS),
            "complete": farm.complete,
            "total": total,
        }
        return await asyncio.to_thread(_ended, farm.first.part, changed, gone, members)


def shown(farm_id: str) -> AllOf:
    """Return the condition of the jobs of a farm, less those that were deleted."""
    return AllOf(
        (
            Compare("farm_id", "=", farm_id),
            Compare("lifecycle_status", "!=", JobLifecycleStatus.ARCHIVED.value),
        )
    )


def in_order(rows: Sequence[JobRow], order: Sequence[tuple[str, bool]]) -> list[JobRow]:
    """Return rows by members and whether each descends; what is not known comes last either way."""
    found = list(rows)
    for name, descends in reversed(order):
        known = [row for row in found if getattr(row, name) is not None]
        known.sort(key=lambda row: _lower(getattr(row, name)), reverse=descends)
        found = [*known, *(row for row in found if getattr(row, name) is None)]
    return found


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


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


def _begun(rows: list[JobRow]) -> Begun:
    rows.sort(key=lambda row: row.job_id)
    return _PACK.begun(rows)


def _ended(
    part: Begun, changed: list[JobRow], gone: list[str], about: Mapping[str, object]
) -> bytes:
    changed.sort(key=lambda row: row.job_id)
    return _PACK.ended(part, changed, sorted(gone), about)
