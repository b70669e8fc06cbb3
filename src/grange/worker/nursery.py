"""The nursery: a process that has loaded what runners need, and forks them from itself.

Loading openjd takes most of a second of processor time; a fork takes none, and the memory is
shared. The nursery is single-threaded, holds no session and dies with the worker; its runners die
with it.

The worker sends one line a fork, `{"log": path}`, with the runner's socket attached; the nursery
answers `{"pid": n}`, and later `{"pid": n, "code": c}` when that runner has ended.
"""

import array
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable

import msgspec

from grange.ports.host import Processes

_LINE_BYTES = 65_536


class Fork(msgspec.Struct, kw_only=True, frozen=True):
    """Fork a runner; its socket comes along."""

    log: str
    """File for what the runner itself prints."""


class Forked(msgspec.Struct, kw_only=True, frozen=True):
    """A runner was forked, or, with a code, has ended."""

    pid: int
    code: int | None = None


def serve_nursery(
    control: socket.socket,
    parent_pid: int,
    processes: Processes,
    be_runner: Callable[[int, int], None],
) -> None:
    """Fork runners until the worker goes away.

    Args:
        control: the socket to the worker.
        parent_pid: the worker.
        processes: names and ends processes.
        be_runner: what a runner does, given its socket's number and its parent's process.
    """
    processes.die_with_parent(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wake_out, wake_in = os.pipe()
    os.set_blocking(wake_in, False)
    os.set_blocking(wake_out, False)
    signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    own_pid = os.getpid()
    rest = b""
    while True:
        ready, _, _ = select.select([control.fileno(), wake_out], [], [])
        if wake_out in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_out, 4096)
            _reap(control)
        if control.fileno() not in ready:
            continue
        data, descriptors = _receive(control)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line, descriptor in zip(lines, descriptors, strict=True):
            request = msgspec.json.decode(line, type=Fork)
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                os.close(wake_in)
                os.close(wake_out)
                _begin_life(request.log)
                be_runner(descriptor, own_pid)
                os._exit(0)
            os.close(descriptor)
            _say(control, Forked(pid=child))


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Read what has come and the sockets that came along; no data: the other end is closed."""
    numbers = array.array("i")
    space = socket.CMSG_LEN(64 * numbers.itemsize)
    try:
        data, ancillary, _, _ = control.recvmsg(_LINE_BYTES, space)
    except ConnectionError:
        return b"", []
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    return data, list(numbers)


def _begin_life(log: str) -> None:
    """Make the forked process one of its own: its session, its standard streams."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(control, Forked(pid=pid, code=os.waitstatus_to_exitcode(status)))


def _say(control: socket.socket, message: Forked) -> None:
    with contextlib.suppress(OSError):  # the worker is gone: the loop will notice
        control.sendall(msgspec.json.encode(message) + b"\n")
