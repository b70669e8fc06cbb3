"""Who is asking; users, keys and login links."""

from typing import Annotated, Literal

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from grange.domain.farm import AccessKey, User
from grange.domain.statuses import Role
from grange.kernel.errors import InvalidRequestError
from grange.server.rest.given import Caller, Services
from grange.services.commands.people import AddKey, AddUser, DisableUser, RevokeKey


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking."""

    name: str
    role: str
    worker_id: str | None = None
    now: int
    """The server's clock."""


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to add."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[\w.@+-]+$")]
    role: Literal["owner", "worker"] = "owner"


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a user."""

    disabled: bool


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret."""

    key_id: str
    revoked: bool
    created_at: int


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A user."""

    name: str
    role: str
    created_at: int
    created_by: str
    disabled: bool
    keys: list[KeyRow]


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """All users."""

    users: list[UserRow]


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key with its secret, which is shown this once."""

    key_id: str
    secret: str


class WantedLink(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a login link is for; default: the caller."""

    name: str | None = None


class LoginLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that signs a browser in once, within a minute."""

    url: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more to say."""

    ok: bool = True


@get("/me", operation="GetMe")
async def get_me(caller: Caller, context: Services) -> Me:
    """Say who is asking, and what the server's clock shows."""
    return Me(
        name=caller.name,
        role=caller.role.value,
        worker_id=caller.worker_id,
        now=context.clock.now(),
    )


@post("/users", operation="AddUser", status_code=201)
async def add_user(data: JSONBody[NewUser], caller: Caller, context: Services) -> UserRow:
    """Add a user."""
    await context.owner.ask(AddUser(name=data.name, role=Role(data.role), by=caller.name))
    await context.identity.refresh()
    user = await context.store.get(User, (data.name,))
    if user is None:
        raise InvalidRequestError("The user was removed meanwhile.", reason="OTHER")
    return _user_row(user, [])


@get("/users", operation="ListUsers")
async def list_users(context: Services) -> Users:
    """List users and their keys."""
    keys: dict[str, list[AccessKey]] = {}
    for key in await context.store.find(AccessKey):
        keys.setdefault(key.user_name, []).append(key)
    users = await context.store.find(User)
    return Users(users=[_user_row(user, keys.get(user.name, [])) for user in users])


@patch("/users/{name:str}", operation="DisableUser")
async def change_user(
    name: FromPath[str], data: JSONBody[UserChange], caller: Caller, context: Services
) -> Done:
    """Disable a user with all its keys, or enable it again."""
    await context.owner.ask(DisableUser(name=name, disabled=data.disabled, by=caller.name))
    await context.identity.refresh()
    return Done()


@post("/users/{name:str}/keys", operation="AddKey", status_code=201)
async def add_key(name: FromPath[str], caller: Caller, context: Services) -> NewKey:
    """Make a key for a user."""
    key_id = context.identity.new_key_id()
    key: AccessKey = await context.owner.ask(AddKey(user_name=name, key_id=key_id, by=caller.name))
    await context.identity.refresh()
    secret = context.identity.secret_of_key(key.key_id, key.generation)
    return NewKey(key_id=key.key_id, secret=secret)


@delete("/users/{name:str}/keys/{key_id:str}", operation="RevokeKey", status_code=200)
async def revoke_key(
    name: FromPath[str], key_id: FromPath[str], caller: Caller, context: Services
) -> Done:
    """Revoke a key."""
    await context.owner.ask(RevokeKey(user_name=name, key_id=key_id, by=caller.name))
    await context.identity.refresh()
    return Done()


@post("/login-links", operation="AddLoginLink", status_code=201)
async def add_login_link(
    data: JSONBody[WantedLink], caller: Caller, context: Services
) -> LoginLink:
    """Make a link that signs a browser in."""
    token = context.identity.login_token(data.name or caller.name, context.clock.now())
    return LoginLink(url=f"{context.base_url}/login/{token}")


def _user_row(user: User, keys: list[AccessKey]) -> UserRow:
    return UserRow(
        name=user.name,
        role=user.role.value,
        created_at=user.created_at,
        created_by=user.created_by,
        disabled=user.disabled,
        keys=[
            KeyRow(key_id=key.key_id, revoked=key.revoked, created_at=key.created_at)
            for key in keys
        ],
    )


HANDLERS = [get_me, add_user, list_users, change_user, add_key, revoke_key, add_login_link]
