"""Rows of rollups over a span: what was rolled up, and what is not yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import FACT_TABLES
from grange.books.catalog.schema import conformed
from grange.books.questions.reach import actions_named, earlier_successes
from grange.books.rows import joined, within
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.reach import Reach
from grange.services.books.rolling import batches, hours_of, rolled, rolled_until
from grange.services.books.shelf import View, reaches


def rows_over(view: View, spec: TableSpec, span: Span) -> pa.Table:
    """Return a rollup's rows over a span: from files, and computed where there are none yet."""
    return tables_over(view, (spec,), span)[spec.name]


def tables_over(view: View, specs: Sequence[TableSpec], span: Span) -> Mapping[str, pa.Table]:
    """Return the rows of several rollups over a span, by table."""
    hours = unsettled_hours(view, specs, span)
    settled = {
        spec.name: [
            _without(spec, conformed(spec, view.blocks.read(row.path)), hours)
            for row in view.files.get(spec.name, ())
            if reaches(row, span)
        ]
        for spec in specs
    }
    fresh = computed(view, specs, hours)
    return {
        spec.name: within(
            spec, joined(spec, [*settled[spec.name], fresh[spec.name]]), span.start, span.end
        )
        for spec in specs
    }


def computed(
    view: View, specs: Sequence[TableSpec], hours: Iterable[Instant]
) -> Mapping[str, pa.Table]:
    """Return the rows of some hours, computed from the facts."""
    names = frozenset(spec.name for spec in specs)
    found: dict[str, list[pa.Table]] = {name: [] for name in names}
    for part in batches(view, hours):
        for name, rows in rolled(view, part, names).items():
            found[name].append(rows)
    return {spec.name: joined(spec, found[spec.name]) for spec in specs}


def unsettled_hours(view: View, specs: Sequence[TableSpec], span: Span) -> frozenset[Instant]:
    """Return the hours of a span that no rollup tells of, or that unsealed facts reach into.

    What is still going on is such a fact: an attempt that began yesterday changes yesterday.
    """
    reach = Reach()
    for spec in (spec for spec in FACT_TABLES if not spec.apart):
        for rows in (view.fresh.rows(spec.name), view.going.get(spec.name)):
            if rows is not None and rows.num_rows:
                reach.add(spec, rows)
    files = [row for rows in view.files.values() for row in rows]
    begin = rolled_until(files, view.farm_id)
    if begin is None:
        begin = min(reach.hours, default=view.now)
    if reach.lasting_from is not None:
        begin = min(begin, reach.lasting_from)
    if reach.again:
        reach.hours.update(_hours(view.ask(earlier_successes(sorted(reach.again)))))
    if reach.framed:
        reach.hours.update(_hours(view.ask(actions_named(sorted(reach.framed)))))
    known_from = min(view.retention.computed_since(spec, view.now) for spec in specs)
    end = min(span.end, view.now)
    first = max(span.start, begin, known_from)
    return frozenset(hours_of(first, end - 1)) | frozenset(
        hour
        for hour in reach.hours
        if hour < end and hour + MILLIS_PER_HOUR > span.start and hour >= known_from
    )


def _hours(found: pa.Table) -> Iterator[Instant]:
    for row in found.to_pylist():
        yield from hours_of(row["start_at"], row["end_at"])


def _without(spec: TableSpec, rows: pa.Table, hours: frozenset[Instant]) -> pa.Table:
    times = rows.column(spec.time_column).to_numpy()
    gone = np.isin(times - times % MILLIS_PER_HOUR, np.array(sorted(hours), dtype=np.int64))
    return rows.filter(pa.array(~gone)) if gone.any() else rows
