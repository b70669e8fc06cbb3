"""Actions in bulk, orders to workers, shares and why, on a real server: REST and command line."""

import json
import re
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.errors import InvalidRequestError
from grange.server.handlers import workers
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template


def rest(farm: LocalFarm, method: str, path: str, body: Any = None) -> Any:
    return farm.connect().call(
        method, f"/api/v1/farms/{farm.farm_id}{path}", body=body, service="grange"
    )


def create(farm: LocalFarm, name: str, *, frames: str = "1-4", **members: Any) -> str:
    made: str = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(name, frames=frames),
        templateType="JSON",
        **{"priority": 50, **members},
    )["jobId"]
    return made


def status(farm: LocalFarm, job_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = rest(farm, "GET", f"/jobs/{job_id}")
    return shown


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

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(words)) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


@pytest.fixture(autouse=True)
def empty(farm: LocalFarm, worker: ScriptedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins without jobs, with a worker that takes work and is told at once."""
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.05)
    jobs = [row["job_id"] for row in rest(farm, "GET", "/overview")["jobs"]]
    rest(farm, "POST", "/workers/actions", {
        "order": "enable", "workers": ["node07"], "apply": True,
    })  # fmt: skip
    rest(farm, "PATCH", f"/workers/{worker.worker_id}", {"classes": ""})
    if jobs:
        act(farm, "cancel", {"jobs": jobs}, apply=True)
        worker.run_everything()
        act(farm, "delete", {"jobs": jobs}, apply=True)


def act(farm: LocalFarm, action: str, select: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"action": action, "select": select, **more}
    found: dict[str, Any] = rest(farm, "POST", "/jobs/actions", body)
    return found


def test_an_action_says_what_it_would_do_and_does_nothing_until_told(
    farm: LocalFarm, worker: ScriptedWorker
) -> None:
    """S1-17."""
    job_id = create(farm, "spin")
    told = worker.schedule()
    ((session_id, session),) = told["assignedSessions"].items()
    action_id = session["sessionActions"][0]["sessionActionId"]
    now = farm.api.context.clock.now() / 1000
    worker.schedule({action_id: {"startedAt": now - 7200, "updatedAt": now}})
    would = act(farm, "cancel", {"jobs": [job_id]})
    assert would["applied"] is False
    lost = re.match(
        r"Cancels 1 job: stops 1 running task, loses about (\d+) (s|min)", would["text"]
    )
    assert lost is not None, would["text"]
    assert float(lost[1]) < 60, "since it was assigned, not the two hours that were claimed"
    assert "drops 4 waiting tasks" in would["text"]
    assert status(farm, job_id)["counts"]["RUNNING"] == 1
    assert act(farm, "cancel", {"jobs": [job_id]}, apply=True)["applied"] is True
    assert worker.schedule()["cancelSessionActions"][session_id] == [action_id]
    worker.schedule({action_id: worker.done("CANCELED")})
    assert status(farm, job_id)["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        ({"user": "owner"}, "abc"),
        ({"project": "film"}, "ab"),
        ({"text": "TEAPOT"}, "ac"),
        ({"text": "sh010"}, "abc"),
        ({"priority_from": 60}, "bc"),
        ({"priority_to": 60}, "ab"),
        ({"priority_from": 60, "priority_to": 60}, "b"),
        ({"statuses": ["suspended"]}, "c"),
        ({"statuses": ["ready", "suspended"], "project": "film"}, "ab"),
        ({"app": "nuke"}, "b"),
        ({"user": "nobody"}, ""),
    ],
)
def test_jobs_are_selected_by_everything_that_is_given(
    farm: LocalFarm, select: dict[str, Any], wanted: str
) -> None:
    """S1-17: the filter table."""
    film = {"grange:project": "film"}
    jobs = {
        create(farm, "teapot one", priority=40, tags=film): "a",
        create(farm, "sphere", priority=60, tags={**film, "grange:app": "nuke"}): "b",
        create(farm, "teapot two", priority=80, targetTaskRunStatus="SUSPENDED"): "c",
    }
    found = act(farm, "pause", select)["jobs"]
    assert "".join(sorted(jobs[row["job_id"]] for row in found)) == wanted


def test_a_selection_of_nothing_is_refused(farm: LocalFarm) -> None:
    with pytest.raises(InvalidRequestError, match="Say which jobs"):
        act(farm, "cancel", {})
    with pytest.raises(InvalidRequestError, match="no status"):
        act(farm, "cancel", {"statuses": ["sleepy"]})


def test_pause_lets_running_tasks_finish_and_resume_leaves_failed_ones_alone(
    farm: LocalFarm, worker: ScriptedWorker
) -> None:
    """S1-17."""
    job_id = create(farm, "spin", frames="1-3", maxRetriesPerTask=0)
    (session,) = worker.schedule()["assignedSessions"].values()
    first = session["sessionActions"][0]["sessionActionId"]
    act(farm, "pause", {"jobs": [job_id]}, apply=True)
    assert worker.schedule()["cancelSessionActions"] == {}
    worker.schedule({first: worker.done("FAILED", 1)})
    assert status(farm, job_id)["counts"] == {"FAILED": 1, "SUSPENDED": 3}
    act(farm, "resume", {"jobs": [job_id]}, apply=True)
    counts = status(farm, job_id)["counts"]
    assert counts["FAILED"] == 1
    assert counts["READY"] == 2
    would = act(farm, "requeue", {"jobs": [job_id]}, apply=True)
    assert would["text"] == "Requeues 1 task of 1 job."
    assert "FAILED" not in status(farm, job_id)["counts"]


def test_reset_renders_all_again_and_delete_keeps_the_books(
    farm: LocalFarm, worker: ScriptedWorker
) -> None:
    """S1-17: reset and delete; what was rendered stays in the books."""
    job_id = create(farm, "spin", frames="1-2")
    worker.run_everything()
    assert status(farm, job_id)["status"] == "SUCCEEDED"
    would = act(farm, "reset", {"jobs": [job_id]}, apply=True)
    assert would["text"] == "Renders 1 job again, 3 finished tasks included."
    assert status(farm, job_id)["counts"] == {"READY": 2, "PENDING": 1}
    worker.run_everything()
    act(farm, "delete", {"jobs": [job_id]}, apply=True)
    assert act(farm, "pause", {"jobs": [job_id]})["jobs"] == []
    assert status(farm, job_id)["lifecycle_status"] == "ARCHIVED"


def test_a_worker_is_disabled_drained_and_noted(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """S1-17: enable, disable after the frame, disable now, notes."""
    job_id = create(farm, "spin")
    (session,) = worker.schedule()["assignedSessions"].values()
    action_id = session["sessionActions"][0]["sessionActionId"]
    now = farm.api.context.clock.now() / 1000
    worker.schedule({action_id: {"startedAt": now, "updatedAt": now}})
    said = grange("worker", "disable", "node07")
    assert "1 running task will be finished" in said
    assert worker.schedule()["cancelSessionActions"] == {}
    assert "add --yes" in grange("worker", "disable", "node07", "--now", code=2)
    assert "stops 1 running task" in grange("worker", "disable", "node07", "--now", "--yes")
    assert list(worker.schedule()["cancelSessionActions"].values()) == [[action_id]]
    worker.schedule({action_id: worker.done("CANCELED")})
    assert status(farm, job_id)["counts"] == {"READY": 4, "PENDING": 1}
    assert "workers: " in grange("job", "why", job_id)
    grange("worker", "enable", "node07")
    grange("worker", "drain", "node07")
    assert "draining" in grange("job", "why", job_id)
    grange("worker", "enable", "node07")
    grange("worker", "note", "node07", "fan is loud")
    assert worker.schedule()["assignedSessions"]


def test_the_command_line_says_why_and_what_would_change_it(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """Item 8 of the funnel over REST and command line: the answer is the scheduler's."""
    job_id = create(farm, "picky", tags={"grange:class": "C", "grange:group": "big"})
    assert worker.schedule()["assignedSessions"] == {}
    said = grange("job", "why", job_id)
    assert "picky" in said
    assert "group: group big needed" in said
    assert "Without group: 0 workers could take it, then class." in said
    assert "class" in grange("job", "why", job_id, "--drop", "group")
    assert "is no reason" in grange("job", "why", job_id, "--drop", "hair", code=2)
    answer = json.loads(
        grange("job", "why", job_id, "--drop", "group", "--drop", "class", "--json")
    )
    assert answer["reason"] == ""
    grange("group", "set", "big", "node07")
    assert json.loads(grange("job", "why", job_id, "--json"))["reason"] == "class"
    grange("worker", "class", "node07", "ac")
    assert json.loads(grange("job", "why", job_id, "--json"))["reason"] == ""
    assert worker.schedule()["assignedSessions"]


def test_the_command_line_acts_in_bulk_on_what_it_showed(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """S1-17."""
    jobs = [create(farm, f"many {number}", tags={"grange:project": "film"}) for number in range(3)]
    other = create(farm, "other")
    assert "Nobody is there to ask" in grange("job", "act", "cancel", "--project", "film", code=2)
    said = grange("job", "priority", "80", "--project", "film", "--yes")
    assert "Changes the priority of 3 jobs from 50 to 80." in said
    assert {status(farm, one)["priority"] for one in jobs} == {80}
    assert status(farm, other)["priority"] == 50
    assert "Done: 3 jobs." in grange("job", "act", "cancel", "--project", "film", "--yes")
    assert {status(farm, one)["status"] for one in jobs} == {"CANCELED"}
    assert "No job fits" in grange("job", "pause", "--project", "film", "--status", "ready", code=2)
    grange("job", "delete", *jobs, "--yes")
    listed = {job["job_id"] for job in json.loads(grange("job", "ls", "--json"))["jobs"]}
    assert not listed & set(jobs)
    assert other in listed
    assert json.loads(grange("job", "act", "stop", other, "--yes", "--json"))["applied"] is True
    assert status(farm, other)["status"] == "SUSPENDED"


def test_shares_are_set_listed_and_unset(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    job_id = create(farm, "spin", tags={"grange:project": "film"})
    grange("share", "set", "project", "film", "--weight", "2", "--max-threads", "0")
    assert worker.schedule()["assignedSessions"] == {}
    assert "quota: project film has its 0 job threads" in grange("job", "why", job_id)
    grange("share", "set", "project", "film", "--no-quota")
    assert worker.schedule()["assignedSessions"]
    rows = json.loads(grange("share", "ls", "--json"))["shares"]
    (film,) = [row for row in rows if row["name"] == "film"]
    assert (film["weight"], film["max_threads"], film["threads"]) == (2.0, None, 1)
    assert film["recent_hours"] > 0
    grange("share", "unset", "project", "film")
    assert "film" in grange("share", "ls")


def test_a_licence_pool_is_a_limit_from_the_command_line_on(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """S0-38: a pool whose price alone is set limits nothing."""
    job_id = create(farm, "comp", tags={"grange:app": "nuke"})
    grange("licence", "set", "nuke", "--count", "0")
    assert worker.schedule()["assignedSessions"] == {}
    assert "licence: 0 of 0 licences of nuke are in use" in grange("job", "why", job_id)
    grange("licence", "rm", "nuke")
    grange("licence", "set", "nuke", "--cost", "0.5")
    assert worker.schedule()["assignedSessions"]
    assert "1 of unlimited, 0.5" in grange("licence", "ls")
    grange("licence", "rm", "nuke")


def test_when_a_job_will_be_done_is_told_by_its_tasks(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    """Item 9: from what ended and what runs, on the threads there are."""
    job_id = create(farm, "timed", frames="1-60", tags={"grange:project": "timing"})
    assert "no thread works on it" in grange("job", "eta", job_id)
    told = worker.schedule()
    for _ in range(4):
        updates = {}
        for session in told["assignedSessions"].values():
            for action in session["sessionActions"]:
                now = farm.api.context.clock.now() / 1000
                updates[action["sessionActionId"]] = {
                    **worker.done(), "startedAt": now - 3600, "endedAt": now,
                }  # fmt: skip
        told = worker.schedule(updates)
    (left,) = [row for row in _eta(farm, job_id)["layers"] if row["name"] == "render"]
    assert left["tasks_seen"] == 60 - left["left"] >= 4
    answer = _eta(farm, job_id)
    assert answer["threads"] == 1
    assert answer["earliest_at"] <= answer["likely_at"] <= answer["latest_at"]
    assert "encode" in answer["text"]
    assert "80 of 100 times" in grange("job", "eta", job_id)
    worker.run_everything()
    assert _eta(farm, job_id)["text"] == "nothing is left to do"
    again = create(farm, "timed again", frames="1-60", tags={"grange:project": "timing"})
    seen = {row["name"]: row["earlier_tasks_seen"] for row in _eta(farm, again)["layers"]}
    assert seen["render"] == 60


def _eta(farm: LocalFarm, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = rest(farm, "GET", f"/jobs/{job_id}/eta")
    return found


def test_a_job_after_another_waits_for_it_and_says_so(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    first = create(farm, "simulation", frames="1")
    second = create(farm, "beauty", frames="1", tags={"grange:after": first}, priority=90)
    third = create(farm, "comp", frames="1")
    assert "waits for 1 job" in grange("job", "set", third, "--after", "beauty")
    told = grange("job", "why", "beauty")
    assert "dependency" in told
    assert "simulation" in told
    assert "wait for each other" in grange("job", "set", first, "--after", third, code=2)
    farm.boto3().update_job(
        farmId=farm.farm_id, queueId=farm.queue_id, jobId=first, targetTaskRunStatus="CANCELED"
    )
    assert "was canceled" in json.loads(grange("job", "why", second, "--json"))["text"]
    assert "no job" in grange("job", "set", second, "--after", "none")
    worker.run_everything()
    assert [status(farm, one)["status"] for one in (first, second, third)] == [
        "CANCELED", "SUCCEEDED", "SUCCEEDED",
    ]  # fmt: skip


def test_the_farm_says_what_urgent_work_may_do_and_urgent_work_does_it(
    farm: LocalFarm, worker: ScriptedWorker, grange: Any
) -> None:
    assert "after-frame" in grange("farm", "scheduling")
    grange("farm", "scheduling", "--preempt", "now", "--margin", "20", "--reserve", "all")
    assert json.loads(grange("farm", "scheduling", "--json")) == {
        "preempt": "now", "margin": 20, "reserve": "all",
    }  # fmt: skip
    assert "margin" in grange("farm", "scheduling", "--margin", "0", code=2)
    grange("farm", "scheduling", "--preempt", "after-frame", "--margin", "1", "--reserve", "memory")
