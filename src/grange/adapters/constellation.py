"""The tables of a Constellation database, from its SQLite file."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from grange.domain.constellation import TABLES
from grange.kernel.errors import CorruptDataError, NotFoundError


def read_tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every row of the three tables, in the order of their keys. The file is only read.

    Raises:
        NotFoundError: there is no such file.
        CorruptDataError: it is no such database.
    """
    if not path.is_file():
        raise NotFoundError("file", str(path))
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = lambda content: content.decode("utf-8", "replace")
            names = {
                str(row["name"]).lower(): str(row["name"])
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            return {table: _rows(connection, path, table, names) for table in TABLES}
    except sqlite3.DatabaseError as error:
        raise CorruptDataError(
            str(path), f"it is no database that can be read ({error})"
        ) from error


def _rows(
    connection: sqlite3.Connection, path: Path, table: str, names: dict[str, str]
) -> list[dict[str, Any]]:
    name = names.get(table.lower())
    if name is None:
        raise CorruptDataError(str(path), f"it has no table {table}")
    quoted = '"' + name.replace('"', '""') + '"'
    cursor = connection.execute(f"SELECT * FROM {quoted} ORDER BY 1")  # noqa: S608 - a name of its own
    known = {column[0].lower() for column in cursor.description}
    missing = [column for column in TABLES[table] if column.lower() not in known]
    if missing:
        raise CorruptDataError(str(path), f"its table {name} has no column {missing[0]}")
    return [dict(row) for row in cursor]
