"""Workers not heard of: hailed by neighbours, judged, their work given on (ledger S1-06)."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from grange.domain.facts import EventFact
from grange.domain.hails import Outcome, Verdict, answer_line
from grange.domain.statuses import SessionActionStatus, TaskRunStatus, WorkerStatus
from grange.domain.work import Job, SessionAction, Worker
from grange.kernel.errors import ConflictError
from grange.kernel.ids import WorkerId
from grange.services import hailing
from grange.services.hailing import Hails
from grange.services.owner import Command, Owner
from grange.services.reports import (
    ActionReport,
    FindSilentWorkers,
    ReportSchedule,
    ReportWorker,
    Schedule,
)
from grange.services.wake import HailOrder, Wakes, WakeStream
from grange.testing.builders import DecidingFarm, job_template, worker_row

KEY = b"k" * 32
ADDRESS = "127.0.0.1:4711"


class Yard(DecidingFarm):
    """A farm of workers that keep wake streams, and the server's hails."""

    def __init__(self) -> None:
        super().__init__()
        self.wakes = Wakes()
        self.hails = Hails(
            owner=cast("Owner", self),
            wakes=self.wakes,
            key_of=lambda _: KEY,
            clock=self.clock,
            randomness=random.Random(1).randbytes,
            overdue_ms=30_000,
        )
        self.streams: dict[WorkerId, WakeStream] = {}
        self.workers = [self.worker() for _ in range(4)]
        for worker_id in self.workers:
            self.streams[worker_id] = self.wakes.open_stream(self.fleet_id, worker_id)
            self.call(worker_id)

    async def ask(self, command: Command) -> Any:
        return self.do(command)

    def call(self, worker_id: WorkerId, **updates: Any) -> Schedule:
        report = ReportSchedule(
            farm_id=self.farm_id,
            fleet_id=self.fleet_id,
            worker_id=worker_id,
            **{"hail_addresses": ADDRESS, **updates},
        )
        told: Schedule = self.do(report)
        return told

    def silence_of(self, worker_id: WorkerId, seconds: float = 31) -> None:
        """Let time pass in which all others are heard."""
        self.clock.advance(seconds)
        for other in self.workers:
            if other != worker_id:
                self.call(other)

    def orders(self) -> dict[WorkerId, HailOrder]:
        """What workers were asked to do since this was last asked."""
        found = {name: stream.taken()[1] for name, stream in self.streams.items()}
        return {name: orders[0] for name, orders in found.items() if orders}

    async def hailed(self, *outcomes: Outcome) -> dict[WorkerId, HailOrder]:
        """Let the server look; neighbours tell what they met."""
        self.hails.step()
        await asyncio.sleep(0)
        orders = self.orders()
        for (name, order), outcome in zip(orders.items(), outcomes, strict=False):
            said = answer_line(KEY, order.worker_id, order.line) or ""
            self.hails.told(name, order.hail_id, outcome, said)
        await asyncio.gather(*self.hails._tasks)
        return orders

    def events(self, name: str) -> list[tuple[str | None, str | None]]:
        return [
            (fact.old, fact.new)
            for fact in self.facts
            if isinstance(fact, EventFact) and fact.name == name
        ]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.setattr(hailing, "ANSWER_SECONDS", 0.05)
    return Yard()


def test_two_neighbours_are_asked_and_their_answer_is_a_finding_until_it_is_heard(
    yard: Yard,
) -> None:
    lost = yard.workers[2]
    yard.silence_of(lost)
    orders = run(yard.hailed(Outcome.ANSWERED, Outcome.UNREACHED))
    assert set(orders) == {yard.workers[3], yard.workers[0]}, "the next two by registration"
    hail = worker_row(yard, lost).hail
    assert hail is not None
    assert hail.verdict is Verdict.UNREACHABLE
    assert {one.outcome for one in hail.witnesses} == {Outcome.ANSWERED, Outcome.UNREACHED}
    assert worker_row(yard, lost).status is WorkerStatus.STARTED, "its lease runs on"
    yard.call(lost)
    assert worker_row(yard, lost).hail is None
    assert yard.events("worker_hailed") == [("", "unreachable"), ("unreachable", "")]


def test_a_worker_is_hailed_once_a_silence(yard: Yard) -> None:
    """Ledger S1-06: reported once."""
    lost = yard.workers[0]
    yard.silence_of(lost, 29)
    assert run(yard.hailed()) == {}, "it is not overdue"
    yard.silence_of(lost, 2)
    assert len(run(yard.hailed(Outcome.UNREACHED, Outcome.UNREACHED))) == 2
    assert run(yard.hailed()) == {}
    yard.call(lost)
    yard.silence_of(lost)
    assert len(run(yard.hailed(Outcome.UNREACHED, Outcome.UNREACHED))) == 2


def test_nobody_is_asked_that_is_not_heard_or_keeps_no_stream(yard: Yard) -> None:
    first, second, third, _ = yard.workers
    yard.wakes.close_stream(second, yard.streams[second])
    yard.clock.advance(31)
    yard.call(second)
    yard.call(third)
    orders = run(yard.hailed(Outcome.REFUSED))
    assert set(orders) == {third}
    hail = worker_row(yard, first).hail
    assert hail is not None
    assert hail.verdict is Verdict.GONE
    assert worker_row(yard, first).status is WorkerStatus.STARTED, "one witness is not enough"


def test_without_neighbours_it_is_said_that_nobody_knows(yard: Yard) -> None:
    yard.clock.advance(31)
    run(yard.hailed())
    hail = worker_row(yard, yard.workers[0]).hail
    assert hail is not None
    assert hail.verdict is Verdict.UNASKED


def test_what_no_neighbour_told_is_asked_again_and_only_a_finding_is_told(yard: Yard) -> None:
    """Ledger S1-06: neighbours that were busy do not leave a dead worker to its lease."""
    lost = yard.workers[0]
    yard.silence_of(lost)
    assert len(run(yard.hailed())) == 2, "they say nothing in time"
    told = [("", "unasked")]
    assert yard.events("worker_hailed") == told
    assert run(yard.hailed()) == {}, "not at once"
    yard.clock.advance(16)
    assert len(run(yard.hailed())) == 2
    assert yard.events("worker_hailed") == told, "nothing new"
    yard.clock.advance(16)
    for neighbour in yard.workers[1:]:
        yard.call(neighbour)
    assert len(run(yard.hailed(Outcome.UNREACHED, Outcome.UNREACHED))) == 2
    assert yard.events("worker_hailed") == [*told, ("unasked", "dead")]
    yard.clock.advance(16)
    assert run(yard.hailed()) == {}, "once it is known, once is enough"


def test_a_neighbour_cannot_make_up_an_answer_and_a_stranger_is_not_heard(yard: Yard) -> None:
    lost, stranger = yard.workers[0], yard.workers[3]

    async def told() -> None:
        yard.hails.step()
        await asyncio.sleep(0)
        orders = yard.orders()
        [order, *_] = orders.values()
        assert stranger not in orders
        good = answer_line(KEY, lost, order.line) or ""
        yard.hails.told(stranger, order.hail_id, Outcome.ANSWERED, good)
        yard.hails.told(WorkerId("worker-x"), "no-such-hail", Outcome.ANSWERED, good)
        forged = answer_line(b"x" * 32, lost, order.line) or "grange-here-1 " + "0" * 64
        for name in orders:
            yard.hails.told(name, order.hail_id, Outcome.ANSWERED, forged)
        await asyncio.gather(*yard.hails._tasks)

    yard.silence_of(lost)
    run(told())
    hail = worker_row(yard, lost).hail
    assert hail is not None
    assert hail.verdict is Verdict.DEAD


def test_a_word_that_comes_while_neighbours_are_away_wins(yard: Yard) -> None:
    lost = yard.workers[1]

    async def told() -> None:
        yard.hails.step()
        await asyncio.sleep(0)
        yard.call(lost)
        for name, order in yard.orders().items():
            yard.hails.told(name, order.hail_id, Outcome.REFUSED, "")
        await asyncio.gather(*yard.hails._tasks)

    yard.silence_of(lost)
    run(told())
    assert worker_row(yard, lost).hail is None
    assert worker_row(yard, lost).status is WorkerStatus.STARTED
    assert yard.events("worker_hailed") == [("", "gone"), ("gone", "")], "the books keep it"


@pytest.mark.parametrize("heard_before", [True, False])
def test_what_nobody_met_in_a_silence_that_is_over_is_no_finding(
    yard: Yard, heard_before: bool
) -> None:
    """Nor is what neighbours say of one that is heard all the time, as somebody asked them to."""
    lost = yard.workers[1]

    async def told() -> None:
        if heard_before:
            asked = asyncio.create_task(yard.hails.hail(lost))
            await asyncio.sleep(0)
            for name, order in yard.orders().items():
                said = answer_line(KEY, lost, order.line) or ""
                yard.hails.told(name, order.hail_id, Outcome.ANSWERED, said)
            await asked
            return
        yard.hails.step()
        await asyncio.sleep(0)
        yard.call(lost)
        await asyncio.gather(*yard.hails._tasks)

    if not heard_before:
        yard.silence_of(lost)
    run(told())
    assert worker_row(yard, lost).hail is None
    assert yard.events("worker_hailed") == []


def test_the_work_of_one_that_is_gone_is_done_once_more_and_its_late_word_is_waste(
    yard: Yard,
) -> None:
    """Ledger S1-06: killed in the middle of a chunk: reported once, rendered again once."""
    lost, heir = yard.workers[0], yard.workers[1]
    job_id = yard.job(job_template(frames="1-1"))
    [(_, (old,))] = yard.call(lost).sessions
    began = ActionReport(started_at=yard.clock.now())
    yard.call(lost, updates={old.action_id: began})
    yard.silence_of(lost)
    assert all(not yard.call(other).sessions for other in yard.workers[1:]), "it is leased"
    run(yard.hailed(Outcome.REFUSED, Outcome.REFUSED))
    assert worker_row(yard, lost).status is WorkerStatus.NOT_RESPONDING, "before its lease ran out"
    assert yard.events("worker_status").count(("STARTED", "NOT_RESPONDING")) == 1
    ended = yard.rows[SessionAction, (old.session_id, old.index)]
    assert ended.status is SessionActionStatus.INTERRUPTED
    assert ended.cause == "worker_silent"
    [(_, (new,))] = yard.call(heir).sessions
    assert new.action_id != old.action_id
    now = yard.clock.now()
    done = ActionReport(
        completed_status=SessionActionStatus.SUCCEEDED, started_at=now, ended_at=now
    )
    with pytest.raises(ConflictError):
        yard.call(lost, updates={old.action_id: done})
    yard.call(heir, updates={new.action_id: done})
    yard.do(
        ReportWorker(
            farm_id=yard.farm_id,
            fleet_id=yard.fleet_id,
            worker_id=lost,
            status=WorkerStatus.STARTED,
        )
    )
    for _ in range(2):  # a repeat is one, too
        yard.memory.set(
            SessionAction, (old.session_id, old.index), ended
        )  # as the owner fetches it
        yard.call(lost, updates={old.action_id: done})
    assert set(yard.events("late_report")) == {("INTERRUPTED", "SUCCEEDED")}
    assert yard.rows[SessionAction, (old.session_id, old.index)].status is ended.status
    [job] = [one for one in yard.all(Job) if one.job_id == job_id]
    assert job.counts == {TaskRunStatus.SUCCEEDED: 1}
    late = {
        fact.event_id
        for fact in yard.facts
        if isinstance(fact, EventFact) and fact.name == "late_report"
    }
    assert len(late) == 1, "the books keep one row per id"


@pytest.mark.parametrize("outcome", [Outcome.UNREACHED, Outcome.SILENT, Outcome.ANSWERED])
def test_one_that_is_not_surely_gone_keeps_its_lease_for_the_whole_time(
    yard: Yard, outcome: Outcome
) -> None:
    """A network that is mended in time costs nothing."""
    lost = yard.workers[0]
    yard.job(job_template(frames="1-1"))
    yard.call(lost)
    yard.silence_of(lost)
    run(yard.hailed(outcome, outcome))
    yard.do(FindSilentWorkers())
    assert worker_row(yard, lost).status is WorkerStatus.STARTED
    yard.silence_of(lost, 30)
    yard.do(FindSilentWorkers())
    assert worker_row(yard, lost).status is WorkerStatus.NOT_RESPONDING
    hail = worker_row(yard, lost).hail
    assert hail is not None, "what was found out stays"
    assert outcome in {one.outcome for one in hail.witnesses}


def test_claims_of_before_the_server_began_are_verified_when_somebody_looks(yard: Yard) -> None:
    """Ledger S1-06: also at the start of the controller."""
    silent, heard, cut_off, _ = yard.workers
    yard.memory.unverified = {silent, heard, cut_off}
    yard.call(heard)
    assert yard.memory.unverified == {silent, cut_off}, "a word of its own verifies it"

    async def look() -> dict[WorkerId, HailOrder]:
        yard.hails.opened()
        await asyncio.sleep(0)
        orders = {name: stream.taken()[1] for name, stream in yard.streams.items()}
        for name, own in orders.items():
            for order in own:
                outcome = Outcome.ANSWERED if order.worker_id == silent else Outcome.UNREACHED
                said = answer_line(KEY, order.worker_id, order.line) or ""
                yard.hails.told(name, order.hail_id, outcome, said)
        await asyncio.gather(*yard.hails._tasks)
        return {WorkerId(order.worker_id): order for own in orders.values() for order in own}

    for name, stream in yard.streams.items():
        yard.wakes.close_stream(name, stream)
    assert run(look()) == {}, "no neighbour has come back yet"
    for name in yard.workers:
        yard.streams[name] = yard.wakes.open_stream(yard.fleet_id, name)
    asked = run(look())
    assert set(asked) == {silent, cut_off}
    assert yard.memory.unverified == {cut_off}, "neighbours had an answer of the other one"
    assert all(worker.hail is None for worker in yard.all(Worker)), "nobody is overdue: no finding"
    assert run(look()) == {}, "once after the start"


@pytest.mark.parametrize(
    "text",
    ["", "farm.example:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "[::1]", "a,b,c"],
)
def test_what_is_no_address_is_not_kept(yard: Yard, text: str) -> None:
    """Neighbours call addresses only, never names."""
    lost = yard.workers[0]
    yard.call(lost, hail_addresses=text)
    yard.silence_of(lost)
    assert run(yard.hailed()) == {}
    yard.call(lost, hail_addresses=f"{text},[::1]:80")
    yard.silence_of(lost)
    assert {order.addresses for order in run(yard.hailed()).values()} == {("[::1]:80",)}
