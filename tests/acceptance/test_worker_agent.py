"""The unmodified deadline-cloud-worker-agent, in its own environment, renders for Grange."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grange.testing.farm import LocalFarm
from tests.server.conftest import template

pytestmark = [pytest.mark.agent, pytest.mark.slow]

SECONDS = 240


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path / "farm") as running:
        yield running


@pytest.fixture
def agent(farm: LocalFarm, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running agent with the workers' key."""
    folders = {name: tmp_path / name for name in ("logs", "persistence", "sessions")}
    for folder in folders.values():
        folder.mkdir(mode=0o755)
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        **farm.environment(),
        "AWS_ACCESS_KEY_ID": farm.ids.worker.key_id,
        "AWS_SECRET_ACCESS_KEY": farm.ids.worker.secret,
    }
    with (tmp_path / "agent.txt").open("wb") as output:
        process = subprocess.Popen(
            [
                os.environ["GRANGE_TEST_AGENT"],
                "--farm-id",
                farm.farm_id,
                "--fleet-id",
                farm.fleet_id,
                "--run-jobs-as-agent-user",
                "--no-shutdown",
                "--logs-dir",
                str(folders["logs"]),
                "--persistence-dir",
                str(folders["persistence"]),
                "--session-root-dir",
                str(folders["sessions"]),
            ],
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        yield process
        # With --no-shutdown the agent waits for ever; nothing gentler ends it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(what: Callable[[], Any], agent: subprocess.Popen[bytes], folder: Path) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := what()):
        said = (folder / "agent.txt").read_text(errors="replace")[-3000:]
        assert agent.poll() is None, said
        assert time.monotonic() < end, said
        time.sleep(0.2)
    return found


def test_an_agent_registers_renders_and_logs(
    farm: LocalFarm, agent: subprocess.Popen[bytes], tmp_path: Path
):
    client = farm.boto3()
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("by the agent", frames="1-3"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}

    def ended() -> bool:
        return "endedAt" in client.get_job(**own)

    wait_for(ended, agent, tmp_path)
    job = client.get_job(**own)
    assert job["taskRunStatus"] == "SUCCEEDED", job
    assert job["taskRunStatusCounts"]["SUCCEEDED"] == 4
    (session, *_) = client.list_sessions(**own)["sessions"]
    logs = farm.boto3("logs")

    def logged() -> list[str]:
        try:
            found = logs.get_log_events(
                logGroupName="any", logStreamName=session["sessionId"], startFromHead=True
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in found["events"]]

    wait_for(lambda: any(line.strip().endswith("1") for line in logged()), agent, tmp_path)
    actions = client.list_session_actions(**own)["sessionActions"]
    assert {action["status"] for action in actions} == {"SUCCEEDED"}


def test_paths_are_mapped_as_the_agent_expects(
    farm: LocalFarm, agent: subprocess.Popen[bytes], tmp_path: Path
):
    client, own = farm.boto3(), {"farmId": farm.farm_id}
    paths = {"WINDOWS": "X:\\projects", "LINUX": str(tmp_path / "srv")}
    profiles = {
        family: client.create_storage_profile(
            **own,
            displayName=family,
            osFamily=family,
            fileSystemLocations=[{"name": "Projects", "path": path, "type": "SHARED"}],
        )["storageProfileId"]
        for family, path in paths.items()
    }
    queue = {**own, "queueId": farm.queue_id}
    client.update_queue(
        **queue,
        allowedStorageProfileIdsToAdd=list(profiles.values()),
        requiredFileSystemLocationNamesToAdd=["Projects"],
    )
    managed = client.get_fleet(**own, fleetId=farm.fleet_id)["configuration"]["customerManaged"]
    client.update_fleet(
        **own,
        fleetId=farm.fleet_id,
        configuration={"customerManaged": {**managed, "storageProfileId": profiles["LINUX"]}},
    )
    out = tmp_path / "srv" / "shots"
    out.mkdir(parents=True)
    run = {"command": "touch", "args": ["{{Param.Out}}/here"]}
    job_id = client.create_job(
        **queue,
        template=json.dumps(
            {
                "specificationVersion": "jobtemplate-2023-09",
                "name": "mapped",
                "parameterDefinitions": [{"name": "Out", "type": "PATH", "dataFlow": "OUT"}],
                "steps": [{"name": "Touch", "script": {"actions": {"onRun": run}}}],
            }
        ),
        templateType="JSON",
        priority=50,
        storageProfileId=profiles["WINDOWS"],
        parameters={"Out": {"path": "x:\\Projects\\shots"}},
    )["jobId"]
    wait_for(lambda: "endedAt" in client.get_job(**queue, jobId=job_id), agent, tmp_path)
    assert client.get_job(**queue, jobId=job_id)["taskRunStatus"] == "SUCCEEDED"
    assert (out / "here").exists()


def test_a_job_under_way_is_canceled(
    farm: LocalFarm, agent: subprocess.Popen[bytes], tmp_path: Path
):
    client = farm.boto3()
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("endless", frames="1")
        .replace('"echo"', '"sleep"')
        .replace("{{Task.Param.Frame}}", "600"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}

    def status() -> str:
        return str(client.get_job(**own)["taskRunStatus"])

    wait_for(lambda: status() == "RUNNING", agent, tmp_path)
    client.update_job(**own, targetTaskRunStatus="CANCELED")
    wait_for(lambda: status() == "CANCELED", agent, tmp_path)
