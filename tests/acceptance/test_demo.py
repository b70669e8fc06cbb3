"""`grange demo` on an empty folder: a farm, a film, a receipt, and nothing left running."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tools.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.mitsuba]


MARK = "GRANGE_TEST_MARK"


def demo(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "grange", "demo", "--data", str(folder), "--no-browser",
            "--port", str(free_port()), *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, MARK: str(folder)},
    )  # fmt: skip


def left_running(folder: Path) -> list[psutil.Process]:
    """Programs the demo started, and programs they started, that still run.

    A program whose parent was ended is ended by the system: that takes a moment.
    """
    deadline = time.monotonic() + 120
    while (found := running(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def running(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and (
            any(str(folder) in word for word in process.info["cmdline"] or ())
            or (process.info["environ"] or {}).get(MARK) == str(folder)
        )
    ]


@dataclass(frozen=True)
class Finished:
    """A demo that ran to its end."""

    folder: Path
    code: int
    said: str
    left: list[psutil.Process]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished") / "demo"
    process = demo(folder, "--frames", "8", "--with-failure", "--exit-when-done")
    said, _ = process.communicate(timeout=400)
    logs = "\n".join(path.read_text()[-3000:] for path in folder.glob("*.log"))
    left = left_running(folder)
    return Finished(
        folder, process.returncode, said if process.returncode == 0 else said + logs, left
    )


@pytest.mark.timeout(900)
def test_demo_renders_a_film_and_its_receipt_balances(finished: Finished):
    folder, said = finished.folder, finished.said
    assert finished.code == 0, said
    assert "\x1b" not in said
    balance = re.search(r"2 machines × ([\d.,]+) s = ([\d.,]+) s\. Unaccounted: 0\.0 s", said)
    assert balance is not None, said
    assert float(balance[2]) == pytest.approx(2 * float(balance[1]), abs=0.11)
    assert "8 frames rendered" in said
    assert "1 failed attempt" in said
    assert "rendering, wasted" in said
    assert "Stale file handle" in said
    assert "EXAMPLE" in said
    assert "Slowest frame:" in said
    assert "Books: verified" in said
    assert "grange submit" in said
    assert "grange worker join" in said

    movie = folder / "renders" / "001" / "harvest.mp4"
    assert movie.read_bytes()[4:8] == b"ftyp"
    assert len(list(movie.parent.glob("frame_*.png"))) == 8
    assert stat.S_IMODE((folder / "client.env").stat().st_mode) == 0o600
    assert finished.left == []


@pytest.mark.timeout(900)
def test_a_second_demo_continues_the_farm_and_ctrl_c_stops_everything(finished: Finished):
    folder = finished.folder
    second = demo(folder, "--frames", "1")
    try:
        lines: list[str] = []
        assert second.stdout is not None
        for line in second.stdout:
            lines.append(line)
            if "stays up until Ctrl-C" in line:
                break
        text = "".join(lines)
        assert "Continuing the demo farm" in text
        assert (folder / "renders" / "002" / "harvest.mp4").exists(), text
        second.send_signal(signal.SIGINT)
        assert second.wait(180) == 0
    finally:
        if second.poll() is None:
            second.kill()
        if second.stdout is not None:
            second.stdout.close()
    assert left_running(folder) == []


def test_a_demo_stopped_before_its_end_did_not_succeed(tmp_path: Path):
    folder = tmp_path / "demo"
    process = demo(folder, "--frames", "4")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Submitted"):
            break
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    process.stdout.close()
    assert process.wait(180) == 130
    assert "Stopping." in said
    assert "Traceback" not in said
    assert left_running(folder) == []


def test_a_killed_demo_leaves_nothing_running(tmp_path: Path):
    folder = tmp_path / "demo"
    process = demo(folder, "--frames", "4")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Submitted"):
            break
    process.kill()
    process.wait(180)
    process.stdout.close()
    end = time.monotonic() + 180
    while left_running(folder) and time.monotonic() < end:
        time.sleep(0.2)
    assert left_running(folder) == []


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    process = demo(tmp_path, "--fresh", "--exit-when-done")
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 2
    assert "did not make" in said
    assert "Traceback" not in said
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
