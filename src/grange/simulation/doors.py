"""What a simulated past needs of the farm: its real services."""

from dataclasses import dataclass

from grange.kernel.clock import VirtualClock
from grange.services.owner import Owner
from grange.simulation.bookkeeping import Keeper
from grange.simulation.gathering import GatheringStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The farm's services on a virtual clock."""

    clock: VirtualClock
    store: GatheringStore
    owner: Owner
    books: Keeper


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    jobs: int = 0
    attempts: int = 0
    """Runs of tasks that were reported as over, one by one."""
    frames: int = 0
    commands: int = 0
