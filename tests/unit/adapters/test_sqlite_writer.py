"""The thread that writes: in order, with errors told, and nothing done for who has gone."""

import asyncio
import threading
from functools import partial

import pytest

from grange.adapters.sqlite.writer import Writer


def test_work_is_done_in_order_on_one_thread() -> None:
    seen: list[tuple[int, int]] = []

    def work(number: int) -> None:
        seen.append((number, threading.get_ident()))

    async def run() -> None:
        writer = Writer("w")
        await asyncio.gather(*(writer.submit(partial(work, number)) for number in range(20)))
        await asyncio.to_thread(writer.finish)

    asyncio.run(run())
    assert [number for number, _ in seen] == list(range(20))
    assert len({thread for _, thread in seen}) == 1
    assert threading.get_ident() not in {thread for _, thread in seen}


def test_an_error_is_raised_where_the_work_is_waited_for_and_the_next_work_is_done() -> None:
    done: list[str] = []

    def fails() -> None:
        raise ValueError("no")

    async def run() -> None:
        writer = Writer("w")
        with pytest.raises(ValueError, match="no"):
            await writer.submit(fails)
        await writer.submit(partial(done.append, "next"))
        await asyncio.to_thread(writer.finish)

    asyncio.run(run())
    assert done == ["next"]


def test_finish_waits_for_what_was_handed_over_but_cancelled_work_is_left_out() -> None:
    done: list[str] = []

    async def run() -> None:
        writer = Writer("w")
        go = threading.Event()
        first = writer.submit(go.wait)
        left_out = writer.submit(partial(done.append, "left out"))
        last = writer.submit(partial(done.append, "last"))
        left_out.cancel()
        go.set()
        await asyncio.to_thread(writer.finish)
        await asyncio.gather(first, last)

    asyncio.run(run())
    assert done == ["last"]
