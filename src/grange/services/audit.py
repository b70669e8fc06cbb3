"""The audit log: who did what, or tried to, written in the transaction of the act itself.

The door says who acts (`ACTING`); the owner loop adds one entry to every command that changed
something meanwhile. What workers do by themselves is in the books, not here.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import fields
from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from grange.domain.people import AuditEntry, Outcome
from grange.services.draft import Draft

LONGEST_DETAIL = 400
_LONGEST_WORD = 80
_MOST_ITEMS = 10


class Act(Struct, frozen=True, kw_only=True):
    """Somebody who asks for something, and what it is about."""

    actor: str
    operation: str
    farm_id: str = ""
    kind: str = ""
    subject: str = ""
    credential: str = ""
    address: str = ""
    request_id: str = ""


ACTING: ContextVar[Act | None] = ContextVar("acting", default=None)
"""Who acts in this request; None: the server itself, or a worker."""

_SUBJECTS = (
    ("user_name", "user"),
    ("job_id", "job"),
    ("worker_id", "worker"),
    ("worker", "worker"),
    ("budget_id", "budget"),
    ("schedule_id", "report schedule"),
    ("publication_id", "publication"),
    ("queue_id", "queue"),
    ("fleet_id", "fleet"),
)
_MADE = (
    ("jobId", "job"),
    ("workerId", "worker"),
    ("queueId", "queue"),
    ("fleetId", "fleet"),
    ("farmId", "farm"),
)
_LEFT_OUT = frozenset(
    {"by", "farm_id", "template", "parsed", "rules", "token_hash", "settings", "template_type"}
)


def note(act: Act, command: Any, result: Any, draft: Draft) -> None:
    """Put the entry of a command that was decided, if it changed anything."""
    if draft.changed and not any(kind is AuditEntry for kind, _ in draft.changed):
        draft.put(_entry(act, command, result, draft))


def entry_of(
    act: Act, outcome: Outcome, draft: Draft, *, detail: str = "", reason: str = ""
) -> AuditEntry:
    """Return the entry of an act."""
    return AuditEntry(
        audit_id=draft.context.ids.new("audit"),
        at=draft.now,
        outcome=outcome,
        detail=detail,
        reason=reason,
        **asdict(act),
    )


def _entry(act: Act, command: Any, result: Any, draft: Draft) -> AuditEntry:
    kind, subject = _subject(act, command, result)
    farm_id = str(getattr(command, "farm_id", "") or act.farm_id)
    about = replace(act, farm_id=farm_id, kind=kind, subject=subject)
    return entry_of(about, Outcome.DONE, draft, detail=_detail(command, {subject, farm_id}))


def _subject(act: Act, command: Any, result: Any) -> tuple[str, str]:
    about = getattr(command, "audited", None)
    if isinstance(about, str):
        return about, str(command.name)
    for name, kind in _SUBJECTS[:3]:
        value = getattr(command, name, None)
        if isinstance(value, str) and value:
            return kind, value
    if isinstance(result, Mapping):
        for name, kind in _MADE:
            if isinstance(result.get(name), str):
                return kind, result[name]
    for name, kind in _SUBJECTS:
        value = getattr(command, name, None)
        if isinstance(value, str) and value:
            return kind, value
    return act.kind, act.subject


def _detail(command: Any, told_already: set[str]) -> str:
    """Return what was asked for as short JSON, without what a command keeps out of its repr."""
    told: dict[str, Any] = {}
    for name in _told_of(command):
        value = getattr(command, name)
        if name in _LEFT_OUT or value in (None, "", (), {}):
            continue
        if isinstance(value, str) and value in told_already:
            continue
        plain = _plain(value)
        if plain is not None:
            told[name] = plain
    text = json.dumps(told, ensure_ascii=False) if told else ""
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _told_of(command: Any) -> tuple[str, ...]:
    if isinstance(command, Struct):
        return command.__struct_fields__
    return tuple(field.name for field in fields(command) if field.repr)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_WORD else value[: _LONGEST_WORD - 1] + "…"
    if isinstance(value, Mapping):
        found = {str(name): _plain(item) for name, item in list(value.items())[:_MOST_ITEMS]}
        return {name: item for name, item in found.items() if item is not None} or None
    if isinstance(value, tuple | list):
        items = [_plain(item) for item in value[:_MOST_ITEMS]]
        return items if items and all(item is not None for item in items) else None
    return None
