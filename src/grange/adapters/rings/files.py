"""Ring files below a folder, mapped into memory."""

import errno
import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grange.adapters.rings.format import (
    PAGE_ROWS,
    WRITING,
    pack_head,
    places,
    preamble,
    read_preamble,
    unpack_head,
)
from grange.books.archives.arithmetic import Advance, fresh
from grange.books.archives.layout import RingSpec
from grange.kernel.errors import CorruptDataError, InvalidRequestError, StorageFullError
from grange.ports.rings import RingHead

SUFFIX = ".ring"
RINGS = "rings"
"""The folder of rings in a data folder."""


class RingFile:
    """An open ring file (`ports.rings.Ring`)."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            CorruptDataError: it is no ring, or its head is damaged.
        """
        self._path = path
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise CorruptDataError(str(path), "is empty")
            self._map = mmap.mmap(file.fileno(), size)
        try:
            self._spec, heads = read_preamble(str(path), self._map)
            self._places = places(self._spec, heads)
            self._check_size(size)
            self._generation, self._head, self._torn = self._read_head()
        except CorruptDataError:
            self._map.close()
            raise
        self._tiers = self._spec.tiers
        self._looked_at: set[tuple[int, int]] = set()
        self._rows = [
            np.frombuffer(
                self._map,
                dtype="<f8",
                count=tier.rows * self._spec.width * tier.width,
                offset=offset,
            ).reshape(tier.rows, self._spec.width, tier.width)
            for tier, offset in zip(self._tiers, self._places.rows, strict=True)
        ]
        self._checks = [
            np.frombuffer(self._map, dtype="<u4", count=count, offset=offset)
            for count, offset in zip(self._places.pages, self._places.checks, strict=True)
        ]

    @property
    def spec(self) -> RingSpec:
        """What the ring is made of."""
        return self._spec

    @property
    def head(self) -> RingHead:
        """Where the ring stands."""
        return self._head

    @property
    def torn(self) -> bool:
        """True if its writer died while it wrote."""
        return self._torn

    def apply(self, advance: Advance, *, sequence: int, since: Sequence[int] | None = None) -> None:
        """Write the rows a batch finished, then where the ring stands."""
        parts = []
        for number, found in enumerate(advance.rows):
            skipped = 0 if since is None else max(0, since[number] - found.first)
            rows = found.rows[skipped:]
            if advance.cleared or len(rows):
                parts.append((number, found.first + skipped, rows))
        if parts:
            self._begin(parts, cleared=advance.cleared)
            for number, first, rows in parts:
                if advance.cleared:
                    self._rows[number][:] = np.nan
                self._put(number, first, rows, whole=advance.cleared)
        head = RingHead(first=self._head.first, sequence=sequence, state=advance.state)
        self._write_head(head)

    def rows(self, tier: int, first: int, count: int) -> Any:
        """Return rows by number; what is not kept is NaN."""
        size = self._tiers[tier].rows
        span = self._tiers[tier].steps * self._spec.step_seconds
        newest = self._head.state.last // span - 1
        oldest = max(newest - size + 1, self._head.first // span)
        found = np.full((count, self._spec.width, self._tiers[tier].width), np.nan)
        begin, end = max(first, oldest), min(first + count, newest + 1)
        if begin < end:
            wanted = np.arange(begin, end) % size
            found[begin - first : end - first] = self._rows[tier][wanted]
        return found

    def restore(self, tier: int, first: int, rows: Any) -> None:
        """Write rows by number."""
        span = self._tiers[tier].steps * self._spec.step_seconds
        self._begin([(tier, first, rows)], cleared=False)
        self._put(tier, first, rows, whole=False)
        head = self._head
        self._write_head(
            RingHead(first=min(head.first, first * span), sequence=head.sequence, state=head.state)
        )

    def problems(self) -> Sequence[str]:
        """Return what is damaged."""
        found = []
        for number, tier in enumerate(self._tiers):
            for page in range(self._places.pages[number]):
                if self._crc(number, page) != self._checks[number][page]:
                    last = min(tier.rows, (page + 1) * PAGE_ROWS) - 1
                    found.append(
                        f"{self._path}: rows {page * PAGE_ROWS} to {last} of the archives of "
                        f"{tier.steps} steps are damaged; restore the file from a backup"
                    )
        return found

    def close(self) -> None:
        """Give the file back."""
        self._rows, self._checks = [], []
        self._map.close()

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        self._map.flush()

    def _check_size(self, size: int) -> None:
        if size < self._places.size:
            raise CorruptDataError(
                str(self._path), f"has {size} bytes where {self._places.size} belong"
            )

    def _begin(self, parts: Sequence[tuple[int, int, Any]], *, cleared: bool) -> None:
        """Look that nothing is damaged where rows go, and say that they are being written."""
        if not self._torn and not cleared:
            for number, first, rows in parts:
                for page in self._pages(number, first, len(rows)):
                    if (number, page) in self._looked_at:
                        continue
                    if self._crc(number, page) != self._checks[number][page]:
                        raise CorruptDataError(str(self._path), self.problems()[0])
                    self._looked_at.add((number, page))
        self._map[WRITING] = 1

    def _put(self, number: int, first: int, rows: Any, *, whole: bool) -> None:
        size = self._tiers[number].rows
        rows = rows[-size:] if len(rows) > size else rows
        first = first + max(0, len(rows) - size)
        kept = self._rows[number]
        place = first % size
        until = min(size, place + len(rows))
        kept[place:until] = rows[: until - place]
        if until - place < len(rows):
            kept[: len(rows) - (until - place)] = rows[until - place :]
        pages = (
            range(self._places.pages[number]) if whole else self._pages(number, first, len(rows))
        )
        for page in pages:
            self._checks[number][page] = self._crc(number, page)

    def _pages(self, number: int, first: int, count: int) -> Sequence[int]:
        size = self._tiers[number].rows
        if count >= size:
            return range(self._places.pages[number])
        if not count:
            return ()
        place = first % size
        last = place + count - 1
        found = set(range(place // PAGE_ROWS, min(last, size - 1) // PAGE_ROWS + 1))
        if last >= size:
            found |= set(range((last - size) // PAGE_ROWS + 1))
        return sorted(found)

    def _crc(self, number: int, page: int) -> int:
        return zlib.crc32(self._rows[number][page * PAGE_ROWS : (page + 1) * PAGE_ROWS].data)

    def _read_head(self) -> tuple[int, RingHead, bool]:
        found = []
        for at in self._places.heads:
            head = unpack_head(self._spec, self._map[at : at + self._places.head_bytes])
            if head is not None:
                found.append(head)
        if not found:
            raise CorruptDataError(
                str(self._path), "both copies of its head are damaged; restore it from a backup"
            )
        generation, newest = max(found, key=lambda one: one[0])
        # The other copy is the one before, unless it is damaged: then it was the newest.
        torn = bool(self._map[WRITING]) or (generation > 1 and len(found) < 2)
        return generation, newest, torn

    def _write_head(self, head: RingHead) -> None:
        self._generation += 1
        packed = pack_head(head, self._generation)
        at = self._places.heads[self._generation % 2]
        self._map[at : at + len(packed)] = packed
        self._map[WRITING] = 0
        self._head, self._torn = head, False


class RingFolder:
    """The ring files below a folder (`ports.rings.Rings`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, path: str, spec: RingSpec, *, start: int) -> RingFile:
        """Make an empty ring that begins at a second."""
        target = self._file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        try:
            self._write_new(temporary, spec, start)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFullError(f"There is no room for a ring in {self._folder}.") from error
            raise
        temporary.replace(target)
        return RingFile(target)

    def open(self, path: str) -> RingFile | None:
        """Return a ring; None if there is no such file."""
        file = self._file(path)
        return RingFile(file) if file.exists() else None

    def put_aside(self, path: str) -> str:
        """Give a damaged ring another name and return it."""
        file = self._file(path)
        aside = file.with_name(f"{file.name}.damaged")
        file.replace(aside)
        return str(aside)

    def size(self, path: str) -> int:
        """Return how many bytes a ring has."""
        return self._file(path).stat().st_size

    def note(self, name: str) -> bytes | None:
        """Return what was kept beside the rings under a name."""
        file = self._file(name).with_suffix(".json")
        return file.read_bytes() if file.exists() else None

    def keep_note(self, name: str, content: bytes) -> None:
        """Keep something small beside the rings, whole or not at all."""
        file = self._file(name).with_suffix(".json")
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        with temporary.open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(file)

    def remove(self, path: str) -> None:
        """Delete a ring."""
        self._file(path).unlink(missing_ok=True)

    def paths(self, under: str = "") -> Sequence[str]:
        """Return the paths of all rings below a path."""
        root = self._folder / under if under else self._folder
        return sorted(
            file.relative_to(self._folder).as_posix()[: -len(SUFFIX)]
            for file in root.rglob(f"*{SUFFIX}")
            if not file.name.startswith(".")
        )

    def location(self, path: str) -> Path:
        """Return the file of a ring."""
        return self._file(path)

    def _file(self, path: str) -> Path:
        parts = path.split("/")
        if any(part in {"", ".", ".."} or part.startswith(".") or "\0" in part for part in parts):
            raise InvalidRequestError(f"{path!r} is no path of a ring.")
        return self._folder.joinpath(*parts[:-1], parts[-1] + SUFFIX)

    def _write_new(self, path: Path, spec: RingSpec, start: int) -> None:
        head = preamble(spec)
        where = places(spec, len(head))
        tiers = spec.tiers
        with path.open("wb") as file:
            file.write(head)
            packed = pack_head(RingHead(first=start, sequence=0, state=fresh(spec, start)), 1)
            file.seek(where.heads[1])
            file.write(packed)
            for tier, at in zip(tiers, where.checks, strict=True):
                file.seek(at)
                file.write(np.array(list(_empty_checks(spec, tier)), dtype="<u4").tobytes())
            file.seek(where.rows[0])
            for tier in tiers:
                nothing = np.full(tier.rows * spec.width * tier.width, np.nan, dtype="<f8")
                file.write(nothing.tobytes())
            file.flush()
            os.fsync(file.fileno())


def _empty_checks(spec: RingSpec, tier: Any) -> Iterator[int]:
    row = np.full(spec.width * tier.width, np.nan, dtype="<f8").tobytes()
    for begin in range(0, tier.rows, PAGE_ROWS):
        yield zlib.crc32(row * min(PAGE_ROWS, tier.rows - begin))
