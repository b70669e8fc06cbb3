"""Waking workers: held polls of idle workers, and wake streams of busy ones.

A wake may come twice or for nothing; it only makes a worker ask. Idle workers are woken in the
order they came, no more of them than there are tasks.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection

import msgspec

from grange.kernel.ids import FleetId, WorkerId


class HailOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker is to carry a challenge to another one's listener and tell what it met."""

    hail_id: str
    worker_id: str
    addresses: tuple[str, ...]
    """`address:port`; the first that answers will do."""
    line: str


_MOST_ORDERS = 64


class WakeStream:
    """One worker's stream of wakes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._woken = False
        self._orders: deque[HailOrder] = deque(maxlen=_MOST_ORDERS)

    def wake(self) -> None:
        """Let the reader go on."""
        self._woken = True
        self._event.set()

    def hail(self, order: HailOrder) -> None:
        """Have the worker hail another one."""
        self._orders.append(order)
        self._event.set()

    def taken(self) -> tuple[bool, list[HailOrder]]:
        """Return whether there was a wake, and the orders, since this was last asked."""
        woken, orders = self._woken, list(self._orders)
        self._woken = False
        self._orders.clear()
        return woken, orders

    async def next(self, timeout_seconds: float) -> bool:
        """Wait for a wake; False if none came in time. Wakes that came meanwhile count as one."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakes:
    """Who waits for work."""

    def __init__(self) -> None:
        self.roomy: Callable[[FleetId], Collection[WorkerId]] = self._following
        """Returns the workers of a fleet with a free job thread; set once that is known."""
        self._held: dict[FleetId, OrderedDict[WorkerId, asyncio.Event]] = {}
        self._streams: dict[WorkerId, tuple[FleetId, WakeStream]] = {}

    @property
    def held(self) -> int:
        """How many polls are held."""
        return sum(len(waiting) for waiting in self._held.values())

    async def hold(self, fleet_id: FleetId, worker_id: WorkerId, timeout_seconds: float) -> bool:
        """Hold an idle worker's poll until it is woken; False if the time ran out."""
        event = asyncio.Event()
        waiting = self._held.setdefault(fleet_id, OrderedDict())
        older = waiting.pop(worker_id, None)
        if older is not None:
            older.set()
        waiting[worker_id] = event
        try:
            async with asyncio.timeout(timeout_seconds):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            if waiting.get(worker_id) is event:
                del waiting[worker_id]
        return True

    def open_stream(self, fleet_id: FleetId, worker_id: WorkerId) -> WakeStream:
        """Open a worker's wake stream; an older one of the same worker falls silent."""
        stream = WakeStream()
        self._streams[worker_id] = (fleet_id, stream)
        return stream

    def close_stream(self, worker_id: WorkerId, stream: WakeStream) -> None:
        """Close a stream."""
        if self._streams.get(worker_id, (None, None))[1] is stream:
            del self._streams[worker_id]

    def follows(self, worker_id: WorkerId) -> bool:
        """Return True while a worker keeps a stream."""
        return worker_id in self._streams

    def hail(self, worker_id: WorkerId, order: HailOrder) -> bool:
        """Have a worker hail another one; False if it keeps no stream."""
        if worker_id not in self._streams:
            return False
        self._streams[worker_id][1].hail(order)
        return True

    def wake_worker(self, worker_id: WorkerId) -> None:
        """Let one worker ask, whether its poll is held or its stream is open."""
        for waiting in self._held.values():
            event = waiting.pop(worker_id, None)
            if event is not None:
                event.set()
        if worker_id in self._streams:
            self._streams[worker_id][1].wake()

    def wake_fleet(self, fleet_id: FleetId, count: int) -> None:
        """Let up to `count` idle workers of a fleet ask.

        If fewer are idle, busy ones with a free thread are woken too. One whose threads are all
        taken would only ask for nothing: it asks when one of its tasks ends.
        """
        waiting = self._held.get(fleet_id, OrderedDict())
        left = count
        while waiting and left > 0:
            _, event = waiting.popitem(last=False)
            event.set()
            left -= 1
        if left > 0:
            for worker_id in self.roomy(fleet_id):
                if worker_id in self._streams:
                    self._streams[worker_id][1].wake()

    def _following(self, fleet_id: FleetId) -> list[WorkerId]:
        return [one for one, (fleet, _) in self._streams.items() if fleet == fleet_id]
