"""Limits held on real processes: cores, memory, hours (ledger S1-12, S1-13)."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from grange.adapters.host.processes import HostProcesses
from grange.kernel.clock import VirtualClock
from grange.kernel.units import instant_of
from grange.worker.guard import Guard, cores_of
from grange.worker.limits import Rules

ZONE = ZoneInfo("UTC")
MIB = 2**20
MONDAY_NOON = instant_of(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child of its own, both waiting."""
    script = "sleep 60 & echo $!; wait"
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    HostProcesses().kill(HostProcesses().below(process.pid))
    process.kill()
    process.wait()
    process.stdout.close()


class Desk:
    """A guard, what it was told, and what it said."""

    def __init__(self, folder: Path, text: str, threads: int = 1) -> None:
        self.path = folder / "limits.toml"
        self.path.write_text(text)
        self.clock = VirtualClock(MONDAY_NOON)
        self.guard = Guard(folder, ZONE, self.clock, HostProcesses(), threads)
        self.said: list[Rules] = []

    def look(
        self, roots: dict[int, int], memory: dict[int, int], *, user: bool = True
    ) -> list[str]:
        halts = self.guard.look(roots, memory, user_logged_in=user, changed=self.said.append)
        return [f"{one.thread} {one.error_class or 'returned'}: {one.error_text}" for one in halts]


def test_cores_and_memory_hold_for_the_whole_tree_and_are_lifted_again(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    text = '[limits]\ncores = 1\nmemory_mib = 100\n[work]\nhours = "Mon 13:00-14:00"\ncores = -1\n'
    desk = Desk(tmp_path, text + "memory_mib = -1\n")
    before = os.sched_getaffinity(child.pid)
    desk.look({0: child.pid}, {})
    tree = [child.pid, *(one.pid for one in HostProcesses().below(child.pid))]
    assert len(tree) == 2
    for pid in tree:
        assert os.sched_getaffinity(pid) == {min(before)}
        assert resource.prlimit(pid, resource.RLIMIT_DATA)[0] == 200 * MIB + 2**30
    desk.clock.advance(3600)
    desk.look({0: child.pid}, {})
    for pid in tree:
        assert os.sched_getaffinity(pid) == before
        assert resource.prlimit(pid, resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
    assert len(desk.said) == 1


def test_the_system_refuses_what_grows_too_fast_to_be_seen(tmp_path: Path) -> None:
    """Three gigabytes at once, where a tenth of one may be used."""
    script = "import sys; sys.stdin.readline(); b = bytearray(3 * 2**30); print('got it', len(b))"
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    Desk(tmp_path, "[limits]\nmemory_mib = 100\n").look({0: process.pid}, {})
    out, error = process.communicate("\n", timeout=100)
    assert out == ""
    assert "MemoryError" in error


def test_each_job_thread_has_cores_of_its_own() -> None:
    assert [cores_of(thread, 3, 8) for thread in range(3)] == [(0, 1), (2, 3, 4), (5, 6, 7)]
    assert [cores_of(thread, 3, 2) for thread in range(3)] == [(0, 1)] * 3
    assert cores_of(0, 3, None) is None


def test_renderers_are_told_how_many_threads_they_may_use(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "[limits]\ncores = 8\n", threads=2)
    found = desk.guard.variables(1)
    assert found["OMP_NUM_THREADS"] == found["HOUDINI_MAXTHREADS"] == "4"
    assert Desk(tmp_path, "").guard.variables(0) == {}


def test_the_largest_of_those_that_use_too_much_together_must_stop(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "[limits]\nmemory_mib = 100\n", threads=3)
    assert desk.look({}, {0: 50 * MIB, 1: 50 * MIB}) == []
    [halt] = desk.look({}, {0: 30 * MIB, 1: 60 * MIB, 2: 20 * MIB})
    assert halt.startswith("1 memory: The job used 60 MiB; rendering may use 100 MiB")


def test_at_the_end_of_the_render_hours_work_goes_back_or_is_finished(tmp_path: Path) -> None:
    text = '[render]\nhours = "Mon 08:00-13:00"\nat_end = "{}"\n'
    desk = Desk(tmp_path, text.format("now"))
    assert desk.look({}, {0: 1}) == []
    desk.clock.advance(3600)
    assert desk.look({}, {0: 1}) == ["0 returned: Stopped: outside its render hours."]
    assert [one.closed for one in desk.said] == ["outside its render hours"]
    (tmp_path / "b").mkdir()
    desk = Desk(tmp_path / "b", text.format("after_frame"))
    desk.clock.advance(3600)
    assert desk.look({}, {0: 1}) == []
    assert [one.closed for one in desk.said] == ["outside its render hours"]


def test_a_user_who_comes_back_closes_the_machine(tmp_path: Path) -> None:
    desk = Desk(tmp_path, '[work]\nhours = "Mon 08:00-22:00"\nrender = "logged_off"\n')
    desk.look({}, {}, user=False)
    assert desk.guard.rules.closed == ""
    desk.look({}, {}, user=True)
    assert desk.guard.rules.closed == "its user is logged in"


def test_a_changed_file_holds_at_the_next_look_and_a_broken_one_does_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "[limits]\nmemory_mib = 100\n")
    desk.path.write_text("[limits\n")
    os.utime(desk.path, ns=(1, 1))
    assert len(desk.look({}, {0: 200 * MIB})) == 1
    desk.path.write_text("[limits]\nmemory_mib = 300\n")
    os.utime(desk.path, ns=(2, 2))
    assert desk.look({}, {0: 200 * MIB}) == []
    desk.path.unlink()
    desk.look({}, {})
    assert desk.guard.rules.limits.memory_bytes is None
