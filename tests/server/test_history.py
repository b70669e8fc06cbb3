"""History, groups, licences and waking machines, on a real server: REST, command line, Python."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import grange
from grange.adapters.host.probe import mac_addresses
from grange.cli.group import read_groups, toml
from grange.cli.main import run
from grange.kernel.errors import ConflictError, InvalidRequestError
from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.wiring.client import system_clock
from grange.worker.capabilities import capabilities
from grange.worker.settings import WorkerSettings
from grange.worker.speed import keep, kept, measure
from tests.server.conftest import ScriptedWorker, add_worker, template
from tests.unit.worker.test_identity_and_settings import INVENTORY

MAC = "0123456789ab"


def rest(farm: LocalFarm, method: str, path: str, body: Any = None, **query: str) -> Any:
    return farm.connect().call(
        method, f"/api/v1/farms/{farm.farm_id}{path}", query=query, body=body, service="grange"
    )


@pytest.fixture(scope="module")
def worker(farm: LocalFarm) -> ScriptedWorker:
    made = add_worker(farm, "render01")
    made.client.update_worker(
        **made.named,
        status="STARTED",
        capabilities={
            "amounts": [
                {"name": "amount.worker.vcpu", "value": 4.0},
                {"name": "amount.worker.memory", "value": 8192.0},
            ],
            "attributes": [
                {"name": "attr.worker.os.family", "values": ["linux"]},
                {"name": "grange:attr.worker.mac", "values": [f"mac-{MAC}"]},
                {"name": "grange:attr.worker.version", "values": ["v0-1-0"]},
            ],
        },
    )
    return made


@pytest.fixture(scope="module")
def job_id(farm: LocalFarm, client: Any, worker: ScriptedWorker) -> str:
    made: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("teapot", frames="1-4"),
        templateType="JSON",
        priority=50,
        tags={"grange:project": "film", "grange:scene": "/shots/sh010.ma"},
    )["jobId"]
    worker.run_everything()
    return made


@pytest.fixture
def cli(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command against the farm; returns (exit code, standard output, standard error)."""
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_three_doors_answer_the_same_record(farm: LocalFarm, job_id: str, cli: Any):
    """Ledger S0-41, S0-42: REST, command line and Python; the query comes before the limit."""
    found = rest(farm, "GET", "/history", where="SceneFile=sh010.ma", limit="1")
    assert (len(found["records"]), found["matched"], found["of"]) == (1, 2, 2)
    code, out, err = cli("history", "--json", "--where", "layer=render")
    assert code == 0
    (record,) = json.loads(out)["records"]
    assert "1 of 2 records." in err
    assert (record["layer"], record["project"], record["sent"]) == ("render", "film", 4)
    assert record["job_id"] == job_id
    books = grange.open(farm._settings.data_dir, farm_id=farm.farm_id).books
    (same,) = books.history["film"].filter(text="layer=render")
    assert (same.id, same.lifetime.sent) == (record["layer_id"], 4)
    code, out, _ = cli("history", "--csv", "--since", "1d")
    assert len(out.splitlines()) == 3


def test_records_come_in_the_order_that_is_asked_for(farm: LocalFarm, job_id: str, cli: Any):
    """Before the limit, so that the first page holds what is first of all."""

    def layers(sort: str, **query: str) -> list[str]:
        found = rest(farm, "GET", "/history", sort=sort, **query)["records"]
        assert {row["job_id"] for row in found} == {job_id}
        return [row["layer"] for row in found]

    everything = layers("layer")
    assert everything == sorted(everything)
    assert len(everything) == 2
    assert layers("-layer") == everything[::-1]
    assert layers("-LAYER", limit="1") == everything[-1:]
    assert layers("job,-layer", limit="1", offset="1") == everything[:1]
    for field in ("-frames", "sent", "-time", "finished", "memory", "user", "state", "changed"):
        assert sorted(layers(field)) == everything, field
    most, least = (
        rest(farm, "GET", "/history", sort=sort)["records"][0] for sort in ("-sent", "sent")
    )
    assert most["sent"] >= least["sent"]
    with pytest.raises(InvalidRequestError, match="Did you mean layer") as caught:
        rest(farm, "GET", "/history", sort="layr")
    assert [field.name for field in caught.value.fields] == ["sort"]
    code, out, _ = cli("history", "--sort", "-layer", "--json")
    assert (code, [row["layer"] for row in json.loads(out)["records"]]) == (0, everything[::-1])


def test_a_record_is_shown_with_its_log_by_its_short_id(farm: LocalFarm, job_id: str, cli: Any):
    """Ledger S0-50, S0-52: the short id finds the record; the log has every entry."""
    (record,) = rest(farm, "GET", "/history", where="layer=render")["records"]
    code, out, _ = cli("history", "show", record["short_id"])
    assert code == 0
    assert "render of teapot" in out
    assert "render01" in out
    code, out, _ = cli("history", "log", record["layer_id"], "--json")
    named = [entry["what_name"] for entry in json.loads(out)["log"]]
    assert (named[0], named[-1], named.count("success")) == ("received", "finished", 4)
    code, out, _ = cli("history", "errors", record["short_id"], "--json")
    assert json.loads(out) == {"errors": [], "server_errors": 0}


def test_a_query_that_cannot_be_read_says_where(farm: LocalFarm, cli: Any):
    """Ledger S0-42: an error with its place and a hint, through REST and the command line."""
    with pytest.raises(InvalidRequestError, match="Did you mean user") as caught:
        rest(farm, "GET", "/history", where="a usr=ann")
    assert [(field.name, field.message.split(":")[0]) for field in caught.value.fields] == [
        ("where", "2")
    ]
    code, _, err = cli("history", "--where", "a or b")
    assert code != 0
    assert "Write: or a b." in err


def test_a_real_magic_packet_arrives(
    farm: LocalFarm, worker: ScriptedWorker, job_id: str, cli: Any
):
    """Ledger S0-37: `grange worker wake` sends 6 × FF and 16 × the address; online closes it."""
    with pytest.raises(ConflictError, match="online already"):
        rest(farm, "POST", f"/workers/{worker.worker_id}/wake-up", {})
    worker.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        port = str(receiver.getsockname()[1])
        code, out, _ = cli("worker", "wake", "render01", "--address", "127.0.0.1", "--port", port)
        assert code == 0, out
        packet = receiver.recv(1024)
    assert packet == b"\xff" * 6 + bytes.fromhex(MAC) * 16
    (contact,) = rest(farm, "GET", "/contacts", worker_id=worker.worker_id)["contacts"]
    assert [attempt["success"] for attempt in contact["wakes"]] == [None]
    worker.start()
    (contact,) = rest(farm, "GET", "/contacts", worker_id=worker.worker_id)["contacts"]
    assert [attempt["success"] for attempt in contact["wakes"]] == [True]
    assert contact["wakes"][0]["online_ms"] >= 0
    assert (contact["version"], contact["wake_failed_tries"]) == ("0.1.0", 0)


def test_groups_from_the_command_line_make_the_round_trip(
    worker: ScriptedWorker, cli: Any, tmp_path: Path
):
    """Ledger S0-39, S0-40: set, add, export and import as TOML and JSON, remove."""
    assert cli("group", "set", "big")[0] == 0
    assert cli("group", "add", "big", "render01")[1] == "Group big has 1 worker.\n"
    assert cli("group", "add", "big", "nobody")[0] == 2
    for name in ("groups.toml", "groups.json"):
        file = tmp_path / name
        assert cli("group", "export", str(file))[0] == 0
        assert read_groups(file.read_text()) == {"big": ["render01"]}
        assert cli("group", "import", str(file))[1] == "Nothing changed.\n"
    file = tmp_path / "other.json"
    file.write_text('{"groups": {"new": ["render01"]}}')
    assert cli("group", "import", str(file))[1] == "Changed: big, new\n"
    shown = json.loads(cli("group", "ls", "--json", "--of", "render01")[1])
    assert [group["name"] for group in shown["groups"]] == ["new"]
    assert cli("group", "rm", "new")[0] == 0
    assert json.loads(cli("group", "ls", "--json")[1])["groups"] == []


def test_names_survive_toml():
    """Ledger S0-39: any name comes back as it was written."""
    groups = {'a "b" \\ ü': ["node 1", "x\\y"], "plain": []}
    assert read_groups(toml(groups)) == groups
    with pytest.raises(InvalidRequestError, match="holds no groups"):
        read_groups("nothing = 1")


def test_licences_from_the_command_line(cli: Any):
    """Ledger S0-38: what is not given stays; a region inherits, is set, is unset again."""
    assert cli("licence", "set", "nuke", "--count", "20", "--cost", "0.5")[0] == 0
    assert cli("licence", "set", "nuke", "--region", "cloud", "--unlimited")[0] == 0
    assert cli("licence", "set", "nuke", "--count", "21")[0] == 0
    (pool,) = json.loads(cli("licence", "ls", "--json")[1])["pools"]
    regions = pool["regions"]
    assert regions["default"] == {
        "is_set": True, "count": 21, "unlimited": False, "in_use": 0, "cost": "0.500000000"
    }  # fmt: skip
    assert (regions["farm"]["is_set"], regions["farm"]["count"]) == (False, 21)
    assert (regions["cloud"]["is_set"], regions["cloud"]["unlimited"]) == (True, True)
    assert "0 of 21, 0.5000" in cli("licence", "ls")[1]
    assert cli("licence", "set", "nuke", "--region", "cloud", "--unset")[0] == 0
    (pool,) = json.loads(cli("licence", "ls", "--json")[1])["pools"]
    assert not pool["regions"]["cloud"]["is_set"]
    assert cli("licence", "set", "nuke")[0] == 2
    assert cli("licence", "rm", "nuke")[0] == 0
    assert cli("licence", "rm", "nuke")[0] == 3


def test_a_measured_speed_is_kept_and_told(tmp_path: Path, cli: Any):
    """Ledger section 9: PS comes from a short benchmark; the worker tells it to the farm."""
    code, out, _ = cli("worker", "benchmark", "--seconds", "0.2", "--data", str(tmp_path), "--json")
    assert code == 0
    told = json.loads(out)
    speed = kept(tmp_path)
    assert speed is not None
    assert told["relative_speed"] == speed.relative_speed > 0
    assert told["kps"] == told["relative_speed"] / 1000
    settings = WorkerSettings(
        farm_id="f", fleet_id="fl", state_dir=tmp_path, relative_speed=speed.relative_speed
    )
    amounts = {one["name"]: one["value"] for one in capabilities(INVENTORY, settings)["amounts"]}
    assert amounts["grange:amount.worker.ps"] == speed.relative_speed
    assert kept(tmp_path / "elsewhere") is None


def test_more_cores_measure_more_work(tmp_path: Path):
    """Ledger section 9: the speed is the whole machine's, and the work is counted."""
    speed = measure(system_clock(), seconds=0.3, cores=1)
    assert speed.rounds_per_second > 0
    assert speed.cores == 1
    assert speed.measured_at > Instant(0)
    assert keep(tmp_path, speed) == tmp_path / "speed.json"
    assert kept(tmp_path) == speed


def test_a_worker_tells_its_hardware_addresses_as_the_wire_can_carry_them(tmp_path: Path):
    """Ledger S0-37: the worker registers its MAC addresses."""
    from dataclasses import replace

    settings = WorkerSettings(farm_id="f", fleet_id="fl", state_dir=tmp_path, version="1.2.3+x")
    told = capabilities(replace(INVENTORY, mac_addresses=(MAC,)), settings)
    attributes = {one["name"]: one["values"] for one in told["attributes"]}
    assert attributes["grange:attr.worker.mac"] == [f"mac-{MAC}"]
    assert attributes["grange:attr.worker.version"] == ["v1-2-3-x"]
    for one in mac_addresses():
        assert len(bytes.fromhex(one)) == 6
