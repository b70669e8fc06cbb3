"""The facts that are in the journal but not yet in a file, kept in memory."""

from collections import defaultdict

import pyarrow as pa

from grange.books.catalog.registry import table
from grange.books.rows import joined, keep_first
from grange.ports.journal import JournalReader

Place = tuple[str, str]
"""Farm and table."""


class JournalTail:
    """Follows the journal. For one thread at a time."""

    def __init__(self, journal: JournalReader, watermark: int) -> None:
        """Follow a journal from behind the last frame that is sealed."""
        self._journal = journal
        self._position = watermark
        self._frames: dict[Place, list[tuple[int, pa.Table]]] = defaultdict(list)
        self._once: dict[Place, tuple[tuple[int, int], pa.Table]] = {}

    @property
    def position(self) -> int:
        """Sequence of the last frame read."""
        return self._position

    def refresh(self) -> None:
        """Read what was appended."""
        for frame in self._journal.read(self._position):
            self._frames[frame.farm_id, frame.table_name].append((frame.sequence, frame.rows))
            self._position = frame.sequence

    def rows(self, place: Place) -> pa.Table | None:
        """Return the rows of a farm and table, the first of each key; None if there are none."""
        frames = self._frames.get(place)
        if not frames:
            return None
        state = (frames[0][0], frames[-1][0])
        known = self._once.get(place)
        if known is not None and known[0] == state:
            return known[1]
        spec = table(place[1])
        rows = keep_first(spec, joined(spec, [rows for _, rows in frames]))
        self._once[place] = (state, rows)
        return rows

    def all_rows(self) -> dict[Place, pa.Table]:
        """Return the rows of every farm and table that has any."""
        found = {place: self.rows(place) for place in tuple(self._frames)}
        return {place: rows for place, rows in found.items() if rows is not None}

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
            self._once.pop(place, None)
            if left:
                self._frames[place] = left
            else:
                del self._frames[place]
        self._position = max(self._position, watermark)
