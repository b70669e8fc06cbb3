"""The books survive kill -9 while they seal and compact, and questions while files change."""

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.kernel.clock import VirtualClock
from grange.kernel.units import MILLIS_PER_HOUR
from grange.ports.state import Batch
from grange.services.library import Books
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, numbered, session_fact

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WRITER = """
import sys
from pathlib import Path
from grange.adapters.journal.writer import FileJournal
from grange.kernel.clock import VirtualClock
from grange.testing.facts import T0, as_row, numbered, session_fact

number = int(sys.argv[2])
clock = VirtualClock(T0 + number * 60_000)
journal = FileJournal(Path(sys.argv[1]) / "journal", clock)
while True:
    at = T0 + number * 60_000
    clock.advance((at - clock.now()) / 1000)
    fact = session_fact(session_id=numbered("session", number), started_at=at, ended_at=at + 1_000)
    journal.append(fact.farm_id, "sessions", [as_row(fact)])
    journal.sync()
    print(number, flush=True)
    number += 1
"""

BOOKS = """
import sys
from pathlib import Path
from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.kernel.clock import VirtualClock
from grange.services.library import Books
from grange.testing.facts import T0

folder, hour = Path(sys.argv[1]), int(sys.argv[2])
clock = VirtualClock(T0 + hour * 3_600_000)
books = Books(
    store=SqliteStore(folder / "state.db"),
    journal=JournalFolder(folder / "journal"),
    blocks=ParquetBlocks(folder),
    engine=DuckEngine(folder, threads=1),
    clock=clock,
)
books.open()
while True:
    books.seal(force=True)
    books.compact()
    print(hour, flush=True)
    hour += 5
    clock.advance(5 * 3600)
"""


def test_kill_9_of_the_writer_and_of_the_books_loses_and_doubles_nothing(tmp_path):
    """Invariant 1, with two processes on one folder and the state in SQLite."""
    store = SqliteStore(tmp_path / "state.db")

    async def prepare() -> None:
        await store.open()
        farm = Farm(farm_id=FARM, name="f", created_at=T0, created_by="t")
        await store.commit(Batch(puts=[farm]))
        await store.close()

    asyncio.run(prepare())
    (tmp_path / "journal").mkdir()
    acknowledged, hour = 0, 1
    for kills in range(3):
        writer = started(WRITER, tmp_path, acknowledged)
        sealer = started(BOOKS, tmp_path, hour)
        for _ in range(3):
            acknowledged = int(line_of(writer)) + 1
        for _ in range(kills + 1):
            hour = int(line_of(sealer)) + 5
        for _ in range(20):
            acknowledged = int(line_of(writer)) + 1
        for process in (sealer, writer) if kills % 2 else (writer, sealer):
            process.send_signal(signal.SIGKILL)
        written, sealed = (ended(process) for process in (writer, sealer))
        acknowledged = max([acknowledged, *(int(line) + 1 for line in written)])
        hour = max([hour, *(int(line) + 5 for line in sealed)])
    clock = VirtualClock(T0)
    clock.advance(hour * 3600)
    books = Books(
        store=SqliteStore(tmp_path / "state.db"),
        journal=JournalFolder(tmp_path / "journal"),
        blocks=ParquetBlocks(tmp_path),
        engine=DuckEngine(tmp_path, threads=1),
        clock=clock,
    )
    books.open()
    try:
        for _ in range(2):
            rows = books.usage(
                farm_id=FARM, start=T0, end=T0 + 10_000 * MILLIS_PER_HOUR, group_by="user"
            )["rows"]
            assert [row["user"] for row in rows] == ["ann"]
            assert rows[0]["runtime_ms"] == 1_000 * rows[0]["sessions"]
            assert rows[0]["sessions"] >= acknowledged
            assert rows[0]["sessions"] <= acknowledged + 3, "at most one more for each kill"
            checks = {check["name"]: check["ok"] for check in books.verify(farm_id=FARM)["checks"]}
            assert checks["journal is whole"]
            assert checks["files are as published"]
            assert checks["every fact is there once"]
            books.seal(force=True)
            books.compact()
    finally:
        books.close()


def started(source: str, folder: Path, number: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", source, str(folder), str(number)],
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process ended"
    return line


def ended(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return rest.split()


def test_questions_are_right_while_files_are_sealed_and_put_together(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        asked, wrong = [0], []
        known = [0]
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                least = known[0]
                found = bench.books.usage(farm_id=FARM, start=T0, end=T0 + 10**12)
                count = sum(row["sessions"] for row in found["rows"])
                asked[0] += 1
                if not least <= count <= known[0] + 1 or found["runtime_ms"] != 10_000 * count:
                    wrong.append((least, count, known[0]))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for number in range(60):
                at = bench.clock.now()
                session_id = numbered("session", number)
                bench.keep(session_fact(session_id=session_id, started_at=at))
                known[0] = number + 1
                bench.clock.advance(3600 * (1 + 5 * (number % 7 == 0)))
                bench.books.seal(force=number % 3 == 0)
                if number % 4 == 0:
                    bench.books.compact()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert wrong == []
        assert asked[0] > 10
