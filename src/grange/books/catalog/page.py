"""The catalog as a page of the documentation."""

from collections.abc import Iterator

from grange.books.catalog.model import CATALOG_VERSION, TableSpec
from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES

_HEAD = f"""\
# Tables of the books

Generated from `grange.books.catalog` (version {CATALOG_VERSION}); a test keeps it current.
To write it anew: `python -m tools.books_tables`.

Times are whole milliseconds since 1970, UTC. Shares are thousandths. Money is billionths of the
farm's currency. A column that may be empty is marked ○: empty means unknown, never zero. Columns
are only ever added, and added columns may be empty.
"""


def tables_page() -> str:
    """Return docs/books-tables.md."""
    parts = [_HEAD, "\n## Facts\n"]
    parts += [_section(spec) for spec in FACT_TABLES]
    parts.append(
        "\n## Rollups\n\nComputed from facts; `grange books rebuild` computes them again.\n"
    )
    parts += [_section(spec) for spec in ROLLUP_TABLES]
    return "".join(parts)


def _section(spec: TableSpec) -> str:
    return "\n".join(_lines(spec)) + "\n"


def _lines(spec: TableSpec) -> Iterator[str]:
    yield f"\n### {spec.title} (`{spec.name}`)\n"
    yield spec.meaning + "\n"
    yield (
        f"Key: {', '.join(spec.key)}. Hour: {spec.time_column}. "
        f"Order in files: {', '.join(spec.sort)}.\n"
    )
    yield "| Column | Kind | Unit | Together | Meaning | Ledger |"
    yield "|---|---|---|---|---|---|"
    for column in spec.columns:
        mark = " ○" if column.nullable else ""
        yield (
            f"| `{column.name}`{mark} | {column.kind} | {column.unit} | {column.consolidation} "
            f"| {column.meaning} | {column.ledger} |"
        )
