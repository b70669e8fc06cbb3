"""Hooks, people's messages, and what became of deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from grange.domain.effects import DeliverHooks
from grange.domain.farm import Farm, User
from grange.domain.hooks import (
    MESSAGES_OF,
    DeliveryStatus,
    Hook,
    HookDelivery,
    HookEvent,
    MessagePlan,
)
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant, iso8601
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PutHook:
    """Have a program told of events; one of the same name is replaced. Answers {"hook_id"}."""

    farm_id: FarmId
    name: str
    events: Sequence[str]
    kind: str
    target: str = field(repr=False)
    """Sealed."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the hook."""
        draft.get(Farm, self.farm_id)
        known = [
            one for one in draft.all(Hook) if one.farm_id == self.farm_id and one.name == self.name
        ]
        old = known[0] if known else None
        hook = Hook(
            farm_id=self.farm_id,
            hook_id=draft.context.ids.new("hook") if old is None else old.hook_id,
            name=self.name,
            events=tuple(self.events),
            kind=self.kind,
            target=self.target,
            generation=0 if old is None else old.generation,
            created_at=draft.now if old is None else old.created_at,
            created_by=self.by if old is None else old.created_by,
            updated_at=None if old is None else draft.now,
            updated_by=None if old is None else self.by,
        )
        draft.put(hook)
        _event(draft, hook, "hook_changed" if old else "hook_added", self.by)
        return {"hook_id": hook.hook_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveHook:
    """Tell a program nothing more. Answers {}; what waits for it is given up."""

    farm_id: FarmId
    hook_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the row; the deliverer finds it gone."""
        hook = _hook(draft, self.farm_id, self.hook_id)
        draft.delete(Hook, hook.hook_id)
        _event(draft, hook, "hook_removed", self.by)
        draft.effect(DeliverHooks())
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewHookSecret:
    """Sign what a hook gets with another secret from now on. Answers {"generation"}."""

    farm_id: FarmId
    hook_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Count the generation up."""
        hook = _hook(draft, self.farm_id, self.hook_id)
        newer = replace(
            hook, generation=hook.generation + 1, updated_at=draft.now, updated_by=self.by
        )
        draft.put(newer)
        _event(draft, newer, "hook_secret_renewed", self.by)
        return {"generation": newer.generation}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestHook:
    """Put an event of no importance on its way to one hook. Answers {"event_id"}."""

    __test__ = False  # pytest takes the name for a test's

    farm_id: FarmId
    hook_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the delivery."""
        hook = _hook(draft, self.farm_id, self.hook_id)
        event_id = draft.context.ids.new("event")
        body = {
            "id": event_id,
            "event": HookEvent.TEST.value,
            "at": iso8601(draft.now),
            "farm_id": self.farm_id,
            "detail": {"asked_by": self.by},
        }
        draft.put(
            HookDelivery(
                farm_id=self.farm_id,
                hook_id=hook.hook_id,
                event_id=event_id,
                event=HookEvent.TEST.value,
                body=msgspec.json.encode(body).decode(),
                next_at=draft.now,
                created_at=draft.now,
            )
        )
        return {"event_id": event_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class PutMessagePlan:
    """Say where a person hears of their jobs, and when. Answers {}."""

    farm_id: FarmId
    user_name: str
    targets: str = field(repr=False)
    """Sealed."""
    shown: Sequence[str]
    events: Sequence[str]
    digest_seconds: int
    quiet: tuple[int, int] | None
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the plan."""
        draft.get(Farm, self.farm_id)
        draft.get(User, self.user_name)
        old = draft.find(MessagePlan, self.farm_id, self.user_name)
        draft.put(
            MessagePlan(
                farm_id=self.farm_id,
                user_name=self.user_name,
                targets=self.targets,
                shown=tuple(self.shown),
                events=tuple(self.events),
                digest_seconds=self.digest_seconds,
                quiet=self.quiet,
                told_at=None if old is None else old.told_at,
                created_at=draft.now,
                created_by=self.by,
            )
        )
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMessagePlan:
    """Tell a person nothing more. Answers {}."""

    farm_id: FarmId
    user_name: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the row."""
        if draft.find(MessagePlan, self.farm_id, self.user_name) is None:
            raise NotFoundError("message plan", self.user_name)
        draft.delete(MessagePlan, self.farm_id, self.user_name)
        draft.effect(DeliverHooks())
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDeliveries:
    """Keep what became of deliveries, or send them again. Answers {}."""

    rows: Sequence[HookDelivery]
    told: tuple[str, str] | None = None
    """(farm id, user) that a message was sent to now."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the rows."""
        for row in self.rows:
            draft.put(row)
        plan = None if self.told is None else draft.find(MessagePlan, *self.told)
        if plan is not None:
            draft.put(replace(plan, told_at=draft.now))
        if any(row.status is DeliveryStatus.WAITING for row in self.rows):
            draft.effect(DeliverHooks())
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetDeliveries:
    """Drop deliveries that ended long ago. Answers {}."""

    keys: Sequence[tuple[str, str]]

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the rows."""
        for key in self.keys:
            draft.delete(HookDelivery, *key)
        return {}


def again(rows: Sequence[HookDelivery], now: Instant) -> list[HookDelivery]:
    """Return deliveries as they are sent once more, with their event ids."""
    return [
        replace(
            row,
            status=DeliveryStatus.WAITING,
            attempts=0,
            next_at=now,
            error="",
            ended_at=None,
        )
        for row in rows
    ]


def _hook(draft: Draft, farm_id: FarmId, hook_id: str) -> Hook:
    hook = draft.find(Hook, hook_id)
    if hook is None or hook.farm_id != farm_id or hook_id.startswith(MESSAGES_OF):
        raise NotFoundError("hook", hook_id)
    return hook


def _event(draft: Draft, hook: Hook, name: str, by: str) -> None:
    draft.event("server", hook.hook_id, name, hook.farm_id, new=hook.name, actor=by)
