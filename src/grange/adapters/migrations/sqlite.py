"""Migrating a SQLite file: in one transaction, after a copy."""

import sqlite3
from pathlib import Path
from typing import Any

from grange.adapters.migrations import FRESH, to_do, upgrade
from grange.kernel.errors import ConfigurationError

COPIES = 3
"""How many copies made before migrations are kept."""


def migrate(path: Path) -> None:
    """Bring the file to the newest revision; a file that is already there is not written.

    Raises:
        ConfigurationError: a newer Grange made the file.
    """
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        current = _revision(connection)
        if not to_do(current, str(path)):
            return
        if current is not None:
            _copy(connection, path, current)
        connection.execute("PRAGMA journal_mode = WAL")
        if current is None:
            _begin_afresh(connection)
            current = _revision(connection)
        if to_do(current, str(path)):
            _upgrade(connection)
    finally:
        connection.close()


def check_current(path: Path) -> None:
    """Return if the file is at the newest revision.

    Raises:
        ConfigurationError: it is not; nothing was changed.
    """
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        behind = to_do(_revision(connection), str(path))
    finally:
        connection.close()
    if behind:
        raise ConfigurationError(
            f"{path} is of an older Grange. Start `grange server` over its folder once: that "
            "brings it up to date, after a copy."
        )


def _revision(connection: sqlite3.Connection) -> str | None:
    known = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
    ).fetchone()
    if known is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _copy(connection: sqlite3.Connection, path: Path, revision: str) -> None:
    target = path.with_name(f"{path.name}.{revision}.copy")
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    copy = sqlite3.connect(partial)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    partial.replace(target)
    for old in sorted(path.parent.glob(f"{path.name}.[0-9]*.copy"))[:-COPIES]:
        old.unlink()


def _begin_afresh(connection: sqlite3.Connection) -> None:
    """Make the tables of a new farm without Alembic; they are stamped with their revision."""
    if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None:
        script = FRESH.read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nCOMMIT;")


def _upgrade(connection: sqlite3.Connection) -> None:
    # Loaded only when there is something to do: see the package.
    from sqlalchemy import StaticPool, create_engine, event  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(opened: Any) -> None:
        opened.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as opened:
            upgrade(opened)
    except DBAPIError as error:
        raise error.orig or error from error
