"""The nursery of runners, started by the worker: `python -m grange.wiring.runner SOCKET PARENT`."""

import socket
import sys

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.processes import HostProcesses
from grange.worker.nursery import serve_nursery
from grange.worker.runner import run_runner


def main() -> None:
    """Fork runners as told over the inherited socket."""
    processes = HostProcesses()
    clock = SystemClock()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        control.set_inheritable(False)
        serve_nursery(
            control,
            int(sys.argv[2]),
            processes,
            lambda descriptor, parent: run_runner(descriptor, parent, clock, processes),
        )


if __name__ == "__main__":
    main()
