"""Blocking calls beside the event loop, in threads that never keep the process from ending."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
_Work = Callable[[], None]
_idle: list[SimpleQueue[_Work]] = []
"""Threads that wait for something to do; only the end of a list is touched, which is atomic."""


async def in_thread(function: Callable[[], T]) -> T:
    """Run a blocking function in a daemon thread and return what it returns.

    Unlike with `asyncio.to_thread`, a call that hangs does not delay the end of the program.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as raised:  # noqa: BLE001 it is raised again where it is awaited
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop has ended: nobody waits any more

    _submit(work)
    return await future


def _submit(work: _Work) -> None:
    try:
        _idle.pop().put(work)
    except IndexError:
        queue: SimpleQueue[_Work] = SimpleQueue()
        queue.put(work)
        threading.Thread(target=_serve, args=(queue,), name="background", daemon=True).start()


def _serve(queue: SimpleQueue[_Work]) -> None:
    while True:
        queue.get()()
        _idle.append(queue)
