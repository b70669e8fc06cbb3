"""A lane: the layers of a queue that are ready and want the same licences, best first.

Its tree is cut by urgency, then project, then user, then demand. Projects and users stand in the
order of what they had against what is due to them; of one user the oldest job comes first.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from grange.domain.licences import PoolKey
from grange.domain.shares import ShareKind
from grange.kernel.ids import FarmId, StepId
from grange.scheduling.capability import Demand, Offer
from grange.scheduling.tallies import Tallies

MOST_FIRST = 8
"""So many layers are known for each kind of offer, so that the next one follows when one goes."""
MOST_HEADS = 256
"""So many kinds of offers are kept apart in a lane before it forgets them."""
SortKey = tuple[int, str, int]
"""(created, job id, layer index): the smallest comes first."""
Order = tuple[int, float, str, float, str, SortKey]
"""(band, level of the project, project, level of the user, user, key)."""
Ranked = tuple[Order, StepId]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands in a lane."""

    band: int
    """Less is more urgent."""
    project: str
    user: str
    demand: Demand
    key: SortKey


def order_of(place: Place, tallies: Tallies) -> Order:
    """Return where a place stands among all others."""
    return (
        place.band,
        tallies.level(ShareKind.PROJECT, place.project),
        place.project,
        tallies.level(ShareKind.USER, place.user),
        place.user,
        place.key,
    )


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


class Head:
    """What a lane has first for offers of one kind: the beginning of what a walk would give."""

    __slots__ = ("complete", "liked", "offer", "over_quota", "rises", "second", "unfit", "version")

    def __init__(self, offer: Offer, version: int) -> None:
        self.offer = offer
        """Any of the kind."""
        self.version = version
        """Of the quotas it was found with."""
        self.rises = 0
        """Of the lane's rises of levels, so many are taken into account."""
        self.liked: list[Ranked] = []
        """Best first."""
        self.second: list[Ranked] = []
        """Of those that would rather have another worker, best first."""
        self.complete = False
        """True: there are no others."""
        self.over_quota = False
        """Somebody's work was passed over for a quota."""
        self.unfit = False
        """Somebody's work was passed over since it does not fit."""

    @property
    def is_spent(self) -> bool:
        """True if what comes first has gone, and others may be behind it."""
        return not (self.liked or self.complete)

    def enter(self, one: Ranked, *, likes: bool) -> bool:
        """Take in a layer that has come; False if it stands behind all that is known here."""
        known = self.liked if likes else self.second
        if not (self.complete or (known and one < known[-1])):
            return False
        insort(known, one)
        if len(known) > MOST_FIRST:
            known.pop()
            self.complete = False
        return True

    def falls_behind(self, at: int, name: str, level: float) -> bool:
        """Put work of a project or user, who has had more now, behind what it beats no longer.

        Returns True if nothing is known any more of what comes first.

        Args:
            at: place of its level in an order; its name stands behind it.
            name: of the project or user.
            level: as it is now.
        """
        for known in (self.liked, self.second):
            moving = [one for one in known if one[0][at + 1] == name]
            if not moving:
                continue
            staying = [one for one in known if one[0][at + 1] != name]
            for (band, project_level, project, user_level, user, key), layer_id in moving:
                levels = (level, user_level) if at == 1 else (project_level, level)
                after = ((band, levels[0], project, levels[1], user, key), layer_id)
                if self.complete or (staying and after < staying[-1]):
                    insort(staying, after)
            known[:] = staying
        return self.is_spent

    def leave(self, layer_id: StepId) -> None:
        """Take out a layer that has gone."""
        for known in (self.liked, self.second):
            for place, one in enumerate(known):
                if one[1] == layer_id:
                    del known[place]
                    return


class Lane:
    """Ready layers that want the same licences."""

    def __init__(self, pools: tuple[PoolKey, ...], tallies: Tallies) -> None:
        """Make an empty lane.

        Args:
            pools: what every layer in it takes a seat of.
            tallies: limits and levels of the farm.
        """
        self.farm_id: FarmId = tallies.farm_id
        self.pools = pools
        self.bands: list[int] = []
        self.nodes: dict[int, Band] = {}
        self.tallies = tallies
        self.excluding = 0
        """Layers that exclude some worker."""
        self.top = -1
        """The highest priority in it."""
        self._priorities: dict[int, int] = {}
        self.heads: dict[int, Head] = {}
        """What comes first, by kind of offer."""
        self.leading: dict[StepId, set[int]] = {}
        """Layer → kinds of offers for which it came first, and perhaps does."""
        self.rises = 0
        """How often the level of a project or user has risen while something was known to come
        first."""
        self._rose: dict[tuple[int, str], tuple[int, float]] = {}
        """(place in an order, name) → (which rise was its last, its level since), last one last."""

    def count_priority(self, priority: int, change: int) -> None:
        """Count a layer of this priority that comes or goes."""
        left = self._priorities.get(priority, 0) + change
        if left:
            self._priorities[priority] = left
            self.top = max(self.top, priority)
        else:
            del self._priorities[priority]
            if priority == self.top:
                self.top = max(self._priorities, default=-1)

    def head(self, kind: int) -> Head | None:
        """Return what comes first for a kind of offer, if it is known still.

        Levels rise far more often than anybody asks, so what beats what by now is settled here.
        """
        head = self.heads.get(kind)
        if head is None or head.rises == self.rises:
            return head
        for (at, name), (number, level) in reversed(self._rose.items()):
            if number <= head.rises:
                break
            if head.falls_behind(at, name, level):
                del self.heads[kind]
                return None
        head.rises = self.rises
        return head

    def keep_head(self, kind: int, head: Head) -> None:
        """Remember what comes first for a kind of offer."""
        if len(self.heads) >= MOST_HEADS:
            self.forget_heads()
        head.rises = self.rises
        self.heads[kind] = head
        for one in (*head.liked, *head.second):
            self.leading.setdefault(one[1], set()).add(kind)

    def forget_heads(self) -> None:
        """Forget what comes first: it is looked up anew."""
        self.heads.clear()
        self.leading.clear()
        self._rose.clear()

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
                band.order, (self.tallies.level(ShareKind.PROJECT, place.project), place.project)
            )
        user = project.users.get(place.user)
        if user is None:
            user = project.users[place.user] = User()
            insort(project.order, (self.tallies.level(ShareKind.USER, place.user), place.user))
        insort(user.buckets.setdefault(place.demand, []), (place.key, layer_id))

    def remove(self, place: Place, layer_id: StepId) -> None:
        """Take a layer out, and what stands empty then."""
        for kind in self.leading.pop(layer_id, ()):
            head = self.heads.get(kind)
            if head is not None:
                head.leave(layer_id)
                if head.is_spent:
                    del self.heads[kind]
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
        """Put a project or user where it belongs now.

        Its level has risen, or what comes first was forgotten.
        """
        if self.heads:
            self.rises += 1
            who = (1 if kind is ShareKind.PROJECT else 3, name)
            self._rose.pop(who, None)
            self._rose[who] = (self.rises, level)
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
