"""Rows of active jobs: packed small, read anew when told, forgotten when nobody asks."""

import asyncio
import base64
import gzip
import json
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from grange.books.where import WhereError, parse
from grange.domain.farm import Farm, Queue
from grange.domain.statuses import JobLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import uuid7_hex
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.services.reads.board import IDLE_MS, RECENT_MS, Board
from grange.services.reads.job_pages import AT_A_TIME, JobPages
from grange.services.reads.job_rows import JobRows
from grange.services.reads.packing import DIGITS, pack
from grange.services.reads.row_fields import JOB_FIELDS
from grange.testing.conformance.entities import least
from grange.testing.memory_store import MemoryStore

FARM = "farm-1"


def unpacked(content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a snapshot as its description says."""
    found = json.loads(gzip.decompress(content))
    ids = found["ids"]
    made: list[int] = []
    if "plain" in ids:
        names = ids["plain"]
    else:
        at, names = ids["first"], []
        digits = base64.b64decode(ids["rest"]).hex()
        for number, step in enumerate(ids["steps"]):
            at += step
            made.append(at)
            names.append(f"{ids['prefix']}{at:012x}7{digits[19 * number : 19 * number + 19]}")
    rows: list[dict[str, Any]] = [{"job_id": name} for name in names]
    for name, column in found["columns"].items():
        for row, value in zip(rows, values_of(column, made, len(rows)), strict=True):
            row[name] = value
    return found, rows


def values_of(column: dict[str, Any], made: list[int], count: int) -> list[Any]:
    if "plain" in column:
        return list(column["plain"])
    if "after_made" in column:
        return [
            None if after is None else made[number] + after
            for number, after in enumerate(column["after_made"])
        ]
    if "pieces" in column:
        pieces = [values_of(one, made, count) for one in column["pieces"]]
        return [
            "_".join(part for part in row if part is not None) for row in zip(*pieces, strict=True)
        ]
    found = []
    for number in range(count):
        place = 0
        for digit in column["at"][number * column["width"] :][: column["width"]]:
            place = place * 64 + DIGITS.index(digit)
        found.append(column["values"][place])
    return found


def job_id(at: int, number: int = 0) -> str:
    return f"job-{uuid7_hex(Instant(at), number.to_bytes(10, 'big'))}"


class Shop:
    """A farm with jobs, without a server."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.now = int(self.clock.now())
        self.store = MemoryStore()
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
        shop.clock.advance(IDLE_MS / 1000 + 1)
        shop.board.touch(FARM, "job", job.job_id)  # nobody has asked for long: all is forgotten
        shop.puts = [other]
        await shop.commit()
        assert await shop.names() == ["two", "renamed"], "and read again when somebody asks"

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
        assert unpacked(pack({"number": 1}, [], key="job_id"))[1] == []

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
