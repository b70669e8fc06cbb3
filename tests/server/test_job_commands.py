"""The commands about one job, on a real server: which job a name means, and what is refused."""

import json
from typing import Any

import pytest

from grange.cli.main import run
from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker, template


@pytest.fixture
def grange(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(words)) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


def create(farm: LocalFarm, name: str, *, priority: int = 50) -> str:
    made: str = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(name, frames="1-4"),
        templateType="JSON",
        priority=priority,
    )["jobId"]
    return made


def shown(grange: Any, name: str) -> str:
    return str(json.loads(grange("job", "show", name, "--json"))["job_id"])


def test_a_job_is_found_by_its_name_and_by_nothing_else(farm: LocalFarm, grange: Any) -> None:
    whole = create(farm, "ball.pov 1")
    longer = create(farm, "ball.pov 1-6")
    quoted = create(farm, 'say "hi" \\ there')
    assert shown(grange, "ball.pov 1") == whole
    assert shown(grange, "pov 1-6") == longer
    assert shown(grange, "POV 1-") == longer
    assert shown(grange, '"hi" \\') == quoted
    assert "ball.pov 1-6" in grange("job", "show", "ball.pov", code=2)
    assert "does not exist" in grange("job", "show", "owner", code=3), "the user of all of them"
    assert "does not exist" in grange("job", "show", " ", code=3)
    grange("job", "cancel", "no-ball ball.pov", "--yes", code=3)
    twin = create(farm, "ball.pov 1")
    assert "2 jobs are named 'ball.pov 1'" in grange("job", "cancel", "ball.pov 1", "--yes", code=2)
    assert shown(grange, "last") == twin


def test_a_job_that_has_ended_is_not_canceled_or_paused_again(farm: LocalFarm, grange: Any) -> None:
    ended, going = create(farm, "over and done"), create(farm, "still going")
    assert "Nothing was done" in grange("job", "requeue", ended, code=1)
    assert "Canceled" in grange("job", "cancel", ended, "--yes")
    refusal = "over and done has ended already: canceled. Nothing was done."
    assert refusal in grange("job", "cancel", ended, "--yes", code=1)
    for action in ("pause", "stop", "resume"):
        assert refusal in grange("job", action, ended, "--yes", code=1)
    assert refusal in grange("job", "act", "cancel", ended, "--yes", code=1)
    said = json.loads(grange("job", "pause", ended, going, "--yes", "--json"))
    assert list(said["refused"]) == [ended]
    assert [row["job_id"] for row in said["jobs"]] == [going]
    found = json.loads(grange("job", "act", "cancel", "--text", "o", "--yes", "--json"))
    assert ended not in {row["job_id"] for row in found["jobs"]} | set(found["refused"])


def test_failures_are_shown_by_frame_and_counted(farm: LocalFarm, grange: Any) -> None:
    job_id = create(farm, "breaks", priority=100)
    worker = add_worker(farm, "node07")
    worker.start(threads=1)
    for _ in range(2):
        sessions = worker.schedule()["assignedSessions"].values()
        actions = [one["sessionActionId"] for each in sessions for one in each["sessionActions"]]
        worker.schedule({one: worker.done("FAILED", 3) for one in actions[:1]})
    said = grange("job", "show", job_id)
    assert "render, frame 1: failed" in said
    assert "on node07" in said
    assert "task-" not in said


def test_a_job_without_frames_has_none(farm: LocalFarm, grange: Any) -> None:
    step = {"name": "a", "script": {"actions": {"onRun": {"command": "true"}}}}
    made = {"specificationVersion": "jobtemplate-2023-09", "name": "one task", "steps": [step]}
    farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=json.dumps(made),
        templateType="JSON",
        priority=50,
    )
    assert "frames" in grange("job", "show", "one task")
    assert "0/0" not in grange("job", "show", "one task")
