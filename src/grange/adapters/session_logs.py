"""Session logs as files: `logs/sessions/<id>.log`, a long log as its head and a sliding tail.

Offsets are those of the whole log, whatever was cut. The head file holds the first half of the
allowed size; what follows goes to parts of an eighth of it, `<id>.<n>.log`, of which the last four
are kept. So every offset's file follows from arithmetic. How many lines the parts had that were
dropped is kept beside them, `<id>.cut`, so that lines keep their numbers.
"""

import asyncio
import errno
import gzip
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grange.kernel.errors import ConflictError, InvalidRequestError, StorageFullError
from grange.kernel.units import Instant
from grange.ports.session_logs import LogPart

_STREAM = re.compile(r"(?:session|worker)-[0-9a-f]{32}")
_TAIL_PARTS = 4
_LOCKS = 64
_EXPANDED = 3
"""So many expanded files are kept at hand: a compressed log is read in many small windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogExtent:
    """Which bytes of a log are kept."""

    size: int
    """Bytes ever written."""
    head_end: int
    """Byte offset behind the head."""
    tail_start: int
    """Byte offset of the first byte kept behind the head; `head_end` if nothing was dropped."""
    dropped_newlines: int
    """Line ends between the two."""


class SessionLogFiles:
    """A `SessionLogs` in one folder."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._head_bytes = max(1, max_bytes // 2)
        self._part_bytes = max(1, max_bytes // 2 // _TAIL_PARTS)
        self._locks = [asyncio.Lock() for _ in range(_LOCKS)]
        folder.mkdir(parents=True, exist_ok=True)

    async def append(self, stream: str, content: bytes, offset: int | None = None) -> int:
        """Add bytes at an offset (None: the end) and return the log's size."""
        self._check(stream)
        async with self._lock(stream):
            return await asyncio.to_thread(self._append, stream, content, offset)

    async def read(self, stream: str, start: int, limit: int) -> LogPart | None:
        """Return up to `limit` bytes from `start`, or None if there is no such log."""
        self._check(stream)
        async with self._lock(stream):
            return await asyncio.to_thread(self._read, stream, start, limit)

    async def extent(self, stream: str) -> LogExtent | None:
        """Return which bytes of a log are kept, or None if there is no such log."""
        self._check(stream)
        async with self._lock(stream):
            return await asyncio.to_thread(self._extent, stream)

    def file_end(self, offset: int) -> int:
        """Return where the file ends that a byte of a log belongs to."""
        return self._part_end(self._part_at(offset)[0])

    async def compress_idle(self, before: Instant) -> int:
        """Compress the logs nobody wrote to since `before`; returns how many."""
        done = 0
        for stream, written_at in await asyncio.to_thread(self._streams, ".log"):
            if written_at < before:
                async with self._lock(stream):
                    await asyncio.to_thread(self._compress, stream)
                done += 1
        return done

    async def streams(self) -> AsyncIterator[tuple[str, Instant]]:
        """Yield every stream with the instant it was last written to."""
        for stream, written_at in await asyncio.to_thread(self._streams, ""):
            yield stream, written_at

    async def delete(self, stream: str) -> None:
        """Delete a log."""
        self._check(stream)
        async with self._lock(stream):
            await asyncio.to_thread(self._delete, stream)

    def _lock(self, stream: str) -> asyncio.Lock:
        return self._locks[int(stream[-4:], 16) % _LOCKS]

    @staticmethod
    def _check(stream: str) -> None:
        if not _STREAM.fullmatch(stream):
            raise InvalidRequestError(
                f"{stream[:80]!r} names no log: it must be a session id or a worker id.",
                reason="OTHER",
            )

    def _path(self, stream: str, part: int) -> Path:
        """Return the file of a part; part 0 is the head."""
        name = f"{stream}.log" if part == 0 else f"{stream}.{part}.log"
        return self._folder / name

    def _part_at(self, offset: int) -> tuple[int, int]:
        """Return (part, offset of its first byte) for a byte of the log."""
        if offset < self._head_bytes:
            return 0, 0
        part = (offset - self._head_bytes) // self._part_bytes
        return part + 1, self._head_bytes + part * self._part_bytes

    def _part_end(self, part: int) -> int:
        return self._head_bytes + part * self._part_bytes

    def _parts(self, stream: str) -> dict[int, Path]:
        """Return the files there are, by part, ascending.

        Most logs are a head that has room left, so there is nothing else: the folder of all logs,
        which grows, is searched for the others alone.
        """
        head = self._path(stream, 0)
        try:
            if head.stat().st_size < self._head_bytes:
                return {0: head}
        except FileNotFoundError:
            if not head.with_name(head.name + ".gz").exists():
                return {}
        return self._found(stream)

    def _found(self, stream: str) -> dict[int, Path]:
        """Return the files in the folder, by part, ascending."""
        found: dict[int, Path] = {}
        for path in self._folder.glob(f"{stream}.*"):
            middle = path.name[len(stream) + 1 :].removesuffix(".gz").removesuffix("log")
            if middle == "" or middle[:-1].isdigit():
                found[int(middle[:-1] or 0) if middle else 0] = path
        return dict(sorted(found.items()))

    def _size(self, parts: dict[int, Path]) -> int:
        if not parts:
            return 0
        last = max(parts)
        start = 0 if last == 0 else self._part_end(last - 1)
        path = parts[last]
        return start + (len(_content(path)) if path.suffix == ".gz" else path.stat().st_size)

    def _extent(self, stream: str) -> LogExtent | None:
        parts = self._parts(stream)
        if not parts:
            return None
        size = self._size(parts)
        head_end = min(size, self._head_bytes)
        behind = [part for part in parts if part > 0]
        tail_start = self._part_end(min(behind) - 1) if behind else head_end
        return LogExtent(
            size=size,
            head_end=head_end,
            tail_start=tail_start,
            dropped_newlines=self._dropped(stream)[1],
        )

    def _cut_path(self, stream: str) -> Path:
        return self._folder / f"{stream}.cut"

    def _dropped(self, stream: str) -> tuple[int, int]:
        """Return the last part that was dropped, and how many line ends all of them had."""
        try:
            part, newlines = self._cut_path(stream).read_text().split()
        except (FileNotFoundError, ValueError):
            return 0, 0
        return int(part), int(newlines)

    def _drop(self, stream: str, part: int, path: Path) -> None:
        """Delete a part after noting how many line ends it has; a repeat counts nothing twice."""
        known, newlines = self._dropped(stream)
        if part > known:
            newlines += _content(path).count(b"\n")
            target = self._cut_path(stream)
            temporary = target.with_name("." + target.name)
            temporary.write_text(f"{part} {newlines}\n")
            temporary.replace(target)
        path.unlink(missing_ok=True)

    def _append(self, stream: str, content: bytes, offset: int | None) -> int:
        parts = self._parts(stream)
        if any(path.suffix == ".gz" for path in parts.values()):
            self._expand(parts)
            parts = self._parts(stream)
        size = self._size(parts)
        start = size if offset is None else offset
        if start > size:
            raise ConflictError(
                f"The log has {size} bytes; bytes at {start} would leave a gap.",
                reason="CONFLICT_EXCEPTION",
                resource_type="session",
                resource_id=stream,
                context={"size": str(size)},
            )
        fresh = content[size - start :]
        written = size
        try:
            while fresh:
                part, _ = self._part_at(written)
                piece = fresh[: self._part_end(part) - written]
                with self._path(stream, part).open("ab") as file:
                    file.write(piece)
                written += len(piece)
                fresh = fresh[len(piece) :]
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise StorageFullError("There is no room for the session log.") from error
            raise
        last, _ = self._part_at(max(0, written - 1))
        if last > _TAIL_PARTS:
            for part, path in self._parts(stream).items():
                if 0 < part <= last - _TAIL_PARTS:
                    self._drop(stream, part, path)
        return written

    def _read(self, stream: str, start: int, limit: int) -> LogPart | None:
        parts = self._parts(stream)
        if not parts:
            return None
        size = self._size(parts)
        start = max(0, size + start) if start < 0 else min(start, size)
        pieces: list[bytes] = []
        first: int | None = None
        for part, path in parts.items():
            begin = 0 if part == 0 else self._part_end(part - 1)
            if self._part_end(part) <= start or limit <= 0:
                continue
            if first is not None and begin != first + sum(map(len, pieces)):
                break
            content = _piece(path, max(0, start - begin), limit)
            first = max(begin, start) if first is None else first
            pieces.append(content)
            limit -= len(content)
        return LogPart(start=size if first is None else first, content=b"".join(pieces), size=size)

    def _compress(self, stream: str) -> None:
        for path in self._parts(stream).values():
            if path.suffix == ".gz":
                continue
            target = path.with_name(path.name + ".gz")
            temporary = path.with_name("." + target.name)
            temporary.write_bytes(gzip.compress(path.read_bytes(), 6))
            _keep_age(path, temporary)
            temporary.replace(target)
            path.unlink()

    @staticmethod
    def _expand(parts: dict[int, Path]) -> None:
        for path in parts.values():
            if path.suffix == ".gz":
                target = path.with_name(path.name.removesuffix(".gz"))
                temporary = path.with_name("." + target.name)
                temporary.write_bytes(_content(path))
                _keep_age(path, temporary)
                temporary.replace(target)
                path.unlink()

    def _streams(self, suffix: str) -> list[tuple[str, Instant]]:
        latest: dict[str, Instant] = {}
        for path in self._folder.iterdir():
            stream = path.name.partition(".")[0]
            if not _STREAM.fullmatch(stream) or (suffix and path.suffix != suffix):
                continue
            written_at = Instant(path.stat().st_mtime_ns // 1_000_000)
            latest[stream] = max(latest.get(stream, written_at), written_at)
        return sorted(latest.items())

    def _delete(self, stream: str) -> None:
        for path in self._found(stream).values():
            path.unlink(missing_ok=True)
        self._cut_path(stream).unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    about = path.stat()
    return _expanded(path, about.st_ino, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=_EXPANDED)
def _expanded(path: Path, _inode: int, _size: int, _written_ns: int) -> bytes:
    return gzip.decompress(path.read_bytes())


def _piece(path: Path, start: int, limit: int) -> bytes:
    if path.suffix == ".gz":
        return _content(path)[start : start + limit]
    with path.open("rb") as file:
        file.seek(start)
        return file.read(limit)


def _keep_age(path: Path, other: Path) -> None:
    """Let a log be as old as it was: how long it is kept counts from when it was last written."""
    written = path.stat().st_mtime_ns
    os.utime(other, ns=(written, written))
