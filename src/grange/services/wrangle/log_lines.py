"""Which line of an attempt's log says what is quoted of it. Pure."""

from grange.domain.work import SessionAction
from grange.kernel.units import Instant
from grange.services.reads.logs import decode_lines

_BEFORE_MS = 50
_AFTER_MS = 500


def line_of(content: bytes, start: int, action: SessionAction, text: str) -> int | None:
    """Return the number of the line that says a text, counted from 1 in the attempt's own log.

    Args:
        content: the log of the attempt's session.
        start: byte offset of the content.
        action: the attempt; lines outside its time are not its own.
        text: what is looked for; its first line counts. The last line that says it wins: what
            comes last is what it failed of.
    """
    sought = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not sought:
        return None
    lines = decode_lines(content, start, Instant(0))
    begin, end = action.worker_started_at, action.worker_ended_at
    timed = any(line.at for line in lines)
    own = [
        line
        for line in lines
        if not timed
        or (
            (begin is None or line.at >= begin - _BEFORE_MS)
            and (end is None or line.at <= end + _AFTER_MS)
        )
    ]
    return next(
        (number for number in range(len(own), 0, -1) if sought in own[number - 1].text), None
    )
