"""Power policies over REST, and what is known of machines going up and down."""

from typing import Annotated

import msgspec
from litestar import delete, get, put
from litestar.params import FromPath, JSONBody

from grange.domain.power import BROADCAST, WAKE_PORT, PowerPolicy, WorkerPower
from grange.domain.work import Worker
from grange.kernel.ids import FarmId
from grange.ports.state import AllOf, Compare
from grange.server.rest.given import Caller, Done, Services
from grange.services.commands.power import RemovePowerPolicy, SetPowerPolicy
from grange.services.reads.rows import alive

Count = Annotated[int, msgspec.Meta(ge=0)]


class PowerPolicyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When machines are woken and turned off."""

    wake: bool = False
    wake_most: Count = 10
    wake_tries: Count = 3
    boot_seconds: Count = 600
    shutdown_idle_seconds: Count | None = None
    restart_up_seconds: Count | None = None
    keep_on: Count = 0
    hours: str = "always"
    even_logged_in: bool = False
    address: str = BROADCAST
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = WAKE_PORT


class MachinePower(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one machine going up and down."""

    worker_id: str
    name: str
    status: str
    order: str | None
    """What it was told and has not done yet."""
    ordered_at: int | None
    ordered_by: str | None
    booting_since_at: int | None
    wake_at: int | None
    wake_tries: int
    booted_ms: int | None
    """How long it took to be online, the last time it was woken or restarted."""
    started_at: int | None


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of a farm and its machines."""

    policies: list[PowerPolicy]
    machines: list[MachinePower]


@get("/farms/{farm_id:str}/power", operation="GetPower")
async def get_power(farm_id: FromPath[str], context: Services) -> Power:
    """Show the power policies, and what was told to machines."""
    await context.rows.farm({"farmId": farm_id})
    of_farm = Compare("farm_id", "=", farm_id)
    policies = await context.store.find(PowerPolicy, of_farm)
    known = {one.worker_id: one for one in await context.store.find(WorkerPower, of_farm)}
    workers = await context.store.find(Worker, AllOf((of_farm, alive())))
    machines = []
    for worker in sorted(workers, key=lambda one: (one.host_name, one.worker_id)):
        power = known.get(worker.worker_id)
        if power is None:
            power = WorkerPower(farm_id=worker.farm_id, worker_id=worker.worker_id)
        machines.append(
            MachinePower(
                worker_id=worker.worker_id,
                name=worker.host_name or worker.worker_id,
                status=worker.status.value,
                order=None if power.ordered is None else power.ordered.value,
                ordered_at=power.ordered_at,
                ordered_by=power.ordered_by,
                booting_since_at=power.booting_since_at,
                wake_at=power.wake_at,
                wake_tries=power.wake_tries,
                booted_ms=power.booted_ms,
                started_at=power.started_at,
            )
        )
    return Power(policies=policies, machines=machines)


@put("/farms/{farm_id:str}/power/{machines:str}", operation="PutPowerPolicy")
async def put_power_policy(
    farm_id: FromPath[str],
    machines: FromPath[str],
    data: JSONBody[PowerPolicyBody],
    context: Services,
    caller: Caller,
) -> Done:
    """Set when the machines of `farm`, `fleet:ID` or `group:NAME` are woken and turned off."""
    policy = PowerPolicy(
        farm_id=FarmId(farm_id),
        scope=machines,
        updated_at=context.clock.now(),
        updated_by=caller.name,
        **msgspec.structs.asdict(data),
    )
    await context.owner.ask(SetPowerPolicy(policy=policy))
    return Done()


@delete("/farms/{farm_id:str}/power/{machines:str}", operation="DeletePowerPolicy", status_code=200)
async def remove_power_policy(
    farm_id: FromPath[str], machines: FromPath[str], context: Services, caller: Caller
) -> Done:
    """Remove a policy: its machines are left alone, or follow a wider one."""
    await context.owner.ask(
        RemovePowerPolicy(farm_id=FarmId(farm_id), scope=machines, by=caller.name)
    )
    return Done()


HANDLERS = [get_power, put_power_policy, remove_power_policy]
