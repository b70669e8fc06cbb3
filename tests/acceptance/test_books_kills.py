"""The short form of tests/soak/test_books_kills.py."""

from pathlib import Path

import pytest

from tests.soak.books_crew import run_kill_test


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_five_kills_lose_and_double_nothing(tmp_path: Path):
    """Invariant 1: while facts come in, files are sealed and put together, and months frozen."""
    done = run_kill_test(tmp_path, kills=5, seed=7)
    assert done.months
    assert done.samples
