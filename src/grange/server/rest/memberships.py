"""Who is a member of a farm, its queues and jobs."""

import msgspec
from litestar import get, put
from litestar.params import FromPath, JSONBody

from grange.domain.people import Level, Membership, Place
from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError, FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.ports.state import Compare
from grange.server.rest.given import Caller, Done, Services
from grange.services.commands.memberships import SetMembership


class MembershipRow(msgspec.Struct, frozen=True, kw_only=True):
    """A user's level in a farm, queue or job."""

    user_name: str
    farm_id: str
    place: str
    """farm, queue or job."""
    target_id: str
    level: str
    created_at: int
    created_by: str


class Memberships(msgspec.Struct, frozen=True, kw_only=True):
    """The memberships of a farm."""

    memberships: list[MembershipRow]


class MembershipBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A level to give, or to take."""

    level: Level | None
    """None: no member any more."""
    place: Place = Place.FARM
    target_id: str | None = None
    """Id of the queue or job; a farm needs none."""


@get("/farms/{farm_id:str}/memberships", operation="ListMemberships")
async def list_memberships(farm_id: FromPath[str], context: Services) -> Memberships:
    """List who is a member of a farm, its queues and jobs."""
    await context.rows.farm({"farmId": farm_id})
    rows = await context.store.find(Membership, Compare("farm_id", "=", farm_id))
    return Memberships(memberships=[membership_row(row) for row in rows])


@put("/farms/{farm_id:str}/memberships/{name:str}", operation="PutMembership", status_code=200)
async def put_membership(
    farm_id: FromPath[str],
    name: FromPath[str],
    data: JSONBody[MembershipBody],
    context: Services,
    caller: Caller,
) -> Done:
    """Give a user a level in a farm, queue or job, or take it."""
    target_id = farm_id if data.place is Place.FARM else data.target_id
    if not target_id:
        raise InvalidRequestError(
            f"Say which {data.place}.", fields=[FieldProblem("target_id", "is missing")]
        )
    if caller.role is not Role.OWNER and context.identity.role_of(name) is Role.WORKER:
        raise AccessDeniedError("Which farms a worker's key belongs to, owners of the server say.")
    await context.owner.ask(
        SetMembership(
            user_name=name,
            farm_id=FarmId(farm_id),
            place=data.place,
            target_id=target_id,
            level=data.level,
            by=caller.name,
        )
    )
    await context.identity.refresh()
    return Done()


def membership_row(row: Membership) -> MembershipRow:
    """Return a membership as it is told."""
    return MembershipRow(
        user_name=row.user_name,
        farm_id=row.farm_id,
        place=row.place.value,
        target_id=row.target_id,
        level=row.level.value,
        created_at=row.created_at,
        created_by=row.created_by,
    )


HANDLERS = [list_memberships, put_membership]
