"""A script that knows nothing but boto3 runs a job, and the books agree with it."""

import json
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from tests.acceptance.farm import EXAMPLE_PER_HOUR, RunningFarm

SCRIPT = Path(__file__).parents[2] / "examples" / "boto3_only.py"


@pytest.mark.slow
def test_a_boto3_script_gets_statistics_that_equal_its_sessions(tmp_path: Path):
    """Ledger S2: sums equal Σ (endedAt − startedAt) to the millisecond, cost to 1e-9."""
    with RunningFarm(tmp_path).start() as farm:
        done = subprocess.run(
            [sys.executable, str(SCRIPT)],
            env=farm.client_environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr + farm.logs()
        said = json.loads(done.stdout)
        assert said["status"] == "SUCCEEDED"
        assert said["task_runs"] == 6
        (row,) = said["statistics"]
        assert row["usageType"] == "COMPUTE"
        assert row["count"] == len(said["sessions"])
        assert round(row["runtimeInSeconds"]["sum"] * 1000) == said["session_millis"]
        millis = [session["millis"] for session in said["sessions"]]
        assert round(row["runtimeInSeconds"]["max"] * 1000) == max(millis)
        rate = Decimal(EXAMPLE_PER_HOUR) / farm.threads / Decimal(10**9)
        cost = sum(
            (rate * one / 3_600_000).quantize(Decimal("1e-9"), rounding=ROUND_HALF_EVEN)
            for one in millis
        )
        assert abs(Decimal(repr(row["costInUsd"]["sum"])) - cost) <= Decimal("1e-9")
        assert cost > 0

        verified = farm.grange("books", "verify")
        assert verified.returncode == 0, verified.stdout
