"""A worker on a machine with two GPUs gives each job thread its own."""

from pathlib import Path

import pytest

from tests.acceptance.farm import RunningFarm
from tests.acceptance.test_worker import step, submit, wait_for

pytestmark = pytest.mark.slow


def test_each_job_thread_sees_its_own_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The machine's GPUs are those that nvidia-smi lists; here it is a program that lists two."""
    programs = tmp_path / "bin"
    programs.mkdir()
    listing = programs / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 24576\necho 24576\n")
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    seen = tmp_path / "seen"
    seen.mkdir()
    (tmp_path / "farm").mkdir()
    with RunningFarm(tmp_path / "farm", threads=2) as farm:
        farm.start(workers=1)
        text = f"echo $CUDA_VISIBLE_DEVICES >> {seen}/$DEADLINE_SESSION_ID; sleep 1"
        assert wait_for(farm, submit(farm, step("Render", text, frames="1-6"))) == "SUCCEEDED"
        assert "give --job-user to keep them apart" in farm.logs()
    by_session = [set(path.read_text().split()) for path in seen.iterdir()]
    assert sorted(by_session, key=sorted) == [{"0"}, {"1"}]
