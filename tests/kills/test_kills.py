"""The short form of tests/soak/test_kills.py."""

import os
from pathlib import Path

import pytest

from tests.acceptance.kills import run_kill_test


@pytest.mark.slow
@pytest.mark.mitsuba
@pytest.mark.timeout(400)
def test_six_kills_lose_and_double_nothing(tmp_path: Path):
    run_kill_test(
        tmp_path,
        frames=20,
        servers=4,
        workers=2,
        seconds=200,
        python=os.environ["GRANGE_TEST_MITSUBA"],
        seed=2,
    )
