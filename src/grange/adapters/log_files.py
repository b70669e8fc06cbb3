"""Logs in the file system, packed by gzip or not."""

import glob
import logging
import os
import stat
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grange.ports.logs import LogFile

PACKED = ".gz"
_CHUNK_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS

_log = logging.getLogger(__name__)


class FolderLogs:
    """`LogFiles` of this machine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unpacking: _Unpacking | None = None

    def find(self, pattern: str) -> Sequence[LogFile]:
        """Return the files that a path with wildcards names, by path."""
        found = []
        for path in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - patterns are whole paths
            try:
                about = os.stat(path)  # noqa: PTH116
            except OSError:
                continue  # renamed or removed since it was listed; it is found the next time
            if stat.S_ISREG(about.st_mode):
                found.append(
                    LogFile(
                        path=path,
                        size=about.st_size,
                        inode=f"{about.st_dev}:{about.st_ino}",
                        changed_ns=about.st_mtime_ns,
                        packed=path.endswith(PACKED),
                    )
                )
        return found

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of what a log says, from `offset` on."""
        try:
            if path.endswith(PACKED):
                return self._unpacked(path, offset, size)
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            return b""

    def _unpacked(self, path: str, offset: int, size: int) -> bytes:
        """Return bytes of a packed log; going on where the last reading ended costs nothing."""
        about = os.stat(path)  # noqa: PTH116
        version = (path, about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            known = self._unpacking
            if known is None or known.version != version or offset < known.begin:
                known = self._unpacking = _Unpacking(version=version)
            return known.read(offset, size)


@dataclass(slots=True, kw_only=True)
class _Unpacking:
    """How far a packed log has been read. Between readings its file is closed."""

    version: tuple[str, int, int, int]
    begin: int = 0
    """Place in the log of the first byte of `ahead`."""
    ahead: bytearray = field(default_factory=bytearray)
    place: int = 0
    """Place in the packed file."""
    unpacker: Any = field(default_factory=lambda: zlib.decompressobj(_GZIP))
    ended: bool = False

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes that do not lie before `begin`."""
        path = self.version[0]
        if self._lacks(offset + size):
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(self.place)
                while self._lacks(offset + size):
                    self._go_on(file.read(_CHUNK_BYTES), path)
                    self._forget(offset)
        self._forget(offset)
        return bytes(self.ahead[offset - self.begin :][:size])

    def _lacks(self, end: int) -> bool:
        return not self.ended and self.begin + len(self.ahead) < end

    def _forget(self, offset: int) -> None:
        past = min(offset - self.begin, len(self.ahead))
        del self.ahead[:past]
        self.begin += past

    def _go_on(self, data: bytes, path: str) -> None:
        self.place += len(data)
        # A file that is still being packed ends anywhere; it is read again when it has grown.
        self.ended = not data
        try:
            while data:
                self.ahead += self.unpacker.decompress(data)
                data = self.unpacker.unused_data.lstrip(b"\0") if self.unpacker.eof else b""
                if self.unpacker.eof:
                    # Packed files may be put behind each other.
                    self.unpacker = zlib.decompressobj(_GZIP)
        except zlib.error as error:
            self.ended = True
            _log.warning(
                "%s is damaged: what lies behind is not read (%s).",
                path,
                error,
                extra={"action": "log_damaged"},
            )
