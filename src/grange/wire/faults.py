"""Grange's errors as AWS faults: one table, from the error's class to code, status and members.

A `Fault` is free of any protocol. `rest_json` writes it for the Deadline Cloud API; `logs` and
`sts` write it for theirs. An error that is not in the table is a mistake of ours: it is answered
without a word of what it was, because it may hold anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    InvalidTransitionError,
    NotFoundError,
    NotServedError,
    QuotaExceededError,
    ThrottledError,
    UnknownOperationError,
    UnreachableError,
)
from grange.wire.encode import Reply, to_json

SERVICE_CODE = "deadline"

INTERNAL_MESSAGE = (
    "Grange could not do this because of a mistake of its own. Its log tells more, under this"
    " request's id."
)

AUTHENTICATION_STATUS = {"IncompleteSignatureException": HTTPStatus.BAD_REQUEST}
"""The status of each authentication code that is not 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as an AWS client sees it, before any protocol."""

    code: str
    """The name of the model's exception, or of AWS's common errors."""
    status: int
    message: str
    members: Mapping[str, Any] = field(default_factory=dict)
    """What the exception carries beside its message; None members are left out."""
    retry_after_seconds: int | None = None
    """Sent as the Retry-After header."""


def fault_of(error: BaseException) -> Fault:
    """Return the fault that tells a client of `error`."""
    for kind in type(error).__mro__:
        build = _TABLE.get(kind)
        if build is not None:
            return build(error)
    return Fault(
        code="InternalServerErrorException",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        message=INTERNAL_MESSAGE,
    )


def rest_json(fault: Fault) -> Reply:
    """Return the reply that carries a fault in the Deadline Cloud API's protocol."""
    members = {name: value for name, value in fault.members.items() if value is not None}
    return Reply(
        status=int(fault.status),
        headers=(
            ("content-type", "application/json"),
            ("x-amzn-errortype", fault.code),
            *retry_header(fault),
        ),
        body=to_json({"message": fault.message, **members}),
    )


def retry_header(fault: Fault) -> tuple[tuple[str, str], ...]:
    """Return the Retry-After header of a fault that has one."""
    if fault.retry_after_seconds is None:
        return ()
    return (("retry-after", str(fault.retry_after_seconds)),)


def renamed(fault: Fault, codes: Mapping[str, str]) -> Fault:
    """Return the fault with its code in another API's words."""
    return replace(fault, code=codes.get(fault.code, fault.code))


def _validation(error: InvalidRequestError) -> Fault:
    fields = [{"name": problem.name, "message": problem.message} for problem in error.fields]
    return Fault(
        code="ValidationException",
        status=HTTPStatus.BAD_REQUEST,
        message=str(error),
        members={"reason": error.reason, "fieldList": fields or None},
    )


def _authentication(error: AuthenticationError) -> Fault:
    return Fault(
        code=error.code,
        status=AUTHENTICATION_STATUS.get(error.code, HTTPStatus.FORBIDDEN),
        message=str(error),
    )


def _access_denied(error: AccessDeniedError) -> Fault:
    return Fault(code="AccessDeniedException", status=HTTPStatus.FORBIDDEN, message=str(error))


def _not_found(error: NotFoundError) -> Fault:
    return Fault(
        code="ResourceNotFoundException",
        status=HTTPStatus.NOT_FOUND,
        message=str(error),
        members={"resourceId": error.resource_id, "resourceType": error.resource_type},
    )


def _conflict(error: ConflictError) -> Fault:
    return Fault(
        code="ConflictException",
        status=HTTPStatus.CONFLICT,
        message=str(error),
        members={
            "reason": error.reason,
            "resourceId": error.resource_id,
            "resourceType": error.resource_type,
            "context": error.context or None,
        },
    )


def _invalid_transition(error: InvalidTransitionError) -> Fault:
    return Fault(
        code="ConflictException",
        status=HTTPStatus.CONFLICT,
        message=f"{error.machine} {error.subject} is {error.state}, which does not allow this.",
        members={
            "reason": "STATUS_CONFLICT",
            "resourceId": error.subject,
            "resourceType": error.machine,
            "context": {"status": error.state},
        },
    )


def _quota_exceeded(error: QuotaExceededError) -> Fault:
    return Fault(
        code="ServiceQuotaExceededException",
        status=HTTPStatus.PAYMENT_REQUIRED,
        message=str(error),
        members={
            "reason": "SERVICE_QUOTA_EXCEEDED_EXCEPTION",
            "resourceType": error.resource_type,
            "serviceCode": SERVICE_CODE,
            "quotaCode": error.quota_code,
        },
    )


def _throttled(error: ThrottledError) -> Fault:
    return Fault(
        code="ThrottlingException",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        message=str(error),
        members={"serviceCode": SERVICE_CODE},
        retry_after_seconds=error.retry_after_seconds,
    )


def _unreachable(_error: UnreachableError) -> Fault:
    return Fault(
        code="ThrottlingException",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        message="Something Grange depends on did not answer.",
        members={"serviceCode": SERVICE_CODE},
        retry_after_seconds=1,
    )


def _unknown_operation(error: UnknownOperationError) -> Fault:
    return Fault(code="UnknownOperationException", status=HTTPStatus.NOT_FOUND, message=str(error))


def _not_served(error: NotServedError) -> Fault:
    # botocore repeats a request after 500, 502, 503, 504 and 509, but not after 501.
    return Fault(code="NotServedException", status=HTTPStatus.NOT_IMPLEMENTED, message=str(error))


_TABLE: Mapping[type[BaseException], Callable[[Any], Fault]] = {
    AccessDeniedError: _access_denied,
    AuthenticationError: _authentication,
    ConflictError: _conflict,
    InvalidRequestError: _validation,
    InvalidTransitionError: _invalid_transition,
    NotFoundError: _not_found,
    NotServedError: _not_served,
    QuotaExceededError: _quota_exceeded,
    ThrottledError: _throttled,
    UnknownOperationError: _unknown_operation,
    UnreachableError: _unreachable,
}
"""Errors not named here, ConfigurationError and CorruptDataError among them, are internal."""
