"""Nothing is lost and nothing counts twice, from a publisher in C to the server's books."""

from pathlib import Path

import pytest

from tests.datalog.load import none_lost_none_doubled


@pytest.mark.mosquitto
def test_none_lost_none_doubled_through_kill_9_and_a_restart_of_the_broker(tmp_path: Path):
    """Ledger S3-13, S3-21; the short form of the minute in tests/soak."""
    run = none_lost_none_doubled(tmp_path, 3000, kill_every=1.0)
    assert run.kills >= 2
