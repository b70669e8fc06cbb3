"""What SQLite's errors mean to the owner of the state."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grange.kernel.errors import (
    ConfigurationError,
    CorruptDataError,
    GrangeError,
    InvalidRequestError,
    StorageFullError,
    ThrottledError,
)

_NO_ROOM = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNUSABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Raise Grange's errors for SQLite's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    except (OverflowError, UnicodeEncodeError) as error:
        message = f"A value does not fit its column: {error}."
        raise InvalidRequestError(message) from error


def _translated(error: sqlite3.Error, path: Path) -> GrangeError:
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF
    if code in _NO_ROOM or primary == sqlite3.SQLITE_FULL:
        return StorageFullError(f"{path} cannot grow ({error}): free some space on its disk.")
    if primary in _CORRUPT:
        return CorruptDataError(
            str(path), f"{error}. Restore the state from a backup, or from the copy beside it."
        )
    if primary in _BUSY:
        return ThrottledError(f"{path} could not be written now ({error}); try again.")
    if primary in _UNUSABLE:
        return ConfigurationError(f"{path} cannot be used ({error}): mend its permissions.")
    return GrangeError(f"{path} refused a statement: {error}.")
