"""A copy of a SQLite file while others write it, as of one moment."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

NAME = "state.db"


def copy_database(source: Path, folder: Path, begun: Callable[[], None]) -> str:
    """Copy a database into a folder and return the revision of its tables.

    Args:
        source: the database file.
        folder: where the copy is made, as `state.db`.
        begun: called when the moment is fixed: later commits are not in the copy.
    """
    reading = sqlite3.connect(source, timeout=10, isolation_level=None)
    try:
        reading.execute("PRAGMA query_only = ON")
        reading.execute("BEGIN")
        (revision,) = reading.execute("SELECT version_num FROM alembic_version").fetchone()
        begun()
        copy = sqlite3.connect(folder / NAME)
        try:
            reading.backup(copy)
            # A file of its own, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA integrity_check").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(f"The copy of {source} is damaged: {found}.")
        finally:
            copy.close()
        reading.execute("ROLLBACK")
    finally:
        reading.close()
    return str(revision)
