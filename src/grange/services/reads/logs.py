"""Session logs as lines: written with their time in front, read back as events."""

from collections.abc import Iterable
from dataclasses import dataclass

from grange.domain.log_stamps import STAMP, stamped_at
from grange.kernel.errors import AccessDeniedError
from grange.kernel.units import Instant, iso8601
from grange.services.permissions import Principal
from grange.services.reads.rows import Rows


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log."""

    at: Instant
    text: str
    start: int
    """Byte offset of the line in its log."""
    end: int
    """Byte offset behind the line, its line end included."""


def encode_lines(events: Iterable[tuple[Instant, str]]) -> bytes:
    """Return log lines with their time in front; a line of many lines is many lines."""
    lines = []
    for at, message in events:
        stamp = iso8601(at)
        texts = message.rstrip("\r\n").splitlines() or [""]
        lines += [f"{stamp} {text}\n" for text in texts]
    return "".join(lines).encode("utf-8", "replace")


def decode_lines(content: bytes, start: int, default_at: Instant) -> list[Line]:
    """Return the lines of a piece of a log; one without a time has that of the line before.

    Args:
        content: the piece, from the start of a line on.
        start: its byte offset in the log.
        default_at: the time of lines before the first time.
    """
    lines = []
    at = default_at
    for raw in content.splitlines(keepends=True):
        match = STAMP.match(raw)
        text = raw
        if match is not None:
            said = stamped_at(match[1])
            at = at if said is None else said
            text = raw[match.end() :]
        shown = text.rstrip(b"\r\n").decode("utf-8", "replace")
        lines.append(Line(at, shown, start, start + len(raw)))
        start += len(raw)
    return lines


async def check_writer(caller: Principal, stream: str, rows: Rows) -> None:
    """Return if the caller may write to a log: an owner to any, a worker to its own.

    Raises:
        AccessDeniedError: it may not.
    """
    if caller.worker_id is None or stream == caller.worker_id:
        return
    if await rows.session_worker(stream) != caller.worker_id:
        raise AccessDeniedError(f"{stream} is no log of worker {caller.worker_id}.")
