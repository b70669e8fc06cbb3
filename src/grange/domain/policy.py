"""How a farm schedules, where it has a choice: what may be stopped, what is kept for a session."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

SETTING = "scheduling"
"""Member of a farm's settings."""


class Preempt(StrEnum):
    """What happens to work when something more urgent waits for its thread."""

    OFF = "off"
    """It goes on with its job as long as the job has tasks."""
    AFTER_FRAME = "after_frame"
    """Its session ends after the tasks it has."""
    NOW = "now"
    """Its task is stopped and runs again later."""


class Reserve(StrEnum):
    """What is kept for a session beside what its layer demands."""

    DEMANDED = "demanded"
    """Nothing."""
    MEMORY = "memory"
    """The memory that the layer's tasks really took."""
    ALL = "all"
    """The processor threads that they took, too."""


class SchedulingPolicy(Struct, frozen=True, kw_only=True):
    """The choices of one farm."""

    preempt: Preempt = Preempt.AFTER_FRAME
    margin: int = 1
    """So many points of priority more make work more urgent."""
    reserve: Reserve = Reserve.MEMORY


DEFAULT = SchedulingPolicy()


def policy_of(settings: Mapping[str, Any]) -> SchedulingPolicy:
    """Return the policy in a farm's settings; what is absent is as by default."""
    said = settings.get(SETTING)
    if not said:
        return DEFAULT
    return SchedulingPolicy(
        preempt=Preempt(said.get("preempt", DEFAULT.preempt)),
        margin=int(said.get("margin", DEFAULT.margin)),
        reserve=Reserve(said.get("reserve", DEFAULT.reserve)),
    )


def settings_of(policy: SchedulingPolicy) -> dict[str, Any]:
    """Return what a farm's settings hold of a policy."""
    return {
        "preempt": policy.preempt.value,
        "margin": policy.margin,
        "reserve": policy.reserve.value,
    }
