"""Painters: pictures drawn by processes of their own, which end with the one that asked.

A painter reads drawings from its standard input and writes pictures to its standard output; its
input's end is its own. Nothing but drawing is loaded there.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec

from grange.kernel.errors import UnreachableError
from grange.plots.stream_graph import Panel, StreamPicture, stream_graph

_AHEAD = 4
"""Drawings held ready for each painter."""


def _plain(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value.key
    raise NotImplementedError(f"{type(value).__name__} cannot be sent to a painter.")


def _known(kind: type[Any], value: Any) -> Any:
    if kind is ZoneInfo:
        return ZoneInfo(value)
    raise NotImplementedError(f"{kind.__name__} cannot be sent to a painter.")


encode_drawing = msgspec.msgpack.Encoder(enc_hook=_plain).encode
"""The bytes of a drawing: the same for the same drawing."""
_decode = msgspec.msgpack.Decoder(tuple[StreamPicture, list[Panel]], dec_hook=_known).decode


class PainterProcesses:
    """Draws with as many processes as are asked for; one draws here."""

    def paint(self, drawings: Sequence[Any], workers: int) -> Iterator[bytes]:
        """Yield the bytes of each picture, in order.

        Raises:
            UnreachableError: a painter ended before its picture was done.
        """
        workers = max(1, min(workers, len(drawings)))
        if workers == 1:
            for picture, panels in drawings:
                yield stream_graph(picture, panels)
            return
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="painter"))
            local = threading.local()

            def one(drawing: Any) -> bytes:
                painter: _Painter | None = getattr(local, "painter", None)
                if painter is None:
                    painter = local.painter = _Painter()
                    stack.callback(painter.close)
                return painter.paint(drawing)

            ahead = workers * _AHEAD
            waiting = [pool.submit(one, drawing) for drawing in drawings[:ahead]]
            for at in range(len(drawings)):
                yield waiting.pop(0).result()
                if at + ahead < len(drawings):
                    waiting.append(pool.submit(one, drawings[at + ahead]))


class _Painter:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grange.adapters.painters"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def paint(self, drawing: Any) -> bytes:
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        assert self._process.stdout is not None  # noqa: S101
        try:
            _send(self._process.stdin, encode_drawing(drawing))
            content = _receive(self._process.stdout)
        except BrokenPipeError as error:
            raise UnreachableError("A process that draws has ended. Draw again.") from error
        if content is None:
            raise UnreachableError("A process that draws has ended. Draw again.")
        return content

    def close(self) -> None:
        self._process.communicate()


def _send(to: IO[bytes], content: bytes) -> None:
    to.write(len(content).to_bytes(4, "big") + content)
    to.flush()


def _receive(source: IO[bytes]) -> bytes | None:
    size = source.read(4)
    if len(size) < 4:
        return None
    length = int.from_bytes(size, "big")
    content = source.read(length)
    return content if len(content) == length else None


def main() -> None:
    """Draw what comes in until the input ends."""
    while (drawing := _receive(sys.stdin.buffer)) is not None:
        picture, panels = _decode(drawing)
        _send(sys.stdout.buffer, stream_graph(picture, panels))


if __name__ == "__main__":
    main()
