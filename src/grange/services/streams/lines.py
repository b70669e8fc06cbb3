"""Log lines from collectors: checked in columns, durable before they are acknowledged."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.model import Kind
from grange.books.catalog.rows import LONGEST_TEXT, fact_row
from grange.books.catalog.schema import arrow_schema
from grange.books.catalog.stream_tables import LOG_LINES
from grange.books.retention import Retention
from grange.domain.facts import EventFact
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.services.books.ingest import AHEAD_MS, LATE, Ingest

MOST_ROWS = 200_000
KINDS = ("rx", "tx", "other")
_TABLE = LOG_LINES.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesKept:
    """What became of lines."""

    accepted: int
    refused: int
    """Older than lines are kept, or ahead of the server's clock."""


async def keep_lines(
    ingest: Ingest, *, farm_id: FarmId, retention: Retention, now: Instant, body: bytes
) -> LinesKept:
    """Keep lines; durable when this returns, repeats harmless.

    Args:
        ingest: keeps rows.
        farm_id: whose lines they are.
        retention: how long the farm keeps what.
        now: the present instant.
        body: an Arrow stream with the columns of the table, save the farm.

    Raises:
        InvalidRequestError: it is none, or a column does not fit; nothing was kept.
        ThrottledError: the journal does not keep up; nothing was kept.
    """
    rows = decoded(farm_id, body)
    at = rows.column("at")
    since = retention.taken_since(LOG_LINES, now)
    old, ahead = pc.less(at, since), pc.greater(at, now + AHEAD_MS)
    good = rows.filter(pc.invert(pc.or_(old, ahead)))
    late = rows.filter(old)
    if late.num_rows:
        event = _late_event(farm_id, late, now)
        await ingest.keep(farm_id, event[0], [event[1]], byte_count=500)
    if good.num_rows:
        await ingest.keep(farm_id, _TABLE, good, byte_count=good.nbytes)
    return LinesKept(accepted=good.num_rows, refused=rows.num_rows - good.num_rows)


def decoded(farm_id: str, body: bytes) -> Any:
    """Return lines as a table of the catalog.

    Raises:
        InvalidRequestError: they are none, or a column does not fit.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            found = reader.read_all()
            found.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InvalidRequestError(
            f"The body is no Arrow stream: {error}", reason="CANNOT_PARSE"
        ) from error
    if found.num_rows > MOST_ROWS:
        raise InvalidRequestError(f"Send at most {MOST_ROWS} lines at once.")
    strange = set(found.column_names) - set(LOG_LINES.column_names)
    if strange or "farm_id" in found.column_names:
        raise _unfit(min(strange, default="farm_id"), "is not a column that may be sent")
    if len(set(found.column_names)) != len(found.column_names):
        raise _unfit("", "a column is there twice")
    schema = arrow_schema(_TABLE)
    arrays = []
    for column in LOG_LINES.columns:
        kind = schema.field(column.name).type
        if column.name == "farm_id":
            arrays.append(pa.repeat(pa.scalar(farm_id), found.num_rows))
            continue
        if column.name not in found.column_names:
            if not column.nullable:
                raise _unfit(column.name, "is missing")
            arrays.append(pa.nulls(found.num_rows, type=kind))
            continue
        values = found.column(column.name)
        _check(column, values, kind)
        arrays.append(values)
    rows = pa.Table.from_arrays(arrays, schema=schema)
    if not set(pc.unique(rows.column("kind")).to_pylist()) <= set(KINDS):
        raise _unfit("kind", f"must be one of {', '.join(KINDS)}")
    return rows


def _check(column: Any, values: Any, kind: Any) -> None:
    if values.type != kind:
        raise _unfit(column.name, f"must be {kind}")
    if values.null_count and not column.nullable:
        raise _unfit(column.name, "may not be null")
    if column.kind is Kind.INT and column.minimum is not None:
        least = pc.min(values).as_py()
        if least is not None and least < column.minimum:
            raise _unfit(column.name, f"must be at least {column.minimum}")
    if column.kind is Kind.TEXT:
        longest = pc.max(pc.utf8_length(values)).as_py()
        if longest is not None and longest > LONGEST_TEXT:
            raise _unfit(column.name, f"is longer than {LONGEST_TEXT} characters")


def _unfit(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Lines do not fit table {_TABLE}: {name} {message}.",
        fields=[FieldProblem(f"{_TABLE}.{name}", message)],
    )


def _late_event(farm_id: FarmId, late: Any, now: Instant) -> tuple[str, Mapping[str, Any]]:
    """Return the event that counts lines refused as too old; the same lines give the same event."""
    machine = late.column("machine")[0].as_py()
    told = sha256(farm_id.encode())
    for name in LOG_LINES.key:
        told.update("\n".join(map(str, late.column(name).to_pylist())).encode())
    return fact_row(
        EventFact(
            farm_id=farm_id, event_id=f"event-{told.hexdigest()[:32]}", at=now, subject="machine",
            subject_id=machine, name=LATE, new=_TABLE, number=late.num_rows,
        )
    )  # fmt: skip
