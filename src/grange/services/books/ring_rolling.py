"""Rollups behind the rings of the farm and the records of workers."""

from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.ring_tables import (
    FARM_MINUTES,
    FARM_QUARTERS,
    FRAME_MINUTES,
    FRAME_QUARTERS,
    NAMED_GROUP_SLOTS,
    THREAD_QUARTERS,
)
from grange.books.catalog.rollup_tables import WORKER_QUARTERS
from grange.books.catalog.schema import arrow_schema, arrow_table, conformed
from grange.books.layer_slots import FINISHED, LayerSlots
from grange.books.periods import QUARTER_MS
from grange.books.questions.model import Question
from grange.books.questions.rings import (
    frames_by_type,
    group_changes,
    layer_changes,
    left_by_subject,
    left_by_type,
    server_by_slot,
    temperatures,
    thread_quarters,
    witnessed,
    work_by_layer,
    workers_needed,
)
from grange.books.questions.slots import earliest_assignment, samples_by_slot
from grange.books.ring_rows import farm_rows, frame_rows, named_group_rows, threads_up
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.services.books.machine_time import MachineTime
from grange.services.books.shelf import View

RING_TABLES = (
    FARM_MINUTES,
    FARM_QUARTERS,
    FRAME_MINUTES,
    FRAME_QUARTERS,
    THREAD_QUARTERS,
    WORKER_QUARTERS,
    NAMED_GROUP_SLOTS,
)


class RingRoll:
    """What the rollups behind the rings, and those of layers, are made of in one span."""

    def __init__(self, view: View, time: MachineTime, span: Span) -> None:
        """Roll up a span; nothing is asked yet.

        Args:
            view: the facts to compute from.
            time: what threads did in the span; it may end now.
            span: whole UTC hours.
        """
        self._view = view
        self._time = time
        self._span = span
        self._slots: dict[tuple[Span, int], dict[Instant, Instant]] = {}
        self._left: dict[tuple[Span, int], pa.Table | None] = {}

    def tables(self, names: AbstractSet[str]) -> dict[str, pa.Table]:
        """Return the rows of some of `RING_TABLES`."""
        view, span = self._view, self._span
        tables: dict[str, pa.Table] = {}
        if names & {FARM_QUARTERS.name, FRAME_QUARTERS.name}:
            tables |= self.farm(span, FARM_QUARTERS, FRAME_QUARTERS)
        if names & {FARM_MINUTES.name, FRAME_MINUTES.name}:
            kept_from = view.retention.computed_since(FARM_MINUTES, view.now)
            recent = Span(Instant(min(max(span.start, kept_from), span.end)), span.end)
            if recent.millis:
                tables |= self.farm(recent, FARM_MINUTES, FRAME_MINUTES)
        if THREAD_QUARTERS.name in names:
            tables[THREAD_QUARTERS.name] = self.threads()
        if NAMED_GROUP_SLOTS.name in names:
            tables[NAMED_GROUP_SLOTS.name] = self.groups()
        if WORKER_QUARTERS.name in names:
            question = samples_by_slot(span, QUARTER_MS)
            if view.has(question.needs[0]):
                tables[WORKER_QUARTERS.name] = conformed(WORKER_QUARTERS, view.ask(question))
        return {
            spec.name: tables.get(spec.name, arrow_schema(spec.name).empty_table())
            for spec in RING_TABLES
            if spec.name in names
        }

    def layers_of_subjects(self) -> list[list[dict[str, Any]]]:
        """Return the layers of users, projects and apps, and what is left of them, by quarter."""
        if self.changes is None:
            return []
        found = [self._layers(self._span, QUARTER_MS, self.changes).of_subjects()]
        left = self.left(self._span, QUARTER_MS, self.changes)
        if left is not None:
            found.append(self._view.ask(left_by_subject(left)).to_pylist())
        return found

    @cached_property
    def since(self) -> Instant:
        """When the earliest attempt that ended in or after the span was given out."""
        found = _rows(self._view, earliest_assignment(self._span.start))
        return Instant(
            min([self._span.start, *(row["since"] for row in found if row["since"] is not None)])
        )

    @cached_property
    def changes(self) -> pa.Table | None:
        """What layers showed in the span; None if nothing is known of any."""
        found = _asked(self._view, layer_changes(self._span))
        return found if found is not None and found.num_rows else None

    def farm(self, span: Span, farm: TableSpec, frames: TableSpec) -> dict[str, pa.Table]:
        """Return the rows of the farm and of its frames, by minute or quarter."""
        view = self._view
        width = MILLIS_PER_MINUTE if farm is FARM_MINUTES else QUARTER_MS
        slots = self._watched(span, width)
        of_farm = [_rows(view, temperatures(span, width)), _rows(view, server_by_slot(span, width))]
        of_frames = [_rows(view, frames_by_type(span, width, self.since))]
        if self.changes is not None and slots:
            of_farm.append(self._layers(span, width, self.changes).farm())
            left = self.left(span, width, self.changes)
            if left is not None:
                of_farm.append(view.ask(workers_needed(left)).to_pylist())
                of_frames.append(view.ask(left_by_type(left)).to_pylist())
        found = self._time.segments
        return {
            farm.name: arrow_table(farm, farm_rows(farm, view.farm_id, found, slots, of_farm)),
            frames.name: arrow_table(frames, frame_rows(frames, view.farm_id, slots, of_frames)),
        }

    def groups(self) -> pa.Table:
        """Return the states of the members of each group by quarter."""
        changes = _rows(self._view, group_changes(self._span.end))
        if not changes:
            return arrow_schema(NAMED_GROUP_SLOTS.name).empty_table()
        slots = self._watched(self._span, QUARTER_MS)
        rows = named_group_rows(self._view.farm_id, self._time.segments, slots, changes)
        return arrow_table(NAMED_GROUP_SLOTS, rows)

    def _watched(self, span: Span, width: int) -> dict[Instant, Instant]:
        """Return start and end of each slot that left any trace; a running one ends now."""
        if (span, width) not in self._slots:
            until = self._time.span.end
            self._slots[span, width] = {
                Instant(row["slot_at"]): Instant(
                    max(row["slot_at"] + 1, min(row["slot_at"] + width, until))
                )
                for row in _rows(self._view, witnessed(span, width))
            }
        return self._slots[span, width]

    def threads(self) -> pa.Table:
        """Return what each job thread did in each quarter."""
        up = threads_up(self._time.segments, self._span, QUARTER_MS)
        question = thread_quarters(self._span, QUARTER_MS, self.since, up)
        if not up.num_rows and not any(self._view.has(need) for need in question.needs):
            return arrow_schema(THREAD_QUARTERS.name).empty_table()
        return conformed(THREAD_QUARTERS, self._view.ask(question))

    def left(self, span: Span, width: int, changes: pa.Table) -> pa.Table | None:
        """Return what is left of unfinished layers by slot; None if no layer is unfinished."""
        if (span, width) not in self._left:
            created = [
                created_at
                for created_at, status in zip(
                    changes.column("created_at").to_pylist(),
                    changes.column("status").to_pylist(),
                    strict=True,
                )
                if status not in FINISHED
            ]
            self._left[span, width] = (
                self._view.ask(work_by_layer(span, width, changes, Instant(min(created))))
                if created
                else None
            )
        return self._left[span, width]

    def _layers(self, span: Span, width: int, changes: pa.Table) -> LayerSlots:
        return LayerSlots(changes, span, width)


def _asked(view: View, question: Question) -> pa.Table | None:
    """Return an answer; None where there is nothing to answer from."""
    return view.ask(question) if any(view.has(need) for need in question.needs) else None


def _rows(view: View, question: Question) -> list[dict[str, Any]]:
    found = _asked(view, question)
    return [] if found is None else found.to_pylist()
