"""Facts from workers and from the outbox, on a real journal."""

import asyncio
import errno
import os
import threading
from typing import Any

import numpy as np
import pytest

from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.domain.facts import Fact
from grange.domain.work import Worker
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import InvalidRequestError, StorageFullError, ThrottledError
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.ports.state import Batch
from grange.services.books.drain import Drain
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import MOST_ROWS, Ingest
from grange.testing.facts import (
    FARM,
    FLEET,
    T0,
    WORKER,
    action_fact,
    as_row,
    event_fact,
    posted_frame,
    posted_thread_sample,
    posted_worker_sample,
    session_fact,
)
from grange.testing.memory_store import MemoryStore

MACHINE = Worker(
    farm_id=FARM, fleet_id=FLEET, worker_id=WORKER, global_index=1, created_at=T0, created_by="t"
)


class Desk:
    """A journal with its group commit; counts syncs and can be slowed or filled."""

    def __init__(self, folder) -> None:
        self.clock = VirtualClock(Instant(T0 + 60_000))
        self.syncs = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.full = False
        self.journal = FileJournal(folder, self.clock, flush=self._flush)
        self.commit = GroupCommit(self.journal, self.clock)
        self.ingest = Ingest(self.commit, self.clock)
        self.reader = JournalFolder(folder)

    def _flush(self, descriptor: int) -> None:
        self.syncs += 1
        assert self.go_on.wait(100)
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fdatasync(descriptor)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [
            row
            for frame in self.reader.read()
            if frame.table_name == table
            for row in frame.rows.to_pylist()
        ]


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.journal.close()


def send(desk, batch, offset=0, **options):
    return asyncio.run(desk.ingest.ingest(MACHINE, offset, batch, **options))


def test_a_batch_is_kept_with_what_the_server_knows(desk):
    result = send(
        desk,
        {
            "batch": "b1",
            "frames": [posted_frame()],
            "worker_samples": [posted_worker_sample(T0)],
            "thread_samples": [posted_thread_sample(T0, 0), posted_thread_sample(T0, 1)],
        },
    )
    assert (result.accepted, result.refused) == (4, ())
    (frame,) = desk.rows("frames")
    assert (frame["farm_id"], frame["fleet_id"], frame["worker_id"]) == (FARM, FLEET, WORKER)
    assert [row["thread"] for row in desk.rows("thread_samples")] == [0, 1]


def test_times_of_workers_are_put_on_the_servers_clock_and_kept_as_they_came(desk):
    send(
        desk,
        {"frames": [posted_frame()], "worker_samples": [posted_worker_sample(T0)]},
        offset=-2_500,
    )
    (frame,) = desk.rows("frames")
    assert (frame["started_at"], frame["worker_started_at"]) == (T0 - 2_500, T0)
    assert (frame["ended_at"], frame["worker_ended_at"]) == (T0 + 2_500, T0 + 5_000)
    assert frame["log_started_at"] == T0 - 2_500
    (sample,) = desk.rows("worker_samples")
    assert (sample["at"], sample["worker_at"]) == (T0 - 2_500, T0)


def test_rows_that_do_not_fit_are_refused_one_by_one(desk):
    result = send(
        desk,
        {
            "frames": [
                posted_frame(frame=1),
                posted_frame(frame="2"),
                posted_frame(frame=3, farm_id="farm-mine"),
                7,
            ],
            "worker_samples": [posted_worker_sample(T0, coverage_ms=99_999_999)],
        },
    )
    assert result.accepted == 1
    assert [(row.table, row.index, row.message) for row in result.refused] == [
        ("frames", 1, "frame must be a whole number"),
        ("frames", 2, "farm_id is not a column of frames"),
        ("frames", 3, "is not an object"),
        ("worker_samples", 0, "coverage_ms must lie between 0 and 60000"),
    ]
    assert [row["frame"] for row in desk.rows("frames")] == [1]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (T0 + MILLIS_PER_DAY, "at lies in the future: is the worker's clock right?"),
        (T0 - 401 * MILLIS_PER_DAY, "at is older than facts are kept"),
    ],
)
def test_times_that_cannot_be_are_refused(desk, at, message):
    result = send(desk, {"worker_samples": [posted_worker_sample(at)]})
    assert (result.accepted, [row.message for row in result.refused]) == (0, [message])
    assert {frame.table_name for frame in desk.reader.read()} <= {"events"}, "only the count"


def test_a_frame_that_ends_before_it_begins_is_refused(desk):
    result = send(desk, {"frames": [posted_frame(started_at=T0, ended_at=T0 - 1)]})
    assert result.refused[0].message == "started_at is later than ended_at"


@pytest.mark.parametrize(
    "batch",
    [
        {"events": []},
        {"frames": {}},
        {"frames": "all"},
        [],
        {"frames": [{}] * (MOST_ROWS + 1)},
    ],
    ids=["a server's table", "an object", "text", "a list", "too many"],
)
def test_a_malformed_batch_is_refused_as_a_whole(desk, batch):
    with pytest.raises(InvalidRequestError):
        send(desk, batch)


def test_an_empty_batch_costs_no_sync(desk):
    assert send(desk, {"batch": "b", "frames": []}).accepted == 0
    assert desk.syncs == 0


def test_many_callers_share_one_sync(desk):
    async def storm():
        desk.go_on.clear()
        callers = [
            asyncio.create_task(
                desk.ingest.ingest(MACHINE, 0, {"worker_samples": [posted_worker_sample(T0 + n)]})
            )
            for n in range(100)
        ]
        await asyncio.sleep(0)
        desk.go_on.set()
        return await asyncio.gather(*callers)

    assert sum(result.accepted for result in asyncio.run(storm())) == 100
    assert len(desk.rows("worker_samples")) == 100
    assert desk.syncs <= 3  # a segment's header, the first group, all others


def test_while_the_disk_is_behind_new_rows_are_refused(desk):
    async def storm():
        desk.go_on.clear()
        batch = {"worker_samples": [posted_worker_sample(T0)]}
        first = asyncio.create_task(desk.ingest.ingest(MACHINE, 0, batch))
        await asyncio.sleep(0)
        desk.clock.advance(2.5)
        with pytest.raises(ThrottledError, match="behind") as caught:
            await desk.ingest.ingest(MACHINE, 0, batch)
        desk.go_on.set()
        await first
        await desk.ingest.ingest(MACHINE, 0, batch)
        return caught.value.retry_after_seconds

    assert asyncio.run(storm()) == 2


def test_a_queue_of_64_mb_refuses_more(desk):
    async def storm():
        desk.go_on.clear()
        batch = {"worker_samples": [posted_worker_sample(T0)]}
        first = asyncio.create_task(
            desk.ingest.ingest(MACHINE, 0, batch, byte_count=65 * 1024 * 1024)
        )
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError):
            await desk.ingest.ingest(MACHINE, 0, batch)
        desk.go_on.set()
        await first

    asyncio.run(storm())


def test_on_a_full_disk_nothing_is_acknowledged_and_it_heals(desk):
    desk.full = True
    with pytest.raises(StorageFullError):
        send(desk, {"frames": [posted_frame()]})
    desk.full = False
    assert desk.rows("frames") == []
    assert send(desk, {"frames": [posted_frame()]}).accepted == 1
    assert len(desk.rows("frames")) == 1


def test_a_nearly_full_disk_takes_no_samples(desk):
    ingest = Ingest(desk.commit, desk.clock, has_room=lambda: False)
    with pytest.raises(StorageFullError, match="nearly full"):
        asyncio.run(ingest.ingest(MACHINE, 0, {"frames": [posted_frame()]}))


def test_the_drain_moves_the_outbox_in_order_and_empties_it(desk):
    facts: list[Fact] = [
        event_fact("e1", T0, "worker_status"),
        action_fact(),
        session_fact(),
        event_fact("e2", T0, "worker_status"),
    ]

    async def run():
        store = MemoryStore()
        await store.commit(Batch(outbox=facts))
        drain = Drain(store, desk.commit, desk.clock)
        moved = await drain.drain()
        return moved, await store.outbox(10)

    assert asyncio.run(run()) == (4, [])
    assert [row["event_id"] for row in desk.rows("events")] == ["e1", "e2"]
    assert len(desk.rows("session_actions")) == len(desk.rows("sessions")) == 1


def test_facts_stay_in_the_outbox_until_they_are_durable(desk):
    async def run():
        store = MemoryStore()
        await store.commit(Batch(outbox=[session_fact()]))
        drain = Drain(store, desk.commit, desk.clock)
        desk.full = True
        with pytest.raises(StorageFullError):
            await drain.step()
        kept = len(await store.outbox(10))
        desk.full = False
        await drain.step()
        return kept, len(await store.outbox(10))

    assert asyncio.run(run()) == (1, 0)
    assert len(desk.rows("sessions")) == 1


def test_the_drain_runs_when_it_is_woken_and_empties_the_outbox_before_it_stops(desk):
    async def run():
        store = MemoryStore()
        drain = Drain(store, desk.commit, desk.clock)
        task = asyncio.create_task(drain.run())
        await asyncio.sleep(0)
        await store.commit(Batch(outbox=[session_fact()]))
        drain.wake()
        while await store.outbox(1):  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0)
        await store.commit(Batch(outbox=[session_fact(session_id="session-2")]))
        await drain.stop()
        await task
        return await store.outbox(1)

    assert asyncio.run(run()) == []
    assert len(desk.rows("sessions")) == 2


def test_who_sends_rows_that_do_not_fit_spoils_nothing_for_others_of_the_group(desk):
    async def both():
        await desk.commit.keep([(FARM, "events", [as_row(event_fact("e0", T0, "x"))])], 1)
        good = [(FARM, "events", [as_row(event_fact("e1", T0, "x"))])]
        bad = [(FARM, "events", [{**as_row(event_fact("e2", T0, "x")), "number": "many"}])]
        return await asyncio.gather(
            desk.commit.keep(bad, 1), desk.commit.keep(good, 1), return_exceptions=True
        )

    refused, kept = asyncio.run(both())
    assert isinstance(refused, InvalidRequestError)
    assert kept is None
    assert [row["event_id"] for row in desk.rows("events")] == ["e0", "e1"]


COLUMNS = posted_worker_sample(T0) | {
    "at": np.array([T0, T0 + 20_000], dtype=np.int64),
    "coverage_ms": 20_000,
    "cpu_milli": np.array([500, 900], dtype=np.int64),
}


def send_columns(desk, *batches, offset=0):
    asked = [{"worker_samples": columns} for columns in batches]
    return asyncio.run(desk.ingest.ingest_columns(MACHINE, offset, asked))


def test_columns_are_kept_as_the_same_rows_are(desk):
    later = COLUMNS | {"at": COLUMNS["at"] + 40_000}
    other = COLUMNS | {"at": COLUMNS["at"][:1] + 80_000, "coverage_ms": 10_000, "cpu_milli": 7}
    assert send_columns(desk, COLUMNS, later, other, offset=-100) == 5
    in_columns = desk.rows("worker_samples")
    posted = [
        COLUMNS | {"at": int(T0 + 20_000 * n), "cpu_milli": (500, 900)[n % 2]} for n in range(4)
    ]
    posted.append(COLUMNS | {"at": T0 + 80_000, "coverage_ms": 10_000, "cpu_milli": 7})
    assert not send(desk, {"worker_samples": posted}, offset=-100).refused
    assert desk.rows("worker_samples")[5:] == in_columns


FRAMES = posted_frame() | {
    "frame": np.array([1, 2], dtype=np.int64),
    "started_at": np.array([T0, T0 + 5_000], dtype=np.int64),
    "ended_at": np.array([T0 + 5_000, T0 + 9_000], dtype=np.int64),
    "part_job_cpu": np.array([[900, 910, 920, 930, 940], [1, 2, 3, 4, 5]], dtype=np.int64),
}


@pytest.mark.parametrize("log", [T0, None, np.array([T0, T0 + 1], dtype=np.int64)])
def test_frame_records_in_columns_are_kept_as_the_same_rows_are(desk, log):
    """Every instant of the worker's clock is put on the server's, lists of five stay lists."""
    columns = FRAMES | {"log_started_at": log}
    kept = desk.ingest.ingest_columns(MACHINE, -100, [{"frames": columns}])
    assert asyncio.run(kept) == 2
    arrays = {name: value.tolist() for name, value in columns.items() if hasattr(value, "tolist")}
    posted = [columns | {name: each[n] for name, each in arrays.items()} for n in range(2)]
    assert not send(desk, {"frames": posted}, offset=-100).refused
    rows = desk.rows("frames")
    assert rows[:2] == rows[2:]
    assert rows[0]["worker_ended_at"] == rows[0]["ended_at"] + 100 == T0 + 5_000


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"started_at": FRAMES["ended_at"] + np.array([0, 1])}, "started_at is later than ended"),
        ({"part_job_cpu": FRAMES["part_job_cpu"] - 2}, "must lie between"),
        ({"part_job_cpu": FRAMES["part_job_cpu"][:, :4]}, "must have 5 items"),
        ({"part_job_cpu": FRAMES["part_job_cpu"][:1]}, "1 values for 2 rows"),
    ],
)
def test_frame_records_in_columns_that_do_not_fit_are_refused_whole(desk, bad, message):
    with pytest.raises(InvalidRequestError, match=message):
        asyncio.run(desk.ingest.ingest_columns(MACHINE, 0, [{"frames": FRAMES | bad}]))
    assert desk.rows("frames") == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"coverage_ms": np.array([0, -1], dtype=np.int64)}, "must lie between"),
        ({"cpu_milli": np.array([0.5, 0.7])}, "whole number"),
        ({"cpu_milli": np.array([1], dtype=np.int64)}, "1 values for 2 rows"),
        ({"cpu_milli": np.array([1, 2, 3], dtype=np.int64)}, "3 values for 2 rows"),
        ({"colour": 3}, "not a column"),
        ({"at": COLUMNS["at"] + MILLIS_PER_DAY}, "in the future"),
    ],
)
def test_columns_that_do_not_fit_are_refused_and_nothing_beside_them_is_kept(desk, bad, message):
    with pytest.raises(InvalidRequestError, match=message):
        send_columns(desk, COLUMNS, COLUMNS | bad)
    assert desk.rows("worker_samples") == []


def test_lengths_that_are_wrong_in_two_batches_do_not_make_up_for_each_other(desk):
    short, long = (np.arange(count, dtype=np.int64) for count in (1, 3))
    with pytest.raises(InvalidRequestError, match="values for 2 rows"):
        send_columns(desk, COLUMNS | {"cpu_milli": short}, COLUMNS | {"cpu_milli": long})


def test_a_batch_of_too_many_rows_in_columns_is_refused(desk):
    many = COLUMNS | {"at": np.full(MOST_ROWS + 1, T0), "cpu_milli": 1}
    with pytest.raises(InvalidRequestError, match=f"may hold {MOST_ROWS} rows"):
        send_columns(desk, many)
