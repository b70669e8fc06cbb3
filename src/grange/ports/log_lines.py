"""Session logs by their lines: windows, searches and times, whatever size a log has.

Lines are counted from 0 over the whole log, those included whose bytes are no longer kept.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from grange.domain.log_folds import Fold
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpan:
    """How much of a log there is."""

    lines: int
    """Lines ever written; one without its end counts."""
    size: int
    """Bytes ever written."""
    cut: tuple[int, int] | None = None
    """First line, and the line behind the last, that are not kept; None: all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line."""

    number: int
    at: Instant | None
    """The time it was stamped with."""
    text: str | None
    """Without its time and its end; None: it is not kept."""
    is_cut: bool = False
    """Only its beginning is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHits:
    """What a search found in one piece of a log."""

    lines: Sequence[LogLine]
    """Those of the piece that match, the first of them where there are very many."""
    count: int
    """All of them."""
    scanned: int
    """The line behind the last that was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFolds:
    """The runs that ended in one piece of a log; with its last piece, the one it ends with."""

    folds: Sequence[Fold]
    scanned: int
    """The line behind the last that was looked at."""


class LogLines(Protocol):
    """Reads logs by lines; a stream is named by a session id or a worker id."""

    async def span(self, stream: str) -> LogSpan | None:
        """Return how much of a log there is, or None if there is no such log."""
        ...

    async def window(self, stream: str, first: int, count: int) -> list[LogLine]:
        """Return up to `count` lines from line `first`; fewer where they are very long."""
        ...

    async def line_at(self, stream: str, at: Instant) -> int | None:
        """Return the first line stamped at or after an instant (behind the last: none is).

        None if no line of the log has a time.
        """
        ...

    def search(
        self,
        stream: str,
        pattern: str,
        *,
        first: int,
        end: int,
        literal: bool = False,
        ignore_case: bool = False,
    ) -> AsyncIterator[LogHits]:
        """Look for lines that match, piece by piece.

        Args:
            stream: the log.
            pattern: a regular expression without look-around or back references, so that its time
                grows with the log alone; or plain text, if `literal`.
            first: where to begin.
            end: the line to stop before.
            literal: take the pattern as it is.
            ignore_case: upper and lower case are alike.

        Raises:
            InvalidRequestError: the pattern is no such expression.
        """
        ...

    def folds(self, stream: str, seen: str, *, first: int, end: int) -> AsyncIterator[LogFolds]:
        """Look for runs of lines that can be shown as one, piece by piece.

        Args:
            stream: the log.
            seen: an expression as in `search`; no line that matches is part of a run.
            first: where to begin.
            end: the line to stop before. A last line without its end is left out.
        """
        ...

    def content(self, stream: str, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of lines as they are kept, piece by piece."""
        ...
