"""Live events for pages: what changed, at most five times a second, to any number of readers.

The owner says which job or worker changed (`touch`); a flush renders each of them once from
committed rows, numbers the events and hands them to every reader. A reader that cannot keep up is
dropped; it comes back with the number of the last event it saw and gets what it missed, or `reset`
if that is too long ago.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from grange.kernel.batches import batched
from grange.kernel.clock import Clock

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
READERS_AT_FULL_PACE = 10
"""With five times as many, events come once a second instead of five times."""
KEEP_ALIVE_SECONDS = 10.0
BATCH_ROWS = 250
"""So many changes are told in one event at most: then its data is a list."""
RING_BYTES = 16 * 1024 * 1024
"""Of the latest events, for readers that come back."""
READER_BYTES = 4 * 1024 * 1024
"""Waiting for one reader; one that is further behind is dropped."""
WOKEN_AT_ONCE = 5
"""Readers; what came in meanwhile is served before the next ones, for dispatch comes first."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One numbered event, ready to send."""

    number: int
    farm_id: str
    encoded: bytes


@dataclass(slots=True, eq=False)
class _Reader:
    farm_id: str
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: bool = False


Render = Callable[[str, str, Iterable[str]], Awaitable[list[dict[str, Any]]]]
"""(farm id, event name, ids) → one JSON object per id that still exists."""


class LiveHub:
    """Collects changes, renders them and feeds the readers."""

    def __init__(self, *, clock: Clock, render: Render) -> None:
        self._clock = clock
        self._render = render
        self._dirty: dict[tuple[str, str], dict[str, None]] = {}
        self._ring: deque[LiveEvent] = deque()
        self._ring_bytes = 0
        self._number: int = clock.now()
        self._readers: set[_Reader] = set()
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def number(self) -> int:
        """The number of the latest event."""
        return self._number

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return len(self._readers)

    @property
    def pause_seconds(self) -> float:
        """How long changes are gathered: longer the more read them, for dispatch comes first."""
        return FLUSH_SECONDS * max(1.0, len(self._readers) / READERS_AT_FULL_PACE)

    def touch(self, farm_id: str, event: str, subject_id: str) -> None:
        """Note that a job, worker, … changed; cheap and never waits."""
        if not self._readers:
            self._number += 1
            return
        self._dirty.setdefault((farm_id, event), {})[subject_id] = None
        self._changed.set()

    async def run(self) -> None:
        """Flush for ever; cancel to stop."""
        while True:
            await self._changed.wait()
            try:
                await self.flush()
            except Exception:  # noqa: BLE001 - a loop that ended would tell nobody anything
                _log.exception("Live events were lost.", extra={"action": "live_failed"})
                self._start_over()
            await self._clock.sleep(self.pause_seconds)

    async def flush(self) -> None:
        """Render what changed since the last flush and hand it to the readers."""
        self._changed.clear()
        dirty, self._dirty = self._dirty, {}
        for (farm_id, event), subjects in dirty.items():
            values = await self._render(farm_id, event, list(subjects))
            for batch in batched(values, BATCH_ROWS):
                self._tell(farm_id, event, batch)
        for some in batched(list(self._readers), WOKEN_AT_ONCE):
            for reader in some:
                if reader.waiting or reader.dropped:
                    reader.arrived.set()
            await asyncio.sleep(0)  # noqa: TID251 - gives way, and reads no clock

    def _tell(self, farm_id: str, event: str, values: Sequence[dict[str, Any]]) -> None:
        self._number += 1
        data = msgspec.json.encode(values[0] if len(values) == 1 else values)
        encoded = b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, event.encode(), data)
        item = LiveEvent(self._number, farm_id, encoded)
        self._ring.append(item)
        self._ring_bytes += len(encoded)
        while self._ring_bytes > RING_BYTES and len(self._ring) > 1:
            self._ring_bytes -= len(self._ring.popleft().encoded)
        for reader in self._readers:
            self._hand(reader, item)

    def close(self) -> None:
        """End every stream; readers come back to the next server."""
        self._closed = True
        self._drop_readers()

    def _start_over(self) -> None:
        """Send everybody away; they come back, are told `reset`, and load everything again."""
        self._ring.clear()
        self._ring_bytes = 0
        self._number += 1
        self._drop_readers()

    def _drop_readers(self) -> None:
        for reader in self._readers:
            reader.dropped = True
            reader.arrived.set()

    async def subscribe(self, farm_id: str, last_number: int | None) -> AsyncGenerator[bytes, None]:
        """Yield encoded events of a farm until the reader goes or is dropped.

        Args:
            farm_id: whose events.
            last_number: the last event the reader saw (Last-Event-ID), None for a new one.
        """
        reader = _Reader(farm_id)
        self._readers.add(reader)
        try:
            yield self._greeting(reader, last_number)
            while not (self._closed or reader.dropped):
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        await reader.arrived.wait()
                except TimeoutError:
                    yield b": keep-alive\n\n"
                    continue
                reader.arrived.clear()
                batch = b"".join(reader.waiting)
                reader.waiting.clear()
                reader.waiting_bytes = 0
                if batch:
                    yield batch
        finally:
            self._readers.discard(reader)

    def _greeting(self, reader: _Reader, last_number: int | None) -> bytes:
        """Return what the reader missed, or the word to start over."""
        start = b"retry: 1000\nid: %d\nevent: hello\ndata: {}\n\n" % self._number
        if last_number is None or last_number == self._number:
            return start
        missed = [item for item in self._ring if item.number > last_number]
        complete = bool(missed) and missed[0].number == last_number + 1
        if not complete:
            return b"retry: 1000\nid: %d\nevent: reset\ndata: {}\n\n" % self._number
        return b"".join(item.encoded for item in missed if item.farm_id == reader.farm_id) + start

    @staticmethod
    def _hand(reader: _Reader, item: LiveEvent) -> None:
        if reader.farm_id != item.farm_id or reader.dropped:
            return
        if reader.waiting_bytes + len(item.encoded) > READER_BYTES:
            reader.dropped = True
        else:
            reader.waiting.append(item.encoded)
            reader.waiting_bytes += len(item.encoded)
