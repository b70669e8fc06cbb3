"""Processes that a run of tests left behind: found, named and ended (Linux; elsewhere nothing)."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own among our descendants."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> set[int]:
    """Return the processes whose parent we are, the ended but unread ones too."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        found |= {int(word) for word in task.read_text().split()}
    return found


@contextmanager
def reading_ended_orphans(keep: set[int]) -> Iterator[None]:
    """Read the exit of orphans as soon as they end, as init would, so that they are gone."""

    def read(_number: int, _frame: object) -> None:
        for process in children() - keep:
            _has_ended(process)

    before = signal.signal(signal.SIGCHLD, read)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def end_orphans(keep: set[int]) -> list[str]:
    """End every child that is not to be kept, and its children; return the commands of the live."""
    named: list[str] = []
    end = time.monotonic() + GRACE_SECONDS
    warned: set[int] = set()
    while left := children() - keep:
        for process in left:
            if _has_ended(process):
                continue
            if process not in warned:
                warned.add(process)
                named.append(_command(process))
                _send(process, signal.SIGTERM)
            elif time.monotonic() > end:
                _send(process, signal.SIGKILL)
        time.sleep(0.05)
    return named


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return True


def _command(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return str(process)
    return f"{process}: {b' '.join(words).decode(errors='replace').strip()[:150]}"


def _send(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
