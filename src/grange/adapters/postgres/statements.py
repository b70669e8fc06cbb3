"""A batch as statements: one for everything that is put, so that it costs one round trip.

Each table's rows go as one array per column. Inside one statement PostgreSQL does not promise an
order, so what is deleted goes before, in the same transaction.
"""

# ruff: noqa: S608 - names come from the schema
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.adapters.columns import BY_ENTITY, Column, Kind, columns_of
from grange.adapters.conditions import quoted
from grange.adapters.heavy import LIGHT, Unchanged
from grange.adapters.rows import RowCodec, codec_of, fact_row
from grange.domain.facts import Fact
from grange.ports.state import Batch, Key, Table

_TYPES: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.JSON: "text",
    Kind.INTEGER: "bigint",
    Kind.REAL: "double precision",
    Kind.BOOLEAN: "boolean",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values of its parameters."""

    text: str
    parameters: Sequence[Any]


def put_statement(puts: Sequence[Any], outbox: Sequence[Fact], unchanged: Unchanged) -> Statement:
    """Return the one statement that writes these entities and outbox rows."""
    texts: list[str] = []
    parameters: list[Any] = []
    by_entity: dict[type[Any], dict[Key, Any]] = {}
    for value in puts:
        by_entity.setdefault(type(value), {})[_key_of(value)] = value
    for entity in sorted(by_entity, key=lambda entity: BY_ENTITY[entity].name):
        whole, light = unchanged.split(entity, by_entity[entity].values())
        if whole:
            texts.append(_upsert(BY_ENTITY[entity], len(parameters)))
            parameters.extend(_arrays(codec_of(entity), whole))
        if light:
            texts.append(_update(BY_ENTITY[entity], len(parameters)))
            parameters.extend(_arrays(LIGHT[entity], light))
    if outbox:
        first = len(parameters) + 1
        texts.append(
            "INSERT INTO outbox (kind, payload) SELECT kind, payload "
            f"FROM unnest(${first}::text[], ${first + 1}::text[]) "
            "WITH ORDINALITY AS fact (kind, payload, place) ORDER BY place"
        )
        parameters.extend(map(list, zip(*(fact_row(fact) for fact in outbox), strict=True)))
    parts = [f"part{number} AS ({text})" for number, text in enumerate(texts[:-1])]
    head = f"WITH {', '.join(parts)} " if parts else ""
    return Statement(head + texts[-1], parameters)


def delete_statements(batch: Batch) -> list[Statement]:
    """Return what a batch deletes, in its order."""
    found = []
    if batch.forget_tasks_of:
        text = "DELETE FROM tasks WHERE layer_id = ANY($1::text[])"
        found.append(Statement(text, [batch.forget_tasks_of]))
    for entity, key in batch.deletes:
        table = BY_ENTITY[entity]
        tests = " AND ".join(
            f"{quoted(name)} = ${place}" for place, name in enumerate(table.key, start=1)
        )
        found.append(Statement(f"DELETE FROM {quoted(table.name)} WHERE {tests}", key))
    return found


def _key_of(value: Any) -> Key:
    return tuple(getattr(value, name) for name in BY_ENTITY[type(value)].key)


def _arrays(codec: RowCodec[Any], values: Sequence[Any]) -> Iterable[list[Any]]:
    return map(list, zip(*(codec.row(value) for value in values), strict=True))


def _unnest(columns: Sequence[Column], used: int) -> str:
    arrays = (
        f"${used + place}::{_TYPES[column.kind]}[]" for place, column in enumerate(columns, start=1)
    )
    return f"unnest({', '.join(arrays)})"


def _update(table: Table, used: int) -> str:
    columns = LIGHT[table.entity].columns
    name = quoted(table.name)
    names = ", ".join(quoted(column.name) for column in columns)
    changes = ", ".join(
        f"{quoted(column.name)} = changed.{quoted(column.name)}"
        for column in columns
        if column.name not in table.key
    )
    tests = " AND ".join(f"{name}.{quoted(key)} = changed.{quoted(key)}" for key in table.key)
    source = f"{_unnest(columns, used)} AS changed ({names})"
    return f"UPDATE {name} SET {changes} FROM {source} WHERE {tests}"


def _upsert(table: Table, used: int) -> str:
    columns = columns_of(table.entity)
    names = ", ".join(quoted(column.name) for column in columns)
    key = ", ".join(quoted(name) for name in table.key)
    changes = ", ".join(
        f"{quoted(column.name)} = excluded.{quoted(column.name)}"
        for column in columns
        if column.name not in table.key
    )
    return (
        f"INSERT INTO {quoted(table.name)} ({names}) SELECT * FROM {_unnest(columns, used)} "
        f"ON CONFLICT ({key}) DO UPDATE SET {changes}"
    )
