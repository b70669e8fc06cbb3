"""The segment that is written to: groups are appended whole, durably, or not at all."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from grange.adapters.durable import sync
from grange.adapters.journal.format import segment_header
from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError, StorageFullError, ThrottledError
from grange.kernel.units import Instant

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RETRY_SECONDS = 10


class SegmentWriter:
    """Appends groups of frames to files of a folder, each named by its first sequence.

    Args:
        folder: where the files are.
        clock: says when a file was begun.
        write: writes to a descriptor.
        flush: makes what was written durable.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        write: Callable[[int, memoryview], int],
        flush: Callable[[int], None],
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._write = write
        self._flush = flush
        self._descriptor: int | None = None
        self._path: Path | None = None
        self.size = 0
        """Bytes of the open segment; 0 if none is open."""
        self.begun_at: Instant | None = None
        """When the open segment was begun."""

    def put(self, data: bytes, first: int) -> None:
        """Append a group and make it durable, or leave the folder as it was.

        After a failure the segment is never written to again: a reader may have seen frames of the
        group and stand behind them, so their bytes' place must not be used for others. Whoever
        numbers frames does not use those numbers again either.

        Args:
            data: the frames.
            first: sequence of the first one; names the file if one is begun.

        Raises:
            StorageFullError: the disk is full; nothing of this was kept.
            ThrottledError: the disk refused otherwise; nothing of this was kept.
        """
        try:
            descriptor = self._begin(first) if self._descriptor is None else self._descriptor
            self._write_all(descriptor, data)
        except OSError as error:
            self._take_back()
            if error.errno in _FULL:
                raise StorageFullError(
                    f"The disk of {self._folder} is full: {error.strerror}. Free some space; "
                    "nothing of this was kept, send it again.",
                    retry_after_seconds=_RETRY_SECONDS,
                ) from error
            raise ThrottledError(
                f"{self._folder} cannot be written: {error}. Nothing of this was kept.",
                retry_after_seconds=_RETRY_SECONDS,
            ) from error
        self.size += len(data)

    def leave(self) -> None:
        """Close the open segment: the next group begins another."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._path, self.begun_at, self.size = None, None, None, 0

    def _begin(self, first: int) -> int:
        path = self._folder / f"{first:020d}.journal"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        now = self._clock.now()
        self._descriptor, self._path, self.begun_at, self.size = descriptor, path, now, 0
        header = segment_header(first, now)
        self._write_all(descriptor, header)
        self.size = len(header)
        sync(self._folder)
        return descriptor

    def _write_all(self, descriptor: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._write(descriptor, left) :]
        self._flush(descriptor)

    def _take_back(self) -> None:
        """Cut a half-written group."""
        try:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, self.size)
                if not self.size and self._path is not None:
                    self._path.unlink()
        finally:
            self.leave()


def lock_writer(folder: Path, resource_type: str, refusal: str) -> int:
    """Make this process the one writer of a folder; return the descriptor that holds the lock.

    Raises:
        ConflictError: another process writes there; it says `refusal`.
    """
    path = folder / "writer.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConflictError(
            refusal,
            reason="STATUS_CONFLICT",
            resource_type=resource_type,
            resource_id=str(folder),
        ) from error
    return descriptor
