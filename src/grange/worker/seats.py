"""The worker's side of its runners: the nursery that forks them, and one seat per job thread."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

from grange.kernel.errors import UnreachableError
from grange.worker.messages import FromRunner, ToRunner, decode_from_runner, encode
from grange.worker.nursery import Fork, Forked

_log = logging.getLogger(__name__)
_LINE_BYTES = 8 * 2**20
_FORK_SECONDS = 60.0
"""A nursery that has not forked by then (it loads openjd first) is given up."""
_CODE_SECONDS = 2.0
Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Nursery:
    """The process that runners are forked from; started when it is first needed, or again.

    Args:
        command: starts it; the socket's number and this process's are added.
        environment: its environment, and so the runners' and their jobs'.
        log: file for what it prints itself.
        spawn: runs a coroutine beside the caller.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        log: Path,
        spawn: Spawn,
    ) -> None:
        self._spawn = spawn
        self._command = command
        self._environment = dict(environment)
        self._log = log
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._following: asyncio.Task[None] | None = None
        self._forked: asyncio.Future[int] | None = None
        self._codes: dict[int, asyncio.Future[int]] = {}

    async def fork(self, log: Path) -> tuple[int, socket.socket]:
        """Fork a runner; returns its process number and the worker's end of its socket.

        Raises:
            OSError: the nursery could not be started.
            UnreachableError: it did not answer.
        """
        async with self._lock:
            if self._socket is None or self._following is None or self._following.done():
                control = await self._start()
            else:
                control = self._socket
            ours, theirs = socket.socketpair()
            with theirs:
                self._forked = asyncio.get_running_loop().create_future()
                request = msgspec.json.encode(Fork(log=str(log))) + b"\n"
                try:
                    socket.send_fds(control, [request], [theirs.fileno()])
                    async with asyncio.timeout(_FORK_SECONDS):
                        pid = await self._forked
                except (OSError, TimeoutError, UnreachableError) as error:
                    ours.close()
                    self._kill()
                    raise UnreachableError(f"No runner could be forked: {error}") from error
            return pid, ours

    async def code(self, pid: int) -> int | None:
        """Return the exit code of a runner that has ended, negative for a signal; None: unknown."""
        future = self._codes.get(pid)
        if future is None:
            return None
        await asyncio.wait({future}, timeout=_CODE_SECONDS)
        self._codes.pop(pid, None)
        return future.result() if future.done() else None

    async def end(self, patience_seconds: float) -> None:
        """Let the nursery end; it is killed if it does not."""
        if self._writer is not None:
            self._writer.close()
        if self._following is not None:
            done, _ = await asyncio.wait({self._following}, timeout=patience_seconds)
            if not done:
                self._kill()
                await asyncio.wait({self._following}, timeout=patience_seconds)

    async def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with self._log.open("ab") as output, theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    str(theirs.fileno()),
                    str(os.getpid()),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._socket = ours
        self._following = self._spawn(self._follow(reader, self._process))
        return ours

    async def _follow(
        self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self._heard(msgspec.json.decode(line, type=Forked))
        await process.wait()
        if self._writer is not None:
            self._writer.close()
        if self._forked is not None and not self._forked.done():
            self._forked.set_exception(UnreachableError("the nursery ended"))

    def _heard(self, message: Forked) -> None:
        loop = asyncio.get_running_loop()
        if message.code is not None:
            future = self._codes.setdefault(message.pid, loop.create_future())
            if not future.done():
                future.set_result(message.code)
        elif self._forked is not None and not self._forked.done():
            self._codes[message.pid] = loop.create_future()
            self._forked.set_result(message.pid)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


class Seat:
    """One job thread's runner, from its start to its end.

    Args:
        thread: the job thread.
        nursery: forks the runner.
        heard: called with every message of the runner.
        gone: called once when the runner has ended, with a sentence saying how.
        spawn: runs a coroutine beside the caller.
    """

    def __init__(
        self,
        thread: int,
        nursery: Nursery,
        heard: Callable[[int, FromRunner], None],
        gone: Callable[[int, str], None],
        spawn: Spawn,
    ) -> None:
        self._spawn = spawn
        self.thread = thread
        self._nursery = nursery
        self._heard = heard
        self._gone = gone
        self._pid: int | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._following: asyncio.Task[None] | None = None

    async def start(self, log: Path) -> None:
        """Start the runner.

        Raises:
            OSError: the nursery could not be started.
            UnreachableError: no runner could be forked.
        """
        self._pid, connection = await self._nursery.fork(log)
        reader, self._writer = await asyncio.open_connection(sock=connection, limit=_LINE_BYTES)
        self._following = self._spawn(self._follow(reader, self._pid))

    def send(self, message: ToRunner) -> None:
        """Send a message; if the runner is gone, `gone` says so."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(message))

    def kill(self) -> None:
        """End the runner at once."""
        if self._pid is not None and self._following is not None and not self._following.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

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

    async def _follow(self, reader: asyncio.StreamReader, pid: int) -> None:
        try:
            while line := await reader.readline():
                self._heard(self.thread, decode_from_runner(line))
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning(
                "A runner's message could not be read.",
                extra={"action": "runner_unreadable", "seat": self.thread, "error": str(error)},
            )
            self.kill()
        code = await self._nursery.code(pid)
        if self._writer is not None:
            self._writer.close()
        self._gone(self.thread, _ended(code))


def _ended(code: int | None) -> str:
    if code is None:
        return "The runner process is gone."
    if code < 0:
        return f"The runner process was ended by signal {-code}."
    return f"The runner process ended with exit code {code}."
