"""Machines going up and down: what they were told, how long they took, what a policy wants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from grange.domain import worker as worker_machine
from grange.domain.effects import Publish, WakeWorker
from grange.domain.events import WorkerStopping
from grange.domain.farm import Farm
from grange.domain.power import (
    Deed,
    Machine,
    PowerOrder,
    PowerPolicy,
    WorkerPower,
    deeds,
    policy_of,
)
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.domain.worker import person_at
from grange.kernel.ids import FarmId, FleetId
from grange.scheduling.entry import Choice
from grange.services.booking import region_of
from grange.services.draft import Draft
from grange.services.machine_facts import mac_addresses_of
from grange.services.owner import Needs
from grange.services.worker_events import status_event, worker_event

POWER = "grange:attr.worker.power"
"""What a worker can do to its machine: `shutdown`, `restart`."""
_OF_MACHINES = (PowerOrder.RESTART, PowerOrder.SHUTDOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A magic packet to send."""

    mac_addresses: tuple[str, ...]
    address: str
    port: int


def power_of(draft: Draft, worker: Worker) -> WorkerPower:
    """Return what is known of a worker's machine."""
    known = draft.find(WorkerPower, worker.worker_id)
    return known or WorkerPower(farm_id=worker.farm_id, worker_id=worker.worker_id)


def order_of(draft: Draft, worker: Worker) -> PowerOrder | None:
    """Return what a worker is told to do; None: to go on."""
    known = draft.find(WorkerPower, worker.worker_id)
    return None if known is None else known.ordered


def orders_of(worker: Worker) -> tuple[PowerOrder, ...]:
    """Return what a worker can do: to end is what every one can."""
    told = worker.attributes.get(POWER, ())
    return (PowerOrder.QUIT, *(order for order in _OF_MACHINES if order.value in told))


def note_wake(
    draft: Draft, worker: Worker, mac_addresses: Iterable[str], by: str, why: str = ""
) -> None:
    """Note that a machine is being woken, and leave the event."""
    worker_event(draft, worker, "worker_wake", new=",".join(mac_addresses), actor=by, detail=why)
    power = power_of(draft, worker)
    draft.put(
        replace(
            power,
            booting_since_at=draft.now,
            wake_at=draft.now,
            wake_tries=power.wake_tries + 1,
        )
    )


def note_started(draft: Draft, worker: Worker) -> None:
    """Note that a machine is online: what it was told is done, and its boot time is booked."""
    power = power_of(draft, worker)
    since = power.booting_since_at
    booted = None if since is None else draft.now - since
    if booted is not None:
        worker_event(draft, worker, "worker_boot", number=booted)
    draft.put(
        WorkerPower(
            farm_id=worker.farm_id,
            worker_id=worker.worker_id,
            wake_at=power.wake_at,
            booted_ms=power.booted_ms if booted is None else booted,
            started_at=draft.now,
        )
    )


def note_stopped(draft: Draft, worker: Worker) -> None:
    """Note that a worker stopped: it has done what it was told."""
    power = draft.find(WorkerPower, worker.worker_id)
    if power is None or power.ordered is None:
        return
    booting = draft.now if power.ordered is PowerOrder.RESTART else None
    draft.put(
        replace(power, ordered=None, ordered_at=None, ordered_by=None, booting_since_at=booting)
    )


def give_order(draft: Draft, worker: Worker, order: PowerOrder, by: str, why: str = "") -> None:
    """Tell a worker that is on: it begins nothing more, and hears of it at its next call."""
    power = power_of(draft, worker)
    draft.put(replace(power, ordered=order, ordered_at=draft.now, ordered_by=by))
    worker_event(draft, worker, "worker_power", old=None, new=order.value, actor=by, detail=why)
    after = worker_machine.apply(worker, WorkerStopping(at=draft.now))
    after = replace(after, last_seen_at=worker.last_seen_at)
    draft.put(after)
    status_event(draft, worker, after, draft.now)
    draft.effect(WakeWorker(worker.worker_id))
    draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class TendPower:
    """Do what the policies want now. Returns the packets to send."""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> list[Packet]:
        """Look at every farm that has a policy."""
        by_farm: dict[FarmId, list[PowerPolicy]] = {}
        for policy in draft.all(PowerPolicy):
            by_farm.setdefault(policy.farm_id, []).append(policy)
        packets: list[Packet] = []
        for farm_id, policies in by_farm.items():
            farm = draft.get(Farm, farm_id)
            for policy, workers in _by_policy(draft, farm, policies):
                packets += _tend(draft, farm, policy, workers)
        return packets


def _by_policy(
    draft: Draft, farm: Farm, policies: list[PowerPolicy]
) -> Iterable[tuple[PowerPolicy, list[Worker]]]:
    found: dict[str, list[Worker]] = {policy.scope: [] for policy in policies}
    for worker in draft.all(Worker):
        if worker.farm_id != farm.farm_id or worker.deleted_at is not None:
            continue
        groups = draft.memory.groups_of.get(worker.worker_id, ())
        policy = policy_of(policies, worker.fleet_id, groups)
        if policy is not None:
            found[policy.scope].append(worker)
    return [(policy, found[policy.scope]) for policy in policies]


def _tend(draft: Draft, farm: Farm, policy: PowerPolicy, workers: list[Worker]) -> list[Packet]:
    waiting = _waiting(draft, {worker.fleet_id for worker in workers})
    fits: dict[Any, bool] = {}
    by_id = {worker.worker_id: worker for worker in workers}
    machines = [_machine(draft, worker, fits, waiting) for worker in workers]
    packets = []
    for deed in deeds(policy, machines, waiting, ZoneInfo(farm.zone), draft.now):
        worker = by_id[deed.worker_id]
        if deed.order is not None:
            give_order(draft, worker, deed.order, "power policy", deed.why)
            continue
        packets.append(_wake(draft, policy, worker, deed))
    return packets


def _wake(draft: Draft, policy: PowerPolicy, worker: Worker, deed: Deed) -> Packet:
    macs = mac_addresses_of(worker)
    note_wake(draft, worker, macs, "power policy", deed.why)
    return Packet(mac_addresses=macs, address=policy.address, port=policy.port)


def _waiting(draft: Draft, fleets: Iterable[FleetId]) -> int:
    queues = {queue for fleet in fleets for queue in draft.queues_of(fleet)}
    return draft.memory.index.waiting(sorted(queues))[1]


def _machine(draft: Draft, worker: Worker, fits: dict[Any, bool], waiting: int) -> Machine:
    """Return a machine as a decision sees it; what does not matter for it is not looked up."""
    memory = draft.memory
    power = power_of(draft, worker)
    on = worker.status in (WorkerStatus.STARTED, WorkerStatus.STOPPING)
    if on and worker.sessions:
        return Machine(
            worker_id=worker.worker_id,
            on=True,
            idle_since_at=None,
            threads=worker.threads,
            useful=False,
            power=power,
        )
    idle = None
    if on:
        since = [power.started_at, memory.idle_since.get(worker.worker_id), worker.created_at]
        idle = max(one for one in since if one is not None)
    useful = False
    if waiting:
        key = (memory.capability(worker), worker.fleet_id, region_of(worker))
        found = fits.get(key)
        if found is None:
            best = memory.index.best(draft.queues_of(worker.fleet_id), memory.bare_offer(worker))
            found = fits[key] = isinstance(best, Choice)
        useful = found
    return Machine(
        worker_id=worker.worker_id,
        on=on,
        idle_since_at=idle,
        threads=worker.threads,
        useful=useful,
        spared=worker.disabled or bool(worker.draining) or power.ordered is not None,
        person=bool(person_at(worker)),
        can_wake=not on and bool(mac_addresses_of(worker)),
        can=orders_of(worker) if on else (),
        power=power,
    )
