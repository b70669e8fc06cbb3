"""When machines are woken, turned off and restarted: a function of policy, machines and time."""

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from grange.domain.power import (
    AGAIN_MS,
    Deed,
    Machine,
    PowerOrder,
    PowerPolicy,
    WorkerPower,
    deeds,
    policy_of,
)
from grange.kernel.ids import FarmId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant

NOW = Instant(1_780_000_000_000)
UTC = ZoneInfo("UTC")
FARM = FarmId("farm-1")
ALL = (PowerOrder.QUIT, PowerOrder.RESTART, PowerOrder.SHUTDOWN)


def policy(**members: Any) -> PowerPolicy:
    return PowerPolicy(
        farm_id=FARM, **{"scope": "farm", "updated_at": NOW, "updated_by": "ann", **members}
    )


def machine(name: str, **members: Any) -> Machine:
    power = members.pop("power", {})
    found = {
        "worker_id": WorkerId(name),
        "on": False,
        "idle_since_at": None,
        "threads": 1,
        "useful": True,
        "can_wake": True,
        "can": ALL,
        **members,
    }
    return Machine(power=WorkerPower(farm_id=FARM, worker_id=WorkerId(name), **power), **found)


def idle(name: str, minutes: float = 60, **members: Any) -> Machine:
    since = Instant(NOW - round(minutes * MILLIS_PER_MINUTE))
    return machine(name, **{"on": True, "idle_since_at": since, "useful": False, **members})


def done(found: list[Deed]) -> list[tuple[str, str]]:
    return [(one.worker_id, one.order or "wake") for one in found]


def decide(rule: PowerPolicy, *machines: Machine, waiting: int = 0) -> list[tuple[str, str]]:
    return done(deeds(rule, machines, waiting, UTC, NOW))


def test_no_more_machines_are_woken_than_there_is_work_for() -> None:
    """Ledger S0-37: wake when work waits."""
    wake = policy(wake=True)
    asleep = [machine(name, threads=2) for name in "abcd"]
    assert decide(wake, *asleep, waiting=0) == []
    assert decide(wake, *asleep, waiting=3) == [("a", "wake"), ("b", "wake")]
    assert decide(policy(), *asleep, waiting=3) == []
    assert decide(policy(wake=True, wake_most=1), *asleep, waiting=9) == [("a", "wake")]


def test_what_is_coming_or_free_already_is_counted() -> None:
    """Ledger S0-37: the last try may be in progress."""
    booting = machine("a", power={"booting_since_at": NOW - 60_000, "wake_tries": 1})
    wake = policy(wake=True)
    assert decide(wake, booting, machine("b"), waiting=1) == []
    assert decide(wake, booting, machine("b"), waiting=2) == [("b", "wake")]
    free = idle("c", useful=True)
    assert decide(wake, free, machine("b"), waiting=1) == []
    late = machine("a", power={"booting_since_at": NOW - 601_000, "wake_tries": 1})
    assert decide(wake, late, waiting=1) == [("a", "wake")], "it did not wake up: once more"


def test_a_machine_that_does_not_wake_is_tried_once_an_hour() -> None:
    """Ledger S0-37: failed tries; others come first."""
    wake = policy(wake=True)
    tired = {"wake_tries": 3, "wake_at": NOW - MILLIS_PER_HOUR // 2}
    assert decide(wake, machine("a", power=tired), waiting=1) == []
    rested = {"wake_tries": 3, "wake_at": NOW - AGAIN_MS}
    assert decide(wake, machine("a", power=rested), waiting=1) == [("a", "wake")]
    assert decide(wake, machine("a", power=rested), machine("b"), waiting=1) == [("b", "wake")]


def test_only_machines_that_can_be_woken_and_could_take_the_work_are() -> None:
    """Ledger S0-37."""
    wake = policy(wake=True)
    for members in ({"useful": False}, {"can_wake": False}, {"spared": True}):
        assert decide(wake, machine("a", **members), waiting=5) == []


def test_idle_machines_are_turned_off_the_longest_idle_first_and_some_stay() -> None:
    """Ledger S0-35: scheduled shutdown when idle."""
    off = policy(shutdown_idle_seconds=1800)
    fleet = [idle("a", 40), idle("b", 90), idle("c", 10), machine("d", on=True)]
    assert decide(off, *fleet) == [("b", "shutdown"), ("a", "shutdown")]
    kept = policy(shutdown_idle_seconds=1800, keep_on=3)
    assert decide(kept, *fleet) == [("b", "shutdown")]
    assert decide(policy(shutdown_idle_seconds=1800, keep_on=4), *fleet) == []


def test_a_machine_that_is_needed_spared_or_cannot_stays_on() -> None:
    off = policy(shutdown_idle_seconds=1800)
    assert decide(off, idle("a", useful=True), waiting=1) == []
    assert decide(off, idle("a", useful=True), waiting=0) == [("a", "shutdown")]
    assert decide(off, idle("a", spared=True)) == []
    assert decide(off, idle("a", can=(PowerOrder.QUIT,))) == []
    told = idle("a", power={"ordered": PowerOrder.QUIT}, spared=True)
    rule = policy(shutdown_idle_seconds=1800, keep_on=1)
    assert decide(rule, told, idle("b")) == [], "what was told to go does not count as staying"


def test_a_machine_that_somebody_is_logged_in_to_stays_on_unless_the_policy_says_otherwise() -> (
    None
):
    """Ledger S0-35."""
    for rule, order in (
        ({"shutdown_idle_seconds": 1800}, "shutdown"),
        ({"restart_up_seconds": 3600}, "restart"),
    ):
        long = {"started_at": NOW - 24 * MILLIS_PER_HOUR}
        used, free = idle("a", power=long, person=True), idle("b", power=long)
        assert decide(policy(**rule), used, free) == [("b", order)]
        assert decide(policy(**rule, even_logged_in=True), used) == [("a", order)]


def test_a_machine_that_is_up_for_too_long_is_restarted_once_it_is_idle() -> None:
    """Ledger S0-35: scheduled restart when idle."""
    rule = policy(restart_up_seconds=86_400, wake_most=1)
    long = {"started_at": NOW - 2 * 24 * MILLIS_PER_HOUR}
    short = {"started_at": NOW - MILLIS_PER_HOUR}
    assert decide(rule, idle("a", power=long), idle("b", power=short)) == [("a", "restart")]
    assert decide(rule, idle("a", 0.5, power=long)) == [], "it has only just become idle"
    assert decide(rule, machine("a", on=True, power=long)) == [], "it works"
    both = [idle("a", power=long), idle("b", power=long)]
    assert decide(rule, *both) == [("a", "restart")], "one at a time"


def test_machines_are_left_alone_outside_the_hours() -> None:
    """Ledger S0-35: by the clock of the farm's zone. It is Thursday 20:26 UTC."""
    night = policy(shutdown_idle_seconds=60, hours="Mon-Fri 20:00-07:00")
    assert decide(night, idle("a")) == [("a", "shutdown")]
    day = policy(shutdown_idle_seconds=60, hours="Mon-Fri 08:00-20:00")
    assert decide(day, idle("a")) == []
    machines = [idle("a")]
    tokyo = deeds(night, machines, 0, ZoneInfo("Asia/Tokyo"), NOW)
    assert done(tokyo) == [("a", "shutdown")], "05:26 on Friday, in Thursday's window"
    assert deeds(night, machines, 0, ZoneInfo("America/Los_Angeles"), NOW) == []


def test_the_narrowest_policy_holds() -> None:
    """Of the first group that has one, the fleet, the farm."""
    rules = [policy(scope=scope) for scope in ("farm", "fleet:f1", "group:night", "group:zoo")]
    for fleet, groups, scope in (
        ("f1", ("zoo", "night"), "group:night"),
        ("f1", ("day",), "fleet:f1"),
        ("f2", (), "farm"),
    ):
        found = policy_of(rules, fleet, groups)
        assert found is not None
        assert found.scope == scope
    assert policy_of([policy(scope="fleet:f1")], "f2", ()) is None


@st.composite
def fleets(draw: st.DrawFn) -> list[Machine]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        on = draw(st.booleans())
        minutes = draw(st.none() | st.integers(0, 120)) if on else None
        since = None if minutes is None else Instant(NOW - minutes * MILLIS_PER_MINUTE)
        made.append(
            machine(
                f"m{number}",
                on=on,
                idle_since_at=since,
                threads=draw(st.integers(1, 4)),
                useful=draw(st.booleans()),
                spared=draw(st.booleans()),
                power={"started_at": NOW - draw(st.integers(0, 48)) * MILLIS_PER_HOUR},
            )
        )
    return made


@given(fleets(), st.integers(0, 9), st.integers(0, 4))
def test_whatever_the_fleet_no_work_is_hurt_and_no_machine_is_woken_in_vain(
    fleet: list[Machine], waiting: int, keep_on: int
) -> None:
    """Ledger S0-35, S0-37: safe for every fleet."""
    rule = policy(wake=True, shutdown_idle_seconds=600, restart_up_seconds=86_400, keep_on=keep_on)
    by_id = {one.worker_id: one for one in fleet}
    found = deeds(rule, fleet, waiting, UTC, NOW)
    assert len({deed.worker_id for deed in found}) == len(found), "one thing at a time"
    woken = [by_id[deed.worker_id] for deed in found if deed.order is None]
    stopped = [by_id[deed.worker_id] for deed in found if deed.order is not None]
    assert all(not one.on and one.useful and not one.spared for one in woken)
    assert sum(one.threads for one in woken[:-1]) < max(waiting, 1)
    for one in stopped:
        assert one.on
        assert one.idle_since_at is not None
        assert not one.spared
        assert not (one.useful and waiting)
    on = sum(1 for one in fleet if one.on)
    assert not stopped or on - len(stopped) >= keep_on
