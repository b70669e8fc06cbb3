"""One view of all facts: files, the journal's tail, the outbox, and what is open.

A fact moves from state to the outbox, from there to the journal, from there into a file. A view
reads the four in this order, so that nothing is missed on its way; what it meets twice is kept
once, by key.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.model import CATALOG_VERSION, TableSpec
from grange.books.catalog.registry import TABLES
from grange.books.catalog.rows import fact_row
from grange.books.catalog.schema import arrow_schema, arrow_table, with_columns
from grange.books.manifest import watermark
from grange.books.questions.model import DRIFT_MS, Need, Question, relation, spec_of, with_relations
from grange.books.retention import Retention
from grange.books.rows import joined, keep_first, time_range, within
from grange.domain.retention import RetentionPolicy
from grange.kernel.clock import Clock
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.blocks import Blocks
from grange.ports.journal import JournalReader
from grange.ports.query import Files, Plan, QueryEngine
from grange.ports.state import ManifestRow
from grange.services.books.bridge import StateBridge
from grange.services.books.live import open_rows
from grange.services.books.tail import Captured, JournalTail, Memory

_OUTBOX_ROWS = 100_000


class Fresh:
    """The facts of one farm that are in no file: in the journal's tail or in the outbox."""

    def __init__(
        self,
        captured: Mapping[str, Captured],
        memory: Memory,
        waiting: Mapping[str, list[dict[str, Any]]],
    ) -> None:
        self._captured = captured
        self._memory = memory
        self._waiting = waiting

    def of_workers(
        self, spec: TableSpec, worker_ids: Sequence[str], columns: Sequence[str], span: Span
    ) -> pa.Table | None:
        """Return some workers' rows of a table and of a span of its times, as they came.

        None: there are none.
        """
        parts = self._parts(spec)
        if not parts:
            return None
        rows = pa.concat_tables(parts)
        times = rows.column(spec.time_column).to_numpy()
        ids = pa.array(worker_ids, pa.string())
        wanted = pc.is_in(rows.column("worker_id"), value_set=ids).to_numpy()
        wanted &= (times >= span.start) & (times < span.end)
        found = rows.select(list(columns)).filter(pa.array(wanted))
        return found if found.num_rows else None

    def earliest(self, spec: TableSpec) -> Instant | None:
        """Return the least time of the rows of a table; None if there are none."""
        return min(
            (Instant(time_range(spec, part)[0]) for part in self._parts(spec) if part.num_rows),
            default=None,
        )

    def _parts(self, spec: TableSpec) -> list[pa.Table]:
        parts = list(self._captured[spec.name].tables) if spec.name in self._captured else []
        if spec.name in self._waiting:
            parts.append(arrow_table(spec, self._waiting[spec.name]))
        return parts

    def rows(self, name: str) -> pa.Table | None:
        """Return the rows of a table, one per key; None if there are none."""
        spec = TABLES[name]
        parts = []
        if name in self._captured:
            parts.append(self._memory.rows(self._captured[name]))
        if name in self._waiting:
            parts.append(arrow_table(spec, self._waiting[name]))
        if len(parts) < 2:
            return parts[0] if parts else None
        return keep_first(spec, joined(spec, parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The books of one farm at one moment. Questions asked of one view agree with each other."""

    farm_id: str
    now: Instant
    files: Mapping[str, Sequence[ManifestRow]]
    """Live files by table, by path."""
    fresh: "Fresh"
    """Facts that are in no file."""
    going: Mapping[str, pa.Table]
    """Open sessions and actions, by table."""
    engine: QueryEngine
    blocks: Blocks
    retention: Retention = field(default_factory=Retention)
    """How long the farm keeps what."""
    _rows: dict[tuple[str, bool], pa.Table] = field(default_factory=dict)

    def ask(self, question: Question, *, timeout_seconds: float | None = None) -> pa.Table:
        """Return the answer as an Arrow table.

        Raises:
            TooLargeError: it took longer than allowed.
        """
        files: dict[str, Files] = {}
        rows: dict[str, Any] = dict(question.given)
        parameters: dict[str, Any] = {"farm_id": self.farm_id} | dict(question.parameters)
        bodies: dict[str, str] = {}
        for need in question.needs:
            spec = spec_of(need)
            listed = self.files_for(need)
            fresh = self.rows_for(need)
            bodies[spec.name] = relation(
                spec, has_files=bool(listed), has_rows=bool(fresh.num_rows) or not listed
            )
            if listed:
                files[f"{spec.name}__files"] = files_of(spec, listed, self.blocks)
            if fresh.num_rows or not listed:
                rows[f"{spec.name}__rows"] = fresh
            if listed and fresh.num_rows:
                near = near_copies(spec, fresh)
                parameters[f"__{spec.name}_from"] = near.start
                parameters[f"__{spec.name}_to"] = near.end - 1
        sql = with_relations(question, bodies)
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        plan = Plan(sql=sql, parameters=used, files=files, rows=rows)
        return self.engine.run(plan, timeout_seconds=timeout_seconds)

    def rows_of_worker(
        self, table_name: str, worker_id: str, columns: Sequence[str], span: Span
    ) -> pa.Table:
        """Return a worker's rows of a span of time, ascending by time; see `rows_of_workers`."""
        return self.rows_of_workers(table_name, (worker_id,), columns, span)[worker_id]

    def rows_of_workers(
        self, table_name: str, worker_ids: Sequence[str], columns: Sequence[str], span: Span
    ) -> dict[str, pa.Table]:
        """Return each worker's rows of a span of time, ascending by time.

        It reads the few parts of files that hold them, each once for all, which takes a fraction of
        the time that a question takes to be planned.

        Args:
            table_name: of a table of samples.
            worker_ids: whose.
            columns: which columns.
            span: of the time column.
        """
        need = Need(table=table_name, start=span.start, end=span.end)
        spec = spec_of(need)
        told_apart = ["worker_id"] if len(worker_ids) > 1 else []
        names = list(dict.fromkeys([*columns, *told_apart, spec.time_column]))
        keyed = list(dict.fromkeys([*names, "worker_id", *spec.key]))
        schema = pa.schema([arrow_schema(spec.name).field(name) for name in keyed])
        # The copy of a row that counts may lie a little outside of the span.
        around = Span(Instant(span.start - DRIFT_MS), Instant(span.end + DRIFT_MS))
        fresh = self.fresh.of_workers(spec, worker_ids, keyed, around)
        near = None if fresh is None else near_copies(spec, fresh)
        read = self.blocks.read_workers
        parts, copies = [], []
        for row in self.files_for(need):
            if near is not None and reaches(row, near):
                copies.append(read(row.path, keyed, worker_ids, spec.time_column, around))
            else:
                parts.append(read(row.path, names, worker_ids, spec.time_column, span))
        if fresh is not None:
            once = keep_first(spec, _joined([*copies, fresh], schema))
            parts.append(within(spec, once, span.start, span.end).select(names))
        rows = _joined(parts, pa.schema([schema.field(name) for name in names]))
        times = rows.column(spec.time_column).to_numpy()
        if len(worker_ids) == 1:
            whose = np.zeros(rows.num_rows, np.int32)
        else:
            ids = pa.array(worker_ids, pa.string())
            whose = pc.index_in(rows.column("worker_id"), value_set=ids).to_numpy()
        rows = rows.select(list(columns))
        later = (whose[1:] > whose[:-1]) | ((whose[1:] == whose[:-1]) & (times[1:] >= times[:-1]))
        if not later.all():
            order = np.lexsort((times, whose))
            rows, whose = rows.take(pa.array(order)), whose[order]
        ends = np.searchsorted(whose, np.arange(len(worker_ids) + 1)).tolist()
        return {
            worker_id: rows.slice(ends[place], ends[place + 1] - ends[place])
            for place, worker_id in enumerate(worker_ids)
        }

    def has(self, need: Need) -> bool:
        """Return whether there may be rows a question needs."""
        return bool(self.files_for(need)) or bool(self.rows_for(need).num_rows)

    def files_for(self, need: Need) -> list[ManifestRow]:
        """Return the files that may hold rows a question needs (or copies of them)."""
        return [
            row
            for row in self.files.get(need.table, ())
            if (need.start is None or row.end_at > need.start - DRIFT_MS)
            and (need.end is None or row.start_at < need.end + DRIFT_MS)
        ]

    def rows_for(self, need: Need) -> pa.Table:
        """Return the facts in no file that a question needs."""
        spec = spec_of(need)
        place = (need.table, need.live)
        rows = self._rows.get(place)
        if rows is None:
            parts = [self.fresh.rows(need.table)]
            if need.live:
                parts.append(self.going.get(need.table))
            rows = keep_first(spec, joined(spec, [part for part in parts if part is not None]))
            self._rows[place] = rows
        return within(spec, rows, need.start, need.end)


def near_copies(spec: TableSpec, rows: pa.Table) -> Span:
    """Return when copies of rows may lie."""
    least, most = time_range(spec, rows)
    return Span(Instant(least - DRIFT_MS), Instant(most + DRIFT_MS + 1))


def reaches(row: ManifestRow, span: Span) -> bool:
    """Return whether a file may hold rows of a span."""
    return row.start_at < span.end and row.end_at > span.start


def _joined(parts: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return the rows of tables, which may lack columns of a schema, in one piece."""
    same = [with_columns(part, schema) for part in parts if part.num_rows]
    return pa.concat_tables(same or [schema.empty_table()]).combine_chunks()


def files_of(spec: TableSpec, rows: Sequence[ManifestRow], blocks: Blocks) -> Files:
    """Return files of a table as a query reads them."""
    return Files(
        paths=[blocks.location(row.path) for row in rows],
        schema=arrow_schema(spec.name),
        alike=all(row.catalog_version == CATALOG_VERSION for row in rows),
        row_count=sum(row.row_count for row in rows),
    )


class Shelf:
    """Hands out views. Thread-safe."""

    def __init__(
        self,
        *,
        state: StateBridge,
        journal: JournalReader,
        blocks: Blocks,
        engine: QueryEngine,
        clock: Clock,
    ) -> None:
        self.state = state
        self.journal = journal
        self.blocks = blocks
        self.engine = engine
        self.clock = clock
        self._lock = threading.RLock()
        self._manifest: list[ManifestRow] = []
        self._tail = JournalTail(journal, 0)
        self._readers: dict[int, Instant] = {}
        self._count = 0

    def open(self) -> None:
        """Read the manifest and the journal behind it."""
        with self._lock:
            self._manifest = self.state.manifest()
            self._tail = JournalTail(self.journal, self.watermark)
            self._tail.refresh()

    def renew(self) -> None:
        """Look what another process has published meanwhile; for readers beside the server."""
        with self._lock:
            self._manifest = self.state.manifest()
            self._tail.forget(self.watermark)

    @property
    def watermark(self) -> int:
        """The last journal sequence that is in files."""
        return watermark(row.provenance for row in self._manifest)

    @contextmanager
    def view(self, farm_id: str, *, live: bool = True) -> Iterator[View]:
        """Hand out a view; no file it names is deleted before the block ends.

        Args:
            farm_id: the farm.
            live: whether open sessions are looked up.
        """
        now = self.clock.now()
        with self._lock:
            self._count += 1
            number = self._count
            self._readers[number] = now
        try:
            going = open_rows(self.state, farm_id, now) if live else {}
            waiting, policy = self._outbox(farm_id)
            with self._lock:
                self._tail.refresh()
                captured = self._tail.capture(farm_id)
                memory = self._tail.memory
                files: dict[str, list[ManifestRow]] = defaultdict(list)
                for row in self._manifest:
                    if row.farm_id == farm_id:
                        files[row.table_name].append(row)
            yield View(
                farm_id=farm_id,
                now=now,
                files=files,
                fresh=Fresh(captured, memory, waiting),
                going=going,
                engine=self.engine,
                blocks=self.blocks,
                retention=_retention(policy),
            )
        finally:
            with self._lock:
                del self._readers[number]

    @contextmanager
    def changing(self) -> Iterator[JournalTail]:
        """Hold the shelf while files take the place of journal frames."""
        with self._lock:
            self._tail.refresh()
            yield self._tail

    def retention(self, farm_id: str) -> Retention:
        """Return how long a farm keeps what."""
        return _retention(self.state.get(RetentionPolicy, farm_id))

    def files(self) -> list[ManifestRow]:
        """Return the live files of all farms."""
        with self._lock:
            return list(self._manifest)

    def publish(self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant) -> None:
        """Publish files and forget the frames they were made of."""
        with self._lock:
            self.state.publish(add, retire, now)
            self._manifest = self.state.manifest()
            self._tail.forget(self.watermark)

    def oldest_reader(self) -> Instant:
        """Return when the oldest view that is still open was made; now if there is none."""
        with self._lock:
            return min(self._readers.values(), default=self.clock.now())

    def _outbox(
        self, farm_id: str
    ) -> tuple[dict[str, list[dict[str, Any]]], RetentionPolicy | None]:
        """Return what waits to be written down, by table, and how long the farm keeps what."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        rows, policy = self.state.outbox_beside(_OUTBOX_ROWS, RetentionPolicy, farm_id)
        for row in rows:
            if row.fact.farm_id == farm_id:
                name, columns = fact_row(row.fact)
                found[name].append(columns)
        return found, policy


def _retention(policy: RetentionPolicy | None) -> Retention:
    return Retention() if policy is None else Retention(policy.kept_days)
