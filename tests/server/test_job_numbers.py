"""How many jobs wait, render and failed; beside no other test: the worker here takes any job."""

from typing import Any

from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker, template


def test_what_renders_is_not_counted_as_waiting(farm: LocalFarm, client: Any) -> None:
    """Each job that has not ended is counted once, as the query language finds them."""
    for name in ("teapot", "bunny", "dragon"):
        client.create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(name, frames="1-4"),
            templateType="JSON",
            priority=50,
        )
    worker = add_worker(farm, "counted")
    worker.start()
    assert worker.schedule()["assignedSessions"]

    def asked(path: str, **query: str) -> dict[str, int]:
        found: dict[str, int] = farm.connect().call(
            "GET", f"/api/v1/farms/{farm.farm_id}/{path}", query=query, service="grange"
        )
        return found

    def matched(where: str) -> int:
        return asked("jobs", where=where, active="true")["matched"]

    rendering, is_open = matched("finished=none running>0"), matched("finished=none")
    assert 0 < rendering < is_open == 3
    told = asked("jobs/numbers")
    assert (told["rendering"], told["waiting"]) == (rendering, is_open - rendering)
    assert told["failed"] == matched("state=failed")
