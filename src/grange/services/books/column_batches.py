"""Facts of one worker that come as columns: checked at once instead of row by row."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from grange.books.catalog.model import Column, Kind, TableSpec
from grange.books.catalog.rows import row_problem
from grange.books.catalog.schema import ARROW_TYPES, arrow_schema
from grange.domain.work import Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError

Columns = Mapping[str, Any]
"""Column → an array with one value for each row, or one value for all rows. Lists of one length are
an array of two dimensions."""
_BY_WORKERS_CLOCK: Mapping[str, tuple[str, ...]] = {
    "frames": ("started_at", "ended_at", "log_started_at"),
}
"""Table → its instants on the worker's clock; of others that is their time column."""


def put_together(batches: Iterable[Columns]) -> Iterator[Columns]:
    """Yield batches of one table with neighbours of the same shape joined to one.

    A worker's batches of a day differ in their arrays alone, and one long batch is checked and kept
    much faster than many short ones.
    """
    alike: list[Columns] = []
    shape: Mapping[str, Any] | None = None
    for columns in batches:
        found = _shape(columns)
        if alike and (found is None or found != shape):
            yield _joined(alike)
            alike = []
        if found is None:
            yield columns
        else:
            alike.append(columns)
        shape = found
    if alike:
        yield _joined(alike)


def _shape(columns: Columns) -> Mapping[str, Any] | None:
    """Return the columns of a batch, each array as its type; None: arrays of unequal lengths."""
    lengths = {len(value) for value in columns.values() if isinstance(value, np.ndarray)}
    if len(lengths) != 1:
        return None
    return {
        name: (np.ndarray, value.dtype) if isinstance(value, np.ndarray) else value
        for name, value in columns.items()
    }


def _joined(alike: list[Columns]) -> Columns:
    if len(alike) == 1:
        return alike[0]
    return {
        name: np.concatenate([columns[name] for columns in alike])
        if isinstance(value, np.ndarray)
        else value
        for name, value in alike[0].items()
    }


def columns_as_rows(
    spec: TableSpec,
    columns: Columns,
    worker: Worker,
    offset_ms: int,
    *,
    added: frozenset[str],
    least: int,
    most: int,
) -> pa.Table:
    """Return the rows to keep: what was posted, on the server's clock, with what the server adds.

    Args:
        spec: a table of samples, or of frame records.
        columns: what was posted; the time column is an array.
        worker: who sent them.
        offset_ms: the server's time minus the worker's.
        added: columns that the server fills.
        least: earliest time that is kept.
        most: latest time that is believed.

    Raises:
        InvalidRequestError: a column does not fit; nothing of them is kept.
    """
    times = np.asarray(columns[spec.time_column], dtype=np.int64)
    count = len(times)
    single = {name: value for name, value in columns.items() if not isinstance(value, np.ndarray)}
    sample = single | {
        name: value[:1].tolist()[0]
        for name, value in columns.items()
        if isinstance(value, np.ndarray)
    }
    problem = row_problem(spec, sample, skipped=added)
    if problem is not None:
        raise _unfit(spec, *problem)
    at = times + offset_ms
    if count and not (least <= int(at.min()) and int(at.max()) <= most):
        raise _unfit(spec, spec.time_column, "is too old, or lies in the future")
    given: dict[str, Any] = {
        **columns,
        "farm_id": worker.farm_id,
        "fleet_id": worker.fleet_id,
        "worker_id": worker.worker_id,
    }
    for name in _BY_WORKERS_CLOCK.get(spec.name, (spec.time_column,)):
        if f"worker_{name}" in added:
            given[f"worker_{name}"] = columns[name]
        if columns.get(name) is not None:
            given[name] = columns[name] + offset_ms
    if spec.start_column is not None and (given[spec.start_column] > at).any():
        raise _unfit(spec, spec.start_column, f"is later than {spec.time_column}")
    arrays = [_array(spec, column, given.get(column.name), count) for column in spec.columns]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(spec.name))


def _array(spec: TableSpec, column: Column, value: Any, count: int) -> pa.Array:
    if not isinstance(value, np.ndarray):
        if isinstance(value, list | tuple):
            return pa.repeat(pa.scalar(value, type=ARROW_TYPES[column.kind]), count)
        return _same(column.kind, value, count)
    if len(value) != count:
        raise _unfit(spec, column.name, f"has {len(value)} values for {count} rows")
    if column.kind in (Kind.INT, Kind.INTS):
        if value.dtype.kind != "i":
            raise _unfit(spec, column.name, "must be whole numbers")
        low = column.minimum is not None and int(value.min()) < column.minimum
        high = column.maximum is not None and int(value.max()) > column.maximum
        if low or high:
            bounds = f"between {column.minimum} and {column.maximum}"
            raise _unfit(spec, column.name, f"must lie {bounds}")
    if value.ndim == 2:
        ends = pa.array(np.arange(count + 1) * value.shape[1], pa.int32())
        return pa.ListArray.from_arrays(ends, pa.array(value.ravel(), pa.int64()))
    return pa.array(value, type=ARROW_TYPES[column.kind])


@lru_cache(4096)
def _same(kind: Kind, value: Any, count: int) -> pa.Array:
    """Return a column of one value; batches of one sender and of equal length share theirs."""
    arrow = ARROW_TYPES[kind]
    if value is None:
        return pa.nulls(count, type=arrow)
    return pa.repeat(pa.scalar(value, type=arrow), count)


def _unfit(spec: TableSpec, name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Columns do not fit table {spec.name}: {name} {message}.",
        fields=[FieldProblem(f"{spec.name}.{name}", message)],
    )
