"""`grange queue stop` and `start`, on a real server with workers that ask for work."""

import json
from typing import Any

import pytest

from grange.cli.main import run
from grange.server.handlers import workers
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template


@pytest.fixture
def grange(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.05)
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(words)) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


def started(farm: LocalFarm, name: str) -> ScriptedWorker:
    worker = add_worker(farm, name)
    worker.start()
    return worker


def test_a_queue_is_stopped_and_started(farm: LocalFarm, grange: Any) -> None:
    """Nobody is given work of it meanwhile; what runs ends, or is canceled and waits again."""
    client = farm.boto3()
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("long", frames="1-9"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    queue, fleet = (
        json.loads(grange(what, "ls", "--json"))[0]["displayName"] for what in ("queue", "fleet")
    )
    busy, free = started(farm, "busy"), started(farm, "free")
    assert len(busy.schedule()["assignedSessions"]) == 1

    said = grange("queue", "stop", queue)
    assert f"Workers of {fleet} take no tasks of {queue} any more; what runs is finished" in said
    assert f"{fleet} (finishes its tasks)" in grange("queue", "ls")
    assert free.schedule()["assignedSessions"] == {}
    assert "stopped" in grange("job", "why", job_id)
    (running,) = busy.schedule()["assignedSessions"].values()
    assert not busy.schedule()["cancelSessionActions"]

    assert "add --yes" in grange("queue", "stop", queue, "--now", code=2)
    grange("queue", "stop", queue, "--now", "--yes")
    (canceled,) = busy.schedule()["cancelSessionActions"].values()
    assert canceled == [running["sessionActions"][0]["sessionActionId"]]
    busy.schedule({canceled[0]: busy.done("CANCELED", 1)})
    assert busy.run_everything() == 0
    assert f"{fleet} (stopped)" in grange("queue", "ls")

    assert f"Workers of {fleet} take tasks of {queue}." in grange("queue", "start", queue)
    assert len(free.schedule()["assignedSessions"]) == 1
    counts = client.get_job(farmId=farm.farm_id, queueId=farm.queue_id, jobId=job_id)
    assert counts["taskRunStatusCounts"]["READY"] == 8, "what was canceled waits again"


def test_what_is_not_there_is_not_stopped(farm: LocalFarm, grange: Any) -> None:
    queue = json.loads(grange("queue", "ls", "--json"))[0]["displayName"]
    said = grange("queue", "stop", queue, "--fleet", "none-such", code=2)
    assert f"Who works for {queue}: default. Nothing was changed." in said
    assert "Name one queue of the farm" in grange("queue", "stop", "none-such", code=2)
