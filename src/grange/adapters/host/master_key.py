"""The master key of a data folder: the one secret that is kept, in a file of its own."""

import os
import stat
from pathlib import Path

from grange.kernel.errors import ConfigurationError, CorruptDataError

NAME = "master.key"
SIZE = 32


def master_key(folder: Path) -> bytes:
    """Return the master key of a data folder, made on first use.

    The file is readable by its owner alone and appears whole or not at all.

    Raises:
        ConfigurationError: others may read the file.
        CorruptDataError: the file does not hold a key.
    """
    path = folder / NAME
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return _make(path)
    if len(key) != SIZE:
        raise CorruptDataError(
            str(path), f"a master key has {SIZE} bytes, not {len(key)}; bring it back from backup"
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigurationError(f"Others may read {path}, which holds a secret: chmod 600 {path}")
    return key


def _make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = os.urandom(SIZE)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, key)
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(partial, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        partial.unlink()
    return key
