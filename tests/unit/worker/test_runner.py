"""The runner, as a real process running real OpenJD sessions."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from grange.worker.messages import (
    Began,
    Cancel,
    Close,
    Closed,
    Copying,
    Ended,
    FrameDone,
    FromRunner,
    Moved,
    NotOpened,
    Open,
    Opened,
    Ready,
    Run,
    ToRunner,
    decode_from_runner,
    encode,
)
from grange.worker.nursery import Fork, Forked
from grange.worker.plan import Kind, Outcome

JOB = {
    "jobId": "job-1",
    "schemaVersion": "jobtemplate-2023-09",
    "parameters": {"Greeting": {"string": "hello"}},
    "extensions": ["TASK_CHUNKING"],
}


FAR = f"603.{os.getpid()}"
"""Seconds that nobody else sleeps."""


class Nursery:
    """The worker's end of a nursery."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours, theirs = socket.socketpair()
        ours.settimeout(100)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grange.wiring.runner", str(theirs.fileno()), str(os.getpid())],
            pass_fds=(theirs.fileno(),),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "src")},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self.socket = ours
        self.lines = ours.makefile("rb")
        self.codes: dict[int, int | None] = {}

    def fork(self, log: Path) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.settimeout(100)
        with theirs:
            request = msgspec.json.encode(Fork(log=str(log))) + b"\n"
            socket.send_fds(self.socket, [request], [theirs.fileno()])
        while (message := self.hear()).code is not None:
            self.codes[message.pid] = message.code
        return message.pid, ours

    def hear(self) -> Forked:
        return msgspec.json.decode(self.lines.readline(), type=Forked)

    def code(self, pid: int) -> int | None:
        while pid not in self.codes:
            message = self.hear()
            self.codes[message.pid] = message.code
        return self.codes[pid]

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
        try:
            self.process.wait(100)
        finally:
            self.process.kill()
            self.process.wait()


class Seat:
    """The worker's end of a runner."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.folder = folder
        (folder / "root").mkdir()
        self.nursery = nursery
        self.pid, self.socket = nursery.fork(folder / "runner.log")
        self.lines = self.socket.makefile("rb")
        assert isinstance(self.hear(), Ready)

    def say(self, message: ToRunner) -> None:
        self.socket.sendall(encode(message))

    def hear(self) -> FromRunner:
        message = decode_from_runner(self.lines.readline())
        return self.hear() if isinstance(message, Copying) else message

    def until(self, kind: type[Any]) -> tuple[Any, list[FromRunner]]:
        """Hear until a message of this kind; returns it and everything before."""
        before: list[FromRunner] = []
        while not isinstance(message := self.hear(), kind):
            before.append(message)
        return message, before

    def open(self, session_id: str = "session-1", **job: Any) -> FromRunner:
        self.say(
            Open(
                session_id=session_id,
                job={**JOB, **job},
                root=str(self.folder / "root"),
                log_path=str(self.folder / f"{session_id}.log"),
                variables={"DEADLINE_JOB_ID": "job-1"},
            )
        )
        return self.hear()

    def run(self, number: int, template: dict[str, Any], **members: Any) -> None:
        details = {
            "schemaVersion": "jobtemplate-2023-09",
            "template": template,
            "extensions": ["TASK_CHUNKING"],
        }
        self.say(
            Run(
                action_id=f"action-{number}",
                kind=members.pop("kind", Kind.TASK_RUN),
                step_id=members.pop("step_id", f"step-{number}"),
                task_id=f"task-{number}",
                details=details,
                **members,
            )
        )

    def log(self, session_id: str = "session-1") -> str:
        return (self.folder / f"{session_id}.log").read_text()

    def leave(self) -> int | None:
        self.lines.close()
        self.socket.close()
        return self.nursery.code(self.pid)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture
def seat(tmp_path: Path, nursery: Nursery) -> Iterator[Seat]:
    seat = Seat(tmp_path, nursery)
    yield seat
    seat.leave()


def script(text: str, **action: Any) -> dict[str, Any]:
    """A step that runs a bash script from an embedded file."""
    return {
        "name": "Render",
        "script": {
            "actions": {"onRun": {"command": "bash", "args": ["{{Task.File.Run}}"], **action}},
            "embeddedFiles": [{"name": "Run", "type": "TEXT", "data": text}],
        },
    }


def chunked(text: str) -> dict[str, Any]:
    return {
        **script(text),
        "parameterSpace": {
            "taskParameterDefinitions": [
                {
                    "name": "Frame",
                    "type": "CHUNK[INT]",
                    "range": "1-8",
                    "chunks": {"defaultTaskCount": 4, "rangeConstraint": "CONTIGUOUS"},
                }
            ]
        },
    }


def test_a_task_runs_with_its_script_parameters_and_variables(seat: Seat) -> None:
    assert seat.open() == Opened(session_id="session-1")
    seat.run(
        1,
        script(
            "echo {{Param.Greeting}} $DEADLINE_JOB_ID $DEADLINE_TASK_ID $DEADLINE_STEP_ID\n"
            "echo 'openjd_progress: 40'\necho 'openjd_status: half way'\nsleep 0.6\n"
            "echo 'openjd_progress: 100'\n"
        ),
    )
    ended, before = seat.until(Ended)
    assert ended.outcome is Outcome.SUCCEEDED
    assert ended.exit_code == 0
    assert ended.message == "half way"
    began = [one for one in before if isinstance(one, Began)]
    assert len(began) == 1
    assert began[0].at <= ended.at
    assert [one.percent for one in before if isinstance(one, Moved)][-1] == 100
    assert "hello job-1 task-1 step-1" in seat.log()
    seat.say(Close(session_id="session-1"))
    assert seat.hear() == Closed(session_id="session-1")
    assert list((seat.folder / "root").iterdir()) == []


def test_a_chunk_reports_its_frames_with_their_files(seat: Seat) -> None:
    seat.open()
    seat.run(
        1,
        chunked(
            "for f in 1 2 3 4; do\n  echo grange: frame $f start\n  printf xxxxx > f$f.png\n"
            "  echo grange: frame $f done f$f.png\ndone\necho {{Task.Param.Frame}}\n"
        ),
        parameters={"Frame": {"chunkInt": "1-4"}},
    )
    ended, before = seat.until(Ended)
    frames = [one for one in before if isinstance(one, FrameDone)]
    assert [(one.frame, one.path, one.output_bytes) for one in frames] == [
        (number, f"f{number}.png", 5) for number in (1, 2, 3, 4)
    ]
    assert all(one.started_at <= one.ended_at <= ended.at for one in frames)
    assert ended.output_bytes == 20
    assert "Z 1-4\n" in seat.log()


def test_environments_are_entered_left_and_their_variables_seen(seat: Seat) -> None:
    environment = {
        "name": "Env",
        "variables": {"FROM_ENV": "yes"},
        "script": {
            "actions": {
                "onEnter": {"command": "bash", "args": ["-c", "echo openjd_env: SET=1"]},
                "onExit": {"command": "bash", "args": ["-c", "echo leaving $SET"]},
            }
        },
    }
    seat.open()
    for number, kind in ((1, Kind.ENV_ENTER), (2, Kind.TASK_RUN), (3, Kind.ENV_EXIT)):
        template = environment if kind is Kind.ENV_ENTER else script("echo saw $FROM_ENV $SET")
        seat.run(number, template, kind=kind, environment_id="JOB:1:Env")
        assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED
    # After leaving a step's environments another step may follow.
    seat.run(4, script("echo after"))
    assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED
    log = seat.log()
    assert "saw yes 1" in log
    assert "leaving 1" in log


def test_a_failed_task_says_why_and_only_lets_environments_be_left(seat: Seat) -> None:
    seat.open()
    environment = {"name": "Env", "variables": {"A": "b"}}
    seat.run(1, environment, kind=Kind.ENV_ENTER, environment_id="E")
    assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED
    seat.run(2, script("echo 'open a.exr: No space left on device' >&2; exit 3"))
    ended = seat.until(Ended)[0]
    assert (ended.outcome, ended.exit_code) == (Outcome.FAILED, 3)
    assert (ended.error_class, ended.error_rule) == ("output", "generic/1:generic.output")
    assert "No space left" in ended.message
    seat.run(3, script("true"))
    assert seat.until(Ended)[0].outcome is Outcome.FAILED
    seat.run(4, environment, kind=Kind.ENV_EXIT, environment_id="E")
    assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED


def test_a_heading_of_the_log_is_not_a_programs_last_line(seat: Seat) -> None:
    seat.open()
    seat.run(1, script("exit 3"))
    assert seat.until(Ended)[0].message == "The process ended with exit code 3."


def test_a_signal_and_a_timeout_are_told_apart(seat: Seat) -> None:
    seat.open()
    seat.run(1, script("kill -SEGV $$"))
    ended = seat.until(Ended)[0]
    assert (ended.exit_code, ended.exit_signal, ended.error_class) == (-11, "SIGSEGV", "crash")
    seat.say(Close(session_id="session-1"))
    seat.until(Closed)
    seat.open("session-2")
    seat.run(2, script("sleep 60", timeout=1, cancelation={"mode": "TERMINATE"}))
    ended = seat.until(Ended)[0]
    assert (ended.outcome, ended.error_class) == (Outcome.FAILED, "timeout")


def test_a_cancel_follows_the_template_and_reports_the_exit_code(seat: Seat) -> None:
    seat.open()
    seat.run(
        1,
        script(
            "trap 'echo bye; exit 7' TERM\necho openjd_status: up\nwhile true; do sleep 0.05; done",
            cancelation={"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 20},
        ),
    )
    seat.until(Moved)
    seat.say(Cancel(action_id="action-1"))
    ended = seat.until(Ended)[0]
    assert (ended.outcome, ended.exit_code) == (Outcome.CANCELED, 7)
    assert "bye" in seat.log()


def test_a_cancel_at_once_does_not_wait(seat: Seat) -> None:
    seat.open()
    seat.run(1, script("trap '' TERM\necho openjd_status: up\nwhile true; do sleep 0.05; done"))
    seat.until(Moved)
    seat.say(Cancel(action_id="action-1", at_once=True))
    ended = seat.until(Ended)[0]
    assert (ended.outcome, ended.exit_code) == (Outcome.CANCELED, -9)


def test_a_session_closed_abruptly_leaves_its_environments_and_nothing_running(seat: Seat) -> None:
    environment = {
        "name": "Env",
        "script": {
            "actions": {
                # A daemon that leaves its session and its parent.
                "onEnter": {"command": "bash", "args": ["-c", f"setsid sleep {FAR} >&- 2>&- &"]},
                "onExit": {"command": "bash", "args": ["-c", "echo left in order"]},
            }
        },
    }
    seat.open()
    seat.run(1, environment, kind=Kind.ENV_ENTER, environment_id="E")
    seat.until(Ended)
    seat.run(2, script("echo openjd_status: up; sleep 600"))
    seat.until(Moved)
    seat.say(Close(session_id="session-1"))
    assert seat.until(Closed)[0] == Closed(session_id="session-1")
    assert "left in order" in seat.log()
    assert list((seat.folder / "root").iterdir()) == []
    assert psutil.Process(seat.pid).children(recursive=True) == []
    assert not [
        one for one in psutil.process_iter(["cmdline"]) if FAR in (one.info["cmdline"] or ())
    ]
    # The seat can be used again.
    assert seat.open("session-2") == Opened(session_id="session-2")
    seat.run(3, script("echo again"))
    assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("how", ["socket", "signal"])
def test_everything_below_dies_with_the_runner(seat: Seat, how: str) -> None:
    seat.open()
    seat.run(1, script("sleep 600 & echo openjd_status: up; wait"))
    seat.until(Moved)
    below = psutil.Process(seat.pid).children(recursive=True)
    assert len(below) >= 2
    if how == "socket":
        seat.socket.shutdown(socket.SHUT_RDWR)
    else:
        os.kill(seat.pid, signal.SIGTERM)
    assert seat.nursery.code(seat.pid) == (0 if how == "socket" else 128 + signal.SIGTERM)
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(100)
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_job_that_cannot_be_opened_or_started_says_why(seat: Seat) -> None:
    refused = seat.open(schemaVersion="jobtemplate-2099-01")
    assert isinstance(refused, NotOpened)
    assert "jobtemplate-2099-01" in refused.message
    seat.open()
    seat.run(1, {"name": "Render", "script": {"actions": {}}})
    ended = seat.until(Ended)[0]
    assert (ended.outcome, ended.error_class) == (Outcome.FAILED, "setup")
    assert "onRun" in ended.message
    seat.run(2, script("true"), kind=Kind.SYNC_INPUT)
    assert "SYNC_INPUT" in seat.until(Ended)[0].message.upper()


def test_usage_is_that_of_the_actions_own_processes(seat: Seat) -> None:
    burn = "python3 -c 'x = bytearray(200_000_000); sum(i*i for i in range(1500000))'"
    seat.open()
    seat.run(1, script(burn))
    busy = seat.until(Ended)[0]
    seat.run(2, script("true"))
    idle = seat.until(Ended)[0]
    assert busy.cpu_ms > 50
    assert idle.cpu_ms < busy.cpu_ms / 2
    assert busy.peak_memory_bytes > 200_000_000
    assert idle.peak_memory_bytes is None  # an earlier process was larger: unknown, not zero


def test_a_job_sees_none_of_the_runners_secrets_and_no_open_socket(seat: Seat) -> None:
    seat.open()
    seat.run(1, script("env; ls -l /proc/$$/fd"))
    seat.until(Ended)
    assert "AWS_" not in seat.log()
    assert " 0 -> " in seat.log()
    assert "socket:" not in seat.log()


def test_many_tasks_leave_no_threads_or_files_behind(seat: Seat) -> None:
    seat.open()
    process = psutil.Process(seat.pid)
    threads = files = 0
    for number in range(40):
        seat.run(number, script("true"), step_id="step-1")
        assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED
        if number == 9:
            threads, files = process.num_threads(), process.num_fds()
    end = time.monotonic() + 60  # what the last task used may take a moment to go
    while process.num_threads() > threads + 2 or process.num_fds() > files + 2:
        assert time.monotonic() < end, (process.num_threads(), process.num_fds())
        time.sleep(0.05)


def test_a_runner_that_is_killed_is_told_and_another_is_forked_at_once(
    seat: Seat, nursery: Nursery, tmp_path: Path
) -> None:
    os.kill(seat.pid, signal.SIGKILL)
    assert nursery.code(seat.pid) == -signal.SIGKILL
    (tmp_path / "next").mkdir()
    other = Seat(tmp_path / "next", nursery)
    assert other.pid != seat.pid
    assert other.open() == Opened(session_id="session-1")
    other.leave()


def test_runners_die_with_the_nursery_and_their_jobs_with_them(tmp_path: Path) -> None:
    nursery = Nursery(tmp_path)
    (tmp_path / "seat").mkdir()
    seat = Seat(tmp_path / "seat", nursery)
    seat.open()
    seat.run(1, script("echo openjd_status: up; sleep 600"))
    seat.until(Moved)
    runner = psutil.Process(seat.pid)
    below = runner.children(recursive=True)
    assert below
    nursery.process.kill()
    nursery.process.wait()
    for process in [runner, *below]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(100)
    seat.lines.close()
    seat.socket.close()
    nursery.close()


def test_a_silent_process_is_followed_without_haste(seat: Seat) -> None:
    """openjd alone wakes up a thousand times a second for every process it follows."""
    seat.open()
    process = psutil.Process(seat.pid)
    seat.run(1, script("sleep 3"))
    seat.until(Began)
    before = process.num_ctx_switches().voluntary
    ended = seat.until(Ended)[0]
    switches = process.num_ctx_switches().voluntary - before
    assert ended.outcome is Outcome.SUCCEEDED
    assert switches < 1500


def test_an_action_stopped_for_a_limit_fails_with_its_cause(seat: Seat) -> None:
    """S1-12: watch and stop, with the cause booked."""
    seat.open()
    seat.run(1, script("sleep 60"))
    seat.until(Began)
    text = "The job used 9000 MiB; rendering may use 8000 MiB of this machine now."
    seat.say(
        Cancel(
            action_id="action-1",
            at_once=True,
            error_class="memory",
            error_rule="limit:memory",
            error_text=text,
        )
    )
    ended, _ = seat.until(Ended)
    assert ended.outcome is Outcome.FAILED
    assert (ended.error_class, ended.error_rule, ended.message) == ("memory", "limit:memory", text)


def test_an_action_stopped_at_the_end_of_the_hours_goes_back_without_blame(seat: Seat) -> None:
    """S1-13: what the worker does at the border."""
    seat.open()
    seat.run(1, script("sleep 60"))
    seat.until(Began)
    seat.say(Cancel(action_id="action-1", error_text="Stopped: work hours."))
    ended, _ = seat.until(Ended)
    assert ended.outcome is Outcome.CANCELED
    assert (ended.error_class, ended.message) == ("", "Stopped: work hours.")


def test_what_renders_gives_way_to_everything_else(seat: Seat) -> None:
    """A server beside four renders answers soon: actions have a lower priority, the runner not."""
    seat.open()
    least = max(10, os.getpriority(os.PRIO_PROCESS, 0))
    wait = f"for n in $(seq 600); do [ $(nice) -ge {least} ] && break; sleep 0.1; done"
    seat.run(1, script(f"{wait}; echo niceness $(nice)"))
    seat.until(Ended)
    assert f"niceness {least}\n" in seat.log()
    assert os.getpriority(os.PRIO_PROCESS, seat.pid) == os.getpriority(os.PRIO_PROCESS, 0)
