"""Fills a data folder: what a plan names and the store lacks is made, through the owner loop."""

import platform
from collections.abc import Sequence

from grange.adapters.host.ids import RandomIds
from grange.adapters.host.zone import local_zone
from grange.domain.effects import Effect
from grange.domain.farm import AccessKey, Farm, Fleet, Queue, User
from grange.domain.people import Level, Place
from grange.domain.rates import RateCard
from grange.domain.statuses import Role
from grange.kernel.clock import Clock
from grange.kernel.ids import FarmId, QueueId
from grange.ports.state import Compare, StateStore
from grange.services.commands.farm_objects import (
    Associate,
    CreateFarm,
    CreateFleet,
    CreateQueue,
    PutRateCard,
)
from grange.services.commands.memberships import SetMembership
from grange.services.commands.people import AddKey, AddUser
from grange.services.draft import Context
from grange.services.identity import Identity
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.wiring.farm_plan import FarmPlan, own_farms

_ARM = frozenset({"aarch64", "arm64"})
_MOST_WORKERS = 1000
_QUEUE_SETTINGS = {"jobRunAsUser": {"runAs": "WORKER_AGENT_USER"}}


async def fill(store: StateStore, clock: Clock, identity: Identity, plan: FarmPlan) -> None:
    """Make what the plan names and the store lacks."""
    context = Context(ids=RandomIds(clock), spaces=TaskSpaces())
    owner = Owner(store, clock, context, _no_effects)
    await owner.start()
    try:
        await _fill_people(store, owner, identity, plan)
        farms = own_farms(await store.find(Farm))
        farm_id = farms[0].farm_id if farms else await _make_farm(owner, plan)
        await owner.ask(
            SetMembership(
                user_name=plan.worker,
                farm_id=farm_id,
                place=Place.FARM,
                target_id=farm_id,
                level=Level.CONTRIBUTOR,
                by=plan.owner,
            )
        )
        await _fill_farm(store, owner, plan, farm_id)
    finally:
        await owner.stop()


async def _no_effects(effects: Sequence[Effect]) -> None:
    """Wake nobody: no worker can be connected."""


async def _fill_people(store: StateStore, owner: Owner, identity: Identity, plan: FarmPlan) -> None:
    for name, role in ((plan.owner, Role.OWNER), (plan.worker, Role.WORKER)):
        if await store.get(User, (name,)) is None:
            await owner.ask(AddUser(name=name, role=role, by=plan.owner))
        keys = await store.find(AccessKey, Compare("user_name", "=", name))
        if all(key.revoked for key in keys):
            key_id = identity.new_key_id()
            await owner.ask(AddKey(user_name=name, key_id=key_id, by=plan.owner))


async def _make_farm(owner: Owner, plan: FarmPlan) -> FarmId:
    made = await owner.ask(
        CreateFarm(
            name=plan.farm,
            zone=plan.zone or local_zone(),
            currency=plan.currency,
            by=plan.owner,
        )
    )
    return FarmId(made["farmId"])


async def _fill_farm(store: StateStore, owner: Owner, plan: FarmPlan, farm_id: FarmId) -> None:
    of_farm = Compare("farm_id", "=", farm_id)
    queues = await store.find(Queue, of_farm, limit=1)
    queue_id = queues[0].queue_id if queues else await _make_queue(owner, plan, farm_id)
    if not await store.count(Fleet, of_farm):
        await _make_fleet(owner, plan, farm_id, queue_id)
    if plan.rates and not await store.count(RateCard, of_farm):
        await owner.ask(
            PutRateCard(
                farm_id=farm_id,
                name=plan.rate_name,
                example=plan.example_rates,
                lines=plan.rates,
                by=plan.owner,
            )
        )


async def _make_queue(owner: Owner, plan: FarmPlan, farm_id: FarmId) -> QueueId:
    made = await owner.ask(
        CreateQueue(farm_id=farm_id, name=plan.queue, settings=_QUEUE_SETTINGS, by=plan.owner)
    )
    return QueueId(made["queueId"])


async def _make_fleet(owner: Owner, plan: FarmPlan, farm_id: FarmId, queue_id: QueueId) -> None:
    made = await owner.ask(
        CreateFleet(
            farm_id=farm_id,
            name=plan.fleet,
            max_worker_count=_MOST_WORKERS,
            settings=_fleet_settings(),
            by=plan.owner,
        )
    )
    fleet_id = made["fleetId"]
    await owner.ask(Associate(farm_id=farm_id, queue_id=queue_id, fleet_id=fleet_id, by=plan.owner))


def _fleet_settings() -> dict[str, object]:
    """Return what Deadline Cloud's clients expect a fleet of own machines to look like."""
    return {
        "roleArn": "arn:aws:iam::000000000000:role/grange-fleet",
        "configuration": {
            "customerManaged": {
                "mode": "NO_SCALING",
                "workerCapabilities": {
                    "vCpuCount": {"min": 1},
                    "memoryMiB": {"min": 512},
                    "osFamily": "LINUX",
                    "cpuArchitectureType": "arm64" if platform.machine() in _ARM else "x86_64",
                },
            }
        },
    }
