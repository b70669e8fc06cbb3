"""What workers of some queues look through: the lanes with work in them whose licences are not out.

A lane whose licences are out is parked: nobody looks at it until a seat is free again, save a
session that holds the seat it wants.
"""

from collections.abc import Sequence

from grange.domain.licences import PoolKey, Region
from grange.scheduling.entry import Entry
from grange.scheduling.lane import Lane
from grange.scheduling.tallies import Changes

NEVER_URGENT = 2**62
"""The band of a reach without work."""


class Reach:
    """The lanes of some queues, as workers of one region see them."""

    __slots__ = (
        "_lanes",
        "_region",
        "band",
        "first",
        "firsts_at",
        "lanes",
        "lanes_at",
        "parked",
        "top",
    )

    def __init__(self, lanes: Sequence[Lane], region: Region) -> None:
        """Look at lanes for the first time.

        Args:
            lanes: all lanes of the queues.
            region: where the workers are.
        """
        self._lanes = lanes
        self._region = region
        self.lanes_at = self.firsts_at = -1
        """The changes that are taken in."""
        self.lanes: list[Lane] = []
        """Those with work."""
        self.parked: list[Lane] = []
        """Those with work whose licences are out."""
        self.top = -1
        """The highest priority in those that are not parked."""
        self.band = NEVER_URGENT
        """Of the most urgent work in them."""
        self.first: dict[int | tuple[int, tuple[PoolKey, ...]], Entry] = {}
        """The layer that comes first, by kind of offer, and by the seats held if that matters."""

    def look(self, changes: Changes) -> None:
        """Take in what has changed."""
        self.first.clear()
        self.firsts_at = changes.firsts
        if self.lanes_at != changes.lanes:
            self.lanes_at = changes.lanes
            self._look_at_lanes()

    def _look_at_lanes(self) -> None:
        full = [lane for lane in self._lanes if lane.bands]
        self.parked = [
            lane
            for lane in full
            if lane.pools and lane.tallies.taken(lane.pools, self._region) is not None
        ]
        self.lanes = [lane for lane in full if lane not in self.parked]
        self.top = max((lane.top for lane in self.lanes), default=-1)
        self.band = min((lane.bands[0] for lane in self.lanes), default=NEVER_URGENT)
