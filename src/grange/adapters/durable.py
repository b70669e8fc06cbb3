"""Files that are on the disk when a function returns."""

import os
from pathlib import Path


def write_private_bytes(path: Path, content: bytes) -> None:
    """Replace a file that its owner alone may read; after a crash it is the old or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def sync(path: Path) -> None:
    """Make a file durable, or the names in a folder: what was made, renamed or deleted in it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
