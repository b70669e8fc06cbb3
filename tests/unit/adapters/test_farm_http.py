"""The farm over HTTP, against a real socket that verifies our signatures."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    NotServedError,
    QuotaExceededError,
    ThrottledError,
    UnreachableError,
)
from grange.kernel.units import Instant, datetime_of
from grange.wire.signature import Credentials, verify

KEY = Credentials(access_key_id="AKIDTEST", secret_access_key="secret")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Listener:
    url: str = ""
    now: Callable[[], Instant] = SystemClock().now
    answers: list[Answer] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    state = Listener()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            path, _, query = self.path.partition("?")
            now = state.now()
            status, headers, content = 200, {}, b"{}"
            try:
                proof = verify(
                    method=self.command,
                    raw_path=path,
                    raw_query=query,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                    now=now,
                    secret_of=lambda key, token: "secret",
                )
            except AuthenticationError as error:
                status, headers = 403, {"x-amzn-errortype": error.code}
                content = json.dumps({"message": str(error)}).encode()
            else:
                state.seen.append(
                    {
                        "method": self.command,
                        "path": path,
                        "query": query,
                        "body": body,
                        "service": proof.service,
                        "key": proof.access_key_id,
                        "headers": dict(self.headers.items()),
                    }
                )
                if state.answers:
                    status, headers, content = state.answers.pop(0)
            self.send_response_only(status)
            self.send_header("date", format_datetime(datetime_of(now), usegmt=True))
            self.send_header("content-length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = respond  # noqa: N815 named by http.server

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(listener: Listener) -> Iterator[HttpFarmApi]:
    api = HttpFarmApi(listener.url, KEY, SystemClock())
    yield api
    api.close()


def test_call_sends_signed_json_and_returns_the_reply(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [(200, {}, b'{"jobs": [1]}')]
    reply = api.call(
        "POST",
        "/2023-10-12/farms/farm-1/jobs",
        query={"a": "x y/z"},
        body={"b": "ü"},
        headers={"x-grange-native": "1"},
    )
    assert reply == {"jobs": [1]}
    (seen,) = listener.seen
    assert (seen["method"], seen["path"]) == ("POST", "/2023-10-12/farms/farm-1/jobs")
    assert seen["query"] == "a=x%20y%2Fz"
    assert json.loads(seen["body"]) == {"b": "ü"}
    assert (seen["service"], seen["key"]) == ("deadline", "AKIDTEST")
    assert seen["headers"]["x-grange-native"] == "1"


def test_an_empty_reply_is_an_empty_object(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [(204, {}, b"")]
    assert api.call("GET", "/x") == {}


def test_upload_and_fetch_carry_raw_bytes(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [(200, {}, b'{"size": 5}'), (200, {}, b"\x89PNG")]
    assert api.upload("/api/v1/x/log", b"\xffabc\n", query={"offset": "0"}) == {"size": 5}
    assert api.fetch("/api/v1/x.png") == b"\x89PNG"
    assert listener.seen[0]["body"] == b"\xffabc\n"
    assert {seen["service"] for seen in listener.seen} == {"grange"}


def test_other_credentials_share_the_sockets(listener: Listener, api: HttpFarmApi) -> None:
    other = api.with_credentials(
        Credentials(access_key_id="ASIATEMP", secret_access_key="secret", session_token="t/+=")
    )
    other.call("GET", "/x")
    assert listener.seen[0]["key"] == "ASIATEMP"


@pytest.mark.parametrize(
    ("answer", "body", "expected"),
    [
        (
            (400, {"x-amzn-errortype": "ValidationException"}),
            {
                "message": "bad",
                "reason": "CANNOT_PARSE",
                "fieldList": [{"name": "n", "message": "m"}],
            },
            InvalidRequestError,
        ),
        (
            (402, {}),
            {"message": "many", "resourceType": "job", "quotaCode": "q"},
            QuotaExceededError,
        ),
        (
            (403, {"x-amzn-errortype": "AccessDeniedException"}),
            {"message": "no"},
            AccessDeniedError,
        ),
        (
            (403, {"x-amzn-errortype": "ExpiredTokenException"}),
            {"message": "old"},
            AuthenticationError,
        ),
        (
            (404, {}),
            {"message": "gone", "resourceType": "worker", "resourceId": "w"},
            NotFoundError,
        ),
        (
            (409, {}),
            {
                "message": "clash",
                "reason": "STATUS_CONFLICT",
                "resourceType": "worker",
                "resourceId": "w",
                "context": {"status": "NOT_RESPONDING"},
            },
            ConflictError,
        ),
        (
            (429, {"retry-after": "7"}),
            {"error": {"code": "throttled", "message": "wait"}},
            ThrottledError,
        ),
        ((500, {}), {"message": "oops"}, UnreachableError),
        ((501, {}), {"message": "later"}, NotServedError),
    ],
)
def test_every_fault_becomes_its_error_with_the_servers_message(
    listener: Listener,
    api: HttpFarmApi,
    answer: tuple[int, dict[str, str]],
    body: dict[str, Any],
    expected: type[GrangeError],
) -> None:
    listener.answers = [(*answer, json.dumps(body).encode())]
    with pytest.raises(expected) as caught:
        api.call("GET", "/x")
    assert type(caught.value) is expected
    assert str(caught.value) == (body.get("message") or body["error"]["message"])
    match caught.value:
        case ThrottledError():
            assert caught.value.retry_after_seconds == 7
        case ConflictError():
            assert caught.value.context == {"status": "NOT_RESPONDING"}
        case NotFoundError():
            assert caught.value.resource_type == "worker"
        case InvalidRequestError():
            assert [(f.name, f.message) for f in caught.value.fields] == [("n", "m")]
        case _:
            assert expected not in {ThrottledError, ConflictError, NotFoundError}


def test_a_skewed_clock_is_mended_with_the_servers_date(listener: Listener) -> None:
    ours = VirtualClock()
    theirs = Instant(ours.now() + 3_600_000)
    listener.now = lambda: theirs
    api = HttpFarmApi(listener.url, KEY, ours)
    assert api.call("GET", "/x") == {}
    assert api.clock_offset_ms == 3_600_000
    assert api.with_credentials(KEY).clock_offset_ms == 3_600_000
    api.close()


def test_nobody_listening_is_unreachable() -> None:
    api = HttpFarmApi("http://127.0.0.1:9", KEY, SystemClock())
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 did not answer"):
        api.call("GET", "/x")


def test_an_answer_that_is_not_json_is_named(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [(200, {}, b"<html>")]
    with pytest.raises(UnreachableError, match="not JSON"):
        api.call("GET", "/x")


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must read like"):
        HttpFarmApi(url, KEY, SystemClock())


def test_stream_yields_events_and_skips_comments(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [
        (200, {}, b": keep-alive\n\nid: 4\r\nevent: wake\r\ndata: a\r\ndata: b\r\n\r\ndata:c\n\n")
    ]
    assert list(api.stream("/wake", stop=lambda: False)) == [
        {"id": "4", "event": "wake", "data": "a\nb"},
        {"id": "", "event": "message", "data": "c"},
    ]


def test_stream_refused_raises_the_fault(listener: Listener, api: HttpFarmApi) -> None:
    listener.answers = [(404, {}, b'{"error": {"code": "not_found", "message": "gone"}}')]
    with pytest.raises(NotFoundError, match="gone"):
        next(iter(api.stream("/wake", stop=lambda: False)))
