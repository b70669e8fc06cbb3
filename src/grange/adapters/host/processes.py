"""Names and ends processes, through psutil and the system's signals."""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import psutil

from grange.adapters.host.tree import children, descendants, numbers_below
from grange.ports.host import ProcessIdentity

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SUDO_SECONDS = 10
_SLACK = 2
_SPARE_BYTES = 2**30
"""The system's own limit counts what a process asks for, not what it uses: it is set wide, for what
grows too fast to be seen in time."""


class HostProcesses:
    """The `Processes` of this machine."""

    def identity(self, pid: int) -> ProcessIdentity | None:
        """Return who runs under this number now."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return ProcessIdentity(pid=pid, started=_started(process))
        except psutil.Error:
            return None

    def below(self, root_pid: int) -> list[ProcessIdentity]:
        """Return every process below a root, the root left out."""
        numbers = numbers_below(root_pid) if sys.platform == "linux" else None
        if numbers is not None:
            return [one for pid in numbers if (one := _identity(pid)) is not None]
        try:
            below = descendants(psutil.Process(root_pid))
        except psutil.Error:
            return []
        found = []
        for child in below:
            try:
                found.append(ProcessIdentity(pid=child.pid, started=_started(child)))
            except psutil.Error:
                continue
        return found

    def marked(self, variable: str, value: str) -> list[ProcessIdentity]:
        """Return the processes whose environment holds `variable=value`, where it can be read."""
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                if process.environ().get(variable) == value:
                    found.append(ProcessIdentity(pid=process.pid, started=_started(process)))
            except (psutil.Error, OSError):
                continue
        return found

    def kill(self, identities: Sequence[ProcessIdentity], *, user: str | None = None) -> int:
        """Kill processes and the process groups they lead, at once; returns how many there were."""
        killed = 0
        for identity in identities:
            if self.identity(identity.pid) != identity:
                continue
            killed += 1
            if not _kill(identity.pid) and user is not None:
                _kill_as(identity.pid, user)
        return killed

    def confine(self, root_pid: int, cores: Sequence[int] | None, memory_bytes: int | None) -> None:
        """Let a root and everything below it, now and later, use no more than this."""
        if sys.platform != "linux":
            return
        own = sorted(os.sched_getaffinity(0))
        allowed = own if cores is None else [own[number] for number in cores if number < len(own)]
        limit = resource.RLIM_INFINITY
        if memory_bytes is not None:
            limit = memory_bytes * _SLACK + _SPARE_BYTES
        for pid in (root_pid, *(one.pid for one in self.below(root_pid))):
            with contextlib.suppress(OSError):  # it has ended, or is another user's: it inherited
                os.sched_setaffinity(pid, allowed or own)
                _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
                soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
                resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))

    def oom_kills(self) -> int | None:
        """Return how many processes the system has killed for lack of memory since it started."""
        try:
            counters = Path("/proc/vmstat").read_bytes()
        except OSError:
            return None
        _, found, rest = counters.partition(b"\noom_kill ")
        return int(rest.split(maxsplit=1)[0]) if found else None

    def adopt_orphans(self) -> None:
        """Become the parent of every process below this one whose parent ends, where possible."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def reap_orphans(self, seconds: float) -> None:
        """Take note of adopted processes that have ended, or end within `seconds`."""
        if sys.platform == "linux" and numbers_below(os.getpid()) == []:
            return
        with contextlib.suppress(psutil.Error):
            below = children(psutil.Process())
            if below:
                psutil.wait_procs(below, timeout=seconds)

    def die_with_parent(self, parent_pid: int) -> None:
        """Have this process asked to end (SIGTERM) when its parent dies, where the system can."""
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:
            os.kill(os.getpid(), signal.SIGTERM)


def _started(process: psutil.Process) -> str:
    """Return when a process started: in ticks of this boot, since the wall clock may be set."""
    if sys.platform != "linux":
        return f"{process.create_time():.2f}"
    return _started_at(process.pid)


def _identity(pid: int) -> ProcessIdentity | None:
    try:
        return ProcessIdentity(pid=pid, started=_started_at(pid))
    except psutil.Error:
        return None


def _started_at(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    return f"{_boot()}:{stat[stat.rindex(b')') :].split()[20].decode('ascii')}"


@lru_cache(maxsize=1)
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _kill(pid: int) -> bool:
    """Kill a process, and its group if it leads one; returns False if that is not permitted."""
    try:
        if os.getpgid(pid) == pid and pid != os.getpgrp():
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def _kill_as(pid: int, user: str) -> None:
    sudo = shutil.which("sudo")
    if sudo is None:
        return
    try:
        group = os.getpgid(pid)
    except ProcessLookupError:
        return
    target = f"-{pid}" if group == pid else str(pid)
    try:
        subprocess.run(  # noqa: S603 numbers and a configured name
            [sudo, "-n", "-u", user, "kill", "-KILL", "--", target],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SUDO_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return
