"""The machine's sensors and processes, on this very machine."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.probe import HostProbe
from grange.adapters.host.processes import HostProcesses
from grange.ports.host import ProcessIdentity

BURN = (
    "import sys\nx=0\nfor i in range(3_000_000): x+=i*i\n"
    "print('done', flush=True)\nsys.stdin.read()"
)


def test_the_machine_is_known_and_its_counters_ascend(tmp_path: Path) -> None:
    probe = HostProbe(tmp_path, SystemClock())
    inventory = probe.inventory()
    assert inventory.logical_cores >= inventory.physical_cores >= 1
    assert inventory.memory_bytes > 2**27
    assert inventory.scratch_bytes > 0
    first = probe.machine()
    subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    second = probe.machine()
    assert 0 <= second.cpu_busy_ms - first.cpu_busy_ms <= second.cpu_total_ms - first.cpu_total_ms
    assert 0 < second.memory_used_bytes <= second.memory_total_bytes


def test_a_trees_cpu_time_outlives_its_processes_and_leaves_out_the_root(tmp_path: Path) -> None:
    probe = HostProbe(tmp_path, SystemClock())
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess,sys\n"
            f"p=subprocess.Popen([sys.executable,'-c',{BURN!r}],"
            "stdin=subprocess.PIPE,stdout=subprocess.PIPE)\n"
            "p.stdout.readline(); print('burnt',flush=True); sys.stdin.readline()\n"
            "p.stdin.close(); p.wait(); print('gone',flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as root:
        assert root.stdout is not None
        assert root.stdin is not None
        root.stdout.readline()
        alive = probe.tree(root.pid)
        root.stdin.write(b"\n")
        root.stdin.flush()
        root.stdout.readline()
        ended = probe.tree(root.pid)
        root.stdin.close()
    assert alive is not None
    assert ended is not None
    assert alive.processes == 1
    assert alive.memory_bytes > 2**20
    assert alive.cpu_ms >= 50
    assert ended.processes == 0
    assert ended.memory_bytes == 0
    assert ended.cpu_ms >= alive.cpu_ms
    assert probe.tree(2**22 - 1) is None


def test_a_process_is_found_by_its_mark_and_killed_with_its_group() -> None:
    processes = HostProcesses()
    mark = f"mark-{os.getpid()}"
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $!; wait"],
        env={**os.environ, "GRANGE_TEST_MARK": mark},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with leader:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
        found = {one.pid for one in processes.marked("GRANGE_TEST_MARK", mark)}
        assert {leader.pid, child} <= found
        assert {one.pid for one in processes.below(leader.pid)} == {child}
        identity = processes.identity(leader.pid)
        assert identity is not None
        assert processes.kill([identity]) == 1
        assert leader.wait(100) == -9
        assert leader.stdout.read() == b""  # the child has closed its end too
    assert processes.kill([identity]) == 0


def test_a_later_process_of_the_same_number_is_left_alone() -> None:
    processes = HostProcesses()
    with subprocess.Popen(["sleep", "600"]) as process:
        stranger = ProcessIdentity(pid=process.pid, started="1")
        assert processes.kill([stranger]) == 0
        assert process.poll() is None
        process.kill()
    assert processes.below(2**22 - 1) == []


def test_a_child_is_asked_to_end_when_its_parent_dies() -> None:
    child = (
        "import os,signal,sys\n"
        "from grange.adapters.host.processes import HostProcesses\n"
        "HostProcesses().die_with_parent(int(sys.argv[1]))\n"
        "print(os.getpid(), flush=True)\n"
        "signal.pause()"
    )
    parent = (
        "import os,subprocess,sys,signal\n"
        f"subprocess.Popen([sys.executable,'-c',{child!r},str(os.getpid())])\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert HostProcesses().identity(pid) is not None
        process.kill()
        assert process.stdout.read() == b""  # ends when the child has closed its end
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(100)
    assert HostProcesses().identity(pid) is None
