"""Programs the demo starts beside itself: started, watched, stopped in order."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grange.config.client import environment_with
from grange.kernel.errors import GrangeError

_ASK_SECONDS = 2.0
_STOP_SECONDS = 30.0
_KILL_SECONDS = 5.0


class ChildEndedError(GrangeError):
    """A program that should keep running has ended."""


@dataclass(slots=True)
class Child:
    """One program, in a session of its own, so that Ctrl-C reaches the demo alone."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Return if the program still runs.

        Raises:
            ChildEndedError: it does not; the message ends with what it said last.
        """
        code = self.process.poll()
        if code is None:
            return
        raise ChildEndedError(
            f"The {self.name} ended with exit code {code}: {last_line(self.log)}"
            f" (all of it: {self.log})"
        )


def dismissed(children: list[Child]) -> list[Child]:
    """Take those programs out of a list that have ended as they were told to; return them.

    Raises:
        ChildEndedError: one ended otherwise, or the first: without it the others are of no use.
    """
    gone = [child for child in children[1:] if child.process.poll() == 0]
    children[:] = [child for child in children if child not in gone]
    for child in children:
        child.check()
    return gone


def start_child(
    name: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str]
) -> Child:
    """Start `grange` with some arguments; what it prints goes to a file.

    Args:
        name: what to call it in messages.
        arguments: the words behind `grange`.
        log: the file it prints to; emptied first.
        environment: variables beside this process's own.
    """
    command = [sys.executable, "-m", "grange", *arguments, "--parent", str(os.getpid())]
    return start_program(name, command, log=log, environment=environment)


def start_program(
    name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]
) -> Child:
    """Start a program of Grange's; what it prints goes to a file.

    Args:
        name: what to call it in messages.
        command: the program and its arguments.
        log: the file it prints to; emptied first.
        environment: variables beside this process's own.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own program
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment_with(environment),
            start_new_session=True,
        )
    return Child(name, process, log)


def stop_children(children: Sequence[Child]) -> None:
    """End programs together: asked, asked again (a worker then drops its work), killed."""
    for number, patience in ((signal.SIGTERM, _ASK_SECONDS), (signal.SIGTERM, _STOP_SECONDS)):
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(number)
        for child in children:
            _wait(child, patience)
    for child in children:
        if child.process.poll() is None:
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait(_KILL_SECONDS)


def _wait(child: Child, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.process.wait(seconds)


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it said nothing"
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
