"""The unmodified `deadline` command line, in its own environment, with settings only."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template

pytestmark = [pytest.mark.deadline_cli, pytest.mark.slow]

SECONDS = 240


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def worker(farm: LocalFarm) -> ScriptedWorker:
    made = add_worker(farm, "render01")
    made.start()
    return made


def deadline(farm: LocalFarm, home: Path, *arguments: str) -> str:
    """Run one command and return what it prints."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        **farm.environment(),
    }
    done = subprocess.run(
        [os.environ["GRANGE_TEST_DEADLINE"], *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "template.json").write_text(template("from the command line", frames="1-2"))
    return folder


@pytest.fixture(scope="module")
def job_id(farm: LocalFarm, home: Path, bundle: Path) -> str:
    deadline(
        farm,
        home,
        "bundle",
        "submit",
        str(bundle),
        "--farm-id",
        farm.farm_id,
        "--queue-id",
        farm.queue_id,
        "--yes",
    )
    jobs = farm.boto3().list_jobs(farmId=farm.farm_id, queueId=farm.queue_id)["jobs"]
    (found,) = [job["jobId"] for job in jobs if job["name"] == "from the command line"]
    return str(found)


def test_lists(farm: LocalFarm, home: Path, worker: ScriptedWorker):
    assert deadline(farm, home, "farm", "list").count(farm.farm_id) == 1
    assert farm.queue_id in deadline(farm, home, "queue", "list", "--farm-id", farm.farm_id)
    assert farm.fleet_id in deadline(farm, home, "fleet", "list", "--farm-id", farm.farm_id)
    workers = deadline(
        farm, home, "worker", "list", "--farm-id", farm.farm_id, "--fleet-id", farm.fleet_id
    )
    assert worker.worker_id in workers


def test_a_bundle_is_submitted_and_shown(farm: LocalFarm, home: Path, job_id: str):
    own = ("--farm-id", farm.farm_id, "--queue-id", farm.queue_id)
    assert job_id in deadline(farm, home, "job", "list", *own)
    shown = deadline(farm, home, "job", "get", *own, "--job-id", job_id)
    assert "from the command line" in shown


def test_a_job_is_waited_for_and_its_log_read(
    farm: LocalFarm, home: Path, worker: ScriptedWorker, job_id: str
):
    own = ("--farm-id", farm.farm_id, "--queue-id", farm.queue_id)
    client = farm.boto3()
    named: dict[str, Any] = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    answer = worker.schedule()
    ((session_id, _),) = answer["assignedSessions"].items()
    logs = farm.boto3("logs")
    logs.put_log_events(
        logGroupName="any",
        logStreamName=session_id,
        logEvents=[
            {"timestamp": farm.api.context.clock.now(), "message": "frame 1 rendered in 0.1 s"}
        ],
    )
    while client.get_job(**named)["taskRunStatus"] != "SUCCEEDED":
        updates = {
            action["sessionActionId"]: worker.done()
            for session in answer["assignedSessions"].values()
            for action in session["sessionActions"]
        }
        answer = worker.schedule(updates)
    waited = deadline(farm, home, "job", "wait", *own, "--job-id", job_id, "--timeout", "200")
    assert "SUCCEEDED" in waited or "succeeded" in waited.lower()
    read = deadline(farm, home, "job", "logs", *own, "--job-id", job_id, "--session-id", session_id)
    assert "frame 1 rendered in 0.1 s" in read


def test_a_job_is_canceled(farm: LocalFarm, home: Path):
    client = farm.boto3()
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("to cancel"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    own = ("--farm-id", farm.farm_id, "--queue-id", farm.queue_id)
    deadline(farm, home, "job", "cancel", *own, "--job-id", job_id, "--yes")
    found = client.get_job(farmId=farm.farm_id, queueId=farm.queue_id, jobId=job_id)
    assert found["taskRunStatusCounts"]["CANCELED"] == 11
