"""A log of records in files, in the format of the journal (docs/format/journal.md).

A frame's table name is the record's kind; its farm is empty. Frames written with one fdatasync form
a group, which is kept whole or not at all.
"""

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from grange.adapters.journal.format import (
    SEGMENT_HEADER,
    Damage,
    RawFrame,
    Torn,
    encode_frame,
    read_segment_header,
    scan,
    segment_header,
)
from grange.kernel.clock import Clock
from grange.kernel.errors import (
    ConflictError,
    CorruptDataError,
    StorageFullError,
    ThrottledError,
)
from grange.ports.value_log import LogRecord

ROLL_BYTES = 16 * 1024 * 1024
_JUMP = 1024
"""Numbers left out after a failed write, so that none is used twice."""
_VERSION = 1
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileValueLog:
    """A `ValueLog` in a folder.

    Args:
        folder: where its files lie; made if it is missing.
        clock: the machine's clock.
        roll_bytes: a file of this size gets a successor.
        write: writes to a descriptor.
        flush: makes what was written durable.

    Raises:
        ConflictError: another process writes this log.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        roll_bytes: int = ROLL_BYTES,
        write: Callable[[int, memoryview], int] = os.write,
        flush: Callable[[int], None] = os.fdatasync,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._clock = clock
        self._roll_bytes = roll_bytes
        self._write = write
        self._flush = flush
        self._lock_descriptor = _locked(folder / "writer.lock")
        self._files = threading.Lock()
        """Guards the list of files while some are deleted."""
        self.problems: list[CorruptDataError] = []
        """Damage met when the log was opened: records may be lost there."""
        self._synced, self.cut_bytes = self._recover()
        self._next = self._synced + 1
        self._group: list[tuple[int, str, bytes]] = []
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._places: deque[tuple[int, Path, int]] = deque(maxlen=2)
        """Where reading stopped: sequence, file, offset behind it. Two, for whoever reads one
        record too many."""

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest durable record; 0 if there is none."""
        return self._synced

    def append(self, kind: str, payload: bytes) -> int:
        """Put a record into the open group; see `ports.value_log`."""
        sequence = self._next
        self._group.append((sequence, kind, payload))
        self._next += 1
        return sequence

    def sync(self) -> None:
        """Write the open group with one fdatasync; see `ports.value_log`."""
        if not self._group:
            return
        group, self._group = self._group, []
        first, last = group[0][0], group[-1][0]
        data = b"".join(
            encode_frame(
                sequence=sequence, group=first, catalog_version=_VERSION, farm_id="",
                table_name=kind, payload=payload,
            )
            for sequence, kind, payload in group
        )  # fmt: skip
        if self._size >= self._roll_bytes:
            self._leave()
        try:
            descriptor = self._begin(first) if self._descriptor is None else self._descriptor
            self._write_all(descriptor, data)
        except OSError as error:
            self._take_back()
            if error.errno in _FULL:
                raise StorageFullError(
                    f"The disk of {self._folder} is full. Free some space; nothing of this was "
                    "kept.",
                ) from error
            raise ThrottledError(f"{self._folder} cannot be written: {error}.") from error
        self._size += len(data)
        self._synced = last

    def read(self, after: int = 0) -> Iterator[LogRecord]:
        """Yield the durable records above `after`; reading on from the last one is cheap."""
        until, paths = self._synced, self._paths()
        place = next((one for one in self._places if one[0] == after and one[1] in paths), None)
        for number, path in enumerate(paths):
            if place is not None and path < place[1]:
                continue
            if (
                place is None
                and number + 1 < len(paths)
                and int(paths[number + 1].stem) <= after + 1
            ):
                continue
            offset = place[2] if place is not None and path == place[1] else 0
            for frame in _frames(path, offset, after):
                if after < frame.sequence <= until:
                    self._places.append((frame.sequence, path, frame.end))
                    yield LogRecord(frame.sequence, frame.table_name, frame.payload)

    def drop_through(self, sequence: int) -> int:
        """Delete files that hold no record above `sequence`; see `ports.value_log`."""
        with self._files:
            paths = self._paths()
            dropped = 0
            for path, following in pairwise(paths):
                if int(following.stem) > sequence + 1:
                    break
                path.unlink()
                dropped += 1
        return dropped

    def byte_count(self) -> int:
        """Return how large the log is."""
        with self._files:
            return sum(path.stat().st_size for path in self._paths())

    def close(self) -> None:
        """Sync, close and release the folder."""
        try:
            self.sync()
        finally:
            self._leave()
            if self._lock_descriptor >= 0:
                os.close(self._lock_descriptor)
                self._lock_descriptor = -1

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.journal"))

    def _write_all(self, descriptor: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._write(descriptor, left) :]
        self._flush(descriptor)

    def _begin(self, first: int) -> int:
        path = self._folder / f"{first:020d}.journal"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._descriptor, self._path, self._size = descriptor, path, 0
        header = segment_header(first, self._clock.now())
        self._write_all(descriptor, header)
        self._size = len(header)
        _sync_folder(self._folder)
        return descriptor

    def _leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._size = None, 0

    def _take_back(self) -> None:
        """Cut a half-written group; neither its place nor its numbers are used again."""
        self._next += _JUMP
        try:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, self._size)
                if not self._size and self._path is not None:
                    self._path.unlink()
        finally:
            self._leave()

    def _recover(self) -> tuple[int, int]:
        """Cut the torn end; return the newest sequence and how many bytes were cut."""
        highest, cut = 0, 0
        paths = self._paths()
        for path in paths:
            data = path.read_bytes()
            highest = max(highest, int(path.stem) - 1)
            if read_segment_header(data) is None:
                if path == paths[-1] and not data[SEGMENT_HEADER.size :].strip(b"\0"):
                    path.unlink()
                    return highest + _JUMP, len(data)
                self.problems.append(CorruptDataError(str(path), "its header is damaged"))
            for found in scan(data, SEGMENT_HEADER.size, highest):
                if isinstance(found, RawFrame):
                    highest = max(highest, found.sequence)
                elif isinstance(found, Torn) and path == paths[-1]:
                    with path.open("r+b") as file:
                        file.truncate(found.offset)
                        self._flush(file.fileno())
                    cut = len(data) - found.offset
                else:
                    where = f"bytes from {found.offset} on are damaged"
                    self.problems.append(CorruptDataError(str(path), where))
        return highest, cut


def _frames(path: Path, offset: int, last: int) -> Iterator[RawFrame]:
    """Yield the frames of a file from an offset on (0: all of them)."""
    start = offset or SEGMENT_HEADER.size
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    for found in scan(data, 0, last if offset else int(path.stem) - 1):
        if isinstance(found, Damage | Torn):
            continue
        yield RawFrame(
            found.offset + start, found.end + start, found.sequence, found.group,
            found.catalog_version, found.farm_id, found.table_name, found.payload,
        )  # fmt: skip


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConflictError(
            f"Another program writes to {path.parent}. Stop it, or give this one its own folder.",
            reason="STATUS_CONFLICT",
            resource_type="log",
            resource_id=str(path.parent),
        ) from error
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
