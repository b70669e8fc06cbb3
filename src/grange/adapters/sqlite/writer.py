"""The one thread that writes, and how an event loop hands it work.

Every commit of the farm passes here. An executor would do the same with two futures, a condition
and a dozen calls for each.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

Work = Callable[[], object]


class Writer:
    """Does one piece of work after the other, in the order it was handed over."""

    def __init__(self, name: str) -> None:
        self._waiting: SimpleQueue[tuple[Work, asyncio.Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> "asyncio.Future[None]":
        """Hand over work; the future tells the running loop when it is done, or why it failed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put((work, done))
        return done

    def finish(self) -> None:
        """Wait until what was handed over is done, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (found := self._waiting.get()) is not None:
            work, done = found
            if done.cancelled():
                continue
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:  # noqa: BLE001 - raised again where it is waited for
                error = raised
            with suppress(RuntimeError):  # its loop has ended: nobody waits
                done.get_loop().call_soon_threadsafe(_settle, done, error)
            del found, work, done, error


def _settle(done: "asyncio.Future[None]", error: BaseException | None) -> None:
    if done.done():
        return  # whoever waited has gone
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
