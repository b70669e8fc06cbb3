"""The one ASGI callable: proves who asks, then hands the request to the API it is for.

Signed requests go by the service of their credential scope: `deadline`, `logs`, `sts`, or `grange`
for the REST API. Unsigned ones are the page, the browser with its cookie, and a few harmless paths.
"""

import asyncio
import logging
from collections.abc import Callable

from grange.kernel.errors import AuthenticationError, GrangeError, UnknownOperationError
from grange.server import aws, deadline
from grange.server.asgi import App, Message, Receive, Scope, Send
from grange.server.authentication import Authenticated, Authenticator
from grange.server.context import Context
from grange.server.doorway import PATHS as DOORS
from grange.server.doorway import Doorway
from grange.server.http import (
    ClientGoneError,
    Request,
    read_body,
    replaying,
    request_of,
    send_reply,
    takes_gzip,
    text_reply,
)
from grange.server.metrics import PATH as METRICS_PATH
from grange.server.metrics import Metrics
from grange.server.packed import packing
from grange.server.plain import STYLE_PATH
from grange.server.plain import style as plain_style
from grange.server.published import PREFIX as PUBLISHED_PREFIX
from grange.server.published import Published
from grange.server.rest.faults import rest_fault
from grange.server.status_page import PATH as STATUS_PATH
from grange.server.status_page import StatusPage
from grange.server.web import SECURITY_HEADERS, WebFiles
from grange.wire.encode import Reply, to_json
from grange.wire.logs import encode_logs_fault
from grange.wire.signature import scope_service
from grange.wire.sts import encode_sts_fault

API_PREFIX = "/api/v1"
TELEMETRY_PATH = "/2023-10-12/telemetry"
"""Where the `deadline` clients send their telemetry when they are given our endpoint."""
AUTHORITY_PATH = "/ca.pem"
"""Where anybody gets the certificate of the server's own authority, to pin its fingerprint."""

MIB = 1024 * 1024
BODY_LIMITS = {"deadline": 4 * MIB, "sts": 64 * 1024, "logs": 16 * MIB, "grange": 16 * MIB}
"""Bytes a body may have, by service."""

_log = logging.getLogger(__name__)


class LateApp:
    """An ASGI application that is made when it is first needed, or by `warm`, in a thread.

    The REST API's framework takes as long to load as the rest of the server; workers that come back
    after a restart need not wait for it.
    """

    def __init__(self, make: Callable[[], App]) -> None:
        self._make = make
        self._app: App | None = None
        self._making = asyncio.Lock()

    async def warm(self) -> App:
        """Make the application now."""
        async with self._making:
            if self._app is None:
                self._app = await asyncio.to_thread(self._make)
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        app = self._app or await self.warm()
        await app(scope, receive, send)


class Application:
    """Answers every request of the server."""

    def __init__(
        self,
        *,
        context: Context,
        authenticator: Authenticator,
        rest: App,
        web: WebFiles,
        secure: bool,
        authority: bytes = b"",
        metrics_token: str = "",
    ) -> None:
        """Put the doors together.

        Args:
            context: the services behind the door.
            authenticator: proves who sent a request.
            rest: the REST API; it finds the caller in `scope["state"]`.
            web: the page.
            secure: True if connections are encrypted.
            authority: the certificate of the server's own authority, in PEM; empty: it has none.
            metrics_token: what Prometheus must show; empty: it is not answered.
        """
        self._context = context
        self._authenticator = authenticator
        self._rest = rest
        self._web = web
        self._doorway = Doorway(context, authenticator, secure=secure)
        self._status = StatusPage(context, authenticator)
        self._authority = authority
        self._published = Published(context, authenticator)
        self._metrics = Metrics(context, metrics_token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            return
        request = request_of(scope)
        try:
            if request.raw_path == METRICS_PATH:
                await send_reply(send, await self._metrics.reply(request), request.request_id)
            elif "authorization" in request.headers:
                await self._signed(request, scope, receive, send)
            elif _is_rest(request):
                await self._browser(request, scope, receive, send)
            else:
                reply = await self._unsigned(request, receive)
                await send_reply(send, reply, request.request_id, head=request.method == "HEAD")
        except ClientGoneError:
            _log.debug("A client went away.", extra={"action": "client_gone"})

    # Signed requests

    async def _signed(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        service = scope_service(request.headers["authorization"]) or ""
        try:
            body = await read_body(receive, request.headers, BODY_LIMITS.get(service, 64 * 1024))
            proved = self._authenticator.signed(request, body)
        except GrangeError as error:
            await send_reply(send, _refused(request, service, error), request.request_id)
            return
        if _is_rest(request):
            await self._to_rest(request, proved, scope, replaying(body, receive), send)
            return
        reply = await self._answer(request, proved, body, receive)
        await send_reply(send, reply, request.request_id)

    async def _answer(
        self, request: Request, proved: Authenticated, body: bytes, receive: Receive
    ) -> Reply:
        match proved.service:
            case "deadline":
                return await deadline.answer(request, body, proved.caller, self._context, receive)
            case "logs":
                return await aws.answer_logs(request, body, proved.caller, self._context)
            case "sts":
                return await aws.answer_sts(request, body, proved.caller, self._context)
            case other:
                unknown = UnknownOperationError(request.method, request.raw_path)
                _log.info(
                    "A request is signed for a service that is not served.",
                    extra={"action": "unknown_service", "service": other},
                )
                return deadline.refused(unknown)

    # REST

    async def _browser(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            proved = self._authenticator.browser(request)
            body = await read_body(receive, request.headers, BODY_LIMITS["grange"])
        except GrangeError as error:
            await send_reply(send, rest_fault(error), request.request_id)
            return
        out = packing(send) if takes_gzip(request) else send
        await self._to_rest(request, proved, scope, replaying(body, receive), out)

    async def _to_rest(
        self, request: Request, proved: Authenticated, scope: Scope, receive: Receive, send: Send
    ) -> None:
        extra = [
            (b"x-amzn-requestid", request.request_id.encode()),
            *((name.encode(), value.encode()) for name, value in SECURITY_HEADERS),
        ]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A document that brings its own style says so in a policy of its own.
                said = {bytes(name).lower() for name, _ in message["headers"]}
                more = [header for header in extra if header[0] not in said]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        scope.setdefault("state", {})
        scope["state"]["caller"] = proved.caller
        scope["state"]["context"] = self._context
        scope["state"]["request_id"] = request.request_id
        scope["state"]["headers"] = request.headers
        scope["state"]["address"] = request.address
        await self._rest(scope, receive, with_headers)

    # Unsigned requests

    async def _unsigned(self, request: Request, receive: Receive) -> Reply:
        path = request.raw_path
        if path == "/healthz":
            status = to_json({"status": "ok", "version": self._context.version})
            return Reply(status=200, headers=(("content-type", "application/json"),), body=status)
        if path == AUTHORITY_PATH and self._authority:
            kind = ("content-type", "application/x-pem-file")
            return Reply(status=200, headers=(kind,), body=self._authority)
        try:
            if path == TELEMETRY_PATH:
                await read_body(receive, request.headers, MIB)
                return Reply(
                    status=200, headers=(("content-type", "application/json"),), body=b"{}"
                )
            if path.startswith("/2023-10-12/"):
                return deadline.refused(
                    AuthenticationError(
                        "The request carries no signature. Sign it with AWS Signature Version 4.",
                        code="MissingAuthenticationTokenException",
                    )
                )
            self._authenticator.check_host(request)
            return await self._to_browser(request, receive)
        except GrangeError as error:
            return text_reply(403, f"{error}\n", *SECURITY_HEADERS)

    async def _to_browser(self, request: Request, receive: Receive) -> Reply:
        path = request.raw_path
        if path in DOORS or path.startswith("/login/"):
            return await self._doorway.reply(request, receive)
        if path == STATUS_PATH:
            return await self._status.reply(request)
        if path == STYLE_PATH:
            return plain_style()
        if path.startswith(PUBLISHED_PREFIX):
            return await self._published.reply(request)
        return self._web.reply(request)


def _is_rest(request: Request) -> bool:
    return request.raw_path == API_PREFIX or request.raw_path.startswith(API_PREFIX + "/")


def _refused(request: Request, service: str, error: GrangeError) -> Reply:
    """Return the fault of an unproved request in the words of the API it was meant for."""
    if _is_rest(request):
        return rest_fault(error)
    if service == "logs":
        return encode_logs_fault(error)
    if service == "sts":
        return encode_sts_fault(error, request_id=request.request_id)
    return deadline.refused(error)
