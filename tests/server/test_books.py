"""What the books answer through the door, after a worker played by boto3 has rendered a job."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import iso8601
from grange.testing.facts import posted_frame
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("books")
    rate = RateLine(line_id="l", unit=RateUnit.WORKER_HOUR, billionths_per_hour=600_000_000)
    with LocalFarm(folder, rates=(rate,)) as running:
        yield running


@pytest.fixture(scope="module")
def job_id(farm: LocalFarm, client: Any) -> str:
    made: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("teapot", frames="1-4"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": made}
    worker = add_worker(farm, "render01")
    worker.start(threads=2)
    updates: dict[str, Any] = {}
    while client.get_job(**own)["taskRunStatus"] != "SUCCEEDED":
        updates = _done(worker, worker.schedule(updates))
    worker.stop()
    return made


def _done(worker: ScriptedWorker, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        action["sessionActionId"]: worker.done()
        for session in answer["assignedSessions"].values()
        for action in session["sessionActions"]
    }


def rest(farm: LocalFarm, path: str, **query: Any) -> Any:
    text = {name: str(value) for name, value in query.items()}
    path = f"/api/v1/farms/{farm.farm_id}{path}"
    return farm.connect().call("GET", path, query=text, service="grange")


def test_statistics_equal_the_sessions(farm: LocalFarm, client: Any, job_id: str):
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    sessions = client.list_sessions(**own)["sessions"]
    first = min(session["startedAt"] for session in sessions)
    started = client.start_sessions_statistics_aggregation(
        farmId=farm.farm_id,
        resourceIds={"queueIds": [farm.queue_id]},
        startTime=first - timedelta(hours=1),
        endTime=first + timedelta(hours=1),
        groupBy=["JOB_ID", "USAGE_TYPE"],
        statistics=["SUM", "MIN", "MAX", "AVG"],
    )
    while True:
        found = client.get_sessions_statistics_aggregation(
            farmId=farm.farm_id, aggregationId=started["aggregationId"]
        )
        if found["status"] != "IN_PROGRESS":
            break
    assert found["status"] == "COMPLETED"
    (row,) = found["statistics"]
    total = sum((session["endedAt"] - session["startedAt"] for session in sessions), timedelta())
    assert row["jobId"] == job_id
    assert row["usageType"] == "COMPUTE"
    assert row["count"] == len(sessions)
    assert round(row["runtimeInSeconds"]["sum"] * 1000) == total / timedelta(milliseconds=1)


def test_the_receipt_balances(farm: LocalFarm, job_id: str):
    found = rest(farm, f"/jobs/{job_id}/receipt")
    assert found["machines"] == 1
    assert found["unaccounted_ms"] == 0
    assert found["frames"]["rendered"] == 4
    assert found["cost"]["currency"] == "USD"


def test_accounts_usage_timeline_and_frames(farm: LocalFarm, job_id: str):
    now = farm.api.context.clock.now()
    span = {"start": now - 3_600_000, "end": now}
    accounts = rest(farm, "/accounts", **span, by="worker")
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    (rendered,) = {one["workerId"] for one in farm.boto3().list_sessions(**own)["sessions"]}
    # Other tests of this module may have added workers.
    assert [row["worker"] for row in accounts["rows"]].count(rendered) == 1
    assert sum(row["machine_ms"] for row in accounts["rows"]) == accounts["machine_ms"]
    usage = rest(farm, "/usage", **span, group_by="user")
    assert usage["rows"][0]["user"] == "owner"
    timeline = rest(farm, "/timeline", **span)
    assert {row["thread"] for row in timeline["rows"]} == {0, 1}
    frames = rest(farm, f"/jobs/{job_id}/frames")["frames"]
    assert frames["frame"] == [1, 2, 3, 4]
    assert set(frames["status"]) == {"SUCCEEDED"}


@pytest.mark.parametrize("name", ["worker-states", "cpu", "frame-times"])
@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_graphs(farm: LocalFarm, job_id: str, name: str, kind: str, begin: bytes):
    path = f"/api/v1/farms/{farm.farm_id}/graphs/{name}.{kind}"
    picture = farm.connect().fetch(path, query={"job": job_id, "width": "600"})
    assert picture.startswith(begin)


def test_a_graph_nobody_knows(farm: LocalFarm):
    with pytest.raises(InvalidRequestError):
        farm.connect().fetch(f"/api/v1/farms/{farm.farm_id}/graphs/moods.png")


def test_everything_is_there_after_a_restart(tmp_path: Path):
    """Invariant 1: what was acknowledged survives; the same folder continues the same farm."""
    with LocalFarm(tmp_path) as farm:
        client = farm.boto3()
        job_id = client.create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(),
            templateType="JSON",
            priority=50,
        )["jobId"]
        first = farm.ids
    with LocalFarm(tmp_path) as farm:
        assert farm.ids.owner == first.owner
        found = farm.boto3().get_job(farmId=first.farm_id, queueId=first.queue_id, jobId=job_id)
        assert found["taskRunStatus"] == "READY"


def test_the_books_verify_clean_and_can_be_rebuilt(farm: LocalFarm, job_id: str):
    """Ledger: what `grange books verify` and `rebuild` ask for."""
    api = farm.connect()
    path = f"/api/v1/farms/{farm.farm_id}/books"
    found = api.call("POST", f"{path}/verify", body={}, service="grange")
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]
    api.call("POST", f"{path}/rebuild", body={}, service="grange")
    assert api.call("POST", f"{path}/verify", body={}, service="grange")["ok"]
    assert "files" in rest(farm, "/books/files")


def test_slots_of_a_day(farm: LocalFarm, job_id: str):
    day = iso8601(farm.api.context.clock.now())[:10]
    assert rest(farm, "/slots", day=day, subject="user")


def test_a_preview_of_a_frame_that_was_booked(
    farm: LocalFarm, client: Any, job_id: str, tmp_path: Path
):
    """Only a file a frame record names, inside a folder the job writes to, is ever shown."""
    oiio = pytest.importorskip("OpenImageIO")
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        picture = oiio.ImageBuf(oiio.ImageSpec(320, 180, 3, "uint8"))
        picture.write(str(folder / "f1.png"))
    text = template("with previews", frames="1-2").replace(
        '"parameterDefinitions": [',
        '"parameterDefinitions": [{"name": "Out", "type": "PATH"}, ',
    )
    made = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=text,
        templateType="JSON",
        priority=50,
        parameters={"Out": {"path": str(inside)}},
    )["jobId"]
    layer_id = client.list_steps(farmId=farm.farm_id, queueId=farm.queue_id, jobId=made)["steps"][
        0
    ]["stepId"]
    worker = add_worker(farm, "previews01")
    now = farm.api.context.clock.now()
    rows = [
        posted_frame(
            action_id=f"sessionaction-{'4' * 32}-{frame}",
            session_id=f"session-{'4' * 32}",
            job_id=made,
            layer_id=layer_id,
            task_index=frame - 1,
            frame=frame,
            started_at=now,
            ended_at=now + 1_000,
            output_path=str(folder / "f1.png"),
        )
        for frame, folder in ((1, inside), (2, outside))
    ]
    kept = farm.connect().call(
        "POST",
        f"/api/v1/farms/{farm.farm_id}/workers/{worker.worker_id}/facts",
        body={"batch": "1", "frames": rows},
        service="grange",
    )
    assert kept["refused"] == []
    path = f"/api/v1/farms/{farm.farm_id}/jobs/{made}/preview/{layer_id}"
    assert farm.connect().fetch(f"{path}/1", query={"width": "64"}).startswith(b"\xff\xd8")
    for frame in (2, 3):
        with pytest.raises(NotFoundError):
            farm.connect().fetch(f"{path}/{frame}")
    frames = rest(farm, f"/jobs/{made}/frames")["frames"]
    assert frames["has_preview"] == [True, True]
    assert frames["worker"] == ["previews01"] * 2
