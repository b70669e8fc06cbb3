"""The farm over HTTP: requests signed with our own SigV4, faults turned into `kernel.errors`.

Used by the worker and the command line, so it needs urllib3 and msgspec only.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import urllib3

from grange.kernel.clock import Clock
from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    FieldProblem,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    NotServedError,
    QuotaExceededError,
    ThrottledError,
    UnreachableError,
)
from grange.kernel.units import Instant, instant_of
from grange.wire.signature import Credentials, sign

_AUTHENTICATION_CODES = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "UnrecognizedClientException",
        "Unauthenticated",
    }
)
_STREAM_READ_SECONDS = 40.0
"""A stream sends a comment every 10 s; silence for longer than this means it is dead."""


class _Connection:
    """What every identity on one server shares: sockets and what is known of its clock."""

    def __init__(self, ca_file: str | None) -> None:
        self.pool = urllib3.PoolManager(
            num_pools=4, maxsize=16, retries=False, ca_certs=ca_file, cert_reqs="CERT_REQUIRED"
        )
        self.offset_ms = 0
        self.lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] | None = None
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    service: str = "grange"
    timeout_seconds: float | None
    """None asks for a stream."""


class HttpFarmApi:
    """A `FarmApi` over HTTP(S). Thread-safe.

    When the server refuses a signature because the clocks differ, the request is signed again with
    the server's time, and so are all later ones.
    """

    def __init__(
        self,
        server_url: str,
        credentials: Credentials | None,
        clock: Clock,
        *,
        region: str = "us-west-2",
        ca_file: str | None = None,
        user_agent: str = "grange",
        shared: _Connection | None = None,
    ) -> None:
        parts = urlsplit(server_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(
                f"The server's address must read like http://127.0.0.1:8765, not {server_url!r}."
            )
        self.server_url = server_url.rstrip("/")
        self._credentials = credentials
        self._clock = clock
        self._region = region
        self._user_agent = user_agent
        self._connection = shared or _Connection(ca_file)

    def with_credentials(self, credentials: Credentials) -> "HttpFarmApi":
        """Return an api to the same server, over the same sockets, signing as somebody else."""
        return HttpFarmApi(
            self.server_url,
            credentials,
            self._clock,
            region=self._region,
            user_agent=self._user_agent,
            shared=self._connection,
        )

    @property
    def clock_offset_ms(self) -> int:
        """Server time minus ours, as learned from a refused signature; 0 until then."""
        return self._connection.offset_ms

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        service: str = "deadline",
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """Send one request and return the JSON reply ({} if empty). See `ports.farm_api`."""
        content = b"" if body is None else msgspec.json.encode(body)
        sent = {"accept": "application/json"}
        if content:
            sent["content-type"] = (
                "application/x-amz-json-1.1" if service == "logs" else "application/json"
            )
        sent.update(headers or {})
        request = _Request(
            method=method,
            path=path,
            query=query,
            content=content,
            headers=sent,
            service=service,
            timeout_seconds=timeout_seconds,
        )
        return _json_object(self._send(request).data)

    def fetch(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout_seconds: float = 60.0
    ) -> bytes:
        """GET a path of the REST API and return the raw body."""
        return self._send(
            _Request(method="GET", path=path, query=query, timeout_seconds=timeout_seconds)
        ).data

    def upload(
        self,
        path: str,
        content: bytes,
        *,
        query: Mapping[str, str] | None = None,
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """PUT raw bytes to a path of the REST API and return the JSON reply."""
        request = _Request(
            method="PUT",
            path=path,
            query=query,
            content=content,
            headers={"content-type": "application/octet-stream"},
            timeout_seconds=timeout_seconds,
        )
        return _json_object(self._send(request).data)

    def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, stop: Callable[[], bool]
    ) -> Iterator[Mapping[str, str]]:
        """GET a server-sent event stream and yield its events ({id, event, data}) until `stop()`.

        `stop` is asked after every line, keep-alive comments included.
        """
        response = self._send(
            _Request(
                method="GET",
                path=path,
                query=query,
                headers={"accept": "text/event-stream"},
                timeout_seconds=None,
            )
        )
        try:
            yield from _events(_lines(response, stop))
        finally:
            response.close()
            response.release_conn()

    def close(self) -> None:
        """Close the sockets, of every identity that shares them."""
        self._connection.pool.clear()

    def _send(self, request: _Request) -> urllib3.BaseHTTPResponse:
        """Send, and once more if the clocks differ."""
        response = self._send_once(request)
        if response.status >= 300 and _error_code(response) == "RequestTimeTooSkewed":
            self._learn_offset(response)
            response = self._send_once(request)
        if response.status >= 300:
            raise _fault(request, response)
        return response

    def _send_once(self, request: _Request) -> urllib3.BaseHTTPResponse:
        url = self.server_url + request.path
        if request.query:
            url += "?" + urlencode(request.query, quote_via=quote)
        sent = {"user-agent": self._user_agent, **request.headers}
        if self._credentials is not None:
            sent = sign(
                method=request.method,
                url=url,
                body=request.content,
                headers=sent,
                credentials=self._credentials,
                service=request.service,
                region=self._region,
                now=Instant(self._clock.now() + self._connection.offset_ms),
            )
        streamed = request.timeout_seconds is None
        read = request.timeout_seconds or _STREAM_READ_SECONDS
        try:
            response = self._connection.pool.request(
                request.method,
                url,
                body=request.content or None,
                headers=sent,
                timeout=urllib3.Timeout(connect=min(10.0, read), read=read),
                preload_content=not streamed,
                redirect=False,
            )
            if streamed and response.status >= 300:
                response.read(cache_content=True)
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(
                f"The server at {self.server_url} did not answer: {_plainly(error)}"
                f"{_trust_hint(error)}"
            ) from error
        return response

    def _learn_offset(self, response: urllib3.BaseHTTPResponse) -> None:
        date = response.headers.get("date")
        if date is None:
            return
        try:
            theirs = instant_of(parsedate_to_datetime(date))
        except ValueError:
            return
        with self._connection.lock:
            self._connection.offset_ms = theirs - self._clock.now()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _plainly(error: Exception) -> str:
    """Return why there was no answer, in words of no library's where the cause is a common one."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "nobody knows that name."
    cause = error.__cause__
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there. Is it running, and is this its address?"
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror}."
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it took too long."
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection broke off."
    if "WRONG_VERSION_NUMBER" in str(error):
        return "it speaks no TLS. Does its address begin with http:// ?"
    return _first_line(error)


def _trust_hint(error: Exception) -> str:
    """Return what to do if the server's certificate was not believed."""
    if "CERTIFICATE_VERIFY_FAILED" not in str(error):
        return ""
    return (
        ". If it is your server, say so: `grange worker join` takes its --fingerprint, and `grange"
        " admin trust` fetches a file for AWS_CA_BUNDLE."
    )


def _json_object(content: bytes) -> dict[str, Any]:
    if not content:
        return {}
    try:
        reply = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise UnreachableError(
            "The answer is not JSON: something other than Grange listens at this address."
        ) from error
    return reply if isinstance(reply, dict) else {"items": reply}


def _error_body(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(response.data)
    except msgspec.DecodeError:
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body


def _error_code(response: urllib3.BaseHTTPResponse) -> str:
    header = response.headers.get("x-amzn-errortype")
    code = header or _error_body(response).get("code") or _error_body(response).get("__type") or ""
    return str(code).split(":")[0].rsplit("#", 1)[-1]


def _fault(request: _Request, response: urllib3.BaseHTTPResponse) -> GrangeError:
    """Return the error a reply stands for, carrying the server's message."""
    body = _error_body(response)
    message = str(
        body.get("message") or body.get("Message") or f"The server answered {response.status}."
    )
    named = response.headers.get("x-amzn-requestid")
    if response.status == 500 and named:
        message = f"{message} The request is {named}."  # the server's log has it under this name
    error = _fault_of(request, response, body, message)
    error.args = (message,)
    return error


def _fault_of(
    request: _Request,
    response: urllib3.BaseHTTPResponse,
    body: Mapping[str, Any],
    message: str,
) -> GrangeError:
    code = _error_code(response)
    if response.status == 401 or (response.status != 429 and code in _AUTHENTICATION_CODES):
        return AuthenticationError(message, code=code or "AccessDeniedException")
    made = _CONSTRUCTORS.get(response.status)
    if made is not None:
        return made(request, response, body, message)
    if response.status >= 500:
        return UnreachableError(message)
    return InvalidRequestError(
        message, reason=str(body.get("reason", code)), fields=_problems(body)
    )


def _conflict(message: str, code: str, body: Mapping[str, Any]) -> ConflictError:
    context = body.get("context")
    return ConflictError(
        message,
        reason=str(body.get("reason", code)),
        resource_type=str(body.get("resourceType", "")),
        resource_id=str(body.get("resourceId", "")),
        context={str(k): str(v) for k, v in context.items()} if isinstance(context, dict) else None,
    )


_CONSTRUCTORS: dict[
    int,
    Callable[[_Request, urllib3.BaseHTTPResponse, Mapping[str, Any], str], GrangeError],
] = {
    402: lambda _, __, body, message: QuotaExceededError(
        message,
        resource_type=str(body.get("resourceType", "")),
        quota_code=str(body.get("quotaCode", "")),
    ),
    403: lambda _, __, ___, message: AccessDeniedError(message),
    404: lambda request, _, body, ___: NotFoundError(
        str(body.get("resourceType", "resource")), str(body.get("resourceId", request.path))
    ),
    409: lambda _, response, body, message: _conflict(message, _error_code(response), body),
    429: lambda _, response, __, message: ThrottledError(
        message, retry_after_seconds=_retry_after(response)
    ),
    501: lambda request, _, __, ___: NotServedError(f"{request.method} {request.path}"),
}
"""What each status stands for; every other is InvalidRequestError, or UnreachableError from 500."""


def _retry_after(response: urllib3.BaseHTTPResponse) -> int:
    text = response.headers.get("retry-after", "1")
    return int(text) if text.isdecimal() else 1


def _problems(body: Mapping[str, Any]) -> list[FieldProblem]:
    fields = body.get("fieldList") or body.get("fields") or []
    return [
        FieldProblem(str(item.get("name", "")), str(item.get("message", "")))
        for item in fields
        if isinstance(item, dict)
    ]


def _lines(response: urllib3.BaseHTTPResponse, stop: Callable[[], bool]) -> Iterator[str]:
    rest = b""
    while not stop():
        try:
            chunk = response.read1()
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(f"The stream broke off: {_first_line(error)}") from error
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode("utf-8", "replace")


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in lines:
        if not line:
            if event:
                yield {"id": "", "event": "message", "data": "", **event}
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data" and "data" in event:
                value = event["data"] + "\n" + value
            event[name] = value
