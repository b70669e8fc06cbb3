"""Conditions of a read: checked against the columns, then compiled to SQL for either database.

Column names come from the schema and are quoted; values are always parameters.
"""

# ruff: noqa: S608 - see above

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grange.adapters.columns import BY_ENTITY, Column, Kind, column_map
from grange.adapters.rows import json_text
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.ports.state import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Contains,
    JsonEquals,
    OneOf,
    Order,
)

EVERYTHING = AllOf(())
"""Matches every row."""

_OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_ACCEPTED: Mapping[Kind, tuple[type[Any], ...]] = {
    Kind.TEXT: (str,),
    Kind.INTEGER: (int,),
    Kind.REAL: (int, float),
    Kind.BOOLEAN: (bool,),
}


def quoted(name: str) -> str:
    """Return a table's or column's name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(slots=True)
class Sql:
    """One statement being written: its parameters so far, and how the database spells things."""

    parameters: list[Any] = field(default_factory=list)

    def parameter(self, value: Any, kind: Kind) -> str:
        """Add a parameter and return its placeholder."""
        raise NotImplementedError

    def one_of(self, column: str, values: Sequence[Any], kind: Kind) -> str:
        """Return `column equals one of the values`."""
        raise NotImplementedError

    def contains(self, column: str, term: str) -> str:
        """Return `the text contains the term, ignoring case`."""
        raise NotImplementedError

    def json_member(self, column: str, path: Sequence[str], operator: str, value: str) -> str:
        """Return `the text at this path of keys compares to the value`."""
        raise NotImplementedError

    def limit(self, limit: int | None, offset: int) -> str:
        """Return the clause that cuts the result, with a leading blank if there is one."""
        text = ""
        if limit is not None:
            text += f" LIMIT {self.parameter(limit, Kind.INTEGER)}"
        elif offset:
            text += f" LIMIT {NO_LIMIT}"
        if offset:
            text += f" OFFSET {self.parameter(offset, Kind.INTEGER)}"
        return text


NO_LIMIT = 2**63 - 1


class SqliteSql(Sql):
    """SQLite's spelling."""

    def parameter(self, value: Any, kind: Kind) -> str:
        """Add a parameter and return its placeholder."""
        self.parameters.append(value)
        return f"?{len(self.parameters)}"

    def one_of(self, column: str, values: Sequence[Any], kind: Kind) -> str:
        """Return `column equals one of the values`, as one parameter however many there are."""
        listed = self.parameter(json_text(list(values)), Kind.TEXT)
        return f"{column} IN (SELECT value FROM json_each({listed}))"

    def contains(self, column: str, term: str) -> str:
        """Return `the text contains the term, ignoring case` (SQLite's own `lower` is ASCII's)."""
        lower = "lower" if term.isascii() else "grange_lower"
        return f"instr({lower}({column}), {self.parameter(term.lower(), Kind.TEXT)}) > 0"

    def json_member(self, column: str, path: Sequence[str], operator: str, value: str) -> str:
        """Return `the text at this path of keys compares to the value`."""
        sources, tests = [], []
        source = column
        for depth, key in enumerate(path):
            sources.append(f"json_each({source}) AS j{depth}")
            tests.append(f"j{depth}.key = {self.parameter(key, Kind.TEXT)}")
            source = f"CASE j{depth}.type WHEN 'object' THEN j{depth}.value ELSE '{{}}' END"
        last = f"j{len(path) - 1}"
        tests.append(f"{last}.type = 'text'")
        tests.append(f"{last}.atom {operator} {self.parameter(value, Kind.TEXT)}")
        return f"EXISTS (SELECT 1 FROM {', '.join(sources)} WHERE {' AND '.join(tests)})"


_POSTGRES_TYPES = {
    Kind.TEXT: "text",
    Kind.INTEGER: "bigint",
    Kind.REAL: "double precision",
    Kind.BOOLEAN: "boolean",
}


@dataclass(slots=True)
class PostgresSql(Sql):
    """PostgreSQL's spelling."""

    lower_collation: str = "default"
    """The collation `lower` folds case by; the columns' own folds ASCII only."""

    def parameter(self, value: Any, kind: Kind) -> str:
        """Add a parameter and return its placeholder."""
        self.parameters.append(value)
        return f"${len(self.parameters)}::{_POSTGRES_TYPES[kind]}"

    def one_of(self, column: str, values: Sequence[Any], kind: Kind) -> str:
        """Return `column equals one of the values`, as one parameter however many there are."""
        self.parameters.append(list(values))
        return f"{column} = ANY(${len(self.parameters)}::{_POSTGRES_TYPES[kind]}[])"

    def contains(self, column: str, term: str) -> str:
        """Return `the text contains the term, ignoring case`."""
        collate = f"COLLATE {quoted(self.lower_collation)}"
        placeholder = self.parameter(term.lower(), Kind.TEXT)
        return f'strpos(lower({column} {collate}) COLLATE "C", {placeholder} COLLATE "C") > 0'

    def json_member(self, column: str, path: Sequence[str], operator: str, value: str) -> str:
        """Return `the text at this path of keys compares to the value`."""
        keys = [self.parameter(key, Kind.TEXT) for key in path]
        inner = "".join(f" -> {key}" for key in keys[:-1])
        placeholder = self.parameter(value, Kind.TEXT)
        return (
            f"(json_typeof({column}::json{inner} -> {keys[-1]}) = 'string' AND "
            f'({column}::json{inner} ->> {keys[-1]}) COLLATE "C" {operator} {placeholder})'
        )


def compile_condition(sql: Sql, entity: type[Any], condition: Condition) -> str:
    """Return the condition as SQL text, adding its values to the statement's parameters.

    Raises:
        InvalidRequestError: the entity has no such column, or it cannot hold the value.
    """
    match condition:
        case AllOf(parts):
            return _joined(sql, entity, parts, " AND ", "TRUE")
        case AnyOf(parts):
            return _joined(sql, entity, parts, " OR ", "FALSE")
        case Compare(name, operator, None):
            column = known_column(entity, name, "compared with nothing", any_kind=True)
            found = {"=": "IS NULL", "!=": "IS NOT NULL"}.get(_operator(operator, keep=True))
            return f"{quoted(column.name)} {found}" if found else "FALSE"
        case Compare(name, operator, value):
            column = checked_column(entity, name, (value,))
            placeholder = sql.parameter(value, column.kind)
            return f"{quoted(column.name)} {_operator(operator)} {placeholder}"
        case OneOf(name, values):
            column = checked_column(entity, name, values)
            return sql.one_of(quoted(column.name), values, column.kind) if values else "FALSE"
        case Contains(name, term):
            column = checked_column(entity, name, (term,))
            return sql.contains(quoted(column.name), term)
        case JsonEquals(name, path, operator, value):
            column = json_column(entity, name, path)
            return sql.json_member(quoted(column.name), path, _operator(operator), value)


def compile_order(entity: type[Any], order: Sequence[Order]) -> str:
    """Return the ORDER BY list; the key always comes last, so that the order is total."""
    parts = []
    for item in order:
        column = known_column(entity, item.column, "sorted by")
        parts.append(f"{quoted(column.name)} {'DESC' if item.descending else 'ASC'} NULLS LAST")
    parts.extend(quoted(name) for name in BY_ENTITY[entity].key)
    return ", ".join(parts)


def select(
    sql: Sql,
    entity: type[Any],
    where: Condition,
    *,
    order: Sequence[Order],
    limit: int | None,
    offset: int,
    columns: Sequence[str] | None = None,
) -> str:
    """Return the text of a whole read, or of one of some columns."""
    check_cut(limit, offset)
    for name in columns or ():
        known_column(entity, name, "read", any_kind=True)
    listed = column_map(entity) if columns is None else columns
    names = ", ".join(quoted(name) for name in listed)
    table = quoted(BY_ENTITY[entity].name)
    tests = compile_condition(sql, entity, where)
    return (
        f"SELECT {names} FROM {table} WHERE {tests} "
        f"ORDER BY {compile_order(entity, order)}{sql.limit(limit, offset)}"
    )


def check_cut(limit: int | None, offset: int) -> None:
    """Refuse a negative limit or offset."""
    if offset < 0 or (limit is not None and limit < 0):
        raise InvalidRequestError("A limit and an offset are at least 0.")


def checked_column(entity: type[Any], name: str, values: Sequence[Any]) -> Column:
    """Return the column, if it can be compared with all these values."""
    column = known_column(entity, name, "compared")
    accepted = _ACCEPTED[column.kind]
    for value in values:
        fits = isinstance(value, accepted) and (
            not isinstance(value, bool) or column.kind is Kind.BOOLEAN
        )
        if not fits or (isinstance(value, int) and not -(2**63) <= value < 2**63):
            raise _refused(name, f"{name} holds {column.kind} values, not {value!r}.")
    return column


def json_column(entity: type[Any], name: str, path: Sequence[str]) -> Column:
    """Return the column, if it holds JSON and the path names a member."""
    column = known_column(entity, name, "searched", any_kind=True)
    if column.kind is not Kind.JSON or not path:
        raise _refused(name, f"{name} has no members to search by key.")
    return column


def _joined(
    sql: Sql, entity: type[Any], parts: Sequence[Condition], word: str, without_parts: str
) -> str:
    if not parts:
        return without_parts
    return "(" + word.join(compile_condition(sql, entity, part) for part in parts) + ")"


def _operator(operator: str, *, keep: bool = False) -> str:
    if operator not in _OPERATORS:
        raise InvalidRequestError(
            f"{operator!r} is not a comparison: use one of {' '.join(_OPERATORS)}."
        )
    return operator if keep else _OPERATORS[operator]


def known_column(entity: type[Any], name: str, use: str, *, any_kind: bool = False) -> Column:
    """Return the column, if the entity has it and it can be used so."""
    column = column_map(entity).get(name)
    if column is None:
        known = ", ".join(column_map(entity))
        raise _refused(name, f"{BY_ENTITY[entity].name} have no {name!r}; they have {known}.")
    if column.kind is Kind.JSON and not any_kind:
        raise _refused(name, f"{name} holds JSON and cannot be {use} as a whole.")
    return column


def _refused(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(message, fields=[FieldProblem(name, message)])
