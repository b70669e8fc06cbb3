"""The machine a watch runs on: disks, files, schedules, published folders; and the watch's memory.

Schedules are what `crontab -l` prints and which systemd timers are installed. A machine that lacks
one of the two programs has no such schedule to change.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from grange.adapters.durable import write_private_bytes
from grange.kernel.units import Instant
from grange.ports.watch import FolderRoom, PagesSeen, Print

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 20.0

SCHEDULES: Mapping[str, Sequence[str]] = {
    "crontab": ("crontab", "-l"),
    "timers": ("systemctl", "list-unit-files", "--type=timer", "--no-legend", "--no-pager"),
}
"""Name → the command that prints a schedule."""


class Machine:
    """Implements `ports.watch.Surroundings`."""

    def __init__(
        self,
        name: str | None = None,
        *,
        schedules: Mapping[str, Sequence[str]] = SCHEDULES,
    ) -> None:
        """Watch the machine this runs on.

        Args:
            name: what it is called; default: its host name.
            schedules: the commands that print its schedules.
        """
        self._name = name or platform.node()
        self._schedules = schedules

    @property
    def machine(self) -> str:
        """Return the machine's name."""
        return self._name

    def room(self, path: str) -> FolderRoom | None:
        """Return how full a folder's disk is; None if it cannot be asked."""
        try:
            disk = os.statvfs(path)
        except OSError:
            return None
        # As df reckons: what is kept for root counts neither as used nor as free.
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        free = disk.f_bavail * disk.f_frsize
        return FolderRoom(path=path, byte_count=used + free, free_bytes=free)

    def fingerprint(self, path: str) -> Print:
        """Return the fingerprint of a file; of one that cannot be read, that it is not there."""
        digest = hashlib.sha256()
        try:
            with Path(path).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError:
            return Print(name=path, sha256=None)
        return Print(name=path, sha256=digest.hexdigest())

    def schedule(self) -> Sequence[Print]:
        """Return the fingerprints of the machine's schedules."""
        return [
            Print(name=name, sha256=hashlib.sha256(text).hexdigest())
            for name, words in self._schedules.items()
            if (text := _printed(words)) is not None
        ]

    def pages(self, path: str) -> PagesSeen:
        """Return when a published folder last changed."""
        newest = -1
        for folder, _, names in os.walk(path):
            for name in names:
                try:
                    changed = (Path(folder) / name).lstat().st_mtime_ns
                except FileNotFoundError:
                    continue  # replaced meanwhile
                newest = max(newest, changed // 1_000_000)
        return PagesSeen(path=path, newest_at=None if newest < 0 else Instant(newest))


class MemoryFile:
    """Implements `ports.watch.WatchMemory` in one file, which is replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Return what the file is called."""
        return str(self._path)

    def load(self) -> bytes | None:
        """Return what was saved last; None if there is nothing."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def save(self, content: bytes) -> None:
        """Save, durably and whole or not at all. Others cannot read it: it names targets."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_private_bytes(self._path, content)


def _printed(words: Sequence[str]) -> bytes | None:
    program = shutil.which(words[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the commands are ours
            [program, *words[1:]], capture_output=True, check=False, timeout=_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Without a crontab the program fails and prints nothing: an empty schedule.
    return done.stdout
