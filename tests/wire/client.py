"""Unmodified boto3 clients whose requests end in a function of the test, not in a socket."""

import io
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from grange.wire.encode import Reply

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "secret-of-the-example"
REGION = "eu-nowhere-3"


class Request:
    """What would have gone over the wire."""

    def __init__(self, prepared: AWSPreparedRequest) -> None:
        """Take a request apart as the server does."""
        parts = urlsplit(prepared.url)
        self.method: str = prepared.method
        self.raw_path = parts.path
        self.raw_query = parts.query
        body: Any = prepared.body or b""
        self.body: bytes = body.encode() if isinstance(body, str) else bytes(body)
        headers: dict[str, Any] = dict(prepared.headers.items())
        self.headers: dict[str, str] = {
            name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in headers.items()
        }
        self.headers.setdefault("host", parts.netloc)


Answer = Callable[[Request], Reply]


class _Raw(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        """Yield the body once, as urllib3's response does."""
        yield self.read()


@cache
def _session() -> boto3.session.Session:
    """Return one session for all tests: it reads the service models, which is slow."""
    return boto3.session.Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET,
        aws_session_token="session-token",
        region_name=REGION,
    )


def client(service: str, answer: Answer, *, attempts: int = 1) -> Any:
    """Return a boto3 client of a service; every request is answered by `answer`."""
    made = _session().client(
        service,
        endpoint_url="http://127.0.0.1:8765",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": attempts}),
    )

    def before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        reply = answer(Request(request))
        headers = HTTPHeaders.from_dict({"x-amzn-requestid": "request-1", **dict(reply.headers)})
        return AWSResponse(request.url, reply.status, headers, _Raw(reply.body))

    made.meta.events.register("before-send", before_send)
    return made
