"""Books whose every write can fail: half written, before or after it took effect, or no room."""

import asyncio
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import FileJournal
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES
from grange.books.catalog.schema import conformed
from grange.books.rows import in_file_order, joined, keep_first
from grange.domain.farm import Farm
from grange.domain.rates import amount_after
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import GrangeError, StorageFullError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.ports.blocks import WrittenFile
from grange.ports.query import Plan
from grange.ports.state import Batch, ManifestRow
from grange.services.library import Books
from grange.testing.facts import (
    FARM,
    T0,
    as_row,
    event_fact,
    numbered,
    posted_worker_sample,
    sample_row,
    session_fact,
)
from grange.testing.memory_store import MemoryStore

HOUR = MILLIS_PER_HOUR
COST = amount_after(1_000_000_000, 10_000)
KINDS = ("before", "torn", "after", "full")
FARM_ROW = Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")


class CrashError(Exception):
    """The process died here."""


@dataclass(slots=True)
class Faults:
    """Which step fails, and how; steps are counted over the whole run."""

    at: int = 0
    """0: none."""
    kind: str = "before"
    steps: list[str] = field(default_factory=list)

    def strike(self, what: str) -> str | None:
        """Return how this step fails; None: it does not."""
        self.steps.append(what)
        return self.kind if len(self.steps) == self.at else None

    def around(
        self, what: str, act: Callable[[], Any], torn: Callable[[], object] = lambda: None
    ) -> Any:
        """Take a step, or fail."""
        how = self.strike(what)
        if how is None:
            return act()
        if how == "full":
            raise StorageFullError(f"No room: {what}.", retry_after_seconds=1)
        if how == "torn":
            torn()
        elif how == "after":
            act()
        raise CrashError(what)


class FaultyBlocks(ParquetBlocks):
    """Files whose writing can fail."""

    def __init__(self, root: Path, faults: Faults) -> None:
        super().__init__(root)
        self._faults = faults

    def write(self, path: str, rows: pa.Table, provenance: Mapping[str, str]) -> WrittenFile:
        write = super().write

        def half() -> None:
            written = write(path, rows, provenance)
            whole = Path(self.location(written.path))
            Path(self.temporary(path)).write_bytes(whole.read_bytes()[: written.byte_count // 2])
            whole.unlink()

        written: WrittenFile = self._faults.around(
            f"write {path.split('/')[2]}", lambda: write(path, rows, provenance), half
        )
        return written

    def adopt(self, temporary: str, path: str) -> WrittenFile:
        adopt = super().adopt
        if Path(temporary).stat().st_size and "/c" not in path and ".c" not in path:
            return adopt(temporary, path)  # a part of `write`
        adopted: WrittenFile = self._faults.around("adopt", lambda: adopt(temporary, path))
        return adopted

    def remove(self, path: str) -> None:
        remove = super().remove
        self._faults.around("remove", lambda: remove(path))


class FaultyEngine(DuckEngine):
    """Files put together whose writing can fail."""

    def __init__(self, root: Path, faults: Faults) -> None:
        super().__init__(root, threads=1)
        self._faults = faults

    def copy(self, plan: Plan, path: str, *, row_group_rows: int) -> None:
        copy = super().copy
        self._faults.around(
            "copy",
            lambda: copy(plan, path, row_group_rows=row_group_rows),
            lambda: Path(path).write_bytes(b"PAR1 half"),
        )


class FaultyStore(MemoryStore):
    """A manifest whose transactions can fail."""

    faults = Faults()

    async def publish(
        self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant
    ) -> None:
        how = self.faults.strike("publish")
        if how == "full":
            raise StorageFullError("No room for the manifest.", retry_after_seconds=1)
        if how not in {"before", "torn"}:
            await super().publish(add, retire, now)
        if how is not None:
            raise CrashError("publish")

    async def forget_files(self, paths: Sequence[str]) -> None:
        how = self.faults.strike("forget")
        if how == "full":
            raise StorageFullError("No room for the manifest.", retry_after_seconds=1)
        if how not in {"before", "torn"}:
            await super().forget_files(paths)
        if how is not None:
            raise CrashError("forget")


class Room:
    """A data folder; `restart` is what happens after a crash."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self.folder = folder
        self.faults = faults
        self.clock = VirtualClock(T0)
        self.store = FaultyStore()
        self.store.faults = faults
        self.restarts = 0
        self._start()

    def _start(self) -> None:
        self.journal = FileJournal(
            self.folder / "journal", self.clock, write=self._write, flush=self._flush
        )
        self.books = Books(
            store=self.store,
            journal=JournalFolder(self.folder / "journal"),
            blocks=FaultyBlocks(self.folder, self.faults),
            engine=FaultyEngine(self.folder, self.faults),
            clock=self.clock,
        )
        self.books.open()

    def restart(self) -> None:
        """Start again over what a dead process left."""
        self.restarts += 1
        self.journal._segment.leave()
        os.close(self.journal._lock_file)
        self.books.close()
        self._start()

    def upkeep(self) -> None:
        """Seal, roll up, compact, delete."""
        self.books.upkeep()

    def close(self) -> None:
        """Close everything."""
        self.books.close()
        self.journal.close()

    def _write(self, descriptor: int, data: memoryview) -> int:
        how = self.faults.strike("journal write")
        if how in {"torn", "full"}:
            os.write(descriptor, data[: len(data) // 2])
        if how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if how == "before":
            raise CrashError("journal write")
        written = 0 if how == "torn" else os.write(descriptor, data)
        if how is not None:
            raise CrashError("journal write")
        return written

    def _flush(self, descriptor: int) -> None:
        how = self.faults.strike("journal flush")
        if how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if how not in {"before", "torn"}:
            os.fdatasync(descriptor)
        if how is not None:
            raise CrashError("journal flush")

    def do(self, act: Callable[[], object]) -> None:
        """Act, as a server does: again after a crash, again when there is room."""
        for _ in range(3):
            try:
                act()
            except CrashError:
                self.restart()
            except StorageFullError:
                continue
            except GrangeError as error:  # the bridge hands on what broke in the store
                raise AssertionError(f"{error!r} is no answer to a fault") from error
            else:
                return
        raise AssertionError("It failed three times.")


def live(room: Room) -> None:
    """Two days: facts come in on time, twice and late; are sealed, put together, replaced."""
    asyncio.run(room.store.commit(Batch(puts=[FARM_ROW])))
    hours = 4
    events = [event_fact(numbered("event", 1), T0 + 1, "worker_status", old="CREATED",
                         new="CREATED", number=1),
              event_fact(numbered("event", 2), T0 + 2, "worker_status", old="CREATED",
                         new="STARTED", number=1)]  # fmt: skip
    room.do(lambda: post(room, "events", [as_row(event) for event in events]))
    for hour in range(hours):
        at = T0 + hour * HOUR
        sessions = [
            as_row(session_fact(session_id=numbered("session", 10 * hour + part),
                                started_at=at + part * 600_000, amount_billionths=COST))
            for part in range(3)
        ]  # fmt: skip
        room.do(partial(post, room, "sessions", sessions))
        for wave in range(2):
            room.do(partial(post, room, "worker_samples", samples(at, wave)))
        if hour == 2:
            room.do(lambda: post(room, "worker_samples", samples(T0, 0)))  # once more
        travel(room, at + HOUR + 3 * 60_000)
        room.do(room.upkeep)
    late = [
        as_row(
            session_fact(
                session_id=numbered("session", 99),
                started_at=T0 + 3_000_000,
                amount_billionths=COST,
            )
        )
    ]
    room.do(lambda: post(room, "sessions", late))
    travel(room, T0 + 6 * HOUR)
    room.do(room.upkeep)
    travel(room, T0 + MILLIS_PER_DAY)
    room.do(room.upkeep)
    again = samples(T0 + HOUR, 0, cpu=900)
    room.do(
        lambda: room.books.replace(
            farm_id=FARM, table="worker_samples", start=T0 + HOUR, end=T0 + 2 * HOUR, rows=again
        )
    )
    travel(room, T0 + MILLIS_PER_DAY + 2 * HOUR)
    room.do(room.upkeep)


def samples(at: int, wave: int, *, cpu: int = 500) -> list[dict[str, Any]]:
    """Return samples of half an hour."""
    first = at + wave * 1_800_000
    return [
        sample_row(posted_worker_sample(first + 300_000 * number + 1, cpu_milli=cpu + number))
        for number in range(6)
    ]


def post(room: Room, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows in the journal, durably."""
    room.journal.append(FARM, table, rows)
    room.journal.sync()


def travel(room: Room, at: int) -> None:
    """Move the clock."""
    room.clock.advance(max(0, at - room.clock.now()) / 1000)


def everything(room: Room) -> dict[str, Any]:
    """Return all facts and rollups, wherever they are, and what verify says."""
    room.faults.at = 0
    room.books.seal(force=True)
    found: dict[str, Any] = {}
    with room.books.shelf.view(FARM) as view:
        for spec in (*FACT_TABLES, *ROLLUP_TABLES):
            tables = [
                conformed(spec, view.blocks.read(row.path)) for row in view.files.get(spec.name, ())
            ]
            rows = joined(spec, tables)
            assert keep_first(spec, rows).num_rows == rows.num_rows, f"{spec.name} has rows twice"
            found[spec.name] = in_file_order(spec, rows).to_pylist()
    checks = room.books.verify(farm_id=FARM)["checks"]
    wrong = [check for check in checks if not check["ok"]]
    assert not wrong, wrong
    return found


def run(folder: Path, at: int = 0, kind: str = "before") -> tuple[dict[str, Any], Faults]:
    """Live through it with one fault; return everything that is there at the end."""
    folder.mkdir(parents=True)
    room = Room(folder, Faults(at=at, kind=kind))
    try:
        live(room)
        return everything(room), room.faults
    finally:
        room.close()
