"""Logs in the file system."""

import glob
import os
import stat
from collections.abc import Sequence

from grange.ports.logs import LogFile


class FolderLogs:
    """`LogFiles` of this machine."""

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
                    )
                )
        return found

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return at most `size` bytes from `offset` on."""
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            return b""
