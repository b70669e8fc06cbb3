"""The tables of the state database, as SQLAlchemy Core metadata.

They are derived from the entities, never written twice. Migrations are explicit; a test compares
what they make with this.
"""

from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Text,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy import Table as SqlTable
from sqlalchemy.types import TypeEngine

from grange.adapters.columns import MANIFEST, Kind, columns_of
from grange.ports.state import TABLES, Table

TEXT: TypeEngine[Any] = Text(collation="C").with_variant(Text(), "sqlite")
"""Text that sorts by code point in every store."""
INTEGER: TypeEngine[Any] = BigInteger().with_variant(Integer(), "sqlite")
NUMBER: TypeEngine[Any] = Double().with_variant(REAL(), "sqlite")
BOOLEAN: TypeEngine[Any] = Boolean().with_variant(Integer(), "sqlite")

_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.TEXT: TEXT,
    Kind.JSON: TEXT,
    Kind.INTEGER: INTEGER,
    Kind.REAL: NUMBER,
    Kind.BOOLEAN: BOOLEAN,
}

CLUSTERED = frozenset({"tasks", "session_actions", "queue_fleet_associations", "client_tokens"})
"""Small rows found by key only: SQLite keeps them in one tree instead of two."""

PARENTS = {
    "layers": ("job_id", "jobs", "job_id"),
    "tasks": ("layer_id", "layers", "layer_id"),
    "session_actions": ("session_id", "sessions", "session_id"),
}
"""Table → (its column, the table it belongs to, the column there); checked at commit."""


def build() -> MetaData:
    """Return the metadata of the whole state database."""
    metadata = MetaData()
    for table in (*TABLES, MANIFEST):
        _add(metadata, table)
    SqlTable(
        "outbox",
        metadata,
        SqlColumn("sequence", INTEGER, Identity(), primary_key=True),
        SqlColumn("kind", TEXT, nullable=False),
        SqlColumn("payload", TEXT, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    return metadata


def _add(metadata: MetaData, table: Table) -> None:
    columns = [
        SqlColumn(column.name, _TYPES[column.kind], nullable=column.nullable)
        for column in columns_of(table.entity)
    ]
    parent = PARENTS.get(table.name)
    constraints = (
        [
            ForeignKeyConstraint(
                [parent[0]],
                [f"{parent[1]}.{parent[2]}"],
                name=f"{table.name}_{parent[1]}",
                deferrable=True,
                initially="DEFERRED",
            )
        ]
        if parent
        else []
    )
    options: dict[str, Any] = {"sqlite_strict": True}
    if table.name in CLUSTERED:
        options["sqlite_with_rowid"] = False
    SqlTable(
        table.name,
        metadata,
        *columns,
        PrimaryKeyConstraint(*table.key, name=f"{table.name}_key"),
        *constraints,
        *(Index(f"{table.name}_by_{'_'.join(names)}", *names) for names in table.indexes),
        **options,
    )


METADATA = build()
