"""When something fails inside: what agents can live with, and nothing acknowledged is lost."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from grange.kernel.errors import GrangeError, StorageFullError
from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker, template


async def _full(_batch: Any) -> None:
    raise StorageFullError("No space left on device.")


async def _broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a mistake")


def test_a_full_disk_is_answered_with_429_and_nothing_is_changed(
    farm: LocalFarm, client: Any, monkeypatch: pytest.MonkeyPatch
):
    before = {queue["queueId"] for queue in _queues(farm, client)}
    with monkeypatch.context() as patch:
        patch.setattr(farm.api.context.store, "commit", _full)
        with pytest.raises(client.exceptions.ThrottlingException) as refused:
            client.create_queue(farmId=farm.farm_id, displayName="never")
        headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert int(headers["retry-after"]) >= 1
    assert {queue["queueId"] for queue in _queues(farm, client)} == before
    client.create_queue(farmId=farm.farm_id, displayName="then")
    assert len(_queues(farm, client)) == len(before) + 1


def test_work_goes_on_after_a_commit_that_failed(
    farm: LocalFarm, client: Any, monkeypatch: pytest.MonkeyPatch
):
    """The farm in memory is what the rows say, also after a batch was taken back."""
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1-2"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker = add_worker(farm)
    worker.start()
    with monkeypatch.context() as patch:
        patch.setattr(farm.api.context.store, "commit", _full)
        with pytest.raises(worker.client.exceptions.ThrottlingException):
            worker.schedule()
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
    updates: dict[str, Any] = {}
    while client.get_job(**own)["taskRunStatus"] != "SUCCEEDED":
        answer = worker.schedule(updates)
        updates = {
            action["sessionActionId"]: worker.done()
            for session in answer["assignedSessions"].values()
            for action in session["sessionActions"]
        }
    assert client.get_job(**own)["taskRunStatusCounts"]["SUCCEEDED"] == 3
    worker.stop()


@pytest.mark.parametrize("operation", ["schedule", "start"])
def test_a_mistake_of_ours_is_429_for_agents(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, operation: str
):
    """Two internal errors in a row end an agent; a throttled request is sent again."""
    worker = add_worker(farm)
    worker.start()
    with monkeypatch.context() as patch:
        patch.setattr(farm.api.context.owner, "ask", _broken)
        with pytest.raises(ClientError) as refused:
            getattr(worker, operation)()
        answer = refused.value.response
        assert answer["Error"]["Code"] == "ThrottlingException"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "5"
    worker.stop()


def test_a_mistake_of_ours_is_an_internal_error_for_people_and_says_nothing_of_it(
    farm: LocalFarm, client: Any, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(farm.api.context.owner, "ask", _broken)
        with pytest.raises(client.exceptions.InternalServerErrorException) as refused:
            client.create_queue(farmId=farm.farm_id, displayName="x")
        assert "a mistake" not in str(refused.value).partition("mistake of its own")[0]


def test_a_mistake_of_the_books_is_in_the_log_under_the_name_that_people_are_told(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def mistaken(question: str, /, **_: Any) -> Any:
        raise GrangeError("")  # as the books' process tells of what it did not foresee

    with monkeypatch.context() as patch:
        patch.setattr(farm.api.context.books, "ask", mistaken)
        with pytest.raises(GrangeError, match="mistake of its own") as refused:
            farm.connect().call("GET", f"/api/v1/farms/{farm.farm_id}/months", service="grange")
    [entry] = [one for one in caplog.records if vars(one).get("action") == "request_failed"]
    assert f"The request is {vars(entry)['request_id']}." in str(refused.value)


def _queues(farm: LocalFarm, client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.list_queues(farmId=farm.farm_id)["queues"]
    return found
