"""The state store for code that is not asynchronous: a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from grange.kernel.errors import UnreachableError
from grange.kernel.units import Instant
from grange.ports.state import AllOf, Condition, ManifestRow, Order, OutboxRow, StateStore

T = TypeVar("T")
E = TypeVar("E")
EVERYTHING = AllOf(())


class StateBridge:
    """Calls a `StateStore` from any thread and waits for its answer. It opens the store itself.

    Raises, whatever is asked once it is closed:
        UnreachableError: nobody answers any more.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="books-state", daemon=True
        )
        self._gate = threading.Condition()
        self._asking = 0
        self._is_closed = False

    def open(self) -> None:
        """Start the loop and open the store in it."""
        self._thread.start()
        self._run(self._store.open())

    def close(self) -> None:
        """Answer those who are asking now, then close the store and stop the loop."""
        with self._gate:
            self._is_closed = True
            self._gate.wait_for(lambda: self._asking == 0)
        self._run(self._store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def get(self, entity: type[E], *key: str | int) -> E | None:
        """Return one entity."""
        return self._wait(lambda: self._store.get(entity, key))

    def find(
        self,
        entity: type[E],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[E]:
        """Return entities."""
        return self._wait(lambda: self._store.find(entity, where, order=order, limit=limit))

    def outbox_beside(
        self, limit: int, entity: type[E], *key: str | int
    ) -> tuple[list[OutboxRow], E | None]:
        """Return the oldest rows of the outbox and one entity, waiting once for both."""

        async def both() -> tuple[list[OutboxRow], E | None]:
            return await self._store.outbox(limit), await self._store.get(entity, key)

        return self._wait(both)

    def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books."""
        return self._wait(lambda: self._store.manifest(include_retired=include_retired))

    def publish(self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant) -> None:
        """Add and retire files in one transaction."""
        self._wait(lambda: self._store.publish(add, retire, now))

    def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed."""
        self._wait(lambda: self._store.forget_files(paths))

    def _wait(self, call: Callable[[], Awaitable[T]]) -> T:
        with self._gate:
            if self._is_closed:
                raise UnreachableError("The books are closed: the server is ending.")
            self._asking += 1
        try:
            return self._run(call())
        finally:
            with self._gate:
                self._asking -= 1
                self._gate.notify_all()

    def _run(self, call: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_coroutine(call), self._loop).result()


async def _coroutine(call: Awaitable[T]) -> T:
    return await call
