"""Clocks of workers: the server's is the farm's; one that is more than 5 s off is a finding."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from grange.cli.main import run
from grange.domain.facts import EventFact
from grange.services.clocks import SKEW_MS
from grange.testing.farm import LocalFarm
from grange.wiring.init import Key
from tests.server.conftest import ScriptedWorker, StoppableClock, add_worker
from tests.server.raw import signed


@pytest.fixture(scope="module")
def clock() -> StoppableClock:
    return StoppableClock()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, clock: StoppableClock) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("clocks"), clock=clock) as running:
        yield running


def report(worker: ScriptedWorker, behind_ms: int, *, native: bool) -> None:
    """Send a heartbeat with a clock that is so far behind; a foreign agent says it by signing."""
    farm = worker.farm
    found = worker.client._request_signer._credentials
    sent_at = farm.api.context.clock.now() - behind_ms
    answer = signed(
        farm,
        "PATCH",
        f"/2023-10-12/farms/{farm.farm_id}/fleets/{farm.fleet_id}/workers/{worker.worker_id}"
        "/schedule",
        json.dumps({"updatedSessionActions": {}}).encode(),
        key=Key(user="w", key_id=found.access_key, secret=found.secret_key),
        session_token=found.token,
        skew_ms=0 if native else -behind_ms,
        headers={"x-grange-native": "1", "x-grange-sent-at": str(sent_at)} if native else None,
    )
    assert answer.status == 200, answer.body


def row(farm: LocalFarm, worker: ScriptedWorker) -> Any:
    path = f"/api/v1/farms/{farm.farm_id}/overview"
    (found,) = [
        row
        for row in signed(farm, "GET", path, service="grange").json["workers"]
        if row["worker_id"] == worker.worker_id
    ]
    return found


@pytest.fixture
def findings(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Every clock_skew event committed from now on, as (old, new, within half a second)."""
    told: list[tuple[Any, ...]] = []
    owner = farm.api.context.owner
    commit = owner._store.commit

    async def watched(batch: Any) -> None:
        await commit(batch)
        told.extend(
            (fact.old, fact.new, round((fact.number or 0) / 1000))
            for fact in batch.outbox
            if isinstance(fact, EventFact) and fact.name == "clock_skew"
        )

    monkeypatch.setattr(owner._store, "commit", watched)
    return told


@pytest.mark.parametrize("native", [True, False])
def test_a_clock_more_than_5_s_off_is_a_finding_until_it_is_right_again(
    farm: LocalFarm, clock: StoppableClock, findings: list[tuple[Any, ...]], native: bool
):
    worker = add_worker(farm, "late")
    worker.start()
    farm.api.context.closing.set()  # no request is held
    try:
        assert row(farm, worker)["clock_behind_ms"] is None
        with clock.stopped():  # however long a request takes
            report(worker, 3_000, native=native)
            assert findings == []
            report(worker, 7_000, native=native)
            report(worker, 7_000, native=native)
            assert findings in ([("right", "wrong", 7)], [("right", "wrong", 8)])
            assert SKEW_MS < row(farm, worker)["clock_behind_ms"] < 9_000
            report(worker, 0, native=native)
            assert [new for _, new, _ in findings] == ["wrong", "right"]
            report(worker, -60_000, native=native)
            assert findings[-1][1] == "wrong"
            assert row(farm, worker)["clock_behind_ms"] < -50_000
    finally:
        farm.api.context.closing.clear()
    worker.stop()


def test_the_list_of_workers_tells_of_it(
    farm: LocalFarm,
    clock: StoppableClock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    worker = add_worker(farm, "fast")
    worker.start()
    farm.api.context.closing.set()
    try:
        with clock.stopped():
            report(worker, -20_000, native=True)
    finally:
        farm.api.context.closing.clear()
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    assert run(["worker", "ls"]) == 0
    said = capsys.readouterr()
    assert "fast: its clock is 2" in said.err
    assert "ahead of the server's" in said.err
    worker.stop()
