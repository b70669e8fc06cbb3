"""Rollups: minutes, hours and quarters computed from sealed facts.

What is stored depends on sealed facts only, so it can be computed again with the same result. Facts
that are not sealed yet are added where a question is answered, by the same functions.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import ROLLUP_TABLES, TABLES
from grange.books.catalog.rollup_tables import (
    ACCOUNT_HOURS,
    GROUP_SLOTS,
    JOB_SLOTS,
    WORKER_HOURS,
    WORKER_MINUTES,
)
from grange.books.catalog.schema import arrow_schema, arrow_table, conformed
from grange.books.manifest import Form, Grain, file_path, grain_span
from grange.books.questions.model import Question
from grange.books.questions.slots import (
    finished_chunks,
    mean_ps,
    rendered_frames,
    rendering_ps,
    samples_by_slot,
    sent_chunks,
    watched_quarters,
)
from grange.books.rows import in_file_order
from grange.books.slots import account_hour_rows, group_slot_rows, job_slot_rows
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.ports.blocks import Blocks
from grange.ports.state import ManifestRow
from grange.services.books.machine_time import machine_time
from grange.services.books.publication import Publication, manifest_row
from grange.services.books.ring_rolling import RingRoll
from grange.services.books.shelf import View, reaches

_MOST_ROWS = 250_000
_LONGEST_MS = 31 * MILLIS_PER_DAY

ROLLUP_NAMES = frozenset(spec.name for spec in ROLLUP_TABLES)

Hours = frozenset[Instant]
"""UTC hours, by their start."""


def batches(view: View, hours: Iterable[Instant]) -> Iterator[Span]:
    """Yield runs of neighbouring hours, each with not too much in it to be computed at once."""
    start: Instant | None = None
    end = Instant(0)
    rows = 0
    for hour in sorted(hours):
        more = _rows_of(view, Span(hour, Instant(hour + MILLIS_PER_HOUR)))
        if start is not None and (
            hour != end or rows + more > _MOST_ROWS or hour - start >= _LONGEST_MS
        ):
            yield Span(start, end)
            start, rows = None, 0
        if start is None:
            start = hour
        end = Instant(hour + MILLIS_PER_HOUR)
        rows += more
    if start is not None:
        yield Span(start, end)


def _rows_of(view: View, span: Span) -> int:
    """Return about how many facts of work lie in a span."""
    return sum(
        row.row_count * span.millis // max(span.millis, row.end_at - row.start_at)
        for name in ("session_actions", "events", "frames")
        for row in view.files.get(name, ())
        if reaches(row, span)
    )


def hours_of(start: int, end: int) -> Iterator[Instant]:
    """Yield the UTC hours that [start, end] touches."""
    hour = start - start % MILLIS_PER_HOUR
    while hour <= end:
        yield Instant(hour)
        hour += MILLIS_PER_HOUR


def rolled(view: View, span: Span, only: AbstractSet[str] = ROLLUP_NAMES) -> dict[str, pa.Table]:
    """Return the rows of rollups for a span of whole hours.

    Args:
        view: the facts to compute from.
        span: whole UTC hours.
        only: the rollups asked for; default: every one.
    """
    time = machine_time(view, span)
    rings = RingRoll(view, time, span)
    tables = rings.tables(only)
    rows: dict[str, list[dict[str, Any]]] = {}
    if ACCOUNT_HOURS.name in only:
        hours = Span(span.start, time.span.end)
        rows[ACCOUNT_HOURS.name] = account_hour_rows(
            view.farm_id, time.segments, hours, MILLIS_PER_HOUR
        )
    if only & {GROUP_SLOTS.name, JOB_SLOTS.name}:
        watched = [Instant(row["slot_at"]) for row in _answer(view, watched_quarters(span))]
        if GROUP_SLOTS.name in only:
            rows[GROUP_SLOTS.name] = group_slot_rows(view.farm_id, time.segments, watched)
        if JOB_SLOTS.name in only:
            rows[JOB_SLOTS.name] = _job_slots(view, rings, span, frozenset(watched))
    tables |= {name: arrow_table(TABLES[name], found) for name, found in rows.items()}
    for spec, width in ((WORKER_MINUTES, MILLIS_PER_MINUTE), (WORKER_HOURS, MILLIS_PER_HOUR)):
        if spec.name not in only:
            continue
        since = view.retention.computed_since(spec, view.now)
        kept = Span(Instant(min(max(span.start, since), span.end)), span.end)
        question = samples_by_slot(kept, width)
        if kept.millis and view.has(question.needs[0]):
            tables[spec.name] = conformed(spec, view.ask(question))
        else:
            tables[spec.name] = arrow_schema(spec.name).empty_table()
    return tables


def _answer(view: View, question: Question) -> list[dict[str, Any]]:
    """Return the rows of an answer; nothing is asked where there is nothing to answer from."""
    if not any(view.has(need) for need in question.needs):
        return []
    rows: list[dict[str, Any]] = view.ask(question).to_pylist()
    return rows


def _job_slots(
    view: View, rings: RingRoll, span: Span, watched: frozenset[Instant]
) -> list[dict[str, Any]]:
    questions = [
        finished_chunks(span),
        sent_chunks(span),
        rendered_frames(span, rings.since),
        rendering_ps(span),
    ]
    answers = [
        [row for row in answer if row["slot_at"] in watched]
        for answer in (
            *(_answer(view, question) for question in questions),
            *rings.layers_of_subjects(),
        )
    ]
    ps = {row["slot_at"]: row["ps_milli"] for row in _answer(view, mean_ps(span))}
    return job_slot_rows(view.farm_id, answers, ps)


def rolled_until(files: Iterable[ManifestRow], farm_id: str) -> Instant | None:
    """Return the end of the last hour that was rolled up; None if none was."""
    return max(
        (
            Instant(row.provenance["rolled_until"])
            for row in files
            if row.farm_id == farm_id and row.form == Form.ROLLUP.value
        ),
        default=None,
    )


class Roller:
    """Computes hours anew and puts their files, and those they replace, on a publication."""

    def __init__(self, view: View, blocks: Blocks, publication: Publication, now: Instant) -> None:
        """Roll up one farm.

        Args:
            view: sealed facts only, with the files about to be published.
            blocks: where files are.
            publication: gets the files.
            now: the current instant.
        """
        self._view = view
        self._blocks = blocks
        self._publication = publication
        self._now = now

    def roll(self, hours: Hours) -> None:
        """Compute some finished UTC hours; those whose facts are gone stay as they are."""
        since = {spec.name: self._view.retention.computed_since(spec, self._now)
                 for spec in ROLLUP_TABLES}  # fmt: skip
        hours = frozenset(hour for hour in hours if hour >= min(since.values()))
        parts: dict[str, list[pa.Table]] = defaultdict(list)
        for span in batches(self._view, hours):
            for name, rows in rolled(self._view, span).items():
                parts[name].append(rows)
        for spec in ROLLUP_TABLES:
            rows = pa.concat_tables(
                [arrow_schema(spec.name).empty_table(), *parts.get(spec.name, ())]
            ).combine_chunks()
            left = frozenset(hour for hour in hours if hour >= since[spec.name])
            if left:
                self._replace(spec, _of_hours(spec, rows, left), left)

    def _replace(self, spec: TableSpec, rows: pa.Table, hours: Hours) -> None:
        """Put rows in the place of everything a table holds for some hours."""
        left = hours
        for file in self._view.files.get(spec.name, ()):
            inside = frozenset(hour for hour in hours if file.start_at <= hour < file.end_at)
            if not inside:
                continue
            left -= inside
            self._publication.retire.append(file.path)
            kept = conformed(spec, self._blocks.read(file.path))
            stay = ~np.isin(_hours_column(spec, kept), np.array(sorted(inside), dtype=np.int64))
            merged = pa.concat_tables([kept.filter(pa.array(stay)), _of_hours(spec, rows, inside)])
            until = max(file.provenance["rolled_until"], _end_of(inside))
            self._write(spec, merged, Span(file.start_at, file.end_at), until)
        for span in _file_spans(left):
            inside = frozenset(hours_of(span.start, span.end - 1))
            self._write(spec, _of_hours(spec, rows, inside), span, span.end)

    def _write(self, spec: TableSpec, rows: pa.Table, span: Span, until: int) -> None:
        if not rows.num_rows:
            return
        farm_id = self._view.farm_id
        version = f"r{self._now:013d}{secrets.token_hex(4)}"
        written = self._blocks.write(
            file_path(spec, farm_id, span, version=version),
            in_file_order(spec, rows),
            {"rolled_at": str(self._now)},
        )
        self._publication.add.append(
            manifest_row(
                spec,
                farm_id,
                Form.ROLLUP,
                span,
                written=written,
                provenance={"rolled_until": until},
                now=self._now,
            )
        )


def _end_of(hours: Hours) -> int:
    return max(hours) + MILLIS_PER_HOUR


def _hours_column(spec: TableSpec, rows: pa.Table) -> Any:
    times = rows.column(spec.time_column).to_numpy()
    return times - times % MILLIS_PER_HOUR


def _of_hours(spec: TableSpec, rows: pa.Table, hours: Hours) -> pa.Table:
    chosen = np.isin(_hours_column(spec, rows), np.array(sorted(hours), dtype=np.int64))
    return rows.filter(pa.array(chosen))


def _file_spans(hours: Iterable[Instant]) -> Iterator[Span]:
    """Yield whole days where all 24 hours are there, else single hours."""
    by_day: dict[int, list[Instant]] = defaultdict(list)
    for hour in sorted(hours):
        by_day[hour - hour % MILLIS_PER_DAY].append(hour)
    for day, found in by_day.items():
        if len(found) == 24:
            yield grain_span(Instant(day), Grain.DAY)
        else:
            yield from (grain_span(hour, Grain.HOUR) for hour in found)
