"""The same batches through SQLAlchemy Core, as a project would write it first.

It shares Grange's tables and row codec, so that only the way to the database differs: one statement
per row (`per_row=True`), or one `executemany` per table.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite

from grange.adapters.columns import BY_ENTITY
from grange.adapters.rows import codec_of, fact_row
from grange.adapters.schema import METADATA
from grange.ports.state import Batch


def sqlite_engine(path: Path, synchronous: str) -> Engine:
    """Return an engine set up like Grange's own writer."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


class CoreWriter:
    """Writes batches with SQLAlchemy Core."""

    def __init__(self, *, postgres: bool, per_row: bool) -> None:
        self._per_row = per_row
        make: Any = postgresql.insert if postgres else sqlite.insert
        self._upserts = {}
        for entity, described in BY_ENTITY.items():
            table = METADATA.tables[described.name]
            statement = make(table)
            changes = {
                column.name: statement.excluded[column.name]
                for column in table.columns
                if column.name not in described.key
            }
            self._upserts[entity] = statement.on_conflict_do_update(
                index_elements=list(described.key), set_=changes
            )
        self._outbox = insert(METADATA.tables["outbox"])

    def write(self, connection: Connection, batch: Batch) -> None:
        """Write one batch inside the open transaction."""
        rows: dict[type[Any], list[dict[str, Any]]] = {}
        for value in batch.puts:
            codec = codec_of(type(value))
            row = dict(zip(codec.names, codec.row(value), strict=True))
            rows.setdefault(type(value), []).append(row)
        for entity, values in rows.items():
            self._execute(connection, self._upserts[entity], values)
        facts = [
            dict(zip(("kind", "payload"), fact_row(fact), strict=True)) for fact in batch.outbox
        ]
        self._execute(connection, self._outbox, facts)

    def _execute(self, connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> None:
        if self._per_row:
            for row in rows:
                connection.execute(statement, row)
        elif rows:
            connection.execute(statement, rows)
