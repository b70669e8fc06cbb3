"""25 times kill -9 while facts come in, files are sealed and put together, and months frozen."""

from pathlib import Path

import pytest

from tests.soak.books_crew import run_kill_test


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_25_kills_lose_and_double_nothing(tmp_path: Path, seed: int):
    """Invariant 1, issue "books in full": ingest, compaction and freeze, 25 × kill -9."""
    done = run_kill_test(tmp_path, kills=25, seed=seed)
    assert done.months
    assert done.rounds > 3
    assert len(done.sessions) > 60
