"""Query parameters that a route does not know are refused: `?usr=ann` must not mean everybody."""

from difflib import get_close_matches
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from grange.kernel.errors import FieldProblem, InvalidRequestError

_KNOWN = "query"


def note_parameters(app: Litestar) -> None:
    """Have every handler of an app know the names of its query parameters."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            model = handler.create_kwargs_model(path_parameters=route.path_parameters)
            names = {one.field_alias for one in model.expected_query_params}
            handler.opt[_KNOWN] = sorted(names | set(handler.opt.get(_KNOWN, ())))


def check_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Refuse a query parameter that the route does not know.

    Raises:
        InvalidRequestError: there is one; it says which there are.
    """
    known: list[str] = handler.opt.get(_KNOWN, [])
    for name in connection.query_params:
        if name in known:
            continue
        near = get_close_matches(name, known, 1)
        there = f"There are {', '.join(known)}." if known else "There is none."
        hint = f"Did you mean {near[0]}?" if near else there
        said = f"There is no query parameter {name!r} here. {hint}"
        raise InvalidRequestError(said, fields=[FieldProblem(name, said)])
