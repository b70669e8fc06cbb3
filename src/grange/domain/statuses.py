"""Every status, spelled as Deadline Cloud's model spells it (a test compares them)."""

from enum import StrEnum


class TaskRunStatus(StrEnum):
    """Where a task stands; layers and jobs carry the summary of their tasks' statuses."""

    PENDING = "PENDING"
    READY = "READY"
    ASSIGNED = "ASSIGNED"
    STARTING = "STARTING"
    SCHEDULED = "SCHEDULED"
    INTERRUPTING = "INTERRUPTING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"
    NOT_COMPATIBLE = "NOT_COMPATIBLE"


WAITING = frozenset({TaskRunStatus.PENDING, TaskRunStatus.READY})
"""The task waits for a dependency or a worker."""
LEASED = frozenset({TaskRunStatus.ASSIGNED, TaskRunStatus.RUNNING, TaskRunStatus.INTERRUPTING})
"""A session action holds the task."""
TERMINAL = frozenset({TaskRunStatus.SUCCEEDED, TaskRunStatus.FAILED, TaskRunStatus.CANCELED})
"""Nothing more happens unless somebody asks for it."""


class JobLifecycleStatus(StrEnum):
    """Whether the job exists in full."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_SUCCEEDED = "UPDATE_SUCCEEDED"
    ARCHIVED = "ARCHIVED"


class SessionLifecycleStatus(StrEnum):
    """Whether a session is open."""

    STARTED = "STARTED"
    ENDED = "ENDED"


class SessionActionStatus(StrEnum):
    """Where one session action stands."""

    ASSIGNED = "ASSIGNED"
    RUNNING = "RUNNING"
    CANCELING = "CANCELING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    CANCELED = "CANCELED"
    NEVER_ATTEMPTED = "NEVER_ATTEMPTED"


class WorkerStatus(StrEnum):
    """Where a worker stands; the wire says RUNNING or IDLE for STARTED with or without sessions."""

    CREATED = "CREATED"
    STARTED = "STARTED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    NOT_RESPONDING = "NOT_RESPONDING"


class ActionKind(StrEnum):
    """What a session action does."""

    ENV_ENTER = "env_enter"
    ENV_EXIT = "env_exit"
    TASK_RUN = "task_run"
    SYNC_INPUT = "sync_input"


class AssociationStatus(StrEnum):
    """Whether a fleet works for a queue."""

    ACTIVE = "ACTIVE"
    STOP_SCHEDULING_AND_COMPLETE_TASKS = "STOP_SCHEDULING_AND_COMPLETE_TASKS"
    STOP_SCHEDULING_AND_CANCEL_TASKS = "STOP_SCHEDULING_AND_CANCEL_TASKS"
    STOPPED = "STOPPED"


class Role(StrEnum):
    """What kind of principal a user is."""

    OWNER = "owner"
    """May do everything on this server."""
    MEMBER = "member"
    """A person who may do what their memberships say."""
    WORKER = "worker"
    """Workers, collectors, data loggers: their own scheduling and facts alone."""
