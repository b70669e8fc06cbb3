"""The runner's process, started by the worker: `python -m grange.wiring.runner SOCKET PARENT`."""

import sys

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.processes import HostProcesses
from grange.worker.runner import run_runner


def main() -> None:
    """Run one job thread's sessions, as told over the inherited socket."""
    run_runner(int(sys.argv[1]), int(sys.argv[2]), SystemClock(), HostProcesses())


if __name__ == "__main__":
    main()
