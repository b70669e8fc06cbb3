"""Grange's errors, as an unmodified client sees them."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from grange.kernel import errors
from grange.wire import faults
from grange.wire.encode import encode_response
from grange.wire.faults import INTERNAL_MESSAGE, fault_of, rest_json
from grange.wire.spec import deadline
from tests.wire.client import Request, client

HEX = "0" * 32
FARM = f"farm-{HEX}"


def seen(error: BaseException, *, attempts: int = 1) -> tuple[Any, ClientError, int]:
    """Return the client, the exception it raises for an error, and how often it asked."""
    asked: list[Request] = []

    def answer(request: Request) -> Any:
        asked.append(request)
        return rest_json(fault_of(error))

    boto = client("deadline", answer, attempts=attempts)
    with pytest.raises(ClientError) as caught:
        boto.get_farm(farmId=FARM)
    return boto, caught.value, len(asked)


MODELLED: list[tuple[errors.GrangeError, str, int, dict[str, Any]]] = [
    (
        errors.InvalidRequestError(
            "2 fields are wrong.",
            fields=[errors.FieldProblem("a.b[0]", "is required"), errors.FieldProblem("c", "ü")],
        ),
        "ValidationException",
        400,
        {
            "message": "2 fields are wrong.",
            "reason": "FIELD_VALIDATION_FAILED",
            "fieldList": [
                {"name": "a.b[0]", "message": "is required"},
                {"name": "c", "message": "ü"},
            ],
        },
    ),
    (
        errors.InvalidRequestError("Not JSON.", reason="CANNOT_PARSE"),
        "ValidationException",
        400,
        {"message": "Not JSON.", "reason": "CANNOT_PARSE"},
    ),
    (
        errors.AccessDeniedError("Ask an owner."),
        "AccessDeniedException",
        403,
        {"message": "Ask an owner."},
    ),
    (
        errors.NotFoundError("farm", FARM),
        "ResourceNotFoundException",
        404,
        {
            "message": f"farm {FARM} does not exist.",
            "resourceId": FARM,
            "resourceType": "farm",
        },
    ),
    (
        errors.ConflictError(
            "The worker is gone.",
            reason="STATUS_CONFLICT",
            resource_type="worker",
            resource_id="worker-1",
            context={"status": "NOT_RESPONDING"},
        ),
        "ConflictException",
        409,
        {
            "message": "The worker is gone.",
            "reason": "STATUS_CONFLICT",
            "resourceId": "worker-1",
            "resourceType": "worker",
            "context": {"status": "NOT_RESPONDING"},
        },
    ),
    (
        errors.InvalidTransitionError("task", "task-1", "SUCCEEDED", "TaskFailed", "secret past"),
        "ConflictException",
        409,
        {
            "message": "task task-1 is SUCCEEDED, which does not allow this.",
            "reason": "STATUS_CONFLICT",
            "resourceId": "task-1",
            "resourceType": "task",
            "context": {"status": "SUCCEEDED"},
        },
    ),
    (
        errors.QuotaExceededError("Too many.", resource_type="farm", quota_code="grange-farms"),
        "ServiceQuotaExceededException",
        402,
        {
            "message": "Too many.",
            "reason": "SERVICE_QUOTA_EXCEEDED_EXCEPTION",
            "resourceType": "farm",
            "serviceCode": "deadline",
            "quotaCode": "grange-farms",
        },
    ),
    (
        errors.ThrottledError("Busy.", retry_after_seconds=7),
        "ThrottlingException",
        429,
        {"message": "Busy.", "serviceCode": "deadline", "retryAfterSeconds": 7},
    ),
    (
        errors.StorageFullError("Full.", retry_after_seconds=30),
        "ThrottlingException",
        429,
        {"message": "Full.", "serviceCode": "deadline", "retryAfterSeconds": 30},
    ),
    (
        errors.CorruptDataError("/secret/path", "bad"),
        "InternalServerErrorException",
        500,
        {"message": INTERNAL_MESSAGE},
    ),
]


@pytest.mark.parametrize(("error", "code", "status", "members"), MODELLED)
def test_boto3_raises_the_modelled_exception_with_its_members(
    error: errors.GrangeError, code: str, status: int, members: dict[str, Any]
) -> None:
    boto, raised, _ = seen(error)
    assert isinstance(raised, getattr(boto.exceptions, code))
    response: dict[str, Any] = dict(raised.response)
    metadata = response.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == status
    assert metadata["RequestId"] == "request-1"
    assert response.pop("Error") == {"Code": code, "Message": members["message"]}
    assert response == members


@pytest.mark.parametrize(("error", "code", "status", "members"), MODELLED)
def test_faults_have_the_required_members_and_values_of_the_model(
    error: errors.GrangeError, code: str, status: int, members: dict[str, Any]
) -> None:
    shape = deadline().shapes[code]
    assert shape.error_status == status
    assert set(shape.required) <= set(members) <= set(shape.members)
    if "reason" in members:
        assert members["reason"] in deadline().shapes[shape.members["reason"].shape].enum
    assert fault_of(error).code == code


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("MissingAuthenticationTokenException", 403),
        ("IncompleteSignatureException", 400),
        ("InvalidSignatureException", 403),
        ("UnrecognizedClientException", 403),
        ("ExpiredTokenException", 403),
        ("RequestTimeTooSkewed", 403),
        ("AccessDeniedException", 403),
    ],
)
def test_authentication_errors_keep_their_code(code: str, status: int) -> None:
    _, raised, asked = seen(errors.AuthenticationError("Who are you?", code=code), attempts=3)
    assert raised.response["Error"] == {"Code": code, "Message": "Who are you?"}
    assert raised.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert asked == 1


def test_an_operation_not_served_says_so_at_once() -> None:
    _, raised, asked = seen(errors.NotServedError("CreateMonitor"), attempts=5)
    assert asked == 1
    assert raised.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert raised.response["Error"]["Code"] == "NotServedException"
    assert "CreateMonitor is not served by Grange yet" in str(raised)


def test_an_unknown_operation_is_a_404() -> None:
    error = errors.UnknownOperationError("PUT", "/x", allowed=("GET",))
    _, raised, _ = seen(error)
    assert raised.response["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "PUT /x names no operation of this API. It knows GET.",
    }
    assert raised.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    "error",
    [
        KeyError("password=hunter2"),
        ValueError("hunter2"),
        errors.ConfigurationError("hunter2"),
        errors.CorruptDataError("/home/hunter2", "hunter2"),
        errors.GrangeError("hunter2"),
        errors.UnreachableError("postgres://hunter2"),
    ],
)
def test_insides_are_never_told(error: BaseException) -> None:
    reply = rest_json(fault_of(error))
    assert b"hunter2" not in reply.body
    assert "hunter2" not in str(reply.headers)


def test_every_error_of_the_kernel_has_a_fault() -> None:
    """A new error class is given its fault, or called internal, on purpose and not by chance."""
    internal = {errors.GrangeError, errors.ConfigurationError, errors.CorruptDataError}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.GrangeError):
            known = any(parent in faults._TABLE for parent in kind.__mro__)
            assert known != (kind in internal), kind


def test_a_throttled_client_asks_again_and_succeeds() -> None:
    answers = [
        rest_json(fault_of(errors.ThrottledError("Busy.", retry_after_seconds=0))),
        encode_response(
            deadline().operations["GetFarm"],
            {"farmId": FARM, "displayName": "F", "createdAt": 0, "createdBy": "u"},
        ),
    ]
    boto = client("deadline", lambda _: answers.pop(0), attempts=2)
    assert boto.get_farm(farmId=FARM)["displayName"] == "F"


def test_the_page_about_the_wire_names_every_error_and_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    for kind in faults._TABLE:
        assert f"`{kind.__name__}`" in page
    for code in {code for _, code, _, _ in MODELLED} | set(faults.AUTHENTICATION_STATUS):
        assert f"`{code}`" in page
