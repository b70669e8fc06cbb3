"""Licence servers outside the farm: asked by a command, counted beside our own uses (S0-38)."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.licence_commands import LicenceProcesses
from grange.adapters.sqlite import SqliteStore
from grange.config.licence_servers import LicenceServersFile
from grange.domain.effects import Effect
from grange.domain.licence_servers import Answer, LicenceServer, read_answer, read_servers
from grange.domain.licences import LicenceCount, Region, RegionTerms
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError
from grange.kernel.ids import FarmId
from grange.scheduling.blocks import Block
from grange.services.commands.farm_objects import CreateFarm
from grange.services.commands.licences import SetLicences
from grange.services.draft import Context
from grange.services.licence_counts import ForgetLicenceServers, LicenceWatch, TellLicences
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.services.why import AskWhy
from grange.testing.builders import DecidingFarm, SeededIds, job_template
from tests.unit.scheduling.test_limits import NUKE, call, finish, open_jobs, set_licences

SERVER = LicenceServer(app="nuke", command=("ask",))


class Told:
    """A farm with 5 licences by its own count, 4 workers and 4 jobs that need one each."""

    def __init__(self, count: int = 5) -> None:
        self.farm = DecidingFarm()
        set_licences(self.farm, count)
        self.jobs = [self.farm.job(job_template(frames="1-9"), tags=NUKE) for _ in range(4)]
        self.workers = [self.farm.worker() for _ in range(4)]

    def tell(self, answer: Answer | None = None, **members: Any) -> LicenceCount:
        command = TellLicences(farm_id=self.farm.farm_id, server=SERVER, answer=answer, **members)
        found: LicenceCount = self.farm.do(command)
        return found

    def call(self) -> int:
        for worker in self.workers:
            call(self.farm, worker)
        return len(open_jobs(self.farm))


def test_seats_that_others_use_are_not_given_out() -> None:
    at = Told()
    at.tell(Answer(free=2))
    assert at.call() == 2
    assert at.tell(Answer(free=1), ours=2).seats == 3
    assert at.call() == 3


def test_our_own_count_holds_too() -> None:
    at = Told(count=1)
    at.tell(Answer(free=100))
    assert at.call() == 1


def test_a_server_that_never_answered_gives_no_seat_and_one_that_fails_frees_none() -> None:
    at = Told()
    row = at.tell(problem="it has not answered yet")
    assert row.failing_since_at is not None
    assert at.call() == 0
    at.tell(Answer(total=5, used=4))
    assert at.call() == 1
    at.farm.clock.advance(1)
    row = at.tell(problem="it took longer than 10 s")
    assert (row.seats, row.problem) == (1, "it took longer than 10 s")
    assert at.call() == 1
    failing = [fact for fact in at.farm.facts if getattr(fact, "name", "") == "licence_server"]
    assert [fact.new for fact in failing] == ["failing", "answers", "failing"]


def test_a_seat_given_back_is_one_that_we_may_take_again() -> None:
    at = Told()
    at.tell(Answer(total=5, used=4))
    told = call(at.farm, at.workers[0])
    assert len(open_jobs(at.farm)) == 1
    finish(at.farm, at.workers[0], told)
    assert len(open_jobs(at.farm)) == 1
    assert at.call() == 1


def test_seats_that_we_took_while_it_was_asked_are_not_counted_twice() -> None:
    at = Told()
    at.tell(Answer(free=3))
    at.call()
    assert at.tell(Answer(free=0), ours=2).seats == 2  # the third was not yet taken when it said so
    assert at.tell(Answer(free=0), ours=3).seats == 3


def test_the_reason_says_what_the_server_leaves_us() -> None:
    at = Told()
    at.tell(Answer(total=5, used=5))
    answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=at.jobs[0]))
    assert answer.reason == Block.LICENCE
    assert "0 of the 0 that the licence server leaves us of nuke" in answer.text
    assert "others use 5" in answer.text
    at.tell(problem="it ended with code 3")
    answer = at.farm.do(AskWhy(farm_id=at.farm.farm_id, job_id=at.jobs[0]))
    assert "it ended with code 3" in answer.text


def test_a_server_that_is_asked_no_longer_is_forgotten() -> None:
    at = Told()
    at.tell(Answer(free=0))
    assert at.call() == 0
    assert at.farm.do(ForgetLicenceServers(kept=frozenset())) == 1
    assert at.call() == 4


def test_the_count_is_part_of_the_index_built_anew() -> None:
    at = Told()
    at.tell(Answer(free=2))
    at.call()
    rebuilt = type(at.farm.memory)()
    rebuilt.take_in([one for one in at.farm.rows.values() if one is not None])
    assert rebuilt.index.snapshot() == at.farm.memory.index.snapshot()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("7", Answer(free=7)),
        ('{"free": 0}', Answer(free=0)),
        ('{"used": 3, "total": 5, "host": "lic1"}', Answer(used=3, total=5)),
        ('{"others": 2}', Answer(others=2)),
    ],
)
def test_an_answer_is_a_number_or_json(text: str, answer: Answer) -> None:
    assert read_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    ["", "many", "-1", "2.5", "true", "[3]", "null", "{}", '{"used": 3}', '{"free": "4"}',
     '{"free": -4}', "9" * 30],
)  # fmt: skip
def test_anything_else_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match=r"it |its |not|needs"):
        read_answer(text)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"app": "nuke"}, "command"),
        ({"app": "nuke", "command": "lmstat -a"}, "list of words"),
        ({"command": ["x"]}, "app"),
        ({"app": "nuke", "command": ["x"], "region": "moon"}, "region"),
        ({"app": "nuke", "command": ["x"], "every_seconds": 1}, "every_seconds"),
        ({"app": "nuke", "command": ["x"], "timeout": 1}, "not known"),
    ],
)
def test_what_the_file_must_not_say(server: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_servers({"server": [server]}, "licences.toml")


def test_commands_are_run_ended_in_time_and_told_no_secrets() -> None:
    python = sys.executable
    commands = LicenceProcesses({"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "s", "LM": "1"})

    async def run(*words: str, seconds: float = 20.0) -> Any:
        return await commands.run(words, seconds)

    said = asyncio.run(run("/bin/sh", "-c", "env; echo oops >&2; exit 3"))
    assert (said.exit_code, said.err) == (3, "oops\n")
    assert "LM=1" in said.out
    assert "SECRET" not in said.out
    assert asyncio.run(run("/nowhere/lmstat")).exit_code == 127
    assert asyncio.run(run("/bin/sh", "-c", "sleep 60 & sleep 60", seconds=0.05)).exit_code is None
    assert asyncio.run(run(python, "-c", "print(4)")).out == "4\n"


def test_the_watch_asks_on_its_schedule_and_the_owner_is_told(tmp_path: Path) -> None:
    asyncio.run(_watch(tmp_path))


async def _watch(folder: Path) -> None:
    async def perform(_: Sequence[Effect]) -> None:
        return

    clock = VirtualClock()
    store = SqliteStore(folder / "state.db")
    await store.open()
    owner = Owner(store, clock, Context(ids=SeededIds(), spaces=TaskSpaces()), perform)
    await owner.start()
    farm_id = FarmId((await owner.ask(CreateFarm(name="f", by="ann")))["farmId"])
    terms = {Region.DEFAULT: RegionTerms(count=9)}
    await owner.ask(SetLicences(farm_id=farm_id, app="nuke", regions=terms, by="ann"))
    said = folder / "said"
    said.write_text("6")
    file = folder / "licences.toml"
    file.write_text(
        f'[[server]]\napp = "nuke"\nevery_seconds = 60\ncommand = ["/bin/cat", "{said}"]\n'
    )
    watch = LicenceWatch(owner, clock, LicenceServersFile(file), LicenceProcesses({}))

    async def row() -> LicenceCount | None:
        await watch.step()
        await watch.settled()
        return next(iter(await store.find(LicenceCount)), None)

    try:
        first = await row()
        assert first is not None
        assert first.seats == 6
        said.write_text("2")
        clock.advance(59)
        assert (await row()) == first  # it is not due
        clock.advance(1)
        second = await row()
        assert second is not None
        assert second.seats == 2
        said.unlink()
        clock.advance(60)
        third = await row()
        assert third is not None
        assert (third.seats, third.failing_since_at) == (2, clock.now())
        assert "ended with code 1" in third.problem
        file.unlink()
        assert await row() is None
    finally:
        await owner.stop()
        await store.close()
