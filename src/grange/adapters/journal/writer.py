"""The one writer of a journal folder."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from grange.adapters.durable import sync
from grange.adapters.journal.format import (
    SEGMENT_HEADER,
    RawFrame,
    Torn,
    encode_frame,
    read_segment_header,
    scan,
)
from grange.adapters.journal.payload import arrow_rows, encode_payload
from grange.adapters.journal.reader import JournalFolder, segment_paths
from grange.adapters.journal.segments import SegmentWriter, lock_writer
from grange.books.catalog.model import CATALOG_VERSION
from grange.kernel.clock import Clock
from grange.kernel.units import MILLIS_PER_HOUR
from grange.ports.journal import Frame

ROLL_BYTES = 64 * 1024 * 1024
START_GAP = 1024
"""Sequences left out when a writer starts, so that no number is used twice even if a reader saw a
frame that a crash took away."""

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
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = lock_writer(
            folder,
            "journal",
            f"Another process writes the journal in {folder}. One server per data folder: stop "
            "the other one or give this one its own folder.",
        )
        self._segment = SegmentWriter(folder, clock, write=write, flush=flush)
        self._guard = threading.Lock()
        """Held for moments: guards the open group."""
        self._writing = threading.Lock()
        """Held for a whole sync: guards the file."""
        self._group: Rows = {}
        self._group_bytes = 0
        self._sequences: dict[tuple[str, str], int] = {}
        following, self.cut_bytes = _recover(folder, flush)
        self._next = max(following, start_after + 1)

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
            begun_at = self._segment.begun_at
            if begun_at is not None and (
                begun_at // MILLIS_PER_HOUR != self._clock.now() // MILLIS_PER_HOUR
                or self._segment.size >= self._roll_bytes
            ):
                self._segment.leave()
            self._segment.put(data, first)

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the frames on disk with a sequence above `after`, in order."""
        return JournalFolder(self._folder).read(after)

    def close(self) -> None:
        """Sync, close and release the folder."""
        self.sync()
        with self._writing:
            self._segment.leave()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1


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
        sync(folder)
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
