"""Collectors over real folders, and real books behind them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from grange.adapters.cursor_files import CursorFiles
from grange.adapters.log_files import FolderLogs
from grange.collect.names import Source, find_sources
from grange.collect.run import Collector, Round
from grange.collect.sending import Kept
from grange.config.streams_collect import CollectSection, LogStream
from grange.domain.farm import Farm
from grange.kernel.clock import VirtualClock
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant, instant_of
from grange.services.streams.lines import decoded
from grange.testing.books import BooksBench, books_bench
from grange.testing.facts import FARM
from tests.unit.collect.lines import T0

START = instant_of(T0)
MINUTE, HOUR = 60_000, 3_600_000
ADDED = ("log_file",)
"""Columns that say how a log was called when it was read, not what is in it."""


def packed(rows: Any) -> bytes:
    """Lines as they go over the wire."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


class BookSender:
    """A sender straight into books."""

    def __init__(self, bench: BooksBench) -> None:
        self.bench = bench
        self.fail_after = -1
        """So many sendings succeed but are never acknowledged; below 0: all are."""

    def put(self, rows: Any) -> Kept:
        self.bench.journal.append(FARM, "log_lines", decoded(FarmId(FARM), packed(rows)))
        self.bench.journal.sync()
        if self.fail_after == 0:
            raise ConnectionError("the answer was lost")
        self.fail_after -= 1
        return Kept(accepted=rows.num_rows)

    def replace(self, source: Source, start: Instant, end: Instant, rows: Any) -> bool:
        found = self.bench.books.replace_lines(
            farm_id=FARM, stream=source.stream, kind=source.kind, machine=source.machine,
            start=start, end=end, body=packed(rows),
        )  # fmt: skip
        return bool(found["changed"])


class Machine:
    """A machine with logs and a collector."""

    def __init__(self, folder: Path, name: str, bench: BooksBench, clock: VirtualClock) -> None:
        self.logs = folder / name / "log"
        self.logs.mkdir(parents=True)
        self.name = name
        self.clock = clock
        self.sender = BookSender(bench)
        self.cursors = CursorFiles(folder / name / "cursors")
        self.streams: tuple[LogStream, ...] = (LogStream(path=str(self.logs / "*")),)

    def sources(self) -> list[Source]:
        section = CollectSection(streams=self.streams)
        return find_sources(section, FolderLogs(), self.name)

    def collect(self, *, piece_bytes: int | None = None, **bounds: Any) -> Round:
        collector = Collector(
            logs=FolderLogs(), cursors=self.cursors, sender=self.sender, clock=self.clock,
            piece_bytes=piece_bytes,
        )  # fmt: skip
        return collector.collect(self.sources(), **bounds)

    def append(self, name: str, data: bytes) -> None:
        with (self.logs / name).open("ab") as file:
            file.write(data)


@contextmanager
def books(folder: Path, *, at: int = START + 2 * HOUR) -> Iterator[BooksBench]:
    """Books of a farm, some time after the logs begin."""
    with books_bench(folder, Instant(at)) as bench:
        bench.put(Farm(farm_id=FarmId(FARM), name="f", zone="UTC", created_at=START,
                       created_by="t"))  # fmt: skip
        yield bench


def lines_of(bench: BooksBench, *, without: Sequence[str] = ADDED) -> list[dict[str, Any]]:
    """Everything the books hold of logs, in a fixed order."""
    with bench.books.desk.view(FARM, live=False) as view:
        parts = [view.fresh.rows("log_lines")]
        parts += [view.blocks.read(row.path) for row in view.files.get("log_lines", ())]
    rows = [row for part in parts if part is not None for row in part.to_pylist()]
    kept = [{key: row[key] for key in row if key not in without} for row in rows]
    return sorted(kept, key=lambda row: (row["machine"], row["at"], row["offset"], row["stream"]))
