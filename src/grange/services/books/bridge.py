"""The state store for code that is not asynchronous: a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from grange.kernel.units import Instant
from grange.ports.state import AllOf, Condition, ManifestRow, Order, OutboxRow, StateStore

T = TypeVar("T")
E = TypeVar("E")
EVERYTHING = AllOf(())


class StateBridge:
    """Calls a `StateStore` from any thread and waits for its answer. It opens the store itself."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="books-state", daemon=True
        )

    def open(self) -> None:
        """Start the loop and open the store in it."""
        self._thread.start()
        self._wait(self._store.open())

    def close(self) -> None:
        """Close the store and stop the loop."""
        self._wait(self._store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def get(self, entity: type[E], *key: str | int) -> E | None:
        """Return one entity."""
        return self._wait(self._store.get(entity, key))

    def find(
        self,
        entity: type[E],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[E]:
        """Return entities."""
        return self._wait(self._store.find(entity, where, order=order, limit=limit))

    def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest rows of the outbox."""
        return self._wait(self._store.outbox(limit))

    def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books."""
        return self._wait(self._store.manifest(include_retired=include_retired))

    def publish(self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant) -> None:
        """Add and retire files in one transaction."""
        self._wait(self._store.publish(add, retire, now))

    def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed."""
        self._wait(self._store.forget_files(paths))

    def _wait(self, call: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_coroutine(call), self._loop).result()


async def _coroutine(call: Awaitable[T]) -> T:
    return await call
