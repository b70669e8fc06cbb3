"""`grange job report` on a real server: REST and command line."""

import json
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.errors import AccessDeniedError, NotFoundError
from grange.server.handlers import workers
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template

STAMP = "2026-01-01T00:00:00.000Z "


@pytest.fixture(scope="module")
def worker(farm: LocalFarm) -> ScriptedWorker:
    made = add_worker(farm, "node07")
    made.start(threads=1)
    return made


@pytest.fixture
def grange(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.05)

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(words)) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


def create(farm: LocalFarm, name: str, **members: Any) -> str:
    made: str = farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template(name, frames="1-4"),
        templateType="JSON", **{"priority": 50, **members},
    )["jobId"]  # fmt: skip
    return made


def start_one(worker: ScriptedWorker) -> tuple[str, str]:
    """Let the worker take its next task; returns session and action."""
    ((session_id, session),) = worker.schedule()["assignedSessions"].items()
    return session_id, session["sessionActions"][0]["sessionActionId"]


def test_a_report_tells_the_failure_with_its_output_and_the_rest(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """Ledger S1-14, S1-03, S1-09, S1-15, S1-16, S1-20: one report has it all."""
    job_id = create(farm, "teapot", maxRetriesPerTask=0, tags={"grange:project": "film"})
    urgent = create(farm, "urgent", priority=90, targetTaskRunStatus="SUSPENDED")
    _, good = start_one(worker)
    worker.schedule({good: worker.done()})
    session_id, action_id = start_one(worker)
    began = farm.api.context.clock.now() / 1000 - 100
    lines = ["loading scene", "Error: texture wood.tif not found", "0 errors in geometry", "bye"]
    farm.connect().upload(
        f"/api/v1/farms/{farm.farm_id}/sessions/{session_id}/log",
        "".join(f"{line}\n" for line in lines).encode(),
        query={"offset": "0"},
    )
    worker.schedule({action_id: {"startedAt": began, "updatedAt": began + 1}})
    worker.schedule(
        {action_id: worker.done("FAILED", 3) | {"startedAt": began, "endedAt": began + 64}}
    )
    answer = json.loads(grange("job", "report", job_id, "--lines", "2", "--json"))
    assert (answer["status"], answer["project"], answer["chunks"]) == ("ERROR", "film", 5)
    assert (answer["error_percent"], answer["done_percent"]) == (20.0, 20.0)
    first, second = answer["attempts"]
    assert (first["status"], second["status"]) == ("FAILED", "SUCCEEDED"), "the failed one first"
    assert first["exit_code"] == 3
    assert first["worker"] == "node07", "the worker of each chunk is shown"
    assert [(line["number"], line["text"]) for line in first["error_lines"]] == [(2, lines[1])]
    assert [line["text"] for line in first["output"]] == lines[2:]
    assert first["output_lines"] == 4
    names = {event["name"] for event in answer["events"]}
    assert {"job_status", "layer_status"} <= names
    assert [event["at"] for event in answer["events"]] == sorted(
        event["at"] for event in answer["events"]
    )
    said = grange("job", "report", job_id)
    assert said.index("Error: texture wood.tif not found") < said.index("loading scene")
    bare = json.loads(grange("job", "report", job_id, "--outputs", "0", "--json"))["attempts"][0]
    assert (bare["output"], bare["output_lines"]) == ([], None)
    assert "exit code 3" in said
    assert "20.0 % error" in said
    farm.connect().call(
        "POST", f"/api/v1/farms/{farm.farm_id}/jobs/actions", service="grange",
        body={"action": "cancel", "select": {"jobs": [job_id, urgent]}, "apply": True},
    )  # fmt: skip
    worker.run_everything()


def test_the_rank_follows_priority_then_age(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """Ledger S1-16: the most urgent first, of equals the oldest."""
    jobs = [create(farm, "old"), create(farm, "young"), create(farm, "urgent", priority=70)]
    ranks = [json.loads(grange("job", "report", one, "--json"))["rank"] for one in jobs]
    assert ranks == [2, 3, 1]
    worker.run_everything()
    answer = json.loads(grange("job", "report", jobs[0], "--json"))
    assert (answer["status"], answer["rank"], answer["done_percent"]) == ("DONE", None, 100.0)
    assert answer["elapsed"].count(":") == 3
    assert answer["mean_frame_seconds"] == pytest.approx(
        sum(one["mean_frame_seconds"] for one in answer["attempts"] if one["frames"]) / 4, abs=0.01
    )
    assert "DONE" in grange("job", "report", jobs[0])


def test_a_report_says_why_a_job_waits_for_one_that_has_ended(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """Ledger S1-16: the report gives the reason that `job why` gives."""
    first = create(farm, "first", targetTaskRunStatus="SUSPENDED")
    second = create(farm, "second", tags={"grange:after": first})
    grange("job", "cancel", first, "--yes")
    why = json.loads(grange("job", "why", second, "--json"))
    assert f"first ({first}), which was canceled" in why["text"]
    report = json.loads(grange("job", "report", second, "--json"))
    assert report["reason"] == f"{why['reason']}: {why['text']}"
    grange("job", "cancel", second, "--yes")


def test_a_report_is_for_those_who_may_read_and_for_jobs_that_are(farm: LocalFarm) -> None:
    path = f"/api/v1/farms/{farm.farm_id}/jobs/job-{'0' * 32}/report"
    with pytest.raises(NotFoundError):
        farm.connect().call("GET", path, service="grange")
    with pytest.raises(AccessDeniedError):
        farm.connect(farm.ids.worker).call("GET", path, service="grange")
