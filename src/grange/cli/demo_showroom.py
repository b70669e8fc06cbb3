"""The showroom of the demo: a second farm whose past is made up, so that no page is empty.

It is made in the background at the lowest priority, and only once the demo's own frames render.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grange.cli.children import Child, start_program
from grange.cli.connection import REST, Connection
from grange.cli.output import Output
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.server.supervisor import die_with_parent

FARM = "showroom (SIMULATED)"
FOLDER = "showroom"
"""Inside the demo's data folder; it is gone once the farm has moved in."""
WORKERS = 60
DAYS = 14
_SEED = 2026
_LOWEST = 19
_MOVING_SECONDS = 900.0


class Showroom:
    """Starts the showroom when the time has come, and says when it is there."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str], out: Output) -> None:
        self._data_dir = data_dir
        self._environment = environment
        self._out = out
        self._child: Child | None = None
        self._over = False

    def look(self, connection: Connection, job: Mapping[str, Any]) -> None:
        """Start it once frames of the demo's job render; not if the farm is there already."""
        if self._over or self._child is not None or not _renders(job):
            return
        if any(farm["simulated"] for farm in connection.server_call("GET", "/farms")["farms"]):
            self._over = True
            return
        self._child = start_program(
            "showroom",
            [sys.executable, "-m", __name__, str(self._data_dir), str(os.getpid())],
            log=self._data_dir / "showroom.log",
            environment=self._environment,
        )
        self._out.tell(f"Making up {DAYS} days of {WORKERS} workers in the background: farm {FARM}")

    def check(self) -> None:
        """Say so if it is there now."""
        if self._child is None or self._over:
            return
        code = self._child.process.poll()
        if code is None:
            return
        self._over = True
        if code == 0:
            self._out.tell(f"Farm {FARM} is there: choose it at the top of the page.")
        else:
            self._out.note(f"The showroom was not made; see {self._child.log}")

    @property
    def children(self) -> list[Child]:
        """What was started."""
        return [] if self._child is None else [self._child]


def _renders(job: Mapping[str, Any]) -> bool:
    counts = [layer["counts"] for layer in job.get("layers", ())]
    return any(layer.get("RUNNING") or layer.get("SUCCEEDED") for layer in counts)


def fill_showroom(
    data_dir: Path, connection: Connection, *, workers: int = WORKERS, days: float = DAYS
) -> str:
    """Simulate the showroom into a folder of its own, and have the server take it in.

    Args:
        data_dir: the server's data folder.
        connection: to the server, as its owner.
        workers: how many machines.
        days: how long the past is.

    Returns:
        The farm's id.
    """
    folder = data_dir / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    # The demo itself imports this module too, and needs none of that.
    from grange.simulation.plan import StudioPlan  # noqa: PLC0415
    from grange.wiring.simulation import simulate  # noqa: PLC0415

    now = connection.clock.now()
    end = Instant(now - now % MILLIS_PER_HOUR)
    plan = StudioPlan(
        seed=_SEED,
        workers=workers,
        start=Instant(end - round(days * MILLIS_PER_DAY)),
        end=end,
        farm=FARM,
        attempts_per_worker_day=15.0,
    )
    simulate(folder, plan)
    made = connection.api.call(
        "POST",
        f"{REST}/farms/simulated",
        body={"folder": FOLDER},
        service="grange",
        timeout_seconds=_MOVING_SECONDS,
    )
    return str(made["farm_id"])


def main() -> None:
    """Run as a child of the demo; the words are the demo's data folder and process."""
    die_with_parent(int(sys.argv[2]))
    os.nice(_LOWEST)
    farm_id = fill_showroom(Path(sys.argv[1]), Connection(server=None, farm_id=None, out=Output()))
    print(f"{FARM}: {farm_id}")


if __name__ == "__main__":
    main()
