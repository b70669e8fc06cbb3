"""The first minute of a data folder: farm, queue, fleet, users and keys, before any key exists.

What is missing is made through the owner loop, on the store itself, while no server runs on the
folder.
"""

import asyncio
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from grange.adapters.durable import write_private_bytes
from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.master_key import master_key
from grange.config.settings import ServerSettings
from grange.domain.farm import AccessKey, Farm, Fleet, Queue
from grange.domain.rates import RateCard
from grange.ports.state import Compare, StateStore
from grange.services.identity import Identity
from grange.wiring.farm_plan import FarmPlan, own_farms
from grange.wiring.state import open_store


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
    farm: str
    """The farm's name."""
    zone: str
    currency: str
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
    made = asyncio.run(_initialise(settings, plan, fill_it=True))
    if made is None:
        raise RuntimeError("The data folder was filled, but something is missing.")
    return made


def existing(settings: ServerSettings) -> InitResult | None:
    """Return what is in a data folder; None if it has no farm yet.

    Raises:
        ConflictError: a server holds the folder.
    """
    if not settings.state_url and not (settings.data_dir / "state.db").exists():
        return None
    return asyncio.run(_initialise(settings, FarmPlan(), fill_it=False))


async def _initialise(
    settings: ServerSettings, plan: FarmPlan, *, fill_it: bool
) -> InitResult | None:
    clock = SystemClock()
    with FolderLock(settings.data_dir, started_at=clock.now()):
        store = open_store(settings)
        await store.open()
        try:
            identity = Identity(
                master_key=master_key(settings.data_dir), store=store, randomness=os.urandom
            )
            found = await _found(store, identity, plan, created=False)
            if found is not None or not fill_it:
                return found
            # Deciding needs OpenJD's library, which takes a while to load.
            from grange.wiring.fill import fill  # noqa: PLC0415

            await fill(store, clock, identity, plan)
            return await _found(store, identity, plan, created=True)
        finally:
            await store.close()


async def _found(
    store: StateStore, identity: Identity, plan: FarmPlan, *, created: bool
) -> InitResult | None:
    """Return what is in the store; None if anything of the plan is missing."""
    farms = own_farms(await store.find(Farm))
    owner, worker = [await _key(store, identity, name) for name in (plan.owner, plan.worker)]
    if not farms or owner is None or worker is None:
        return None
    of_farm = Compare("farm_id", "=", farms[0].farm_id)
    queues = await store.find(Queue, of_farm, limit=1)
    fleets = await store.find(Fleet, of_farm, limit=1)
    if not queues or not fleets or (plan.rates and not await store.count(RateCard, of_farm)):
        return None
    return InitResult(
        created=created,
        farm=farms[0].name,
        zone=farms[0].zone,
        currency=farms[0].currency,
        farm_id=farms[0].farm_id,
        queue_id=queues[0].queue_id,
        fleet_id=fleets[0].fleet_id,
        owner=owner,
        worker=worker,
    )


async def _key(store: StateStore, identity: Identity, name: str) -> Key | None:
    """Return a working key of a user; None if there is none."""
    keys = await store.find(AccessKey, Compare("user_name", "=", name))
    key = next((key for key in keys if not key.revoked), None)
    if key is None:
        return None
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
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    write_private_bytes(path, text.encode())
