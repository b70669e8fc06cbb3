"""Who is asking: levels, home page, password, and the browsers that are signed in."""

from typing import Any

import msgspec
from litestar import Request, delete, get, patch, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from grange.domain.people import Home, Level, Password, Place, Preference, SignIn
from grange.domain.statuses import Role
from grange.ports.state import Compare
from grange.server.context import Context
from grange.server.rest.given import Caller, Done, Services
from grange.services.commands.memberships import SetHome
from grange.services.permissions import Principal


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A level in a farm, queue or job."""

    place: str
    target_id: str
    level: str


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking."""

    name: str
    role: str
    worker_id: str | None = None
    now: int
    """The server's clock."""
    home: str = "artist"
    """Which page `/` is: artist, wrangler, admin or finance."""
    home_chosen: bool = False
    """False: the home page is only what fits the role."""
    has_password: bool = False
    memberships: list[Held] = []


class MyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about oneself."""

    home: Home


class MyPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password."""

    password: str
    current: str = ""
    """The present one, if there is one."""


class SignInRow(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that is signed in."""

    sign_in_id: str
    how: str
    address: str
    browser: str
    created_at: int
    expires_at: int
    this: bool
    """It is the browser that asks."""


class SignIns(msgspec.Struct, frozen=True, kw_only=True):
    """The browsers that are signed in."""

    sign_ins: list[SignInRow]


@get("/me", operation="GetMe")
async def get_me(caller: Caller, context: Services) -> Me:
    """Say who is asking, what they may, and what the server's clock shows."""
    chosen = await context.store.get(Preference, (caller.name,))
    return Me(
        name=caller.name,
        role=caller.role.value,
        worker_id=caller.worker_id,
        now=context.clock.now(),
        home=(usual_home(caller) if chosen is None else chosen.home).value,
        home_chosen=chosen is not None,
        has_password=await context.store.get(Password, (caller.name,)) is not None,
        memberships=[
            Held(place=place.value, target_id=name, level=level.value)
            for (place, name), level in sorted(caller.held.items())
        ],
    )


@patch("/me", operation="ChangeMe", status_code=200)
async def change_me(data: JSONBody[MyChange], caller: Caller, context: Services) -> Done:
    """Choose the own home page."""
    await context.owner.ask(SetHome(user_name=caller.name, home=data.home))
    return Done()


@put("/me/password", operation="ChangeMe", status_code=200)
async def change_my_password(
    data: JSONBody[MyPassword],
    caller: Caller,
    context: Services,
    request: Request[Principal, Any, State],
) -> Done:
    """Set the own password; all other browsers are signed out."""
    address = str(request.scope["state"]["address"])
    await context.signing.check_own(caller.name, data.current, address)
    await context.signing.set_password(
        caller.name, data.password, by=caller.name, except_sign_in=caller.sign_in_id
    )
    return Done()


@get("/me/sign-ins", operation="GetMe")
async def list_my_sign_ins(caller: Caller, context: Services) -> SignIns:
    """List the browsers that are signed in as the caller."""
    return SignIns(sign_ins=await _sign_ins(caller, context))


@delete("/me/sign-ins", operation="ChangeMe", status_code=200)
async def sign_out_everywhere(caller: Caller, context: Services) -> Done:
    """Sign all browsers of the caller out, this one too."""
    await context.signing.close(caller.name)
    return Done()


@delete("/me/sign-ins/{sign_in_id:str}", operation="ChangeMe", status_code=200)
async def sign_out_one(sign_in_id: FromPath[str], caller: Caller, context: Services) -> Done:
    """Sign one browser of the caller out."""
    await context.signing.close(caller.name, sign_in_id)
    return Done()


def usual_home(caller: Principal) -> Home:
    """Return the home page of somebody who has chosen none."""
    if caller.role is Role.OWNER:
        return Home.ADMIN
    levels = {level for (place, _), level in caller.held.items() if place is Place.FARM}
    if Level.OWNER in levels:
        return Home.ADMIN
    return Home.WRANGLER if Level.MANAGER in levels else Home.ARTIST


async def _sign_ins(caller: Principal, context: Context) -> list[SignInRow]:
    rows = await context.store.find(SignIn, Compare("user_name", "=", caller.name))
    now = context.clock.now()
    return [
        SignInRow(
            sign_in_id=row.sign_in_id,
            how=row.how,
            address=row.address,
            browser=row.browser,
            created_at=row.created_at,
            expires_at=row.expires_at,
            this=row.sign_in_id == caller.sign_in_id,
        )
        for row in sorted(rows, key=lambda row: row.created_at, reverse=True)
        if row.expires_at > now
    ]


HANDLERS = [
    get_me,
    change_me,
    change_my_password,
    list_my_sign_ins,
    sign_out_everywhere,
    sign_out_one,
]
