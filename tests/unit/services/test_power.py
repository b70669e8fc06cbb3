"""Machines going up and down by policy and by order, on the decision core (S0-35, S0-37)."""

from typing import Any

import pytest

from grange.domain.power import PowerOrder, PowerPolicy, WorkerPower
from grange.domain.statuses import SessionActionStatus, WorkerStatus
from grange.domain.work import Worker
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, WorkerId
from grange.scheduling.blocks import Block
from grange.services.commands.groups import ChangeGroup
from grange.services.commands.power import OrderPower, RemovePowerPolicy, SetPowerPolicy
from grange.services.commands.wake_up import WakeUpWorker
from grange.services.commands.workers import DisableWorker
from grange.services.power import POWER, TendPower
from grange.services.reports import ActionReport, ReportSchedule, ReportWorker, Schedule
from grange.services.why import AskWhy
from grange.testing.builders import DecidingFarm, job_template

MAC = "0123456789ab"


@pytest.fixture
def farm() -> DecidingFarm:
    return DecidingFarm()


def add(farm: DecidingFarm, name: str, *can: str, mac: str = MAC, threads: int = 1) -> WorkerId:
    """Add a worker that is on."""
    worker_id = farm.worker(threads=threads)
    attributes: dict[str, tuple[str, ...]] = {"attr.worker.os.family": ("linux",)}
    if mac:
        attributes["grange:attr.worker.mac"] = (f"mac-{mac}",)
    if can:
        attributes[POWER] = can
    say(farm, worker_id, attributes=attributes, host_properties={"hostName": name})
    return worker_id


def say(farm: DecidingFarm, worker_id: str, **members: Any) -> None:
    farm.do(
        ReportWorker(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=WorkerId(worker_id),
            **members,
        )
    )


def ask(farm: DecidingFarm, worker_id: WorkerId, updates: Any = None, person: str = "") -> Schedule:
    found: Schedule = farm.do(
        ReportSchedule(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=worker_id,
            updates=updates or {},
            person=person,
        )
    )
    return found


def rule(farm: DecidingFarm, scope: str = "farm", **members: Any) -> None:
    policy = PowerPolicy(
        farm_id=FarmId(farm.farm_id),
        scope=scope,
        updated_at=farm.clock.now(),
        updated_by="ann",
        **members,
    )
    farm.do(SetPowerPolicy(policy=policy))


def power(farm: DecidingFarm, worker_id: WorkerId) -> WorkerPower:
    found: WorkerPower = farm.rows[WorkerPower, (worker_id,)]
    return found


def status(farm: DecidingFarm, worker_id: WorkerId) -> WorkerStatus:
    worker: Worker = farm.rows[Worker, (worker_id,)]
    return worker.status


def events(farm: DecidingFarm, name: str) -> list[Any]:
    return [fact for fact in farm.facts if getattr(fact, "name", "") == name]


def test_an_order_stops_new_work_at_once_and_is_done_when_the_worker_stops(
    farm: DecidingFarm,
) -> None:
    """Ledger S1-17, S0-35: shutdown, restart, quit; the worker hears of it when it asks next."""
    worker_id = add(farm, "node1", "restart", "shutdown")
    farm.do(_order(farm, "node1", PowerOrder.RESTART))
    job_id = farm.job(job_template())
    told = ask(farm, worker_id)
    assert (told.order, told.sessions, told.hold) == (PowerOrder.RESTART, (), False)
    why = farm.do(AskWhy(farm_id=farm.farm_id, job_id=job_id))
    assert (why.reason, "stopping" in why.text) == (Block.WORKERS, True)
    (event,) = events(farm, "worker_power")
    assert (event.new, event.actor) == ("restart", "ann")
    with pytest.raises(ConflictError, match="not on"):
        farm.do(_order(farm, "node1", PowerOrder.QUIT))
    say(farm, worker_id, status=WorkerStatus.STOPPED)
    assert power(farm, worker_id).ordered is None
    farm.clock.advance(95)
    say(farm, worker_id, status=WorkerStatus.STARTED)
    assert ask(farm, worker_id).order is None
    assert ask(farm, worker_id).sessions, "it works again"


def test_boot_seconds_are_booked_after_a_wake_and_after_a_restart(farm: DecidingFarm) -> None:
    """Ledger S0-37: seconds to online."""
    worker_id = add(farm, "node1", "restart")
    farm.do(_order(farm, "node1", PowerOrder.RESTART))
    say(farm, worker_id, status=WorkerStatus.STOPPED)
    farm.clock.advance(95)
    say(farm, worker_id, status=WorkerStatus.STARTED)
    say(farm, worker_id, status=WorkerStatus.STOPPED)
    farm.clock.advance(3600)
    farm.do(WakeUpWorker(farm_id=farm.farm_id, worker="node1", by="ann"))
    assert power(farm, worker_id).wake_tries == 1
    farm.clock.advance(42)
    say(farm, worker_id, status=WorkerStatus.STARTED)
    assert [event.number for event in events(farm, "worker_boot")] == [95_000, 42_000]
    assert power(farm, worker_id).booted_ms == 42_000
    assert power(farm, worker_id).wake_tries == 0


def _order(farm: DecidingFarm, worker: str, order: PowerOrder) -> OrderPower:
    return OrderPower(farm_id=farm.farm_id, worker=worker, order=order, by="ann")


def test_a_worker_without_the_command_is_not_told(farm: DecidingFarm) -> None:
    """Nobody waits for a machine that cannot be turned off."""
    worker_id = add(farm, "node1")
    with pytest.raises(ConflictError, match="--shutdown-command"):
        farm.do(_order(farm, "node1", PowerOrder.SHUTDOWN))
    assert status(farm, worker_id) is WorkerStatus.STARTED
    farm.do(_order(farm, "node1", PowerOrder.QUIT))
    assert ask(farm, worker_id).order is PowerOrder.QUIT


def test_machines_are_woken_when_work_waits_for_them(farm: DecidingFarm) -> None:
    """Ledger S0-37: wake when work waits, no more than there is work for, tries counted."""
    first, second = (add(farm, name, threads=2) for name in ("node1", "node2"))
    deaf = add(farm, "node3", mac="")
    for one in (first, second, deaf):
        say(farm, one, status=WorkerStatus.STOPPED)
    rule(farm, wake=True, address="10.0.7.255", boot_seconds=300)
    assert farm.do(TendPower()) == []
    farm.job(job_template(frames="1-2"))
    (packet,) = farm.do(TendPower())
    assert (packet.mac_addresses, packet.address, packet.port) == ((MAC,), "10.0.7.255", 9)
    assert [event.actor for event in events(farm, "worker_wake")] == ["power policy"]
    assert farm.do(TendPower()) == [], "it is being started already"
    farm.clock.advance(301)
    assert len(farm.do(TendPower())) == 1, "it did not come: the other one is tried"
    assert (power(farm, first).wake_tries, power(farm, second).wake_tries) == (1, 1)
    say(farm, second, status=WorkerStatus.STARTED)
    assert farm.do(TendPower()) == []


def test_work_that_a_machine_cannot_take_does_not_wake_it(farm: DecidingFarm) -> None:
    """Ledger S0-37: what waits is what the scheduler would give to it."""
    worker_id = add(farm, "node1")
    say(farm, worker_id, status=WorkerStatus.STOPPED)
    rule(farm, wake=True)
    farm.job(job_template(), tags={"grange:group": "gpu"})
    assert farm.do(TendPower()) == []
    join = ChangeGroup(farm_id=farm.farm_id, name="gpu", how="set", workers=("node1",), by="ann")
    farm.do(join)
    assert len(farm.do(TendPower())) == 1


def test_idle_machines_are_turned_off_by_the_policy_of_their_group(farm: DecidingFarm) -> None:
    """Ledger S0-35: by policy per group, fleet or farm; a disabled machine is left alone."""
    node1, node2, node3 = (add(farm, name, "shutdown") for name in ("node1", "node2", "node3"))
    farm.do(
        ChangeGroup(
            farm_id=farm.farm_id, name="night", how="set",
            workers=("node1", "node3"), by="ann",
        )
    )  # fmt: skip
    farm.do(DisableWorker(farm_id=farm.farm_id, worker_id=node3, disabled=True, by="ann"))
    rule(farm, "group:night", shutdown_idle_seconds=600)
    farm.clock.advance(599)
    farm.do(TendPower())
    assert status(farm, node1) is WorkerStatus.STARTED
    farm.clock.advance(1)
    assert farm.do(TendPower()) == []
    assert status(farm, node1) is WorkerStatus.STOPPING
    assert ask(farm, node1).order is PowerOrder.SHUTDOWN
    assert status(farm, node2) is WorkerStatus.STARTED
    assert status(farm, node3) is WorkerStatus.STARTED
    assert events(farm, "worker_power")[-1].detail == "it had nothing to do"


def test_a_machine_that_has_just_worked_is_not_idle(farm: DecidingFarm) -> None:
    """Ledger S0-35: idle since its latest session, not since it started."""
    worker_id = add(farm, "node1", "shutdown")
    rule(farm, shutdown_idle_seconds=600)
    farm.job(job_template(frames="1-1"))
    ((session, (action,)),) = ask(farm, worker_id).sessions
    farm.clock.advance(3600)
    farm.do(TendPower())
    assert status(farm, worker_id) is WorkerStatus.STARTED, "it works"
    done = ActionReport(
        completed_status=SessionActionStatus.SUCCEEDED,
        started_at=session.started_at,
        ended_at=farm.clock.now(),
    )
    assert not ask(farm, worker_id, {action.action_id: done}).sessions
    for seconds, wanted in ((599, WorkerStatus.STARTED), (1, WorkerStatus.STOPPING)):
        farm.clock.advance(seconds)
        farm.do(TendPower())
        assert status(farm, worker_id) is wanted


@pytest.mark.parametrize(
    ("scope", "members", "error"),
    [
        ("fleet:fleet-0", {}, NotFoundError),
        ("group:nobody", {}, NotFoundError),
        ("room:1", {}, InvalidRequestError),
        ("farm", {"shutdown_idle_seconds": 5}, InvalidRequestError),
        ("farm", {"hours": "sometimes"}, InvalidRequestError),
        ("farm", {"address": "the network"}, InvalidRequestError),
        ("farm", {"boot_seconds": 1}, InvalidRequestError),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(
    farm: DecidingFarm, scope: str, members: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        rule(farm, scope, **members)


def test_a_policy_that_is_removed_holds_no_more(farm: DecidingFarm) -> None:
    worker_id = add(farm, "node1", "shutdown")
    rule(farm, shutdown_idle_seconds=60, hours="always", keep_on=0)
    farm.do(RemovePowerPolicy(farm_id=farm.farm_id, scope="farm", by="ann"))
    farm.clock.advance(3600)
    farm.do(TendPower())
    assert status(farm, worker_id) is WorkerStatus.STARTED
    assert [event.actor for event in events(farm, "power_policy")] == ["ann", "ann"]
    with pytest.raises(NotFoundError):
        farm.do(RemovePowerPolicy(farm_id=farm.farm_id, scope="farm", by="ann"))


@pytest.mark.parametrize("person", ["logged_in", "unknown"])
def test_a_machine_is_turned_off_once_its_user_has_logged_out(
    farm: DecidingFarm, person: str
) -> None:
    """Ledger S0-35: by what its worker says, as its work hours know it."""
    worker_id = add(farm, "node1", "shutdown")
    rule(farm, shutdown_idle_seconds=60)
    ask(farm, worker_id, person=person)
    farm.clock.advance(3600)
    ask(farm, worker_id, person=person)
    farm.do(TendPower())
    assert status(farm, worker_id) is WorkerStatus.STARTED
    ask(farm, worker_id)
    farm.do(TendPower())
    assert status(farm, worker_id) is WorkerStatus.STOPPING
    assert power(farm, worker_id).ordered is PowerOrder.SHUTDOWN


def test_a_policy_may_turn_machines_off_although_somebody_is_logged_in(farm: DecidingFarm) -> None:
    worker_id = add(farm, "node1", "shutdown")
    rule(farm, shutdown_idle_seconds=60, even_logged_in=True)
    farm.clock.advance(3600)
    ask(farm, worker_id, person="logged_in")
    farm.do(TendPower())
    assert power(farm, worker_id).ordered is PowerOrder.SHUTDOWN
    told = next(event.new for event in events(farm, "power_policy"))
    assert told is not None
    assert "even where somebody is logged in" in told
