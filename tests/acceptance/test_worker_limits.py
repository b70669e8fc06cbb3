"""A real worker held to its limits and hours, on a real server (S1-12, S1-13, S1-10)."""

from pathlib import Path

import pytest

from tests.acceptance.farm import RunningFarm, wait_until
from tests.acceptance.test_worker import actions, job, step, submit, wait_for

pytestmark = pytest.mark.slow
HOG = "python3 -c 'import time; b = bytearray(400 * 2**20); time.sleep(30)'\n"


def test_hours_memory_and_output_of_one_worker(tmp_path: Path) -> None:
    with RunningFarm(tmp_path, threads=1) as farm:
        folder = tmp_path / "workers" / "1"
        folder.mkdir(parents=True)
        limits = folder / "limits.toml"
        limits.write_text('[render]\nhours = "never"\n')
        farm.start_server()
        wait_until(lambda: farm.rest("GET", "/overview"), seconds=180, what="the server answers")
        farm.start_worker(1)

        def worker_is(status: str) -> bool:
            workers = farm.rest("GET", "/overview")["workers"]
            return [one["status"] for one in workers] == [status]

        wait_until(lambda: worker_is("disabled"), seconds=180, what="the worker is closed")
        job_id = submit(farm, step("Render", "echo up", frames="1-1"))
        told = farm.grange("worker", "limits", "--data", str(folder))
        assert "takes no work (outside its render hours)" in told.stdout
        assert job(farm, job_id)["taskRunStatus"] == "READY"

        limits.write_text("[limits]\nmemory_mib = 200\n")
        assert wait_for(farm, job_id) == "SUCCEEDED", farm.logs()

        hog = submit(farm, step("Render", HOG, frames="1-1"))

        def stopped() -> list[str]:
            errors = farm.rest("GET", f"/jobs/{hog}")["errors"]
            return [one["class"] for one in errors]

        classes = wait_until(stopped, seconds=180, what="the hog is stopped")
        assert set(classes) == {"memory"}
        failed = [one for one in actions(farm, hog) if one["status"] == "FAILED"]
        assert "rendering may use 200 MiB" in failed[0]["progressMessage"]
        farm.grange("job", "cancel", hog, "--yes")

        images = tmp_path / "srv" / "images"
        text = (
            'for f in 1 2; do printf %s $f > "{{Param.Out}}/a.000$f.raw"; done; ls "{{Param.Out}}"'
        )
        definition = {"name": "Out", "type": "PATH", "dataFlow": "OUT", "default": str(images)}
        contained = submit(
            farm, step("Render", text, frames="1-2", chunk=2), parameterDefinitions=[definition]
        )
        assert wait_for(farm, contained) == "SUCCEEDED", farm.logs()
        assert [path.name for path in sorted(images.iterdir())] == ["a.0001.raw", "a.0002.raw"]
        [ran] = [one for one in actions(farm, contained) if "taskRun" in one["definition"]]
        assert ran["status"] == "SUCCEEDED"
