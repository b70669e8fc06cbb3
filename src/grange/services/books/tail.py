"""The facts that are in the journal but not yet in a file, kept in memory."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from grange.books.catalog.registry import table
from grange.books.rows import joined, keep_first
from grange.ports.journal import JournalReader

Place = tuple[str, str]
"""Farm and table."""


@dataclass(frozen=True, slots=True)
class Captured:
    """The frames of one farm and table at one moment."""

    place: Place
    first: int
    last: int
    tables: Sequence[pa.Table]


class JournalTail:
    """Follows the journal. One thread at a time may refresh, capture and forget."""

    def __init__(self, journal: JournalReader, watermark: int) -> None:
        """Follow a journal from behind the last frame that is sealed."""
        self._journal = journal
        self._position = watermark
        self._frames: dict[Place, list[tuple[int, pa.Table]]] = defaultdict(list)
        self._memory = Memory()

    @property
    def position(self) -> int:
        """Sequence of the last frame read."""
        return self._position

    @property
    def memory(self) -> "Memory":
        """Where captured frames become rows."""
        return self._memory

    def refresh(self) -> None:
        """Read what was appended."""
        for frame in self._journal.read(self._position):
            self._frames[frame.farm_id, frame.table_name].append((frame.sequence, frame.rows))
            self._position = frame.sequence

    def capture(self, farm_id: str) -> dict[str, Captured]:
        """Return the frames of a farm, by table."""
        return {
            place[1]: Captured(place, frames[0][0], frames[-1][0], [rows for _, rows in frames])
            for place, frames in self._frames.items()
            if place[0] == farm_id and frames
        }

    def newer(self, farm_id: str, table_name: str, sequence: int) -> list[pa.Table]:
        """Return the frames of a farm and table behind a sequence."""
        frames = self._frames.get((farm_id, table_name), [])
        return [rows for number, rows in frames if number > sequence]

    def up_to(self, sequence: int) -> dict[Place, pa.Table]:
        """Return what the frames up to a sequence hold, the first row of each key."""
        found = {}
        for place, frames in self._frames.items():
            chosen = [rows for number, rows in frames if number <= sequence]
            if chosen:
                spec = table(place[1])
                found[place] = keep_first(spec, joined(spec, chosen))
        return found

    def forget(self, watermark: int) -> None:
        """Drop frames that are in files now."""
        for place in tuple(self._frames):
            left = [(number, rows) for number, rows in self._frames[place] if number > watermark]
            if left:
                self._frames[place] = left
            else:
                del self._frames[place]
                self._memory.forget(place)
        self._position = max(self._position, watermark)


class Memory:
    """Rows of captured frames, one per key; kept until other frames are asked for. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Place, tuple[int, int, pa.Table]] = {}

    def rows(self, captured: Captured) -> pa.Table:
        """Return the first row of each key in captured frames."""
        with self._lock:
            known = self._rows.get(captured.place)
            if known is None or known[:2] != (captured.first, captured.last):
                spec = table(captured.place[1])
                rows = keep_first(spec, joined(spec, captured.tables))
                known = (captured.first, captured.last, rows)
                self._rows[captured.place] = known
            return known[2]

    def forget(self, place: Place) -> None:
        """Drop the rows of a farm and table."""
        with self._lock:
            self._rows.pop(place, None)
