"""Reading a log from its end."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from grange.ports.logs import LogFile, LogFiles

_PIECE_BYTES = 64 * 1024


def lines_backwards(
    logs: LogFiles, file: LogFile, *, piece_bytes: int = _PIECE_BYTES
) -> Iterator[bytes]:
    """Yield the lines of a log that is not packed from the last to the first, without line ends.

    A last line without a line end is one, too. Memory holds one piece and one line.
    """
    end = file.size
    rest: list[bytes] = []
    first = True
    while end > 0:
        begin = max(0, end - piece_bytes)
        parts = logs.read(file.path, begin, end - begin).split(b"\n")
        if first and parts and not parts[-1]:
            parts.pop()  # the log ends with a line end, not with an empty line
        first = False
        if len(parts) > 1:
            yield parts.pop() + b"".join(reversed(rest))
            rest = []
            while len(parts) > 1:
                yield parts.pop()
        rest.extend(parts)
        end = begin
    if rest:
        yield b"".join(reversed(rest))


def last_lines(logs: LogFiles, file: LogFile, count: int) -> list[bytes]:
    """Return the last lines of a log, oldest first."""
    if file.packed:
        return list(deque(_lines(logs, file), maxlen=count))
    return list(islice(lines_backwards(logs, file), count))[::-1]


def _lines(logs: LogFiles, file: LogFile) -> Iterator[bytes]:
    """Yield the lines of a log from the first to the last: packed ones have no way back."""
    at, rest = 0, b""
    while piece := logs.read(file.path, at, _PIECE_BYTES):
        at += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest
