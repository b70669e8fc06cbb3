"""Sums of sessions by bucket and two attributes, reckoned part by part of files.

The answers are those of `statistics` and `begun` in `books.questions.usage`, which say what the
columns mean. Nothing is kept but the sums, and no text is compared: files code texts as numbers.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from grange.books.aggregation import COLUMNS, Aggregation, GroupBy
from grange.books.catalog.schema import arrow_schema
from grange.books.catalog.work_tables import SESSIONS
from grange.books.questions.model import Need
from grange.books.questions.sql import SMALL_RATE
from grange.books.questions.usage import places_of
from grange.books.rows import within, without_keys
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.query import too_late
from grange.services.books.shelf import View, near_copies, reaches

_MOST_CELLS = 2_000_000
"""More buckets × groups are left to the query engine, which can spill to the disk."""
_MOST_CODES = 1_000_000
_LARGEST = 2**62
_EXACT = 2**53
"""Sums up to this are right when they are reckoned in floating point, too."""
_BITS = 31
"""A text's number has fewer."""
_HALF = MILLIS_PER_HOUR // 2

Ints = npt.NDArray[np.int64]


def statistics_of(
    view: View,
    request: Aggregation,
    buckets: Sequence[Span],
    until: Instant,
    most_rows: int,
    *,
    timeout_seconds: float | None = None,
) -> pa.Table | None:
    """Return the answer of `statistics` without licences and exchange; None: ask that question.

    Args:
        view: the books.
        request: what was asked.
        buckets: neighbouring spans, ascending.
        until: time after it is not counted.
        most_rows: one more than this many rows is too many.
        timeout_seconds: how long it may take.

    Raises:
        TooLargeError: it took longer.
    """
    if not buckets or GroupBy.JOB_ID in request.group_by:
        return None
    groups = [column for group in request.group_by if (column := COLUMNS[group]) is not None]
    sums = _Sums(buckets, groups, with_cost=True)
    wanted = set(request.resource_ids)
    columns = list(dict.fromkeys([*groups, request.resource_column]))
    need = Need(table=SESSIONS.name, start=request.span.start, live=True)
    for rows in _parts(view, need, [*_TIMES, "billionths_per_hour", *columns], timeout_seconds):
        if not sums.cut(_among(rows, request.resource_column, wanted), until):
            return None
    return sums.table().slice(0, most_rows + 1)


def sessions_begun(
    view: View, span: Span, buckets: Sequence[Span], columns: Sequence[str]
) -> pa.Table | None:
    """Return the answer of `begun`; None: ask that question.

    Args:
        view: the books.
        span: when the sessions began.
        buckets: neighbouring spans that cover it, ascending.
        columns: one or two to group by.
    """
    sums = _Sums(buckets, columns, with_cost=False)
    need = Need(table=SESSIONS.name, start=span.start)
    for rows in _parts(view, need, [*_TIMES, *columns], None):
        if not sums.whole(rows, span):
            return None
    measures = ["sessions", "runtime_sum", "runtime_min", "runtime_max"]
    return sums.table().select(["start_at", *columns, *measures])


_TIMES = ("started_at", "ended_at")


def _parts(
    view: View, need: Need, columns: Sequence[str], timeout_seconds: float | None
) -> Iterator[pa.Table]:
    """Yield the rows of a table of sessions, each once; texts are coded."""
    with _deadline(timeout_seconds) as check:
        files = view.files_for(need)
        for rows in _ahead(
            part for row in files for part in view.blocks.read_parts(row.path, columns)
        ):
            check()
            yield _typed(rows)
        fresh = view.rows_for(need)
        if fresh.num_rows:
            yield _not_in_files(view, files, fresh).select(list(columns))
        check()


def _ahead(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield parts, while another thread reads the next one: neither needs Python for long."""
    with ThreadPoolExecutor(1, thread_name_prefix="books-parts") as reader:
        coming = reader.submit(next, parts, None)
        while (rows := coming.result()) is not None:
            coming = reader.submit(next, parts, None)
            yield rows


@contextmanager
def _deadline(timeout_seconds: float | None) -> Iterator[Callable[[], None]]:
    """Hand out what refuses to go on once the time is over."""
    if timeout_seconds is None:
        yield lambda: None
        return
    late = threading.Event()

    def check() -> None:
        if late.is_set():
            raise too_late(timeout_seconds)

    if timeout_seconds <= 0:
        late.set()
    timer = threading.Timer(timeout_seconds, late.set)
    timer.daemon = True
    timer.start()
    try:
        yield check
    finally:
        timer.cancel()


def _typed(rows: pa.Table) -> pa.Table:
    """Return rows whose columns have types, those too that a file does not know."""
    for number, field in enumerate(rows.schema):
        if pa.types.is_null(field.type):
            kind = arrow_schema(SESSIONS.name).field(field.name).type
            rows = rows.set_column(number, field.name, pa.nulls(rows.num_rows, kind))
    return rows


def _not_in_files(view: View, files: Sequence[Any], fresh: pa.Table) -> pa.Table:
    """Return rows whose copy no file has: the copy in the file counts."""
    near = near_copies(SESSIONS, fresh)
    names = [*SESSIONS.key, SESSIONS.time_column]
    for row in files:
        if reaches(row, near):
            known = within(SESSIONS, view.blocks.read(row.path, names), near.start, near.end)
            fresh = without_keys(SESSIONS, fresh, known)
    return fresh


class _Sums:
    """Sums by bucket and by the values of one or two columns."""

    def __init__(self, buckets: Sequence[Span], columns: Sequence[str], *, with_cost: bool) -> None:
        places = places_of(buckets)
        self._columns = list(columns)
        self._with_cost = with_cost
        self._starts = np.array([bucket.start for bucket in buckets], dtype=np.int64)
        self._ends = np.array([bucket.end for bucket in buckets], dtype=np.int64)
        self._width, self._first = places.width_ms, places.first
        self._bucket = np.searchsorted(self._starts, np.array(places.starts, dtype=np.int64))
        self._texts: list[dict[str | None, int]] = [{} for _ in columns]
        self._groups: dict[int, int] = {}
        """Number of each group, by the numbers of its texts."""
        self._runtime = _Measure(len(buckets))
        self._cost = _Measure(len(buckets))

    def whole(self, rows: pa.Table, span: Span) -> bool:
        """Add sessions that began in a span, each to the bucket it began in.

        Returns:
            False if there are too many groups, or sums are too large.
        """
        started, ended = (rows.column(name).to_numpy() for name in _TIMES)
        inside = (started >= span.start) & (started < span.end)
        group = self._group_of(rows)
        if group is None:
            return False
        place = started // self._width - self._first
        inside &= (place >= 0) & (place < len(self._bucket))
        if not inside.all():
            group, place = group[inside], place[inside]
            started, ended = started[inside], ended[inside]
        self._runtime.add(group, self._bucket[place], ended - started)
        return self._runtime.fits

    def cut(self, rows: pa.Table, until: Instant) -> bool:
        """Add sessions to every bucket they reach into.

        Returns:
            False if there are too many groups, or sums are too large.
        """
        started, ended = (rows.column(name).to_numpy() for name in _TIMES)
        group = self._group_of(rows)
        if group is None:
            return False
        place = np.maximum(started, self._starts[0]) // self._width - self._first
        inside = place < len(self._bucket)
        rates = rows.column("billionths_per_hour")
        known = rate = None
        if rates.null_count < len(rates):
            known, rate = rates.is_valid().to_numpy(), rates.fill_null(0).to_numpy()
            if not _small(rate, ended - started):
                return False
        if not inside.all():
            group, place, started, ended, known, rate = _some(
                inside, group, place, started, ended, known, rate
            )
        bucket = self._bucket[place]
        while len(bucket):
            last = self._ends[bucket]
            start = np.maximum(started, self._starts[bucket])
            end = np.minimum(np.minimum(ended, last), until)
            real = end > start
            of = slice(None) if real.all() else real
            self._runtime.add(group[of], bucket[of], (end - start)[of])
            if known is not None and rate is not None:
                real &= known
                of = slice(None) if real.all() else real
                cost = _amount(rate[of], (end - started)[of])
                cost -= _amount(rate[of], (start - started)[of])
                self._cost.add(group[of], bucket[of], cost)
            beyond = np.flatnonzero((ended > last) & (bucket + 1 < len(self._starts)))
            group, bucket, started, ended, known, rate = _some(
                beyond, group, bucket + 1, started, ended, known, rate
            )
        return self._runtime.fits and self._cost.fits

    def table(self) -> pa.Table:
        """Return the answer in its order."""
        texts = [list(known) for known in self._texts]
        named = {
            tuple(listed[(key >> _BITS * n) & (2**_BITS - 1)] for n, listed in enumerate(texts)): at
            for key, at in self._groups.items()
        }
        listed = sorted(named, key=lambda key: [(text is None, text or "") for text in key])
        order = np.array([named[key] for key in listed], dtype=np.int64)
        bucket, place = self._runtime.cells(order)
        group = order[place]
        found: dict[str, Any] = {
            "start_at": pa.array(self._starts[bucket]),
            "end_at": pa.array(self._ends[bucket]),
        }
        for number, name in enumerate(self._columns):
            own = pa.array([key[number] for key in listed], pa.string())
            found[name] = own.take(pa.array(place))
        runtime = self._runtime.told(group, bucket)
        found["sessions"] = runtime["count"]
        found |= {f"runtime_{name}": values for name, values in runtime.items()}
        if self._with_cost:
            cost = self._cost.told(group, bucket)
            found |= {f"cost_{name}": values for name, values in cost.items()}
        return pa.table(found)

    def _group_of(self, rows: pa.Table) -> Ints | None:
        """Return the number of each row's group; None if there are too many."""
        codes: Ints = np.zeros(rows.num_rows, dtype=np.int64)
        keys: Ints = np.zeros(1, dtype=np.int64)
        for number, name in enumerate(self._columns):
            own, listed = _coded(rows.column(name))
            if len(keys) * len(listed) > _MOST_CODES:
                return None
            known = self._texts[number]
            named = [known.setdefault(text, len(known)) for text in listed]
            keys = np.add.outer(keys, np.array(named, dtype=np.int64) << _BITS * number).ravel()
            codes = own if not number else codes * len(listed) + own
        there = np.flatnonzero(np.bincount(codes, minlength=len(keys)))
        numbers = np.zeros(len(keys), dtype=np.int64)
        numbers[there] = self._numbered(keys[there].tolist())
        if len(self._groups) * len(self._starts) > _MOST_CELLS:
            return None
        self._runtime.grow(len(self._groups))
        if self._with_cost:
            self._cost.grow(len(self._groups))
        return numbers[codes]

    def _numbered(self, keys: list[int]) -> list[int]:
        """Return the numbers of groups; those that are new are given the next ones."""
        if not self._groups.keys() >= set(keys):
            for key in keys:
                self._groups.setdefault(key, len(self._groups))
        return list(map(self._groups.__getitem__, keys))


class _Measure:
    """Count, sum, least and most by group and bucket."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._values = {name: np.full((0, width), empty) for name, empty in _EMPTY.items()}
        self._most = 0
        self.fits = True
        """Whether every sum surely is right."""

    def grow(self, groups: int) -> None:
        """Make room for groups."""
        for name, values in self._values.items():
            if len(values) < groups:
                more = max(groups, 2 * len(values)) - len(values)
                empty = np.full((more, self._width), _EMPTY[name])
                self._values[name] = np.concatenate([values, empty])

    def add(self, group: Ints, bucket: Ints, values: Ints) -> None:
        """Add values."""
        if not len(values):
            return
        most = max(int(values.max()), -int(values.min())) * len(values)
        self._most += most
        self.fits = self._most < _LARGEST
        first, past = int(bucket.min()), int(bucket.max()) + 1
        width, groups = past - first, int(group.max()) + 1
        size = groups * width
        if size > len(values) or most > _EXACT:
            for name, ufunc in _PUT_TOGETHER.items():
                ufunc.at(self._values[name], (group, bucket), 1 if name == "count" else values)
            return
        # The rows of a part lie in few buckets: their sums, which stay near, are reckoned first.
        cells = group * width + (bucket - first)
        least, most_of = np.full(size, _EMPTY["min"]), np.full(size, _EMPTY["max"])
        np.minimum.at(least, cells, values)
        np.maximum.at(most_of, cells, values)
        own = {
            "count": np.bincount(cells, minlength=size),
            "sum": np.bincount(cells, values, minlength=size).astype(np.int64),
            "min": least,
            "max": most_of,
        }
        for name, ufunc in _PUT_TOGETHER.items():
            place = self._values[name][:groups, first:past]
            ufunc(place, own[name].reshape(groups, width), out=place)

    def cells(self, order: Ints) -> tuple[Ints, Ints]:
        """Return bucket and place in an order of groups of every cell that has values, sorted."""
        bucket, place = np.nonzero(self._values["count"][order].T)
        return bucket, place

    def told(self, group: Ints, bucket: Ints) -> Mapping[str, pa.Array]:
        """Return the measures of cells; null, but for the count, where there is no value."""
        count = self._values["count"][group, bucket]
        return {
            name: pa.array(
                values[group, bucket], mask=None if name == "count" or count.all() else count == 0
            )
            for name, values in self._values.items()
        }


_EMPTY = {
    "count": 0,
    "sum": 0,
    "min": np.iinfo(np.int64).max,
    "max": np.iinfo(np.int64).min,
}
_PUT_TOGETHER = {"count": np.add, "sum": np.add, "min": np.minimum, "max": np.maximum}


def _coded(column: pa.ChunkedArray) -> tuple[Ints, list[str | None]]:
    """Return a number for each row, and the texts they stand for; the last one is: none."""
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    one = whole.combine_chunks()
    one = one if pa.types.is_dictionary(one.type) else one.dictionary_encode()
    listed: list[str | None] = [*one.dictionary.to_pylist(), None]
    codes = one.indices.fill_null(len(listed) - 1) if one.null_count else one.indices
    return codes.to_numpy().astype(np.int64), listed


def _among(rows: pa.Table, name: str, wanted: set[str]) -> pa.Table:
    """Return the rows of which a column has one of some texts."""
    codes, listed = _coded(rows.column(name))
    chosen = np.array([text in wanted for text in listed])
    if chosen[:-1].all() and not rows.column(name).null_count:
        return rows
    return rows.filter(pa.array(chosen[codes]))


def _some(chosen: Any, *columns: Any) -> list[Any]:
    """Return some rows of columns, of which some may be unknown."""
    return [None if values is None else values[chosen] for values in columns]


def _small(rate: Ints, elapsed: Ints) -> bool:
    """Return whether prices of such times are reckoned in 64 bits."""
    if not len(rate):
        return True
    most = int(rate.max())
    return most <= SMALL_RATE and most * (int(elapsed.max()) // MILLIS_PER_HOUR + 2) < _LARGEST


def _amount(rate: Ints, elapsed: Ints) -> Ints:
    """Return rate × time per hour, rounded half to even: `domain.rates.amount_after`."""
    hours, rest = np.divmod(elapsed, MILLIS_PER_HOUR)
    part, left = np.divmod(rate * rest, MILLIS_PER_HOUR)
    whole: Ints = rate * hours + part
    whole += (left > _HALF) | ((left == _HALF) & (whole % 2 == 1))
    return whole
