"""A journal whose end was torn by a crash: the server starts, and what it acknowledged is there."""

from pathlib import Path
from typing import Any

from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template

NOISE = bytes(range(256)) * 3


def finish_a_job(farm: LocalFarm) -> str:
    client = farm.boto3()
    job_id: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1-3"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker = add_worker(farm)
    worker.start()
    updates: dict[str, Any] = {}
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    while client.get_job(**own)["taskRunStatus"] != "SUCCEEDED":
        updates = _done(worker, updates)
    worker.stop()
    return job_id


def _done(worker: ScriptedWorker, updates: dict[str, Any]) -> dict[str, Any]:
    return {
        action["sessionActionId"]: worker.done()
        for session in worker.schedule(updates)["assignedSessions"].values()
        for action in session["sessionActions"]
    }


def receipt(farm: LocalFarm, job_id: str) -> dict[str, Any]:
    path = f"/api/v1/farms/{farm.farm_id}/jobs/{job_id}/receipt"
    return farm.connect().call("GET", path, service="grange")


def test_a_torn_tail_is_cut_and_nothing_acknowledged_is_lost(tmp_path: Path):
    with LocalFarm(tmp_path / "farm") as farm:
        job_id = finish_a_job(farm)
        before = receipt(farm, job_id)
        assert before["frames"]["rendered"] == 3
    newest = max((tmp_path / "farm" / "journal").glob("*.journal"))
    size = newest.stat().st_size
    with newest.open("ab") as file:
        file.write(NOISE)
    with LocalFarm(tmp_path / "farm") as farm:
        after = receipt(farm, job_id)
        assert after["frames"] == before["frames"]
        assert after["accounts"] == before["accounts"]
        assert finish_a_job(farm) != job_id
        path = f"/api/v1/farms/{farm.farm_id}/books/verify"
        assert farm.connect().call("POST", path, body={}, service="grange")["ok"]
    assert newest.stat().st_size == size
