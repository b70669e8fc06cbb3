"""Teach openjd to let what it starts give way: a farm must answer while its machines render.

A render takes every core it gets. On a machine that also runs the server, or has somebody working
at it, everything else would wait its turn behind the job threads: a server that comes back after a
crash took four times as long beside four renders. So actions run with a lower priority. On a
machine that only renders it changes nothing.

Linux may share the processor between sessions first and between the processes of a session second
(autogroup); each action leads a session of its own, so the session's share is lowered too.
"""

import contextlib
import os
import subprocess
from typing import Any

from openjd.sessions import _subprocess

NICENESS = 10
"""Of an action's processes: about a tenth of the share of others that want to run."""


class YieldingPopen(subprocess.Popen[Any]):
    """A process that gives way, with all it starts."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        give_way(self.pid)


def give_way(pid: int) -> None:
    """Lower the priority of a process that leads its group, and of its session.

    What runs as another user keeps the priority it has: it cannot be changed from here.
    """
    if not hasattr(os, "setpriority"):
        return
    niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        os.setpriority(os.PRIO_PGRP, pid, niceness)
    with contextlib.suppress(OSError):  # the system shares out by process alone
        descriptor = os.open(f"/proc/{pid}/autogroup", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"%d" % niceness)
        finally:
            os.close(descriptor)


def teach_yielding() -> None:
    """Let openjd start actions so that they give way."""
    if hasattr(_subprocess, "Popen"):
        _subprocess.Popen = YieldingPopen
