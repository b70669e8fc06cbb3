"""CloudWatch Logs against the unmodified client."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.kernel import errors
from grange.kernel.units import Instant
from grange.wire import logs
from grange.wire.encode import Reply
from tests.wire.client import Request, client

GROUP = "/aws/deadline/farm-0/queue-0"
STREAM = "session-0"


def exchange(reply: Reply) -> tuple[Any, list[logs.LogsRequest]]:
    """Return a client that gets one reply, and what the server understood."""
    understood: list[logs.LogsRequest] = []

    def answer(request: Request) -> Reply:
        assert (request.method, request.raw_path) == ("POST", "/")
        understood.append(
            logs.decode_logs_request(request.headers.get("x-amz-target"), request.body)
        )
        return reply

    return client("logs", answer), understood


def test_a_stream_is_created() -> None:
    boto, understood = exchange(logs.encode_log_stream_created())
    parsed = boto.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert understood == [logs.CreateLogStream(group=GROUP, stream=STREAM)]


def test_events_are_put() -> None:
    boto, understood = exchange(logs.encode_log_events_put("7"))
    parsed = boto.put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": 5, "message": "ü\0\n🎬"}, {"timestamp": 4, "message": " "}],
        sequenceToken="6",
    )
    assert parsed["nextSequenceToken"] == "7"
    assert understood == [
        logs.PutLogEvents(
            group=GROUP,
            stream=STREAM,
            events=(
                logs.LogEvent(at=Instant(5), message="ü\0\n🎬"),
                logs.LogEvent(at=Instant(4), message=" "),
            ),
        )
    ]


def test_events_are_got() -> None:
    events = [
        logs.LogEvent(at=Instant(5), message="ü", ingested_at=Instant(6)),
        logs.LogEvent(at=Instant(7), message="x"),
    ]
    boto, understood = exchange(
        logs.encode_log_events(events, next_forward_token="f/2", next_backward_token="b/0")
    )
    parsed = boto.get_log_events(
        logGroupName=GROUP, logStreamName=STREAM, startTime=1, limit=50, startFromHead=True
    )
    parsed.pop("ResponseMetadata")
    assert parsed == {
        "events": [
            {"timestamp": 5, "message": "ü", "ingestionTime": 6},
            {"timestamp": 7, "message": "x"},
        ],
        "nextForwardToken": "f/2",
        "nextBackwardToken": "b/0",
    }
    assert understood == [
        logs.GetLogEvents(
            group=GROUP,
            stream=STREAM,
            start_at=Instant(1),
            end_at=None,
            next_token=None,
            limit=50,
            start_from_head=True,
        )
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"logGroupName": None}, "logGroupName"),
        ({"logGroupName": "a:b"}, "logGroupName"),
        ({"logStreamName": "a*"}, "logStreamName"),
        ({"logStreamName": "a\0"}, "logStreamName"),
        ({"logEvents": []}, "logEvents"),
        ({"logEvents": [{"timestamp": -1, "message": "x"}]}, "logEvents[0].timestamp"),
        ({"logEvents": [{"timestamp": 1.5, "message": "x"}]}, "logEvents[0].timestamp"),
        ({"logEvents": [{"timestamp": 1}]}, "logEvents[0].message"),
        ({"logEvents": [{"timestamp": 1, "message": ""}]}, "logEvents[0].message"),
        ({"logEvents": [{"timestamp": 1, "message": "x"}] * 10_001}, "logEvents"),
    ],
)
def test_broken_constraints_are_named(change: dict[str, Any], field: str) -> None:
    good = {
        "logGroupName": GROUP,
        "logStreamName": STREAM,
        "logEvents": [{"timestamp": 1, "message": "x"}],
    }
    body = json.dumps(good | change).encode()
    with pytest.raises(errors.InvalidRequestError) as caught:
        logs.decode_logs_request("Logs_20140328.PutLogEvents", body)
    assert [problem.name for problem in caught.value.fields] == [field]


def test_half_characters_in_a_log_line_become_question_marks() -> None:
    body = (
        b'{"logGroupName": "g", "logStreamName": "s",'
        b' "logEvents": [{"timestamp": 1, "message": "a\\udcffb"}]}'
    )
    found = logs.decode_logs_request("Logs_20140328.PutLogEvents", body)
    assert isinstance(found, logs.PutLogEvents)
    assert found.events[0].message == "a?b"


@pytest.mark.parametrize(
    "target", [None, "", "PutLogEvents", "Logs_20140328.DescribeLogGroups", "Logs_20140328."]
)
def test_other_targets_are_unknown(target: str | None) -> None:
    with pytest.raises(errors.UnknownOperationError):
        logs.decode_logs_request(target, b"{}")


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.NotFoundError("log stream", STREAM), "ResourceNotFoundException", 400),
        (
            errors.ConflictError(
                "It exists.",
                reason="RESOURCE_ALREADY_EXISTS",
                resource_type="log stream",
                resource_id=STREAM,
            ),
            "ResourceAlreadyExistsException",
            400,
        ),
        (errors.InvalidRequestError("Bad."), "InvalidParameterException", 400),
        (KeyError("x"), "ServiceUnavailableException", 500),
        (errors.UnknownOperationError("L", "x"), "UnknownOperationException", 400),
        (errors.ThrottledError("Busy.", retry_after_seconds=2), "ThrottlingException", 429),
        (
            errors.AuthenticationError("Who?", code="UnrecognizedClientException"),
            "UnrecognizedClientException",
            403,
        ),
    ],
)
def test_boto3_raises_the_logs_exceptions(error: BaseException, code: str, status: int) -> None:
    boto, _ = exchange(logs.encode_logs_fault(error))
    with pytest.raises(ClientError) as caught:
        boto.get_log_events(logGroupName=GROUP, logStreamName=STREAM)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    modelled = getattr(boto.exceptions, code, None)
    if modelled is not None and code not in {"ThrottlingException", "UnknownOperationException"}:
        assert isinstance(caught.value, modelled)


@settings(max_examples=300, deadline=None)
@given(
    target=st.sampled_from(["CreateLogStream", "PutLogEvents", "GetLogEvents"]),
    body=st.binary(max_size=60)
    | st.builds(
        lambda value: json.dumps(value).encode(),
        st.dictionaries(
            st.sampled_from(["logGroupName", "logStreamName", "logEvents", "limit", "startTime"]),
            st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3)),
        ),
    ),
)
def test_anything_decodes_or_is_an_invalid_request(target: str, body: bytes) -> None:
    try:
        logs.decode_logs_request(f"Logs_20140328.{target}", body)
    except errors.InvalidRequestError as error:
        refusal = error
    else:
        return
    assert refusal.reason == "CANNOT_PARSE" or refusal.fields
