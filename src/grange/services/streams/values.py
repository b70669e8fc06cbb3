"""Logged values: taken in as columns from data loggers, shown as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from grange.books.catalog.registry import table
from grange.books.catalog.schema import arrow_schema
from grange.books.questions.values import series_known, values_of
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import Instant
from grange.services.books.desk import Desk, span_of
from grange.services.books.ingest import AHEAD_MS, TOO_OLD, Ingest

MOST_VALUES = 50_000
_ABOUT_ROW_BYTES = 64
_MOST_SHOWN = 200_000
_TABLE = "stream_values"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedValues:
    """Values of one data logger. The lists are columns of one length."""

    logger: str
    names: Sequence[str]
    """Series; `series` holds places in this list."""
    series: Sequence[int]
    sources: Sequence[int]
    at: Sequence[int]
    values: Sequence[float]
    sequences: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesKept:
    """What became of values; those that were accepted are durable."""

    accepted: int
    refused: int
    message: str
    """Why some were refused; empty: none was."""


async def keep_values(
    ingest: Ingest, *, now: Instant, farm_id: str, posted: PostedValues
) -> ValuesKept:
    """Keep values; durable when this returns, repeats harmless.

    Args:
        ingest: keeps rows.
        now: the present instant.
        farm_id: whose values they are.
        posted: the values.

    Raises:
        InvalidRequestError: the columns do not fit; nothing was kept.
        ThrottledError: the journal does not keep up, or the disk is full; nothing was kept.
    """
    rows = _rows(farm_id, posted)
    times = rows.column("at").to_numpy()
    since = await ingest.taken_since(farm_id, _TABLE)
    old, ahead = times < since, times > now + AHEAD_MS
    refused = int(old.sum()) + int(ahead.sum())
    reasons = [
        reason
        for found, reason in ((old, TOO_OLD), (ahead, "lies in the future: is the clock right?"))
        if found.any()
    ]
    if refused:
        rows = rows.filter(pa.array(~(old | ahead)))
    if rows.num_rows:
        await ingest.keep(farm_id, _TABLE, rows, byte_count=rows.num_rows * _ABOUT_ROW_BYTES)
    return ValuesKept(
        accepted=rows.num_rows,
        refused=refused,
        message="; ".join(f"at {reason}" for reason in reasons),
    )


def _rows(farm_id: str, posted: PostedValues) -> Any:
    """Return columns as the table's rows.

    Raises:
        InvalidRequestError: they do not fit it.
    """
    count = len(posted.values)
    if count > MOST_VALUES:
        raise InvalidRequestError(f"Send at most {MOST_VALUES} values at once.")
    columns = {
        "series": posted.series, "sources": posted.sources, "at": posted.at,
        "sequences": posted.sequences,
    }  # fmt: skip
    for name, column in columns.items():
        if len(column) != count:
            raise _unfit(name, f"has {len(column)} items for {count} values")
    for name in (*posted.names, posted.logger):
        if not 1 <= len(name) <= 200:
            raise _unfit("names", "must have 1 to 200 characters, like logger")
    try:
        numbers = {name: np.asarray(column, dtype=np.int64) for name, column in columns.items()}
    except OverflowError as error:
        raise _unfit("at", "is larger than 64 bits") from error
    spec = table(_TABLE)
    places = numbers["series"]
    most = spec.by_name["source_index"].maximum or 0
    if count and not (places.min() >= 0 and places.max() < len(posted.names)):
        raise _unfit("series", "names no place in names")
    if count and not (numbers["sources"].min() >= 0 and numbers["sources"].max() <= most):
        raise _unfit("sources", f"must lie between 0 and {most}")
    if count and numbers["sequences"].min() < 0:
        raise _unfit("sequences", "must not be negative")
    values = np.asarray(posted.values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise _unfit("values", "must be finite numbers")
    names = pa.DictionaryArray.from_arrays(pa.array(places), pa.array(list(posted.names)))
    schema = arrow_schema(_TABLE)
    return pa.Table.from_arrays(
        [
            pa.repeat(pa.scalar(farm_id), count),
            names.cast(pa.string()) if count else pa.array([], pa.string()),
            pa.array(numbers["sources"]),
            pa.array(numbers["at"]),
            pa.array(values),
            pa.repeat(pa.scalar(posted.logger), count),
            pa.array(numbers["sequences"]),
        ],
        schema=schema,
    )


def stream_values(
    desk: Desk, *, farm_id: str, series: str, start: int, end: int, limit: int = 10_000
) -> dict[str, Any]:
    """Return the values of a series in a span as they came, oldest first, as columns."""
    if not 1 <= limit <= _MOST_SHOWN:
        raise InvalidRequestError(f"limit must lie between 1 and {_MOST_SHOWN}.")
    with desk.view(farm_id, live=False) as view:
        found = view.ask(values_of(series, span_of(start, end), limit + 1))
    rows = found.slice(0, limit)
    return {
        "series": series,
        "more": found.num_rows > limit,
        "sources": rows.column("source_index").to_pylist(),
        "at": rows.column("at").to_pylist(),
        "values": rows.column("value").to_pylist(),
    }


def stream_series(
    desk: Desk, *, farm_id: str, start: int | None = None, end: int | None = None
) -> dict[str, Any]:
    """Return each source values came of: how many, the first, the last, and when."""
    with desk.view(farm_id, live=False) as view:
        found = view.ask(
            series_known(
                None if start is None else Instant(start), None if end is None else Instant(end)
            )
        )
    return {"series": found.to_pylist()}


def _unfit(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {"stream_values": stream_values, "stream_series": stream_series}
