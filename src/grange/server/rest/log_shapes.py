"""What answers about the log of a task look like."""

import msgspec

from grange.domain.log_folds import FoldKind


class LogAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a task."""

    attempt: int
    action_id: str
    session_id: str
    worker: str
    worker_id: str
    status: str
    started_at: int | None
    ended_at: int | None
    exit_code: int | None
    error_class: str | None = msgspec.field(name="class")
    """Why it failed."""
    text: str


class LogAbout(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of the log of a task."""

    attempts: list[LogAttempt]
    """Oldest first."""
    attempt: int | None
    """The one the rest is about; None: nobody has tried yet."""
    lines: int
    """Lines it has written."""
    size: int
    """Bytes of its session's whole log."""
    cut: tuple[int, int] | None
    """First and last line that are not kept."""
    grows: bool


class LogWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of a log, as columns."""

    first: int
    """The number of the first line, from 1."""
    lines: int
    """Lines the attempt has written."""
    grows: bool
    text: list[str | None]
    """Without times and ends; null: the line is not kept."""
    at: list[int | None]
    """When each was written, by the worker's clock."""
    cut: list[int]
    """Numbers of lines of which only the beginning is shown."""


class LogRows(msgspec.Struct, frozen=True, kw_only=True):
    """Lines from anywhere in a log, as columns; fewer than were asked for where they are long."""

    lines: int
    """Lines the attempt has written."""
    grows: bool
    number: list[int]
    """From 1, ascending."""
    text: list[str | None]
    """Without times and ends; null: the line is not kept."""
    at: list[int | None]
    """When each was written, by the worker's clock."""
    cut: list[int]
    """Numbers of lines of which only the beginning is shown."""


class FoundLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines a search has found since the row before; one such row a line, until all is read."""

    found: list[tuple[int, str]]
    """Number, from 1, and text; of the first some thousand."""
    total: int
    """How many were found so far."""
    scanned: int
    """How many lines were looked at so far."""


class FoundErrors(msgspec.Struct, frozen=True, kw_only=True):
    """Errors found since the row before; one such row a line, until the whole log is read."""

    found: list[tuple[int, str, str | None]]
    """Number, from 1, text, and the class of the error; of the first some hundred."""
    total: int
    """How many were found so far."""
    scanned: int
    """How many lines were looked at so far."""


class FoundFolds(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of lines that can be shown as one, found since the row before; one such row a line."""

    folds: list[tuple[int, int, FoldKind]]
    """First and last line, from 1, and why they belong together."""
    scanned: int
    """How many lines were looked at so far."""
    again: int
    """From which line to ask on once the log has grown."""


NO_LINES = FoundLines(found=[], total=0, scanned=0)
NO_ERRORS = FoundErrors(found=[], total=0, scanned=0)
NO_FOLDS = FoundFolds(folds=[], scanned=0, again=1)
