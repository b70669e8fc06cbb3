"""Who a worker is, what it may run as, what it tells of its machine, what its jobs inherit."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.host.processes import HostProcesses
from grange.kernel.errors import ConfigurationError
from grange.ports.host import Inventory
from grange.worker.capabilities import capabilities, host_properties
from grange.worker.identity import StateFolder
from grange.worker.leftovers import MARK, Leftovers
from grange.worker.settings import WorkerSettings, check_root, job_environment

INVENTORY = Inventory(
    host_name="node7",
    ip_addresses=("10.0.0.7", "fd00::7"),
    os_family="linux",
    cpu_arch="x86_64",
    logical_cores=32,
    physical_cores=16,
    ghz=3.5,
    memory_bytes=64 * 2**30,
    gpus=0,
    gpu_memory_mib=0,
    scratch_bytes=2**40,
)


def settings(tmp_path: Path, **more: Any) -> WorkerSettings:
    return WorkerSettings(farm_id="f", fleet_id="fl", state_dir=tmp_path, **more)


def test_a_worker_comes_back_under_its_id_in_the_same_fleet_only(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "w", "f", "fl")
    assert folder.worker_id() is None
    folder.remember("worker-1")
    folder.close()
    again = StateFolder(tmp_path / "w", "f", "fl")
    assert again.worker_id() == "worker-1"
    again.close()
    other = StateFolder(tmp_path / "w", "f", "other")
    assert other.worker_id() is None
    other.remember(None)
    assert other.worker_id() is None
    other.close()


def test_the_folder_and_the_id_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "w", "f", "fl")
    folder.remember("worker-1")
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "w" / "worker.json").stat().st_mode) == 0o600
    folder.close()


def test_a_second_worker_on_a_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, "f", "fl")
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()}"):
        StateFolder(tmp_path, "f", "fl")
    folder.close()
    StateFolder(tmp_path, "f", "fl").close()


def test_an_identity_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "worker.json").write_text("{")
    folder = StateFolder(tmp_path, "f", "fl")
    with pytest.raises(ConfigurationError, match=r"worker\.json"):
        folder.worker_id()
    folder.close()


def test_capabilities_leave_out_what_is_not_known(tmp_path: Path) -> None:
    told = capabilities(INVENTORY, settings(tmp_path, threads=4, watts=300.0))
    amounts = {one["name"]: one["value"] for one in told["amounts"]}
    assert amounts["amount.worker.vcpu"] == 32
    assert amounts["amount.worker.memory"] == 65536
    assert amounts["amount.worker.disk.scratch"] == 1024, "in GiB"
    assert amounts["grange:amount.worker.jobthreads"] == 4
    assert amounts["grange:amount.worker.cores"] == 16
    assert amounts["grange:amount.worker.ghz"] == 3.5
    assert amounts["grange:amount.worker.watts"] == 300
    assert amounts["grange:amount.worker.ps"] == 1
    assert {"name": "attr.worker.os.family", "values": ["linux"]} in told["attributes"]
    unknown = capabilities(
        Inventory(**{**{k: getattr(INVENTORY, k) for k in INVENTORY.__slots__}, "ghz": None}),
        settings(tmp_path),
    )
    names = {one["name"] for one in unknown["amounts"]}
    assert "grange:amount.worker.ghz" not in names
    assert "grange:amount.worker.watts" not in names


def test_a_worker_has_the_name_it_was_given_and_its_machines_addresses(tmp_path: Path) -> None:
    assert host_properties(INVENTORY, settings(tmp_path)) == {
        "hostName": "node7",
        "ipAddresses": {
            "ipV4Addresses": ["10.0.0.7"],
            "ipV6Addresses": ["FD00:0000:0000:0000:0000:0000:0000:0007"],
        },
    }
    assert host_properties(INVENTORY, settings(tmp_path, name="a"))["hostName"] == "a"


def test_jobs_inherit_what_is_listed_and_never_keys() -> None:
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "AWS_SECRET_ACCESS_KEY": "x",
        "GRANGE_FARM_ID": "f",
        "EDITOR": "vi",
        "MAYA_LOCATION": "/opt",
        "MAYA_VERSION": "2026",
        "PASSWORD": "p",
    }
    assert job_environment(environ) == {"PATH": "/bin", "LC_ALL": "C"}
    assert job_environment(environ, ("MAYA_*", "EDITOR", "AWS_*")) == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "EDITOR": "vi",
        "MAYA_LOCATION": "/opt",
        "MAYA_VERSION": "2026",
    }


@pytest.mark.parametrize(
    ("members", "user", "refused"),
    [
        ({"server_host": "127.0.0.1"}, 0, False),
        ({"server_host": "farm.example"}, 0, True),
        ({"server_host": "farm.example"}, 1000, False),
        ({"server_host": "farm.example", "allow_root": True}, 0, False),
        ({"server_host": "farm.example", "job_user": "ann"}, 0, False),
    ],
)
def test_a_joined_worker_renders_as_root_only_if_it_is_told_to(
    tmp_path: Path, members: dict[str, Any], user: int, refused: bool
) -> None:
    if refused:
        with pytest.raises(ConfigurationError, match="--job-user"):
            check_root(settings(tmp_path, **members), user)
    else:
        check_root(settings(tmp_path, **members), user)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"threads": 0}, "threads"),
        ({"watts": -1.0}, "watts"),
        ({"relative_speed": 0.0}, "relative_speed"),
        ({"job_user": ":group"}, "job_user"),
        ({"job_user": "ann:"}, "job_user"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        settings(tmp_path, **members)


def test_a_job_user_has_its_own_group_unless_another_is_named(tmp_path: Path) -> None:
    assert settings(tmp_path).posix_user is None
    assert settings(tmp_path, job_user="root").posix_user == ("root", "root")
    assert settings(tmp_path, job_user="root:daemon").posix_user == ("root", "daemon")
    with pytest.raises(ConfigurationError, match="no such user"):
        _ = settings(tmp_path, job_user="nobody-at-all").posix_user


def test_what_a_former_worker_left_is_found_by_record_and_by_mark(tmp_path: Path) -> None:
    import subprocess

    processes = HostProcesses()
    ids = RandomIds(SystemClock())
    former = Leftovers(tmp_path, processes, ids)
    recorded = subprocess.Popen(["sleep", "604"], start_new_session=True)
    marked = subprocess.Popen(["sleep", "605"], env={MARK: former.mark, "PATH": os.environ["PATH"]})
    stranger = subprocess.Popen(["sleep", "606"], env={MARK: "mark-x", "PATH": os.environ["PATH"]})
    try:
        identity = processes.identity(recorded.pid)
        assert identity is not None
        former.action(0, [(identity.pid, identity.started), (stranger.pid, "1")], None)
        again = Leftovers(tmp_path, processes, ids)
        assert again.mark == former.mark
        assert again.kill() == 2
        assert recorded.wait(100) == marked.wait(100) == -9
        assert stranger.poll() is None
        assert again.kill() == 0
        former.close()
    finally:
        for process in (recorded, marked, stranger):
            process.kill()
            process.wait()


def test_a_torn_list_of_processes_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "processes.jsonl").write_text('{"thread":0,"runner":tr')
    assert Leftovers(tmp_path, HostProcesses(), RandomIds(SystemClock())).kill() == 0


def test_the_list_of_processes_stays_short_and_holds_the_last_word(tmp_path: Path) -> None:
    ids = RandomIds(SystemClock())
    leftovers = Leftovers(tmp_path, HostProcesses(), ids)
    for number in range(10_000):
        leftovers.action(number % 2, [(2**22 - 1 - number, "x")], None)
    assert (tmp_path / "processes.jsonl").stat().st_size < 300_000
    recorded = Leftovers(tmp_path, HostProcesses(), ids)._recorded()
    assert sorted(one.pid for one in recorded) == [2**22 - 10_000, 2**22 - 9_999]
    leftovers.close()
    assert not (tmp_path / "processes.jsonl").exists()
