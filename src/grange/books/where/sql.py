"""A query as SQL, for a WHERE clause of DuckDB."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, assert_never

from grange.books.where.tree import AnyOf, Compare, Every, Node, Not, Op, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCondition:
    """A condition and its parameters. It is true or false, never NULL."""

    sql: str
    parameters: Mapping[str, Any]


def condition(node: Node, *, prefix: str = "where") -> SqlCondition:
    """Return the SQL of a query; its parameters are named `<prefix>_0` and on."""
    parameters: dict[str, Any] = {}
    return SqlCondition(sql=_sql(node, parameters, _names(prefix)), parameters=parameters)


def _names(prefix: str) -> Iterator[str]:
    return (f"{prefix}_{number}" for number in count())


def _sql(node: Node, parameters: dict[str, Any], names: Iterator[str]) -> str:
    match node:
        case Every(nodes):
            return _joined(" AND ", "true", [_sql(each, parameters, names) for each in nodes])
        case AnyOf(nodes):
            return _joined(" OR ", "false", [_sql(each, parameters, names) for each in nodes])
        case Not(inner):
            return f"(NOT {_sql(inner, parameters, names)})"
        case Word(text, fields):
            name = next(names)
            parameters[name] = text
            return _joined(
                " OR ",
                "false",
                [f"contains(lower(coalesce({field.sql}, '')), ${name})" for field in fields],
            )
        case Compare():
            return _compare(node, parameters, names)
        case _:
            assert_never(node)


def _compare(node: Compare, parameters: dict[str, Any], names: Iterator[str]) -> str:
    column = node.field.sql
    if node.op is Op.MISSING:
        return f"({column} IS NULL)"
    name = next(names)
    parameters[name] = node.value
    match node.op:
        case Op.CONTAINS:
            return f"contains(lower(coalesce({column}, '')), ${name})"
        case Op.ENDS:
            return f"ends_with(coalesce({column}, ''), ${name})"
        case _:
            return f"coalesce({column} {node.op.value} ${name}, false)"


def _joined(word: str, nothing: str, parts: list[str]) -> str:
    return f"({word.join(parts)})" if parts else nothing
