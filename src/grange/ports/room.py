"""What is left on the disk of the data folder."""

from typing import Protocol


class Room(Protocol):
    """Watches a disk, and holds a reserve of it for what must still be recorded. Thread-safe."""

    def has_room(self) -> bool:
        """Return False while the disk is nearly full: nothing new is to be taken then."""
        ...

    def keep_reserve(self) -> bool:
        """Set the reserve aside again if there is room for it; returns whether it is there."""
        ...

    def spend_reserve(self) -> bool:
        """Give the reserve up to whatever is written next; returns False if it is spent already."""
        ...
