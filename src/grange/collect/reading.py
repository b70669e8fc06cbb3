"""Reading logs that grow, are rotated, cut short, renamed and misnamed.

A log is known by its first telling line, not by its name or place: rotation and copies do not make
it another one, nor does packing it. Only whole lines are read. Where a log was cut short and
written on, its lines are told apart by time.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.names import Source
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.ports.cursors import FileCursor, StreamCursor
from grange.ports.logs import LogFile, LogFiles

PIECE_BYTES = 4 * 1024 * 1024
_MARK_BYTES = 64 * 1024
_TAIL_BYTES = 64
_FORGET_MS = 60 * MILLIS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a piece of one log says, and how far it has been read with it."""

    rows: Any
    """A pyarrow Table as formats make it, with `log_file` and `file_identity`."""
    cursor: FileCursor
    read_bytes: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which lines are wanted."""

    since: Instant
    until: Instant | None = None
    again: bool = False
    """True: from the top of every log, whatever was read before."""


class StreamReader:
    """Reads the logs of streams."""

    def __init__(self, logs: LogFiles, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._logs = logs
        self._piece_bytes = piece_bytes

    def read(self, source: Source, known: StreamCursor, bounds: Bounds) -> Iterator[Piece]:
        """Yield what is new in the logs of a stream, log by log."""
        matched = self._matched(source, known)
        ordered = sorted(matched, key=lambda pair: (pair[0].changed_ns, pair[0].path))
        for file, cursor in ordered:
            if bounds.again:
                fresh = msgspec.structs.replace(cursor, offset=0, tail_length=0, tail="",
                                                after=None)  # fmt: skip
            elif (file.size, file.changed_ns) == (cursor.size, cursor.changed_ns):
                continue
            else:
                fresh = self._checked(file, cursor)
            yield from self._pieces(source, file, fresh, bounds)

    def _matched(self, source: Source, known: StreamCursor) -> list[tuple[LogFile, FileCursor]]:
        """Pair each log with its cursor; of several copies of a log the longest counts."""
        best: dict[tuple[str, int], tuple[LogFile, FileCursor]] = {}
        for file in source.files:
            cursor = self._known(file, known) or self._new(source, file)
            if cursor is None:
                continue
            key = (cursor.mark, cursor.mark_length)
            other = best.get(key)
            if other is None or _rank(file) > _rank(other[0]):
                best[key] = (file, cursor)
        return list(best.values())

    def _known(self, file: LogFile, known: StreamCursor) -> FileCursor | None:
        for cursor in sorted(known.files, key=lambda one: one.inode != file.inode):
            same = (file.inode, file.size, file.changed_ns)
            if same == (cursor.inode, cursor.size, cursor.changed_ns):
                return cursor
            line = self._logs.read(file.path, cursor.mark_offset, cursor.mark_length)
            if len(line) == cursor.mark_length and _hash(line) == cursor.mark:
                return cursor
        return None

    def _new(self, source: Source, file: LogFile) -> FileCursor | None:
        """Return a cursor at the top of a log; None while it has no telling line."""
        head = self._logs.read(file.path, 0, _MARK_BYTES)
        whole = head[: head.rfind(b"\n") + 1]
        if not whole:
            return None
        rows = source.format.parse(whole, 0, source.kind).rows
        if rows.num_rows:
            offset = rows.column("offset")[0].as_py()
        elif len(head) == _MARK_BYTES:
            offset = 0
        else:
            return None
        line = whole[offset : whole.index(b"\n", offset) + 1]
        return FileCursor(
            path=file.path,
            inode=file.inode,
            mark_offset=offset,
            mark_length=len(line),
            mark=_hash(line),
        )

    def _checked(self, file: LogFile, cursor: FileCursor) -> FileCursor:
        """Return the cursor, or one at the top if the log was cut short since it was read."""
        if file.packed or file.size >= cursor.offset:
            at = cursor.offset - cursor.tail_length
            if _hash(self._logs.read(file.path, at, cursor.tail_length)) == cursor.tail:
                return cursor
            if not cursor.tail_length:
                return cursor
        return msgspec.structs.replace(
            cursor,
            generation=cursor.generation + 1,
            offset=0,
            tail_length=0,
            tail="",
            after=cursor.last_at,
        )

    def _pieces(
        self, source: Source, file: LogFile, cursor: FileCursor, bounds: Bounds
    ) -> Iterator[Piece]:
        identity = _identity(source, cursor)
        while True:
            data = self._logs.read(file.path, cursor.offset, self._piece_bytes)
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) < self._piece_bytes:
                    break
                # A line as long as this is none: it is passed over.
                data = self._overlong(file, cursor.offset)
                dropped = 1 if data else 0
                rows = _nothing(source)
            else:
                data = data[:end]
                parsed = source.format.parse(data, cursor.offset, source.kind)
                rows, dropped = parsed.rows, parsed.dropped
            stop = _stop(rows, bounds.until)
            if stop is not None:
                data = data[: stop - cursor.offset]
                rows = rows.filter(pc.less(rows.column("offset"), stop))
            last = pc.max(rows.column("at")).as_py()
            cursor = _advanced(file, cursor, data, last)
            yield Piece(
                rows=_labelled(_wanted(rows, cursor, bounds), file, identity),
                cursor=cursor,
                read_bytes=len(data),
                dropped=dropped,
            )
            if stop is not None or not data:
                return
        if cursor.size != file.size or cursor.changed_ns != file.changed_ns:
            # Read to its end as it was when it was listed: nothing more to look for until it grows.
            yield Piece(
                rows=_labelled(_nothing(source), file, identity),
                cursor=msgspec.structs.replace(
                    cursor, path=file.path, inode=file.inode, size=file.size,
                    changed_ns=file.changed_ns,
                ),
                read_bytes=0,
                dropped=0,
            )  # fmt: skip

    def _overlong(self, file: LogFile, offset: int) -> bytes:
        found = []
        while piece := self._logs.read(file.path, offset, self._piece_bytes):
            end = piece.find(b"\n") + 1
            found.append(piece[:end] if end else piece)
            if end:
                return b"".join(found)
            offset += len(piece)
        return b""


def with_file(known: StreamCursor, file: FileCursor, now: Instant) -> StreamCursor:
    """Return a stream's cursor with one log read further; long unseen logs are forgotten."""
    same = (file.mark, file.mark_length)
    others = tuple(
        one
        for one in known.files
        if (one.mark, one.mark_length) != same and one.seen_at > now - _FORGET_MS
    )
    last = max((at for at in (known.last_at, file.last_at) if at is not None), default=None)
    fresh = msgspec.structs.replace(file, seen_at=now)
    return msgspec.structs.replace(known, files=(*others, fresh), last_at=last, updated_at=now)


def _rank(file: LogFile) -> tuple[bool, int, int]:
    # A log beside a packed copy of it is being packed: the copy is not whole yet.
    return not file.packed, file.size, file.changed_ns


def _advanced(file: LogFile, cursor: FileCursor, data: bytes, last: int | None) -> FileCursor:
    ats = [at for at in (cursor.last_at, last) if at is not None]
    tail = data[-_TAIL_BYTES:]
    return msgspec.structs.replace(
        cursor,
        path=file.path,
        inode=file.inode,
        offset=cursor.offset + len(data),
        tail_length=len(tail) if data else cursor.tail_length,
        tail=_hash(tail) if data else cursor.tail,
        last_at=Instant(max(ats)) if ats else None,
    )


def _nothing(source: Source) -> Any:
    return source.format.parse(b"", 0, source.kind).rows


def _stop(rows: Any, until: Instant | None) -> int | None:
    """Return where the first line begins that is not wanted yet."""
    if until is None or not rows.num_rows:
        return None
    late = rows.filter(pc.greater_equal(rows.column("at"), until))
    found: int | None = pc.min(late.column("offset")).as_py()
    return found


def _wanted(rows: Any, cursor: FileCursor, bounds: Bounds) -> Any:
    wanted = pc.greater_equal(rows.column("at"), bounds.since)
    if cursor.after is not None:
        wanted = pc.and_(wanted, pc.greater(rows.column("at"), cursor.after))
    return rows.filter(wanted)


def _labelled(rows: Any, file: LogFile, identity: str) -> Any:
    for name, value in (("log_file", file.path), ("file_identity", identity)):
        rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
    return rows


def _identity(source: Source, cursor: FileCursor) -> str:
    told = f"{source.kind}\0{source.stream}\0{cursor.mark}\0{cursor.generation}"
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
