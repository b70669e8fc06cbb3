"""Books on real files in a folder, with a journal to put facts in."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.rings.folder import SharedRings
from grange.books.catalog.rows import fact_row
from grange.domain.facts import Fact
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.ports.state import Batch
from grange.services.library import Books
from grange.testing.memory_store import MemoryStore


class BooksBench:
    """Books, and everything needed to feed them."""

    def __init__(self, folder: Path, clock: VirtualClock, store: MemoryStore | None = None) -> None:
        self.folder = folder
        self.clock = clock
        self.store = store or MemoryStore()
        self.journal = FileJournal(folder / "journal", clock)
        self.books = self.new_books()

    def new_books(self) -> Books:
        """Return books over the same folder, as a new process would."""
        return Books(
            store=self.store,
            journal=JournalFolder(self.folder / "journal"),
            blocks=ParquetBlocks(self.folder),
            engine=DuckEngine(self.folder, threads=1),
            clock=self.clock,
            rings=SharedRings(self.folder / "rings"),
        )

    def reopen(self) -> None:
        """Close the books and open them again."""
        self.books.close()
        self.books = self.new_books()
        self.books.open()

    def keep(self, *facts: Fact) -> None:
        """Put facts of the state machines in the journal."""
        for fact in facts:
            name, row = fact_row(fact)
            self.journal.append(fact.farm_id, name, [row])
        self.journal.sync()

    def post(self, table_name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put rows of one farm in the journal."""
        if rows:
            self.journal.append(rows[0]["farm_id"], table_name, rows)
            self.journal.sync()

    def put(self, *entities: Any, outbox: Sequence[Fact] = ()) -> None:
        """Commit entities (and facts in the outbox) to the state store."""
        asyncio.run(self.store.commit(Batch(puts=list(entities), outbox=list(outbox))))

    def travel(self, instant: int) -> None:
        """Move the clock forward to an instant."""
        self.clock.advance((instant - self.clock.now()) / 1000)


@contextmanager
def books_bench(
    folder: Path, start: Instant, store: MemoryStore | None = None
) -> Iterator[BooksBench]:
    """Keep books in a folder inside the block."""
    bench = BooksBench(folder, VirtualClock(start), store)
    bench.books.open()
    try:
        yield bench
    finally:
        bench.books.close()
        bench.journal.close()
