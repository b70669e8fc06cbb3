"""The rings of a data folder, many in a file.

Rings that are made alike share files in `<farm>/shared/`. A file never grows: when its columns are
taken the next one is made, larger up to a point. A ring in a file of its own, as older versions of
Grange made them, is taken over when it is first opened.
"""

import errno
import logging
import threading
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from grange.adapters.rings.files import RingFolder
from grange.adapters.rings.shared_file import Columns, SharedFile, SharedRing, write_shared_file
from grange.adapters.rings.shared_format import (
    FIRST,
    Description,
    Member,
    describe,
    encode_members,
    lines_of,
    state_of,
)
from grange.books.archives.arithmetic import Advance, Floats, Ints, TierRows, advance
from grange.books.archives.layout import RingSpec
from grange.books.archives.together import wide_spec
from grange.kernel.errors import CorruptDataError, StorageFullError
from grange.ports.rings import Ring

SHARED = "shared"
SHARED_SUFFIX = ".rings"
_FEWEST_COLUMNS = 8
_MOST_COLUMNS = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How rings are put forward together; mostly it is the same ones as the last time."""

    rings: tuple[Ring, ...]
    specs: tuple[RingSpec, ...]
    wide: RingSpec
    order: tuple[int, ...]
    """Which ring's sources follow which in `wide`."""
    parts: tuple[tuple[SharedFile, Columns, slice], ...]
    """File, its columns, and what of `wide` they are."""
    alone: tuple[int, ...]
    """Rings in files of their own."""


class SharedRings:
    """The rings below a folder (`ports.rings.Rings`). Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._alone = RingFolder(folder)
        self._files: dict[Path, SharedFile] = {}
        self._where: dict[str, SharedFile] = {}
        self._broken: dict[Path, CorruptDataError] = {}
        self._lock = threading.RLock()
        self._plan: _Plan | None = None

    def create(self, path: str, spec: RingSpec, *, start: int) -> SharedRing:
        """Make an empty ring that begins at a second."""
        self._alone.location(path)
        with self._lock:
            ring = self._made(path, spec, start)
            self._alone.remove(path)
            return ring

    def open(self, path: str) -> Ring | None:
        """Return a ring; None if there is none."""
        self._alone.location(path)
        with self._lock:
            alone = self._alone.open(path)
            if alone is not None:
                if alone.torn or alone.problems():
                    return alone
                with closing(alone):
                    return self._taken_over(path, alone)
            found = self._found(path)
            if found is None:
                self._say_broken(path)
            return found

    def advance(
        self,
        rings: Sequence[Ring],
        specs: Sequence[RingSpec],
        times: Ints,
        values: Sequence[Floats],
        *,
        sequence: int,
    ) -> None:
        """Put values of the same times into several rings, as if into each alone."""
        plan = self._planned(tuple(rings), tuple(specs))
        for number in plan.alone:
            done = advance(specs[number], rings[number].head.state, times, values[number])
            rings[number].apply(done, sequence=sequence)
        if not plan.parts:
            return
        lines = np.concatenate([file.lines[:, columns] for file, columns, _ in plan.parts], axis=1)
        tiers = plan.wide.tiers
        told = np.concatenate([values[number] for number in plan.order], axis=1)
        done = advance(plan.wide, state_of(tiers, lines), times, told)
        after = lines_of(tiers, done.state, lines[FIRST], sequence)
        for file, columns, part in plan.parts:
            rows = [TierRows(first=one.first, rows=one.rows[:, part]) for one in done.rows]
            file.put(columns, rows, after[:, part], cleared=done.cleared)

    def put_aside(self, path: str) -> str:
        """Write a damaged ring into a file of its own, and return its name."""
        with self._lock:
            if self._alone.location(path).exists():
                return self._alone.put_aside(path)
            found = self._found(path)
            if found is None:
                broken = [file for file in self._broken if self._top(path) in file.parents]
                for file in broken:
                    file.replace(file.with_name(f"{file.name}.damaged"))
                    del self._broken[file]
                return ", ".join(f"{file}.damaged" for file in broken)
            start = found.head.first
            with closing(self._alone.create(path, found.spec, start=start)) as copy:
                _copy(found, copy)
            aside = self._alone.put_aside(path)
            self._drop(found.file, path)
            return aside

    def size(self, path: str) -> int:
        """Return how many bytes a ring has."""
        with self._lock:
            found = self._found(path)
            if found is None:
                return self._alone.size(path)
            return found.spec.width * found.file.bytes_of_a_column

    def note(self, name: str) -> bytes | None:
        """Return what was kept beside the rings under a name."""
        return self._alone.note(name)

    def keep_note(self, name: str, content: bytes) -> None:
        """Keep something small beside the rings, whole or not at all."""
        self._alone.keep_note(name, content)

    def remove(self, path: str) -> None:
        """Delete a ring."""
        with self._lock:
            found = self._found(path)
            if found is not None:
                self._drop(found.file, path)
            self._alone.remove(path)

    def paths(self, under: str = "") -> Sequence[str]:
        """Return the paths of all rings below a path."""
        with self._lock:
            self._look(under)
            shared = {path for path in self._where if not under or path.startswith(f"{under}/")}
            return sorted(shared.union(self._alone.paths(under)))

    def location(self, path: str) -> Path:
        """Return the file that a ring is in, or would be in alone."""
        with self._lock:
            found = self._found(path)
            return self._alone.location(path) if found is None else found.file.path

    # ── files ─────────────────────────────────────────────────────────────────────────────────────

    def _top(self, path: str) -> Path:
        head, slash, _ = path.partition("/")
        return self._folder / head / SHARED if slash else self._folder / SHARED

    def _found(self, path: str) -> SharedRing | None:
        """Return a ring that shares a file."""
        file = self._where.get(path)
        if file is None or not self._holds(file, path):
            self._look(path)
            file = self._where.get(path)
        return None if file is None else SharedRing(file, file.members[path])

    def _holds(self, file: SharedFile, path: str) -> bool:
        """Return whether an open file is still the one on the disk, and has a ring."""
        try:
            if file.path.stat().st_ino != file.inode:
                return False
            file.refresh()
        except (FileNotFoundError, CorruptDataError):
            return False
        return path in file.members

    def _look(self, path: str) -> None:
        """Look which files there are where a ring would be, or below a path, and what they hold."""
        tops = [self._top(f"{path}/")] if path else []
        if "/" not in path:
            tops.append(self._folder / SHARED)
        if not path:
            tops += list(self._folder.glob(f"*/{SHARED}"))
        for top in tops:
            there = sorted(top.glob(f"*{SHARED_SUFFIX}"))
            for file in [known for known in self._files if known.parent == top]:
                if file not in there:
                    del self._files[file]
            for file in there:
                self._open(file)
        found: dict[str, tuple[int, SharedFile]] = {}
        for shared in self._files.values():
            for member in shared.members.values():
                if member.made > found.get(member.path, (0, shared))[0]:
                    found[member.path] = (member.made, shared)
        self._where = {name: file for name, (_, file) in found.items()}

    def _open(self, file: Path) -> None:
        if file.name.startswith("."):
            return
        known = self._files.get(file)
        try:
            if known is not None and file.stat().st_ino == known.inode:
                known.refresh()
            else:
                self._files[file] = SharedFile(file)
            self._broken.pop(file, None)
        except FileNotFoundError:
            self._files.pop(file, None)
        except CorruptDataError as error:
            self._files.pop(file, None)
            if file not in self._broken:
                _log.error("A file of rings is damaged: %s", error)
            self._broken[file] = error

    def _say_broken(self, path: str) -> None:
        """Refuse if the ring may be in a file that cannot be read."""
        for file, error in self._broken.items():
            if file.parent == self._top(path):
                raise error

    def _room(self, path: str, spec: RingSpec, member: Member) -> tuple[SharedFile, int]:
        """Return a file with room for a ring, and its first column."""
        top = self._top(path)
        taken = 0
        for name in sorted(self._files):
            file = self._files[name]
            if name.parent == top and file.description.fits(spec):
                column = file.room_for(member)
                if column is not None:
                    return file, column
                taken += file.description.columns
        width = spec.width
        columns = max(width, min(_MOST_COLUMNS, max(_FEWEST_COLUMNS, taken)) // width * width)
        room = 2 * len(encode_members([member]))
        return self._new(top, describe(spec, columns, least_room=room)), 0

    def _made(self, path: str, spec: RingSpec, start: int) -> SharedRing:
        self._look(path)
        before = self._where.get(path)
        made = 1 + max(
            (one.made for file in self._files.values() for one in file.members.values()),
            default=0,
        )
        member = Member(
            path=path,
            column=0,
            made=made,
            heartbeat_seconds=spec.heartbeat_seconds,
            sources=spec.sources,
        )
        try:
            file, column = self._room(path, spec, member)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                found = f"There is no room for a ring in {self._folder}."
                raise StorageFullError(found) from error
            raise
        member = msgspec.structs.replace(member, column=column)
        file.add(member, start=start)
        self._where[path] = file
        if before is not None and before is not file:
            self._drop(before, path)
        return SharedRing(file, member)

    def _new(self, top: Path, description: Description) -> SharedFile:
        top.mkdir(parents=True, exist_ok=True)
        kind = msgspec.json.encode((description.archives, description.extremes))
        stem = f"{description.step_seconds}s-{zlib.crc32(kind):08x}"
        number = 1
        while (file := top / f"{stem}-{number}{SHARED_SUFFIX}").exists():
            number += 1
        temporary = file.with_name(f".{file.name}.new")
        try:
            write_shared_file(temporary, description)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(file)
        self._files[file] = SharedFile(file)
        return self._files[file]

    def _drop(self, file: SharedFile, path: str) -> None:
        file.remove(path)
        if self._where.get(path) is file:
            del self._where[path]
        if not file.members:
            file.path.unlink(missing_ok=True)
            self._files.pop(file.path, None)

    def _taken_over(self, path: str, alone: Ring) -> Ring:
        """Move a ring out of its own file, which is there until everything is on the disk."""
        ring = self._made(path, alone.spec, alone.head.first)
        _copy(alone, ring)
        ring.file.sync()
        self._alone.remove(path)
        return ring

    def _planned(self, rings: tuple[Ring, ...], specs: tuple[RingSpec, ...]) -> _Plan:
        if self._plan is not None and (self._plan.rings, self._plan.specs) == (rings, specs):
            return self._plan
        by_file: dict[Path, list[tuple[int, SharedRing]]] = {}
        alone = []
        for number, ring in enumerate(rings):
            if isinstance(ring, SharedRing):
                by_file.setdefault(ring.file.path, []).append((number, ring))
            else:
                alone.append(number)
        order, parts, begin = [], [], 0
        for members in by_file.values():
            members.sort(key=lambda one: one[1].columns.start)
            columns = [
                column
                for _, ring in members
                for column in range(ring.columns.start, ring.columns.stop)
            ]
            part = slice(begin, begin + len(columns))
            parts.append((members[0][1].file, _sliced(columns), part))
            order += [number for number, _ in members]
            begin = part.stop
        self._plan = _Plan(
            rings=rings,
            specs=specs,
            wide=wide_spec([specs[number] for number in order] or specs),
            order=tuple(order),
            parts=tuple(parts),
            alone=tuple(alone),
        )
        return self._plan


def _sliced(numbers: Sequence[int]) -> Any:
    """Return numbers as a slice if they follow each other: it is faster."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return slice(numbers[0], numbers[-1] + 1)
    return np.array(numbers)


def _copy(source: Ring, target: Ring) -> None:
    """Put everything that a ring keeps into an empty one."""
    head, spec = source.head, source.spec
    rows = []
    for number, tier in enumerate(spec.tiers):
        first = head.state.last // (tier.steps * spec.step_seconds) - tier.rows
        rows.append(TierRows(first=first, rows=source.rows(number, first, tier.rows)))
    target.apply(Advance(state=head.state, rows=tuple(rows)), sequence=head.sequence)
