"""A minute of 10,000 values a second, with kills of the logger and a restart of the broker."""

from pathlib import Path

import pytest

from tests.datalog.load import none_lost_none_doubled


@pytest.mark.mosquitto
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_values_a_second_for_a_minute(tmp_path: Path):
    """Ledger S3-13, S3-21: 60,000 maps of ten values."""
    run = none_lost_none_doubled(tmp_path, 60_000, kill_every=7.0)
    assert run.kills >= 6
