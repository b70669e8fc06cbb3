"""The queue between whoever brings values and the one thread that keeps them (S3-21).

Bringing never waits: the queue holds as many messages as may be on their way unacknowledged, and a
broker that sends more than that is told nothing, so that it sends them again.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from grange.books.values.payload import Reading
from grange.kernel.units import Instant
from grange.ports.mqtt import Message


class Connected(NamedTuple):
    """A connection to the broker stands."""

    session_present: bool


class LocalValues(NamedTuple):
    """Values that this machine itself took."""

    readings: list[Reading]
    at: Instant


class Errand(NamedTuple):
    """Something the keeping thread shall do, in its turn."""

    perform: Callable[[], Any]
    done: Future[Any]


Item = Message | Connected | LocalValues | Errand


class Inbox:
    """A bounded queue of messages; other items are few and always find room. Thread-safe.

    Args:
        capacity: how many messages it holds.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._messages = 0
        self._ready = threading.Condition()
        self._closed = False
        self.turned_away = 0
        """Messages that found no room, for want of which the broker must send them again."""
        self.lost_messages = 0
        """Among them those with QoS 0, which nobody sends again."""
        self._missing = False
        self.connection_note = "not connected yet"
        self.connected_now = False

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return self._messages

    @property
    def closed(self) -> bool:
        """True once nothing more is taken in."""
        return self._closed

    def connected(self, _connection: int, *, session_present: bool) -> None:
        """Note that a connection stands; see `ports.mqtt.FeedSink`."""
        self.connected_now, self.connection_note = True, "connected"
        self._put(Connected(session_present))

    def lost(self, reason: str) -> None:
        """Note that the connection broke off."""
        self.connected_now, self.connection_note = False, reason

    def deliver(self, message: Message) -> None:
        """Take a message, or turn it away unacknowledged if there is no room."""
        with self._ready:
            if self._messages >= self._capacity or self._closed:
                self.turned_away += 1
                self.lost_messages += not message.qos
                self._missing = self._missing or bool(message.qos)
                return
            self._items.append(message)
            self._messages += 1
            self._ready.notify()

    def bring(self, values: LocalValues) -> None:
        """Take values of this machine."""
        self._put(values)

    def ask(self, perform: Callable[[], Any]) -> Future[Any]:
        """Have something done by the keeping thread; the future is done once that is durable."""
        done: Future[Any] = Future()
        if not self._put(Errand(perform, done)):
            done.cancel()
        return done

    def take(self, most: int, seconds: float) -> list[Item]:
        """Return what waits, oldest first, at most so many; waits so long for the first."""
        with self._ready:
            if not self._items and not self._closed:
                self._ready.wait(seconds)
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._messages -= sum(isinstance(item, Message) for item in taken)
            return taken

    def wants_again(self) -> bool:
        """Return True, once, if messages were turned away and there is room for them now."""
        with self._ready:
            if not self._missing or self._messages:
                return False
            self._missing = False
            return True

    def close(self) -> None:
        """Take in nothing more; what waits is still handed out."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _put(self, item: Item) -> bool:
        with self._ready:
            if self._closed:
                return False
            self._items.append(item)
            self._ready.notify()
            return True
