"""The one writer of a journal folder."""

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from grange.adapters.journal.format import (
    SEGMENT_HEADER,
    RawFrame,
    Torn,
    encode_frame,
    read_segment_header,
    scan,
    segment_header,
)
from grange.adapters.journal.payload import arrow_rows, encode_payload
from grange.adapters.journal.reader import JournalFolder, segment_paths
from grange.books.catalog.model import CATALOG_VERSION
from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError, StorageFullError, ThrottledError
from grange.kernel.units import MILLIS_PER_HOUR
from grange.ports.journal import Frame

ROLL_BYTES = 64 * 1024 * 1024
START_GAP = 1024
"""Sequences left out when a writer starts, so that no number is used twice even if a reader saw a
frame that a crash took away."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Write = Callable[[int, memoryview], int]
Rows = dict[tuple[str, str], list[pa.Table]]


class FileJournal:
    """Appends frames to segments. Rows of one farm and table in one group become one frame.

    Thread-safe: rows may be appended while another thread syncs; they join the next group.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        start_after: int = 0,
        roll_bytes: int = ROLL_BYTES,
        write: Write = os.write,
        flush: Callable[[int], None] = os.fdatasync,
    ) -> None:
        """Lock the folder and cut what a crash left behind.

        Args:
            folder: where the segments are.
            clock: the server's clock.
            start_after: highest sequence known from elsewhere (the manifest), in case the folder
                was lost.
            roll_bytes: a segment of this size gets a successor.
            write: writes to a descriptor.
            flush: makes what was written durable.

        Raises:
            ConflictError: another process writes this journal.
        """
        self._folder = folder
        self._clock = clock
        self._roll_bytes = roll_bytes
        self._write = write
        self._flush = flush
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _locked(folder / "writer.lock")
        self._guard = threading.Lock()
        """Held for moments: guards the open group."""
        self._writing = threading.Lock()
        """Held for a whole sync: guards the file."""
        self._group: Rows = {}
        self._group_bytes = 0
        self._sequences: dict[tuple[str, str], int] = {}
        following, self.cut_bytes = _recover(folder, flush)
        self._next = max(following, start_after + 1)
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._hour = -1

    def append(
        self, farm_id: str, table_name: str, rows: Sequence[Mapping[str, Any]] | pa.Table
    ) -> int:
        """Put rows into the open group; see `ports.journal`."""
        table = arrow_rows(table_name, rows)
        place = (farm_id, table_name)
        with self._guard:
            if place not in self._group:
                self._group[place] = []
                self._sequences[place] = self._next
                self._next += 1
            self._group[place].append(table)
            self._group_bytes += table.get_total_buffer_size()
            return self._sequences[place]

    @property
    def last_sequence(self) -> int:
        """The highest sequence given so far."""
        return self._next - 1

    @property
    def pending_bytes(self) -> int:
        """Bytes in the open group."""
        return self._group_bytes

    def sync(self) -> None:
        """Write the open group with one fdatasync; see `ports.journal`."""
        with self._writing:
            with self._guard:
                group, self._group = self._group, {}
                sequences, self._sequences = self._sequences, {}
                self._group_bytes = 0
            if not group:
                return
            first = min(sequences.values())
            data = b"".join(
                encode_frame(
                    sequence=sequences[place],
                    group=first,
                    catalog_version=CATALOG_VERSION,
                    farm_id=place[0],
                    table_name=place[1],
                    payload=encode_payload(pa.concat_tables(tables).combine_chunks()),
                )
                for place, tables in group.items()
            )
            self._put(data, first)

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the frames on disk with a sequence above `after`, in order."""
        return JournalFolder(self._folder).read(after)

    def close(self) -> None:
        """Sync, close and release the folder."""
        self.sync()
        with self._writing:
            self._leave_segment()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    def _put(self, data: bytes, first: int) -> None:
        """Append bytes and make them durable, or leave the file as it was."""
        now = self._clock.now()
        if self._descriptor is not None and (
            now // MILLIS_PER_HOUR != self._hour or self._size >= self._roll_bytes
        ):
            self._leave_segment()
        try:
            descriptor = self._descriptor
            if descriptor is None:
                descriptor = self._begin_segment(first, now)
            self._write_all(descriptor, data)
        except OSError as error:
            self._take_back()
            if error.errno in FULL:
                raise StorageFullError(
                    f"The disk of {self._folder} is full: {error.strerror}. Free some space; "
                    "nothing of this was kept, send it again.",
                    retry_after_seconds=10,
                ) from error
            raise ThrottledError(
                f"The journal in {self._folder} cannot be written: {error}. Nothing was kept.",
                retry_after_seconds=10,
            ) from error
        self._size += len(data)

    def _write_all(self, descriptor: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._write(descriptor, left) :]
        self._flush(descriptor)

    def _begin_segment(self, first: int, now: int) -> int:
        path = self._folder / f"{first:020d}.journal"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._descriptor = descriptor
        self._path = path
        self._hour = now // MILLIS_PER_HOUR
        self._size = 0
        header = segment_header(first, now)
        self._write_all(descriptor, header)
        self._size = len(header)
        _sync_folder(self._folder)
        return descriptor

    def _leave_segment(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take_back(self) -> None:
        """Cut a half-written group and never write to this segment again.

        A reader may have seen frames of the group and stand behind them, so neither their bytes'
        place nor their sequences are used again.
        """
        try:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, self._size)
                if not self._size and self._path is not None:
                    self._path.unlink()
        finally:
            self._leave_segment()


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConflictError(
            f"Another process writes the journal in {path.parent}. One server per data folder: "
            "stop the other one or give this one its own folder.",
            reason="STATUS_CONFLICT",
            resource_type="journal",
            resource_id=str(path.parent),
        ) from error
    return descriptor


def _recover(folder: Path, flush: Callable[[int], None]) -> tuple[int, int]:
    """Cut the torn end; return the next sequence and how many bytes were cut."""
    paths = segment_paths(folder)
    if not paths:
        return 1, 0
    path = paths[-1]
    highest = int(path.stem)
    data = path.read_bytes()
    if read_segment_header(data) is None and not data[SEGMENT_HEADER.size :].strip(b"\0"):
        path.unlink()
        _sync_folder(folder)
        return highest + START_GAP, len(data)
    cut = 0
    for found in scan(data, SEGMENT_HEADER.size, highest - 1):
        if isinstance(found, RawFrame):
            highest = max(highest, found.sequence)
        elif isinstance(found, Torn):
            with path.open("r+b") as file:
                file.truncate(found.offset)
                flush(file.fileno())
            cut = len(data) - found.offset
    return highest + START_GAP, cut


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
