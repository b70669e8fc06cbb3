"""A log of records in files, in the format of the journal (docs/format/journal.md).

A frame's table name is the record's kind; its farm is empty. Frames written with one fdatasync form
a group, which is kept whole or not at all.
"""

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
)
from grange.adapters.journal.segments import SegmentWriter, lock_writer
from grange.kernel.clock import Clock
from grange.kernel.errors import CorruptDataError, StorageFullError, ThrottledError
from grange.ports.value_log import LogRecord

ROLL_BYTES = 16 * 1024 * 1024
_JUMP = 1024
"""Numbers left out after a failed write, so that none is used twice."""
_VERSION = 1


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
        self._roll_bytes = roll_bytes
        self._flush = flush
        self._lock_descriptor = lock_writer(
            folder,
            "log",
            f"Another program writes to {folder}. Stop it, or give this one its own folder.",
        )
        self._segment = SegmentWriter(folder, clock, write=write, flush=flush)
        self._files = threading.Lock()
        """Guards the list of files while some are deleted."""
        self.problems: list[CorruptDataError] = []
        """Damage met when the log was opened: records may be lost there."""
        self._synced, self.cut_bytes = self._recover()
        self._next = self._synced + 1
        self._group: list[tuple[int, str, bytes]] = []
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
        if self._segment.size >= self._roll_bytes:
            self._segment.leave()
        try:
            self._segment.put(data, first)
        except (StorageFullError, ThrottledError):
            self._next += _JUMP
            raise
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
            self._segment.leave()
            if self._lock_descriptor >= 0:
                os.close(self._lock_descriptor)
                self._lock_descriptor = -1

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.journal"))

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
