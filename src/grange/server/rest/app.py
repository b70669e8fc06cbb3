"""Builds the REST API; its OpenAPI document is made from the handlers."""

import logging
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from grange.kernel.errors import GrangeError
from grange.server.context import Context
from grange.server.rest import (
    backups,
    books,
    costs,
    exchange,
    groups,
    history,
    jobs,
    people,
    rates,
    rings,
    simulated,
    store,
    workers,
)
from grange.server.rest.actions import HANDLERS as ACTIONS
from grange.server.rest.attribution import HANDLERS as ATTRIBUTION
from grange.server.rest.audit import HANDLERS as AUDIT
from grange.server.rest.faults import fault_body, status_of
from grange.server.rest.foreign import HANDLERS as FOREIGN
from grange.server.rest.given import Services
from grange.server.rest.hails import HANDLERS as HAILS
from grange.server.rest.history_pages import HANDLERS as HISTORY_PAGES
from grange.server.rest.hooks import HANDLERS as HOOKS
from grange.server.rest.job_links import HANDLERS as JOB_LINKS
from grange.server.rest.job_pages import HANDLERS as JOB_PAGES
from grange.server.rest.job_report import HANDLERS as JOB_REPORT
from grange.server.rest.me import HANDLERS as ME
from grange.server.rest.memberships import HANDLERS as MEMBERSHIPS
from grange.server.rest.parameters import check_parameters, note_parameters
from grange.server.rest.policy import HANDLERS as POLICY
from grange.server.rest.power import HANDLERS as POWER
from grange.server.rest.reports import HANDLERS as REPORTS
from grange.server.rest.schedules import HANDLERS as SCHEDULES
from grange.server.rest.snapshots import HANDLERS as SNAPSHOTS
from grange.server.rest.streams_graphs import HANDLERS as STREAMS_GRAPHS
from grange.server.rest.streams_lines import HANDLERS as STREAMS_LINES
from grange.server.rest.streams_series import HANDLERS as STREAMS_SERIES
from grange.server.rest.streams_values import HANDLERS as STREAMS_VALUES
from grange.server.rest.streams_watch import HANDLERS as STREAMS_WATCH
from grange.server.rest.task_logs import HANDLERS as TASK_LOGS
from grange.server.rest.views import HANDLERS as VIEWS
from grange.server.rest.why import HANDLERS as WHY
from grange.server.rest.worker_pages import HANDLERS as WORKER_PAGES
from grange.server.rest.wrangle import HANDLERS as WRANGLE
from grange.services.permissions import Principal
from grange.wire.faults import Fault, fault_of, retry_header

PREFIX = "/api/v1"

_UNREACHABLE = "/openapi"
"""Litestar's own route for the document; requests come here under PREFIX alone."""

_log = logging.getLogger(__name__)
_CODES = {
    400: "ValidationException",
    404: "ResourceNotFoundException",
    405: "MethodNotAllowedException",
    413: "ValidationException",
    415: "ValidationException",
}
_BODY = {"data": "body"}
"""What handlers call the body of a request."""


def rest_app(version: str) -> Litestar:
    """Return the REST API. The services behind it come with each request, in its scope's state.

    Making it reads the signature of every handler, which is slow: a process does it once.

    Args:
        version: Grange's version.
    """
    return _made(version)


@cache
def _made(version: str) -> Litestar:
    app = Litestar(
        route_handlers=[Router(path=PREFIX, route_handlers=HANDLERS)],
        dependencies={
            "caller": Provide(_caller, sync_to_thread=False),
            "context": Provide(_context, sync_to_thread=False),
        },
        guards=[_guard],
        exception_handlers={
            GrangeError: _answer_error,
            HTTPException: _answer_http_error,
            Exception: _answer_error,
        },
        openapi_config=OpenAPIConfig(
            title="Grange",
            version=version,
            description="What the Deadline Cloud API has no words for.",
            path=_UNREACHABLE,
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin()],
        ),
        request_max_body_size=None,
        logging_config=None,
        signature_types=[Context, Principal],
    )
    note_parameters(app)
    return app


@get("/openapi.json", operation="GetMe", include_in_schema=False)
async def get_openapi(request: Request[Principal, None, State]) -> dict[str, Any]:
    """Describe this API as an OpenAPI document."""
    return request.app.openapi_schema.to_schema()


HANDLERS: list[HTTPRouteHandler] = [
    *ME,
    *people.HANDLERS,
    *MEMBERSHIPS,
    *AUDIT,
    *jobs.HANDLERS,
    *workers.HANDLERS,
    *books.HANDLERS,
    *costs.HANDLERS,
    *rates.HANDLERS,
    *groups.HANDLERS,
    *history.HANDLERS,
    *FOREIGN,
    *HAILS,
    *HISTORY_PAGES,
    *exchange.HANDLERS,
    *REPORTS,
    *ATTRIBUTION,
    *WHY,
    *JOB_REPORT,
    *POWER,
    *JOB_LINKS,
    *POLICY,
    *WRANGLE,
    *TASK_LOGS,
    *JOB_PAGES,
    *WORKER_PAGES,
    *ACTIONS,
    *SCHEDULES,
    *HOOKS,
    *SNAPSHOTS,
    *VIEWS,
    *store.HANDLERS,
    *backups.HANDLERS,
    *rings.HANDLERS,
    *STREAMS_GRAPHS,
    *STREAMS_SERIES,
    *STREAMS_VALUES,
    *STREAMS_LINES,
    *STREAMS_WATCH,
    *simulated.HANDLERS,
    get_openapi,
]
"""Every route of the REST API."""


def openapi_document(version: str) -> dict[str, Any]:
    """Return the OpenAPI document as plain JSON values."""
    document: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(rest_app(version).openapi_schema.to_schema())
    )
    return document


def _context(request: Request[Any, Any, Any]) -> Context:
    context: Context = request.scope["state"]["context"]
    return context


def _caller(request: Request[Any, Any, Any], context: Services) -> Principal:
    """Return who asks.

    That it asks for the context makes Litestar provide the two one after the other; beside each
    other they would take a group of tasks in every request.
    """
    caller: Principal = request.scope["state"]["caller"]
    return caller


async def _guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Ask whether the caller may use the operation that a route names, and says all it means."""
    operation = handler.opt.get("operation")
    if operation is None:
        return  # the OpenAPI document
    state: Any = connection.scope["state"]
    context: Context = state["context"]
    await context.access.require(
        state["caller"],
        f"grange:{operation}",
        connection.path_params,
        address=state["address"],
        request_id=state["request_id"],
    )
    check_parameters(connection, handler)


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    fault = fault_of(error)
    # An error of Grange's that clients know nothing of is a mistake of the books' process.
    if fault.status == 500 or (fault.status > 500 and not isinstance(error, GrangeError)):
        _log.error(
            "A request failed.",
            exc_info=error,
            extra={
                "action": "request_failed",
                "operation": request.url.path,
                "request_id": request.scope["state"].get("request_id", ""),
            },
        )
    return Response(
        fault_body(fault),
        status_code=status_of(error, fault),
        headers=dict(retry_header(fault)),
        media_type="application/json",
    )


def _answer_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    fields = [
        {"name": _BODY.get(name := str(item.get("key", "")), name), "message": str(item["message"])}
        for item in (error.extra or [])
        if isinstance(item, dict) and item.get("message")
    ]
    said = "; ".join(f"{one['name']}: {one['message']}" for one in fields)
    fault = Fault(
        code=_CODES.get(error.status_code, "ValidationException"),
        status=error.status_code,
        message=said or error.detail or "The request was refused.",
        members={"fieldList": fields},
    )
    return Response(fault_body(fault), status_code=error.status_code, media_type="application/json")
