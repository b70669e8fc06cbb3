"""The inbox against a running server: what shows, what a fix says and does, undo, snooze."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.domain.faults import Stroke, WorkerFaults
from grange.domain.work import Job, Worker
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, JobId, WorkerId
from grange.kernel.units import Instant
from grange.services.wrangle.present import Limits
from grange.testing.farm import LocalFarm
from tests.browser.handworker import HandWorker


def submit(farm: LocalFarm, name: str, **members: Any) -> str:
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": name,
        "steps": [
            {
                "name": "render",
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Frame", "type": "INT", "range": "1-8"}]
                },
                "script": {"actions": {"onRun": {"command": "echo"}}},
                **members,
            }
        ],
    }
    answer = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=json.dumps(template),
        templateType="JSON",
        priority=50,
        maxRetriesPerTask=0,
    )
    return str(answer["jobId"])


def rest(farm: LocalFarm, method: str, path: str, **body: Any) -> Any:
    return farm.connect().call(
        method,
        f"/api/v1/farms/{farm.farm_id}{path}",
        body=body if method == "POST" else None,
        service="grange",
    )


def fail(worker: HandWorker, count: int, text: str = "cannot open /show/{}.exr") -> None:
    """Take tasks and fail each with a text of its own."""
    for number in range(count):
        session_id, action = worker.take()[0]
        worker.start(action["sessionActionId"])
        worker.write(session_id, ["reading the scene", f"ERROR {text.format(number)}", "bye"])
        worker.finish(action["sessionActionId"], fails_with=text.format(number))


def look(farm: LocalFarm) -> Any:
    farm.api.context.inbox._known.clear()
    return rest(farm, "GET", "/wrangle")


@pytest.fixture
def farm(tmp_path: Path) -> Any:
    with LocalFarm(tmp_path) as running:
        yield running


def test_a_fail_looping_worker_shows_is_quarantined_and_comes_back(farm: LocalFarm) -> None:
    """UX-16: it surfaces within three failures; one click quarantines; undo restores."""
    job_id = submit(farm, "oats")
    assert look(farm)["clear_since_at"] is not None
    worker = HandWorker(farm, "rn01", threads=1)
    fail(worker, 3)
    inbox = look(farm)
    (cluster,) = inbox["clusters"]
    assert inbox["clear_since_at"] is None
    assert (cluster["trouble"], cluster["count"], cluster["state"]) == ("worker", 3, "open")
    assert cluster["signature"] == "cannot open <path>"
    assert [one["name"] for one in cluster["workers"]] == ["rn01"]
    assert [one["id"] for one in cluster["jobs"]] == [job_id]
    assert cluster["fixes"][0] == "quarantine"
    assert cluster["lost_ms"] > 0

    shown = rest(farm, "GET", f"/wrangle/{cluster['cluster_id']}")
    example = shown["examples"][0]
    assert example["page"].endswith(f"/log?attempt=1#L{example['line']}")
    log = farm.connect().fetch(
        f"/api/v1/farms/{farm.farm_id}/jobs/{job_id}/log", query={"task": example["task_id"]}
    )
    assert example["text"] in log.decode().splitlines()[example["line"] - 1]

    asked = {"clusters": [cluster["cluster_id"]], "fix": "quarantine"}
    told = rest(farm, "POST", "/wrangle/actions", **asked)
    assert told["text"].startswith("Disables 1 worker")
    assert told["applied"] is False
    assert look(farm)["open"] == 1, "only said"
    done = rest(farm, "POST", "/wrangle/actions", **asked, apply=True)
    deed_id = done["clusters"][0]["deed_id"]
    workers = farm.api.context.owner.memory.tables[Worker]
    assert workers[worker.worker_id,].disabled
    inbox = look(farm)
    assert (inbox["open"], inbox["handled"]) == (0, 1)
    assert inbox["clear_since_at"] is not None
    assert [deed["deed_id"] for deed in inbox["deeds"]] == [deed_id]
    why = rest(farm, "GET", f"/jobs/{job_id}/why")
    assert "quarantined" in why["text"]

    assert "rn01" in rest(farm, "POST", f"/wrangle/deeds/{deed_id}/undo")["text"]
    assert not workers[worker.worker_id,].disabled
    inbox = look(farm)
    assert (inbox["open"], inbox["handled"], inbox["deeds"]) == (1, 0, [])
    with pytest.raises(ConflictError, match="undone already"):
        rest(farm, "POST", f"/wrangle/deeds/{deed_id}/undo")


def test_a_worker_the_farm_quarantined_stays_in_sight_until_somebody_enables_it(
    farm: LocalFarm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    worker = HandWorker(farm, "rn01", threads=1)
    other = HandWorker(farm, "rn02", threads=1)
    at = Instant(farm.api.context.clock.now() - 60_000)
    faults = WorkerFaults(
        farm_id=FarmId(farm.farm_id),
        worker_id=WorkerId(worker.worker_id),
        strokes=(Stroke(job_id=JobId("job-1"), error_class="crash", at=at),) * 3,
        quarantined_at=at,
        cause="3 failures in a row, the last one: crash",
    )
    rest(farm, "POST", "/workers/actions", order="disable", workers=[worker.worker_id], apply=True)
    farm.api.context.owner.memory.set(WorkerFaults, (worker.worker_id,), faults)
    (cluster,) = look(farm)["clusters"]
    assert cluster["title"] == "rn01 is quarantined: 3 failures in a row, the last one: crash"
    assert cluster["fixes"] == ["enable"]

    assert run(["worker", "ls"]) == 0
    told = capsys.readouterr()
    assert "quarantined" in told.out
    assert "rn01: it is quarantined: 3 failures in a row, the last one: crash." in told.err
    assert run(["worker", "show", "rn01"]) == 0
    told = capsys.readouterr()
    assert "quarantined" in told.out
    assert "the last one: crash" in told.err
    assert "rn02" not in cluster["title"]
    rest(farm, "POST", "/workers/actions", order="drain", workers=[other.worker_id], apply=True)
    assert run(["worker", "show", "rn02"]) == 0
    assert "draining" in capsys.readouterr().out

    rest(farm, "POST", "/workers/actions", order="enable", workers=[worker.worker_id], apply=True)
    assert look(farm)["clusters"] == []
    assert run(["worker", "show", "rn01"]) == 0
    told = capsys.readouterr()
    assert "quarantined" not in told.out + told.err


def test_exclusion_requeue_snooze_and_assignment_can_be_undone(farm: LocalFarm) -> None:
    job_id = submit(farm, "oats")
    worker = HandWorker(farm, "rn01", threads=1)
    fail(worker, 3)
    (cluster,) = look(farm)["clusters"]

    def act(fix: str, **members: Any) -> Any:
        asked = {"clusters": [cluster["cluster_id"]], "fix": fix, "apply": True, **members}
        return rest(farm, "POST", "/wrangle/actions", **asked)["clusters"][0]

    def undo(outcome: Any) -> str:
        return str(rest(farm, "POST", f"/wrangle/deeds/{outcome['deed_id']}/undo")["text"])

    def job() -> Job:
        found: Job = farm.api.context.owner.memory.tables[Job][job_id,]
        return found

    done = act("exclude")
    assert job().excluded_workers == (worker.worker_id,)
    undo(done)
    assert job().excluded_workers is None

    done = act("requeue")
    assert done["text"] == "Requeues 3 tasks of 1 job."
    assert job().counts.get("FAILED", 0) == 0
    assert undo(done) == "Undone: 3 of 3 tasks had not begun and are as they were."
    assert job().counts["FAILED"] == 3

    until = int(time.time() * 1000) + 3_600_000
    done = act("snooze", until_at=until)
    assert [one["state"] for one in look(farm)["clusters"]] == ["snoozed"]
    assert look(farm)["clusters"][0]["snoozed_until_at"] == until
    undo(done)
    assert act("snooze", until_at=1)["refused"] is not None, "it lies behind"

    assert "nobody-here" in act("assign", assignee="nobody-here")["refused"]
    done = act("assign", assignee="owner")
    assert look(farm)["clusters"][0]["assignee"] == "owner"
    undo(done)
    assert look(farm)["clusters"][0]["assignee"] is None

    with pytest.raises(InvalidRequestError, match="resume does not help"):
        act("resume")
    with pytest.raises(NotFoundError):
        rest(farm, "POST", "/wrangle/actions", clusters=["failing-0"], fix="requeue")


def test_work_that_no_worker_can_do_shows_and_what_waits_its_turn_does_not(
    farm: LocalFarm,
) -> None:
    """The scheduler's own first reason decides (design, invariant 7)."""
    HandWorker(farm, "rn01", threads=1)
    much = {"amounts": [{"name": "amount.worker.memory", "min": 900_000}]}
    job_id = submit(farm, "huge", hostRequirements=much)
    submit(farm, "next")
    assert look(farm)["clusters"] == [], "it waits for a moment only"
    farm.api.context.inbox.limits = Limits(waits_ms=0)
    (cluster,) = look(farm)["clusters"]
    assert cluster["trouble"] == "waiting"
    assert [one["id"] for one in cluster["jobs"]] == [job_id]
    assert cluster["signature"].startswith("memory:")
    assert rest(farm, "GET", f"/jobs/{job_id}/why")["text"] == cluster["examples"][0]["text"]


def test_jobs_of_a_stopped_queue_show_at_once_with_how_it_is_started(farm: LocalFarm) -> None:
    """Nobody is given them however long they wait; what still runs does not hide that."""
    worker = HandWorker(farm, "rn01", threads=1)
    begun = submit(farm, "begun")
    worker.take()
    waits = submit(farm, "oats")
    client = farm.boto3()
    pair = {"farmId": farm.farm_id, "queueId": farm.queue_id}
    (link,) = client.list_queue_fleet_associations(**pair)["queueFleetAssociations"]
    pair["fleetId"] = link["fleetId"]
    name = client.get_queue(farmId=farm.farm_id, queueId=farm.queue_id)["displayName"]
    assert look(farm)["clusters"] == []

    status = "STOP_SCHEDULING_AND_COMPLETE_TASKS"
    client.update_queue_fleet_association(**pair, status=status)
    (cluster,) = look(farm)["clusters"]
    assert (cluster["trouble"], cluster["signature"]) == ("waiting", f"queue {name} is stopped")
    assert {one["id"] for one in cluster["jobs"]} == {begun, waits}
    assert cluster["title"] == (
        f"2 jobs wait: the queue {name} was stopped by owner; "
        f"start it with: grange queue start {name}"
    )
    farm.api.context.inbox.limits = Limits(waits_ms=0)
    assert len(look(farm)["clusters"]) == 1, "why each waits is not said a second time"

    client.update_queue_fleet_association(**pair, status="ACTIVE")
    farm.api.context.inbox.limits = Limits()
    assert look(farm)["clusters"] == []


def test_the_command_line_says_and_does_the_same(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def grange(*words: str) -> str:
        farm.api.context.inbox._known.clear()
        assert run(["wrangle", *words]) == 0
        return capsys.readouterr().out

    assert grange().startswith("All clear since ")
    submit(farm, "oats")
    fail(HandWorker(farm, "rn01", threads=1), 3)
    told = json.loads(grange("--json"))
    assert told["clusters"] == look(farm)["clusters"]
    cluster = told["clusters"][0]["cluster_id"]
    assert "rn01 failed 3 times in a row" in grange()
    assert "cannot open <path>" in grange("show", cluster)
    assert "8.0 h" not in grange("snooze", cluster, "--hours", "8")
    assert "All clear" in grange()
    assert "snoozed" in grange("--all")
    assert "owner looks after it." in grange("assign", cluster, "owner")
    done = grange("fix", cluster, "quarantine", "--yes")
    assert "Disables 1 worker" in done
    assert "rn01" in grange("undo", done.split()[-1])
