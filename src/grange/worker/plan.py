"""What the worker's core knows, is told, and tells: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grange.kernel.units import Instant

# ── what there is ─────────────────────────────────────────────────────────────────────────────────


class Kind(StrEnum):
    """What a session action does."""

    ENV_ENTER = "env_enter"
    ENV_EXIT = "env_exit"
    TASK_RUN = "task_run"
    SYNC_INPUT = "sync_input"


class Outcome(StrEnum):
    """How an action ended, as Deadline Cloud spells it."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    CANCELED = "CANCELED"
    NEVER_ATTEMPTED = "NEVER_ATTEMPTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """One action of a session's pipeline, as assigned."""

    action_id: str
    kind: Kind
    environment_id: str | None = None
    step_id: str | None = None
    task_id: str | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Task parameters as the wire's typed unions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedSession:
    """One session of the server's reply: every open action of it, in order."""

    session_id: str
    queue_id: str
    job_id: str
    actions: tuple[PlannedAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReport:
    """What is to be said about one action; times on this machine's clock."""

    outcome: Outcome | None = None
    exit_code: int | None = None
    percent: float | None = None
    message: str = ""
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)


class SessionPhase(StrEnum):
    """Where a session stands on this machine."""

    WAITING = "waiting"
    """Its job thread is not free yet."""
    OPENING = "opening"
    OPEN = "open"
    REFUSED = "refused"
    """Never opened: its actions are handed back."""
    CLOSING = "closing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The action a session is running."""

    action: PlannedAction
    started_at: Instant | None = None
    canceling: bool = False
    percent: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSession:
    """One session on this machine."""

    session_id: str
    queue_id: str
    job_id: str
    thread: int
    phase: SessionPhase
    pipeline: tuple[PlannedAction, ...] = ()
    """Actions not begun, in order."""
    running: Running | None = None
    failed: bool = False
    """Something failed or was canceled: only environments may still be left."""
    broken: bool = False
    """Its runner died: nothing can run in it any more."""


class Phase(StrEnum):
    """How far the worker is with the server."""

    NEW = "new"
    """Not registered."""
    REGISTERED = "registered"
    """Has an id; has not said STARTED since it began, or must say it again."""
    WORKING = "working"
    STOPPED = "stopped"


class Stop(StrEnum):
    """Whether somebody asked the worker to stop."""

    NO = "no"
    DRAIN = "drain"
    """Finish what runs, begin nothing."""
    NOW = "now"


class CallKind(StrEnum):
    """A request to the server."""

    CREATE = "create"
    ASSUME = "assume"
    START = "start"
    SCHEDULE = "schedule"
    STOPPING = "stopping"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The request under way."""

    number: int
    kind: CallKind
    sent_at: Instant
    reports: Mapping[str, ActionReport] = field(default_factory=dict)


class ThreadPhase(StrEnum):
    """Where the runner of a job thread stands."""

    STARTING = "starting"
    FREE = "free"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """Everything the worker decides on."""

    threads: tuple[ThreadPhase, ...]
    phase: Phase = Phase.NEW
    worker_id: str | None = None
    credentials_from: Instant | None = None
    credentials_until: Instant | None = None
    """None: there are none, or they were refused."""
    call: Call | None = None
    calls_made: int = 0
    failures: int = 0
    """Calls that failed in a row."""
    not_before: Instant | None = None
    """After a failure: when to try again."""
    next_call_at: Instant | None = None
    """When the next heartbeat is due."""
    last_call_at: Instant | None = None
    began_at: Instant | None = None
    """When this process began."""
    interval_seconds: float = 15.0
    woken: bool = False
    """The server asked for a call that has not been made yet."""
    sessions: Mapping[str, LocalSession] = field(default_factory=dict)
    reports: Mapping[str, ActionReport] = field(default_factory=dict)
    """What the server has not acknowledged, by action id."""
    isolating: bool = False
    """A call was refused: reports go one at a time until the culprit is found."""
    ever_worked: bool = False
    stop: Stop = Stop.NO
    order: str = ""
    """What becomes of the machine when the worker has stopped: `restart`, `shutdown` or nothing."""
    stopping_said: bool = False
    stop_deadline: Instant | None = None


# ── what happens ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The process began; `worker_id` is what an earlier one left on disk."""

    at: Instant
    worker_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """CreateWorker answered."""

    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """AssumeFleetRoleForWorker answered."""

    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """UpdateWorker answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """UpdateWorkerSchedule answered: the whole truth about this worker's sessions."""

    sessions: tuple[AssignedSession, ...] = ()
    cancels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    interval_seconds: float = 15.0
    stop_wanted: bool = False
    order: str = ""
    """What becomes of the machine then: `restart` or `shutdown`; empty: nothing."""


Answer = Created | Assumed | Told | Scheduled


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The call under way was answered."""

    at: Instant
    number: int
    answer: Answer


class Failure(StrEnum):
    """Why a call was not answered as hoped, by what to do about it."""

    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    EXPIRED = "expired"
    """The credentials are not accepted."""
    GONE = "gone"
    """The server does not know this worker."""
    NOT_STARTED = "not_started"
    """The server takes this worker for dead: it must say STARTED again."""
    REFUSED = "refused"
    """The request as it is will never be accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """The call under way failed."""

    at: Instant
    number: int
    failure: Failure
    message: str
    retry_after_seconds: float = 0.0
    jitter: float = 0.5
    """A random number in [0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """Nothing happened but time."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """The server asked for a call."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWanted:
    """Somebody asked the worker to stop; a second time means now."""

    at: Instant
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerReady:
    """A job thread's runner can take a session."""

    at: Instant
    thread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerDied:
    """A job thread's runner process is gone."""

    at: Instant
    thread: int
    message: str
    error_class: str = "killed"
    error_rule: str = "runner:died"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """A runner has opened a session."""

    at: Instant
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNotOpened:
    """A session could not be opened."""

    at: Instant
    session_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed:
    """A runner has closed a session and cleaned up after it."""

    at: Instant
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionBegan:
    """An action's process runs."""

    at: Instant
    session_id: str
    action_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionMoved:
    """An action made progress or said something."""

    at: Instant
    session_id: str
    action_id: str
    percent: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEnded:
    """An action ended; its facts are on disk."""

    at: Instant
    started_at: Instant | None = None
    session_id: str
    action_id: str
    outcome: Outcome
    exit_code: int | None = None
    message: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)


Event = (
    Began
    | Answered
    | CallFailed
    | TimePassed
    | Woken
    | StopWanted
    | RunnerReady
    | RunnerDied
    | SessionOpened
    | SessionNotOpened
    | SessionClosed
    | ActionBegan
    | ActionMoved
    | ActionEnded
)


# ── what to do ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class CallServer:
    """Send a request; answer with Answered or CallFailed of the same number."""

    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberWorker:
    """Keep the worker's id on disk, or forget it (None)."""

    worker_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRunner:
    """Start the runner of a job thread; answer with RunnerReady."""

    thread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """Open a session on a runner; answer with SessionOpened or SessionNotOpened."""

    session: LocalSession


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAction:
    """Run an action; answer with ActionBegan, ActionMoved and at last ActionEnded."""

    session: LocalSession
    action: PlannedAction


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAction:
    """Stop the running action, as its template wants it or at once."""

    thread: int
    session_id: str
    action_id: str
    at_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """Stop what runs, leave what was entered, clean up; answer with SessionClosed."""

    thread: int
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """End the process."""

    exit_code: int
    message: str = ""


Effect = (
    CallServer
    | RememberWorker
    | StartRunner
    | OpenSession
    | StartAction
    | CancelAction
    | CloseSession
    | Finish
)
