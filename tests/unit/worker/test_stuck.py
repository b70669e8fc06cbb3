"""Renders that hang are found by their silence (ledger S1-06)."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.probe import HostProbe
from grange.kernel.errors import ConfigurationError
from grange.ports.host import TreeReading
from grange.worker.limits import parse_profile
from grange.worker.lookout import bytes_below
from grange.worker.stuck import DEFAULT_SECONDS, LEAST_SECONDS, Silences, Stuck


class Render:
    """An action on thread 0 and its readings, on a clock of its own."""

    def __init__(self, layer: str | None = "layer", start: float = 1000.0) -> None:
        self.silences = Silences()
        self.at = start
        self.cpu = 10_000
        self.log = 100
        self.processes = 2
        self.written = 0
        self.counted = 0
        self.silences.begin(0, layer, self.at, self._count)

    def _count(self) -> int:
        self.counted += 1
        return self.written

    def seconds(
        self, count: int, *, each: Callable[[], None] = lambda: None, given: float | None = None
    ) -> Stuck | None:
        """Let seconds pass, with one reading each; stop at the first that says it hangs."""
        for _ in range(count):
            self.at += 1
            each()
            tree = TreeReading(cpu_ms=self.cpu, memory_bytes=1, processes=self.processes)
            found = self.silences.look(0, self.at, tree, self.log, given)
            if found is not None:
                return found
        return None

    def spend(self, millis: int) -> Callable[[], None]:
        def each() -> None:
            self.cpu += millis

        return each


def test_silence_is_too_long_after_half_an_hour_while_nothing_is_known() -> None:
    """Ledger S1-06: a default where nothing was learned."""
    render = Render()
    found = render.seconds(4000)
    assert found is not None
    assert DEFAULT_SECONDS <= found.silent_seconds <= DEFAULT_SECONDS + 2
    assert found.frame_seconds is None
    assert "no line in its log, no CPU time, no output" in found.text


@pytest.mark.parametrize(("frame_ms", "after"), [(2_000, 120), (100_000, 500), (900_000, 1800)])
def test_how_long_is_too_long_is_learned_from_the_layers_frames(
    frame_ms: int, after: float
) -> None:
    """Ledger S1-06: learned from finished frames; never less than two minutes."""
    render = Render()
    render.silences.learn("layer", frame_ms / 2)
    render.silences.learn("layer", frame_ms)
    render.silences.learn("another", 10_000_000)
    found = render.seconds(4000)
    assert found is not None
    assert after <= found.silent_seconds <= after + 2
    assert found.frame_seconds == frame_ms / 1000


def test_what_the_farm_knows_counts_until_a_frame_was_measured_here() -> None:
    silences = Silences()
    silences.learn("layer", 100_000, measured=False)
    assert silences.allowed_seconds("layer") == 500
    silences.learn("layer", 120_000)
    silences.learn("layer", 300_000, measured=False)
    assert silences.allowed_seconds("layer") == 600
    assert silences.allowed_seconds("another") == DEFAULT_SECONDS


def test_every_sign_of_life_is_one() -> None:
    render = Render()
    render.silences.learn("layer", 1000)

    def logs() -> None:
        render.log += int(render.at) % 100 == 0

    def forks() -> None:
        render.processes = 2 + int(render.at) // 100 % 2

    for sign in (logs, forks, render.spend(10)):
        assert render.seconds(1000, each=sign) is None, sign
    assert render.seconds(int(LEAST_SECONDS) + 20) is not None


@pytest.mark.parametrize(("millis", "silent"), [(1, True), (8, True), (12, False)])
def test_a_program_that_only_polls_is_silent(millis: int, *, silent: bool) -> None:
    """Less than a hundredth of a core is what an event loop takes that waits for ever."""
    render = Render()
    found = render.seconds(600, each=render.spend(millis), given=120)
    assert (found is not None) is silent


def test_output_that_grows_is_life_and_is_counted_only_when_nothing_else_was_heard() -> None:
    render = Render()
    render.seconds(300, each=render.spend(500), given=60)
    assert render.counted == 0

    def writes() -> None:
        render.written += 10

    assert render.seconds(300, each=writes, given=60) is None
    found = render.seconds(300, given=60)
    assert found is not None


def test_time_in_which_nobody_looked_is_no_silence() -> None:
    """A machine that slept for a night, or a worker that was stopped."""
    render = Render()
    render.seconds(50, given=60)
    render.at += 8 * 3600
    assert render.seconds(5, given=60) is None
    assert render.seconds(20, given=60) is not None


def test_an_action_without_processes_or_that_is_over_is_not_judged() -> None:
    render = Render()
    render.processes = 0
    assert render.seconds(300, given=60) is None
    render.processes = 1
    render.silences.end(0)
    assert render.seconds(300, given=60) is None


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A root with a child that counts for ever."""
    process = subprocess.Popen(
        ["sh", "-c", "sh -c 'while :; do :; done' & echo $!; wait"], stdout=subprocess.PIPE
    )
    yield process
    for child in HostProbeTree.below(process.pid):
        os.kill(child, signal.SIGKILL)
    process.kill()
    process.communicate()


class HostProbeTree:
    """The processes below a root."""

    @staticmethod
    def below(root: int) -> list[int]:
        text = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii")
        return [int(one) for one in text.split()]


def test_a_frozen_process_is_silent_and_one_that_computes_is_not(
    tmp_path: Path, busy: subprocess.Popen[bytes]
) -> None:
    """Ledger S1-06: the readings of real processes."""
    assert busy.stdout is not None
    child = int(busy.stdout.readline())
    probe, silences = HostProbe(tmp_path, SystemClock()), Silences()
    silences.begin(0, None, 0.0, lambda: 0)

    def look(at: float) -> Stuck | None:
        return silences.look(0, at, probe.tree(busy.pid), 0, 3)

    assert look(0.0) is None
    for at in (1.0, 2.0, 3.0, 4.0):
        spent = probe.tree(busy.pid)
        assert spent is not None
        while (now := probe.tree(busy.pid)) is None or now.cpu_ms < spent.cpu_ms + 60:
            time.sleep(0.01)
        assert look(at) is None
    os.kill(child, signal.SIGSTOP)
    while psutil.Process(child).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    stuck = [at for at in (5.0, 6.0, 7.0, 8.0, 9.0) if look(at) is not None]
    assert stuck[0] in (7.0, 8.0), "three seconds after its last CPU time"


def test_a_sessions_bytes_are_counted_in_all_its_folders(tmp_path: Path) -> None:
    for name, size in (("session-1abc/x", 3), ("session-1-output/a/b", 4), ("session-2/y", 100)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"." * size)
    assert bytes_below(tmp_path, "session-1") == 7
    assert bytes_below(tmp_path / "nothing", "session-1") == 0


def test_the_machines_owner_may_say_how_long() -> None:
    zone = ZoneInfo("UTC")
    assert parse_profile({}, zone).silent_seconds is None
    assert parse_profile({"stuck": {"after_seconds": 600}}, zone).silent_seconds == 600
    assert parse_profile({"stuck": {"after_seconds": -1}}, zone).silent_seconds == float("inf")
    for wrong in ({"after_seconds": 0}, {"after": 1}):
        with pytest.raises(ConfigurationError):
            parse_profile({"stuck": wrong}, zone)
