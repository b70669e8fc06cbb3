"""A file of fixed size in which rings of one make share rows, so that one write serves them all."""

import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grange.adapters.rings.format import WRITING
from grange.adapters.rings.shared_format import (
    COPY,
    FIRST,
    LAST,
    PAGE_ROWS,
    SEQUENCE,
    TORN,
    Description,
    Member,
    decode_members,
    encode_members,
    lines_of,
    pack_copy,
    page_sums,
    read_shared_preamble,
    shared_places,
    shared_preamble,
    state_of,
    unpack_copy,
)
from grange.books.archives.arithmetic import Advance, Floats, TierRows, fresh
from grange.books.archives.layout import RingSpec
from grange.kernel.errors import CorruptDataError
from grange.ports.rings import RingHead

Columns = slice | Any
"""Columns of a file: a slice, or their numbers."""


class SharedFile:
    """An open file of shared rings. Thread-safe; one process writes."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            CorruptDataError: it is none, or what it says of itself is damaged.
        """
        self.path = path
        self.lock = threading.RLock()
        with path.open("r+b") as file:
            found = os.fstat(file.fileno())
            if not found.st_size:
                raise CorruptDataError(str(path), "is empty")
            self.inode = found.st_ino
            self._map = mmap.mmap(file.fileno(), found.st_size)
        self.description, begin = read_shared_preamble(str(path), self._map)
        self._tiers = self.description.tiers
        self._places = shared_places(self.description, begin)
        if found.st_size < self._places.size:
            wanted = f"has {found.st_size} bytes where {self._places.size} belong"
            raise CorruptDataError(str(path), wanted)
        self._shape_views()
        self._verified: tuple[tuple[int, int], list[Any]] | None = None
        self._looked_at = [np.zeros(count, dtype=bool) for count in self._places.pages]
        self._read_directory()
        self._read_head()

    @property
    def members(self) -> dict[str, Member]:
        """Its rings, by path."""
        return self._members

    @property
    def lines(self) -> Floats:
        """Where every column stands; never changed, but replaced."""
        return self._lines

    @property
    def bytes_of_a_column(self) -> int:
        """How much of the file is there for one source."""
        return self._places.size // self.description.columns

    def refresh(self) -> None:
        """Read again what another process may have written."""
        with self.lock:
            if self._newest(self._places.directories) != self._directory_generation:
                self._read_directory()
            if self._newest(self._places.heads) != self._generation:
                self._read_head()

    def room_for(self, member: Member) -> int | None:
        """Return the first of as many free columns as a ring needs; None if there are none."""
        used = np.zeros(self.description.columns, dtype=bool)
        for one in self._members.values():
            used[one.columns] = True
        wanted = len(member.sources)
        others = [one for one in self._members.values() if one.path != member.path]
        if len(encode_members([*others, member])) > self.description.room:
            return None
        for column in range(len(used) - wanted + 1):
            if not used[column : column + wanted].any():
                return column
        return None

    def add(self, member: Member, *, start: int) -> None:
        """Let a ring begin in columns that are free."""
        state = fresh(spec_of(self.description, member), start)
        lines = lines_of(self._tiers, state, start, 0)
        with self.lock:
            self._write(member.columns, (), lines, cleared=True)
            self._write_directory([*self._without(member.path), member])

    def remove(self, path: str) -> None:
        """Take a ring out of the directory; its columns are free."""
        with self.lock:
            self._write_directory(self._without(path))

    def put(
        self,
        columns: Columns,
        rows: Sequence[TierRows],
        lines: Floats,
        *,
        cleared: bool = False,
        since: Sequence[int] | None = None,
    ) -> None:
        """Write the rows that columns have finished, then where they stand.

        Raises:
            CorruptDataError: what is in the file is damaged where the rows would go.
        """
        parts = []
        for number, found in enumerate(rows):
            size = self._tiers[number].rows
            skipped = 0 if since is None else max(0, since[number] - found.first)
            skipped = max(skipped, len(found.rows) - size)
            kept = found.rows[skipped:]
            if len(kept):
                parts.append((number, found.first + skipped, kept))
        with self.lock:
            if not cleared:
                self._look(columns, parts)
            self._write(columns, parts, lines, cleared=cleared)

    def rows(self, columns: slice, tier: int, first: int, count: int) -> Any:
        """Return rows by number; what is not kept is NaN."""
        lines = self._lines[:, columns]
        kept = self._tiers[tier]
        span = kept.steps * self.description.step_seconds
        newest = int(lines[LAST, 0]) // span - 1
        oldest = max(newest - kept.rows + 1, int(lines[FIRST, 0]) // span)
        width = columns.stop - columns.start
        found = np.full((count, width, kept.width), np.nan)
        begin, end = max(first, oldest), min(first + count, newest + 1)
        at = begin - first
        for part in _runs(begin, max(0, end - begin), kept.rows):
            length = part.stop - part.start
            found[at : at + length] = self._rows[tier][part, columns]
            at += length
        return found

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        self._map.flush()

    def problems(self, member: Member) -> list[str]:
        """Return what is damaged of a ring, for a person to read."""
        found = []
        for tier, damaged in zip(self._tiers, self._damage(), strict=True):
            for page in np.flatnonzero(damaged[:, member.columns].any(axis=1)).tolist():
                last = min(tier.rows, (page + 1) * PAGE_ROWS) - 1
                found.append(
                    f"{self.path}: rows {page * PAGE_ROWS} to {last} of the archives of "
                    f"{tier.steps} steps of {member.path} are damaged; restore the file from a "
                    "backup"
                )
        return found

    def _shape_views(self) -> None:
        columns, places = self.description.columns, self._places
        self._rows, self._words, self._checks = [], [], []
        for tier, pages, rows, checks in zip(
            self._tiers, places.pages, places.rows, places.checks, strict=True
        ):
            shape = (pages * PAGE_ROWS, columns, tier.width)
            count = pages * PAGE_ROWS * columns * tier.width
            flat = np.frombuffer(self._map, dtype="<f8", count=count, offset=rows)
            self._rows.append(flat.reshape(shape))
            words = flat.view("<u8").reshape(pages, PAGE_ROWS, columns, tier.width)
            self._words.append(words)
            sums = np.frombuffer(self._map, dtype="<u8", count=pages * columns, offset=checks)
            self._checks.append(sums.reshape(pages, columns))

    def _damage(self) -> list[Any]:
        """Return by tier which pages of which columns are damaged."""
        with self.lock:
            signature = (self.path.stat().st_mtime_ns, self._generation)
            if self._verified is None or self._verified[0] != signature:
                found = [
                    page_sums(words) != checks
                    for words, checks in zip(self._words, self._checks, strict=True)
                ]
                self._verified = (signature, found)
            return self._verified[1]

    def _look(self, columns: Columns, parts: Sequence[tuple[int, int, Any]]) -> None:
        """Look that nothing is damaged where rows go, once for each page."""
        whole = self._lines[TORN, columns] == 0
        for number, first, rows in parts:
            looked_at = self._looked_at[number]
            for part in self._pages(number, first, len(rows)):
                if looked_at[part].all():
                    continue
                damaged = page_sums(self._words[number][part]) != self._checks[number][part]
                if (damaged[:, columns] & whole).any():
                    steps = self._tiers[number].steps
                    raise CorruptDataError(
                        str(self.path),
                        f"rows of the archives of {steps} steps are damaged; restore the file "
                        "from a backup",
                    )
                looked_at[part] = ~damaged.any(axis=1)

    def _write(
        self,
        columns: Columns,
        parts: Sequence[tuple[int, int, Any]],
        lines: Floats,
        *,
        cleared: bool,
    ) -> None:
        self._map[WRITING] = 1
        if cleared:
            for kept, words, checks in zip(self._rows, self._words, self._checks, strict=True):
                kept[:, columns] = np.nan
                checks[:, columns] = page_sums(words[:, :, columns])
        for number, first, rows in parts:
            at = 0
            for part in _runs(first, len(rows), self._tiers[number].rows):
                length = part.stop - part.start
                self._rows[number][part, columns] = rows[at : at + length]
                at += length
            for part in self._pages(number, first, len(rows)):
                sums = page_sums(self._words[number][part][:, :, columns])
                self._checks[number][part, columns] = sums
        found = self._lines.copy()
        found[:, columns] = lines
        self._write_head(found)

    def _pages(self, number: int, first: int, count: int) -> Iterator[slice]:
        for part in _runs(first, count, self._tiers[number].rows):
            yield slice(part.start // PAGE_ROWS, (part.stop - 1) // PAGE_ROWS + 1)

    # ── what the file says of itself ──────────────────────────────────────────────────────────────

    def _newest(self, places: Sequence[int]) -> int:
        return max(int(COPY.unpack_from(self._map, at)[0]) for at in places)

    def _copies(self, places: Sequence[int], longest: int, of_what: str) -> list[tuple[int, bytes]]:
        found = [unpack_copy(self._map, at, longest) for at in places]
        whole = sorted(one for one in found if one is not None)
        if not whole:
            raise CorruptDataError(
                str(self.path), f"both copies of its {of_what} are damaged; restore a backup"
            )
        return whole

    def _read_directory(self) -> None:
        places = self._places.directories
        generation, body = self._copies(places, self.description.room, "directory")[-1]
        self._directory_generation = generation
        self._members = {member.path: member for member in decode_members(body)}

    def _read_head(self) -> None:
        count = self.description.lines * self.description.columns
        copies = self._copies(self._places.heads, 8 * count, "head")
        generation, body = copies[-1]
        lines = np.frombuffer(body, dtype="<f8").reshape(-1, self.description.columns).copy()
        # The other copy is the one before, unless it is damaged: then it was the newest.
        if self._map[WRITING] or (generation > 1 and len(copies) < 2):
            lines[TORN] = 1
        self._generation, self._lines = generation, lines

    def _write_head(self, lines: Floats) -> None:
        self._generation += 1
        packed = pack_copy(self._generation, lines.tobytes())
        at = self._places.heads[self._generation % 2]
        self._map[at : at + len(packed)] = packed
        self._map[WRITING] = 0
        self._lines = lines

    def _without(self, path: str) -> list[Member]:
        return [member for member in self._members.values() if member.path != path]

    def _write_directory(self, members: Sequence[Member]) -> None:
        self._directory_generation += 1
        packed = pack_copy(self._directory_generation, encode_members(members))
        at = self._places.directories[self._directory_generation % 2]
        self._map[at : at + len(packed)] = packed
        self._members = {member.path: member for member in members}


class SharedRing:
    """A ring in a file that it shares (`ports.rings.Ring`)."""

    def __init__(self, file: SharedFile, member: Member) -> None:
        self.file = file
        self.columns = member.columns
        self._member = member
        self._spec = spec_of(file.description, member)

    @property
    def spec(self) -> RingSpec:
        """What the ring is made of."""
        return self._spec

    @property
    def head(self) -> RingHead:
        """Where the ring stands."""
        lines = self.file.lines[:, self.columns]
        return RingHead(
            first=int(lines[FIRST, 0]),
            sequence=int(lines[SEQUENCE, 0]),
            state=state_of(self._spec.tiers, lines),
        )

    @property
    def torn(self) -> bool:
        """True if its writer died while it wrote."""
        return bool(self.file.lines[TORN, self.columns].any())

    def apply(self, advance: Advance, *, sequence: int, since: Sequence[int] | None = None) -> None:
        """Write the rows a batch finished, then where the ring stands."""
        first = self.file.lines[FIRST, self.columns]
        lines = lines_of(self._spec.tiers, advance.state, first, sequence)
        self.file.put(self.columns, advance.rows, lines, cleared=advance.cleared, since=since)

    def rows(self, tier: int, first: int, count: int) -> Any:
        """Return rows by number; what is not kept is NaN."""
        return self.file.rows(self.columns, tier, first, count)

    def restore(self, tier: int, first: int, rows: Any) -> None:
        """Write rows by number."""
        span = self._spec.tiers[tier].steps * self._spec.step_seconds
        with self.file.lock:
            lines = self.file.lines[:, self.columns].copy()
            lines[FIRST] = np.minimum(lines[FIRST], first * span)
            nothing = TierRows(first=0, rows=rows[:0])
            parts = [nothing] * len(self._spec.tiers)
            parts[tier] = TierRows(first=first, rows=rows)
            self.file.put(self.columns, parts, lines)

    def problems(self) -> Sequence[str]:
        """Return what is damaged."""
        return self.file.problems(self._member)

    def close(self) -> None:
        """Give the ring back; its file stays open for the others."""


def spec_of(description: Description, member: Member) -> RingSpec:
    """Return what a ring is made of."""
    return RingSpec(
        step_seconds=description.step_seconds,
        heartbeat_seconds=member.heartbeat_seconds,
        sources=member.sources,
        archives=description.archives,
        extremes=description.extremes,
    )


def write_shared_file(path: Path, description: Description) -> None:
    """Make a file without rings, durably; the caller gives it its name."""
    head = shared_preamble(description)
    places = shared_places(description, len(head))
    columns = description.columns
    with path.open("wb") as file:
        file.write(head)
        file.seek(places.directories[1])
        file.write(pack_copy(1, encode_members([])))
        file.seek(places.heads[1])
        file.write(pack_copy(1, np.zeros((description.lines, columns)).tobytes()))
        for tier, pages, at in zip(description.tiers, places.pages, places.checks, strict=True):
            empty = np.full((1, PAGE_ROWS, 1, tier.width), np.nan).view("<u8")
            file.seek(at)
            file.write(np.full(pages * columns, page_sums(empty)[0, 0], dtype="<u8").tobytes())
        file.seek(places.rows[0])
        for tier, pages in zip(description.tiers, places.pages, strict=True):
            page = np.full(PAGE_ROWS * columns * tier.width, np.nan).tobytes()
            for _ in range(pages):
                file.write(page)
        file.flush()
        os.fsync(file.fileno())


def _runs(first: int, count: int, size: int) -> Iterator[slice]:
    """Return the places of rows that follow each other: they begin anew behind the last place."""
    while count > 0:
        place = first % size
        length = min(count, size - place)
        yield slice(place, place + length)
        first += length
        count -= length
