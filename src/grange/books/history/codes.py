"""Numbers that stand for states, machines, errors and log entries. They never change."""

from collections.abc import Mapping
from enum import IntEnum, IntFlag, StrEnum


class JobState(IntFlag):
    """What a layer is doing; filters take several (ledger S0-42)."""

    IDLE = 1
    RENDERING = 2
    DISABLED = 4
    WAITING = 8
    FINISHED = 16
    ALL = 255


STATES: Mapping[str, JobState] = {
    "idle": JobState.IDLE,
    "rendering": JobState.RENDERING,
    "disabled": JobState.DISABLED,
    "waiting": JobState.WAITING,
    "finished": JobState.FINISHED,
}
STATE_OF_STATUS: Mapping[str, str] = {
    "READY": "idle",
    "ASSIGNED": "rendering",
    "STARTING": "rendering",
    "SCHEDULED": "rendering",
    "RUNNING": "rendering",
    "INTERRUPTING": "rendering",
    "SUSPENDED": "disabled",
    "CANCELED": "disabled",
    "FAILED": "disabled",
    "NOT_COMPATIBLE": "disabled",
    "PENDING": "waiting",
    "SUCCEEDED": "finished",
}
"""Status of a layer → its state."""


def states_of(mask: int) -> tuple[str, ...]:
    """Return the names of the states in a mask."""
    return tuple(name for name, state in STATES.items() if mask & state)


class TimeMode(IntEnum):
    """How a range of time chooses records (ledger S0-43)."""

    NONE = 0
    SUBMITTED = 1
    FINISHED = 2
    """Records that are not finished are left out."""
    BOTH = 3
    CHANGED = 4


class Actor(IntEnum):
    """Who did something, if it was no worker; workers are their index, 0 and up (S0-53)."""

    SERVER = -1
    CONTROL = -2
    WEBSITE = -3
    UNKNOWN = -4
    REMOTE = -5
    JOB_AUTH = -6
    CLIENT = -7
    CLOUD_MANAGER = -8


ACTOR_NAMES: Mapping[int, str] = {actor: actor.name.lower() for actor in Actor}


def actor_code(text: str) -> int:
    """Return the number of an actor's name, or of a worker's `worker <index>`.

    Raises:
        ValueError: it is neither.
    """
    if text.startswith("worker "):
        code = int(text.removeprefix("worker "))
        if code >= 0:
            return code
    by_name = {name: code for code, name in ACTOR_NAMES.items()}
    if text not in by_name:
        raise ValueError(f"{text!r} names neither a worker nor one of {', '.join(by_name)}")
    return by_name[text]


def actor_text(code: int) -> str:
    """Return the name of a machine code: `worker <index>`, or who else it was."""
    return f"worker {code}" if code >= 0 else ACTOR_NAMES.get(code, ACTOR_NAMES[Actor.UNKNOWN])


ERRORS: Mapping[str, int] = {
    "unknown": 0,
    "crash": 1,
    "output": 2,
    "scene": 8,
    "missing_input": 8,
    "setup": 10,
    "licence": 13,
    "renderer": 14,
    "killed": 14,
    "gpu": 14,
    "failed": 14,
    "memory": 16,
    "lost": 18,
    "timeout": 23,
}
"""Class of an error → its number."""


LOST_CAUSES = ("worker_silent", "worker_restarted", "worker_stopped", "worker_deleted")
"""Causes of attempts that were interrupted because their worker was gone: the server's errors."""


class LogId(IntEnum):
    """What an entry of a job's log says. 0 to 4 are as known elsewhere; the rest is ours."""

    UNKNOWN = 0
    ABORTED_RESERVED = 1
    ENABLED = 2
    DISABLED = 3
    DISABLED_ABORTED = 4
    RECEIVED = 10
    ALL_ASSIGNED = 11
    FINISHED = 12
    STATUS = 13
    RESET = 20
    ASKED = 21
    SETTINGS = 22
    TASK_ASKED = 23
    SUCCESS = 30
    ERROR = 31
    ABORTED = 32
    ABORTED_LOW_PRIORITY = 33
    ABORTED_LOST = 34
    NOT_ATTEMPTED = 35


class JobStatus(IntEnum):
    """How far a layer is, as a number that grows."""

    NONE = 0
    WAIT_JOBS = 40
    MAIN = 120
    FINISHED = 200


STATUS_NUMBERS: Mapping[str, JobStatus] = {
    "waiting": JobStatus.WAIT_JOBS,
    "idle": JobStatus.MAIN,
    "rendering": JobStatus.MAIN,
    "disabled": JobStatus.MAIN,
    "finished": JobStatus.FINISHED,
}


class ExecuteType(StrEnum):
    """Whether a layer runs a script instead of rendering (ledger S0-55)."""

    NONE = "none"
    ONCE = "once"
    EACH_WORKER = "each_worker"
    PER_FRAME = "per_frame"


OS_NUMBERS: Mapping[str, int] = {"windows": 1, "linux": 2, "macos": 3}
EXECUTE_NUMBERS: Mapping[str, int] = {
    ExecuteType.NONE: 0,
    ExecuteType.ONCE: 1,
    ExecuteType.EACH_WORKER: 2,
    ExecuteType.PER_FRAME: 3,
}
RENDER_TYPES: Mapping[str, int] = {
    "unassigned": 0,
    "three_d": 1,
    "file_export": 2,
    "app_script": 3,
    "comp": 4,
    "archive": 5,
    "execute_once": 6,
    "execute_each": 7,
    "execute_frames": 8,
}
"""Render type → its number."""
