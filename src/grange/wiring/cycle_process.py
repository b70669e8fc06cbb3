"""The cycle child: `python -m grange.wiring.cycle_process`, started by the parent where wanted.

Every hour it runs `grange streams cycle` with the key of the farm's owner, and gives way to
everything else.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from grange.adapters.commands import GRANGE, MachineCommands
from grange.adapters.host.clock import SystemClock
from grange.config.environment import environment_of
from grange.config.streams import load_streams
from grange.config.streams_watch import CycleSection
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.ports.watch import CommandRun
from grange.server.supervisor import die_with_parent, read_task, say_ready
from grange.watch.cycle import next_start
from grange.wiring.cycle import variables_in
from grange.wiring.logs import log_to_stderr
from grange.wiring.tasks import ServerTask

LONGEST_SECONDS = 6 * 3600.0
"""A cycle that takes so long is ended."""

_log = logging.getLogger(__name__)


def section() -> CycleSection:
    """Return `[cycle]`; without a usable streams.toml no cycle: the farm renders all the same."""
    try:
        return load_streams().cycle
    except GrangeError as error:
        _log.warning(
            "streams.toml cannot be read, so the server runs no cycle of streams.",
            extra={"action": "cycle_off", "reason": str(error)},
        )
        return CycleSection()


def once(environment_file: Path, *, clock: Clock) -> CommandRun:
    """Run one cycle, with the variables of a file."""
    commands = MachineCommands(clock, environment_of(variables_in(environment_file)))
    ran = commands.run((GRANGE, "streams", "cycle"), LONGEST_SECONDS)
    if ran.exit_code != 0:
        _log.warning(
            "The cycle of streams did not succeed.",
            extra={"action": "cycle_failed", "reason": ran.tail},
        )
    return ran


def run(environment_file: Path, *, clock: Clock, wait: Callable[[float], bool]) -> None:
    """Run a cycle whenever its minute comes.

    Args:
        environment_file: client.env of the data folder.
        clock: the machine's.
        wait: waits so many seconds; returns True when it is time to end.
    """
    while True:
        now = clock.now()
        if wait((next_start(now, section().minute) - now) / 1000):
            return
        try:
            once(environment_file, clock=clock)
        except OSError as error:
            _log.warning("The cycle was put off.", exc_info=error, extra={"action": "cycle_failed"})


def main() -> None:
    """Run as a child of the parent."""
    die_with_parent(int(sys.argv[1]))
    task: ServerTask = read_task(ServerTask)
    log_to_stderr(task.settings.log_level)
    over = threading.Event()
    # By a thread: a handler that interrupts the wait for an event may not set that event itself.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=over.set).start())
    say_ready()
    run(task.settings.data_dir / "client.env", clock=SystemClock(), wait=over.wait)


if __name__ == "__main__":
    main()
