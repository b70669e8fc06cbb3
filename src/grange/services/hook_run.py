"""Delivers what waits for hooks and people, again until it is taken.

Deliveries are rows that were written with what they tell of, so none is lost; one may be sent twice
after a crash, with the same event id.
"""

import asyncio
import hmac
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.hooks import (
    MESSAGES_OF,
    MOST_ATTEMPTS,
    DeliveryStatus,
    Hook,
    HookDelivery,
    MessagePlan,
    is_quiet,
    pause_seconds,
)
from grange.kernel.clock import Clock, wait_until_set
from grange.kernel.errors import GrangeError
from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_SECOND, Instant, datetime_of
from grange.ports.hooks import HookDoors, Sealing
from grange.ports.state import AllOf, Compare, Order, StateStore
from grange.ports.watch import Letter
from grange.services.commands.hooks import ForgetDeliveries, NoteDeliveries
from grange.services.owner import Owner

IDLE_SECONDS = 5.0
MOST_AT_ONCE = 500
KEEP_DAYS = 30
"""How long a delivery that has ended can be looked at and replayed."""

_log = logging.getLogger(__name__)


class SecretOfHook(Protocol):
    """Knows the secret that signs what a hook gets."""

    def __call__(self, hook_id: str, generation: int) -> str:
        """Return it."""
        ...


def signed(secret: str, delivery: HookDelivery, now: Instant) -> dict[str, str]:
    """Return the headers of a web hook.

    The signature is the HMAC-SHA256 of the timestamp, a full stop and the body.
    """
    stamp = str(now // MILLIS_PER_SECOND)
    payload = stamp.encode() + b"." + delivery.body.encode()
    return {
        "content-type": "application/json",
        "user-agent": "grange",
        "grange-event": delivery.event,
        "grange-event-id": delivery.event_id,
        "grange-timestamp": stamp,
        "grange-signature": "v1=" + hmac.digest(secret.encode(), payload, "sha256").hex(),
    }


class HookRun:
    """The loop that tells hooks and people."""

    def __init__(
        self,
        *,
        store: StateStore,
        owner: Owner,
        doors: HookDoors,
        sealing: Sealing,
        secret_of: SecretOfHook,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._store = store
        self._owner = owner
        self.doors = doors
        self.sealing = sealing
        self.secret_of = secret_of
        self._clock = clock
        self._base_url = base_url
        self._woken = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._swept_at: Instant | None = None

    def wake(self) -> None:
        """Look soon: something waits."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever; cancel to stop."""
        while True:
            try:
                await self.step(self._clock.now())
            except GrangeError as error:
                _log.warning(
                    "Hooks were put off.", exc_info=error, extra={"action": "hooks_put_off"}
                )
            except Exception:  # noqa: BLE001 - a loop that ends is worse than one that fails
                _log.exception("Hooks failed.", extra={"action": "hooks_put_off"})
            await wait_until_set(self._woken, self._clock, IDLE_SECONDS)
            self._woken.clear()

    async def step(self, now: Instant) -> int:
        """Try what is due; returns how many deliveries were taken."""
        async with self._one_at_a_time:
            rows = await self._store.find(
                HookDelivery,
                AllOf(
                    (
                        Compare("status", "=", DeliveryStatus.WAITING.value),
                        Compare("next_at", "<=", now),
                    )
                ),
                order=(Order("created_at"),),
                limit=MOST_AT_ONCE,
            )
            groups: dict[tuple[str, str], list[HookDelivery]] = defaultdict(list)
            for row in rows:
                groups[row.farm_id, row.hook_id].append(row)
            taken = await asyncio.gather(*(self._group(group, now) for group in groups.values()))
            await self._sweep(now)
            return sum(taken)

    async def _group(self, rows: list[HookDelivery], now: Instant) -> int:
        hook_id = rows[0].hook_id
        if hook_id.startswith(MESSAGES_OF):
            return await self._messages(hook_id.removeprefix(MESSAGES_OF), rows, now)
        hook = await self._store.get(Hook, (hook_id,))
        if hook is None:
            await self._note([_given_up(row, "The hook was removed.", now) for row in rows])
            return 0
        taken = 0
        for row in rows:
            error = await self._try(partial(self._deliver, hook, row, now))
            await self._note([_after(row, error, self._clock.now())])
            if error is not None:
                _log.warning(
                    "A hook took nothing.",
                    extra={"action": "hook_failed", "hook": hook.name, "reason": error},
                )
                break  # the others wait for the next look: the first of them may be let through
            taken += 1
        return taken

    def _deliver(self, hook: Hook, row: HookDelivery, now: Instant) -> None:
        target = self.sealing.unseal(hook.target)
        if hook.kind == "webhook":
            secret = self.secret_of(hook.hook_id, hook.generation)
            self.doors.post(target, signed(secret, row, now), row.body.encode())
        else:
            variables = {"GRANGE_EVENT": row.event, "GRANGE_EVENT_ID": row.event_id}
            self.doors.run(
                msgspec.json.decode(target, type=list[str]), variables, row.body.encode()
            )

    async def _messages(self, user: str, rows: list[HookDelivery], now: Instant) -> int:
        farm_id = FarmId(rows[0].farm_id)
        plan = await self._store.get(MessagePlan, (farm_id, user))
        if plan is None:
            await self._note([_given_up(row, "The person hears of nothing.", now) for row in rows])
            return 0
        farm = await self._store.get(Farm, (farm_id,))
        local = datetime_of(now).astimezone(ZoneInfo(farm.zone if farm is not None else "UTC"))
        recent = plan.told_at is not None and now < plan.told_at + plan.digest_seconds * 1000
        if recent or is_quiet(plan, local.hour * 60 + local.minute):
            return 0
        letter = letter_of(rows, self._base_url)
        error = await self._try(partial(self._tell, plan, letter))
        noted = [_after(row, error, now) for row in rows]
        await self._note(noted, told=None if error else (farm_id, user))
        if error is not None:
            _log.warning(
                "A person could not be told.",
                extra={"action": "message_failed", "user": user, "reason": error},
            )
        return 0 if error else len(rows)

    def _tell(self, plan: MessagePlan, letter: Letter) -> None:
        targets = msgspec.json.decode(self.sealing.unseal(plan.targets), type=list[str])
        for target in targets:
            self.doors.tell(letter, target)

    async def _try(self, deliver: Callable[[], None]) -> str | None:
        try:
            await asyncio.to_thread(deliver)
        except (GrangeError, OSError) as error:
            return str(error)
        return None

    async def _note(
        self, rows: Sequence[HookDelivery], told: tuple[str, str] | None = None
    ) -> None:
        await self._owner.ask(NoteDeliveries(rows=rows, told=told))

    async def _sweep(self, now: Instant) -> None:
        """Forget once a day what ended long ago."""
        if self._swept_at is not None and now - self._swept_at < MILLIS_PER_DAY:
            return
        self._swept_at = now
        old = await self._store.find(
            HookDelivery,
            AllOf(
                (
                    Compare("status", "!=", DeliveryStatus.WAITING.value),
                    Compare("ended_at", "<", now - KEEP_DAYS * MILLIS_PER_DAY),
                )
            ),
            limit=10_000,
        )
        if old:
            keys = [(row.hook_id, row.event_id) for row in old]
            await self._owner.ask(ForgetDeliveries(keys=keys))


def _after(row: HookDelivery, error: str | None, now: Instant) -> HookDelivery:
    attempts = row.attempts + 1
    if error is None:
        return replace(
            row, status=DeliveryStatus.DELIVERED, attempts=attempts, error="", ended_at=now
        )
    if attempts >= MOST_ATTEMPTS:
        return _given_up(replace(row, attempts=attempts), error, now)
    due = Instant(now + pause_seconds(attempts) * MILLIS_PER_SECOND)
    return replace(row, attempts=attempts, error=error[:500], next_at=due)


def _given_up(row: HookDelivery, error: str, now: Instant) -> HookDelivery:
    return replace(row, status=DeliveryStatus.GIVEN_UP, error=error[:500], ended_at=now)


_WORDS = {
    "job_submitted": "was submitted",
    "first_frame": "has its first frame",
    "first_failure": "has its first failure",
    "job_succeeded": "succeeded",
    "job_failed": "failed",
    "job_canceled": "was canceled",
}
_MOST_LINES = 50


def letter_of(rows: Sequence[HookDelivery], base_url: str) -> Letter:
    """Return one message about all that happened to somebody's jobs.

    Args:
        rows: the deliveries, in order.
        base_url: of the pages.
    """
    lines = [_line(row, base_url) for row in rows]
    if len(rows) == 1:
        job: dict[str, Any] = msgspec.json.decode(rows[0].body).get("job", {})
        subject = f"{job.get('name', 'A job')} {_WORDS.get(rows[0].event, rows[0].event)}"
    else:
        counts: dict[str, int] = defaultdict(int)
        for row in rows:
            counts[row.event] += 1
        subject = ", ".join(
            f"{count} × {event.removeprefix('job_').replace('_', ' ')}"
            for event, count in counts.items()
        )
    more = len(lines) - _MOST_LINES
    if more > 0:
        lines = [*lines[:_MOST_LINES], f"… and {more} more."]
    return Letter(subject=f"[Grange] {subject}", body="\n".join(lines) + "\n")


def _line(row: HookDelivery, base_url: str) -> str:
    body: dict[str, Any] = msgspec.json.decode(row.body)
    job: dict[str, Any] = body.get("job", {})
    words = _WORDS.get(row.event, row.event)
    detail: dict[str, Any] = body.get("detail", {})
    known = [str(detail[name]) for name in ("error_class", "error_text") if detail.get(name)]
    why = f" ({': '.join(known)})" if known else ""
    return (
        f"{body.get('at', '')}  {job.get('name', '')} {words}{why}\n"
        f"    {base_url}/jobs/{job.get('job_id', '')}"
    )
