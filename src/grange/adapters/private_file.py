"""Files that their owner alone may read, written whole or not at all."""

import os
from pathlib import Path


def write_private_bytes(path: Path, content: bytes) -> None:
    """Replace a file, or make it; after a crash it is the old one or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
