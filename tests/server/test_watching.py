"""`--watch` on a real terminal, `--where` and `--csv` of lists, against a running farm."""

import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from struct import pack
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.sdk.farm import Farm
from grange.testing.farm import LocalFarm
from tests.server.conftest import template
from tests.server.test_job_lists import rest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a terminal of Unix")
PATIENCE_SECONDS = 120.0
_ON_ITS_OWN = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))  # whoever leads a session gets the terminal it opens
os.execv(sys.executable, [sys.executable, "-m", "grange", *sys.argv[1:]])
"""


def settings_of(farm: LocalFarm) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    return kept | farm.environment() | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


def grange(farm: LocalFarm, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "grange", *words],
        env=settings_of(farm), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


class Terminal:
    """A program on a terminal of its own, and everything it drew."""

    def __init__(self, farm: LocalFarm, *words: str, rows: int, columns: int) -> None:
        self.master, slave = pty.openpty()
        self.slave = slave
        self.resize(rows, columns, tell=False)
        self.before = termios.tcgetattr(slave)
        self.program = subprocess.Popen(
            [sys.executable, "-c", _ON_ITS_OWN, *words],
            env=settings_of(farm), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.set_blocking(self.master, False)
        self.drawn = ""

    def resize(self, rows: int, columns: int, *, tell: bool = True) -> None:
        """Give the terminal another size, as a window does."""
        ioctl(self.slave, termios.TIOCSWINSZ, pack("HHHH", rows, columns, 0, 0))
        if tell:
            os.killpg(self.program.pid, signal.SIGWINCH)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def read(self) -> None:
        """Take what was drawn meanwhile."""
        while True:
            try:
                found = os.read(self.master, 65_536)
            except (BlockingIOError, OSError):
                return
            self.drawn += found.decode(errors="replace")

    def until(self, text: str, *, after: int = 0) -> int:
        """Wait until a text was drawn behind a place; return the place behind it."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            self.read()
            if (at := self.drawn.find(text, after)) >= 0:
                return at + len(text)
            assert self.program.poll() is None, self.drawn[-2000:]
            self.pause()
        raise AssertionError(f"{text!r} was not drawn: {self.drawn[-2000:]!r}")

    def pause(self) -> None:
        """Wait a moment for the program."""
        select.select([self.master], [], [], 0.2)

    def close(self) -> None:
        """End the program, if it has not."""
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(farm: LocalFarm) -> Iterator[Any]:
    open_ones: list[Terminal] = []

    def make(*words: str, rows: int = 24, columns: int = 100) -> Terminal:
        open_ones.append(Terminal(farm, *words, rows=rows, columns=columns))
        return open_ones[-1]

    yield make
    for one in open_ones:
        one.close()


def submit(farm: LocalFarm, name: str, frames: str = "1-2") -> str:
    made: str = farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template(name, frames=frames),
        templateType="JSON", priority=50,
    )["jobId"]  # fmt: skip
    return made


def test_watching_follows_survives_another_size_and_gives_the_terminal_back(farm, terminal):
    """UX-24: `--watch` survives resize, and Ctrl-C restores the terminal."""
    submit(farm, "first thing")
    one = terminal("job", "ls", "--watch", "--every", "0.5", columns=110)
    at = one.until("\x1b[?1049h")
    at = one.until("first thing", after=at)
    submit(farm, "second thing")
    at = one.until("second thing", after=at)
    one.resize(8, 30)
    one.read()
    at = one.until("…", after=len(one.drawn))  # 30 columns do not hold a line
    one.resize(30, 160)
    one.read()
    at = one.until("second thing", after=len(one.drawn))
    one.press(b"\x03")
    one.until("\x1b[?1049l", after=at)
    assert one.program.wait(timeout=PATIENCE_SECONDS) == 0
    one.read()
    assert one.drawn.rfind("\x1b[?25h") > one.drawn.rfind("\x1b[?25l")  # the cursor is back
    assert termios.tcgetattr(one.slave) == one.before
    assert "Traceback" not in one.drawn


def test_watching_is_refused_where_there_is_no_terminal(farm):
    """UX-24: nothing with escapes gets into a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "grange", "worker", "ls", "--watch"],
        env=settings_of(farm), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "this is none" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_watching_ends_with_the_exit_code_of_what_it_shows(terminal):
    one = terminal("job", "show", "nobody at all", "--watch")
    assert one.program.wait(timeout=PATIENCE_SECONDS) == 3


def test_a_query_finds_the_same_jobs_in_rest_on_the_command_line_and_in_python(farm):
    """UX-4: the same ids, however it is asked; filtered before it is limited (UX-6)."""
    made = {name: submit(farm, name) for name in ("oak beauty", "oak sim", "elm beauty")}
    connection = farm.connect()
    in_python = Farm(connection, farm.farm_id, SystemClock())
    for where, expected in (
        ("oak state=ready user=owner -sim", ["oak beauty"]),
        ("beauty priority=50", ["elm beauty", "oak beauty"]),
        ("or elm oak", ["elm beauty", "oak beauty", "oak sim"]),
    ):
        told = [row["job_id"] for row in rest(farm, "GET", "/jobs", where=where)["jobs"]]
        said = json.loads(grange(farm, "job", "ls", "--where", where, "--json"))
        assert [row["job_id"] for row in said["jobs"]] == told
        assert [row["job_id"] for row in in_python.jobs(where)] == told
        assert sorted(told) == sorted(made[name] for name in expected)
        assert said["matched"] == len(told)
    one = json.loads(grange(farm, "job", "ls", "--where", "oak sim", "--limit", "1", "--json"))
    assert [row["job_id"] for row in one["jobs"]] == [made["oak sim"]]


def test_lists_are_written_as_csv_with_nothing_else(farm):
    submit(farm, 'quoted, "name"')
    rows = list(csv.DictReader(io.StringIO(grange(farm, "job", "ls", "--csv"))))
    assert 'quoted, "name"' in {row["name"] for row in rows}
    assert {"job", "status", "user"} <= set(rows[0])
    assert len(rows) == len(json.loads(grange(farm, "job", "ls", "--json"))["jobs"])
