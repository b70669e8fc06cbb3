"""What can happen: past tense, each with its moment and, where a lease counts, its action."""

from dataclasses import dataclass

from grange.domain.statuses import (
    SessionActionStatus,
    TaskRunStatus,
)
from grange.kernel.ids import SessionActionId, StepId
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAssigned:
    """The task was given to a session as this action."""

    action_id: SessionActionId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted:
    """Its action began to run."""

    action_id: SessionActionId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSucceeded:
    """Its action ended well."""

    action_id: SessionActionId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed:
    """Its action ended badly; the task is tried again while failures ≤ max_retries."""

    action_id: SessionActionId
    at: Instant
    max_retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReturned:
    """Its action ended through no fault of the task (worker lost, interrupted, never attempted)."""

    action_id: SessionActionId
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReleased:
    """The last dependency of its layer was resolved."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHeld:
    """A dependency of its layer was taken back."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAsked:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksMoved:
    """Tasks of a layer went from one status to another."""

    layer_id: StepId
    old: TaskRunStatus
    new: TaskRunStatus
    count: int = 1
    retried: int = 0
    """Failed attempts that will be tried again."""
    at: Instant
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencySucceeded:
    """A layer this one depends on has succeeded."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyReopened:
    """A layer this one depends on runs again."""

    at: Instant


LayerEvent = TasksMoved | DependencySucceeded | DependencyReopened


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A layer or job shows another status."""

    old: TaskRunStatus
    new: TaskRunStatus
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """A session of the job was opened."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed:
    """A session of the job has ended."""

    at: Instant


JobEvent = TasksMoved | SessionOpened | SessionClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStarted:
    """The worker began the action (times already on the server's clock)."""

    at: Instant
    worker_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProgressed:
    """The worker reported progress."""

    at: Instant
    percent: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCancelAsked:
    """Somebody wants the action stopped."""

    at: Instant
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEnded:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlanned:
    """An action was added to the session."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionClosed:
    """An action of the session is over."""

    index: int
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingBegan:
    """The session gets no more tasks."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFinished:
    """All its actions are over."""

    at: Instant


SessionEvent = ActionPlanned | ActionClosed | EndingBegan | SessionFinished


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted:
    """The agent said it is up."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStopping:
    """The agent said it is going down."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStopped:
    """The agent said it is down."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSilent:
    """No heartbeat for too long."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """A heartbeat arrived."""

    at: Instant


WorkerEvent = WorkerStarted | WorkerStopping | WorkerStopped | WorkerSilent | WorkerSeen
