"""The statements of a batch, written once per table.

Values are always parameters. An update names no fixed column: SQLite writes every index of a column
that is named, changed or not, and those were most of the pages of a small commit.
"""

# ruff: noqa: S608 - names come from the schema
import sqlite3
from collections.abc import Mapping
from typing import Any

from grange.adapters.columns import BY_ENTITY, columns_of, fixed_columns
from grange.adapters.conditions import quoted
from grange.adapters.heavy import LIGHT, Unchanged
from grange.adapters.rows import codec_of, fact_row
from grange.domain.work import Task
from grange.kernel.errors import GrangeError
from grange.ports.state import Batch, Table


def _upsert(table: Table) -> str:
    names = [column.name for column in columns_of(table.entity)]
    listed = ", ".join(quoted(name) for name in names)
    holes = ", ".join("?" for _ in names)
    key = ", ".join(quoted(name) for name in table.key)
    fixed = fixed_columns(table)
    changes = ", ".join(
        f"{quoted(name)} = excluded.{quoted(name)}"
        for name in names
        if name not in table.key and name not in fixed
    )
    tests = " AND ".join(
        f"{quoted(table.name)}.{quoted(name)} IS excluded.{quoted(name)}" for name in fixed
    )
    return (
        f"INSERT INTO {quoted(table.name)} ({listed}) VALUES ({holes}) "
        f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {tests or 'TRUE'}"
    )


def _update(table: Table) -> str:
    fixed = fixed_columns(table)
    place = {name: number for number, name in enumerate(LIGHT[table.entity].names, 1)}
    names = [name for name in place if name not in table.key and name not in fixed]
    changes = ", ".join(f"{quoted(name)} = ?{place[name]}" for name in names)
    tests = " AND ".join(f"{quoted(name)} IS ?{place[name]}" for name in (*table.key, *fixed))
    return f"UPDATE {quoted(table.name)} SET {changes} WHERE {tests}"


def _delete(table: Table) -> str:
    tests = " AND ".join(f"{quoted(name)} = ?" for name in table.key)
    return f"DELETE FROM {quoted(table.name)} WHERE {tests}"


UPSERTS: Mapping[type[Any], str] = {entity: _upsert(table) for entity, table in BY_ENTITY.items()}
DELETES: Mapping[type[Any], str] = {entity: _delete(table) for entity, table in BY_ENTITY.items()}
UPDATES: Mapping[type[Any], str] = {entity: _update(BY_ENTITY[entity]) for entity in LIGHT}
FORGET_TASKS = f"DELETE FROM {quoted(BY_ENTITY[Task].name)} WHERE layer_id = ?"
ADD_TO_OUTBOX = "INSERT INTO outbox (kind, payload) VALUES (?, ?)"


def write(connection: sqlite3.Connection, batch: Batch, unchanged: Unchanged) -> None:
    """Carry out a batch inside the open transaction."""
    if batch.forget_tasks_of:
        connection.executemany(FORGET_TASKS, [(layer_id,) for layer_id in batch.forget_tasks_of])
    unchanged.deleted(batch.deletes)
    for entity, key in batch.deletes:
        connection.execute(DELETES[entity], key)
    by_entity: dict[type[Any], list[Any]] = {}
    for value in batch.puts:
        by_entity.setdefault(type(value), []).append(value)
    for entity, values in by_entity.items():
        whole, light = unchanged.split(entity, values)
        row = codec_of(entity).row
        written = 0
        if len(whole) == 1:
            written += connection.execute(UPSERTS[entity], row(whole[0])).rowcount
        elif whole:
            rows = [row(value) for value in whole]
            written += connection.executemany(UPSERTS[entity], rows).rowcount
        if light:
            light_row = LIGHT[entity].row
            if len(light) == 1:
                written += connection.execute(UPDATES[entity], light_row(light[0])).rowcount
            else:
                rows = [light_row(value) for value in light]
                written += connection.executemany(UPDATES[entity], rows).rowcount
        if written != len(whole) + len(light):
            raise GrangeError(
                f"The batch changes columns of {BY_ENTITY[entity].name} that never change."
            )
    if batch.outbox:
        connection.executemany(ADD_TO_OUTBOX, [fact_row(fact) for fact in batch.outbox])
