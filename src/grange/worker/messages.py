"""What the worker and its runners say to each other: one JSON object a line, over a socket pair."""

from typing import Any

import msgspec

from grange.worker.plan import Kind, Outcome

# ── to the runner ─────────────────────────────────────────────────────────────────────────────────


class Open(msgspec.Struct, tag="open", kw_only=True, frozen=True):
    """Open a session; answered by Opened or NotOpened."""

    session_id: str
    job: dict[str, Any]
    """The wire's jobDetails."""
    root: str
    """Folder the session's working folder is made in."""
    log_path: str
    """File the session's log is appended to."""
    variables: dict[str, str]
    """Environment variables for every action."""
    user: str | None = None
    group: str | None = None
    contain: bool = False
    """Outputs the job names are written to this machine, then copied to their place."""
    copy_bytes_per_second: float | None = None


class Run(msgspec.Struct, tag="run", kw_only=True, frozen=True):
    """Run an action in the open session; answered by Began, any number of others, and Ended."""

    action_id: str
    kind: Kind
    environment_id: str | None = None
    step_id: str | None = None
    task_id: str | None = None
    parameters: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    details: dict[str, Any] | None = None
    """The wire's stepDetails or environmentDetails; the runner keeps what it has parsed."""


class Cancel(msgspec.Struct, tag="cancel", kw_only=True, frozen=True):
    """Cancel the running action."""

    action_id: str
    at_once: bool = False
    error_class: str = ""
    """Not empty: the action failed for this reason, rather than being canceled."""
    error_rule: str = ""
    error_text: str = ""


class Close(msgspec.Struct, tag="close", kw_only=True, frozen=True):
    """Kill what runs, leave what was entered, delete the working folder; answered by Closed."""

    session_id: str


ToRunner = Open | Run | Cancel | Close


# ── from the runner ───────────────────────────────────────────────────────────────────────────────


class Ready(msgspec.Struct, tag="ready", kw_only=True, frozen=True):
    """The runner can take a session."""

    pid: int


class Opened(msgspec.Struct, tag="opened", kw_only=True, frozen=True):
    """The session is open."""

    session_id: str


class NotOpened(msgspec.Struct, tag="not_opened", kw_only=True, frozen=True):
    """The session could not be opened."""

    session_id: str
    message: str


class Began(msgspec.Struct, tag="began", kw_only=True, frozen=True):
    """An action's process runs."""

    action_id: str
    at: int
    pids: list[tuple[int, str]] = msgspec.field(default_factory=list)
    """(pid, start time) of the processes below the runner."""


class Moved(msgspec.Struct, tag="moved", kw_only=True, frozen=True):
    """An action made progress."""

    action_id: str
    at: int
    percent: float | None = None
    message: str = ""


class Copying(msgspec.Struct, tag="copying", kw_only=True, frozen=True):
    """An action's program has ended well; its output is looked at and copied."""

    action_id: str


class FrameDone(msgspec.Struct, tag="frame", kw_only=True, frozen=True):
    """A frame has been rendered, as the log says."""

    action_id: str
    frame: int
    started_at: int
    ended_at: int
    path: str | None = None
    output_bytes: int | None = None


class Ended(msgspec.Struct, tag="ended", kw_only=True, frozen=True):
    """An action ended."""

    action_id: str
    outcome: Outcome
    started_at: int
    at: int
    exit_code: int | None = None
    message: str = ""
    cpu_ms: int | None = None
    peak_memory_bytes: int | None = None
    output_bytes: int | None = None
    output_paths: tuple[str, ...] = ()
    """Files of a task that renders no frames, such as a movie."""
    copy_ms: int | None = None
    copied_files: int | None = None
    warnings: int = 0
    error_class: str = ""
    error_rule: str = ""
    error_text: str = ""
    exit_signal: str = ""


class CopyLine(msgspec.Struct, frozen=True, array_like=True):
    """One try to copy one file to its place."""

    path: str
    at: int
    millis: int
    byte_count: int
    error: bool


class Transferred(msgspec.Struct, tag="transferred", kw_only=True, frozen=True):
    """Files of an action were copied to their places, or could not be."""

    action_id: str
    first: int
    """How many lines of the action were told before."""
    lines: tuple[CopyLine, ...]


class Closed(msgspec.Struct, tag="closed", kw_only=True, frozen=True):
    """The session is closed, its log complete."""

    session_id: str


FromRunner = (
    Ready | Opened | NotOpened | Began | Moved | FrameDone | Copying | Transferred | Ended | Closed
)

_encoder = msgspec.json.Encoder()
_to_runner = msgspec.json.Decoder(ToRunner)
_from_runner = msgspec.json.Decoder(FromRunner)


def encode(message: ToRunner | FromRunner) -> bytes:
    """Return a message as one line."""
    return _encoder.encode(message) + b"\n"


def decode_to_runner(line: bytes) -> ToRunner:
    """Return the message of a line."""
    message: ToRunner = _to_runner.decode(line)
    return message


def decode_from_runner(line: bytes) -> FromRunner:
    """Return the message of a line."""
    message: FromRunner = _from_runner.decode(line)
    return message
