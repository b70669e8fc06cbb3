"""A lane: the layers of a queue that are ready and want the same licences, best first.

Its tree is cut by urgency, then project, then user, then demand. Projects and users stand in the
order of what they had against what is due to them; of one user the oldest job comes first.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from grange.domain.licences import PoolKey
from grange.domain.shares import ShareKind
from grange.kernel.ids import FarmId, QueueId, StepId
from grange.scheduling.capability import Demand
from grange.scheduling.tallies import Tallies

SortKey = tuple[int, str, int]
"""(created, job id, layer index): the smallest comes first."""
Order = tuple[int, float, str, float, str, SortKey]
"""(band, level of the project, project, level of the user, user, key)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands in a lane."""

    band: int
    """Less is more urgent."""
    project: str
    user: str
    demand: Demand
    key: SortKey


Bucket = list[tuple[SortKey, StepId]]


@dataclass(slots=True)
class User:
    """Ready layers of one user, by what they demand."""

    buckets: dict[Demand, Bucket] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Project:
    """Users of one project, the one to whom most is due first."""

    order: list[tuple[float, str]] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Band:
    """Projects of one urgency, the one to which most is due first."""

    order: list[tuple[float, str]] = field(default_factory=list)
    projects: dict[str, Project] = field(default_factory=dict)


class Lane:
    """Ready layers that want the same licences."""

    def __init__(self, queue_id: QueueId, pools: tuple[PoolKey, ...], tallies: Tallies) -> None:
        """Make an empty lane.

        Args:
            queue_id: the queue.
            pools: what every layer in it takes a seat of.
            tallies: limits and levels of the farm.
        """
        self.queue_id = queue_id
        self.farm_id: FarmId = tallies.farm_id
        self.pools = pools
        self.bands: list[int] = []
        self.nodes: dict[int, Band] = {}
        self._tallies = tallies

    def add(self, place: Place, layer_id: StepId) -> None:
        """Put a layer in its place."""
        band = self.nodes.get(place.band)
        if band is None:
            band = self.nodes[place.band] = Band()
            insort(self.bands, place.band)
        project = band.projects.get(place.project)
        if project is None:
            project = band.projects[place.project] = Project()
            insort(
                band.order, (self._tallies.level(ShareKind.PROJECT, place.project), place.project)
            )
        user = project.users.get(place.user)
        if user is None:
            user = project.users[place.user] = User()
            insort(project.order, (self._tallies.level(ShareKind.USER, place.user), place.user))
        insort(user.buckets.setdefault(place.demand, []), (place.key, layer_id))

    def remove(self, place: Place, layer_id: StepId) -> None:
        """Take a layer out, and what stands empty then."""
        band = self.nodes.get(place.band)
        project = None if band is None else band.projects.get(place.project)
        user = None if project is None else project.users.get(place.user)
        bucket = None if user is None else user.buckets.get(place.demand)
        if band is None or project is None or user is None or bucket is None:
            return
        at = bisect_left(bucket, (place.key, layer_id))
        if at == len(bucket) or bucket[at] != (place.key, layer_id):
            return
        del bucket[at]
        if bucket:
            return
        del user.buckets[place.demand]
        if not user.buckets:
            del project.users[place.user]
            _drop(project.order, place.user)
        if not project.users:
            del band.projects[place.project]
            _drop(band.order, place.project)
        if not band.projects:
            del self.nodes[place.band]
            self.bands.remove(place.band)

    def level_changed(self, kind: ShareKind, name: str, level: float) -> None:
        """Put a project or user where it belongs now."""
        for band in self.nodes.values():
            if kind is ShareKind.PROJECT:
                if name in band.projects:
                    _move(band.order, name, level)
                continue
            for project in band.projects.values():
                if name in project.users:
                    _move(project.order, name, level)

    def walk(self) -> Iterator[tuple[int, float, str, float, str, User]]:
        """Yield users with their band and levels, best first."""
        for band in self.bands:
            node = self.nodes[band]
            for project_level, project in node.order:
                inner = node.projects[project]
                for user_level, user in inner.order:
                    yield band, project_level, project, user_level, user, inner.users[user]

    def layers(self) -> Iterator[tuple[Order, StepId]]:
        """Yield every layer, best first."""
        for band, project_level, project, user_level, user, node in self.walk():
            for key, layer_id in sorted(pair for one in node.buckets.values() for pair in one):
                yield (band, project_level, project, user_level, user, key), layer_id


def _drop(order: list[tuple[float, str]], name: str) -> None:
    order[:] = [pair for pair in order if pair[1] != name]


def _move(order: list[tuple[float, str]], name: str, level: float) -> None:
    if len(order) == 1:  # nobody to stand before or behind
        order[0] = (level, name)
        return
    _drop(order, name)
    insort(order, (level, name))
