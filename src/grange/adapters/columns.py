"""How the fields of a value become columns: one rule, read by schema, rows and conditions."""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grange.ports.state import TABLES, ManifestRow, Table


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    JSON = "json"
    """JSON text: mappings, tuples and dataclasses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One field of an entity, as a column."""

    name: str
    kind: Kind
    nullable: bool
    python: Any
    """The field's type without None, with new types resolved where they are scalars."""
    enum: type[StrEnum] | None = None
    """The enum whose values a text column holds."""
    free_text: bool = False
    """A plain `str`: anything a person or program may have sent."""


_SCALARS: Mapping[type[Any], Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    float: Kind.REAL,
    bool: Kind.BOOLEAN,
}

MANIFEST = Table(
    entity=ManifestRow,
    name="manifest",
    key=("path",),
    indexes=(("farm_id", "table_name", "start_at"),),
)
"""The manifest of the books, kept beside the entities."""

BY_ENTITY: Mapping[type[Any], Table] = {table.entity: table for table in (*TABLES, MANIFEST)}
"""Entity type → its table."""


def column_map(entity: type[Any]) -> Mapping[str, Column]:
    """Return the columns of a type of value by name, in the order of its fields."""
    known = _COLUMNS.get(entity)
    if known is None:
        hints = typing.get_type_hints(entity)
        known = {name: _column(name, hint) for name, hint in hints.items()}
        _COLUMNS[entity] = known
    return known


_COLUMNS: dict[type[Any], Mapping[str, Column]] = {}


def columns_of(entity: type[Any]) -> tuple[Column, ...]:
    """Return the columns of a type of value, in the order of its fields."""
    return tuple(column_map(entity).values())


CHANGING = frozenset({"status", "ended_at", "retired_at"})
"""Indexed columns that change."""


def fixed_columns(table: Table) -> list[str]:
    """Return the columns that never change under one key: all others that are indexed.

    They say what an entity belongs to and when it began.
    """
    found = {name for names in table.indexes for name in names}
    return sorted(found - CHANGING - set(table.key))


def _column(name: str, hint: Any) -> Column:
    hint, nullable = _without_none(hint)
    scalar = hint
    while isinstance(scalar, typing.NewType):
        scalar = scalar.__supertype__
    if isinstance(scalar, type) and issubclass(scalar, StrEnum):
        return Column(name=name, kind=Kind.TEXT, nullable=nullable, python=scalar, enum=scalar)
    kind = _SCALARS.get(scalar) if isinstance(scalar, type) else None
    if kind is None:
        return Column(name=name, kind=Kind.JSON, nullable=nullable, python=hint)
    return Column(name=name, kind=kind, nullable=nullable, python=scalar, free_text=hint is str)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return hint, False
    rest = [part for part in typing.get_args(hint) if part is not type(None)]
    if len(rest) == len(typing.get_args(hint)):
        return hint, False
    return (rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]), True  # noqa: UP007
