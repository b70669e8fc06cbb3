"""Arrow tables of facts: one row per key, in the order of files, by the hour."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.model import TableSpec
from grange.books.catalog.schema import arrow_schema
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant

Numbers = np.ndarray[Any, np.dtype[np.int64]]

_LARGE_ROWS = 250_000
_LEAST_ROWS, _SMALL_ROWS = 4_096, 16_384
_FEW_PARTS, _MOST_PARTS = 64, 512
_PLACE = "__place"
_MOST_COMBINATIONS = 2**62
_FAR = 2**62
_CODE_FROM_ROWS = 20_000
"""So many rows are worth looking at their texts once more, to sort numbers instead."""


def keep_first(spec: TableSpec, rows: pa.Table) -> pa.Table:
    """Return the first row of every key, in the given order."""
    if rows.num_rows < 2:
        return rows
    numbers = _numbers(rows.select(list(spec.key)))
    if numbers is None:
        placed = rows.select(list(spec.key)).append_column(
            _PLACE, pa.array(np.arange(rows.num_rows, dtype=np.int64))
        )
        first = placed.group_by(list(spec.key), use_threads=False).aggregate([(_PLACE, "min")])
        places = np.sort(first.column(f"{_PLACE}_min").to_numpy())
    elif _differ(numbers):
        return rows
    else:
        places = np.sort(np.unique(numbers, return_index=True)[1])
    return rows if len(places) == rows.num_rows else rows.take(pa.array(places))


def without_keys(spec: TableSpec, rows: pa.Table, known: pa.Table) -> pa.Table:
    """Return the rows whose key is not among those of `known`, in the given order."""
    if not known.num_rows or not rows.num_rows:
        return rows
    keys = list(spec.key)
    placed = rows.select(keys).append_column(
        _PLACE, pa.array(np.arange(rows.num_rows, dtype=np.int64))
    )
    fresh = placed.join(known.select(keys), keys, join_type="left anti", use_threads=False)
    places = np.sort(fresh.column(_PLACE).to_numpy())
    return rows.take(pa.array(places))


def in_file_order(spec: TableSpec, rows: pa.Table) -> pa.Table:
    """Return rows sorted as files are."""
    if rows.num_rows < _CODE_FROM_ROWS:
        return rows.sort_by([(name, "ascending") for name in spec.sort])
    numbers = _numbers(rows.select(list(spec.sort)))
    if numbers is None:
        return rows.sort_by([(name, "ascending") for name in spec.sort])
    if bool(np.all(numbers[1:] >= numbers[:-1])):
        return rows
    return rows.take(pa.array(np.argsort(numbers, kind="stable")))


def _differ(numbers: Numbers) -> bool:
    """Return True if no number is there twice."""
    ordered = np.sort(numbers)
    return bool(np.all(ordered[1:] != ordered[:-1]))


def _numbers(rows: pa.Table) -> Numbers | None:
    """Return one number for each row, in the order of the rows' values; equal rows have equal ones.

    They are compared much faster than texts. None: a value is missing, or there are too many
    combinations.
    """
    total: Numbers = np.zeros(rows.num_rows, dtype=np.int64)
    combinations = 1
    for column in rows.columns:
        if column.null_count or not (
            pa.types.is_string(column.type) or pa.types.is_integer(column.type)
        ):
            return None
        codes, count = _ranks(column)
        combinations *= count
        if combinations >= _MOST_COMBINATIONS:
            return None
        total *= count
        total += codes
    return total


def _ranks(column: pa.ChunkedArray) -> tuple[Numbers, int]:
    """Return numbers from 0 in the order of a column's values, and how many they may be."""
    if pa.types.is_integer(column.type):
        values = column.to_numpy()
        least = int(values.min(initial=_FAR))
        return values - least, max(1, int(values.max(initial=least)) - least + 1)
    encoded = column.combine_chunks().dictionary_encode()
    ranks = pc.rank(encoded.dictionary, sort_keys="ascending").to_numpy().astype(np.int64) - 1
    codes: Numbers = ranks[encoded.indices.to_numpy()]
    return codes, max(1, len(ranks))


def by_hour(spec: TableSpec, rows: pa.Table) -> Iterator[tuple[Instant, pa.Table]]:
    """Yield (start of the UTC hour, rows of that hour), ascending."""
    yield from _by_span(spec, rows, MILLIS_PER_HOUR)


def by_day(spec: TableSpec, rows: pa.Table) -> Iterator[tuple[Instant, pa.Table]]:
    """Yield (start of the UTC day, rows of that day), ascending."""
    yield from _by_span(spec, rows, MILLIS_PER_DAY)


def _by_span(spec: TableSpec, rows: pa.Table, millis: int) -> Iterator[tuple[Instant, pa.Table]]:
    if not rows.num_rows:
        return
    times = rows.column(spec.time_column).to_numpy()
    least = int(times.min())
    if least // millis == int(times.max()) // millis:
        yield Instant(least - least % millis), rows
        return
    starts = times - times % millis
    for start in np.unique(starts).tolist():
        yield Instant(start), rows.filter(pa.array(starts == start))


def within(spec: TableSpec, rows: pa.Table, start: Instant | None, end: Instant | None) -> pa.Table:
    """Return the rows whose time lies in [start, end)."""
    times = rows.column(spec.time_column)
    if start is not None:
        rows = rows.filter(pc.greater_equal(times, start))
        times = rows.column(spec.time_column)
    if end is not None:
        rows = rows.filter(pc.less(times, end))
    return rows


def joined(spec: TableSpec, tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables of the catalog's columns, one after the other, in one piece."""
    if not tables:
        return arrow_schema(spec.name).empty_table()
    return pa.concat_tables(tables).combine_chunks()


def time_range(spec: TableSpec, rows: pa.Table) -> tuple[int, int]:
    """Return the least and the greatest time of rows (0, 0 of none)."""
    if not rows.num_rows:
        return 0, 0
    found = pc.min_max(rows.column(spec.time_column)).as_py()
    return found["min"], found["max"]


def row_group_rows(names: Sequence[str], count: int) -> int:
    """Return how many rows a part of a file has.

    Files that are read one worker at a time (samples, and what is put together of them) get small
    parts, as long as they are few: a day of a worker, or its year of hours, lies in one or two.
    """
    if "worker_id" not in names or not {"worker_at", "slot_at"} & set(names):
        return _LARGE_ROWS
    small = min(_SMALL_ROWS, count // _FEW_PARTS)
    return min(_LARGE_ROWS, max(_LEAST_ROWS, small, count // _MOST_PARTS))
