"""A real worker on a real server: what it runs, measures, reports and leaves behind."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.farm import RunningFarm, wait_until

pytestmark = pytest.mark.slow
ENDED = {"SUCCEEDED", "FAILED", "CANCELED"}


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFarm]:
    with RunningFarm(tmp_path_factory.mktemp("farm"), threads=2) as farm:
        yield farm.start(workers=1)


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def submit(farm: RunningFarm, *steps: dict[str, Any], **template: Any) -> str:
    document = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": "Test",
        "steps": list(steps),
        **template,
    }
    body = {"template": json.dumps(document), "templateType": "JSON", "priority": 50}
    return str(farm.wire("POST", f"/queues/{farm.init.queue_id}/jobs", body=body)["jobId"])


def step(name: str, text: str, *, frames: str = "", chunk: int = 0, **more: Any) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": "Frame", "type": "INT", "range": frames}
    if chunk:
        parameter["type"] = "CHUNK[INT]"
        parameter["chunks"] = {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"}
    return {
        "name": name,
        "script": {
            "actions": {"onRun": {"command": "bash", "args": ["{{Task.File.Run}}"]}},
            "embeddedFiles": [{"name": "Run", "type": "TEXT", "data": text}],
        },
        **({"parameterSpace": {"taskParameterDefinitions": [parameter]}} if frames else {}),
        **more,
    }


def job(farm: RunningFarm, job_id: str) -> dict[str, Any]:
    return farm.wire("GET", f"/queues/{farm.init.queue_id}/jobs/{job_id}")


def wait_for(farm: RunningFarm, job_id: str, seconds: float = 180) -> str:
    def ended() -> str | None:
        status = job(farm, job_id)["taskRunStatus"]
        return status if status in ENDED else None

    return str(wait_until(ended, seconds=seconds, what=f"{job_id} ends"))


def sessions(farm: RunningFarm, job_id: str) -> list[dict[str, Any]]:
    path = f"/queues/{farm.init.queue_id}/jobs/{job_id}/sessions"
    found: list[dict[str, Any]] = farm.wire("GET", path)["sessions"]
    return found


def actions(farm: RunningFarm, job_id: str) -> list[dict[str, Any]]:
    path = f"/queues/{farm.init.queue_id}/jobs/{job_id}/session-actions"
    return [
        farm.wire("GET", f"{path}/{action['sessionActionId']}")
        for session in sessions(farm, job_id)
        for action in farm.wire("GET", path, query={"sessionId": session["sessionId"]})[
            "sessionActions"
        ]
    ]


def log(farm: RunningFarm, session_id: str) -> str:
    path = f"/api/v1/farms/{farm.init.farm_id}/sessions/{session_id}/log"
    return farm.api.fetch(path).decode()


def whole_log(farm: RunningFarm, job_id: str) -> str:
    """The log of the job's only session, once it is complete."""
    (session,) = sessions(farm, job_id)

    def complete() -> str | None:
        text = log(farm, session["sessionId"])
        return text if "Deleting working directory" in text else None

    return str(wait_until(complete, seconds=180, what="the log is complete"))


def facts(farm: RunningFarm, job_id: str, frames: int) -> dict[str, list[Any]]:
    def booked() -> dict[str, list[Any]] | None:
        columns: dict[str, list[Any]] = farm.rest("GET", f"/jobs/{job_id}/frames")["frames"]
        return columns if sum(x is not None for x in columns["render_ms"]) == frames else None

    found: dict[str, list[Any]] = wait_until(booked, seconds=180, what="the frames are booked")
    return found


def test_a_chunked_job_is_rendered_measured_and_logged(farm: RunningFarm) -> None:
    """S0-31: the frames' seconds add up to their chunk's."""
    out = farm.folder / "frames"
    out.mkdir()
    environment = {
        "name": "Env",
        "variables": {"FROM_ENV": "seen"},
        "script": {
            "actions": {
                "onEnter": {"command": "bash", "args": ["-c", "echo entered"]},
                "onExit": {"command": "bash", "args": ["-c", "echo left"]},
            }
        },
    }
    text = (
        "range='{{Task.Param.Frame}}'\nfor f in $(seq ${range%-*} ${range#*-}); do\n"
        "echo grange: frame $f start\n"
        "timeout 0.3 python3 -c 'while True: pass'\n"
        f"echo $FROM_ENV > {out}/$f.png\necho grange: frame $f done {out}/$f.png\ndone\n"
    )
    render = step("Render", text, frames="1-4", chunk=4, stepEnvironments=[environment])
    job_id = submit(farm, render)
    assert wait_for(farm, job_id) == "SUCCEEDED"
    columns = facts(farm, job_id, 4)
    assert sorted(columns["frame"]) == [1, 2, 3, 4]
    # Four times 0.3 s; where little CPU time is to be had, a line may be read later than written.
    assert all(one is not None for one in columns["render_ms"])
    assert sum(columns["render_ms"]) >= 800
    assert columns["output_bytes"] == [5, 5, 5, 5]
    ran = [one for one in actions(farm, job_id) if "taskRun" in one["definition"]]
    assert [one["status"] for one in ran] == ["SUCCEEDED"]
    assert ran[0]["processExitCode"] == 0
    assert ran[0]["progressPercent"] == 100
    text = whole_log(farm, job_id)
    assert text.index("entered") < text.index("grange: frame 1 start") < text.rindex("left")
    assert [path.read_text() for path in sorted(out.iterdir())] == ["seen\n"] * 4


def test_a_task_without_a_word_about_frames_books_them_as_a_mean(farm: RunningFarm) -> None:
    """S0-31: averaged over N when there are chunk totals only."""
    job_id = submit(farm, step("Render", "sleep 0.4", frames="1-4", chunk=4))
    assert wait_for(farm, job_id) == "SUCCEEDED"
    columns = facts(farm, job_id, 4)
    assert sum(columns["render_ms"]) >= 400
    assert max(columns["render_ms"]) - min(columns["render_ms"]) <= 1


def test_a_failing_task_is_tried_again_and_says_why(farm: RunningFarm) -> None:
    marker = farm.folder / "failed-once"
    text = (
        f"if [ ! -e {marker} ]; then touch {marker}; echo 'write: No space left on device' >&2;"
        " exit 5; fi; echo fine"
    )
    job_id = submit(farm, step("Render", text, frames="1-1"))
    assert wait_for(farm, job_id) == "SUCCEEDED"
    ran = [one for one in actions(farm, job_id) if "taskRun" in one["definition"]]
    assert sorted(one["status"] for one in ran) == ["FAILED", "SUCCEEDED"]
    failed = next(one for one in ran if one["status"] == "FAILED")
    assert failed["processExitCode"] == 5
    assert "No space left" in failed["progressMessage"]
    errors = farm.rest("GET", f"/jobs/{job_id}")["errors"]
    assert [one["class"] for one in errors] == ["output"]


def test_a_cancel_reaches_the_process_within_seconds(farm: RunningFarm) -> None:
    long = f"600.{os.getpid()}"  # seconds that nobody else sleeps: other tests run beside this one
    render = step("Render", f"echo $$ > pid; echo openjd_status: up; sleep {long}", frames="1-1")
    job_id = submit(farm, render)
    wait_until(lambda: job(farm, job_id)["taskRunStatus"] == "RUNNING", seconds=180, what="it runs")
    farm.wire(
        "PATCH",
        f"/queues/{farm.init.queue_id}/jobs/{job_id}",
        body={"targetTaskRunStatus": "CANCELED"},
    )
    assert wait_for(farm, job_id) == "CANCELED"

    def canceled() -> list[dict[str, Any]] | None:
        found = [one for one in actions(farm, job_id) if one["status"] == "CANCELED"]
        return found or None

    (action,) = wait_until(canceled, seconds=180, what="the action is canceled")
    assert action["processExitCode"] == -9  # a template without a word about it: killed
    wait_until(
        lambda: not [one for one in psutil.process_iter() if command_of(one) == ["sleep", long]],
        seconds=180,
        what="it is gone",
    )


def test_samples_of_machine_and_threads_arrive(farm: RunningFarm) -> None:
    """S0-25, S0-26."""

    def sampled() -> dict[str, Any] | None:
        worker: dict[str, Any] = farm.rest("GET", "/overview")["workers"][0]
        return worker if worker["cpu_milli"] is not None else None

    worker = wait_until(sampled, seconds=180, what="a sample has come")
    assert 0 <= worker["cpu_milli"] <= 1000
    assert 0 < worker["memory_used_bytes"] <= worker["memory_total_bytes"]


def test_a_worker_asked_to_stop_finishes_what_runs_and_leaves_nothing(tmp_path: Path) -> None:
    with RunningFarm(tmp_path, threads=2) as farm:
        farm.start(workers=1)
        job_id = submit(farm, step("Render", "sleep 3; echo done", frames="1-6"))
        wait_until(
            lambda: job(farm, job_id)["taskRunStatusCounts"]["RUNNING"] == 2,
            seconds=180,
            what="two tasks run",
        )
        process = farm.processes["worker-1"]
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, farm.logs()
        psutil.wait_procs(below, 60)
        assert not [one for one in below if one.is_running()]
        worker = farm.rest("GET", "/overview")["workers"][0]
        assert worker["status"] == "off"
        counts = job(farm, job_id)["taskRunStatusCounts"]
        assert counts["SUCCEEDED"] >= 2
        assert counts["RUNNING"] == counts["FAILED"] == 0
        folder = farm.folder / "workers" / "1"
        assert not (folder / "sessions").exists()
        assert list((folder / "logs").iterdir()) == []
        assert not list((folder / "spool").rglob("*.batch"))
        # The same worker comes back under the same id.
        farm.processes.pop("worker-1")
        farm.start_worker(1)
        assert wait_for(farm, job_id) == "SUCCEEDED"
        assert len(farm.rest("GET", "/overview")["workers"]) == 1


def test_a_killed_worker_leaves_no_process_and_comes_back_as_itself(tmp_path: Path) -> None:
    with RunningFarm(tmp_path, threads=2) as farm:
        farm.start(workers=1)
        job_id = submit(farm, step("Render", "sleep 0.7", frames="1-6"))
        wait_until(
            lambda: job(farm, job_id)["taskRunStatusCounts"]["SUCCEEDED"] >= 1,
            seconds=180,
            what="a task is done",
        )
        below = psutil.Process(farm.processes["worker-1"].pid).children(recursive=True)
        farm.kill("worker-1")
        psutil.wait_procs(below, 60)
        assert not [one for one in below if one.is_running()]
        farm.start_worker(1)
        assert wait_for(farm, job_id) == "SUCCEEDED"
        assert len(farm.rest("GET", "/overview")["workers"]) == 1
        columns = facts(farm, job_id, 6)
        assert sorted(columns["frame"]) == [1, 2, 3, 4, 5, 6]
        assert farm.rest("POST", "/books/verify", body={}, timeout_seconds=180)["ok"]


def test_a_killed_runner_fails_its_task_and_the_thread_goes_on(farm: RunningFarm) -> None:
    text = f"if mkdir {farm.folder}/began 2> /dev/null; then exec sleep 20; fi"
    job_id = submit(farm, step("Render", text, frames="1-1"))
    worker = psutil.Process(farm.processes["worker-1"].pid)

    def sleeping() -> list[psutil.Process]:
        return [one for one in worker.children(recursive=True) if "sleep" in command_of(one)]

    asleep = wait_until(sleeping, seconds=180, what="it runs")
    runner = next(
        parent for parent in asleep[0].parents() if "grange.wiring.runner" in command_of(parent)
    )
    runner.kill()
    assert wait_for(farm, job_id) == "SUCCEEDED"
    ran = [one for one in actions(farm, job_id) if "taskRun" in one["definition"]]
    assert sorted(one["status"] for one in ran) == ["FAILED", "SUCCEEDED"]
    assert any("signal 9" in one.get("progressMessage", "") for one in ran)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter, so that only the files' own modes protect them."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "farm").mkdir(mode=0o755)
    yield folder / "farm"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.job_user
def test_a_job_of_another_user_reads_neither_keys_nor_database_nor_sessions(
    open_folder: Path,
) -> None:
    user, folder = os.environ["GRANGE_TEST_JOB_USER"], open_folder
    with RunningFarm(folder, threads=2) as farm:
        farm.start_server()
        wait_until(lambda: farm.rest("GET", "/overview"), seconds=180, what="the server answers")
        farm.start_worker(1, "--job-user", user)
        wait_until(farm.ready_workers, seconds=180, what="the worker is ready")
        text = (
            "echo user is $(id -un)\n"
            f"for f in {folder}/master.key {folder}/state.db {folder}/workers/1/worker.json"
            f" {folder}/client.env {folder}/journal/*; do\n"
            "  cat $f > /dev/null 2>&1 && echo could read $f\ndone\n"
            f"for d in {folder}/workers/1 {folder}/workers/1/logs {folder}/workers/1/spool; do\n"
            "  ls $d > /dev/null 2>&1 && echo could list $d\ndone\n"
            "env | grep AWS_ && echo could see keys\n"
            "ls .. > /dev/null 2>&1 && echo could list sessions\n"
            "echo x > mine && echo could write its own\n"
            "echo grange: frame 1 done mine\n"
        )
        job_id = submit(farm, step("Render", text, frames="1-1"))
        assert wait_for(farm, job_id) == "SUCCEEDED"
        said = [line.split(" ", 1)[1] for line in whole_log(farm, job_id).splitlines()]
        assert f"user is {user}" in said
        assert "could write its own" in said
        assert [line for line in said if re.match("could (?:read|list|see) ", line)] == []
        assert facts(farm, job_id, 1)["output_bytes"] == [2]
        # Cancelling reaches a process of the other user, and nothing of it stays.
        job_id = submit(farm, step("Render", "sleep 601", frames="1-1"))
        wait_until(
            lambda: job(farm, job_id)["taskRunStatus"] == "RUNNING", seconds=180, what="it runs"
        )
        body = {"targetTaskRunStatus": "CANCELED"}
        farm.wire("PATCH", f"/queues/{farm.init.queue_id}/jobs/{job_id}", body=body)
        assert wait_for(farm, job_id) == "CANCELED"
        wait_until(lambda: not _processes_of(user), seconds=180, what="its processes are gone")
        # Nor after the worker has been killed.
        job_id = submit(farm, step("Render", "sleep 602", frames="1-1"))
        wait_until(lambda: _processes_of(user), seconds=180, what="it runs")
        farm.kill("worker-1")
        farm.start_worker(1, "--job-user", user)
        wait_until(lambda: not _of(user, "602", 30), seconds=180, what="they are gone")


def _processes_of(user: str) -> list[psutil.Process]:
    uid = pwd.getpwnam(user).pw_uid
    found = []
    for one in psutil.process_iter():
        try:
            if one.uids().real == uid and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.Error:
            continue
    return found


def _of(user: str, word: str, age_seconds: float) -> list[psutil.Process]:
    """Processes of a user that carry a word and are older than that: left over, not begun anew."""
    return [
        one
        for one in _processes_of(user)
        if word in command_of(one) and time.time() - one.create_time() > age_seconds
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root to be refused")
def test_a_joined_worker_refuses_to_render_as_root(tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "grange",
                "worker",
                "run",
                "--server",
                "https://farm.example:8765",
            ),
            *("--farm", "farm-" + "0" * 32, "--fleet", "fleet-" + "0" * 32),
            *("--data", str(tmp_path)),
        ],
        env={**os.environ, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert answer.returncode != 0
    assert "--job-user" in answer.stderr
