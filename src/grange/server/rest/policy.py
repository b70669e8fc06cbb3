"""How a farm schedules where it has a choice, over REST."""

from typing import Annotated

import msgspec
from litestar import get, put
from litestar.params import FromPath, JSONBody

from grange.domain.policy import Preempt, Reserve, SchedulingPolicy, policy_of
from grange.kernel.ids import FarmId
from grange.server.rest.given import Caller, Services
from grange.services.commands.policy import SetPolicy


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be stopped for more urgent work, and what is kept for a session."""

    preempt: Preempt = Preempt.AFTER_FRAME
    margin: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    """So many points of priority more make work more urgent."""
    reserve: Reserve = Reserve.MEMORY


@get("/farms/{farm_id:str}/scheduling", operation="GetScheduling")
async def get_scheduling(farm_id: FromPath[str], context: Services) -> Policy:
    """Say how the farm schedules where it has a choice."""
    farm = await context.rows.farm({"farmId": farm_id})
    return _shown(policy_of(farm.settings))


@put("/farms/{farm_id:str}/scheduling", operation="PutScheduling")
async def put_scheduling(
    farm_id: FromPath[str], data: JSONBody[Policy], context: Services, caller: Caller
) -> Policy:
    """Set how the farm schedules where it has a choice."""
    policy = SchedulingPolicy(preempt=data.preempt, margin=data.margin, reserve=data.reserve)
    await context.owner.ask(SetPolicy(farm_id=FarmId(farm_id), policy=policy, by=caller.name))
    return _shown(policy)


def _shown(policy: SchedulingPolicy) -> Policy:
    return Policy(preempt=policy.preempt, margin=policy.margin, reserve=policy.reserve)


HANDLERS = [get_scheduling, put_scheduling]
