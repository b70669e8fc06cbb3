"""HTTP as ASGI has it: a request as a value, its body under a limit, a reply sent."""

import os
from collections.abc import Mapping

from msgspec import Struct

from grange.kernel.errors import InvalidRequestError
from grange.server.asgi import Message, Receive, Scope, Send
from grange.wire.encode import Reply

DISCARD_BYTES = 64 * 1024 * 1024
"""A body over its limit is read and thrown away up to here, so that the client hears the answer."""


class BodyTooLargeError(InvalidRequestError):
    """The body is larger than the request may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The body is larger than {limit} bytes, the most this request may have.",
            reason="OTHER",
        )


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class Request(Struct, frozen=True, kw_only=True):
    """One request, body aside."""

    method: str
    raw_path: str
    """As it came, still percent-encoded, without the query."""
    raw_query: str
    headers: Mapping[str, str]
    """By name in lower case; repeated ones joined by commas."""
    request_id: str
    address: str = ""
    """Where it came from."""


def takes_gzip(request: Request) -> bool:
    """Return whether whoever asks takes compressed files; a coding with a weight is left alone."""
    taken = request.headers.get("accept-encoding", "").split(",")
    return "gzip" in {coding.strip() for coding in taken}


def request_of(scope: Scope) -> Request:
    """Return the request of an ASGI scope."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client")
    return Request(
        method=scope["method"],
        raw_path=raw_path.partition(b"?")[0].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers=headers,
        request_id=new_request_id(),
        address=str(client[0]) if client else "",
    )


def new_request_id() -> str:
    """Return an id for one request, as AWS writes them."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLargeError: it is larger than `limit`; nothing of it was kept.
        ClientGoneError: the client went away.
    """
    declared = headers.get("content-length", "0")
    too_large = not declared.isdigit() or int(declared) > limit
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        too_large = too_large or size > limit
        if too_large:
            chunks.clear()
            if size > DISCARD_BYTES:
                break
        else:
            chunks.append(chunk)
    if too_large:
        raise BodyTooLargeError(limit)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def closed(receive: Receive) -> None:
    """Return when the client has closed the connection; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        continue


def replaying(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out a body already read, then what follows."""
    handed = False

    async def replay() -> Message:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def send_reply(send: Send, reply: Reply, request_id: str, *, head: bool = False) -> None:
    """Send one complete reply."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers += [
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-amzn-requestid", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


def text_reply(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    """Return a reply of plain text."""
    return Reply(
        status=status,
        headers=(("content-type", "text/plain; charset=utf-8"), *headers),
        body=text.encode(),
    )
