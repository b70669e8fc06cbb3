"""What a question is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import table
from grange.kernel.units import MILLIS_PER_HOUR, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A table a question reads, and which of its rows: times in [start, end)."""

    table: str
    start: Instant | None = None
    """None: from the beginning."""
    end: Instant | None = None
    """None: to the end."""
    live: bool = False
    """True: open sessions (actions) are rows too, as if they ended now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """SQL over the relations named in `needs` and `given`."""

    sql: str
    needs: tuple[Need, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    """Small Arrow tables the question brings with it, by relation name."""

    def since(self, start: Instant) -> "Question":
        """Return the question about facts of which none is older: older files are not read."""
        needs = (
            replace(need, start=start if need.start is None else max(need.start, start))
            for need in self.needs
        )
        return replace(self, needs=tuple(needs))


DRIFT_MS = MILLIS_PER_HOUR
"""How far apart the times of two copies of one fact may lie (a worker's clock was measured
anew)."""


def relation(spec: TableSpec, *, has_files: bool, has_rows: bool) -> str:
    """Return the body of a CTE that reads a table once per key.

    Files are free of repeats among themselves; rows are too, but may repeat what is in files: the
    copy in the files wins. Relations `<table>__files` and `<table>__rows` hold the two.
    """
    columns = ", ".join(f'"{name}"' for name in spec.column_names)
    files, rows = f"{spec.name}__files", f"{spec.name}__rows"
    if not has_files:
        return f"SELECT {columns} FROM {rows}"  # noqa: S608 - names of the catalog
    if not has_rows:
        return f"SELECT {columns} FROM {files}"  # noqa: S608 - names of the catalog
    same = " AND ".join(f'kept."{name}" = fresh."{name}"' for name in spec.key)
    time = f'"{spec.time_column}"'
    return (
        f"SELECT {columns} FROM {files} "  # noqa: S608 - names of the catalog
        f"UNION ALL SELECT {columns} FROM {rows} AS fresh WHERE NOT EXISTS ("
        f"SELECT 1 FROM {files} AS kept WHERE {same} "
        f"AND kept.{time} >= $__{spec.name}_from AND kept.{time} <= $__{spec.name}_to)"
    )


def with_relations(question: Question, bodies: Mapping[str, str]) -> str:
    """Return the question's SQL with its tables defined in front."""
    if not bodies:
        return question.sql
    parts = ", ".join(f"{name} AS ({body})" for name, body in bodies.items())
    sql = question.sql.strip()
    if sql.upper().startswith("WITH "):
        return f"WITH {parts}, {sql[5:]}"
    return f"WITH {parts} {sql}"


def spec_of(need: Need) -> TableSpec:
    """Return the table a need names."""
    return table(need.table)
