"""CloudWatch Logs, as far as workers and the `deadline` command line use it (JSON 1.1).

Three operations: CreateLogStream, PutLogEvents and GetLogEvents. Their shapes are in
`logs_model.json`, a part of AWS's model by hand: log group names and limits are AWS's, log stream
names may not contain NUL either. Messages may hold any text, because renderers print anything.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any

from grange.kernel.errors import FieldProblem, InvalidRequestError, UnknownOperationError
from grange.kernel.units import Instant
from grange.wire.decode import parse_object
from grange.wire.encode import Reply, to_json
from grange.wire.faults import fault_of, renamed, retry_header
from grange.wire.spec import service_of
from grange.wire.validate import ROOT, Checks, invalid_request

SERVICE = "logs"
"""The service in the credential scope of these requests."""

TARGET_PREFIX = "Logs_20140328."

_HEADERS = (("content-type", "application/x-amz-json-1.1"),)

_CODES = {
    "ConflictException": "ResourceAlreadyExistsException",
    "InternalServerErrorException": "ServiceUnavailableException",
    "ServiceQuotaExceededException": "LimitExceededException",
    "ValidationException": "InvalidParameterException",
}
_ALWAYS_400 = frozenset(
    {
        "InvalidParameterException",
        "LimitExceededException",
        "ResourceAlreadyExistsException",
        "ResourceNotFoundException",
        "UnknownOperationException",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One line of a log."""

    at: Instant
    """When the producer says it happened."""
    message: str
    ingested_at: Instant | None = None
    """When the server received it; None in requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLogStream:
    """Make an empty log stream."""

    group: str
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLogEvents:
    """Append lines to a log stream."""

    group: str
    stream: str
    events: tuple[LogEvent, ...]
    """At least one, in the order sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLogEvents:
    """Read a page of a log stream."""

    group: str
    stream: str
    start_at: Instant | None
    """Inclusive."""
    end_at: Instant | None
    """Exclusive."""
    next_token: str | None
    limit: int
    start_from_head: bool


LogsRequest = CreateLogStream | PutLogEvents | GetLogEvents


def decode_logs_request(target: str | None, body: bytes) -> LogsRequest:
    """Return the request that an X-Amz-Target header and a body make.

    Raises:
        UnknownOperationError: if the target names none of the three operations.
        InvalidRequestError: if the body breaks a constraint; every problem is in `fields`.
    """
    name = (target or "").removeprefix(TARGET_PREFIX)
    build = _BUILDERS.get(name)
    if build is None or target != TARGET_PREFIX + name:
        raise UnknownOperationError("CloudWatch Logs", name or "(no X-Amz-Target header)")
    problems: list[FieldProblem] = []
    members = _checks().check(f"{name}Request")(_parsed(body), None, ROOT, problems)
    if problems:
        raise invalid_request(problems)
    return build(members)


def encode_log_stream_created() -> Reply:
    """Return the reply to CreateLogStream."""
    return Reply(status=HTTPStatus.OK, headers=_HEADERS, body=b"")


def encode_log_events_put(next_sequence_token: str) -> Reply:
    """Return the reply to PutLogEvents; clients of today ignore the token."""
    body = to_json({"nextSequenceToken": next_sequence_token})
    return Reply(status=HTTPStatus.OK, headers=_HEADERS, body=body)


def encode_log_events(
    events: Iterable[LogEvent], *, next_forward_token: str, next_backward_token: str
) -> Reply:
    """Return the reply to GetLogEvents; at an end, the token given is returned again."""
    shown = [
        {"timestamp": event.at, "message": event.message}
        | ({} if event.ingested_at is None else {"ingestionTime": event.ingested_at})
        for event in events
    ]
    body = to_json(
        {
            "events": shown,
            "nextForwardToken": next_forward_token,
            "nextBackwardToken": next_backward_token,
        }
    )
    return Reply(status=HTTPStatus.OK, headers=_HEADERS, body=body)


def encode_logs_fault(error: BaseException) -> Reply:
    """Return the reply that tells of an error in this API's words."""
    fault = renamed(fault_of(error), _CODES)
    status = HTTPStatus.BAD_REQUEST if fault.code in _ALWAYS_400 else fault.status
    return Reply(
        status=int(status),
        headers=_HEADERS + retry_header(fault),
        body=to_json({"__type": fault.code, "message": fault.message}),
    )


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the JSON object; half characters (lone surrogates) become question marks.

    Python clients send them when a renderer prints bytes that are not UTF-8; a log line is not
    worth refusing for that.
    """
    try:
        return parse_object(body)
    except InvalidRequestError:
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False)
        except (ValueError, RecursionError):
            text = None
        if text is None:
            raise
    return parse_object(text.encode("utf-8", "replace"))


def _create_log_stream(members: Mapping[str, Any]) -> CreateLogStream:
    return CreateLogStream(group=members["logGroupName"], stream=members["logStreamName"])


def _put_log_events(members: Mapping[str, Any]) -> PutLogEvents:
    return PutLogEvents(
        group=members["logGroupName"],
        stream=members["logStreamName"],
        events=tuple(
            [
                LogEvent(at=event["timestamp"], message=event["message"])
                for event in members["logEvents"]
            ]
        ),
    )


def _get_log_events(members: Mapping[str, Any]) -> GetLogEvents:
    return GetLogEvents(
        group=members["logGroupName"],
        stream=members["logStreamName"],
        start_at=members.get("startTime"),
        end_at=members.get("endTime"),
        next_token=members.get("nextToken"),
        limit=members.get("limit", 10_000),
        start_from_head=members.get("startFromHead", False),
    )


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], LogsRequest]] = {
    "CreateLogStream": _create_log_stream,
    "GetLogEvents": _get_log_events,
    "PutLogEvents": _put_log_events,
}


@cache
def _checks() -> Checks:
    text = resources.files(__package__).joinpath("logs_model.json").read_text()
    return Checks(service_of(json.loads(text)))
