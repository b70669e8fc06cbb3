"""Tables as Arrow schemas, and rows as Arrow tables."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from grange.books.catalog.model import Kind, TableSpec
from grange.books.catalog.registry import table

ARROW_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.INT: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.INTS: pa.list_(pa.int64()),
    Kind.REAL: pa.float64(),
}


@cache
def arrow_schema(name: str) -> pa.Schema:
    """Return the storage schema of a table: every column in the order of the catalog."""
    spec = table(name)
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.kind]) for column in spec.columns])


def arrow_table(spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows (already validated) as an Arrow table; absent columns are null."""
    schema = arrow_schema(spec.name)
    arrays = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def conformed(spec: TableSpec, found: pa.Table) -> pa.Table:
    """Return a table read from a file with exactly the catalog's columns.

    Columns the file does not know (it is older) become null; columns the catalog does not know
    (the file is newer) are left out.
    """
    return with_columns(found, arrow_schema(spec.name))


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def with_columns(found: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with exactly the columns of a schema; what it lacks is null."""
    if found.schema.equals(schema):
        return found
    names = set(found.column_names)
    columns = [
        _typed(found.column(field.name), field.type)
        if field.name in names
        else pa.nulls(found.num_rows, type=field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
