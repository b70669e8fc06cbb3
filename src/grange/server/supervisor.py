"""The parent: it holds the listening socket and keeps the children running.

A child that ends is started again, at once the first time, then ever more slowly; meanwhile
connections wait in the socket's backlog, so that a restart refuses nobody. Children die with the
parent.
"""

import asyncio
import contextlib
import ctypes
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, GrangeError

BACKLOG = 4096
DRAIN_SECONDS = 25.0
"""How long a child may take to end after SIGTERM."""
_RESTART_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
_STEADY_SECONDS = 60.0
"""A child that ran this long may be restarted at once again."""
_FIRST_TRIES = 3
"""So often an awaited child may end before it was ever ready; then the server cannot start."""
_PORTS_TO_TRY = 50
_NICEST = 19
_PR_SET_PDEATHSIG = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A program the parent keeps running."""

    name: str
    module: str
    """Started as `python -m <module> <our pid>`; reads its task as JSON from standard input."""
    task: dict[str, Any]
    fds: tuple[int, ...] = ()
    """File descriptors it inherits."""
    niceness: int = 0
    """How far it gives way to the others of this server, from its first moment on."""
    awaited: bool = True
    """The server is ready only when this child is."""


def listen(host: str, port: int, *, fixed: bool) -> socket.socket:
    """Return a listening socket; if the port is taken and not fixed, on the next free one.

    Raises:
        ConfigurationError: no port can be had; the message says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tries = [port] if fixed or port == 0 else range(port, min(port + _PORTS_TO_TRY, 65536))
    for candidate in tries:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and not fixed:
                continue
            if error.errno == errno.EADDRINUSE:
                raise ConfigurationError(
                    f"Port {port} is taken. Choose another with --port, or leave it out."
                ) from error
            raise ConfigurationError(f"Cannot listen on {host}:{port}: {error}.") from error
        listener.set_inheritable(True)
        return listener
    raise ConfigurationError(f"The ports {port} to {port + _PORTS_TO_TRY - 1} are all taken.")


def die_with_parent(parent: int) -> None:
    """Make the kernel end this process when its parent ends; only Linux can.

    Args:
        parent: who started this process, and may have ended before it came to this.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(self, children: Sequence[Child], *, clock: Clock) -> None:
        self._children = children
        self._clock = clock
        self._stopping = asyncio.Event()
        self._hopeless: str | None = None

    async def run(self, ready: Callable[[], None]) -> int:
        """Keep the children running until SIGTERM, SIGINT or `stop`; returns the exit code.

        Args:
            ready: called once, when every awaited child has said that it is ready.

        Raises:
            GrangeError: an awaited child ended each time before it was ready.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            async with asyncio.TaskGroup() as group:
                first = {child.name: loop.create_future() for child in self._children}
                for child in self._children:
                    group.create_task(self._keep(child, first[child.name]))
                awaited = [first[child.name] for child in self._children if child.awaited]
                group.create_task(self._announce(awaited, ready))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        if self._hopeless is not None:
            raise GrangeError(
                f"The server cannot start: its part {self._hopeless} ended {_FIRST_TRIES} times "
                "before it was ready. Its messages are above."
            )
        return 0

    def stop(self) -> None:
        """End the children and return from `run`."""
        self._stopping.set()

    async def _announce(
        self, first: Sequence[asyncio.Future[Any]], ready: Callable[[], None]
    ) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        for said in first:
            await asyncio.wait({stopping, said}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if all(said.done() for said in first):
            ready()

    async def _keep(self, child: Child, first_ready: asyncio.Future[Any]) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = self._clock.monotonic_seconds()
            process = await self._start(child)
            ended = asyncio.ensure_future(self._watch(process, first_ready))
            stopping = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if self._stopping.is_set():
                await self._end(process, ended)
                return
            code = ended.result()
            lasted = self._clock.monotonic_seconds() - started
            failures = 0 if lasted >= _STEADY_SECONDS else failures + 1
            if child.awaited and failures >= _FIRST_TRIES and not first_ready.done():
                self._hopeless = child.name
                self.stop()
                return
            pause = _RESTART_SECONDS[min(failures, len(_RESTART_SECONDS)) - 1] if failures else 0.0
            _log.error(
                "A part of the server ended and is started again.",
                extra={"action": "child_ended", "child": child.name, "code": code},
            )
            stopping = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({stopping}, timeout=pause)
            stopping.cancel()

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            child.module,
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=child.fds,
            start_new_session=True,
        )
        if child.niceness:
            # Beside our own, which may be nice already: nobody but root may be less nice again.
            niceness = min(os.getpriority(os.PRIO_PROCESS, 0) + child.niceness, _NICEST)
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        if process.stdin is None:
            raise RuntimeError("A child was started without standard input.")
        process.stdin.write(msgspec.json.encode(child.task))
        process.stdin.close()
        return process

    @staticmethod
    async def _watch(process: asyncio.subprocess.Process, first_ready: asyncio.Future[Any]) -> int:
        """Wait for a child's end; its first line of output says that it is ready."""
        if process.stdout is not None:
            while await process.stdout.readline():
                if not first_ready.done():
                    first_ready.set_result(None)
        return await process.wait()

    @staticmethod
    async def _end(process: asyncio.subprocess.Process, ended: asyncio.Future[Any]) -> None:
        if process.returncode is None:
            process.terminate()
        done, _ = await asyncio.wait({ended}, timeout=DRAIN_SECONDS)
        if not done:
            process.kill()
        await ended


def say_ready() -> None:
    """Tell the parent, from a child, that it is ready."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def read_task(kind: type[Any]) -> Any:
    """Return the task the parent wrote to this child's standard input."""
    return msgspec.json.decode(sys.stdin.buffer.read(), type=kind, dec_hook=_path)


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)
