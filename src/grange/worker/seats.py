"""The worker's side of its runners: one process and one socket per job thread."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from grange.worker.messages import FromRunner, ToRunner, decode_from_runner, encode

_log = logging.getLogger(__name__)
_LINE_BYTES = 8 * 2**20


class Seat:
    """One job thread's runner, from its start to its end.

    Args:
        thread: the job thread.
        heard: called with every message of the runner.
        gone: called once when the runner has ended, with a sentence saying how.
    """

    def __init__(
        self,
        thread: int,
        heard: Callable[[int, FromRunner], None],
        gone: Callable[[int, str], None],
    ) -> None:
        self.thread = thread
        self._heard = heard
        self._gone = gone
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The runner's process number, once it has been started."""
        return self._process.pid if self._process is not None else None

    async def start(
        self, command: tuple[str, ...], environment: Mapping[str, str], log: Path
    ) -> None:
        """Start the runner.

        It must be called from the main thread: the runner dies with the thread that started it.

        Raises:
            OSError: the program could not be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with log.open("ab") as output, theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(environment),
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=_LINE_BYTES)
        self._following = asyncio.create_task(self._follow(reader, self._process))

    def send(self, message: ToRunner) -> None:
        """Send a message; if the runner is gone, `gone` says so."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(message))

    def kill(self) -> None:
        """End the runner at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def end(self, patience_seconds: float) -> None:
        """Close the runner's socket and wait until it has ended; it is killed if it does not."""
        if self._writer is not None:
            self._writer.close()
        if self._following is None:
            return
        done, _ = await asyncio.wait({self._following}, timeout=patience_seconds)
        if not done:
            self.kill()
            await asyncio.wait({self._following}, timeout=patience_seconds)

    async def _follow(
        self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process
    ) -> None:
        try:
            while line := await reader.readline():
                self._heard(self.thread, decode_from_runner(line))
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning(
                "A runner's message could not be read.",
                extra={"action": "runner_unreadable", "thread": self.thread, "error": str(error)},
            )
            self.kill()
        code = await process.wait()
        if self._writer is not None:
            self._writer.close()
        self._gone(self.thread, _ended(code))


def _ended(code: int) -> str:
    if code < 0:
        return f"The runner process was ended by signal {-code}."
    return f"The runner process ended with exit code {code}."
