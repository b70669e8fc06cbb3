"""Reading a log from its end."""

from collections.abc import Iterator
from itertools import islice

from grange.ports.logs import LogFile, LogFiles

_PIECE_BYTES = 64 * 1024


def lines_backwards(
    logs: LogFiles, file: LogFile, *, piece_bytes: int = _PIECE_BYTES
) -> Iterator[bytes]:
    """Yield the lines of a log from the last to the first, without their line ends.

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
    return list(islice(lines_backwards(logs, file), count))[::-1]
