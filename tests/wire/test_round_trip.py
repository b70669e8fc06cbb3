"""Every operation, both ways, against the unmodified client.

botocore validates and serialises a generated input, signs and sends it; we verify, route and decode
it and must find the same values. We encode a generated output; botocore must parse it back equal.
"""

import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from grange.kernel.units import Instant, datetime_of, instant_of
from grange.wire.decode import decode_request
from grange.wire.encode import Reply, encode_response
from grange.wire.router import deadline_router
from grange.wire.signature import verify
from grange.wire.spec import Shape, deadline
from tests.wire.client import ACCESS_KEY_ID, REGION, SECRET, Request, client
from tests.wire.values import Values

SERVICE = deadline()
OPERATIONS = sorted(SERVICE.operations)
SHARES = [0.0, 1.0, 1.0, 0.7, 0.5, 0.3]
"""Which share of optional members each example has: required only, all, some."""


def snake(name: str) -> str:
    """Return the method name boto3 gives an operation."""
    from botocore import xform_name

    return str(xform_name(name))


def without_extensions(shape: Shape, value: Any) -> Any:
    """Return the value without the members AWS's model does not have."""
    match shape.kind:
        case "structure":
            return {
                name: without_extensions(SERVICE.shapes[shape.members[name].shape], item)
                for name, item in value.items()
                if not name.startswith("grange")
            }
        case "list":
            return [without_extensions(SERVICE.shapes[shape.element or ""], v) for v in value]
        case "map":
            inner = SERVICE.shapes[shape.value or ""]
            return {name: without_extensions(inner, item) for name, item in value.items()}
        case _:
            return value


def for_boto(shape: Shape, value: Any) -> Any:
    """Return the value as a boto3 user writes it: instants are datetimes."""
    match shape.kind:
        case "structure":
            return {
                name: for_boto(SERVICE.shapes[shape.members[name].shape], item)
                for name, item in value.items()
            }
        case "list":
            return [for_boto(SERVICE.shapes[shape.element or ""], item) for item in value]
        case "map":
            inner = SERVICE.shapes[shape.value or ""]
            return {name: for_boto(inner, item) for name, item in value.items()}
        case "timestamp":
            return datetime_of(Instant(value))
        case _:
            return value


def from_boto(value: Any) -> Any:
    """Return what boto3 parsed with its datetimes as instants."""
    match value:
        case datetime():
            return instant_of(value)
        case dict():
            return {name: from_boto(item) for name, item in value.items()}
        case list():
            return [from_boto(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("name", OPERATIONS)
def test_boto3_and_grange_understand_each_other(name: str) -> None:
    operation = SERVICE.operations[name]
    input_shape = SERVICE.shapes[operation.input]
    expected: dict[str, Any] = {}
    result: dict[str, Any] = {}

    def answer(request: Request) -> Reply:
        signature = verify(
            method=request.method,
            raw_path=request.raw_path,
            raw_query=request.raw_query,
            headers=request.headers,
            now=signed_at(request),
            secret_of=lambda key, _: SECRET if key == ACCESS_KEY_ID else None,
            body=request.body,
        )
        assert (signature.service, signature.region) == ("deadline", REGION)
        route = deadline_router().route(request.method, request.raw_path)
        assert route.operation.name == name
        found = decode_request(
            route, raw_query=request.raw_query, headers=request.headers, body=request.body
        )
        if "clientToken" not in expected:
            found.pop("clientToken", None)
        assert found == expected
        return encode_response(operation, result, check=True)

    boto = client("deadline", answer)
    for number, share in enumerate(SHARES):
        values = Values(SERVICE, zlib.crc32(name.encode()) + number, optional=share)
        expected = without_extensions(input_shape, values.input(operation.input))
        result = values.value(operation.output)
        parsed = getattr(boto, snake(name))(**for_boto(input_shape, expected))
        metadata = parsed.pop("ResponseMetadata")
        assert metadata["HTTPStatusCode"] == operation.status
        assert metadata["RetryAttempts"] == 0
        told = without_extensions(SERVICE.shapes[operation.output], result)
        assert from_boto(parsed) == ({} if operation.status == 204 else told)


def signed_at(request: Request) -> Instant:
    """Return the time botocore signed a request for."""
    moment = datetime.strptime(request.headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    return instant_of(moment)


def test_all_127_operations_are_tried() -> None:
    assert len(OPERATIONS) == 127


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_we_encode_without_checks_is_the_same(name: str) -> None:
    operation = SERVICE.operations[name]
    result = Values(SERVICE, 3, optional=0.8).value(operation.output)
    assert encode_response(operation, result) == encode_response(operation, result, check=True)


def test_none_and_unknown_members_are_left_out() -> None:
    operation = SERVICE.operations["ListFarms"]
    farm = {"farmId": "farm-" + "0" * 32, "displayName": "F", "createdAt": 0, "createdBy": "ü"}
    result = {"farms": [farm | {"updatedAt": None, "_row": 1}], "nextToken": None, "_rows": 2}
    assert encode_response(operation, result).body.decode() == (
        '{"farms":[{"farmId":"farm-00000000000000000000000000000000","displayName":"F",'
        '"createdAt":"1970-01-01T00:00:00.000Z","createdBy":"ü"}]}'
    )
    with pytest.raises(ValueError, match=r"farms\[0\]\._row is unknown.*_rows is unknown"):
        encode_response(operation, result, check=True)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"farmId": None}, "farmId is required"),
        ({"farmId": "farm-1"}, "farmId must match the pattern"),
        ({"displayName": ""}, "displayName must be 1 to 100 characters"),
        ({"createdBy": 5}, "createdBy must be text, not a whole number"),
    ],
)
def test_a_checked_reply_that_breaks_the_model_is_refused(
    change: dict[str, Any], complaint: str
) -> None:
    farm = {"farmId": "farm-" + "0" * 32, "displayName": "F", "createdAt": 0, "createdBy": "u"}
    with pytest.raises(ValueError, match=complaint):
        encode_response(SERVICE.operations["GetFarm"], farm | change, check=True)


def test_decimals_are_sent_with_all_their_digits() -> None:
    operation = SERVICE.operations["GetSessionsStatisticsAggregation"]
    statistics = {
        "count": 1,
        "costInUsd": {"sum": Decimal("12.345678901"), "min": Decimal("0.000000001")},
        "runtimeInSeconds": {"sum": 3600},
    }
    reply = encode_response(
        operation, {"status": "COMPLETED", "statistics": [statistics]}, check=True
    )
    assert b'"sum":12.345678901,"min":1E-9' in reply.body
    boto = client("deadline", lambda _: reply)
    parsed = boto.get_sessions_statistics_aggregation(
        farmId="farm-" + "0" * 32, aggregationId="0" * 32
    )
    assert parsed["statistics"][0]["costInUsd"] == {"sum": 12.345678901, "min": 1e-9}


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (1_769_860_800_123, "2026-01-31T12:00:00.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_timestamps_keep_their_milliseconds(instant: int, text: str) -> None:
    from grange.wire.encode import timestamp

    assert timestamp(instant) == text
