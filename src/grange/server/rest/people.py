"""Users: adding, disabling, their keys and passwords; login links."""

from collections import Counter
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody

from grange.domain.farm import AccessKey, Farm, User
from grange.domain.people import Membership, Password, SignIn
from grange.domain.statuses import Role
from grange.kernel.errors import AccessDeniedError, FieldProblem, InvalidRequestError
from grange.server.context import Context
from grange.server.rest.given import Caller, Done, Once, Services, once_token
from grange.server.rest.memberships import MembershipRow, membership_row
from grange.services.commands.people import AddKey, AddUser, DisableUser, RevokeKey
from grange.services.permissions import Principal, check_administers, owned_farms


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to add."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[\w.@+-]+$")]
    role: Literal["owner", "member", "worker"] = "member"
    farm_id: str | None = None
    """The farm a worker's key belongs to; default: the only one there is."""


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a user."""

    disabled: bool


class PasswordBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password to set; None: none any more."""

    password: str | None


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
    has_password: bool = False
    sign_ins: int = 0
    """Browsers that are signed in."""
    memberships: list[MembershipRow] = []


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


@post("/users", operation="AddUser", status_code=201)
async def add_user(
    data: JSONBody[NewUser], caller: Caller, context: Services, once: Once = None
) -> UserRow:
    """Add a user."""
    role = Role(data.role)
    if caller.role is not Role.OWNER and role is not Role.MEMBER:
        raise AccessDeniedError(
            f"Only an owner of the server may add a user of role {role}; you may add members."
        )
    farms = await _farms_of_worker(data.farm_id, context) if role is Role.WORKER else ()
    await context.owner.ask(
        AddUser(name=data.name, role=role, farms=farms, by=caller.name),
        token=once_token(caller, "AddUser", once, data),
    )
    await context.identity.refresh()
    user = await context.store.get(User, (data.name,))
    if user is None:
        raise InvalidRequestError("The user was removed meanwhile.", reason="OTHER")
    return (await _rows([user], context))[0]


@get("/users", operation="ListUsers")
async def list_users(context: Services, caller: Caller) -> Users:
    """List users, their keys and memberships; of a farm's OWNER those of the own farms."""
    users = await context.store.find(User)
    if caller.role is not Role.OWNER:
        users = [
            user
            for user in users
            if user.name == caller.name
            or (
                user.role is Role.MEMBER
                and context.identity.farms_of(user.name) <= owned_farms(caller)
            )
        ]
    return Users(users=await _rows(users, context))


@patch("/users/{name:str}", operation="DisableUser")
async def change_user(
    name: FromPath[str], data: JSONBody[UserChange], caller: Caller, context: Services
) -> Done:
    """Disable a user with all its keys, or enable it again."""
    _check(caller, name, context)
    await context.owner.ask(DisableUser(name=name, disabled=data.disabled, by=caller.name))
    await context.identity.refresh()
    return Done()


@post("/users/{name:str}/keys", operation="AddKey", status_code=201)
async def add_key(
    name: FromPath[str], caller: Caller, context: Services, once: Once = None
) -> NewKey:
    """Make a key for a user."""
    _check(caller, name, context)
    key_id = context.identity.new_key_id()
    key = await context.owner.ask(
        AddKey(user_name=name, key_id=key_id, by=caller.name),
        token=once_token(caller, "AddKey", once, name),
    )
    await context.identity.refresh()
    secret = context.identity.secret_of_key(key["key_id"], key["generation"])
    return NewKey(key_id=key["key_id"], secret=secret)


@delete("/users/{name:str}/keys/{key_id:str}", operation="RevokeKey", status_code=200)
async def revoke_key(
    name: FromPath[str], key_id: FromPath[str], caller: Caller, context: Services
) -> Done:
    """Revoke a key."""
    _check(caller, name, context)
    await context.owner.ask(RevokeKey(user_name=name, key_id=key_id, by=caller.name))
    await context.identity.refresh()
    return Done()


@post("/login-links", operation="AddLoginLink", status_code=201)
async def add_login_link(
    data: JSONBody[WantedLink], caller: Caller, context: Services
) -> LoginLink:
    """Make a link that signs a browser in."""
    name = data.name or caller.name
    if name != caller.name:
        _check(caller, name, context)
    token = context.identity.login_token(name, context.clock.now())
    return LoginLink(url=f"{context.base_url}/login/{token}")


@put("/users/{name:str}/password", operation="SetPassword", status_code=200)
async def set_password(
    name: FromPath[str], data: JSONBody[PasswordBody], caller: Caller, context: Services
) -> Done:
    """Set a user's password, or take it; the user's browsers are signed out."""
    _check(caller, name, context)
    await context.signing.set_password(name, data.password, by=caller.name)
    return Done()


@delete("/users/{name:str}/sign-ins", operation="SignOutUser", status_code=200)
async def sign_out_user(name: FromPath[str], caller: Caller, context: Services) -> Done:
    """Sign all browsers of a user out."""
    _check(caller, name, context)
    await context.signing.close(name)
    return Done()


def _check(caller: Principal, name: str, context: Context) -> None:
    """Return if the caller may change this user."""
    identity = context.identity
    check_administers(caller, name=name, role=identity.role_of(name), farms=identity.farms_of(name))


async def _farms_of_worker(farm_id: str | None, context: Context) -> tuple[str, ...]:
    farms = [farm.farm_id for farm in await context.store.find(Farm) if not farm.simulated]
    if farm_id is not None:
        return ((await context.rows.farm({"farmId": farm_id})).farm_id,)
    if len(farms) > 1:
        raise InvalidRequestError(
            "There are several farms: say which one the worker's key belongs to.",
            fields=[FieldProblem("farm_id", "is missing")],
        )
    return tuple(farms)


async def _rows(users: list[User], context: Context) -> list[UserRow]:
    store = context.store
    keys: dict[str, list[AccessKey]] = {}
    for key in await store.find(AccessKey):
        keys.setdefault(key.user_name, []).append(key)
    held: dict[str, list[MembershipRow]] = {}
    for one in await store.find(Membership):
        held.setdefault(one.user_name, []).append(membership_row(one))
    with_password = {one.user_name for one in await store.find(Password)}
    browsers = Counter(one.user_name for one in await store.find(SignIn))
    return [
        UserRow(
            name=user.name,
            role=user.role.value,
            created_at=user.created_at,
            created_by=user.created_by,
            disabled=user.disabled,
            keys=[
                KeyRow(key_id=key.key_id, revoked=key.revoked, created_at=key.created_at)
                for key in keys.get(user.name, [])
            ],
            has_password=user.name in with_password,
            sign_ins=browsers[user.name],
            memberships=held.get(user.name, []),
        )
        for user in users
    ]


HANDLERS = [
    add_user,
    list_users,
    change_user,
    add_key,
    revoke_key,
    set_password,
    sign_out_user,
    add_login_link,
]
