"""The error tree. Classes say what the caller may do about it.

GrangeError
├── InvalidRequestError      mend the request; `reason` and `fields` say where
│   ├── TooLargeError        ask for less: a shorter range, fewer resources, longer periods
│   └── MetricMissingError   ask for what is collected of the stream, or collect more
├── AuthenticationError      sign the request with a valid key
├── AccessDeniedError        ask somebody with the right role
├── NotFoundError            the resource does not exist (or no longer)
├── ConflictError            the resource is in a state that forbids this; read it again
├── QuotaExceededError       delete something first
├── ThrottledError           try again after `retry_after_seconds`
│   └── StorageFullError     the disk is (nearly) full; nothing was accepted
├── NotServedError           a Deadline Cloud operation Grange does not serve yet
├── InvalidTransitionError   a state machine was offered an event its state refuses
├── ConfigurationError       mend the setting it names
├── UnreachableError         the server did not answer
└── CorruptDataError         a file is not what it should be; `path` says which
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field of a request."""

    name: str
    """Path of the member, e.g. `capabilities.amounts[0].name`."""
    message: str


class GrangeError(Exception):
    """Root of every error Grange raises on purpose."""


class InvalidRequestError(GrangeError):
    """The request is malformed or breaks a constraint; nothing was changed."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "FIELD_VALIDATION_FAILED",
        fields: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        """One of Deadline Cloud's ValidationExceptionReason values."""
        self.fields = tuple(fields)


class TooLargeError(InvalidRequestError):
    """The answer would be too large, or take too long."""


class MetricMissingError(InvalidRequestError):
    """A measure was asked for that is not collected of a stream."""


class AuthenticationError(GrangeError):
    """The request carries no valid signature; `code` is the AWS error code to answer with."""

    def __init__(self, message: str, *, code: str = "AccessDeniedException") -> None:
        super().__init__(message)
        self.code = code


class AccessDeniedError(GrangeError):
    """The caller is known but may not do this."""


class NotFoundError(GrangeError):
    """The named resource does not exist."""

    def __init__(self, resource_type: str, resource_id: str) -> None:
        super().__init__(f"{resource_type} {resource_id} does not exist.")
        self.resource_type = resource_type
        self.resource_id = resource_id


class ConflictError(GrangeError):
    """The resource's state forbids the request."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        resource_type: str,
        resource_id: str,
        context: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        """One of Deadline Cloud's ConflictExceptionReason values, e.g. STATUS_CONFLICT."""
        self.resource_type = resource_type
        self.resource_id = resource_id
        self.context = dict(context or {})


class QuotaExceededError(GrangeError):
    """A limit on the number of resources was reached."""

    def __init__(self, message: str, *, resource_type: str, quota_code: str) -> None:
        super().__init__(message)
        self.resource_type = resource_type
        self.quota_code = quota_code


class ThrottledError(GrangeError):
    """The server cannot take this now; nothing was changed, the same request may be sent again."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StorageFullError(ThrottledError):
    """There is no room to keep what was sent, so it was not accepted."""


class UnknownOperationError(GrangeError):
    """No operation of the API has this path, or none with this method."""

    def __init__(self, method: str, path: str, *, allowed: Sequence[str] = ()) -> None:
        hint = f" It knows {', '.join(allowed)}." if allowed else ""
        super().__init__(f"{method[:20]} {path[:200]} names no operation of this API.{hint}")
        self.allowed = tuple(allowed)
        """The methods that the path knows, if it exists."""


class NotServedError(GrangeError):
    """The operation exists in the Deadline Cloud API but Grange does not serve it yet."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"{operation} is not served by Grange yet; docs/operations-served.md lists what is."
        )
        self.operation = operation


class InvalidTransitionError(GrangeError):
    """A state machine was offered an event that its state does not accept."""

    def __init__(
        self, machine: str, subject: str, state: str, event: str, history: str = ""
    ) -> None:
        tail = f" History: {history}" if history else ""
        super().__init__(f"{machine} {subject} is {state} and does not accept {event}.{tail}")
        self.machine = machine
        self.subject = subject
        self.state = state
        self.event = event
        self.history = history


class ConfigurationError(GrangeError):
    """A setting is missing, unknown or wrong; the message names it and its origin."""


class UnreachableError(GrangeError):
    """The other side did not answer; the request may or may not have been carried out."""


class CorruptDataError(GrangeError):
    """A file does not hold what its format promises."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
