"""Rows a query is true for: filter before limit, and say "N of M"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grange.books.where.predicate import holds
from grange.books.where.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rows a query found."""

    rows: list[Mapping[str, Any]]
    """At most the limit."""
    matched: int
    """N: for how many the query is true, whatever the limit."""
    total: int
    """M: how many there are."""


def choose(
    rows: Iterable[Mapping[str, Any]], node: Node, *, limit: int | None = None, offset: int = 0
) -> Chosen:
    """Return the rows a query is true for, in their order: filtered first, limited then."""
    kept: list[Mapping[str, Any]] = []
    matched = total = 0
    for row in rows:
        total += 1
        if holds(node, row):
            if matched >= offset and (limit is None or len(kept) < limit):
                kept.append(row)
            matched += 1
    return Chosen(rows=kept, matched=matched, total=total)
