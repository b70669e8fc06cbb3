"""Errors of the REST API: the wire's faults as `{"error": {code, message, fields}}`."""

from typing import Any

from grange.kernel.errors import AuthenticationError
from grange.wire.encode import Reply, to_json
from grange.wire.faults import Fault, fault_of, retry_header


def status_of(error: BaseException, fault: Fault) -> int:
    """Return the HTTP status; who is not signed in gets 401."""
    return 401 if isinstance(error, AuthenticationError) else int(fault.status)


def fault_body(fault: Fault) -> dict[str, Any]:
    """Return a fault as the body of an answer."""
    fields = fault.members.get("fieldList") or []
    context = fault.members.get("context") or {}
    error: dict[str, Any] = {"code": fault.code, "message": fault.message, "fields": fields}
    if context:
        error["context"] = context
    return {"error": error}


def rest_fault(error: BaseException) -> Reply:
    """Return the reply that tells of an error."""
    fault = fault_of(error)
    return Reply(
        status=status_of(error, fault),
        headers=(("content-type", "application/json"), *retry_header(fault)),
        body=to_json(fault_body(fault)),
    )
