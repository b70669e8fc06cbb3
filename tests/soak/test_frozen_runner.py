"""A runner that hangs with its render is killed, and the cause is booked all the same (S1-06)."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.farm import RunningFarm, wait_until
from tests.acceptance.test_worker import step, submit

RENDER = "sleep 3141"


@pytest.mark.timeout(300)
def test_a_frozen_runner_does_not_keep_its_job_thread(tmp_path: Path) -> None:
    """The worker tells it to stop, waits for half a minute, kills it, and starts another one."""
    folder = tmp_path / "workers" / "1"
    folder.mkdir(parents=True)
    (folder / "limits.toml").write_text("[stuck]\nafter_seconds = 4\n")
    with RunningFarm(tmp_path, threads=1) as farm:
        farm.start(workers=1)
        text = f"if mkdir {tmp_path}/once; then exec {RENDER}; fi"
        job_id = submit(farm, step("Render", text, frames="1-1"))

        def attempts() -> list[dict[str, Any]]:
            found = farm.rest("GET", f"/jobs/{job_id}/report")["attempts"]
            return [one for one in found if one["attempt"] is not None]

        def renders() -> list[psutil.Process]:
            return [
                one
                for one in psutil.process_iter(["cmdline"])
                if one.info["cmdline"] == RENDER.split()
            ]

        [render] = wait_until(renders, seconds=60, what="it renders")
        runner = render.parent()
        render.suspend()
        runner.suspend()
        wait_until(
            lambda: [one["status"] for one in attempts()] == ["FAILED", "SUCCEEDED"],
            seconds=120,
            what="it is rendered again",
        )
        first = attempts()[0]
        assert (first["error_class"], first["error_rule"]) == ("stuck", "watch:silence")
        assert renders() == []
        assert not runner.is_running()
