"""Live events: batched, numbered, resumable; a slow reader is dropped, not waited for."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from grange.kernel.clock import VirtualClock
from grange.services.live import (
    BATCH_ROWS,
    FLUSH_SECONDS,
    READER_BYTES,
    READERS_AT_FULL_PACE,
    LiveHub,
)

FARM = "farm-1"


async def _render(farm_id: str, event: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    return [{"id": subject, "farm": farm_id} for subject in ids]


def hub() -> LiveHub:
    return LiveHub(clock=VirtualClock(), render=_render)


def number_of(piece: bytes) -> int:
    last = [line for line in piece.splitlines() if line.startswith(b"id: ")][-1]
    return int(last[4:])


def test_changes_between_two_flushes_are_told_once():
    async def check() -> None:
        live = hub()
        reader = live.subscribe(FARM, None)
        assert b"event: hello" in await anext(reader)
        for _ in range(3):
            live.touch(FARM, "job", "job-1")
        live.touch("farm-2", "job", "job-2")
        await live.flush()
        piece = await anext(reader)
        assert piece.count(b"event: job") == 1
        assert b"job-2" not in piece
        await reader.aclose()

    asyncio.run(check())


def test_a_reader_that_comes_back_gets_what_it_missed():
    async def check() -> None:
        live = hub()
        stays, goes = live.subscribe(FARM, None), live.subscribe(FARM, None)
        await anext(stays)
        last = number_of(await anext(goes))
        await goes.aclose()
        live.touch(FARM, "job", "job-1")
        await live.flush()
        live.touch(FARM, "worker", "worker-1")
        await live.flush()
        back = live.subscribe(FARM, last)
        piece = await anext(back)
        assert piece.index(b"job-1") < piece.index(b"worker-1")
        assert b"event: reset" not in piece
        await back.aclose()
        await stays.aclose()

    asyncio.run(check())


def test_a_reader_that_missed_too_much_starts_over():
    async def check() -> None:
        live = hub()
        live.touch(FARM, "job", "job-1")  # nobody reads, so nothing is kept
        reader = live.subscribe(FARM, 5)
        assert b"event: reset" in await anext(reader)
        await reader.aclose()

    asyncio.run(check())


def test_a_slow_reader_is_dropped():
    async def check() -> None:
        live = hub()
        reader = live.subscribe(FARM, None)
        last = number_of(await anext(reader))
        row = "x" * 10_000
        while live.number < last + READER_BYTES // (BATCH_ROWS * len(row)) + 2:
            for number in range(BATCH_ROWS):
                live.touch(FARM, "job", f"{number}{row}")
            await live.flush()
        pieces = [piece async for piece in reader]
        assert len(pieces) <= 1

    asyncio.run(check())


def test_many_changes_come_in_few_events_and_only_once_each():
    """UX-3: what changes within a fifth of a second is one event, of a bounded size."""

    async def check() -> None:
        live = hub()
        reader = live.subscribe(FARM, None)
        await anext(reader)
        names = {f"job-{number}" for number in range(BATCH_ROWS + 1)}
        for name in names:
            live.touch(FARM, "job", name)
        await live.flush()
        lines = (await anext(reader)).splitlines()
        data = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
        assert [len(data[0]), data[1]["farm"]] == [BATCH_ROWS, FARM]
        assert {row["id"] for row in [*data[0], data[1]]} == names
        await reader.aclose()

    asyncio.run(check())


def test_more_readers_are_told_less_often():
    """Who looks on cannot slow who renders."""

    async def check() -> None:
        live = hub()
        assert live.pause_seconds == FLUSH_SECONDS
        readers = [live.subscribe(FARM, None) for _ in range(5 * READERS_AT_FULL_PACE)]
        for reader in readers:
            await anext(reader)
        assert live.pause_seconds == 5 * FLUSH_SECONDS
        for reader in readers:
            await reader.aclose()
        assert live.pause_seconds == FLUSH_SECONDS

    asyncio.run(check())


def test_closing_ends_every_stream():
    async def check() -> None:
        live = hub()
        reader = live.subscribe(FARM, None)
        await anext(reader)
        live.close()
        assert [piece async for piece in reader] == []

    asyncio.run(check())


def test_readers_start_over_when_events_were_lost():
    async def check() -> None:
        failures = 1

        async def render(farm_id: str, event: str, ids: Iterable[str]) -> list[dict[str, Any]]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError("the disk said no")
            return await _render(farm_id, event, ids)

        live = LiveHub(clock=VirtualClock(), render=render)
        running = asyncio.create_task(live.run())
        reader = live.subscribe(FARM, None)
        last = number_of(await anext(reader))
        live.touch(FARM, "job", "job-1")
        assert [piece async for piece in reader] == []
        back = live.subscribe(FARM, last)
        assert b"event: reset" in await anext(back)
        await back.aclose()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(check())
