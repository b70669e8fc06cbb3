"""What work can wait for, in the order in which reasons are looked for."""

from dataclasses import dataclass
from enum import StrEnum


class Block(StrEnum):
    """Why a layer does not get a thread, or a thread not the layer. The order is the funnel's."""

    PAUSED = "paused"
    DEPENDENCY = "dependency"
    LIMIT = "limit"
    """The job has as many sessions as it may."""
    BUDGET = "budget"
    """The budget that pays for it is spent."""
    QUOTA = "quota"
    """The project or user has as many threads as it may."""
    WORKERS = "workers"
    """No worker is up and free to take work."""
    FLEET = "fleet"
    GROUP = "group"
    CLASS = "class"
    HOURS = "hours"
    EXCLUDED = "excluded"
    REQUIREMENT = "requirement"
    MEMORY = "memory"
    GPU = "gpu"
    RENDERER = "renderer"
    LICENCE = "licence"
    PRIORITY = "priority"
    """Work before it takes the threads."""

    @property
    def position(self) -> int:
        """Return where it stands in the funnel."""
        return _POSITIONS[self]


_POSITIONS = {block: position for position, block in enumerate(Block)}


@dataclass(frozen=True, slots=True)
class Unmet:
    """Why not, in a word and in words."""

    block: Block
    text: str
