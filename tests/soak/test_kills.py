"""Twenty times kill -9 while a real job renders: nothing is lost, nothing is doubled."""

import os
from pathlib import Path

import pytest

from tests.acceptance.kills import run_kill_test


@pytest.mark.mitsuba
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_kills_lose_and_double_nothing(tmp_path: Path, seed: int):
    run_kill_test(
        tmp_path,
        frames=60,
        servers=12,
        workers=8,
        seconds=240,
        python=os.environ["GRANGE_TEST_MITSUBA"],
        seed=seed,
    )
