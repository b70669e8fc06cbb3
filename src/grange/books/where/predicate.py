"""A query asked of Python rows."""

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt
from typing import Any, assert_never

from grange.books.where.tree import AnyOf, Compare, Every, Node, Not, Op, Word

_ORDERS: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQUAL: eq,
    Op.LESS: lt,
    Op.LESS_EQUAL: le,
    Op.MORE: gt,
    Op.MORE_EQUAL: ge,
}


def holds(node: Node, row: Mapping[str, Any]) -> bool:
    """Return whether a query is true for a row; a key that is not there is a missing value."""
    match node:
        case Every(nodes):
            return all(holds(each, row) for each in nodes)
        case AnyOf(nodes):
            return any(holds(each, row) for each in nodes)
        case Not(inner):
            return not holds(inner, row)
        case Word(text, fields):
            return any(text in _lower(row.get(field.row_key)) for field in fields)
        case Compare():
            return _compare(node, row.get(node.field.row_key))
        case _:
            assert_never(node)


def _compare(node: Compare, value: Any) -> bool:
    if node.op is Op.MISSING:
        return value is None
    if value is None:
        return False
    if node.op is Op.CONTAINS:
        return str(node.value) in _lower(value)
    if node.op is Op.ENDS:
        return str(value).endswith(str(node.value))
    return _ORDERS[node.op](value, node.value)


def _lower(value: Any) -> str:
    return "" if value is None else str(value).lower()
