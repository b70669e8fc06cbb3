"""`grange server` as programs: the socket outlives its children, one server per folder."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from grange.config.settings import DEFAULT_PORT
from grange.wiring.server import BOOKS_NICENESS

pytestmark = pytest.mark.slow

START_SECONDS = 250


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int
    said: list[str]

    def child(self, module: str, *, after: int = 0) -> psutil.Process:
        """The running child of a module, once it is another one than `after`."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            for process in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):  # it may just have ended
                    if module in process.cmdline() and process.pid != after:
                        return process
            time.sleep(0.05)
        raise AssertionError(f"no {module}")

    def health(self) -> int:
        """Ask once, over a new connection; a refused connection raises."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        finally:
            connection.close()


def start(folder: Path, *arguments: str) -> Server:
    """Start a server and wait until it says where it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "grange", "server", "--data", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.strip())
        if "answers at http://" in line:
            port = int(line.partition("http://")[2].split()[0].rpartition(":")[2])
            return Server(process, port, said)
    raise AssertionError("\n".join(said))


def stop(server: Server) -> int:
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(START_SECONDS)
    assert server.process.stdout is not None
    server.process.stdout.close()
    return code


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("server"), "--port", "0")
    yield running
    if running.process.poll() is None:
        stop(running)


def test_a_killed_api_comes_back_and_no_connection_is_refused(server: Server):
    """Agents die when a connection is refused; in the backlog they only wait."""
    first = server.child("grange.wiring.api_process")
    first.kill()
    assert server.health() == 200
    assert server.child("grange.wiring.api_process", after=first.pid).is_running()


def test_killed_books_come_back_without_the_api_noticing(server: Server):
    api = server.child("grange.wiring.api_process").pid
    first = server.child("grange.wiring.books_process")
    first.kill()
    assert server.child("grange.wiring.books_process", after=first.pid).is_running()
    assert server.child("grange.wiring.api_process").pid == api
    assert server.health() == 200


def test_the_books_are_nicer_than_the_api(server: Server):
    """By so much as they may be: these tests may be run nicely themselves."""
    nicest = min(server.child("grange.wiring.api_process").nice() + BOOKS_NICENESS, 19)
    end = time.monotonic() + START_SECONDS  # a child that was just started is not nice yet
    while server.child("grange.wiring.books_process").nice() != nicest:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_second_server_on_the_folder_is_told_who_holds_it(server: Server):
    folder = psutil.Process(server.process.pid).cmdline()[
        psutil.Process(server.process.pid).cmdline().index("--data") + 1
    ]
    second = subprocess.run(
        [sys.executable, "-m", "grange", "server", "--data", folder, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert second.returncode != 0
    assert str(server.process.pid) in second.stderr
    assert f":{server.port}" in second.stderr


def test_a_port_that_is_taken_and_was_asked_for_is_an_error(server: Server, tmp_path: Path):
    second = subprocess.run(
        [sys.executable, "-m", "grange", "server", "--data", str(tmp_path), "--port",
         str(server.port)],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Port {server.port} is taken" in second.stderr


def test_secrets_are_readable_by_their_owner_alone(server: Server):
    arguments = psutil.Process(server.process.pid).cmdline()
    folder = Path(arguments[arguments.index("--data") + 1])
    for name in ("master.key", "client.env"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_children_die_with_the_parent_and_the_folder_is_free_again(tmp_path: Path):
    first = start(tmp_path, "--port", "0")
    children = psutil.Process(first.process.pid).children()
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert first.process.stdout is not None
    first.process.stdout.close()
    gone, alive = psutil.wait_procs(children, timeout=START_SECONDS)
    assert not alive
    assert len(gone) == 2
    again = start(tmp_path, "--port", "0")
    assert again.health() == 200
    assert stop(again) == 0


def test_the_next_free_port_is_used_and_said(tmp_path: Path):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # somebody else's server may have it, which is as good
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
        running = start(tmp_path)
        if running.port == DEFAULT_PORT:  # somebody else's server had it, and has just ended
            assert stop(running) == 0
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
            running = start(tmp_path)
        assert running.port > DEFAULT_PORT
        assert f"Port {DEFAULT_PORT} is taken; using {running.port}." in running.said
        assert stop(running) == 0
