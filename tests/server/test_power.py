"""Machines woken, turned off and restarted, on a real server, with a real worker's loop."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.host.probe import HostProbe
from grange.adapters.host.processes import HostProcesses
from grange.cli.main import run
from grange.domain.work import Worker as WorkerRow
from grange.domain.worker import person_at
from grange.server.handlers import workers
from grange.server.upkeep import Upkeep
from grange.testing.farm import LocalFarm
from grange.worker.loop import Worker
from grange.worker.power import obey
from grange.worker.settings import WorkerSettings
from tests.server.conftest import ScriptedWorker, add_worker, template

MAC = "0123456789ab"


@pytest.fixture
def grange(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.05)

    def call(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(words)) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


def start(worker: ScriptedWorker) -> None:
    names = {"grange:attr.worker.mac": [f"mac-{MAC}"], "grange:attr.worker.power": ["shutdown"]}
    attributes = [{"name": name, "values": values} for name, values in names.items()]
    worker.client.update_worker(
        **worker.named,
        status="STARTED",
        capabilities={
            "amounts": [
                {"name": "amount.worker.vcpu", "value": 4.0},
                {"name": "amount.worker.memory", "value": 8192.0},
            ],
            "attributes": [{"name": "attr.worker.os.family", "values": ["linux"]}, *attributes],
        },
    )


def test_the_command_line_sets_policies_and_gives_orders(farm: LocalFarm, grange: Any) -> None:
    """Ledger S0-35, S1-17: policies by scope; orders with their consequence first."""
    worker = add_worker(farm, "node21")
    start(worker)
    grange(
        "power", "set", "farm", "--wake", "--shutdown-idle", "2h", "--keep-on", "3",
        "--even-logged-in",
    )  # fmt: skip
    policies = json.loads(grange("power", "ls", "--json"))["policies"]
    assert [one["even_logged_in"] for one in policies] == [True]
    said = grange("power", "ls")
    assert "when work waits" in said
    assert "after 2 h 00 min idle" in said
    assert "--hours" not in grange("power", "set", "farm", "--hours", "sometimes", code=2)
    assert "add --yes" in grange("worker", "shutdown", "node21", code=2)
    said = grange("worker", "shutdown", "node21", "--yes")
    assert said.startswith("Shuts down 1 machine; 0 running tasks will be finished")
    told = worker.schedule()
    assert told["desiredWorkerStatus"] == "STOPPED"
    assert "grangeOrder" not in told, "other agents refuse members they do not know"
    power = json.loads(grange("power", "ls", "--json"))
    (one,) = [row for row in power["machines"] if row["name"] == "node21"]
    assert (one["order"], one["ordered_by"], one["status"]) == ("shutdown", "owner", "STOPPING")
    assert "not on" in grange("worker", "restart", "node21", "--yes", code=1)
    worker.stop()
    grange("power", "unset", "farm")
    assert "There are no policies" in grange("power", "ls")
    assert grange("power", "unset", "farm", code=3)


def test_a_worker_tells_the_server_that_somebody_is_logged_in(farm: LocalFarm) -> None:
    """Ledger S0-35: by a header, of which the server believes only the words it knows."""
    worker = add_worker(farm, "node25")
    start(worker)
    said = ["logged_in"]

    def say(request: Any, **_: Any) -> None:
        request.headers["x-grange-person"] = said[0]

    def known() -> str:
        owner: Any = farm.api.context.owner
        return person_at(owner.memory.tables[WorkerRow][worker.worker_id,])

    worker.client.meta.events.register("before-sign.deadline.UpdateWorkerSchedule", say)
    farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template("seen", frames="1-2"),
        templateType="JSON", priority=50,
    )  # fmt: skip
    worker.schedule()
    assert known() == "logged_in"
    said[0] = "the queen"
    worker.schedule()
    assert known() == ""
    worker.run_everything()  # what is left would be work for the next worker of these tests
    worker.stop()


def test_the_server_wakes_a_machine_by_itself_when_work_waits(farm: LocalFarm, grange: Any) -> None:
    """Ledger S0-37: the packet is sent, and the books show the try until it is online."""
    sent: list[Any] = []

    class Kept:
        """Keeps what would be sent."""

        def send(self, mac_addresses: Any, *, host: str, port: int) -> None:
            """Keep it."""
            sent.append((tuple(mac_addresses), host, port))

    context = farm.api.context
    object.__setattr__(context, "magic", Kept())
    worker = add_worker(farm, "node22")
    start(worker)
    worker.stop()
    grange("group", "set", "cold", "node22")
    grange("power", "set", "group:cold", "--wake", "--address", "10.9.9.255")
    farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template("wake", frames="1-1"),
        templateType="JSON", priority=50,
    )  # fmt: skip
    upkeep = Upkeep(context, log_days_succeeded=30, log_days_failed=30)
    owner: Any = context.owner
    step = upkeep.step(context.clock.now())
    asyncio.run_coroutine_threadsafe(step, owner._task.get_loop()).result(60)
    assert ((MAC,), "10.9.9.255", 9) in sent
    path = f"/api/v1/farms/{farm.farm_id}/contacts"
    contacts = farm.connect().call("GET", path, service="grange")["contacts"]
    (one,) = [row for row in contacts if row["name"] == "node22"]
    assert one["wakes"][0]["by"] == "power policy"
    assert one["wakes"][0]["success"] is None, "in progress"
    start(worker)
    worker.run_everything()
    worker.stop()
    grange("power", "unset", "group:cold")


def test_a_worker_finishes_then_obeys_the_order_by_the_command_it_was_given(
    farm: LocalFarm, tmp_path: Path, grange: Any
) -> None:
    """Ledger S0-35, S1-17: the real loop, a command in the place of `systemctl poweroff`."""
    mark = tmp_path / "turned off"
    clock = SystemClock()
    settings = WorkerSettings(
        farm_id=farm.farm_id,
        fleet_id=farm.fleet_id,
        state_dir=tmp_path / "worker",
        name="node23",
        power_commands={"shutdown": f"touch '{mark}'"},
        environment={"PATH": "/usr/bin:/bin"},
    )
    api = farm.connect(farm.ids.worker)
    codes: list[int] = []

    async def main() -> None:
        worker = Worker(
            settings,
            api_factory=lambda found: api if found is None else api.with_credentials(found),
            clock=clock,
            probe=HostProbe(tmp_path, clock),
            processes=HostProcesses(),
            ids=RandomIds(clock),
        )
        codes.append(await worker.run())

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()

    def found() -> list[dict[str, Any]]:
        path = f"/api/v1/farms/{farm.farm_id}/overview"
        rows = farm.connect().call("GET", path, service="grange")["workers"]
        return [row for row in rows if row["name"] == "node23" and row["status"] == "idle"]

    end = clock.monotonic_seconds() + 60
    while not found():
        assert clock.monotonic_seconds() < end, "the worker is ready"
        threading.Event().wait(0.05)
    assert "--restart-command" in grange("worker", "restart", "node23", "--yes", code=1)
    grange("worker", "shutdown", "node23", "--yes")
    thread.join(60)
    assert codes == [0]
    assert mark.exists(), "the machine was turned off"
    path = f"/api/v1/farms/{farm.farm_id}/power"
    machines = farm.connect().call("GET", path, service="grange")["machines"]
    (one,) = [row for row in machines if row["name"] == "node23"]
    assert (one["status"], one["order"]) == ("STOPPED", None)


def test_a_command_that_does_not_work_ends_the_worker_with_a_failure(tmp_path: Path) -> None:
    """Its service starts it again, so the farm sees that the machine is still there."""
    assert obey(f"touch '{tmp_path / 'here'}'") == 0
    assert (tmp_path / "here").exists()
    assert obey("false") == 1
    assert obey("/no/such/program") == 1
    assert obey("'unbalanced") == 1
