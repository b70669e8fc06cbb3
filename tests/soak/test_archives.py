"""Thousands of random sequences of values: the arithmetic of archives against rrdtool."""

import os
from pathlib import Path

import pytest

from tests.property.test_archive_arithmetic import RrdTool, check

pytestmark = [pytest.mark.rrdtool, pytest.mark.slow]
SEQUENCES = int(os.environ.get("GRANGE_SOAK_SEQUENCES", "5000"))


@pytest.mark.timeout(1800)
def test_thousands_of_sequences_give_the_rows_of_rrdtool(tmp_path: Path) -> None:
    """Ledger S3-03, S3-04, S3-05, S4-20: equal to nine digits, unknowns equal."""
    tool = RrdTool(tmp_path)
    try:
        for seed in range(SEQUENCES):
            check(tool, 1_000_000 + seed)
    finally:
        tool.close()
