"""Looks through text for lines that match, and reads the times that lines are stamped with.

Arrow's regular expressions (RE2) take time linear in the text and let other threads run. They take
far longer for a thousand lines than for one text as long, so whole blocks are asked first: of a
long log few hold anything, and only lines between the first such block and the last are looked at
one by one.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.domain.log_folds import Fold, FoldFinder, likenesses
from grange.domain.log_stamps import STAMP, stamped_at
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import Instant
from grange.ports.log_lines import LogHits, LogLine

ASKED_BYTES = 64 * 1024
"""So much text is asked at once whether it holds anything."""
LONGEST_SHOWN = 8_000
"""So much of a line is shown."""
MOST_HITS = 500
"""So many matching lines of one piece are returned with their text."""
_COLOURS = r"\x1b\[[0-9;]*[A-Za-z]"
_BEHIND_STAMP = rf"(?:^(?:{STAMP.pattern.decode().replace('(', '(?:', 1)})?)"
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]?|.", re.DOTALL)
"""What an expression is made of, as far as `^` and `$` must be told from themselves as letters."""
_OF_ONE_LINE = {r"\A", r"\z", r"\B", r"\Q"}
"""What can hold for a line by itself and not where it is among others, or hides what would."""
_FLAGS_OFF = re.compile(r"\(\?[a-zA-Z]*-")


class Pattern:
    """What is looked for, in whole lines with their times and ends.

    Raises:
        InvalidRequestError: it is no expression that can be searched for.
    """

    def __init__(self, pattern: str, *, literal: bool, ignore_case: bool) -> None:
        self._ignore_case = ignore_case
        self._find = pc.match_substring if literal else pc.match_substring_regex
        self._pattern = pattern if literal else f"(?m){_of_lines(pattern)}"
        # Arrow looks for plain text letter by letter, unless case must not matter.
        self._in_block: str | None = re.escape(pattern) if literal else _of_blocks(pattern)
        try:
            self.match(_texts(b"", np.zeros(2, np.int32)))
        except pa.ArrowInvalid as error:
            problem = "is no regular expression that can be searched for"
            why = str(error).partition(": (?m)")[0].removeprefix("Invalid regular expression: ")
            raise InvalidRequestError(
                f"{pattern[:80]!r} {problem}: {why}", fields=[FieldProblem("regex", problem)]
            ) from error

    def match(self, lines: Any) -> Any:
        """Return for every line whether it matches."""
        return self._find(lines, self._pattern, ignore_case=self._ignore_case)

    def may_match(self, blocks: Any) -> Any:
        """Return for every block of whole lines whether one of them may match; None: unknown."""
        if self._in_block is None:
            return None
        return pc.match_substring_regex(blocks, self._in_block, ignore_case=self._ignore_case)


def _of_lines(pattern: str) -> str:
    """Let the beginning of a line be the one behind its time."""
    return "".join(_BEHIND_STAMP if part == "^" else part for part in _PART.findall(pattern))


def _of_blocks(pattern: str) -> str | None:
    """Return an expression that a text matches if a line of it matches the given one, or None.

    The end of a line by itself is also the place behind its line end, where the next one begins.
    """
    parts = _PART.findall(pattern)
    if _OF_ONE_LINE.intersection(parts) or _FLAGS_OFF.search(pattern):
        return None
    there = {"^": _BEHIND_STAMP, "$": "(?:$|^)"}
    return "(?m)" + "".join(there.get(part, part) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some whole lines: those of a text from one place up to another."""

    content: bytes
    begin: int
    stop: int
    first: int
    """The number of the first line."""
    count: int
    """How many lines there are."""

    @classmethod
    def of(cls, content: bytes, stop: int, first: int, end: int) -> "Piece":
        """Return the whole lines of a text before a place, and before line `end`."""
        count = lines_in(content, 0, stop)
        if count > end - first:
            count = max(0, end - first)
            stop = int(_line_ends(content, 0, stop)[count - 1]) + 1 if count else 0
        return cls(content=content, begin=0, stop=stop, first=first, count=count)

    def halves(self) -> tuple["Piece", "Piece"]:
        """Return two pieces of about the same size."""
        middle = self.content.rfind(b"\n", self.begin, (self.begin + self.stop) // 2) + 1
        middle = max(middle, self.begin)
        count = lines_in(self.content, self.begin, middle)
        return (
            Piece(
                content=self.content,
                begin=self.begin,
                stop=middle,
                first=self.first,
                count=count,
            ),
            Piece(
                content=self.content,
                begin=middle,
                stop=self.stop,
                first=self.first + count,
                count=self.count - count,
            ),
        )

    def search(self, wanted: Pattern) -> LogHits:
        """Return the lines that match."""
        first, borders, places = self._matching(wanted)
        shown = [
            line_of(first + place, self.content[borders[place] : borders[place + 1] - 1])
            for place in places[:MOST_HITS]
        ]
        return LogHits(lines=shown, count=len(places), scanned=self.first + self.count)

    def numbers(self, wanted: Pattern) -> list[int]:
        """Return the numbers of all lines that match."""
        first, _, places = self._matching(wanted)
        return [first + place for place in places]

    def folds(self, finder: FoldFinder, setup: Pattern, seen: Pattern) -> Sequence[Fold]:
        """Return the runs that end in these lines, as far as they lie in whole blocks of text."""
        of_setup, to_see = self.numbers(setup), self.numbers(seen)
        found: list[Fold] = []
        number = self.first
        for begin, stop in pairwise(self._block_borders()):
            lines = likenesses(self.content[begin:stop])
            end = number + len(lines)
            found += finder.add(
                lines, setup=_between(of_setup, number, end), seen=_between(to_see, number, end)
            )
            number = end
        return found

    def _matching(self, wanted: Pattern) -> tuple[int, np.ndarray, list[int]]:
        """Return which lines match, of those between borders, and the number of the first."""
        begin, stop = self._asked(wanted)
        if begin == stop:
            return self.first, np.zeros(0, np.int32), []
        ends = _line_ends(self.content, begin, stop)
        borders = np.empty(len(ends) + 1, np.int32)
        borders[0], borders[1:] = begin, ends + 1
        places = pc.indices_nonzero(wanted.match(self._without_colours(borders)))
        first = self.first + lines_in(self.content, self.begin, begin)
        return first, borders, places.to_pylist()

    def _asked(self, wanted: Pattern) -> tuple[int, int]:
        """Return between which places there may be lines that match."""
        borders = self._block_borders()
        told = wanted.may_match(self._without_colours(np.array(borders, np.int32)))
        if told is None:
            return self.begin, self.stop
        places = pc.indices_nonzero(told).to_pylist()
        return (borders[places[0]], borders[places[-1] + 1]) if places else (0, 0)

    def _block_borders(self) -> list[int]:
        """Return where blocks of whole lines begin, and where the last one ends."""
        borders = [self.begin]
        for place in range(self.begin + ASKED_BYTES, self.stop, ASKED_BYTES):
            border = self.content.rfind(b"\n", borders[-1], place) + 1
            if border > borders[-1]:
                borders.append(border)
        return [*borders, self.stop]

    def _without_colours(self, borders: np.ndarray) -> Any:
        """Return texts between borders: a colour must not part a beginning from its word."""
        texts = _texts(self.content, borders)
        if self.content.find(b"\x1b", int(borders[0]), int(borders[-1])) < 0:
            return texts
        return pc.replace_substring_regex(texts, _COLOURS, "")


def lines_in(content: bytes, begin: int, stop: int) -> int:
    """Return how many lines end between two places of a text."""
    return int(np.count_nonzero(np.frombuffer(content, np.uint8)[begin:stop] == 10))


def searched(pattern: str, content: bytes) -> list[int]:
    """Return the numbers of the whole lines of a text that match an expression."""
    wanted = Pattern(pattern, literal=False, ignore_case=False)
    stop = content.rfind(b"\n") + 1
    return [line.number for line in Piece.of(content, stop, 0, stop).search(wanted).lines]


def _between(numbers: list[int], begin: int, end: int) -> list[int]:
    """Return those of ascending numbers from one up to another."""
    return numbers[bisect_left(numbers, begin) : bisect_left(numbers, end)]


def _line_ends(content: bytes, begin: int, stop: int) -> np.ndarray:
    return np.flatnonzero(np.frombuffer(content, np.uint8)[begin:stop] == 10) + begin


def _texts(content: bytes, borders: np.ndarray) -> Any:
    """Return texts as an Arrow array over the bytes they are in; Arrow copies and loads nothing."""
    buffers = [None, pa.py_buffer(borders), pa.py_buffer(content)]
    return pa.Array.from_buffers(pa.binary(), len(borders) - 1, buffers)


def line_of(number: int, raw: bytes) -> LogLine:
    """Return a line from its bytes, without its end."""
    stamp = STAMP.match(raw)
    at = None if stamp is None else stamped_at(stamp[1])
    text = raw if stamp is None or at is None else raw[stamp.end() :]
    text = text.rstrip(b"\r")
    return LogLine(
        number=number,
        at=at,
        text=text[:LONGEST_SHOWN].decode("utf-8", "replace"),
        is_cut=len(text) > LONGEST_SHOWN,
    )


def stamp_at(content: bytes, place: int) -> Instant | None:
    """Return the time that stands at a place of a text; None: none does."""
    stamp = STAMP.match(content, place)
    return None if stamp is None else stamped_at(stamp[1])
