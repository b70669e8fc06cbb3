"""Groups of workers, licence pools, and waking machines up."""

import asyncio
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from grange.domain.licences import Region, RegionTerms
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import billionths_of
from grange.ports.magic import BROADCAST, PORT
from grange.server.rest.day_shapes import GroupsAnswer
from grange.server.rest.given import Caller, Done, Services
from grange.server.rest.shapes import LicencesAnswer, described
from grange.services.commands.groups import ChangeGroup, RemoveGroup, ReplaceGroups
from grange.services.commands.licences import (
    PoolTerms,
    RemoveLicences,
    ReplaceLicences,
    SetLicences,
)
from grange.services.commands.wake_up import WakeUpWorker

Answer = dict[str, Any]


class GroupChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to change a group's members; workers by id or name."""

    how: Literal["set", "add", "remove"] = "set"
    workers: Annotated[list[str], msgspec.Meta(max_length=10_000)] = []


class GroupNow(msgspec.Struct, frozen=True, kw_only=True):
    """A group and its members' ids."""

    name: str
    workers: list[str]


class AllGroups(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every group there shall be: name → ids or names of workers."""

    groups: dict[str, list[str]]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Names of what is another than it was."""

    changed: list[str]


class RegionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds in a region; `cost` is the price of one licence for an hour."""

    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    unlimited: bool = False
    cost: str = "0"


class PoolBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The licences of an application, a plugin of it, one version of it.

    Regions that are absent stay as they are; null: the default's terms hold there again.
    """

    app: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    plugin: str = ""
    version: str = ""
    regions: dict[Literal["default", "workstation", "farm", "cloud"], RegionBody | None]


class AllPools(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every licence pool there shall be."""

    pools: list[PoolBody]


class WakeUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to send the magic packet."""

    address: str = BROADCAST
    """Broadcast address of the machine's network."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = PORT
    mac_address: str | None = None
    """Instead of those the worker told."""


class WokenUp(msgspec.Struct, frozen=True, kw_only=True):
    """The packets that were sent."""

    worker_id: str
    name: str
    mac_addresses: list[str]


@get("/farms/{farm_id:str}/groups", operation="ListGroups", responses=described(GroupsAnswer))
async def list_groups(farm_id: FromPath[str], context: Services) -> Answer:
    """List the groups of workers, and who was in which group when."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("groups", farm_id=farm_id)
    return answer


@put("/farms/{farm_id:str}/groups/{name:str}", operation="PutGroup")
async def put_group(
    *,
    farm_id: FromPath[str],
    name: FromPath[str],
    data: JSONBody[GroupChange],
    context: Services,
    caller: Caller,
) -> GroupNow:
    """Set, add or remove members of a group; it is made if there is none."""
    found = await context.owner.ask(
        ChangeGroup(
            farm_id=FarmId(farm_id),
            name=name,
            how=data.how,
            workers=data.workers,
            by=caller.name,
        )
    )
    return GroupNow(name=found["name"], workers=found["workers"])


@put("/farms/{farm_id:str}/groups", operation="PutGroups")
async def put_groups(
    farm_id: FromPath[str], data: JSONBody[AllGroups], context: Services, caller: Caller
) -> Changed:
    """Make the farm's groups these and no others."""
    found = await context.owner.ask(
        ReplaceGroups(farm_id=FarmId(farm_id), groups=data.groups, by=caller.name)
    )
    return Changed(changed=found["changed"])


@delete("/farms/{farm_id:str}/groups/{name:str}", operation="DeleteGroup", status_code=200)
async def delete_group(
    farm_id: FromPath[str], name: FromPath[str], context: Services, caller: Caller
) -> Done:
    """Remove a group; its past stays in the books."""
    await context.owner.ask(RemoveGroup(farm_id=FarmId(farm_id), name=name, by=caller.name))
    return Done()


@get("/farms/{farm_id:str}/licences", operation="ListLicences", responses=described(LicencesAnswer))
async def list_licences(farm_id: FromPath[str], context: Services) -> Answer:
    """List licence pools: what holds in each region, whether it is set there, what is in use."""
    await context.rows.farm({"farmId": farm_id})
    answer: Answer = await context.books.ask("licence_pools", farm_id=farm_id)
    tallies = context.owner.memory.index.tallies(FarmId(farm_id))
    for pool in answer["pools"]:
        key = (pool["app"], pool["plugin"], pool["version"])
        for region, terms in pool["regions"].items():
            terms["in_use"] = tallies.seats_of(key, Region(region))[1]
    return answer


@post("/farms/{farm_id:str}/licences", operation="PutLicences", status_code=200)
async def put_licences(
    farm_id: FromPath[str], data: JSONBody[PoolBody], context: Services, caller: Caller
) -> Done:
    """Set what holds in some regions of a licence pool."""
    await context.owner.ask(
        SetLicences(
            farm_id=FarmId(farm_id),
            app=data.app,
            plugin=data.plugin,
            version=data.version,
            regions={
                Region(name): None if terms is None else _terms(name, terms)
                for name, terms in data.regions.items()
            },
            by=caller.name,
        )
    )
    return Done()


@put("/farms/{farm_id:str}/licences", operation="PutAllLicences")
async def put_all_licences(
    farm_id: FromPath[str], data: JSONBody[AllPools], context: Services, caller: Caller
) -> Changed:
    """Make the farm's licence pools these and no others."""
    found = await context.owner.ask(
        ReplaceLicences(
            farm_id=FarmId(farm_id),
            pools=[
                PoolTerms(
                    app=pool.app,
                    plugin=pool.plugin,
                    version=pool.version,
                    regions={
                        Region(name): _terms(name, terms)
                        for name, terms in pool.regions.items()
                        if terms is not None
                    },
                )
                for pool in data.pools
            ],
            by=caller.name,
        )
    )
    return Changed(changed=[" ".join(part for part in key if part) for key in found["changed"]])


@delete("/farms/{farm_id:str}/licences", operation="DeleteLicences", status_code=200)
async def delete_licences(
    *,
    farm_id: FromPath[str],
    context: Services,
    caller: Caller,
    app: FromQuery[str],
    plugin: FromQuery[str] = "",
    version: FromQuery[str] = "",
) -> Done:
    """Remove a licence pool."""
    await context.owner.ask(
        RemoveLicences(
            farm_id=FarmId(farm_id), app=app, plugin=plugin, version=version, by=caller.name
        )
    )
    return Done()


@post(
    "/farms/{farm_id:str}/workers/{worker_id:str}/wake-up",
    operation="WakeUpWorker",
    status_code=200,
)
async def wake_up_worker(
    *,
    farm_id: FromPath[str],
    worker_id: FromPath[str],
    data: JSONBody[WakeUp],
    context: Services,
    caller: Caller,
) -> WokenUp:
    """Send a magic packet to a machine that is down; the books note what becomes of it."""
    found = await context.owner.ask(
        WakeUpWorker(
            farm_id=FarmId(farm_id),
            worker=worker_id,
            mac_address=data.mac_address,
            by=caller.name,
        )
    )
    await asyncio.to_thread(
        partial(context.magic.send, found["mac_addresses"], host=data.address, port=data.port)
    )
    return WokenUp(**found)


def _terms(name: str, body: RegionBody) -> RegionTerms:
    try:
        cost = billionths_of(Decimal(body.cost))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise _bad_cost(name) from error
    if not 0 <= cost < 2**63:
        raise _bad_cost(name)
    return RegionTerms(count=body.count, unlimited=body.unlimited, cost_billionths=cost)


def _bad_cost(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The cost in {name} must be a decimal number, not negative.",
        fields=[FieldProblem(f"regions.{name}.cost", "must be a decimal number")],
    )


HANDLERS = [
    list_groups,
    put_group,
    put_groups,
    delete_group,
    list_licences,
    put_licences,
    put_all_licences,
    delete_licences,
    wake_up_worker,
]
