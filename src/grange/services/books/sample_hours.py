"""Samples of workers over a long time: from rollups of hours where they hold, else from samples.

Both are put together by the same arithmetic, so the answer is the same either way.
"""

import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.rollup_tables import WORKER_HOURS
from grange.books.catalog.schema import arrow_schema
from grange.books.catalog.telemetry_tables import WORKER_SAMPLES
from grange.books.questions.slots import samples_by_slot
from grange.books.questions.views import worker_hours
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.rolling import rolled_until
from grange.services.books.shelf import View
from grange.services.books.worker_slots import hours_of_worker

HOURLY_MS = 2 * MILLIS_PER_HOUR
"""Slots of this width and wider are put together from hours."""


def samples_by_hours(view: View, span: Span, step_ms: int, worker_id: str | None) -> pa.Table:
    """Return samples in slots of whole hours.

    Args:
        view: the books.
        span: what is asked about.
        step_ms: width of a slot, whole hours.
        worker_id: None: every worker.
    """
    first = Instant(-(-span.start // MILLIS_PER_HOUR) * MILLIS_PER_HOUR)
    last = Instant(span.end - span.end % MILLIS_PER_HOUR)
    last = Instant(max(first, min(last, rolled_samples_until(view))))
    beyond = [
        part
        for part in (Span(span.start, min(first, span.end)), Span(last, span.end))
        if part.millis
    ]
    if worker_id is not None:
        own = hours_of_worker(view, Span(first, last), step_ms, worker_id, beyond)
        if own is not None:
            return own
    ends = [_of(worker_id, view.ask(samples_by_slot(part, MILLIS_PER_HOUR))) for part in beyond]
    empty = arrow_schema(WORKER_HOURS.name).empty_table()
    more = pa.concat_tables([empty, *(part.cast(empty.schema) for part in ends)])
    return view.ask(worker_hours(Span(first, last), step_ms, worker_id, more))


def rolled_samples_until(view: View) -> Instant:
    """Return the end of the hours that rollups hold and no unsealed sample reaches into."""
    until = rolled_until((row for rows in view.files.values() for row in rows), view.farm_id)
    if until is None:
        return Instant(0)
    earliest = view.fresh.earliest(WORKER_SAMPLES)
    if earliest is not None:
        # A sample lies in the hour that its end lies in; an end on a border: in the hour before.
        until = Instant(min(until, earliest - 1 - (earliest - 1) % MILLIS_PER_HOUR))
    return until


def _of(worker_id: str | None, rows: pa.Table) -> pa.Table:
    if worker_id is None:
        return rows
    return rows.filter(pc.equal(rows.column("worker_id"), worker_id))
