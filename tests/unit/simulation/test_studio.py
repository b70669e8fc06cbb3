"""A simulated past: the same for the same seed, and one that the books accept."""

from pathlib import Path

import pytest

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.domain.work import SessionAction, Task
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConflictError
from grange.services.library import Books
from grange.testing.studio import simulated_studio
from grange.wiring.simulation import Simulated

pytestmark = pytest.mark.slow


def _books(folder: Path, past: Simulated) -> Books:
    return Books(
        store=SqliteStore(folder / "state.db"),
        journal=JournalFolder(folder / "journal"),
        blocks=ParquetBlocks(folder),
        engine=DuckEngine(folder, threads=1),
        clock=VirtualClock(past.end),
    )


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Simulated]:
    folder = tmp_path_factory.mktemp("studio") / "data"
    return folder, simulated_studio(folder, workers=4, days=1, seed=3)


def test_the_books_of_a_simulated_past_verify_clean(studio: tuple[Path, Simulated]) -> None:
    folder, past = studio
    books = _books(folder, past)
    books.open()
    try:
        found = books.verify(farm_id=past.farm_id)
    finally:
        books.close()
    assert [check for check in found["checks"] if not check["ok"]] == []
    assert len(found["checks"]) > 8


def test_accounts_of_a_simulated_past_close(studio: tuple[Path, Simulated]) -> None:
    folder, past = studio
    books = _books(folder, past)
    books.open()
    try:
        found = books.accounts(farm_id=past.farm_id, start=past.start, end=past.end)
        rows = books.timeline(farm_id=past.farm_id, start=past.start, end=past.end)
    finally:
        books.close()
    assert rows
    (row,) = found["rows"]
    assert row["rendering_useful_ms"] > 0
    assert row["disabled_ms"] > 0, "somebody sat at a work station"
    assert row["machine_ms"] <= 4 * (past.end - past.start)
    assert row["machine_ms"] > 4 * (past.end - past.start) - 60_000, "all four joined at once"


def test_every_attempt_passed_the_state_machines(studio: tuple[Path, Simulated]) -> None:
    folder, past = studio
    books = _books(folder, past)
    books.open()
    try:
        actions = books.state.find(SessionAction)
        tasks = books.state.find(Task)
        (farm,) = books.state.find(Farm)
    finally:
        books.close()
    reported = [
        action
        for action in actions
        if action.kind == "task_run" and action.status in ("SUCCEEDED", "FAILED", "CANCELED")
    ]
    assert farm.simulated
    assert past.tally.attempts == len(reported) > 10
    begun = [a for a in actions if a.kind == "task_run" and a.started_at is not None]
    assert sum(task.attempts for task in tasks) == len(begun)


def test_a_past_is_not_simulated_over_a_farm(studio: tuple[Path, Simulated]) -> None:
    with pytest.raises(ConflictError, match="holds a farm already"):
        simulated_studio(studio[0], workers=1, days=0.1)


def _facts(folder: Path, past: Simulated) -> dict[str, list[dict[str, object]]]:
    books = _books(folder, past)
    books.open()
    try:
        return {
            row.table_name: sorted(
                (
                    fact
                    for file in books.shelf.files()
                    if file.table_name == row.table_name
                    for fact in books.shelf.blocks.read(file.path).to_pylist()
                ),
                key=repr,
            )
            for row in books.shelf.files()
            if row.form != "rollup"
        }
    finally:
        books.close()


def test_the_same_seed_gives_the_same_facts_and_another_seed_others(tmp_path: Path) -> None:
    pasts = [
        simulated_studio(tmp_path / name, workers=3, days=0.4, seed=seed, samples=samples)
        for name, seed, samples in (("a", 5, True), ("b", 5, True), ("c", 6, True))
    ]
    one, same, other = (
        _facts(tmp_path / name, past) for name, past in zip("abc", pasts, strict=True)
    )
    assert one.keys() == same.keys() >= {"session_actions", "sessions", "events", "worker_samples"}
    assert one == same
    assert one != other
