"""Runs the steps of a cycle as commands, and keeps two cycles apart."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError
from grange.kernel.units import iso8601
from grange.ports.watch import CommandRun

GRANGE = "grange"
_TAIL_BYTES = 2000
_TAIL_LINES = 5
_GRACE_SECONDS = 10.0


class MachineCommands:
    """Implements `ports.watch.Commands`. The word `grange` in front is this very Grange."""

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        """Run commands.

        Args:
            clock: measures how long they take.
            environment: theirs.
        """
        self._clock = clock
        self._environment = dict(environment)

    def run(self, words: Sequence[str], timeout_seconds: float) -> CommandRun:
        """Run a command to its end; with what it started it is ended after so long."""
        began = self._clock.monotonic_seconds()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                code = self._ended(words, timeout_seconds, out, err)
                tail = _tail(err) or _tail(out)
            except OSError as error:
                code, tail = 127, f"{words[0]} cannot be started: {error.strerror}"
        seconds = self._clock.monotonic_seconds() - began
        return CommandRun(exit_code=code, seconds=seconds, tail=tail)

    def _ended(
        self, words: Sequence[str], timeout_seconds: float, out: IO[bytes], err: IO[bytes]
    ) -> int | None:
        """Return the exit code; None if it took too long."""
        command = [sys.executable, "-m", GRANGE] if words[0] == GRANGE else [words[0]]
        # A session of its own, so that whatever it starts can be ended with it.
        process = subprocess.Popen(  # noqa: S603 - the commands of the farm's own settings
            [*command, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=self._environment,
            start_new_session=True,
        )
        ended = False
        try:
            code = process.wait(timeout_seconds)
            ended = True
        except subprocess.TimeoutExpired:
            _signal(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            return None
        else:
            return code
        finally:
            if not ended:
                _signal(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def one_at_a_time(path: Path, clock: Clock) -> Iterator[None]:
    """Keep every other cycle with this file out, until the block or the process ends.

    Raises:
        ConflictError: another one is running; the message says since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(file, 200, 0).decode(errors="replace").strip()
            raise ConflictError(
                f"Another cycle is running ({who or 'just started'}); nothing was run. The next one"
                " makes up for it.",
                reason="STATUS_CONFLICT",
                resource_type="cycle",
                resource_id=str(path),
            ) from error
        said = f"process {os.getpid()} since {iso8601(clock.now())}\n".encode()
        os.pwrite(file, said, 0)
        os.ftruncate(file, len(said))
        yield
    finally:
        os.close(file)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines = file.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in lines if line.strip()][-_TAIL_LINES:])
