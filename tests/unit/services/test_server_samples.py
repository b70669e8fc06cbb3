"""The server's own samples, from the real machine."""

import asyncio
import socket
import threading

import psutil

from grange.adapters.host.probe import HostProbe
from grange.adapters.journal.writer import FileJournal
from grange.domain.farm import Farm
from grange.kernel.clock import VirtualClock
from grange.kernel.ids import FarmId
from grange.ports.state import Batch
from grange.ports.traffic import TrafficReading
from grange.server.one_write import Traffic
from grange.server.serve import make_server, serving
from grange.services.books.group_commit import GroupCommit
from grange.services.books.server_samples import ServerSampler
from grange.services.draft import Memory
from grange.services.model_size import model_to_measure
from grange.testing.facts import FARM, T0, numbered
from grange.testing.memory_store import MemoryStore


def test_each_minute_of_the_server_is_booked_for_each_farm(tmp_path):
    """S0-19: a sample says that the server ran, and how busy its machine was."""
    clock = VirtualClock(T0)
    journal = FileJournal(tmp_path / "journal", clock)
    farms = [FARM, FarmId(numbered("farm", 2))]

    async def run() -> None:
        store = MemoryStore()
        rows = [Farm(farm_id=i, name="f", created_at=T0, created_by="t") for i in farms]
        await store.commit(Batch(puts=rows))
        sampler = ServerSampler(
            store, GroupCommit(journal, clock), clock, HostProbe(tmp_path, clock), server="here"
        )
        await sampler.step(clock.now())  # no time has passed: nothing to say
        for seconds in (20, 60):
            clock.advance(seconds)
            await sampler.step(clock.now())

    asyncio.run(run())
    rows = [row for frame in journal.read() for row in frame.rows.to_pylist()]
    journal.close()
    assert [(row["farm_id"], row["at"] - T0, row["coverage_ms"]) for row in rows] == [
        (farm_id, at, min(at, 60_000)) for at in (20_000, 80_000) for farm_id in farms
    ]
    for row in rows:
        assert row["server"] == "here"
        assert row["memory_used_bytes"] > 1_000_000
        assert row["disk_free_bytes"] > 0
        assert row["machine_cpu_milli"] >= 0
        assert row["process_cpu_milli"] is None, "unknown is not zero"


def test_what_the_scheduler_and_the_connections_hold_is_measured(tmp_path):
    """Ledger S0-19: memory of the scheduler's model, socket buffers, the largest reply."""
    memory = Memory()
    few = model_to_measure(memory)()
    farms = [Farm(farm_id=FarmId(numbered("farm", n)), name="f" * 1_000, created_at=T0,
                  created_by="t") for n in range(1_000)]  # fmt: skip
    memory.take_in(farms)
    assert 1_000_000 < model_to_measure(memory)() - few < 4_000_000

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 50_000})

    async def ask() -> list[TrafficReading]:
        traffic = Traffic()
        listener = socket.create_server(("127.0.0.1", 0))
        server = make_server(app, asyncio.Event(), traffic=traffic)
        async with serving(server, listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(50_000)
            found = [traffic.read(), traffic.read()]
            writer.close()
        return found

    first, second = asyncio.run(ask())
    assert first.largest_reply_bytes is not None
    assert 50_000 < first.largest_reply_bytes < 51_000
    assert second.largest_reply_bytes is None, "nothing was sent since"
    assert (first.receive_buffer_bytes, first.send_buffer_bytes) == (0, 0)


def used() -> float:
    """Seconds of a core that this process has had."""
    return float(sum(psutil.Process().cpu_times()[:2]))


def test_the_servers_own_use_is_what_the_system_says(tmp_path):
    """Ledger S0-19: cores and memory of the server, within 5 % of psutil."""
    clock = VirtualClock(T0)
    journal = FileJournal(tmp_path / "journal", clock)
    probe = HostProbe(tmp_path, clock)

    async def run() -> tuple[int, float]:
        store = MemoryStore()
        farm = Farm(farm_id=FARM, name="f", created_at=T0, created_by="t")
        await store.commit(Batch(puts=[farm]))
        commit = GroupCommit(journal, clock)
        before = used()
        sampler = ServerSampler(store, commit, clock, probe, server="here", process=probe.own)
        began = used()
        while used() < began + 0.3:
            pass
        clock.advance(1)
        memory = psutil.Process().memory_info().rss
        await sampler.step(clock.now())
        return memory, used() - before

    rss, most = asyncio.run(run())
    (row,) = [row for frame in journal.read() for row in frame.rows.to_pylist()]
    journal.close()
    assert abs(row["process_memory_bytes"] - rss) < rss * 0.05
    told = row["process_cpu_milli"]
    assert 290 <= told <= most * 1000 + 10, "0.3 s of one core in a second of the clock"


def test_requests_go_on_while_the_scheduler_is_measured(tmp_path):
    """What is measured is taken by the loop's thread, and measured in another one."""
    clock = VirtualClock(T0)
    journal = FileJournal(tmp_path / "journal", clock)
    asked = threading.Event()

    def measure() -> int:
        assert asked.wait(60), "the loop answered nobody meanwhile"
        return 4711

    async def run() -> None:
        store = MemoryStore()
        farm = Farm(farm_id=FARM, name="f", created_at=T0, created_by="t")
        await store.commit(Batch(puts=[farm]))
        commit, probe = GroupCommit(journal, clock), HostProbe(tmp_path, clock)
        sampler = ServerSampler(store, commit, clock, probe, server="here", model=lambda: measure)
        clock.advance(60)
        step = asyncio.create_task(sampler.step(clock.now()))
        asyncio.get_running_loop().call_soon(asked.set)
        await step

    asyncio.run(run())
    (row,) = [row for frame in journal.read() for row in frame.rows.to_pylist()]
    journal.close()
    assert row["scheduler_bytes"] == 4711


def test_the_sampler_wakes_at_full_minutes(tmp_path):
    clock = VirtualClock(T0)
    clock.advance(12.5)
    journal = FileJournal(tmp_path / "journal", clock)

    async def run() -> None:
        store = MemoryStore()
        farm = Farm(farm_id=FARM, name="f", created_at=T0, created_by="t")
        await store.commit(Batch(puts=[farm]))
        commit = GroupCommit(journal, clock)
        sampler = ServerSampler(store, commit, clock, HostProbe(tmp_path, clock), server="here")
        task = asyncio.create_task(sampler.run())
        for seconds in (47, 0.5, 60):
            await asyncio.sleep(0)
            clock.advance(seconds)
            for _ in range(5):
                await asyncio.sleep(0)
            await commit.finish()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    found = [row["at"] - T0 for frame in journal.read() for row in frame.rows.to_pylist()]
    journal.close()
    assert found == [60_000, 120_000]
