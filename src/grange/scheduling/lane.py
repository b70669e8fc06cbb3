"""A lane: the layers of a queue that are ready and want the same licences, best first.

Its tree is cut by urgency, then project, then user, then demand. Projects and users stand in the
order of what they had against what is due to them; of one user the oldest job comes first.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
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
Order = tuple[int, int, str, int, str, SortKey]
"""(band, level of the project, project, level of the user, user, key)."""
Ranked = tuple[Order, StepId]
Whose = tuple[ShareKind, str]
"""A project or user by name."""
_PROJECT, _USER = ShareKind.PROJECT, ShareKind.USER
_LEVEL_AT = {_PROJECT: 1, _USER: 3}
"""Where an order holds the level; the name stands behind it."""


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
        tallies.level(_PROJECT, place.project),
        place.project,
        tallies.level(_USER, place.user),
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

    order: list[tuple[int, str]] = field(default_factory=list)
    users: dict[str, User] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Band:
    """Projects of one urgency, the one to which most is due first."""

    order: list[tuple[int, str]] = field(default_factory=list)
    projects: dict[str, Project] = field(default_factory=dict)


class Head:
    """What a lane has first for offers of one kind: the beginning of what a walk would give."""

    __slots__ = (
        "all_liked", "all_second", "liked", "offer", "over_quota", "rises", "second", "unfit",
        "version",
    )  # fmt: skip

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
        self.all_liked = False
        """True: there are no others."""
        self.all_second = False
        """True: there are no others that would rather have another worker."""
        self.over_quota = False
        """Somebody's work was passed over for a quota."""
        self.unfit = False
        """Somebody's work was passed over since it does not fit."""

    @property
    def is_spent(self) -> bool:
        """True if what comes first has gone, and others may be behind it."""
        if self.liked:
            return False
        return not (self.all_liked and (self.second or self.all_second))

    def enter(self, one: Ranked, *, likes: bool) -> bool:
        """Take in a layer that has come; False if it stands behind all that is known here."""
        known, is_all = (self.liked, self.all_liked) if likes else (self.second, self.all_second)
        if not (is_all or (known and one < known[-1])):
            return False
        insort(known, one)
        if len(known) > MOST_FIRST:
            known.pop()
            if likes:
                self.all_liked = False
            else:
                self.all_second = False
        return True

    def falls_behind(self, whose: Whose, level: int) -> None:
        """Put work of a project or user, who has had more now, behind what it beats no longer."""
        at, name = _LEVEL_AT[whose[0]], whose[1]
        for known, is_all in ((self.liked, self.all_liked), (self.second, self.all_second)):
            if not known:
                continue
            moving = [one for one in known if one[0][at + 1] == name]
            if not moving:
                continue
            known[:] = [one for one in known if one[0][at + 1] != name]
            for (band, project_level, project, user_level, user, key), layer_id in moving:
                levels = (level, user_level) if at == 1 else (project_level, level)
                after = ((band, levels[0], project, levels[1], user, key), layer_id)
                if is_all or (known and after < known[-1]):
                    insort(known, after)

    def lose(self, whose: Whose) -> None:
        """Take out the work of a project or user."""
        at, name = _LEVEL_AT[whose[0]] + 1, whose[1]
        self.liked[:] = [one for one in self.liked if one[0][at] != name]
        self.second[:] = [one for one in self.second if one[0][at] != name]

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
        self.ready = 0
        """Ready tasks of all its layers."""
        self.top = -1
        """The highest priority in it."""
        self._priorities: dict[int, int] = {}
        self._layers_of: dict[Whose, int] = {}
        """How many layers each project and user has in it."""
        self.heads: dict[int, Head] = {}
        """What comes first, by kind of offer."""
        self._leading: dict[StepId, set[int]] = {}
        """Layer → kinds of offers for which it came first, and perhaps does."""
        self._leading_of: set[Whose] = set()
        """Projects and users with layers that came first for any kind."""
        self.rises = 0
        """How often the level of a project or user has risen while something was known to come
        first."""
        self._rose: dict[Whose, tuple[int, int]] = {}
        """Project or user → (which rise was its last, its level since), last one last."""

    # ── what comes first ──────────────────────────────────────────────────────────────────────────

    def head(self, kind: int) -> Head | None:
        """Return what comes first for a kind of offer, if it is known still.

        Levels rise far more often than anybody asks, so what beats what by now is settled here.
        """
        head = self.heads.get(kind)
        if head is None or head.rises == self.rises:
            return head
        for whose, (number, level) in reversed(self._rose.items()):
            if number <= head.rises:
                break
            head.falls_behind(whose, level)
            if head.is_spent:
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
            self._leads(one, (kind,))

    def leads(self, one: Ranked, kinds: Iterable[int]) -> None:
        """Take note that a layer has come before what it beats for some kinds of offers."""
        self._leads(one, kinds)
        self.tallies.changes.firsts += 1

    def _leads(self, one: Ranked, kinds: Iterable[int]) -> None:
        (_, _, project, _, user, _), layer_id = one
        self._leading.setdefault(layer_id, set()).update(kinds)
        self._leading_of.add((_PROJECT, project))
        self._leading_of.add((_USER, user))

    def forget_heads(self) -> None:
        """Forget what comes first: it is looked up anew."""
        self.tallies.changes.firsts += 1
        self.heads.clear()
        self._leading.clear()
        self._leading_of.clear()
        self._rose.clear()

    # ── coming and going ──────────────────────────────────────────────────────────────────────────

    def add(self, place: Place, layer_id: StepId, priority: int) -> None:
        """Put a layer in its place."""
        self._count(place, priority, 1)
        band = self.nodes.get(place.band)
        if band is None:
            band = self.nodes[place.band] = Band()
            insort(self.bands, place.band)
            if place.band == self.bands[0]:
                self.tallies.changes.lanes += 1
        project = band.projects.get(place.project)
        if project is None:
            project = band.projects[place.project] = Project()
            insort(band.order, (self.tallies.level(_PROJECT, place.project), place.project))
        user = project.users.get(place.user)
        if user is None:
            user = project.users[place.user] = User()
            insort(project.order, (self.tallies.level(_USER, place.user), place.user))
        insort(user.buckets.setdefault(place.demand, []), (place.key, layer_id))

    def remove(self, place: Place, layer_id: StepId, priority: int) -> None:
        """Take a layer out, and what stands empty then."""
        leading = self._leading.pop(layer_id, None)
        if leading or self.tallies.quotas:
            self.tallies.changes.firsts += 1
        for kind in leading or ():
            head = self.heads.get(kind)
            if head is not None:
                head.leave(layer_id)
                if head.is_spent:
                    del self.heads[kind]
        if self.tallies.quotas:  # who gets nothing is told why, and that may be another reason now
            for kind in [kind for kind, head in self.heads.items() if not head.liked]:
                del self.heads[kind]
        self._count(place, priority, -1)
        band = self.nodes[place.band]
        project = band.projects[place.project]
        user = project.users[place.user]
        bucket = user.buckets[place.demand]
        del bucket[bisect_left(bucket, (place.key, layer_id))]
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
            if place.band == self.bands[0]:
                self.tallies.changes.lanes += 1
            del self.nodes[place.band]
            self.bands.remove(place.band)

    def _count(self, place: Place, priority: int, change: int) -> None:
        """Count a layer that comes or goes."""
        for whose in ((_PROJECT, place.project), (_USER, place.user)):
            count = self._layers_of.get(whose, 0) + change
            if count:
                self._layers_of[whose] = count
            else:
                del self._layers_of[whose]
        left = self._priorities.get(priority, 0) + change
        if left:
            self._priorities[priority] = left
        else:
            del self._priorities[priority]
        top = self.top
        if priority > top:
            top = priority
        elif priority == top and not left:
            top = max(self._priorities, default=-1)
        if top != self.top:
            self.top = top
            self.tallies.changes.lanes += 1

    # ── shares ────────────────────────────────────────────────────────────────────────────────────

    def has_work_of(self, whose: Whose) -> bool:
        """True if a project or user has layers in it."""
        return whose in self._layers_of

    def fall(self, whose: Whose, level: int) -> None:
        """Put a project or user, who has had more now, where it belongs."""
        if whose in self._leading_of:
            self.tallies.changes.firsts += 1
            self.rises += 1
            self._rose.pop(whose, None)
            self._rose[whose] = (self.rises, level)
        self._move(whose, level)

    def rise(self, whose: Whose, level: int) -> list[tuple[Ranked, Demand]]:
        """Put a project or user, to whom more is due now, where it belongs.

        Returns its layers, with what they demand: they are in no head any more.
        """
        self.tallies.changes.firsts += 1
        for number in tuple(self.heads):
            head = self.head(number)
            if head is not None:
                head.lose(whose)
                if head.is_spent:
                    del self.heads[number]
        self._move(whose, level)
        kind, name = whose
        return [
            (((band, project_level, project, user_level, user, key), layer_id), demand)
            for band, project_level, project, user_level, user, node in self.walk()
            if name == (project if kind is _PROJECT else user)
            for demand, bucket in node.buckets.items()
            for key, layer_id in bucket
        ]

    def _move(self, whose: Whose, level: int) -> None:
        kind, name = whose
        for band in self.nodes.values():
            if kind is _PROJECT:
                if name in band.projects:
                    _put_at(band.order, name, level)
                continue
            for project in band.projects.values():
                if name in project.users:
                    _put_at(project.order, name, level)

    # ── all of it ─────────────────────────────────────────────────────────────────────────────────

    def walk(self) -> Iterator[tuple[int, int, str, int, str, User]]:
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


def _drop(order: list[tuple[int, str]], name: str) -> None:
    order[:] = [pair for pair in order if pair[1] != name]


def _put_at(order: list[tuple[int, str]], name: str, level: int) -> None:
    if len(order) == 1:  # nobody to stand before or behind
        order[0] = (level, name)
        return
    _drop(order, name)
    insort(order, (level, name))
