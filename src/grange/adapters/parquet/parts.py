"""The parts of a Parquet file (its row groups), and what they hold of some workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grange.kernel.intervals import Span

_THREADS_FROM_ROWS = 100_000
"""Fewer rows are read sooner without waiting for another thread."""
_RUNS_KEPT = 1_000
"""Where workers begin is remembered of parts with so many of them."""
_CODED = frozenset({"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"})
"""Encodings of texts that can be read as codes."""
_EXACT = ("INT64", "BOOLEAN")
"""Of such columns the bounds are values that are there."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a part says of one of its columns."""

    least: Any
    most: Any
    """Both None: it does not say."""
    nulls: int | None
    exact: bool

    def meets(self, least: Any, most: Any) -> bool:
        """Return whether values between two may be there."""
        return self.least is None or (self.least <= most and self.most >= least)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Where the rows of each worker begin in a part that is sorted by worker, and when they are.

    What the end of a file says of times is of all workers: of a part in which one ends and the next
    begins it says nothing of either.
    """

    workers: pa.Array
    begins: npt.NDArray[np.int64]
    """One for each worker, and the end of the last one."""
    least: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]

    def places(self, worker_ids: pa.Array, span: Span) -> npt.NDArray[np.int64]:
        """Return where rows of some workers are, of those that may have any in a span."""
        found = pc.index_in(worker_ids, value_set=self.workers).drop_null().to_numpy()
        numbers = np.sort(found)
        numbers = numbers[(self.least[numbers] < span.end) & (self.most[numbers] >= span.start)]
        runs = [np.arange(self.begins[n], self.begins[n + 1]) for n in numbers.tolist()]
        return runs[0] if len(runs) == 1 else np.concatenate([np.zeros(0, np.int64), *runs])


class FileParts:
    """The end of a file, and what is known of its parts. It never changes, as the file."""

    def __init__(self, metadata: pq.FileMetaData) -> None:
        """Look at nothing yet; the end of a file may name thousands of columns of parts."""
        self.metadata = metadata
        self._numbers = {
            metadata.schema.column(number).path.partition(".")[0]: number
            for number in range(metadata.num_columns)
        }
        self._schema = metadata.schema.to_arrow_schema()
        self._codes: dict[str, bool] = {}
        self._bounds: dict[tuple[int, str], _Bounds] = {}
        self._runs: dict[tuple[int, str], _Runs] = {}
        self._alike: dict[tuple[int, str], pa.Scalar | None] = {}

    def known(self, columns: Sequence[str]) -> list[str]:
        """Return those of some columns that the file has."""
        return [name for name in columns if name in self._numbers]

    def groups_of(self, worker_ids: Sequence[str], time_column: str, span: Span) -> list[int]:
        """Return the parts that may hold rows of any of some workers in a span."""
        return [
            group
            for group in range(self.metadata.num_row_groups)
            if any(self._bound(group, "worker_id").meets(one, one) for one in worker_ids)
            and self._bound(group, time_column).meets(span.start, span.end - 1)
        ]

    def coded(self, columns: Sequence[str]) -> list[str]:
        """Return those of some columns whose texts can be read as codes in every part.

        The query engine writes texts in a row where few are alike: those cannot.
        """
        return [name for name in columns if self._has_codes(name)]

    def empty(self, columns: Sequence[str]) -> pa.Table:
        """Return no rows of some columns."""
        return pa.schema([self._schema.field(name) for name in columns]).empty_table()

    def rows(
        self,
        file: pq.ParquetFile,
        group: int,
        columns: Sequence[str],
        *,
        worker_ids: Sequence[str],
        time_column: str,
        span: Span,
    ) -> pa.Table | None:
        """Return some workers' rows of a span in one part; None: it holds none.

        Columns of which every value is known from the end of the file are not read.

        Args:
            file: the file.
            group: number of the part.
            columns: of those the file has.
            worker_ids: whose.
            time_column: what the span is of.
            span: when.
        """
        own = self._own(file, group, worker_ids, time_column, span)
        if not len(own):
            return None
        alone = worker_ids[0] if len(worker_ids) == 1 else None
        fixed = {name: self._fixed(group, name, alone) for name in columns}
        names = [name for name in columns if fixed[name] is None and name != time_column]
        rows = _chosen(self._read(file, group, [*names, time_column]), own)
        times = rows.column(time_column).to_numpy()
        rows = _chosen(rows, np.flatnonzero((times >= span.start) & (times < span.end)))
        found = []
        for name in columns:
            value, kind = fixed[name], self._schema.field(name).type
            if value is not None:
                found.append(pa.repeat(value, rows.num_rows))
                continue
            column = rows.column(name)
            found.append(column if column.type == kind else column.cast(kind))
        return pa.table(found, names=list(columns))

    def _fixed(self, group: int, name: str, worker_id: str | None) -> pa.Scalar | None:
        """Return the one value that all rows have; None if it must be read.

        Args:
            group: number of the part.
            name: of the column.
            worker_id: the worker whose the rows are; None: of several.
        """
        if name == "worker_id" and worker_id is not None:
            return pa.scalar(worker_id, self._schema.field(name).type)
        if (group, name) not in self._alike:
            self._alike[group, name] = self._one_value(group, name)
        return self._alike[group, name]

    def _one_value(self, group: int, name: str) -> pa.Scalar | None:
        kind = self._schema.field(name).type
        bounds = self._bound(group, name)
        if bounds.nulls == self.metadata.row_group(group).num_rows:
            return pa.scalar(None, kind)
        if bounds.exact and bounds.nulls == 0 and bounds.least == bounds.most is not None:
            return pa.scalar(bounds.least, kind)
        return None

    def _own(
        self,
        file: pq.ParquetFile,
        group: int,
        worker_ids: Sequence[str],
        time_column: str,
        span: Span,
    ) -> npt.NDArray[np.int64]:
        """Return the places of some workers' rows in a part, ascending.

        Those of workers that have none in a span are left out where that is known.
        """
        wanted = pa.array(worker_ids, pa.string())
        runs = self._runs.get((group, time_column))
        if runs is not None:
            return runs.places(wanted, span)
        rows = self._read(file, group, ["worker_id", time_column])
        column = rows.column("worker_id").combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        codes = column.indices.to_numpy(zero_copy_only=False)
        changes = np.flatnonzero(codes[1:] != codes[:-1]) + 1
        begins = np.concatenate([[0], changes, [len(codes)]])
        workers = column.dictionary.take(pa.array(codes[begins[:-1]]))
        if len(workers) != len(column.dictionary):  # not sorted
            numbers = pc.index_in(wanted, value_set=column.dictionary).drop_null().to_numpy()
            return np.flatnonzero(np.isin(codes, numbers))
        times = rows.column(time_column).to_numpy()
        least, most = (ufunc.reduceat(times, begins[:-1]) for ufunc in (np.minimum, np.maximum))
        runs = _Runs(workers, begins, least, most)
        if len(workers) <= _RUNS_KEPT:
            self._runs[group, time_column] = runs
        return runs.places(wanted, span)

    def _read(self, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> pa.Table:
        many = self.metadata.row_group(group).num_rows >= _THREADS_FROM_ROWS
        return file.read_row_group(group, list(columns), use_threads=many)

    def _has_codes(self, name: str) -> bool:
        found = self._codes.get(name)
        if found is None:
            number = self._numbers[name]
            found = self._schema.field(name).type == pa.string() and all(
                _CODED.issuperset(self.metadata.row_group(group).column(number).encodings)
                for group in range(self.metadata.num_row_groups)
            )
            self._codes[name] = found
        return found

    def _bound(self, group: int, name: str) -> _Bounds:
        found = self._bounds.get((group, name))
        if found is None:
            found = _bounds(self.metadata.row_group(group).column(self._numbers[name]).statistics)
            self._bounds[group, name] = found
        return found


def _bounds(said: Any) -> _Bounds:
    if said is None:
        return _Bounds(None, None, None, False)
    least, most = (said.min, said.max) if said.has_min_max else (None, None)
    nulls = said.null_count if said.has_null_count else None
    return _Bounds(least, most, nulls, said.physical_type in _EXACT)


def _chosen(rows: pa.Table, places: npt.NDArray[np.int64]) -> pa.Table:
    """Return rows by their places, ascending; neighbours are not copied."""
    if not len(places):
        return rows.slice(0, 0)
    first, last = int(places[0]), int(places[-1])
    if last - first + 1 == len(places):
        return rows.slice(first, len(places))
    return rows.take(pa.array(places))
