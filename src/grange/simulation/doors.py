"""What a simulated past needs of the farm: its real services."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.services.books.ingest import Ingest
from grange.services.owner import Owner
from grange.simulation.gathering import GatheringStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The farm's services on a virtual clock."""

    clock: VirtualClock
    store: GatheringStore
    owner: Owner
    ingest: Ingest
    hour_is_over: Callable[[Instant], Awaitable[None]]
    """Called with the end of each hour, once everything up to it was said: books are kept here."""


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    jobs: int = 0
    attempts: int = 0
    """Runs of tasks that were reported as over, one by one."""
    samples: int = 0
    frames: int = 0
    commands: int = 0
