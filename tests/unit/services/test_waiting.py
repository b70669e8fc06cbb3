"""Why jobs wait, known for all of a farm: the same as each would be told, at a bounded pace."""

import asyncio
from typing import Any

import pytest

from grange.domain.statuses import TaskRunStatus
from grange.kernel.ids import JobId
from grange.scheduling.blocks import Block, Unmet
from grange.services.commands.jobs import ChangeJob
from grange.services.owner import Command
from grange.services.reads.job_rows import JobRow, explained
from grange.services.waiting import MOST_TOLD, PAUSE, AskReasons, ListJobs, Reasons, Seen, Waiting
from grange.services.why import AskWhy
from grange.testing.builders import DecidingFarm, job_template
from tests.unit.scheduling.test_limits import call
from tests.unit.services.test_why import SEEDS, Seeded


def reasons(farm: DecidingFarm, **members: Any) -> Reasons:
    job_ids = tuple(farm.do(ListJobs()))
    found: Reasons = farm.do(AskReasons(job_ids=job_ids, seen=Seen(), **members))
    return found


@pytest.mark.parametrize("block", SEEDS)
def test_a_list_gives_the_reason_that_the_job_itself_is_given(block: Block) -> None:
    at = Seeded()
    SEEDS[block](at)
    at.submit()
    for seed in at.undo:
        seed()
    at.call()
    found = reasons(at.farm)
    for job_id, (_, reason) in found.of.items():
        answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=JobId(job_id)))
        assert (reason.block if reason else "", reason.text if reason else "") == (
            answer.reason,
            answer.text if answer.reason else "",
        )
    reason = found.of[at.job][1]
    assert reason is not None
    assert reason.block is block


def test_of_the_rank_a_list_says_only_that_workers_are_busy() -> None:
    at = Seeded()
    at.submit()
    call(at.farm, at.worker)
    later = at.farm.job(job_template(frames="1"), priority=1)
    reason = reasons(at.farm).of[later][1]
    answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=later))
    assert reason == Unmet(Block.PRIORITY, "the one worker that could take it is busy")
    assert answer.text.startswith(f"{reason.text}; ")


def test_a_job_that_anybody_may_take_and_one_that_is_all_with_workers_have_no_reason() -> None:
    at = Seeded()
    at.template = job_template(frames="1")
    at.submit()
    assert reasons(at.farm).of == {at.job: (at.farm.farm_id, None)}
    call(at.farm, at.worker)
    assert reasons(at.farm).of == {}


def test_a_job_that_is_waited_for_and_not_in_memory_is_looked_up() -> None:
    at = Seeded()
    other = at.farm.job(job_template(frames="1"), tags={"grange:class": "Q"})
    at.members["after"] = (other,)
    at.submit()
    at.farm.do(
        ChangeJob(
            farm_id=at.farm.farm_id, queue_id=at.farm.queue_id, job_id=other,
            target_status=TaskRunStatus.FAILED, by="ann",
        )
    )  # fmt: skip
    ended = {pair: row for pair, row in at.farm.rows.items() if pair[1] == (other,)}
    for kind, key in ended:
        at.farm.memory.set(kind, key, None)
    found = reasons(at.farm)
    assert (found.of.get(at.job), found.to_look_up, found.again) == (None, {other}, [at.job])
    for (kind, key), row in ended.items():
        at.farm.memory.set(kind, key, row)
    found = reasons(at.farm, others=(other,))
    assert "which failed; requeue it" in found.of[at.job][1].text  # type: ignore[union-attr]


class Watched:
    """A farm whose reasons are followed; rounds are counted, and take as long as told."""

    def __init__(self) -> None:
        self.at = Seeded()
        self.at.tags["grange:class"] = "C"
        self.at.submit()
        self.rounds = 0
        self.takes_seconds = 0.0
        self.changed: list[str] = []
        self.told: list[str] = []
        self.waiting = Waiting(self.ask, self.at.farm.clock)
        self.waiting.changed = lambda _, job: self.changed.append(job)
        self.waiting.tell = lambda _, job: self.told.append(job)

    async def ask(self, command: Command) -> Any:
        if isinstance(command, ListJobs):
            self.rounds += 1
            self.at.farm.clock.advance(self.takes_seconds)
        return self.at.farm.do(command)

    async def look(self) -> None:
        await self.waiting.look()


async def second(farm: Watched) -> None:
    """Let a second pass, and what waits for it be done."""
    for _ in range(5):
        await asyncio.sleep(0)
    farm.at.farm.clock.advance(1.0)
    for _ in range(5):
        await asyncio.sleep(0)


def test_however_often_it_is_asked_a_round_waits_for_fifty_times_its_length() -> None:
    async def run() -> None:
        farm = Watched()
        farm.takes_seconds = 0.2
        for _ in range(10):
            await farm.look()
        assert farm.rounds == 1
        farm.at.farm.clock.advance(PAUSE * 0.2 - 0.1)
        await farm.look()
        assert farm.rounds == 1
        farm.at.farm.clock.advance(0.2)
        await asyncio.gather(*(farm.look() for _ in range(10)))
        assert farm.rounds == 2

    asyncio.run(run())


def test_what_changed_is_known_at_once_and_told_a_bounded_number_at_a_time() -> None:
    async def run() -> None:
        farm = Watched()
        farm.waiting.watched = lambda: True
        more = [farm.at.farm.job(farm.at.template, tags=farm.at.tags) for _ in range(MOST_TOLD)]
        await farm.look()
        assert sorted(farm.changed) == sorted([farm.at.job, *more])
        assert farm.waiting.of(farm.at.job).block is Block.CLASS  # type: ignore[union-attr]
        following = asyncio.create_task(farm.waiting.run())
        counts = []
        for _ in range(3):
            await second(farm)
            counts.append(len(farm.told))
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert counts[0] == MOST_TOLD
        assert sorted(farm.told) == sorted(farm.changed)
        farm.at.order(classes="BC")
        farm.at.farm.clock.advance(1.0)
        await farm.look()
        assert farm.waiting.of(farm.at.job) is None

    asyncio.run(run())


def test_where_no_page_is_open_nothing_is_kept_to_be_told() -> None:
    """Else the first page after a server's start would hear of every job, minutes long."""

    async def run() -> None:
        farm = Watched()
        more = [farm.at.farm.job(farm.at.template, tags=farm.at.tags) for _ in range(MOST_TOLD)]
        await farm.look()
        await second(farm)
        assert sorted(farm.told) == sorted([farm.at.job, *more])
        farm.waiting.watched = lambda: True
        following = asyncio.create_task(farm.waiting.run())
        for _ in range(3):
            await second(farm)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert len(farm.told) == len(more) + 1

    asyncio.run(run())


def test_rounds_are_rare_while_nobody_asks_and_no_page_is_open() -> None:
    async def run() -> None:
        farm = Watched()
        await farm.look()
        following = asyncio.create_task(farm.waiting.run())

        async def minutes(count: int) -> int:
            before = farm.rounds
            for _ in range(60 * count):
                await second(farm)
            return farm.rounds - before

        assert await minutes(1) > 20
        assert 0 < await minutes(2) < 10
        farm.waiting.watched = lambda: True
        assert await minutes(1) > 20
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(run())


def row(**members: Any) -> JobRow:
    usual: dict[str, Any] = {
        "job_id": "job-1", "queue_id": "q", "name": "n", "user": "ann", "project": "p",
        "priority": 50, "status": "READY", "lifecycle_status": "CREATE_COMPLETE",
        "counts": {"READY": 2}, "tasks_total": 2, "frames_total": 2, "frames_done": 0,
        "created_at": 1, "started_at": None, "ended_at": None,
    }  # fmt: skip
    return JobRow(**{**usual, **members})


def test_a_job_whose_tasks_have_gone_since_does_not_wait_in_a_list() -> None:
    """Reasons are found at a pace of their own; a row is read when it changes."""
    reason = Unmet(Block.CLASS, "it is of class B")
    assert (explained(row(), reason).waits, explained(row(), reason).because) == (
        "class",
        "it is of class B",
    )
    for members in ({"counts": {"RUNNING": 2}}, {"ended_at": 5}):
        assert explained(row(**members), reason).waits is None
    assert explained(explained(row(), reason), None) == row()
