"""Facts on disk until the server has acknowledged them.

A folder holds, for each stream of facts, one growing file and sealed batches::

    frames.open   frames-000000000007.batch   samples.open   samples-000000000012.batch

A record is framed: length (4 bytes, little endian), CRC-32 of the content (4 bytes), content in
JSON. A record is in the page cache when `append` returns, so it survives the death of this process;
`sync` makes it survive the machine's. A batch is posted whole and its file removed once the server
has answered; a crash in between posts it again, which keys make harmless. A torn tail is cut on
opening.

When the folder exceeds its limit, or the disk is full, the oldest samples go first and are counted.
Frame records are never dropped.
"""

import errno
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

_log = logging.getLogger(__name__)
_HEADER = struct.Struct("<II")
_BATCH_BYTES = 256 * 1024
"""A growing file is sealed when it gets this big."""
FRAMES = "frames"
SAMPLES = "samples"
STREAMS = (FRAMES, SAMPLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A sealed file of records."""

    name: str
    stream: str
    records: tuple[dict[str, Any], ...]


class Spool:
    """The spool of one worker. Thread-safe.

    Args:
        folder: where it lies; made if it is missing.
        limit_bytes: how much may be kept.
    """

    def __init__(self, folder: Path, limit_bytes: int = 1_000_000_000) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._lock = threading.RLock()
        self._files: dict[str, BinaryIO] = {}
        self._sizes: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._held: dict[str, list[bytes]] = {stream: [] for stream in STREAMS}
        self.samples_dropped = 0
        """Sample records given up since this process began."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._next = 1 + max((_number(path) for path in folder.glob("*.batch")), default=0)
        self._bytes = sum(path.stat().st_size for path in folder.glob("*.batch"))
        for stream in STREAMS:
            self._recover(stream)

    def append(self, stream: str, records: Sequence[Any]) -> None:
        """Add records; they outlive this process when this returns.

        Records are kept in memory while the disk is full, and written as soon as it is not.
        """
        if not records:
            return
        with self._lock:
            self._held[stream] += [_framed(msgspec.json.encode(record)) for record in records]
            self._write_held(stream)

    def sync(self) -> None:
        """Make everything appended survive a power failure. Blocking."""
        with self._lock:
            for stream in STREAMS:
                self._write_held(stream)
            descriptors = [
                os.dup(self._files[stream].fileno())
                for stream in self._dirty
                if stream in self._files
            ]
            self._dirty.clear()
        for descriptor in descriptors:
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def pending(self) -> bool:
        """Return True if there is anything to post."""
        with self._lock:
            return any(self._sizes.values()) or any(True for _ in self._folder.glob("*.batch"))

    def behind(self) -> bool:
        """Return True if sealed batches wait to be posted."""
        with self._lock:
            return any(True for _ in self._folder.glob("*.batch"))

    def next_batch(self) -> Batch | None:
        """Seal what has been appended if nothing else waits, and return the oldest batch.

        Frames come before samples. The same batch is returned until it is removed.
        """
        with self._lock:
            for stream in STREAMS:
                paths = sorted(self._folder.glob(f"{stream}-*.batch"))
                if not paths and self._sizes.get(stream):
                    paths = [self._seal(stream)]
                for path in paths:
                    records = tuple(_records(path.read_bytes()))
                    if records:
                        return Batch(name=path.name, stream=stream, records=records)
                    self._remove(path)
            return None

    def remove(self, name: str) -> None:
        """Remove a batch the server has acknowledged."""
        with self._lock:
            self._remove(self._folder / name)

    def set_aside(self, name: str) -> Path:
        """Keep a batch the server will never take as `refused-…`, out of the way, and return it."""
        with self._lock:
            path = self._folder / name
            target = self._folder / f"refused-{path.stem}.json"
            self._bytes -= path.stat().st_size
            path.rename(target)
            return target

    def close(self) -> None:
        """Write and sync everything and close the files."""
        self.sync()
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _open_path(self, stream: str) -> Path:
        return self._folder / f"{stream}.open"

    def _recover(self, stream: str) -> None:
        """Cut a torn tail and seal what a former process left."""
        path = self._open_path(stream)
        if not path.exists():
            return
        data = path.read_bytes()
        good = _good_length(data)
        if good < len(data):
            _log.warning(
                "A torn record was cut from the spool.",
                extra={"action": "spool_cut", "path": str(path), "bytes": len(data) - good},
            )
            os.truncate(path, good)
        if good:
            self._sizes[stream] = good
            self._seal(stream)
        else:
            path.unlink()

    def _seal(self, stream: str) -> Path:
        file = self._files.pop(stream, None)
        if file is not None:
            os.fdatasync(file.fileno())
            file.close()
        self._dirty.discard(stream)
        target = self._folder / f"{stream}-{self._next:012d}.batch"
        self._next += 1
        self._open_path(stream).rename(target)
        self._bytes += self._sizes.pop(stream, 0)
        return target

    def _remove(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return
        self._bytes -= size

    def _write_held(self, stream: str) -> None:
        held = self._held[stream]
        while held:
            self._make_room(len(held[0]))
            if not self._write_one(stream, held[0]):
                if stream == SAMPLES and len(held) > 1_000:
                    self._count_dropped(len(held) - 1_000)
                    del held[:-1_000]
                return
            del held[0]

    def _write_one(self, stream: str, record: bytes) -> bool:
        """Write one record whole or not at all; returns False if the disk is full."""
        while True:
            size = self._sizes.get(stream, 0)
            try:
                if stream not in self._files:
                    path = self._open_path(stream)
                    self._files[stream] = path.open("ab", buffering=0)
                self._write_all(stream, record)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                if stream in self._files:
                    os.ftruncate(self._files[stream].fileno(), size)
                if not self._drop_oldest_samples():
                    return False
                continue
            self._sizes[stream] = size + len(record)
            self._dirty.add(stream)
            if self._sizes[stream] >= _BATCH_BYTES:
                self._seal(stream)
            return True

    def _write_all(self, stream: str, record: bytes) -> None:
        view = memoryview(record)
        while view:
            view = view[self._files[stream].write(view) :]

    def _make_room(self, size: int) -> None:
        while self._bytes + sum(self._sizes.values()) + size > self._limit_bytes:
            if not self._drop_oldest_samples():
                return

    def _drop_oldest_samples(self) -> bool:
        """Give up the oldest batch of samples; returns False if there is none."""
        paths = sorted(self._folder.glob(f"{SAMPLES}-*.batch"))
        if not paths and self._sizes.get(SAMPLES):
            paths = [self._seal(SAMPLES)]
        if not paths:
            return False
        count = sum(1 for _ in _records(paths[0].read_bytes()))
        self._remove(paths[0])
        self._count_dropped(count)
        return True

    def _count_dropped(self, count: int) -> None:
        self.samples_dropped += count
        _log.warning(
            "The spool is full: the oldest samples were dropped.",
            extra={"action": "spool_dropped", "count": count, "total": self.samples_dropped},
        )


def _framed(content: bytes) -> bytes:
    return _HEADER.pack(len(content), zlib.crc32(content)) + content


def _frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (end, content) of every whole record up to the first that is torn."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, at)
        content = data[at + _HEADER.size : at + _HEADER.size + length]
        if len(content) < length or zlib.crc32(content) != checksum:
            return
        at += _HEADER.size + length
        yield at, content


def _good_length(data: bytes) -> int:
    end = 0
    for end, _ in _frames(data):  # noqa: B007 the last one counts
        pass
    return end


def _records(data: bytes) -> Iterator[dict[str, Any]]:
    for _, content in _frames(data):
        yield msgspec.json.decode(content)


def _number(path: Path) -> int:
    return int(path.stem.rsplit("-", 1)[-1])
