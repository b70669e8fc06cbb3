"""Answers of the REST API to browsers, compressed: a list of jobs is a tenth as long."""

import asyncio
import gzip

from grange.server.asgi import Message, Send

LEAST_BYTES = 4096
"""Smaller answers are sent as they are."""
LEVEL = 3
"""Most of what there is to gain; higher ones take twice as long."""
_AT_ONCE_BYTES = 256 * 1024
"""Larger ones are compressed beside the loop."""
_JSON = b"application/json"


def packing(send: Send) -> Send:
    """Return a `send` that compresses JSON which comes in one piece; streams pass as they are."""
    held: Message | None = None

    async def packed(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and _is_json(message):
            held = message
            return
        if held is not None:
            start, held = held, None
            body = message.get("body", b"")
            if len(body) >= LEAST_BYTES and not message.get("more_body", False):
                body = await _small(body)
                message = {**message, "body": body}
                start = {**start, "headers": _headers(start, len(body))}
            await send(start)
        await send(message)

    return packed


def _is_json(start: Message) -> bool:
    """True of JSON that is not compressed already."""
    headers = dict(start["headers"])
    kind: bytes = headers.get(b"content-type", b"")
    return kind.startswith(_JSON) and b"content-encoding" not in headers


def _headers(start: Message, length: int) -> list[tuple[bytes, bytes]]:
    return [
        *(pair for pair in start["headers"] if pair[0] != b"content-length"),
        (b"content-length", b"%d" % length),
        (b"content-encoding", b"gzip"),
        (b"vary", b"accept-encoding"),
    ]


async def _small(body: bytes) -> bytes:
    if len(body) > _AT_ONCE_BYTES:
        return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
    return gzip.compress(body, LEVEL, mtime=0)
