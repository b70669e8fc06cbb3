"""What can happen: past tense, each with its moment and, where a lease counts, its action."""

from msgspec import Struct

from grange.domain.statuses import (
    SessionActionStatus,
    TaskRunStatus,
)
from grange.kernel.ids import SessionActionId, StepId
from grange.kernel.units import Instant


class TaskAssigned(Struct, frozen=True, kw_only=True):
    """The task was given to a session as this action."""

    action_id: SessionActionId
    at: Instant


class TaskStarted(Struct, frozen=True, kw_only=True):
    """Its action began to run."""

    action_id: SessionActionId
    at: Instant


class TaskSucceeded(Struct, frozen=True, kw_only=True):
    """Its action ended well."""

    action_id: SessionActionId
    at: Instant
    started_at: Instant | None = None
    """When it began, for a task that nobody has said of that it began."""


class TaskFailed(Struct, frozen=True, kw_only=True):
    """Its action ended badly; the task is tried again while failures ≤ max_retries."""

    action_id: SessionActionId
    at: Instant
    max_retries: int


class TaskReturned(Struct, frozen=True, kw_only=True):
    """Its action ended through no fault of the task (worker lost, interrupted, never attempted)."""

    action_id: SessionActionId
    at: Instant


class TaskReleased(Struct, frozen=True, kw_only=True):
    """The last dependency of its layer was resolved."""

    at: Instant


class TaskHeld(Struct, frozen=True, kw_only=True):
    """A dependency of its layer was taken back."""

    at: Instant


class TaskAsked(Struct, frozen=True, kw_only=True):
    """Somebody (or the failure limit of the job) asked for this status."""

    target: TaskRunStatus
    at: Instant
    by: str
    dependencies_open: bool = False
    """The layer still waits for a dependency, so that READY means PENDING."""


TaskEvent = (
    TaskAssigned
    | TaskStarted
    | TaskSucceeded
    | TaskFailed
    | TaskReturned
    | TaskReleased
    | TaskHeld
    | TaskAsked
)


class TasksMoved(Struct, frozen=True, kw_only=True):
    """Tasks of a layer went from one status to another."""

    layer_id: StepId
    old: TaskRunStatus
    new: TaskRunStatus
    count: int = 1
    retried: int = 0
    """Failed attempts that will be tried again."""
    at: Instant
    by: str = ""
    started_at: Instant | None = None
    """When they began to run, if they are said to have ended without a word of that."""


class DependencySucceeded(Struct, frozen=True, kw_only=True):
    """A layer this one depends on has succeeded."""

    at: Instant


class DependencyReopened(Struct, frozen=True, kw_only=True):
    """A layer this one depends on runs again."""

    at: Instant


LayerEvent = TasksMoved | DependencySucceeded | DependencyReopened


class StatusChanged(Struct, frozen=True, kw_only=True):
    """A layer or job shows another status."""

    old: TaskRunStatus
    new: TaskRunStatus
    at: Instant


class SessionOpened(Struct, frozen=True, kw_only=True):
    """A session of the job was opened."""

    at: Instant


class SessionClosed(Struct, frozen=True, kw_only=True):
    """A session of the job has ended."""

    at: Instant


JobEvent = TasksMoved | SessionOpened | SessionClosed


class ActionStarted(Struct, frozen=True, kw_only=True):
    """The worker began the action (times already on the server's clock)."""

    at: Instant
    worker_at: Instant


class ActionProgressed(Struct, frozen=True, kw_only=True):
    """The worker reported progress."""

    at: Instant
    percent: float | None
    message: str


class ActionCancelAsked(Struct, frozen=True, kw_only=True):
    """Somebody wants the action stopped."""

    at: Instant
    cause: str


class ActionEnded(Struct, frozen=True, kw_only=True):
    """The action is over, as the worker reported it or as the server decided (worker lost)."""

    status: SessionActionStatus
    at: Instant
    started_at: Instant | None = None
    worker_started_at: Instant | None = None
    worker_ended_at: Instant | None = None
    exit_code: int | None = None
    percent: float | None = None
    message: str = ""
    usage: dict[str, object] | None = None
    cause: str = ""


ActionEvent = ActionStarted | ActionProgressed | ActionCancelAsked | ActionEnded


class ActionPlanned(Struct, frozen=True, kw_only=True):
    """An action was added to the session."""

    at: Instant


class ActionClosed(Struct, frozen=True, kw_only=True):
    """An action of the session is over."""

    index: int
    at: Instant


class EndingBegan(Struct, frozen=True, kw_only=True):
    """The session gets no more tasks."""

    at: Instant


class SessionFinished(Struct, frozen=True, kw_only=True):
    """All its actions are over."""

    at: Instant


SessionEvent = ActionPlanned | ActionClosed | EndingBegan | SessionFinished


class WorkerStarted(Struct, frozen=True, kw_only=True):
    """The agent said it is up."""

    at: Instant


class WorkerStopping(Struct, frozen=True, kw_only=True):
    """The agent said it is going down."""

    at: Instant


class WorkerStopped(Struct, frozen=True, kw_only=True):
    """The agent said it is down."""

    at: Instant


class WorkerSilent(Struct, frozen=True, kw_only=True):
    """No heartbeat for too long."""

    at: Instant


class WorkerSeen(Struct, frozen=True, kw_only=True):
    """A heartbeat arrived."""

    at: Instant


WorkerEvent = WorkerStarted | WorkerStopping | WorkerStopped | WorkerSilent | WorkerSeen
