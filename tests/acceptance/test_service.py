"""A worker as its unit starts it: it survives a logoff, and drains when it is stopped (S1-11)."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from grange.cli.main import run
from grange.config.service_units import ServiceKind, ServiceSettings, unit_files
from grange.server.handlers import workers
from grange.testing.farm import LocalFarm
from grange.wiring.client import system_clock
from grange.wiring.service_files import this_program
from grange.worker.verdict import Checked, Outcome, keep_result
from tests.acceptance.farm import wait_until

pytestmark = pytest.mark.slow
until = partial(wait_until, seconds=180)


def over(pid: int) -> bool:
    """True once a process has ended, whether or not somebody has taken note."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


class Desktop:
    """Somebody's session on a terminal of its own, until they log off."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self._terminal, theirs = os.openpty()
        script = f'sleep 300 & echo $!; setsid "$@" >{shlex.quote(str(log))} 2>&1 & echo $!; wait'
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "sh", "-c", script, "sh", *argv],
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        while len(said.split()) < 2:
            said += os.read(self._terminal, 1000)
        self.mine, self.worker = (int(word) for word in said.split())

    def log_off(self) -> None:
        """Hang up the terminal; a second time changes nothing."""
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1
            self._shell.wait(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "worker"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path / "data") as running:
        yield running


def submit(farm: LocalFarm, script: str) -> str:
    document = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "service",
        "steps": [
            {
                "name": "render",
                "script": {"actions": {"onRun": {"command": "sh", "args": ["-c", script]}}},
            }
        ],
    }
    made: str = farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=json.dumps(document),
        templateType="JSON", priority=50,
    )["jobId"]  # fmt: skip
    return made


def rest(farm: LocalFarm, path: str) -> Any:
    return farm.connect().call("GET", f"/api/v1/farms/{farm.farm_id}{path}", service="grange")


def test_a_worker_survives_the_logoff_and_finishes_its_frame_when_stopped(
    farm: LocalFarm, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger S1-11, S1-22: survives logoff, drains first; a failed test keeps work away."""
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.5)
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    key = farm.ids.worker
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    words = ["worker", "join", farm.endpoint, "--data", str(folder), "--no-run"]
    assert run(words) == 0
    broken = [Checked(name="scratch", outcome=Outcome.FAILED, text="full")]
    keep_result(folder, broken, system_clock().now())
    unit = unit_files(
        ServiceSettings(
            kind=ServiceKind.WORKER, user="render", program=this_program(), data_dir=folder
        )
    )[0].text
    started = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    log = tmp_path / "worker.log"
    desktop = Desktop(shlex.split(started.removeprefix("ExecStart=")), log)
    try:

        def status() -> str:
            return "".join(one["status"] for one in rest(farm, "/overview")["workers"])

        until(lambda: status() == "disabled", what="the worker is closed")
        job = submit(farm, "true")
        assert rest(farm, f"/jobs/{job}/why")["text"].count("its test failed: scratch")
        desktop.log_off()
        until(lambda: over(desktop.mine), what="what was started on the desktop ends with it")
        keep_result(folder, [], system_clock().now())
        until(lambda: rest(farm, f"/jobs/{job}")["status"] == "SUCCEEDED", what="the job is done")
        go = tmp_path / "go"
        long = submit(farm, f"while [ ! -e {go} ]; do sleep 0.1; done; sleep 1")
        until(lambda: rest(farm, f"/jobs/{long}")["counts"].get("RUNNING"), what="it renders")
        os.kill(desktop.worker, signal.SIGTERM)
        go.touch()
        until(lambda: over(desktop.worker), what="the worker stops")
        assert rest(farm, f"/jobs/{long}")["status"] == "SUCCEEDED", "it finished its frame first"
        attempts = rest(farm, f"/jobs/{long}/report")["attempts"]
        assert [one["attempt"] for one in attempts] == [1]
        assert status() == "off"
    finally:
        desktop.log_off()
        with contextlib.suppress(ProcessLookupError):
            os.kill(desktop.worker, signal.SIGKILL)
