"""Runs of lines of a log that say nothing new line by line, so that they can be shown as one.

Lines are alike if they differ in numbers, spaces and the marks of a progress bar alone. The lines
OpenJD writes before a program has its say belong together whatever they say. A line that must be
seen is never part of a run.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from operator import eq

FEWEST_ALIKE = 8
"""Fewer lines that are alike are no run."""
FEWEST_SETUP = 4
"""Fewer lines of a session's set-up are no run."""
SET_UP = (
    r"^(?:={46}|-{46}|--------- .*|Phase: .*|Parameter values:"
    r"|\w+\((?:INT|FLOAT|STRING|PATH|CHUNK\[INT\])\) = .*"
    r"|Writing embedded files for .*|Mapping: \S+ -> .*|Wrote: .* -> .*|Setting: \S+=.*"
    r"|openjd\.\w+ Library Version: .*|Installed at: .*|Python (?:Interpreter|Version): .*"
    r"|Platform: .*|Initializing Open Job Description Session: .*"
    r"|Session Working Directory: .*|Session's Embedded Files Directory: .*"
    r"|Running command .*|Command started as pid: \d+|Output:)$"
)
"""Matches the lines OpenJD writes before those of the program it runs."""
SEEN = r"(?i:warn|error|fatal|fail|exception|traceback|critical|abort|denied)"
"""Matches what may be a warning or an error, in any word: such a line is never folded."""

_SAME_IN_ALL = b"0123456789 \t.,:+-=#*>"
_LONG = re.compile(b"\x01{%d,}" % (min(FEWEST_ALIKE, FEWEST_SETUP) - 1))


class FoldKind(StrEnum):
    """Why lines belong together."""

    ALIKE = "alike"
    SETUP = "setup"
    LOST = "lost"
    """The server has not kept them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A run of lines that can be shown as one."""

    kind: FoldKind
    first: int
    last: int


Likeness = object
"""Lines whose likenesses are equal belong together."""


def likenesses(content: bytes) -> list[Likeness]:
    """Return what the whole lines of a text have in common with lines that are alike."""
    found: list[Likeness] = list(content.translate(None, _SAME_IN_ALL).split(b"\n"))
    found.pop()  # behind the last line end
    return found


class FoldFinder:
    """Finds runs in lines that come piece by piece, and holds no more of them than the last one."""

    def __init__(self, first: int) -> None:
        self._number = first
        """The line that comes next."""
        self._begin = first
        """Where the run began that the line before it is in."""
        self._last: Likeness = object()

    def add(
        self, lines: list[Likeness], *, setup: Iterable[int], seen: Iterable[int]
    ) -> Sequence[Fold]:
        """Take the next lines and return the runs that have ended.

        Args:
            lines: what is alike in lines that are; it is changed.
            setup: numbers of those a session is set up with.
            seen: numbers of those that must be seen, whatever else they are.
        """
        if not lines:
            return ()
        for number in setup:
            lines[number - self._number] = FoldKind.SETUP
        for number in seen:
            lines[number - self._number] = object()
        # Of every line: is it like the one before?
        alike = bytes(map(eq, lines, chain((self._last,), lines)))
        lead = len(alike) - len(alike.lstrip(b"\x01"))
        folds: list[Fold] = []
        if lead < len(alike):
            folds += self._run(self._begin, self._number + lead - 1, self._last)
            for run in _LONG.finditer(alike, lead):
                if run.end() < len(alike):
                    begin = run.start() - 1
                    end = self._number + run.end() - 1
                    folds += self._run(self._number + begin, end, lines[begin])
            tail = len(alike) - len(alike.rstrip(b"\x01"))
            self._begin = self._number + len(alike) - 1 - tail
        self._number += len(lines)
        self._last = lines[-1]
        return folds

    def skip_to(self, number: int) -> Sequence[Fold]:
        """Leave out lines that are not kept, and return the runs that have ended.

        The first of them may be kept in part: it is no part of a run.
        """
        folds = list(self.finish())
        if number > self._number + 1:
            folds.append(Fold(kind=FoldKind.LOST, first=self._number + 1, last=number - 1))
        self._number = self._begin = number
        self._last = object()
        return folds

    def finish(self) -> Sequence[Fold]:
        """Return the run the last line is in, which may go on."""
        return self._run(self._begin, self._number - 1, self._last)

    @staticmethod
    def _run(first: int, last: int, likeness: Likeness) -> Sequence[Fold]:
        kind = FoldKind.SETUP if likeness is FoldKind.SETUP else FoldKind.ALIKE
        fewest = FEWEST_SETUP if kind is FoldKind.SETUP else FEWEST_ALIKE
        return [Fold(kind=kind, first=first, last=last)] if last - first + 1 >= fewest else ()
