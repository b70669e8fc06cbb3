"""Telemetry: bytes per point, a day of one worker, a year of one worker, a month of all."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.books_data import (
    FARM,
    FIELDS,
    SAMPLE_MS,
    T0,
    sample_months,
    sample_rows,
    samples,
    worker_name,
    write_samples,
)
from benchmarks.contest import Goal, Table
from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.books.catalog.registry import table
from grange.books.catalog.schema import arrow_schema, conformed
from grange.books.manifest import Form, file_path
from grange.books.questions.model import Need, Question
from grange.books.questions.slots import samples_by_slot
from grange.books.questions.views import worker_samples
from grange.books.rows import row_group_rows
from grange.kernel.clock import VirtualClock
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.ports.query import Files, Plan
from grange.services.books.publication import manifest_row
from grange.services.library import Books
from grange.testing.memory_store import MemoryStore

YEAR_DAYS, YEAR_WORKERS = 400, 20
MONTH_DAYS, MONTH_WORKERS = 30, 1000
DAY_WORKERS = 100
POINTS = 500
AT_ONCE = 50
"""Workers whose samples are made at a time."""


class Room:
    """Books of samples, in a folder."""

    def __init__(self, folder: Path, now: int) -> None:
        self.folder = folder
        self.clock = VirtualClock(Instant(now))
        self.journal = FileJournal(folder / "journal", self.clock)
        self.books = Books(
            store=MemoryStore(),
            journal=JournalFolder(folder / "journal"),
            blocks=ParquetBlocks(folder),
            engine=DuckEngine(folder, threads=2),
            clock=self.clock,
        )
        self.books.open()
        self.row_count = 0

    def month(self, span: Span, workers: int, count: int) -> None:
        """Write one month of samples as compaction leaves it, and its rollup of hours."""
        blocks = self.books.shelf.blocks
        files = []
        made = []
        for first in range(0, workers, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, workers))
            part = write_samples(self.folder / "parts", numbers, span.start, span, count)
            source = self.folder / "parts" / part.path
            files.append(source.with_name(f"{first:05}.parquet"))
            source.rename(files[-1])
        for name, kind in (("worker_samples", Form.BLOCK), ("worker_hours", Form.ROLLUP)):
            made_of = table(name)
            path = file_path(made_of, FARM, span, version="bench")
            temporary = blocks.temporary(path)
            plan = _plan(name, span, files)
            rows = workers * (span.millis // MILLIS_PER_HOUR if made_of.rollup else count)
            parts = row_group_rows(made_of.column_names, rows)
            self.books.shelf.engine.copy(plan, temporary, row_group_rows=parts)
            written = blocks.adopt(temporary, path)
            made.append(
                manifest_row(
                    made_of, FARM, kind, span, written=written,
                    provenance={"rolled_until": span.end} if made_of.rollup else {},
                    now=self.clock.now(),
                )
            )  # fmt: skip
        for file in files:
            file.unlink()
        self.row_count += made[0].row_count
        self.books.shelf.publish(made, [], self.clock.now())

    def close(self) -> None:
        """Close everything."""
        self.books.close()
        self.journal.close()


def _plan(name: str, span: Span, paths: Sequence[Path]) -> Plan:
    schema = arrow_schema("worker_samples")
    given = {
        "worker_samples": Files(paths=[str(path) for path in paths], schema=schema, alike=True)
    }
    if name == "worker_samples":
        return Plan(sql='SELECT * FROM worker_samples ORDER BY worker_id, "at"', files=given)
    question = samples_by_slot(span, MILLIS_PER_HOUR)
    parameters = {"farm_id": FARM, **question.parameters}
    return Plan(sql=question.sql, parameters=parameters, files=given)


def _median_ms(ask: Callable[[], object], rounds: int) -> list[float]:
    ask()
    found = []
    for _ in range(max(5, rounds)):
        began = time.perf_counter()
        ask()
        found.append((time.perf_counter() - began) * 1000)
    return found


def bytes_per_point(room: Room) -> float:
    """Return what one value of a machine's fields takes, everything else of its row included."""
    files = [row for row in room.books.shelf.files() if row.table_name == "worker_samples"]
    rows = sum(row.row_count for row in files)
    return sum(row.byte_count for row in files) / (rows * len(FIELDS))


def contests(folder: Path, rounds: int, scale: float) -> tuple[list[Table], list[Goal]]:
    """Measure all of it."""
    size = Table("Telemetry: bytes per point of the 8 fields of a machine", "bytes",
                 higher_is_better=False)  # fmt: skip
    times = Table("Telemetry: time to answer", "ms", higher_is_better=False)
    for part in (_year, _running_day, _month):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            part(Path(place), rounds, scale, size, times)
    wanted = {
        "a finished day of one worker": 10.0,
        "the running day of one worker": 50.0,
        "400 days of one worker, 500 points": 10.0,
        "all workers × 30 days by hour, from samples": 2_000.0,
        "all workers × 30 days by hour, from rollups": 50.0,
    }
    goals = [
        Goal(f"Telemetry: {what}, ms", most, statistics.median(times.figures[what]), at_most=True)
        for what, most in wanted.items()
    ]
    goals += [
        Goal(f"Telemetry: bytes per point, {what}", 1.1, size.median(what), at_most=True)
        for what in size.figures
    ]
    return [size, times], goals


def _year(folder: Path, rounds: int, scale: float, size: Table, times: Table) -> None:
    workers = max(2, round(YEAR_WORKERS * min(1.0, scale * 4)))
    days = max(40, round(YEAR_DAYS * min(1.0, scale * 4)))
    room = Room(folder, T0 + YEAR_DAYS * MILLIS_PER_DAY + 5 * MILLIS_PER_HOUR)
    try:
        for span, count in sample_months(days):
            room.month(span, workers, count)
        room.books.compact()
        one = worker_name(workers // 2)
        middle = T0 + days // 2 * MILLIS_PER_DAY
        day: dict[str, Any] = {"start": middle, "end": middle + MILLIS_PER_DAY, "points": 5000}
        ask = partial(room.books.worker_samples, farm_id=FARM, worker_id=one)
        found = ask(**day)["columns"]
        count = MILLIS_PER_DAY // SAMPLE_MS
        if len(found["slot_at"]) != count:
            raise RuntimeError(f"A day has {len(found['slot_at'])} samples, not {count}.")
        times.figures["a finished day of one worker"] = _median_ms(lambda: ask(**day), rounds)
        times.figures["the same, asked of the query engine"] = _median_ms(
            lambda: _columns(room, middle, one), rounds
        )
        asked: dict[str, Any] = {"start": T0, "end": T0 + days * MILLIS_PER_DAY, "points": POINTS}
        _check_year(ask(**asked), workers // 2, days)
        times.figures["400 days of one worker, 500 points"] = _median_ms(
            lambda: ask(**asked), rounds
        )
        size.figures[f"{workers} workers × {days} days"] = [bytes_per_point(room)]
    finally:
        room.close()


def _columns(room: Room, start: int, worker: str) -> object:
    span = Span(Instant(start), Instant(start + MILLIS_PER_DAY))
    with room.books.shelf.view(FARM, live=False) as view:
        return view.ask(worker_samples(span, SAMPLE_MS, worker))


def _check_year(answer: dict[str, Any], number: int, days: int) -> None:
    """Recompute means of the first month from the samples."""
    span, count = next(sample_months(days))
    made = samples(number, span.start, count)
    step = answer["step_ms"]
    slots = (made["at"] - 1) // step * step
    for slot_at, cpu in list(
        zip(answer["columns"]["slot_at"], answer["columns"]["cpu_milli"], strict=True)
    )[:20]:
        chosen = made["cpu_milli"][slots == slot_at]
        if len(chosen) * SAMPLE_MS == step and cpu != int(chosen.sum()) // len(chosen):
            raise RuntimeError(f"Slot {slot_at} says {cpu}, the samples {chosen.mean()}.")


def _running_day(folder: Path, rounds: int, scale: float, size: Table, times: Table) -> None:
    """23 files of hours, as sealing leaves them, and the last hour in the journal."""
    workers = max(2, round(DAY_WORKERS * min(1.0, scale * 10)))
    room = Room(folder, T0 + 23 * MILLIS_PER_HOUR)
    per_hour = MILLIS_PER_HOUR // SAMPLE_MS
    spec = table("worker_samples")
    try:
        made = []
        for hour in range(24):
            start = T0 + hour * MILLIS_PER_HOUR - SAMPLE_MS  # an end on the border is the next's
            rows = conformed(spec, sample_rows(range(workers), start, per_hour))
            if hour == 23:
                for first in range(0, rows.num_rows, 5_000):
                    room.journal.append(FARM, spec.name, rows.slice(first, 5_000).to_pylist())
                    room.journal.sync()
                continue
            span = Span(Instant(T0 + hour * MILLIS_PER_HOUR),
                        Instant(T0 + (hour + 1) * MILLIS_PER_HOUR))  # fmt: skip
            path = file_path(spec, FARM, span, version="bench")
            written = room.books.shelf.blocks.write(path, rows, {})
            made.append(manifest_row(spec, FARM, Form.BLOCK, span, written=written, provenance={},
                                     now=room.clock.now()))  # fmt: skip
        room.books.shelf.publish(made, [], room.clock.now())
        room.clock.advance(3600)
        ask = partial(room.books.worker_samples, farm_id=FARM, worker_id=worker_name(1),
                      start=T0 - SAMPLE_MS, end=T0 + MILLIS_PER_DAY, points=5000)  # fmt: skip
        found = ask()["columns"]["slot_at"]
        if len(found) != 24 * per_hour:
            raise RuntimeError(f"The running day has {len(found)} samples, not {24 * per_hour}.")
        times.figures["the running day of one worker"] = _median_ms(ask, rounds)
        size.notes.append(f"{workers} workers × an hour, not put together: "
                          f"{bytes_per_point(room):.2f}")  # fmt: skip
    finally:
        room.close()


def _month(folder: Path, rounds: int, scale: float, size: Table, times: Table) -> None:
    workers = max(4, round(MONTH_WORKERS * scale))
    span = Span(T0, Instant(T0 + MONTH_DAYS * MILLIS_PER_DAY))
    room = Room(folder, span.end + 5 * MILLIS_PER_HOUR)
    try:
        room.month(span, workers, span.millis // SAMPLE_MS)
        raw = Question(
            sql="""
                SELECT ("at" - 1) // 3600000 AS hour, sum(cpu_milli)::BIGINT AS cpu,
                       count(*) AS samples, min(cpu_milli) AS least, max(cpu_milli) AS most
                FROM worker_samples WHERE farm_id = $farm_id GROUP BY 1 ORDER BY 1
            """,
            needs=(Need(table="worker_samples"),),
        )
        rolled = Question(
            sql="""
                SELECT slot_at // 3600000 AS hour, sum(cpu_milli_sum)::BIGINT AS cpu,
                       sum(samples)::BIGINT AS samples, min(cpu_milli_min) AS least,
                       max(cpu_milli_max) AS most
                FROM worker_hours WHERE farm_id = $farm_id GROUP BY 1 ORDER BY 1
            """,
            needs=(Need(table="worker_hours"),),
        )
        with room.books.shelf.view(FARM, live=False) as view:
            if view.ask(raw).to_pydict() != view.ask(rolled).to_pydict():
                raise RuntimeError("Samples and rollups disagree.")
            what = "all workers × 30 days by hour"
            times.figures[f"{what}, from samples"] = _median_ms(lambda: view.ask(raw), rounds)
            times.figures[f"{what}, from rollups"] = _median_ms(lambda: view.ask(rolled), rounds)
        size.figures[f"{workers} workers × {MONTH_DAYS} days"] = [bytes_per_point(room)]
        times.notes.append(f"all workers: {workers}; {room.row_count:,} samples")
    finally:
        room.close()
