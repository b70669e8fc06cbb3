"""A disk that is nearly full, and one that is full: what is refused, and what is still recorded."""

from collections.abc import Iterator
from typing import Any

import pytest

from grange.adapters.host.room import DiskRoom
from grange.kernel.errors import StorageFullError
from grange.ports.state import Batch
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template
from tests.server.raw import signed

GB = 1_000_000_000


@pytest.fixture
def disk(farm: LocalFarm) -> Iterator[DiskRoom]:
    """The farm's disk; it is large again afterwards."""
    found = farm.api.context.room
    assert isinstance(found, DiskRoom)
    before = found.measure
    yield found
    found.measure = before
    found.keep_reserve()


def submit(farm: LocalFarm, client: Any, **more: Any) -> str:
    job_id: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1"),
        templateType="JSON",
        priority=50,
        **more,
    )["jobId"]
    return job_id


def finish(worker: ScriptedWorker) -> dict[str, Any]:
    """Report everything the worker was given as done."""
    return {
        action["sessionActionId"]: worker.done()
        for session in worker.schedule()["assignedSessions"].values()
        for action in session["sessionActions"]
    }


def test_a_nearly_full_disk_takes_no_jobs_samples_or_logs_but_completions(
    farm: LocalFarm, client: Any, disk: DiskRoom
):
    job_id = submit(farm, client)
    worker = add_worker(farm)
    worker.start()
    done = finish(worker)
    disk.measure = lambda _: (GB - 1, 20 * GB)
    with pytest.raises(client.exceptions.ThrottlingException) as refused:
        submit(farm, client)
    assert "nearly full" in refused.value.response["Error"]["Message"]
    headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["retry-after"] == "60"
    path = f"/api/v1/farms/{farm.farm_id}/workers/{worker.worker_id}/facts"
    samples = signed(farm, "POST", path, b'{"worker_samples":[]}', service="grange")
    assert (samples.status, samples.headers["retry-after"]) == (429, "60")
    path = f"/api/v1/farms/{farm.farm_id}/sessions/session-{'1' * 32}/log?offset=0"
    log = signed(farm, "PUT", path, b"text", service="grange")
    assert (log.status, log.headers["retry-after"]) == (429, "60")
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    while client.get_job(**own)["taskRunStatus"] != "SUCCEEDED":
        done = {
            action["sessionActionId"]: worker.done()
            for session in worker.schedule(done)["assignedSessions"].values()
            for action in session["sessionActions"]
        }
    worker.stop()
    disk.measure = lambda _: (GB, 20 * GB)
    client.update_job(
        farmId=farm.farm_id, queueId=farm.queue_id, jobId=submit(farm, client),
        targetTaskRunStatus="CANCELED",
    )  # fmt: skip


def test_on_a_full_disk_a_completion_is_recorded_from_the_reserve(
    farm: LocalFarm, client: Any, disk: DiskRoom, monkeypatch: pytest.MonkeyPatch
):
    """The store refuses every commit while the reserve is there, as a full disk would."""
    job_id = submit(farm, client)
    worker = add_worker(farm)
    worker.start()
    done = finish(worker)
    reserve = disk._folder / "reserve"
    assert disk.keep_reserve()
    store = farm.api.context.store
    commit = type(store).commit
    refused: list[int] = []

    async def full(batch: Batch) -> None:
        if reserve.exists():
            refused.append(len(batch.puts))
            raise StorageFullError("No space left on device.")
        await commit(store, batch)

    monkeypatch.setattr(farm.api.context.owner._store, "commit", full, raising=True)
    disk.measure = lambda _: (0, 20 * GB)
    worker.schedule(done)
    assert refused
    assert not reserve.exists()
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    (session,) = client.list_sessions(**own)["sessions"]
    actions = client.list_session_actions(**own, sessionId=session["sessionId"])["sessionActions"]
    recorded = {one["sessionActionId"] for one in actions if one["status"] == "SUCCEEDED"}
    assert recorded == set(done) != set()
    assert not disk.keep_reserve()
    disk.measure = lambda _: (10 * GB, 20 * GB)
    assert disk.keep_reserve()
