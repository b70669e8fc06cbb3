"""Lines of session logs: an index of where they begin, made as a log is read, and searches.

The index has an entry for every 64 KiB, and one at the border of every file: how many line ends lie
before. It grows as the log grows and is made again from the files when it was forgotten. Searches
run on whole pieces, in two threads where no other search runs.
"""

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from grange.adapters.log_search import (
    LONGEST_SHOWN,
    MOST_HITS,
    Pattern,
    Piece,
    line_of,
    lines_in,
    stamp_at,
)
from grange.adapters.session_logs import LogExtent, SessionLogFiles
from grange.domain.log_folds import SET_UP, Fold, FoldFinder
from grange.kernel.units import Instant
from grange.ports.log_lines import LogFolds, LogHits, LogLine, LogSpan
from grange.ports.session_logs import LogPart

BLOCK_BYTES = 64 * 1024
PIECE_BYTES = 4 * 1024 * 1024
MOST_INDEXES = 128
MOST_SEARCHES = 2
"""So many threads look through logs at a time."""
HALVED_LINES = 1000
"""A piece of fewer lines is not worth two threads."""
MOST_WINDOW_BYTES = 1024 * 1024
_LONGEST_SEARCHED = 1024 * 1024


@dataclass(slots=True)
class _Index:
    """How many line ends lie before each of some bytes of a log."""

    offsets: list[int] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list)
    scanned: int = 0
    count: int = 0
    is_open: bool = False
    """The last line has no end yet."""

    @property
    def lines(self) -> int:
        return self.count + (1 if self.is_open else 0)

    def add(self, content: bytes) -> None:
        for place in range(0, len(content), BLOCK_BYTES):
            self.offsets.append(self.scanned + place)
            self.newlines.append(self.count)
            self.count += lines_in(content, place, place + BLOCK_BYTES)
        self.scanned += len(content)
        self.is_open = not content.endswith(b"\n")

    def skip_to(self, offset: int, newlines: int) -> None:
        self.offsets.append(self.scanned)
        self.newlines.append(self.count)
        self.scanned, self.count = offset, newlines

    def before(self, offset: int) -> int:
        """Return how many line ends lie before the border of a file."""
        at = bisect_left(self.offsets, offset)
        return self.newlines[at] if at < len(self.offsets) else self.count


class LogLineReader:
    """A `LogLines` over session logs in a folder."""

    def __init__(self, files: SessionLogFiles) -> None:
        self._files = files
        self._indexes: OrderedDict[str, _Index] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}
        self._searches = asyncio.Semaphore(MOST_SEARCHES)
        self._folding = asyncio.Semaphore(1)

    async def span(self, stream: str) -> LogSpan | None:
        """Return how much of a log there is, or None if there is no such log."""
        found = await self._fresh(stream)
        if found is None:
            return None
        index, extent = found
        cut = None
        if extent.tail_start > extent.head_end:
            cut = (index.before(extent.head_end), index.before(extent.tail_start))
        return LogSpan(lines=index.lines, size=extent.size, cut=cut)

    async def window(self, stream: str, first: int, count: int) -> list[LogLine]:
        """Return up to `count` lines from line `first`; fewer where they are very long."""
        found = await self._fresh(stream)
        if found is None:
            return []
        index, extent = found
        end = min(first + count, index.lines)
        lines: list[LogLine] = []
        budget = MOST_WINDOW_BYTES
        at = await self._start_of(stream, index, first)
        number, rest = first, b""
        while number < end and budget > 0:
            if at is None or extent.head_end <= at < extent.tail_start:
                if rest:
                    lines.append(line_of(number, rest))
                    number, rest = number + 1, b""
                kept = index.before(extent.tail_start)
                lines += [_missing(one) for one in range(number, min(end, kept))]
                number, at = max(number, kept), extent.tail_start
                continue
            part = await self._part(stream, at)
            if part is None or not part.content or part.start != at:
                if rest:
                    lines.append(line_of(number, rest))
                break
            at = part.end
            *whole, last = part.content.split(b"\n")
            for raw in whole:
                lines.append(line_of(number, rest + raw))
                budget -= min(len(rest) + len(raw), LONGEST_SHOWN)
                number, rest = number + 1, b""
                if number >= end or budget <= 0:
                    return lines
            rest = (rest + last)[: 4 * LONGEST_SHOWN]
        return lines

    async def line_at(self, stream: str, at: Instant) -> int | None:
        """Return the first line stamped at or after an instant; None if no line has a time."""
        found = await self._fresh(stream)
        if found is None:
            return None
        index, _ = found
        low, high, timed = 0, len(index.offsets), False
        while low < high:
            middle = (low + high) // 2
            seen, stamp = middle, None
            while stamp is None and seen < high:
                stamp = _first_stamp(await self._block(stream, index, seen), seen == 0)
                seen += 1
            if stamp is None:
                high = middle
                continue
            timed = True
            if stamp < at:
                low = middle + 1
            else:
                high = middle
        # Every block from `low` on begins at or after the instant: it lies in the one before.
        begin = max(0, low - 1)
        number = index.newlines[begin] if index.newlines else 0
        while number < index.lines:
            lines = await self.window(stream, number, 1000)
            for line in lines:
                if line.at is not None:
                    timed = True
                    if line.at >= at:
                        return line.number
            if not lines:
                break
            number = lines[-1].number + 1
        return index.lines if timed else None

    async def search(
        self,
        stream: str,
        pattern: str,
        *,
        first: int,
        end: int,
        literal: bool = False,
        ignore_case: bool = False,
    ) -> AsyncIterator[LogHits]:
        """Look for lines that match, piece by piece."""
        wanted = Pattern(pattern, literal=literal, ignore_case=ignore_case)
        number = first
        async with self._searches:
            async for start, content, stop in self._whole_lines(stream, first, end):
                number = number if start is None else start
                if number >= end:
                    break
                piece = await asyncio.to_thread(Piece.of, content, stop, number, end)
                number += piece.count
                yield await self._hits(wanted, piece)
        if number < end:
            yield LogHits(lines=(), count=0, scanned=end)

    async def folds(
        self, stream: str, seen: str, *, first: int, end: int
    ) -> AsyncIterator[LogFolds]:
        """Look for runs of lines that can be shown as one, piece by piece."""
        found = await self._fresh(stream)
        if found is None:
            return
        # What a line without its end will be is not known: a run that held it could be wrong.
        end = min(end, found[0].count)
        shown = Pattern(seen, literal=False, ignore_case=False)
        setup = Pattern(SET_UP, literal=False, ignore_case=False)
        finder, number = FoldFinder(first), first
        async with self._folding:
            async for start, content, stop in self._whole_lines(stream, first, end):
                skipped: Sequence[Fold] = ()
                if start is not None and start != number:
                    number = start
                    skipped = finder.skip_to(start)
                piece = await asyncio.to_thread(Piece.of, content, stop, number, end)
                folds = await asyncio.to_thread(piece.folds, finder, setup, shown)
                number += piece.count
                yield LogFolds(folds=[*skipped, *folds], scanned=number)
        yield LogFolds(folds=finder.finish(), scanned=number)

    async def content(self, stream: str, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of lines as they are kept, piece by piece."""
        found = await self._fresh(stream)
        if found is None:
            return
        index, extent = found
        at = await self._start_of(stream, index, first)
        at = extent.tail_start if at is None else at
        stop = extent.size if end >= index.lines else await self._start_of(stream, index, end)
        stop = extent.tail_start if stop is None else stop
        while at < stop:
            part = await self._files.read(stream, at, min(PIECE_BYTES, stop - at))
            if part is None or not part.content or part.start >= stop:
                return
            if part.start > at:
                gone = index.before(part.start) - index.before(extent.head_end)
                yield f"\n… about {gone} lines were not kept …\n".encode()
            yield part.content[: stop - part.start]
            at = part.end

    def forget(self) -> None:
        """Forget every index: the next reader finds the server as after a start."""
        self._indexes.clear()

    async def _hits(self, wanted: Pattern, piece: Piece) -> LogHits:
        """Look at lines: in two threads, as long as no other search has the second one."""
        if self._searches.locked() or piece.count < HALVED_LINES:
            return await asyncio.to_thread(piece.search, wanted)
        async with self._searches:
            head, tail = await asyncio.gather(
                *(asyncio.to_thread(half.search, wanted) for half in piece.halves())
            )
        return LogHits(
            lines=[*head.lines, *tail.lines][:MOST_HITS],
            count=head.count + tail.count,
            scanned=tail.scanned,
        )

    # ── the index ─────────────────────────────────────────────────────────────────────────────────

    async def _fresh(self, stream: str) -> tuple[_Index, LogExtent] | None:
        """Return the index of a log, up to its end."""
        extent = await self._files.extent(stream)
        if extent is None:
            self._indexes.pop(stream, None)
            return None
        async with self._locks.setdefault(stream, asyncio.Lock()):
            index = self._indexes.get(stream)
            if index is None or index.scanned > extent.size:
                index = self._indexes[stream] = _Index()
            self._indexes.move_to_end(stream)
            while index.scanned < extent.size:
                at = index.scanned
                if extent.head_end <= at < extent.tail_start:
                    gone = index.before(extent.head_end) + extent.dropped_newlines
                    index.skip_to(extent.tail_start, gone)
                    continue
                room = min(self._files.file_end(at), extent.size) - at
                part = await self._files.read(stream, at, min(PIECE_BYTES, room))
                if part is None or part.start != at or not part.content:
                    break  # it was cut just now; the next reader sees how
                await asyncio.to_thread(index.add, part.content)
        while len(self._indexes) > MOST_INDEXES:
            forgotten, _ = self._indexes.popitem(last=False)
            self._locks.pop(forgotten, None)
        return index, extent

    async def _block(self, stream: str, index: _Index, at: int) -> bytes:
        start = index.offsets[at]
        end = index.offsets[at + 1] if at + 1 < len(index.offsets) else index.scanned
        part = await self._files.read(stream, start, min(end - start, BLOCK_BYTES))
        return part.content if part is not None and part.start == start else b""

    async def _part(self, stream: str, at: int) -> LogPart | None:
        return await self._files.read(stream, at, BLOCK_BYTES)

    async def _start_of(self, stream: str, index: _Index, line: int) -> int | None:
        """Return the byte a line begins at; None: that byte is not kept."""
        if line <= 0:
            return 0
        if line >= index.count + 1:
            return index.scanned
        at = bisect_left(index.newlines, line) - 1
        content = await self._block(stream, index, at)
        wanted = line - index.newlines[at]
        place = -1
        for _ in range(wanted):
            place = content.find(b"\n", place + 1)
            if place < 0:
                return None
        return index.offsets[at] + place + 1

    async def _whole_lines(
        self, stream: str, first: int, end: int
    ) -> AsyncIterator[tuple[int | None, bytes, int]]:
        """Yield pieces and where their whole lines end.

        Before them comes the number of the first line, where it does not follow.
        """
        found = await self._fresh(stream)
        if found is None:
            return
        index, extent = found
        at = await self._start_of(stream, index, first)
        number: int | None = None
        rest = b""
        if at is None:
            at, number = extent.tail_start, index.before(extent.tail_start)
        stop_at = await self._start_of(stream, index, end) if end < index.lines else None
        stop_at = extent.size if stop_at is None else stop_at
        while at < stop_at:
            part = await self._files.read(stream, at, min(PIECE_BYTES, extent.size - at))
            if part is None or not part.content:
                break
            if part.start > at:
                number, rest = index.before(part.start), b""
            content = rest + part.content if rest else part.content
            at = part.end
            stop = content.rfind(b"\n") + 1
            if stop:
                yield number, content, stop
                number = None
            rest = content[stop:][:_LONGEST_SEARCHED]
        if rest:
            yield number, rest + b"\n", len(rest) + 1


def _missing(number: int) -> LogLine:
    return LogLine(number=number, at=None, text=None)


def _first_stamp(content: bytes, is_first: bool) -> Instant | None:
    """Return the time of the first line that begins in a block and has one."""
    at = 0 if is_first else content.find(b"\n") + 1
    while is_first or at > 0:
        found = stamp_at(content, at)
        if found is not None:
            return found
        is_first, at = False, content.find(b"\n", at) + 1
    return None
