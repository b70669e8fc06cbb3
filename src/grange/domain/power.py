"""Power: which machines are woken, shut down or restarted, by a policy for each set of them.

The decision is a pure function of the policy, the machines, the work that waits and the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from grange.domain.hours import parse_hours
from grange.kernel.ids import FarmId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, Instant

WHOLE_FARM = "farm"
FLEET = "fleet:"
GROUP = "group:"
BROADCAST = "255.255.255.255"
WAKE_PORT = 9
AGAIN_MS = MILLIS_PER_HOUR
"""A machine that did not wake up so often is tried again after so long."""
SETTLED_MS = 60_000
"""A machine is idle enough to be restarted after this."""


class PowerOrder(StrEnum):
    """What a worker is told to do."""

    QUIT = "quit"
    """The worker ends; the machine stays on."""
    RESTART = "restart"
    """The machine is started anew."""
    SHUTDOWN = "shutdown"
    """The machine is turned off."""


class PowerPolicy(Struct, frozen=True, kw_only=True):
    """When the machines of a fleet, a group or the farm are woken and turned off."""

    farm_id: FarmId
    scope: str
    """`farm`, `fleet:<id>` or `group:<name>`."""
    wake: bool = False
    """Wake machines when work waits that they could take."""
    wake_most: int = 10
    """At most so many are being started at a time."""
    wake_tries: int = 3
    """After so many tries in vain, one try an hour."""
    boot_seconds: int = 600
    """A machine that is not online by then did not wake up."""
    shutdown_idle_seconds: int | None = None
    """Turn off machines that had nothing to do for so long; None: never."""
    restart_up_seconds: int | None = None
    """Restart machines that are up for so long, once they are idle; None: never."""
    keep_on: int = 0
    """At least so many machines stay on."""
    hours: str = "always"
    """When machines may be turned off or restarted, in the farm's zone."""
    address: str = BROADCAST
    """Broadcast address of the machines' network."""
    port: int = WAKE_PORT
    updated_at: Instant
    updated_by: str
    even_logged_in: bool | None = None
    """True: machines that somebody is logged in to are turned off and restarted, too."""


class WorkerPower(Struct, frozen=True, kw_only=True):
    """What is known of a worker's machine going up and down."""

    farm_id: FarmId
    worker_id: WorkerId
    ordered: PowerOrder | None = None
    """What it was told and has not done yet."""
    ordered_at: Instant | None = None
    ordered_by: str | None = None
    booting_since_at: Instant | None = None
    """When it was woken or told to restart, until it is online."""
    wake_at: Instant | None = None
    """When it was last woken."""
    wake_tries: int = 0
    """How often since it was last online."""
    booted_ms: int | None = None
    """How long it took to be online, the last time."""
    started_at: Instant | None = None
    """When its worker last started."""


class Machine(Struct, frozen=True, kw_only=True):
    """One machine, as a decision sees it."""

    worker_id: WorkerId
    on: bool
    """Its worker answers."""
    idle_since_at: Instant | None
    """Since when it does nothing; None: it works, or it is not on."""
    threads: int
    useful: bool
    """It could take some of the work that waits."""
    spared: bool = False
    """Somebody disabled it, or it is told something already: it is left alone."""
    person: bool = False
    """Somebody is logged in, or it cannot tell."""
    can_wake: bool = False
    """Its hardware address is known."""
    can: tuple[PowerOrder, ...] = ()
    """What its worker can do to it."""
    power: WorkerPower


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something to do to a machine."""

    worker_id: WorkerId
    order: PowerOrder | None
    """None: wake it."""
    why: str


def policy_of(
    policies: Iterable[PowerPolicy], fleet_id: str, groups: Sequence[str]
) -> PowerPolicy | None:
    """Return the policy of a machine: of its first group that has one, its fleet, the farm."""
    by_scope = {policy.scope: policy for policy in policies}
    scopes = [*(GROUP + name for name in sorted(groups)), FLEET + fleet_id, WHOLE_FARM]
    return next((by_scope[scope] for scope in scopes if scope in by_scope), None)


def is_booting(policy: PowerPolicy, machine: Machine, now: Instant) -> bool:
    """Return True while a machine that was woken may still come."""
    since = machine.power.booting_since_at
    return not machine.on and since is not None and now - since < policy.boot_seconds * 1000


def deeds(
    policy: PowerPolicy, machines: Sequence[Machine], waiting: int, zone: ZoneInfo, now: Instant
) -> list[Deed]:
    """Return what is done now to the machines of a policy.

    Args:
        policy: the policy.
        machines: all machines it holds for.
        waiting: how many tasks wait that could run now.
        zone: the farm's zone.
        now: the present.
    """
    found = _wakes(policy, machines, waiting, now)
    if not parse_hours(policy.hours, zone).at(now):
        return found
    on = sum(1 for machine in machines if machine.on and not machine.power.ordered)
    spare = max(0, on - policy.keep_on)
    idle = sorted(
        (
            machine
            for machine in machines
            if machine.on
            and machine.idle_since_at is not None
            and not machine.spared
            and (policy.even_logged_in or not machine.person)
            and not (machine.useful and waiting)
        ),
        key=lambda machine: (machine.idle_since_at or 0, machine.worker_id),
    )
    restarting = sum(1 for machine in machines if is_booting(policy, machine, now))
    for machine in idle:
        if _idle_for(machine, policy.shutdown_idle_seconds, now):
            if PowerOrder.SHUTDOWN in machine.can and spare > 0:
                spare -= 1
                why = "it had nothing to do"
                found.append(Deed(worker_id=machine.worker_id, order=PowerOrder.SHUTDOWN, why=why))
        elif (
            _up_too_long(policy, machine, now)
            and PowerOrder.RESTART in machine.can
            and restarting < policy.wake_most
            and spare > 0
        ):
            restarting += 1
            spare -= 1
            why = "it was up for too long"
            found.append(Deed(worker_id=machine.worker_id, order=PowerOrder.RESTART, why=why))
    return found


def _wakes(
    policy: PowerPolicy, machines: Sequence[Machine], waiting: int, now: Instant
) -> list[Deed]:
    """Return which machines are woken: no more than there is work for."""
    if not policy.wake or waiting <= 0:
        return []
    booting = [machine for machine in machines if is_booting(policy, machine, now)]
    coming = sum(machine.threads for machine in booting)
    coming += sum(
        machine.threads
        for machine in machines
        if machine.on and machine.useful and machine.idle_since_at is not None
    )
    asleep = sorted(
        (
            machine
            for machine in machines
            if not machine.on
            and machine.useful
            and machine.can_wake
            and not machine.spared
            and not is_booting(policy, machine, now)
            and not _tired(policy, machine, now)
        ),
        key=lambda machine: (machine.power.wake_tries, machine.worker_id),
    )
    found: list[Deed] = []
    for machine in asleep:
        if coming >= waiting or len(booting) + len(found) >= policy.wake_most:
            break
        coming += machine.threads
        found.append(Deed(worker_id=machine.worker_id, order=None, why="work waits"))
    return found


def _tired(policy: PowerPolicy, machine: Machine, now: Instant) -> bool:
    """Return True if a machine was woken in vain too often to be tried again already."""
    power = machine.power
    return (
        power.wake_tries >= policy.wake_tries
        and power.wake_at is not None
        and now - power.wake_at < AGAIN_MS
    )


def _idle_for(machine: Machine, seconds: int | None, now: Instant) -> bool:
    since = machine.idle_since_at
    return seconds is not None and since is not None and now - since >= seconds * 1000


def _up_too_long(policy: PowerPolicy, machine: Machine, now: Instant) -> bool:
    since = machine.power.started_at
    return (
        policy.restart_up_seconds is not None
        and since is not None
        and now - since >= policy.restart_up_seconds * 1000
        and now - (machine.idle_since_at or now) >= SETTLED_MS
    )
