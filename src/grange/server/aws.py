"""CloudWatch Logs and STS, as far as workers and the `deadline` command line use them."""

import logging

from grange.domain.work import Session
from grange.kernel.errors import FieldProblem, GrangeError, InvalidRequestError, NotFoundError
from grange.kernel.units import Instant
from grange.server.context import Context
from grange.server.http import Request
from grange.services.permissions import Principal
from grange.services.reads.logs import Line, check_writer, decode_lines, encode_lines
from grange.wire.encode import Reply
from grange.wire.logs import (
    CreateLogStream,
    GetLogEvents,
    LogEvent,
    PutLogEvents,
    decode_logs_request,
    encode_log_events,
    encode_log_events_put,
    encode_log_stream_created,
    encode_logs_fault,
)
from grange.wire.sts import (
    CallerIdentity,
    decode_sts_request,
    encode_caller_identity,
    encode_sts_fault,
)

ACCOUNT = "000000000000"
"""Grange has no accounts; clients want twelve digits."""

_PAGE_BYTES = 1_000_000
_log = logging.getLogger(__name__)


async def answer_sts(request: Request, body: bytes, caller: Principal, context: Context) -> Reply:
    """Return the reply to an authenticated STS request."""
    try:
        action = decode_sts_request(request.raw_query, body)
        await context.access.require(caller, f"sts:{action}", {}, address=request.address)
    except GrangeError as error:
        return encode_sts_fault(error, request_id=request.request_id)
    identity = CallerIdentity(
        account=ACCOUNT,
        arn=f"arn:aws:iam::{ACCOUNT}:user/{caller.worker_id or caller.name}",
        user_id=caller.name,
    )
    return encode_caller_identity(identity, request_id=request.request_id)


async def answer_logs(request: Request, body: bytes, caller: Principal, context: Context) -> Reply:
    """Return the reply to an authenticated CloudWatch Logs request."""
    try:
        wanted = decode_logs_request(request.headers.get("x-amz-target"), body)
        await context.access.require(
            caller,
            f"logs:{type(wanted).__name__}",
            {"session_id": wanted.stream},
            address=request.address,
            request_id=request.request_id,
        )
        match wanted:
            case CreateLogStream(stream=stream):
                await check_writer(caller, stream, context.rows)
                await context.logs.append(stream, b"")
                return encode_log_stream_created()
            case PutLogEvents():
                return await _put(wanted, caller, context)
            case GetLogEvents():
                return await _get(wanted, context)
    except GrangeError as error:
        return encode_logs_fault(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
        _log.exception(
            "A log request failed.",
            extra={"action": "request_failed", "request_id": request.request_id},
        )
        return encode_logs_fault(error)


async def _put(wanted: PutLogEvents, caller: Principal, context: Context) -> Reply:
    await check_writer(caller, wanted.stream, context.rows)
    content = encode_lines((event.at, event.message) for event in wanted.events)
    size = await context.logs.append(wanted.stream, content)
    return encode_log_events_put(str(size))


async def _get(wanted: GetLogEvents, context: Context) -> Reply:
    direction, offset = _position(wanted)
    session = await context.store.get(Session, (wanted.stream,))
    default_at = Instant(0) if session is None else session.started_at
    read = _forward if direction == "f" else _backward
    lines = await read(wanted, context, offset, default_at)
    shown = [
        line
        for line in lines
        if (wanted.start_at is None or line.at >= wanted.start_at)
        and (wanted.end_at is None or line.at < wanted.end_at)
    ]
    first = lines[0].start if lines else offset
    last = lines[-1].end if lines else offset
    return encode_log_events(
        (LogEvent(at=line.at, message=line.text, ingested_at=line.at) for line in shown),
        next_forward_token=f"f/{max(0, last)}",
        next_backward_token=f"b/{max(0, first)}",
    )


def _position(wanted: GetLogEvents) -> tuple[str, int]:
    """Return which way to read and from which byte; -1 is the end."""
    if wanted.next_token is None:
        return ("f", 0) if wanted.start_from_head else ("b", -1)
    direction, _, offset = wanted.next_token.partition("/")
    if direction not in {"f", "b"} or not (offset.isascii() and offset.isdigit()):
        problem = FieldProblem("nextToken", "is not a token of this server")
        raise InvalidRequestError(f"nextToken {problem.message}.", fields=[problem])
    return direction, int(offset)


async def _forward(
    wanted: GetLogEvents, context: Context, offset: int, default_at: Instant
) -> list[Line]:
    part = await context.logs.read(wanted.stream, offset, _PAGE_BYTES)
    if part is None:
        raise NotFoundError("log stream", wanted.stream)
    content = part.content
    if part.end < part.size and b"\n" in content:
        content = content[: content.rindex(b"\n") + 1]
    return decode_lines(content, part.start, default_at)[: wanted.limit]


async def _backward(
    wanted: GetLogEvents, context: Context, offset: int, default_at: Instant
) -> list[Line]:
    size = offset
    if offset < 0:
        tail = await context.logs.read(wanted.stream, 0, 0)
        if tail is None:
            raise NotFoundError("log stream", wanted.stream)
        size = tail.size
    start = max(0, size - _PAGE_BYTES)
    part = await context.logs.read(wanted.stream, start, size - start)
    if part is None:
        raise NotFoundError("log stream", wanted.stream)
    content, begin = part.content, part.start
    if begin > 0:
        _, _, rest = content.partition(b"\n")
        begin += len(content) - len(rest)
        content = rest
    return decode_lines(content, begin, default_at)[-wanted.limit :]
