"""A studio's past in a folder, for tests that want many consistent facts."""

from pathlib import Path

from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.simulation.plan import StudioPlan
from grange.wiring.simulation import Simulated, simulate

STUDIO_START = Instant(1_767_571_200_000)
"""Monday 5 January 2026, 00:00 UTC."""


def simulated_studio(
    folder: Path,
    *,
    workers: int = 8,
    days: float = 2,
    seed: int = 1,
    start: Instant = STUDIO_START,
    zone: str = "Europe/Berlin",
    samples: bool = True,
) -> Simulated:
    """Leave a data folder with state.db, journal and blocks of a studio's first days.

    The same arguments give the same facts. The farm's id is in the answer; open the books with
    `BooksBench` or `grange.open(folder)`, or run a server over the folder.

    Args:
        folder: an empty folder, or one that does not exist yet.
        workers: how many machines there are.
        days: how long the past is.
        seed: another seed makes another past.
        start: when it begins.
        zone: of the studio.
        samples: False leaves out the machines' samples, which takes a fraction of the time.
    """
    end = Instant(start + round(days * MILLIS_PER_DAY))
    plan = StudioPlan(seed=seed, workers=workers, start=start, end=end, zone=zone, samples=samples)
    return simulate(folder, plan)
