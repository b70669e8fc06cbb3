"""Hooks and messages: put, list, remove, try, look at what became of deliveries, replay."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from grange.domain.hooks import (
    DeliveryStatus,
    Hook,
    HookDelivery,
    HookEvent,
    MessagePlan,
)
from grange.kernel.errors import (
    ConfigurationError,
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
)
from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_HOUR
from grange.ports.hooks import Sealing
from grange.ports.state import AllOf, Compare, Order
from grange.server.context import Context
from grange.server.rest.given import Caller, Once, Services, once_token
from grange.services.commands.hooks import (
    NoteDeliveries,
    PutHook,
    PutMessagePlan,
    RemoveHook,
    RemoveMessagePlan,
    RenewHookSecret,
    TestHook,
    again,
)
from grange.services.reads.rows import equals

MOST_REPLAYED = 1000
Told = Literal[
    "job_submitted",
    "first_frame",
    "first_failure",
    "job_succeeded",
    "job_failed",
    "job_canceled",
    "worker_quarantined",
    "budget_reached",
]
Heard = Literal[
    "job_submitted", "first_frame", "first_failure", "job_succeeded", "job_failed", "job_canceled"
]


class HookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program or web address that is told of events."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    events: Annotated[list[Told], msgspec.Meta(min_length=1)]
    command: list[str] = []
    """A program of the server's folder of hooks, and its words."""
    url: str = ""
    """A web address instead."""


class HookRow(msgspec.Struct, frozen=True, kw_only=True):
    """A hook."""

    hook_id: str
    name: str
    events: list[str]
    kind: str
    target: str
    """The command, or the machine of the address: its path may be a secret."""
    waiting: int
    """Deliveries that were not taken yet."""
    last_error: str
    """Why the oldest of them was not taken."""
    created_at: int
    created_by: str


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person hears of their jobs."""

    user: str
    to: list[str]
    """Addresses without their passwords."""
    events: list[str]
    digest_seconds: int
    quiet: tuple[int, int] | None
    """Minutes of the farm's local day."""
    told_at: int | None


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """Every hook and message of a farm."""

    hooks: list[HookRow]
    messages: list[MessageRow]


class HookMade(msgspec.Struct, frozen=True, kw_only=True):
    """A hook, and the secret that what it gets is signed with."""

    hook_id: str
    secret: str
    """Empty for a command."""


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one hook or person."""

    hook_id: str
    event_id: str
    event: str
    status: str
    attempts: int
    next_at: int | None
    error: str
    created_at: int
    ended_at: int | None
    body: str


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryRow]


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries to send again: of one event, or all of the last hours."""

    event_id: str | None = None
    hours: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """How many deliveries are on their way again."""

    replayed: int


class MessageBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a person hears of their jobs, and when."""

    to: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10)]
    """Addresses as apprise knows them."""
    events: tuple[Heard, ...] = ("first_failure", "job_succeeded", "job_failed")
    digest_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 600
    quiet: (
        tuple[
            Annotated[int, msgspec.Meta(ge=0, le=1439)], Annotated[int, msgspec.Meta(ge=0, le=1439)]
        ]
        | None
    ) = None


@get("/farms/{farm_id:str}/hooks", operation="ListHooks")
async def list_hooks(farm_id: FromPath[str], context: Services) -> Hooks:
    """List hooks, how many deliveries wait for each, and who hears of their jobs."""
    await context.rows.farm({"farmId": farm_id})
    found = await context.store.find(Hook, equals(farm_id=farm_id), order=(Order("name"),))
    plans = await context.store.find(MessagePlan, equals(farm_id=farm_id))
    return Hooks(
        hooks=[await _row(context, hook) for hook in found],
        messages=[
            MessageRow(
                user=plan.user_name,
                to=list(plan.shown),
                events=list(plan.events),
                digest_seconds=plan.digest_seconds,
                quiet=plan.quiet,
                told_at=plan.told_at,
            )
            for plan in plans
        ],
    )


@post("/farms/{farm_id:str}/hooks", operation="PutHook", status_code=201)
async def put_hook(
    farm_id: FromPath[str],
    data: JSONBody[HookBody],
    context: Services,
    caller: Caller,
    once: Once = None,
) -> HookMade:
    """Have a program or web address told of events; one of the same name is replaced."""
    if bool(data.command) == bool(data.url):
        raise _bad("url", "or command is needed, not both")
    if data.url:
        parts = urlsplit(data.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise _bad("url", "must be http://… or https://…")
        kind, target = "webhook", data.url
    else:
        context.hooks.doors.check_command(data.command)
        kind, target = "command", msgspec.json.encode(data.command).decode()
    made = await context.owner.ask(
        PutHook(
            farm_id=FarmId(farm_id),
            name=data.name,
            events=data.events,
            kind=kind,
            target=context.hooks.sealing.seal(target),
            by=caller.name,
        ),
        token=once_token(caller, "PutHook", once, farm_id, data),
    )
    hook = await _hook(context, farm_id, made["hook_id"])
    return _made(context, hook)


@delete("/farms/{farm_id:str}/hooks/{hook_id:str}", operation="DeleteHook")
async def delete_hook(
    farm_id: FromPath[str], hook_id: FromPath[str], context: Services, caller: Caller
) -> None:
    """Tell a hook nothing more; what waits for it is given up."""
    await context.owner.ask(RemoveHook(farm_id=FarmId(farm_id), hook_id=hook_id, by=caller.name))


@get("/farms/{farm_id:str}/hooks/{hook_id:str}/secret", operation="GetHookSecret")
async def get_hook_secret(
    farm_id: FromPath[str], hook_id: FromPath[str], context: Services
) -> HookMade:
    """Show the secret that signs what a web address gets."""
    return _made(context, await _hook(context, farm_id, hook_id))


@post(
    "/farms/{farm_id:str}/hooks/{hook_id:str}/secret", operation="RenewHookSecret", status_code=200
)
async def renew_hook_secret(
    farm_id: FromPath[str], hook_id: FromPath[str], context: Services, caller: Caller
) -> HookMade:
    """Sign with another secret from now on."""
    await context.owner.ask(
        RenewHookSecret(farm_id=FarmId(farm_id), hook_id=hook_id, by=caller.name)
    )
    return _made(context, await _hook(context, farm_id, hook_id))


@post("/farms/{farm_id:str}/hooks/{hook_id:str}/test", operation="TestHook", status_code=200)
async def test_hook(
    farm_id: FromPath[str],
    hook_id: FromPath[str],
    context: Services,
    caller: Caller,
    once: Once = None,  # noqa: PT028 - a handler, no test
) -> DeliveryRow:
    """Send an event of no importance now, and say what became of it."""
    made = await context.owner.ask(
        TestHook(farm_id=FarmId(farm_id), hook_id=hook_id, by=caller.name),
        token=once_token(caller, "TestHook", once, farm_id, hook_id),
    )
    await context.hooks.step(context.clock.now())
    row = await context.store.get(HookDelivery, (hook_id, made["event_id"]))
    if row is None:
        raise NotFoundError("delivery", made["event_id"])
    return _delivery(row)


@get("/farms/{farm_id:str}/hook-deliveries", operation="ListHookDeliveries")
async def list_hook_deliveries(
    farm_id: FromPath[str],
    context: Services,
    hook_id: FromQuery[str | None] = None,
    status: FromQuery[Literal["waiting", "delivered", "given_up"] | None] = None,
    limit: FromQuery[Annotated[int, msgspec.Meta(ge=1, le=1000)]] = 100,
) -> Deliveries:
    """List what was told to whom, and what still waits; ended ones of the last 30 days."""
    await context.rows.farm({"farmId": farm_id})
    named = {"farm_id": farm_id, "hook_id": hook_id, "status": status}
    where = equals(**{name: value for name, value in named.items() if value is not None})
    order = (Order("created_at", descending=True),)
    rows = await context.store.find(HookDelivery, where, order=order, limit=limit)
    return Deliveries(deliveries=[_delivery(row) for row in rows])


@post("/farms/{farm_id:str}/hooks/{hook_id:str}/replay", operation="ReplayHook", status_code=200)
async def replay_hook(
    farm_id: FromPath[str], hook_id: FromPath[str], data: JSONBody[ReplayBody], context: Services
) -> Replayed:
    """Send deliveries again, with the same event ids and bodies."""
    hook = await _hook(context, farm_id, hook_id)
    if (data.event_id is None) == (data.hours is None):
        raise _bad("event_id", "or hours is needed, not both")
    now = context.clock.now()
    which = (
        Compare("event_id", "=", data.event_id)
        if data.hours is None
        else Compare("created_at", ">=", now - round(data.hours * MILLIS_PER_HOUR))
    )
    rows = await context.store.find(
        HookDelivery,
        AllOf((equals(hook_id=hook.hook_id), which)),
        order=(Order("created_at"),),
        limit=MOST_REPLAYED,
    )
    if not rows and data.event_id is not None:
        raise NotFoundError("delivery", data.event_id)
    await context.owner.ask(NoteDeliveries(rows=again(rows, now)))
    return Replayed(replayed=len(rows))


@post("/farms/{farm_id:str}/messages/{user:str}", operation="PutMessagePlan", status_code=201)
async def put_message_plan(
    farm_id: FromPath[str],
    user: FromPath[str],
    data: JSONBody[MessageBody],
    context: Services,
    caller: Caller,
) -> None:
    """Say where a person hears of their jobs, and when."""
    shown = [context.hooks.doors.check_target(target) for target in data.to]
    await context.owner.ask(
        PutMessagePlan(
            farm_id=FarmId(farm_id),
            user_name=user,
            targets=context.hooks.sealing.seal(msgspec.json.encode(data.to).decode()),
            shown=shown,
            events=data.events,
            digest_seconds=data.digest_seconds,
            quiet=data.quiet,
            by=caller.name,
        )
    )


@delete("/farms/{farm_id:str}/messages/{user:str}", operation="DeleteMessagePlan")
async def delete_message_plan(
    farm_id: FromPath[str], user: FromPath[str], context: Services
) -> None:
    """Tell a person nothing more."""
    await context.owner.ask(RemoveMessagePlan(farm_id=FarmId(farm_id), user_name=user))


async def _row(context: Context, hook: Hook) -> HookRow:
    where = AllOf(
        (
            equals(hook_id=hook.hook_id),
            Compare("status", "=", DeliveryStatus.WAITING.value),
        )
    )
    oldest = await context.store.find(HookDelivery, where, order=(Order("created_at"),), limit=1)
    return HookRow(
        hook_id=hook.hook_id,
        name=hook.name,
        events=list(hook.events),
        kind=hook.kind,
        target=_shown(context.hooks.sealing, hook),
        waiting=await context.store.count(HookDelivery, where),
        last_error=oldest[0].error if oldest else "",
        created_at=hook.created_at,
        created_by=hook.created_by,
    )


def _shown(sealing: Sealing, hook: Hook) -> str:
    try:
        target = sealing.unseal(hook.target)
    except ConfigurationError as error:
        return str(error)
    if hook.kind == "command":
        return " ".join(msgspec.json.decode(target, type=list[str]))
    parts = urlsplit(target)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/…"


def _made(context: Context, hook: Hook) -> HookMade:
    secret = context.hooks.secret_of(hook.hook_id, hook.generation)
    return HookMade(hook_id=hook.hook_id, secret=secret if hook.kind == "webhook" else "")


async def _hook(context: Context, farm_id: str, hook_id: str) -> Hook:
    hook = await context.store.get(Hook, (hook_id,))
    if hook is None or hook.farm_id != farm_id:
        raise NotFoundError("hook", hook_id)
    return hook


def _delivery(row: HookDelivery) -> DeliveryRow:
    return DeliveryRow(
        hook_id=row.hook_id,
        event_id=row.event_id,
        event=HookEvent(row.event).value,
        status=row.status.value,
        attempts=row.attempts,
        next_at=row.next_at if row.status is DeliveryStatus.WAITING else None,
        error=row.error,
        created_at=row.created_at,
        ended_at=row.ended_at,
        body=row.body,
    )


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])


HANDLERS = [
    list_hooks,
    put_hook,
    delete_hook,
    get_hook_secret,
    renew_hook_secret,
    test_hook,
    list_hook_deliveries,
    replay_hook,
    put_message_plan,
    delete_message_plan,
]
