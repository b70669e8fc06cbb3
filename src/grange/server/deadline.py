"""The Deadline Cloud API: route, decode, check the role, call the handler, encode."""

import logging
from collections.abc import Awaitable, Callable

from grange.kernel.errors import (
    AuthenticationError,
    GrangeError,
    NotServedError,
    ThrottledError,
)
from grange.server.context import Call, Context, Handler, Result, named
from grange.server.handlers import changes, farms, jobs, statistics, storage, work, workers
from grange.server.http import ClientGoneError, Request
from grange.services.permissions import Principal
from grange.wire.decode import decode_request
from grange.wire.encode import Reply, encode_response
from grange.wire.faults import fault_of, rest_json
from grange.wire.router import deadline_router

HANDLERS: dict[str, Handler] = {
    **farms.HANDLERS,
    **changes.HANDLERS,
    **jobs.HANDLERS,
    **work.HANDLERS,
    **workers.HANDLERS,
    **statistics.HANDLERS,
    **storage.HANDLERS,
}
"""Every operation that is served."""

NEVER_500 = frozenset(
    {
        "CreateWorker",
        "AssumeFleetRoleForWorker",
        "AssumeQueueRoleForWorker",
        "UpdateWorker",
        "UpdateWorkerSchedule",
        "BatchGetJobEntity",
    }
)
"""Worker agents end at an internal error; a throttled request they send again."""

Gone = Callable[[], Awaitable[object]]

_log = logging.getLogger(__name__)


async def answer(
    request: Request, body: bytes, caller: Principal, context: Context, gone: Gone
) -> Reply:
    """Return the reply to an authenticated request; errors become faults.

    Args:
        request: the request.
        body: its body.
        caller: who signed it.
        context: the services behind the door.
        gone: returns when the client has closed the connection.

    Raises:
        ClientGoneError: it has.
    """
    operation = ""
    try:
        route = deadline_router().route(request.method, request.raw_path)
        operation = route.operation.name
        await context.access.require(
            caller,
            operation,
            named(route.path_params),
            address=request.address,
            request_id=request.request_id,
        )
        handler = HANDLERS.get(operation, _not_served)
        decoded = decode_request(
            route, raw_query=request.raw_query, headers=request.headers, body=body
        )
        result = await handler(
            Call(
                operation=operation,
                request=decoded,
                caller=caller,
                context=context,
                headers=request.headers,
                gone=gone,
            )
        )
        return encode_response(route.operation, result)
    except ClientGoneError:
        raise
    except GrangeError as error:
        return _fault(error, operation, request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
        return _fault(error, operation, request)


async def _not_served(call: Call) -> Result:
    raise NotServedError(call.operation)


def refused(error: GrangeError) -> Reply:
    """Return the fault of a request that could not be authenticated or read."""
    return rest_json(fault_of(error))


def _fault(error: Exception, operation: str, request: Request) -> Reply:
    fault = fault_of(error)
    if fault.status < 500 or isinstance(error, NotServedError | AuthenticationError):
        return rest_json(fault)
    _log.error(
        "A request failed.",
        exc_info=error,
        extra={
            "action": "request_failed",
            "operation": operation,
            "request_id": request.request_id,
        },
    )
    if operation in NEVER_500:
        return rest_json(
            fault_of(
                ThrottledError(
                    "Grange could not do this now. Send the request again.", retry_after_seconds=5
                )
            )
        )
    return rest_json(fault)
