"""BatchGet operations: many times the operation that gets one, each failing for itself."""

from collections.abc import Awaitable, Callable, Mapping

from grange.kernel.errors import GrangeError
from grange.server.context import Call, Handler, Result, named
from grange.services.permissions import check
from grange.wire.faults import fault_of


def batch(single: Callable[[Call], Awaitable[Result]], member: str) -> Handler:
    """Return the handler of a BatchGet operation, made of the handler that gets one."""

    async def handler(call: Call) -> Result:
        found, errors = [], []
        for identifier in call.request["identifiers"]:
            one = Call(
                operation=call.operation,
                request=identifier,
                caller=call.caller,
                context=call.context,
            )
            try:
                await check_item(call, identifier)
                found.append({**identifier, **await single(one)})
            except GrangeError as error:
                fault = fault_of(error)
                errors.append({**identifier, "code": fault.code, "message": fault.message})
        return {member: found, "errors": errors}

    return handler


async def check_item(call: Call, identifier: Mapping[str, str]) -> None:
    """Return if the caller may get this one.

    Raises:
        AccessDeniedError: the caller may not.
    """
    operation = call.operation.removeprefix("Batch")
    target = await call.context.access.target(call.caller, operation, named(identifier))
    check(call.caller, operation, target)
