"""JSON for browsers is compressed where it comes in one piece and is worth it."""

import asyncio
import gzip
from typing import Any

import pytest

from grange.server.packed import LEAST_BYTES, packing

LONG = b"[" + b"1," * LEAST_BYTES + b"1]"


def answered(
    *bodies: bytes, kind: bytes = b"application/json", more: tuple[tuple[bytes, bytes], ...] = ()
) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Return the headers and the bodies that are sent of an answer in so many pieces."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def answer() -> None:
        out = packing(send)
        length = (b"content-length", b"%d" % sum(map(len, bodies)))
        headers = [(b"content-type", kind), length, *more]
        await out({"type": "http.response.start", "status": 200, "headers": headers})
        for number, body in enumerate(bodies, 1):
            left = number < len(bodies)
            await out({"type": "http.response.body", "body": body, "more_body": left})

    asyncio.run(answer())
    start, *rest = sent
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert len(start["headers"]) == len(dict(start["headers"])), "no header comes twice"
    return dict(start["headers"]), [message["body"] for message in rest]


@pytest.mark.parametrize("long", [LONG, LONG * 20], ids=["at once", "beside the loop"])
def test_a_long_answer_is_compressed(long: bytes) -> None:
    headers, [body] = answered(long)
    assert gzip.decompress(body) == long
    assert len(body) < len(long) // 5
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"content-length"] == b"%d" % len(body)
    assert headers[b"vary"] == b"accept-encoding"


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ((b"[1]",), {}),
        ((LONG, LONG), {}),
        ((LONG,), {"kind": b"application/x-ndjson"}),
        ((LONG,), {"more": ((b"content-encoding", b"gzip"),)}),
    ],
    ids=["short", "in pieces", "a stream's kind", "compressed already"],
)
def test_everything_else_passes_as_it_is(bodies: tuple[bytes, ...], words: Any) -> None:
    headers, sent = answered(*bodies, **words)
    assert sent == list(bodies)
    assert headers[b"content-length"] == b"%d" % sum(map(len, bodies))
