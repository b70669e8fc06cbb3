"""The log of one attempt of a task: which lines of its session's log are its own."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from grange.domain.log_folds import SEEN
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import parse_task_id
from grange.kernel.units import Instant
from grange.ports.log_lines import LogFolds, LogLine, LogLines, LogSpan
from grange.ports.state import AllOf, Compare, OneOf, Order, StateStore
from grange.services.reads.log_errors import LOOKED_AT_LINES, ErrorFinder, LogErrors
from grange.services.reads.rows import equals

MOST_ATTEMPTS = 200
MOST_ERRORS = 1000
BEFORE_MS = 50
AFTER_MS = 500
"""Lines are stamped by the session, starts and ends by whoever reports them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a task."""

    action: SessionAction
    worker: str
    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLog:
    """What one attempt wrote: the lines from `first` up to `end` of its session's log."""

    session_id: str
    first: int
    end: int
    span: LogSpan
    grows: bool
    """True: the attempt still runs."""

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.end - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundError:
    """A line that says what went wrong."""

    line: LogLine
    error_class: str | None
    """None: no rule knows it; it only has a word of an error."""


class TaskLogs:
    """Finds and reads the logs of attempts."""

    def __init__(self, store: StateStore, lines: LogLines, errors: LogErrors) -> None:
        self._store = store
        self._lines = lines
        self._errors = errors

    async def attempts(self, job: Job, task_id: str) -> list[Attempt]:
        """Return the attempts of a task, oldest first."""
        layer_id, index = _parsed(task_id)
        found = await self._store.find(
            SessionAction,
            AllOf(
                (
                    equals(job_id=job.job_id, layer_id=layer_id, task_index=index),
                    Compare("kind", "=", "task_run"),
                )
            ),
            order=(Order("attempt", descending=True),),
            limit=MOST_ATTEMPTS,
        )
        sessions = await self._store.find(
            Session, OneOf("session_id", tuple({one.session_id for one in found}))
        )
        of = {session.session_id: session.worker_id for session in sessions}
        workers = await self._store.find(
            Worker, OneOf("worker_id", tuple({session.worker_id for session in sessions}))
        )
        names = {one.worker_id: one.host_name or one.worker_id for one in workers}
        return [
            Attempt(
                action=one,
                worker=names.get(of.get(one.session_id, ""), ""),  # type: ignore[call-overload]
                worker_id=of.get(one.session_id, ""),
            )
            for one in reversed(found)
        ]

    async def log(self, job: Job, task_id: str, attempt: int | None) -> TaskLog | None:
        """Return the log of an attempt, by default of the latest; None: nothing is written.

        Raises:
            NotFoundError: there is no such attempt.
        """
        return await self.log_of(await self.attempts(job, task_id), task_id, attempt)

    async def log_of(
        self, attempts: Sequence[Attempt], task_id: str, attempt: int | None
    ) -> TaskLog | None:
        """Return what `log` does, where the attempts of the task were read already.

        Raises:
            NotFoundError: there is no such attempt.
        """
        found = [one.action for one in attempts]
        if attempt is None:
            return await self._own_lines(found[-1]) if found else None
        action = next((one for one in found if one.attempt == attempt), None)
        if action is None:
            raise NotFoundError("attempt", f"{task_id} {attempt}")
        return await self._own_lines(action)

    async def _own_lines(self, action: SessionAction) -> TaskLog | None:
        span = await self._lines.span(action.session_id)
        began = action.worker_started_at or action.started_at
        if span is None or (began is None and action.ended_at is None):
            return None
        first, end = 0, span.lines
        at = None if began is None else await self._since(action, began)
        start = None if at is None else await self._lines.line_at(action.session_id, at)
        if start is not None:
            first = start
            until = await self._until(action)
            if until is not None:
                end = await self._lines.line_at(action.session_id, until) or end
        return TaskLog(
            session_id=action.session_id,
            first=first,
            end=max(first, end),
            span=span,
            grows=action.ended_at is None,
        )

    async def _since(self, action: SessionAction, began: Instant) -> Instant:
        """Return when an action's lines begin: a little before it does, behind the one before."""
        before = await self._store.find(
            SessionAction,
            AllOf((equals(session_id=action.session_id), Compare("index", "<", action.index))),
            order=(Order("index", descending=True),),
            limit=5,
        )
        ends = (one.worker_ended_at for one in before)
        ended = next((end for end in ends if end is not None and end <= began), None)
        return Instant(max(began - BEFORE_MS, ended or 0))

    async def _until(self, action: SessionAction) -> Instant | None:
        """Return when the next action's lines begin, or those of this one must be over."""
        later = await self._store.find(
            SessionAction,
            AllOf((equals(session_id=action.session_id), Compare("index", ">", action.index))),
            order=(Order("index"),),
            limit=5,
        )
        next_at = next(
            (one.worker_started_at for one in later if one.worker_started_at is not None), None
        )
        ended = action.worker_ended_at
        ends = [] if ended is None else [Instant(ended + AFTER_MS)]
        if next_at is not None:
            ends.append(Instant(max(next_at - BEFORE_MS, ended or 0)))
        return min(ends, default=None)

    async def finder(self, layer: Layer | None, log: TaskLog) -> ErrorFinder:
        """Return what tells the errors of an attempt."""
        command = "" if layer is None else json.dumps(layer.template)
        first = await self._lines.window(log.session_id, log.first, LOOKED_AT_LINES)
        return self._errors.finder(command, [line.text or "" for line in first])

    async def errors(
        self, log: TaskLog, finder: ErrorFinder
    ) -> AsyncIterator[tuple[list[FoundError], int, int]]:
        """Yield what is found piece by piece: errors, how many lines match, the line behind."""
        async for hits in self._lines.search(
            log.session_id, finder.pattern, first=log.first, end=log.end
        ):
            found = [
                FoundError(line=line, error_class=finder.class_of(line.text or ""))
                for line in hits.lines
            ]
            yield found, hits.count, hits.scanned

    def folds(self, log: TaskLog, finder: ErrorFinder) -> AsyncIterator[LogFolds]:
        """Look for runs of lines that can be shown as one; no error is part of a run."""
        seen = f"{finder.pattern}|{SEEN}"
        return self._lines.folds(log.session_id, seen, first=log.first, end=log.end)


def _parsed(task_id: str) -> tuple[str, int]:
    parsed = parse_task_id(task_id)
    if parsed is None:
        raise InvalidRequestError(f"{task_id[:80]!r} is no task id.")
    return parsed
