"""Lines that were collected again take the place of what a stream had."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.schema import arrow_schema
from grange.books.catalog.stream_tables import LOG_LINES
from grange.books.streams.questions import hours
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import FarmId
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.replacing import Replacer
from grange.services.books.shelf import View
from grange.services.streams.lines import decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlace:
    """One stream of one machine of a farm."""

    farm_id: str
    stream: str
    kind: str
    machine: str

    def holds(self, rows: Any) -> Any:
        """Return which lines are its own."""
        found = pc.equal(rows.column("stream"), self.stream)
        for name, value in (("kind", self.kind), ("machine", self.machine)):
            found = pc.and_(found, pc.equal(rows.column(name), value))
        return found


def replace_lines(
    replacer: Replacer, place: StreamPlace, span: Span, body: bytes, *, now: Instant
) -> dict[str, Any]:
    """Put lines in the place of all that a stream of a machine has in a span.

    Args:
        replacer: replaces intervals; the caller holds the sealer's lock.
        place: whose lines are replaced.
        span: from when until when; the hours it lies in are written anew.
        body: the lines, as an Arrow stream.
        now: the present instant.

    Raises:
        InvalidRequestError: a line does not fit, is another stream's, or lies outside.
    """
    rows = decoded(FarmId(place.farm_id), body)
    strange = rows.num_rows - (pc.sum(place.holds(rows)).as_py() or 0)
    at = rows.column("at")
    outside = rows.filter(pc.or_(pc.less(at, span.start), pc.greater_equal(at, span.end))).num_rows
    if strange or outside:
        raise InvalidRequestError("The lines are another stream's, or lie outside the span.")
    whole = Span(
        Instant(span.start - span.start % MILLIS_PER_HOUR),
        Instant(-(-span.end // MILLIS_PER_HOUR) * MILLIS_PER_HOUR),
    )

    def keep(held: pa.Table) -> pa.Table:
        at = held.column("at")
        inside = pc.and_(pc.greater_equal(at, span.start), pc.less(at, span.end))
        return held.filter(pc.invert(pc.and_(inside, place.holds(held))))

    found = replacer.replace(place.farm_id, LOG_LINES.name, whole, rows, now=now, keep=keep)
    return {
        "changed": found.changed,
        "rows_before": found.rows_before,
        "rows_after": found.rows_after,
    }


def prune_lines(
    replacer: Replacer, view: View, until: Instant, *, now: Instant, dry_run: bool
) -> dict[str, Any]:
    """Delete the lines before the hour of an instant; return what that is.

    Args:
        replacer: replaces intervals; the caller holds the sealer's lock.
        view: the books as they are.
        until: from this hour on lines stay.
        now: the present instant.
        dry_run: change nothing.
    """
    end = Instant(until - until % MILLIS_PER_HOUR)
    rows = view.ask(hours(Span(Instant(0), end), stream=None, kind=None, machine=None)).to_pylist()
    first = min((row["start_at"] for row in rows), default=None)
    if first is not None and not dry_run:
        nothing = arrow_schema(LOG_LINES.name).empty_table()
        replacer.replace(view.farm_id, LOG_LINES.name, Span(Instant(first), end), nothing, now=now)
    return {
        "hours": len(rows),
        "lines": sum(row["lines"] for row in rows),
        "first_at": first,
        "dry_run": dry_run,
    }
