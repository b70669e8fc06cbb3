"""Logs of tasks in windows of lines: what pages read, search and download."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from grange.domain.log_folds import FEWEST_ALIKE
from grange.domain.work import Layer
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import parse_task_id
from grange.ports.log_lines import LogLine
from grange.server.context import Context
from grange.server.rest.given import Services
from grange.server.rest.log_shapes import (
    NO_ERRORS,
    NO_FOLDS,
    NO_LINES,
    FoundErrors,
    FoundFolds,
    FoundLines,
    LogAbout,
    LogAttempt,
    LogRows,
    LogWindow,
)
from grange.server.rest.shapes import NDJSON, TEXT, as_file, as_lines
from grange.services.reads.task_logs import MOST_ERRORS, Attempt, TaskLog

MOST_LINES = 2000
"""How many lines one window holds."""
MOST_FOUND = 5000
"""How many lines a search names; it counts all."""
MOST_FOLDS = 20_000
"""How many runs of lines are named; lines behind the last of them are shown one by one."""
_NOT_KEPT = {"cache-control": "no-store", "x-accel-buffering": "no"}
_encode = msgspec.json.Encoder().encode

AttemptNumber = Annotated[int | None, QueryParameter(ge=1)]


@get("/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log", operation="GetLog")
async def get_task_log(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
) -> LogAbout:
    """Say what there is of the log of a task: its attempts, and how many lines one of them has."""
    job = await context.rows.farm_job(farm_id, job_id)
    attempts = await context.task_logs.attempts(job, task)
    log = await context.task_logs.log_of(attempts, task, attempt)
    latest = attempts[-1].action.attempt if attempts else None
    return LogAbout(
        attempts=[_attempt(one) for one in attempts],
        attempt=attempt or latest,
        lines=0 if log is None else log.lines,
        size=0 if log is None else log.span.size,
        cut=None if log is None else _cut(log),
        grows=not attempts or attempts[-1].action.ended_at is None if log is None else log.grows,
    )


@get("/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/lines", operation="GetLog")
async def get_task_log_lines(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
    first: Annotated[int, QueryParameter(ge=1)] = 1,
    count: Annotated[int, QueryParameter(ge=1, le=MOST_LINES)] = 500,
) -> LogWindow:
    """Read some lines of the log of a task, counted from 1; fewer where they are very long."""
    log = await _log(context, farm_id, job_id, task, attempt)
    if log is None:
        return LogWindow(first=first, lines=0, grows=True, text=[], at=[], cut=[])
    begin = log.first + first - 1
    found = await context.log_lines.window(
        log.session_id, begin, max(0, min(count, log.end - begin))
    )
    return LogWindow(
        first=first,
        lines=log.lines,
        grows=log.grows,
        text=[line.text for line in found],
        at=[line.at for line in found],
        cut=[_number(log, line) for line in found if line.is_cut],
    )


@get("/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/rows", operation="GetLog")
async def get_task_log_rows(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    numbers: Annotated[str, QueryParameter(min_length=1, max_length=6000, pattern=r"^\d+(,\d+)*$")],
    attempt: AttemptNumber = None,
) -> LogRows:
    """Read lines of the log of a task that lie far from each other, by their numbers, from 1."""
    log = await _log(context, farm_id, job_id, task, attempt)
    if log is None:
        return LogRows(lines=0, grows=True, number=[], text=[], at=[], cut=[])
    wanted = sorted({int(one) for one in numbers.split(",")})
    found: list[LogLine] = []
    for begin, end in _neighbours([one for one in wanted if 1 <= one <= log.lines]):
        first = log.first + begin - 1
        found += await context.log_lines.window(log.session_id, first, end - begin + 1)
    return LogRows(
        lines=log.lines,
        grows=log.grows,
        number=[_number(log, line) for line in found],
        text=[line.text for line in found],
        at=[line.at for line in found],
        cut=[_number(log, line) for line in found if line.is_cut],
    )


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/search",
    operation="GetLog",
    responses=as_lines(FoundLines),
)
async def search_task_log(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
    text: Annotated[str, QueryParameter(max_length=500)] = "",
    regex: Annotated[str, QueryParameter(max_length=500)] = "",
    case: FromQuery[bool] = False,
    first: Annotated[int, QueryParameter(ge=1)] = 1,
) -> Stream:
    """Look for a text or a regular expression in a whole log; one JSON object a line, as found."""
    if bool(text) == bool(regex):
        problem = FieldProblem("text", "or regex must be given, and not both")
        raise InvalidRequestError("Give either text or regex.", fields=[problem])
    log = await _log(context, farm_id, job_id, task, attempt)
    if log is None:
        return Stream(_only(NO_LINES), media_type=NDJSON, headers=_NOT_KEPT)
    hits = context.log_lines.search(
        log.session_id,
        text or regex,
        first=min(log.end, log.first + first - 1),
        end=log.end,
        literal=bool(text),
        ignore_case=not case,
    )
    found = await anext(hits, None)  # what is wrong with the pattern is said before the stream

    async def pieces() -> AsyncIterator[bytes]:
        total = named = 0
        piece = found
        while piece is not None:
            total += piece.count
            rows = [
                (_number(log, one), one.text or "") for one in piece.lines[: MOST_FOUND - named]
            ]
            named += len(rows)
            yield _row(FoundLines(found=rows, total=total, scanned=piece.scanned - log.first))
            piece = await anext(hits, None)

    return Stream(pieces(), media_type=NDJSON, headers=_NOT_KEPT)


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/errors",
    operation="GetLog",
    responses=as_lines(FoundErrors),
)
async def get_task_log_errors(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
    first: Annotated[int, QueryParameter(ge=1)] = 1,
) -> Stream:
    """Find the errors of a log by the rules of its renderers; one JSON object a line, as found."""
    log = await _log(context, farm_id, job_id, task, attempt)
    parsed = parse_task_id(task)
    if log is None or parsed is None:
        return Stream(_only(NO_ERRORS), media_type=NDJSON, headers=_NOT_KEPT)
    finder = await context.task_logs.finder(await context.store.get(Layer, (parsed[0],)), log)
    rest = replace(log, first=min(log.end, log.first + first - 1))

    async def pieces() -> AsyncIterator[bytes]:
        total = named = 0
        async for errors, count, scanned in context.task_logs.errors(rest, finder):
            total += count
            rows = [
                (_number(log, one.line), one.line.text or "", one.error_class)
                for one in errors[: MOST_ERRORS - named]
            ]
            named += len(rows)
            yield _row(FoundErrors(found=rows, total=total, scanned=scanned - log.first))

    return Stream(pieces(), media_type=NDJSON, headers=_NOT_KEPT)


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/folds",
    operation="GetLog",
    responses=as_lines(FoundFolds),
)
async def get_task_log_folds(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
    first: Annotated[int, QueryParameter(ge=1)] = 1,
) -> Stream:
    """Find runs of lines that can be shown as one, no error among them; one JSON object a line.

    `again` is where to begin when the log has grown: near its end, so that a run that goes on is
    told from there, as a run that overlaps with the one known.
    """
    log = await _log(context, farm_id, job_id, task, attempt)
    parsed = parse_task_id(task)
    if log is None or parsed is None:
        return Stream(_only(NO_FOLDS), media_type=NDJSON, headers=_NOT_KEPT)
    finder = await context.task_logs.finder(await context.store.get(Layer, (parsed[0],)), log)
    rest = replace(log, first=min(log.end, log.first + first - 1))

    async def pieces() -> AsyncIterator[bytes]:
        named = 0
        async for piece in context.task_logs.folds(rest, finder):
            rows = [
                (one.first - log.first + 1, one.last - log.first + 1, one.kind)
                for one in piece.folds[: MOST_FOLDS - named]
            ]
            named += len(rows)
            scanned = piece.scanned - log.first
            again = max(first, scanned - FEWEST_ALIKE + 1)
            yield _row(FoundFolds(folds=rows, scanned=scanned, again=again))
            if named == MOST_FOLDS:
                return

    return Stream(pieces(), media_type=NDJSON, headers=_NOT_KEPT)


@get(
    "/farms/{farm_id:str}/jobs/{job_id:str}/tasks/{task:str}/log/file",
    operation="GetLog",
    responses=as_file("The log, a line with its time each", TEXT),
)
async def get_task_log_file(
    *,
    farm_id: FromPath[str],
    job_id: FromPath[str],
    task: FromPath[str],
    context: Services,
    attempt: AttemptNumber = None,
) -> Stream:
    """Download the whole log of an attempt, with its times."""
    log = await _log(context, farm_id, job_id, task, attempt)
    if log is None:
        raise NotFoundError("log", task)
    name = f"{task}-{attempt or 'latest'}.log"
    return Stream(
        context.log_lines.content(log.session_id, log.first, log.end),
        media_type=f"{TEXT}; charset=utf-8",
        headers={**_NOT_KEPT, "content-disposition": f'attachment; filename="{name}"'},
    )


async def _only(row: msgspec.Struct) -> AsyncIterator[bytes]:
    yield _row(row)


def _neighbours(numbers: list[int]) -> list[tuple[int, int]]:
    """Return the first and last of ascending numbers that follow each other."""
    found: list[tuple[int, int]] = []
    for one in numbers:
        if found and found[-1][1] == one - 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


def _row(row: msgspec.Struct) -> bytes:
    return _encode(row) + b"\n"


def _number(log: TaskLog, line: LogLine) -> int:
    return line.number - log.first + 1


def _cut(log: TaskLog) -> tuple[int, int] | None:
    if log.span.cut is None:
        return None
    begin, end = (max(log.first, min(log.end, one)) - log.first for one in log.span.cut)
    return (begin + 1, end) if end > begin else None


def _attempt(one: Attempt) -> LogAttempt:
    action = one.action
    return LogAttempt(
        attempt=action.attempt or 1,
        action_id=action.action_id,
        session_id=action.session_id,
        worker=one.worker,
        worker_id=one.worker_id,
        status=action.status.value,
        started_at=action.started_at,
        ended_at=action.ended_at,
        exit_code=action.exit_code,
        error_class=action.usage.get("errorClass"),
        text=str(action.usage.get("errorText") or action.progress_message or action.cause),
    )


async def _log(
    context: Context, farm_id: str, job_id: str, task: str, attempt: int | None
) -> TaskLog | None:
    return await context.task_logs.log(await context.rows.farm_job(farm_id, job_id), task, attempt)


HANDLERS = [
    get_task_log,
    get_task_log_lines,
    get_task_log_rows,
    search_task_log,
    get_task_log_errors,
    get_task_log_folds,
    get_task_log_file,
]
