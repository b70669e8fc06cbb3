"""Rows as the payload of a frame: an Arrow stream that carries its own schema."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from grange.books.catalog.registry import table
from grange.books.catalog.schema import arrow_schema, arrow_table, conformed
from grange.kernel.errors import FieldProblem, InvalidRequestError

_COMPRESS_FROM_ROWS = 64
_PLAIN = pa.ipc.IpcWriteOptions()
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


@cache
def _names(table_name: str) -> tuple[frozenset[str], frozenset[str]]:
    spec = table(table_name)
    return frozenset(spec.column_names), frozenset(
        column.name for column in spec.columns if not column.nullable
    )


def arrow_rows(table_name: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> pa.Table:
    """Return rows as an Arrow table with the catalog's columns.

    Raises:
        InvalidRequestError: a row has a column the table lacks, lacks one it needs, or holds a
            value of another kind.
    """
    if isinstance(rows, pa.Table):
        if not rows.schema.equals(arrow_schema(table_name)):
            raise _unfit(table_name, "", "the columns are not those of the catalog")
        return rows
    known, needed = _names(table_name)
    for index, row in enumerate(rows):
        strange = row.keys() - known
        if strange:
            raise _unfit(table_name, f"[{index}].{min(strange)}", "is not a column")
        lacking = [name for name in needed if row.get(name) is None]
        if lacking:
            raise _unfit(table_name, f"[{index}].{min(lacking)}", "is missing")
    try:
        return arrow_table(table(table_name), rows)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise _unfit(table_name, "", str(error)) from error


def _unfit(table_name: str, place: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Rows do not fit table {table_name}: {table_name}{place} {message}.",
        fields=[FieldProblem(table_name + place, message)],
    )


def encode_payload(rows: pa.Table) -> bytes:
    """Return a table as one Arrow stream."""
    sink = pa.BufferOutputStream()
    options = _COMPRESSED if rows.num_rows >= _COMPRESS_FROM_ROWS else _PLAIN
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode_payload(table_name: str, payload: bytes) -> pa.Table:
    """Return the rows of a payload with the columns of the present catalog."""
    with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
        return conformed(table(table_name), reader.read_all())
