"""The test of a worker's machine, made with this machine's parts and its server."""

from collections.abc import Callable, Iterator
from pathlib import Path

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.probe import HostProbe
from grange.adapters.host.processes import HostProcesses
from grange.config.client import ClientSettings
from grange.ports.farm_api import FarmApi
from grange.wiring.client import connect
from grange.worker.hailing import hosts_of
from grange.worker.settings import WorkerSettings
from grange.worker.trial import UNIT_FOLDERS, Bench, run_trial
from grange.worker.trial_hail import answered_hail
from grange.worker.verdict import Checked


def trial_of(
    settings: WorkerSettings,
    client: Callable[[], ClientSettings],
    *,
    outputs: tuple[Path, ...] = (),
    unit_folders: tuple[Path, ...] = UNIT_FOLDERS,
) -> Iterator[Checked]:
    """Yield the checks of a worker's machine as they are made.

    Args:
        settings: the worker.
        client: reads where its server is.
        outputs: folders that jobs write to.
        unit_folders: where a service of this machine would be described.
    """

    def api() -> FarmApi:
        return connect(client())

    def hail() -> str:
        probe = HostProbe(settings.session_root or settings.state_dir, SystemClock())
        return answered_hail(hosts_of(settings, probe.inventory()), settings.hail_port)

    return run_trial(
        Bench(
            settings=settings,
            api=api,
            clock=SystemClock(),
            processes=HostProcesses(),
            outputs=outputs,
            unit_folders=unit_folders,
            hail=hail if settings.hail else None,
        )
    )
