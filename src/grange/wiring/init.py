"""The first minute of a data folder: farm, queue, fleet, users and keys, before any key exists.

Everything is made through the owner loop, on the store itself, while no server runs on the folder.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.host.master_key import master_key
from grange.adapters.host.zone import local_zone
from grange.config.settings import ServerSettings
from grange.domain.effects import Effect
from grange.domain.farm import AccessKey, Farm, Fleet, Queue, User
from grange.domain.rates import RateCard, RateLine
from grange.domain.statuses import Role
from grange.kernel.ids import FarmId
from grange.ports.state import Compare, StateStore
from grange.services.commands.farm_objects import (
    Associate,
    CreateFarm,
    CreateFleet,
    CreateQueue,
    PutRateCard,
)
from grange.services.commands.people import AddKey, AddUser
from grange.services.draft import Context
from grange.services.identity import Identity
from grange.services.owner import Owner
from grange.services.templates import TaskSpaces
from grange.wiring.state import open_store

_FLEET_SETTINGS = {
    "roleArn": "arn:aws:iam::000000000000:role/grange-fleet",
    "configuration": {
        "customerManaged": {
            "mode": "NO_SCALING",
            "workerCapabilities": {
                "vCpuCount": {"min": 1},
                "memoryMiB": {"min": 512},
                "osFamily": "LINUX",
                "cpuArchitectureType": "x86_64",
            },
        }
    },
}
"""What Deadline Cloud's clients expect a fleet of own machines to look like."""
_QUEUE_SETTINGS = {"jobRunAsUser": {"runAs": "WORKER_AGENT_USER"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmPlan:
    """What an empty data folder is filled with."""

    farm: str = "Farm"
    queue: str = "default"
    fleet: str = "default"
    owner: str = "owner"
    """Name of the first user."""
    worker: str = "worker"
    """Name of the user whose key workers register with."""
    zone: str | None = None
    """IANA name; None: the machine's."""
    currency: str = "USD"
    rate_name: str = ""
    rates: tuple[RateLine, ...] = ()
    """Prices; none: hours only."""
    example_rates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a user."""

    user: str
    key_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """What is in the data folder, whether it was made just now or before."""

    created: bool
    farm_id: str
    queue_id: str
    fleet_id: str
    owner: Key
    worker: Key


def initialise(settings: ServerSettings, plan: FarmPlan) -> InitResult:
    """Fill a data folder that has no farm yet; leave one that has as it is.

    Raises:
        ConflictError: a server holds the folder.
    """
    return asyncio.run(_initialise(settings, plan))


async def _initialise(settings: ServerSettings, plan: FarmPlan) -> InitResult:
    clock = SystemClock()
    with FolderLock(settings.data_dir, started_at=clock.now()):
        store = open_store(settings)
        await store.open()
        try:
            identity = Identity(
                master_key=master_key(settings.data_dir), store=store, randomness=os.urandom
            )
            owner = Owner(
                store, clock, Context(ids=RandomIds(clock), spaces=TaskSpaces()), _no_effects
            )
            await owner.start()
            try:
                return await _fill(store, owner, identity, plan)
            finally:
                await owner.stop()
        finally:
            await store.close()


async def _no_effects(effects: Sequence[Effect]) -> None:
    """Wake nobody: no worker can be connected."""


async def _fill(store: StateStore, owner: Owner, identity: Identity, plan: FarmPlan) -> InitResult:
    farms = await store.find(Farm, limit=1)
    by = plan.owner
    for name, role in ((plan.owner, Role.OWNER), (plan.worker, Role.WORKER)):
        if await store.get(User, (name,)) is None:
            await owner.ask(AddUser(name=name, role=role, by=by))
    if farms:
        farm_id = farms[0].farm_id
    else:
        answer = await owner.ask(
            CreateFarm(
                name=plan.farm, zone=plan.zone or local_zone(), currency=plan.currency, by=by
            )
        )
        farm_id = FarmId(answer["farmId"])
    of_farm = Compare("farm_id", "=", farm_id)
    queues = await store.find(Queue, of_farm, limit=1)
    fleets = await store.find(Fleet, of_farm, limit=1)
    queue_id = (
        queues[0].queue_id
        if queues
        else (
            await owner.ask(
                CreateQueue(farm_id=farm_id, name=plan.queue, settings=_QUEUE_SETTINGS, by=by)
            )
        )["queueId"]
    )
    if fleets:
        fleet_id = fleets[0].fleet_id
    else:
        made = await owner.ask(
            CreateFleet(
                farm_id=farm_id,
                name=plan.fleet,
                max_worker_count=1000,
                settings=_FLEET_SETTINGS,
                by=by,
            )
        )
        fleet_id = made["fleetId"]
        await owner.ask(Associate(farm_id=farm_id, queue_id=queue_id, fleet_id=fleet_id, by=by))
    if plan.rates and not await store.count(RateCard, of_farm):
        await owner.ask(
            PutRateCard(
                farm_id=farm_id,
                name=plan.rate_name,
                example=plan.example_rates,
                lines=plan.rates,
                by=by,
            )
        )
    return InitResult(
        created=not farms,
        farm_id=farm_id,
        queue_id=queue_id,
        fleet_id=fleet_id,
        owner=await _key(store, owner, identity, plan.owner),
        worker=await _key(store, owner, identity, plan.worker),
    )


async def _key(store: StateStore, owner: Owner, identity: Identity, name: str) -> Key:
    """Return a working key of a user, made if there is none."""
    keys = await store.find(AccessKey, Compare("user_name", "=", name))
    key = next((key for key in keys if not key.revoked), None)
    if key is None:
        key = await owner.ask(AddKey(user_name=name, key_id=identity.new_key_id(), by=name))
    return Key(
        user=name, key_id=key.key_id, secret=identity.secret_of_key(key.key_id, key.generation)
    )


def client_env(result: InitResult, *, endpoint: str, ca_bundle: Path | None = None) -> str:
    """Return shell lines that let any client use the farm as its owner."""
    values = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_DEADLINE": endpoint,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": result.owner.key_id,
        "AWS_SECRET_ACCESS_KEY": result.owner.secret,
        "DEADLINE_CLOUD_TELEMETRY_OPT_OUT": "true",
        "GRANGE_FARM_ID": result.farm_id,
        "GRANGE_QUEUE_ID": result.queue_id,
        "GRANGE_FLEET_ID": result.fleet_id,
    }
    if ca_bundle is not None:
        values["AWS_CA_BUNDLE"] = str(ca_bundle)
    return "".join(f"export {name}={value}\n" for name, value in values.items())


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(path)
