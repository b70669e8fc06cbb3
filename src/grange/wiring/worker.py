"""A worker: the agent, this machine's sensors and processes, and the connection to its server."""

import logging
from collections.abc import Callable

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.adapters.host.probe import HostProbe
from grange.adapters.host.processes import HostProcesses
from grange.worker.loop import run_worker as run
from grange.worker.settings import WorkerSettings


class _Said(logging.Handler):
    """The worker's log as lines for a person."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say the message and what goes with it."""
        line = record.getMessage()
        details = getattr(record, "error", None) or getattr(record, "path", None)
        if details:
            line += f" ({details})"
        if record.exc_info:
            line += "\n" + logging.Formatter().formatException(record.exc_info)
        self._say(line)


def run_worker(settings: WorkerSettings, api: HttpFarmApi, say: Callable[[str], None]) -> int:
    """Run a worker until it is told to stop; returns the process's exit code.

    Args:
        settings: the worker's settings.
        api: the connection, signing with the key the worker registers with.
        say: prints a line for the person who started the worker.

    Raises:
        ConfigurationError: the settings cannot be worked with.
    """
    clock = SystemClock()
    log = logging.getLogger("grange.worker")
    handler = _Said(say)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return run(
            settings,
            api_factory=lambda credentials: (
                api if credentials is None else api.with_credentials(credentials)
            ),
            clock=clock,
            probe=HostProbe(settings.session_root or settings.state_dir, clock),
            processes=HostProcesses(),
            ids=RandomIds(clock),
        )
    finally:
        log.removeHandler(handler)
        api.close()
