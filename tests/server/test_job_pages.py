"""What the page of a job asks: attempts and events in pages, movies in parts, frames again."""

import json
from pathlib import Path
from typing import Any

import pytest

from grange.services.levels import RULES
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker
from tests.server.raw import Answer, signed


def send(farm: LocalFarm, path: str, body: dict[str, Any] | None = None, **headers: str) -> Answer:
    return signed(
        farm,
        "GET" if body is None else "POST",
        f"/api/v1/farms/{farm.farm_id}/jobs/{path}",
        b"" if body is None else json.dumps(body).encode(),
        service="grange",
        headers=dict(headers) | ({} if body is None else {"content-type": "application/json"}),
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def ended(farm: LocalFarm, client: Any, output: Path) -> str:
    """A job of ten frames and an encoding; one frame failed once, all is done."""
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "shot",
        "parameterDefinitions": [
            {"name": "Out", "type": "PATH", "objectType": "DIRECTORY", "default": str(output)}
        ],
        "steps": [
            {
                "name": "render",
                "parameterSpace": {
                    "taskParameterDefinitions": [{"name": "Frame", "type": "INT", "range": "1-10"}]
                },
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
            {
                "name": "encode",
                "dependencies": [{"dependsOn": "render"}],
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
        ],
    }
    job_id: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=json.dumps(template),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker = add_worker(farm, "shown")
    worker.start()
    first = next(iter(worker.schedule()["assignedSessions"].values()))["sessionActions"][0]
    worker.schedule({first["sessionActionId"]: worker.done("FAILED", 1)})
    (output / "shot.mp4").write_bytes(bytes(range(256)) * 40)
    (output / "secret.txt").write_text("no movie")
    run_with_movies(worker, [str(output / "shot.mp4"), str(output / "secret.txt"), "/etc/a.mp4"])
    return job_id


def run_with_movies(worker: ScriptedWorker, paths: list[str]) -> None:
    """Report everything as done; what renders no frames says which files it wrote."""
    encodes: set[str] = set()

    def tell(params: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["body"])
        for action_id in encodes & set(body["updatedSessionActions"]):
            body["updatedSessionActions"][action_id]["grangeUsage"] = {"outputPaths": paths}
        params["body"] = json.dumps(body).encode()

    worker.client.meta.events.register("before-call.deadline.UpdateWorkerSchedule", tell)
    updates: dict[str, Any] = {}
    while True:
        answer = worker.schedule(updates)
        if not answer["assignedSessions"]:
            return
        updates = {}
        for session in answer["assignedSessions"].values():
            for action in session["sessionActions"]:
                updates[action["sessionActionId"]] = worker.done()
                if not action["definition"].get("taskRun", {}).get("parameters"):
                    encodes.add(action["sessionActionId"])


def test_attempts_come_newest_first_and_filtered_before_the_limit(
    farm: LocalFarm, ended: str
) -> None:
    """Ledger S1-20: worker, times and outcome of every attempt."""
    found = send(farm, f"{ended}/attempts?limit=3").json
    assert (len(found["attempts"]), found["matched"], found["of"]) == (3, 12, 12)
    assert found["attempts"][0]["layer_name"] == "encode"
    assert found["attempts"][0]["worker"] == "shown"
    failed = send(farm, f"{ended}/attempts?outcome=FAILED").json
    assert (failed["matched"], failed["attempts"][0]["attempt"]) == (1, 1)


def test_events_say_what_happened_and_by_whom(farm: LocalFarm, ended: str) -> None:
    """Ledger S1-04: as the log has them."""
    found = send(farm, f"{ended}/events?limit=1000").json
    assert found["matched"] == len(found["events"])
    assert {"job_status", "layer_status"} <= {event["name"] for event in found["events"]}
    times = [event["at"] for event in found["events"]]
    assert times == sorted(times, reverse=True)


def test_a_movie_is_played_in_parts_and_nothing_else_is(
    farm: LocalFarm, ended: str, output: Path
) -> None:
    """Only what an attempt named, of a movie's kind, inside the job's folders."""
    (movie,) = send(farm, f"{ended}/movies").json["movies"]
    whole = (output / "shot.mp4").read_bytes()
    assert (movie["name"], movie["size"]) == ("shot.mp4", len(whole))
    path = f"{ended}/movies/{movie['layer_id']}/{movie['task_index']}"
    answer = send(farm, f"{path}/0")
    assert (answer.status, answer.body) == (200, whole)
    assert answer.headers["content-type"] == "video/mp4"
    part = send(farm, f"{path}/0", range="bytes=100-199")
    assert (part.status, part.body) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert send(farm, f"{path}/0", range="bytes=-5").body == whole[-5:]
    assert send(farm, f"{path}/0", range=f"bytes={len(whole)}-").status == 416
    assert send(farm, f"{path}/1").status == 404
    assert send(farm, f"{path}/2").status == 404


def test_frames_are_rendered_again_once_it_was_said_what_that_means(
    farm: LocalFarm, ended: str
) -> None:
    """Ledger S1-17: a range of frames, the consequence first."""
    layer = send(farm, ended).json["layers"][0]["layer_id"]
    asked = {"layer_id": layer, "frames": "3-5,9"}
    found = send(farm, f"{ended}/frames/actions", asked).json
    assert found["text"] == "Renders 4 frames in 4 tasks again."
    assert send(farm, ended).json["counts"] == {"SUCCEEDED": 11}
    done = send(farm, f"{ended}/frames/actions", {**asked, "apply": True}).json
    assert (done["applied"], done["refused"]) == (True, {})
    assert send(farm, ended).json["counts"]["READY"] == 4
    assert send(farm, f"{ended}/frames/actions", {**asked, "frames": "x"}).status == 400
    none = send(farm, f"{ended}/frames/actions", {**asked, "frames": "77"}).json
    assert none["text"] == "The layer has none of these frames."


def test_whoever_may_not_change_a_task_may_not_have_its_frames_rendered_again() -> None:
    """One rule for both: only reading a job is not enough."""
    assert RULES["grange:ActOnFrames"] == RULES["UpdateTask"]
    assert RULES["grange:ActOnFrames"] != RULES["grange:ActOnJobs"]
