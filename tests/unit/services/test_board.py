"""Rows of active jobs: packed small, read anew when told, forgotten when nobody asks."""

import asyncio
import random
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from grange.books.where import WhereError, parse
from grange.books.where.order import Wish
from grange.domain.farm import Farm, Queue
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import uuid7_hex
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.scheduling.blocks import Block, Unmet
from grange.services.reads.board import (
    FORGET_STEP_MS,
    IDLE_MS,
    IDLE_STEP_MS,
    RECENT_MS,
    Board,
    in_order,
)
from grange.services.reads.job_pages import AT_A_TIME, SORTED, JobPages
from grange.services.reads.job_rows import JobRows
from grange.services.reads.packing import Pack
from grange.services.reads.row_fields import JOB_FIELDS
from grange.testing.conformance.entities import least
from grange.testing.memory_store import MemoryStore
from grange.testing.unpacking import unpacked

FARM = "farm-1"


def job_id(at: int, number: int = 0) -> str:
    return f"job-{uuid7_hex(Instant(at), number.to_bytes(10, 'big'))}"


class Shop:
    """A farm with jobs, without a server."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = VirtualClock()
        self.now = int(self.clock.now())
        self.store = store or MemoryStore()
        self.board = Board(self.store, self.clock, lambda: 7)
        self.farm = least(Farm, farm_id=FARM)
        self.puts: list[Any] = [
            self.farm,
            least(Queue, farm_id=FARM, queue_id="queue-1", name="film"),
        ]

    def add(self, name: str, *, age_ms: int = 0, frames: int = 4, **members: Any) -> Job:
        made = self.now - age_ms
        given = {"attributes": {"project": "Dune"}, "created_by": "ann", "counts": {"READY": 4}}
        job = least(
            Job,
            farm_id=FARM,
            queue_id="queue-1",
            job_id=job_id(made, len(self.puts)),
            name=name,
            created_at=Instant(made),
            **{**given, **members},
        )
        layer = least(
            Layer, job_id=job.job_id, layer_id=f"step-{name}", task_count=4, frame_count=frames
        )
        self.puts += [job, layer]
        return job

    async def commit(self) -> None:
        await self.store.commit(Batch(puts=self.puts))
        self.puts = []

    async def names(self, where: str = "") -> list[str]:
        node = parse(where, JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(self.now))
        return [row.name for row in (await self.board.find(FARM, node)).rows]


def test_a_snapshot_says_every_row_as_it_is_read_alone():
    """UX-2: columns are a shape only; nothing is lost or rounded."""

    async def check() -> None:
        shop = Shop()
        shop.add("waits")
        shop.add("runs", started_at=Instant(shop.now + 5), counts={"RUNNING": 1, "READY": 3})
        shop.add("is done", age_ms=90_000, ended_at=Instant(shop.now), counts={"SUCCEEDED": 4})
        shop.add("long gone", age_ms=RECENT_MS + 2, ended_at=Instant(shop.now - RECENT_MS - 1))
        shop.add("deleted", lifecycle_status=JobLifecycleStatus.ARCHIVED)
        await shop.commit()
        about, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert {row["name"] for row in rows} == {"waits", "runs", "is done"}
        alone = await JobRows(shop.store).some([row["job_id"] for row in rows])
        members = [{name: getattr(row, name) for name in row.__struct_fields__} for row in alone]
        assert sorted(rows, key=str) == sorted(
            ({name: row[name] for name in rows[0]} for row in members), key=str
        )
        assert (about["complete"], about["total"], about["number"]) == (True, 4, 7)
        assert rows[0]["queue"] == "film"

    asyncio.run(check())


def test_a_board_reads_again_only_what_it_is_told_of():
    async def check() -> None:
        shop = Shop()
        job, other = shop.add("one"), shop.add("two")
        await shop.commit()
        assert await shop.names() == ["two", "one"]
        gone = replace(other, lifecycle_status=JobLifecycleStatus.ARCHIVED)
        shop.puts = [replace(job, name="renamed"), gone]
        await shop.commit()
        assert await shop.names() == ["two", "one"], "nobody told"
        shop.board.touch(FARM, "job", job.job_id)
        shop.board.touch(FARM, "job", other.job_id)
        assert await shop.names() == ["renamed"]

    asyncio.run(check())


def test_a_snapshot_is_what_was_packed_last_and_what_changed_since():
    """What changed is packed anew alone; what is read from both is what the rows are now."""

    async def check() -> None:
        shop = Shop()
        jobs = [shop.add(f"job {number}", age_ms=number) for number in range(5)]
        ended = shop.add("ended", ended_at=Instant(shop.now - RECENT_MS + 5_000))
        await shop.commit()
        first, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert (first["rows"], first["changed"]["rows"], len(rows)) == (6, 0, 6)
        shop.puts = [
            replace(jobs[1], name="renamed", started_at=Instant(shop.now)),
            replace(jobs[2], lifecycle_status=JobLifecycleStatus.ARCHIVED),
        ]
        new = shop.add("new", age_ms=99)
        await shop.commit()
        for job in (jobs[1], jobs[2], new):
            shop.board.touch(FARM, "job", job.job_id)
        shop.clock.advance(FORGET_STEP_MS / 1000)
        second, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert {row["name"] for row in rows} == {"job 0", "renamed", "job 3", "job 4", "new"}
        assert (second["rows"], second["changed"]["rows"]) == (6, 2)
        assert second["gone"] == sorted([jobs[2].job_id, ended.job_id])
        [alone] = await JobRows(shop.store).some([jobs[1].job_id])
        [renamed] = [row for row in rows if row["name"] == "renamed"]
        assert renamed == {name: getattr(alone, name) for name in renamed}
        assert await shop.board.snapshot(shop.farm, 0) == await shop.board.snapshot(shop.farm, 0)

    asyncio.run(check())


class CountingStore(MemoryStore):
    """Counts how often rows of jobs are read, and how many; says when some were read."""

    jobs_read = 0
    rows_read = 0
    after_rows: Callable[[], None] | None = None

    async def columns(self, entity: type[Any], *words: Any, **more: Any) -> list[tuple[Any, ...]]:
        if entity is Job and self.rows_read and self.after_rows is not None:
            tell, self.after_rows = self.after_rows, None
            tell()
        found = await super().columns(entity, *words, **more)
        if entity is Job:
            self.jobs_read += 1
            if words[0] != ("job_id",):
                self.rows_read += len(found)
        return found


def test_rows_are_there_before_anybody_asks_and_stay_current():
    """A reader waits for no row: they are read and packed beforehand, also while nobody asks."""

    async def check() -> None:
        store = CountingStore()
        shop = Shop(store)
        job = shop.add("one")
        await shop.commit()
        await shop.board.step()

        async def change(name: str, *, after_ms: int) -> bool:
            """Rename the job; return whether the board reads it by itself."""
            shop.puts = [replace(job, name=name)]
            await shop.commit()
            shop.board.touch(FARM, "job", job.job_id)
            shop.clock.advance(after_ms / 1000)
            before = store.jobs_read
            await shop.board.step()
            return store.jobs_read > before

        async def read() -> int:
            """Return how often jobs are read for a reader."""
            before = store.jobs_read
            _, [row] = unpacked(await shop.board.snapshot(shop.farm, 0))
            seen.append(row["name"])
            return store.jobs_read - before

        seen: list[str] = []
        assert await read() == 0
        assert await change("two", after_ms=5_000)
        assert await read() == 0
        assert await change("three", after_ms=IDLE_MS + 1)
        assert not await change("four", after_ms=5_000), "seldom while nobody asks"
        assert await change("five", after_ms=IDLE_STEP_MS)
        assert await read() == 0
        assert seen == ["one", "two", "five"]

    asyncio.run(check())


def test_a_reason_that_is_found_while_rows_are_read_is_told_without_reading_them_again(monkeypatch):
    """After a server's start reasons and rows are found beside each other, those of every job."""

    monkeypatch.setattr("grange.services.reads.board.AT_A_TIME", 1)

    async def check() -> None:
        known: dict[str, Unmet] = {}
        store = CountingStore()
        shop = Shop(store)
        shop.board = Board(store, shop.clock, lambda: 7, known.get)
        jobs = [shop.add(f"job {number}") for number in range(3)]
        await shop.commit()

        def explain() -> None:
            for job in (jobs[0], jobs[2]):  # read last and first
                known[job.job_id] = Unmet(Block.WORKERS, "no worker is on")
                shop.board.reason_changed(FARM, job.job_id)
            shop.board.reason_changed(FARM, "job-of-yesterday")

        store.after_rows = explain
        _, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert {row["name"]: row["waits"] for row in rows} == {
            "job 0": "workers",
            "job 1": None,
            "job 2": "workers",
        }
        assert store.rows_read == len(jobs)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("touched", "first", "then"),
    [(10, 10, 10), (11, 11, 1), (51, 0, 1)],
    ids=["few", "more than the fewest", "more than half: at once"],
)
def test_all_rows_are_packed_again_once_many_have_changed(
    monkeypatch: pytest.MonkeyPatch, touched: int, first: int, then: int
):
    """What a reader is sent beside the rows packed last stays small."""

    async def check() -> None:
        monkeypatch.setattr("grange.services.reads.board.MOST_CHANGED", 10)
        shop = Shop()
        jobs = [shop.add(f"job {number}") for number in range(100)]
        await shop.commit()
        await shop.board.step()
        shop.puts = [replace(job, priority=99) for job in jobs[:touched]]
        await shop.commit()
        for job in jobs:
            shop.board.touch(FARM, "job", job.job_id)
        found, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert (found["changed"]["rows"], len(rows)) == (first, len(jobs))
        shop.clock.advance(60)
        await shop.board.step()
        shop.puts = [replace(jobs[0], priority=1)]
        await shop.commit()
        shop.board.touch(FARM, "job", jobs[0].job_id)
        found, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert (found["changed"]["rows"], len(rows)) == (then, len(jobs))

    asyncio.run(check())


def test_a_packed_column_is_small_where_values_repeat():
    """UX-2: 100,000 jobs in less than 2 MB; here the same share of a thousand."""
    rng = random.Random(1)
    clock = 1_785_000_000_000
    shop = Shop()
    rows = []

    async def check() -> None:
        for number in range(1000):
            nonlocal clock
            clock += rng.randrange(60_000)
            made = uuid7_hex(Instant(clock), rng.randbytes(10))
            counts = {"READY": rng.randrange(200), "SUCCEEDED": rng.randrange(200)}
            rows.append(
                least(
                    Job,
                    farm_id=FARM,
                    queue_id="queue-1",
                    job_id=f"job-{made}",
                    name=f"sq{number % 40:03d}_sh{number % 97:04d}_beauty_v{number % 9:03d}",
                    created_at=Instant(clock),
                    started_at=Instant(clock + rng.randrange(3_600_000)),
                    created_by=rng.choice(["ann", "bob", "zoe"]),
                    counts=counts,
                    attributes={"project": rng.choice(["Dune", "Alien"]), "shot": f"{number % 97}"},
                    status=rng.choice([TaskRunStatus.READY, TaskRunStatus.RUNNING]),
                )
            )
        shop.puts += rows
        await shop.commit()
        assert len(await shop.board.snapshot(shop.farm, 0)) < 26 * 1000

    asyncio.run(check())


def test_ids_of_another_kind_are_packed_as_they_are():
    async def check() -> None:
        shop = Shop()
        shop.puts += [least(Job, farm_id=FARM, job_id="job-imported", created_at=Instant(5))]
        await shop.commit()
        _, rows = unpacked(await shop.board.snapshot(shop.farm, 0))
        assert [(row["job_id"], row["created_at"]) for row in rows] == [("job-imported", 5)]
        assert unpacked(Pack("job_id").whole([], {"number": 1}))[1] == []

    asyncio.run(check())


def test_pages_go_on_where_the_last_ended_and_find_the_one_among_many():
    """UX-6: filtered before it is limited, over all jobs there ever were."""

    async def check() -> None:
        shop = Shop()
        for number in range(30):
            shop.add(f"job {number:02d}", age_ms=1000 * (number // 2), priority=number)
        shop.add("needle", age_ms=10_000_000, ended_at=Instant(1), created_by="zoe")
        await shop.commit()
        pages = JobPages(shop.store)
        node = parse("name~job", JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(shop.now))
        names: list[str] = []
        after = None
        while True:
            page = await pages.page(FARM, node, 7, after)
            names += [row.name for row in page.rows]
            shop.add("came meanwhile")
            await shop.commit()
            after = page.next
            if after is None:
                break
        assert sorted(names) == [f"job {number:02d}" for number in range(30)]
        for where in ("user=zoe", "needle", "finished<2026", "priority=50 needle"):
            node = parse(where, JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(shop.now))
            found = await pages.page(FARM, node, 7, None)
            assert [row.name for row in found.rows] == ["needle"], where
        with pytest.raises(InvalidRequestError, match="next"):
            await pages.page(FARM, node, 7, "nowhere")

    asyncio.run(check())


@pytest.mark.parametrize("field", sorted(SORTED))
@pytest.mark.parametrize("descends", [False, True])
def test_sorted_pages_hold_every_job_once_in_order(monkeypatch: Any, field: str, descends: bool):
    """What is not known comes last either way; what is alike comes newest first."""

    async def check() -> None:
        monkeypatch.setattr("grange.services.reads.job_pages.AT_A_TIME", 4)
        shop = Shop()
        for number in range(23):
            at = None if number % 3 == 0 else Instant(shop.now - 1000 * (number % 5))
            shop.add(
                f"job {number * 7 % 4}",
                age_ms=1000 * (number // 2),
                priority=number % 4,
                started_at=at,
                ended_at=at,
                created_by=f"user {number % 3}",
            )
        await shop.commit()
        node = parse("", JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(shop.now))
        pages = JobPages(shop.store)
        newest = (await pages.page(FARM, node, 99, None)).rows
        wish = Wish(field=JOB_FIELDS[field], descends=descends)
        expected = in_order(newest, [(wish.field.row_key, descends)])
        assert len(expected) == 23
        found: list[Any] = []
        page = await pages.page(FARM, node, 3, None, wish)
        while page.next is not None:
            found += page.rows
            page = await pages.page(FARM, node, 3, page.next, wish)
        assert [row.job_id for row in [*found, *page.rows]] == [row.job_id for row in expected]

    asyncio.run(check())


def test_a_request_looks_through_a_bounded_number_and_says_how_far(monkeypatch: Any):
    async def check() -> None:
        monkeypatch.setattr("grange.services.reads.job_pages.AT_A_TIME", 5)
        monkeypatch.setattr("grange.services.reads.job_pages.MOST_LOOKED_AT", 10)
        shop = Shop()
        shop.add("needle", age_ms=60_000)
        for number in range(20):
            shop.add(f"hay {number}", age_ms=1000 * number)
        await shop.commit()
        node = parse("needle", JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(shop.now))
        pages = JobPages(shop.store)
        first = await pages.page(FARM, node, 7, None)
        assert (first.rows, first.looked_back_to) == ([], shop.now - 9000)
        second = await pages.page(FARM, node, 7, first.next)
        third = await pages.page(FARM, node, 7, second.next)
        assert [row.name for row in [*second.rows, *third.rows]] == ["needle"]
        assert third.next is None
        assert AT_A_TIME == 2000

    asyncio.run(check())


def test_a_field_a_job_does_not_have_is_refused_with_the_nearest_one():
    with pytest.raises(WhereError, match="Did you mean user"):
        parse("usr=ann", JOB_FIELDS, zone=ZoneInfo("UTC"), now=Instant(0))
