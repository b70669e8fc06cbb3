"""After a restart of the server, what workers are said to render is a claim (ledger S1-06)."""

import json
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.testing.boto import client_as
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template
from tests.server.raw import signed


def row(farm: LocalFarm, worker_id: str) -> dict[str, Any]:
    path = f"/api/v1/farms/{farm.farm_id}/overview"
    rows = signed(farm, "GET", path, service="grange").json["workers"]
    found: dict[str, Any] = next(one for one in rows if one["worker_id"] == worker_id)
    return found


def test_a_claim_is_marked_until_its_worker_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalFarm(tmp_path) as farm:
        farm.boto3().create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(frames="1-1"),
            templateType="JSON",
            priority=50,
        )
        busy, idle = add_worker(farm, "busy"), add_worker(farm, "idle")
        for worker in (busy, idle):
            worker.start()
        assert busy.schedule()["assignedSessions"]
        assert row(farm, busy.worker_id)["verified"]
    with LocalFarm(tmp_path) as farm:
        assert not row(farm, busy.worker_id)["verified"]
        assert row(farm, idle.worker_id)["verified"], "it claims nothing"
        for name, value in farm.environment().items():
            monkeypatch.setenv(name, value)
        run(["worker", "show", "busy"])
        told = capsys.readouterr()
        assert "said to render since before the server began" in told.out + told.err
        met = signed(
            farm,
            "POST",
            f"/api/v1/farms/{farm.farm_id}/workers/{busy.worker_id}/hail",
            json.dumps({}).encode(),
            service="grange",
        )
        assert met.json["verdict"] == "unasked"
        again = ScriptedWorker(farm, busy.worker_id, _credentials(farm, busy.worker_id))
        assert again.schedule()["assignedSessions"]
        assert row(farm, busy.worker_id)["verified"]
        missing = signed(
            farm,
            "POST",
            f"/api/v1/farms/{farm.farm_id}/workers/worker-{'0' * 32}/hail",
            b"{}",
            service="grange",
        )
        assert missing.status == 404


def _credentials(farm: LocalFarm, worker_id: str) -> Any:
    found = farm.boto3(key=farm.ids.worker).assume_fleet_role_for_worker(
        farmId=farm.farm_id, fleetId=farm.fleet_id, workerId=worker_id
    )["credentials"]
    return client_as(found, farm.endpoint, region="eu-west-1")
