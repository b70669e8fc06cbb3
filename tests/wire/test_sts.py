"""STS GetCallerIdentity against the unmodified client."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from grange.kernel import errors
from grange.wire import sts
from grange.wire.encode import Reply
from tests.wire.client import Request, client

WHO = sts.CallerIdentity(account="000000000000", arn="arn:aws:iam::0:user/<ü&\x01>", user_id="AKID")


def test_the_caller_learns_who_they_are() -> None:
    def answer(request: Request) -> Reply:
        assert sts.decode_sts_request(request.raw_query, request.body) == "GetCallerIdentity"
        return sts.encode_caller_identity(WHO, request_id="request-1")

    parsed = client("sts", answer).get_caller_identity()
    assert parsed.pop("ResponseMetadata")["RequestId"] == "request-1"
    assert parsed == {
        "Account": "000000000000",
        "Arn": "arn:aws:iam::0:user/<ü&?>",
        "UserId": "AKID",
    }


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (
            errors.AuthenticationError("<&>", code="InvalidSignatureException"),
            "SignatureDoesNotMatch",
            403,
        ),
        (
            errors.AuthenticationError("<&>", code="UnrecognizedClientException"),
            "InvalidClientTokenId",
            403,
        ),
        (errors.AuthenticationError("<&>", code="ExpiredTokenException"), "ExpiredToken", 403),
        (errors.UnknownOperationError("STS", "AssumeRole"), "InvalidAction", 404),
        (errors.InvalidRequestError("<&>"), "ValidationError", 400),
        (KeyError("secret"), "InternalFailure", 500),
    ],
)
def test_boto3_reads_the_errors(error: BaseException, code: str, status: int) -> None:
    boto = client("sts", lambda _: sts.encode_sts_fault(error, request_id="request-1"))
    with pytest.raises(ClientError) as caught:
        boto.get_caller_identity()
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert "secret" not in response["Error"]["Message"]
    if isinstance(error, errors.AuthenticationError):
        assert response["Error"]["Message"] == "<&>"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_other_actions_are_unknown() -> None:
    with pytest.raises(errors.UnknownOperationError):
        sts.decode_sts_request("", b"Action=AssumeRole&Version=2011-06-15")


@pytest.mark.parametrize("body", [b"", b"Version=1", b"Action=", b"Action=a&Action=b", b"\xff=1"])
def test_an_unreadable_form_is_refused(body: bytes) -> None:
    with pytest.raises(errors.InvalidRequestError):
        sts.decode_sts_request("", body)


def test_the_action_may_come_in_the_query() -> None:
    assert sts.decode_sts_request("Action=GetCallerIdentity", b"") == "GetCallerIdentity"


@given(query=st.text(), body=st.binary())
def test_anything_is_understood_or_refused(query: str, body: bytes) -> None:
    with pytest.raises((errors.InvalidRequestError, errors.UnknownOperationError)):
        sts.decode_sts_request(query, body)
