"""Where tests keep their files: in memory, where there is enough of it.

Tests make and delete tens of thousands of small files and have many of them written through to the
disk; PostgreSQL copies hundreds of files for every test that has a database of its own. What they
prove does not need the disk itself: a killed program's files stay either way.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name that nobody can foretell is made in it
TOLD = Path("/proc/meminfo")
ENOUGH_BYTES = 6 * 1024**3
"""Free in memory: several times what all tests hold at once."""


@contextmanager
def scratch(*, wanted: bool) -> Iterator[dict[str, str]]:
    """Yield the variables that lead pytest's folders into memory; the folders go at the end."""
    memory = in_memory() if wanted else None
    if memory is None:
        yield {}
        return
    folder = tempfile.mkdtemp(prefix="grange-tests-", dir=memory)
    try:
        yield {"PYTEST_DEBUG_TEMPROOT": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_memory() -> Path | None:
    """Return a folder in memory to make others in; None: there is no room, take the disk."""
    return MEMORY if _room() else None


def _room() -> bool:
    """Whether memory can hold the tests' files, and programs may be run from there."""
    if not MEMORY.is_mount():
        return False
    found = os.statvfs(MEMORY)
    if found.f_flag & os.ST_NOEXEC or found.f_bavail * found.f_frsize < ENOUGH_BYTES:
        return False
    told = dict(line.split(":", 1) for line in TOLD.read_text().splitlines())
    return int(told["MemAvailable"].split()[0]) * 1024 >= ENOUGH_BYTES
