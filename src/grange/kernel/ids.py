"""Typed ids: a prefix and 32 hex digits of a UUIDv7, so that ids sort by creation time.

Tasks and session actions have no id of their own making: `task-<step hex>-<index>` and
`sessionaction-<session hex>-<index>` follow from their parent, which is what lets a waiting task
cost nothing.
"""

import re
from functools import lru_cache
from typing import NewType, Protocol

from grange.kernel.units import Instant

FarmId = NewType("FarmId", str)
QueueId = NewType("QueueId", str)
FleetId = NewType("FleetId", str)
WorkerId = NewType("WorkerId", str)
JobId = NewType("JobId", str)
StepId = NewType("StepId", str)
TaskId = NewType("TaskId", str)
SessionId = NewType("SessionId", str)
SessionActionId = NewType("SessionActionId", str)

_NUMBERED = re.compile(r"(task|sessionaction)-([0-9a-f]{32})-(0|[1-9][0-9]{0,9})\Z")
_MOST_KNOWN = 16_384
"""So many ids of actions are remembered: of one that is open it is asked for again and again."""


class IdSource(Protocol):
    """Makes new ids."""

    def new(self, prefix: str) -> str:
        """Return `prefix-` and 32 hex digits never returned before."""
        ...


def uuid7_hex(now: Instant, randomness: bytes) -> str:
    """Return the 32 hex digits of a UUIDv7.

    Args:
        now: the instant the id is made at; its 48 low bits lead.
        randomness: 10 random bytes.
    """
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


def task_id(step_id: StepId, index: int) -> TaskId:
    """Return the id of the task with this index in its step."""
    return TaskId(f"task-{step_id[5:]}-{index}")


@lru_cache(_MOST_KNOWN)
def session_action_id(session_id: SessionId, index: int) -> SessionActionId:
    """Return the id of the action with this index in its session."""
    return SessionActionId(f"sessionaction-{session_id[8:]}-{index}")


def parse_task_id(text: str) -> tuple[StepId, int] | None:
    """Return (step id, index) of a task id, or None if it is not one."""
    match = _NUMBERED.match(text)
    if match is None or match[1] != "task":
        return None
    return StepId(f"step-{match[2]}"), int(match[3])


def parse_session_action_id(text: str) -> tuple[SessionId, int] | None:
    """Return (session id, index) of a session action id, or None if it is not one."""
    match = _NUMBERED.match(text)
    if match is None or match[1] != "sessionaction":
        return None
    return SessionId(f"session-{match[2]}"), int(match[3])
