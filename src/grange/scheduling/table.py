"""What the scheduling index holds: ready layers in their lanes, limits, and what fits whom.

Of each lane is kept what comes first for each kind of offer. A layer that leaves a lane takes away
what it was first for, and one that comes is put before what it beats: so a thread that asks is
answered without a walk, and the answer is the one that a walk would give.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

from grange.domain.budgets import Budget
from grange.domain.licences import LicencePool, PoolKey, Region, region_named, wanted_pools
from grange.domain.shares import Share, ShareKind
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import UNASSIGNED, Job, Layer, Session, Task
from grange.kernel.ids import FarmId, JobId, QueueId, SessionId, StepId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.scheduling.blocks import Block, Unmet
from grange.scheduling.capability import (
    NOBODY,
    Capability,
    Demand,
    Offer,
    demand_of,
    first_unmet,
    prefers,
)
from grange.scheduling.entry import Entry, Left
from grange.scheduling.lane import (
    MOST_FIRST,
    Head,
    Lane,
    Place,
    Ranked,
    SortKey,
    User,
    Whose,
    order_of,
)
from grange.scheduling.reach import Reach
from grange.scheduling.tallies import SETTLED_EVERY_MS, Changes, Tallies

AGING_MS = MILLIS_PER_HOUR
"""A job that has waited so much longer than another counts as one point of priority more."""
MOST_KINDS = 4_000
"""So many kinds of offers are told apart before they are forgotten and numbered anew."""
MOST_DEMANDS = 100_000
"""So many answers to what fits whom are remembered before they are looked up anew."""
_READY = TaskRunStatus.READY


class LayerTable:
    """Ready layers in their lanes, and the limits of each farm; told of every change."""

    def __init__(self) -> None:
        self._entries: dict[StepId, Entry] = {}
        self._of_job: dict[JobId, list[Entry]] = {}
        """In order of their layers."""
        self._lanes: dict[QueueId, dict[tuple[PoolKey, ...], Lane]] = {}
        self._full: dict[QueueId, set[StepId]] = {}
        self._tallies: dict[FarmId, Tallies] = {}
        self._payers: dict[SessionId, tuple[str, str]] = {}
        """Project and user of each open session."""
        self._session_room: dict[JobId, int] = {}
        """Sessions that jobs with a limit may still have."""
        self._kinds: dict[tuple[Capability, float | None, float | None, float | None], int] = {}
        """Offers that fit the same layers have one number."""
        self._kind_alone: dict[int, tuple[Capability, int]] = {}
        """The number of what workers offer without other sessions, by the address of what they can
        do, which is kept here, so that there is nothing else at it."""
        self._unmet: dict[tuple[Capability, Demand], Unmet | None] = {}
        self._liked: dict[tuple[Capability, Demand], bool] = {}
        self._fits: dict[Demand, set[int]] = {}
        """Kinds of offers that demands are known to fit."""
        self._left: dict[StepId, Left] = {}
        self._at = Instant(0)
        self._changes = Changes()
        self._reaches: dict[tuple[tuple[QueueId, ...], Region], Reach] = {}

    # ── being told ────────────────────────────────────────────────────────────────────────────────

    def set_layer(self, job: Job, layer: Layer) -> None:
        """Take over the current values of a job and one of its layers."""
        tallies = self._tallies.get(job.farm_id) or self.tallies(job.farm_id)
        entry = self._entries.get(layer.layer_id)
        if entry is None or job is not entry.job or not entry.is_alike(layer, tallies.version):
            entry = self._placed(entry, job, layer, tallies)
        entry.layer = layer
        ready = len(entry.returned)
        if layer.rest_status is _READY:
            ready += layer.task_count - layer.next_index - layer.touched_ahead
        if ready != entry.ready or not entry.offered:
            self._counted(entry, ready)

    def _placed(self, entry: Entry | None, job: Job, layer: Layer, tallies: Tallies) -> Entry:
        """Return a layer's entry as its job is now; one that stands elsewhere is taken out."""
        since = job.created_at if job.served_at is None else job.served_at
        band = since // AGING_MS - job.priority
        if entry is None or not entry.stays_with(job, layer, band, tallies.version):
            place = _place(job, layer, band)
            if entry is None:
                entry = Entry(job, layer, layer.layer_id, job.job_id, place)
                entry.left = self._left.get(layer.layer_id, {})
                self._entries[layer.layer_id] = entry
                insort(
                    self._of_job.setdefault(layer.job_id, []),
                    entry,
                    key=lambda one: (one.layer.index, one.layer_id),
                )
            self._withdraw(entry)
            entry.priority = job.priority
            entry.place = place
            entry.fits = self._fitting(place.demand)
            entry.pools = wanted_pools(layer.attributes, tallies.pools)
            entry.spent = tallies.spent_of(job, layer)
            entry.excluded = frozenset(job.excluded_workers or ())
            entry.version = tallies.version
        self._opened_or_closed(entry, job)
        return entry

    def _opened_or_closed(self, entry: Entry, job: Job) -> None:
        """Take over how many sessions a job has, and may have."""
        entry.job = job
        most = job.max_worker_count
        open_to_sessions = most < 0 or job.open_sessions < most
        if most >= 0:
            self._session_room[job.job_id] = most - job.open_sessions
        elif self._session_room:
            self._session_room.pop(job.job_id, None)
        if entry.open_to_sessions != open_to_sessions:
            self._withdraw(entry)
            entry.open_to_sessions = open_to_sessions

    def set_task(self, layer_id: StepId, old: Task | None, new: Task | None) -> None:
        """Take over the change of one touched task (None: the task is untouched, or forgotten)."""
        entry = self._entries.get(layer_id)
        if entry is None:
            return
        was = old is not None and old.status is _READY
        now = new is not None and new.status is _READY
        index = new.index if new is not None else old.index if old is not None else 0
        if now and not was:
            insort(entry.returned, index)
            self._counted(entry, entry.ready + 1)
        elif was and not now:
            at = bisect_left(entry.returned, index)
            if at < len(entry.returned) and entry.returned[at] == index:
                del entry.returned[at]
                self._counted(entry, entry.ready - 1)
        if new is None:
            entry.ahead.discard(index)
        elif index >= entry.layer.next_index:
            entry.ahead.add(index)

    def set_left(self, layer_id: StepId, left: Left) -> None:
        """Take over which tasks of a layer some workers leave to others; none are empty."""
        if left:
            self._left[layer_id] = left
        else:
            self._left.pop(layer_id, None)
        entry = self._entries.get(layer_id)
        if entry is None:
            return
        if entry.lane is not None:
            entry.lane.excluding -= entry.is_choosy
        entry.left = left
        if entry.lane is not None:
            entry.lane.excluding += entry.is_choosy

    def drop_job(self, job_id: JobId) -> None:
        """Forget a job."""
        self._session_room.pop(job_id, None)
        for entry in self._of_job.pop(job_id, ()):
            self._withdraw(entry)
            del self._entries[entry.layer_id]

    def set_session(self, project: str, old: Session | None, new: Session | None) -> None:
        """Take over a session: the thread it takes of its project and user, the licences it holds.

        Args:
            project: of its job; it counts while the session is open.
            old: as it was.
            new: as it is.
        """
        for session, change in ((old, -1), (new, 1)):
            if session is None or session.ended_at is not None:
                continue
            tallies = self._tallies.get(session.farm_id) or self.tallies(session.farm_id)
            if change > 0:
                payer = self._payers.setdefault(session.session_id, (project, session.user_name))
            else:
                payer = self._payers.pop(session.session_id, (project, session.user_name))
            tallies.count_thread(*payer, change)
            for hold in session.licences or ():
                tallies.count_seat(hold.pool, region_named(hold.region), change)

    def set_share(self, farm_id: FarmId, kind: ShareKind, name: str, share: Share | None) -> None:
        """Take over what a project or user had, is entitled to and may hold."""
        tallies = self._tallies.get(farm_id) or self.tallies(farm_id)
        tallies.set_share((kind, name), share)

    def pass_time(self, now: Instant) -> None:
        """Take over what time it is: open sessions have had more by now."""
        at = Instant(now - now % SETTLED_EVERY_MS)
        if at == self._at:
            return
        self._at = at
        for tallies in self._tallies.values():
            tallies.pass_time(at)

    def set_pool(
        self, farm_id: FarmId, key: PoolKey, pool: LicencePool | None, jobs: dict[JobId, Job]
    ) -> None:
        """Take over a licence pool; layers that take a seat of it stand elsewhere then.

        Args:
            farm_id: the farm.
            key: app, plugin, version.
            pool: None if it is no more.
            jobs: by id, those of the index.
        """
        self.tallies(farm_id).set_pool(key, pool)
        self._look_again(farm_id, jobs)

    def set_budget(
        self, farm_id: FarmId, budget_id: str, budget: Budget | None, jobs: dict[JobId, Job]
    ) -> None:
        """Take over a budget; work that it pays for stops once it is spent.

        Args:
            farm_id: the farm.
            budget_id: the budget's id.
            budget: None if it is no more.
            jobs: by id, those of the index.
        """
        if self.tallies(farm_id).set_budget(budget_id, budget):
            self._look_again(farm_id, jobs)

    def _look_again(self, farm_id: FarmId, jobs: dict[JobId, Job]) -> None:
        """Put every layer of a farm where it belongs now."""
        for entry in list(self._entries.values()):
            job = jobs.get(entry.layer.job_id)
            if job is not None and entry.layer.farm_id == farm_id:
                self.set_layer(job, entry.layer)

    def tallies(self, farm_id: FarmId) -> Tallies:
        """Return the limits of a farm and what is in use of them."""
        found = self._tallies.get(farm_id)
        if found is None:
            found = self._tallies[farm_id] = Tallies(
                farm_id=farm_id, changes=self._changes, at=self._at
            )
        return found

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        """Put projects and users where what they had by now has brought them.

        Thread time is charged far more often than anybody asks who comes first.
        """
        self._changes.shares = False
        for tallies in self._tallies.values():
            while tallies.changed:
                whose = tallies.changed.popitem()[0]
                change = tallies.settle(whose)
                if change:
                    self._move(tallies, whose, rises=change < 0)

    def _move(self, tallies: Tallies, whose: Whose, *, rises: bool) -> None:
        """Put a project or user where it belongs in every lane, now that its level is another."""
        level = tallies.level(*whose)
        for lanes in self._lanes.values():
            for lane in lanes.values():
                if lane.tallies is not tallies or not lane.has_work_of(whose):
                    continue
                if rises:
                    self._enter(lane, lane.rise(whose, level))
                else:
                    lane.fall(whose, level)

    def _head(self, lane: Lane, offer: Offer, kind: int) -> Head:
        """Return what a lane has first for offers of a kind, looked up anew if need be.

        Whom a layer excludes, and quotas that the asking thread would make room in, are looked at
        for each offer alone.
        """
        quotas = lane.tallies.quotas
        head = lane.head(kind)
        if head is None or head.version != lane.tallies.quota_version:
            head = self._first_of(lane, offer, NOBODY, None)
            lane.keep_head(kind, head)
        if lane.excluding and self._excludes(head, offer.worker_id):
            return self._first_of(lane, offer, offer.worker_id, offer.payer)
        if quotas and offer.payer is not None and lane.tallies.is_at_quota(*offer.payer):
            return self._first_of(lane, offer, offer.worker_id, offer.payer)
        return head

    def _excludes(self, head: Head, worker_id: WorkerId) -> bool:
        return any(
            self._entries[one[0][1]].shuns(worker_id) for one in (head.liked, head.second) if one
        )

    def _first_of(
        self, lane: Lane, offer: Offer, worker_id: WorkerId, payer: tuple[str, str] | None
    ) -> Head:
        """Return the lane's first layers that the offer fits, those that like it apart."""
        head = Head(offer, lane.tallies.quota_version)
        for band, project_level, project, user_level, user, node in lane.walk():
            if self._quota(lane.farm_id, project, user, payer) is not None:
                head.over_quota = True
                continue
            liked, second = self._of_user(node, offer, worker_id)
            if len(liked) + len(second) < sum(map(len, node.buckets.values())):
                head.unfit = True
            before = (band, project_level, project, user_level, user)
            head.liked += [((*before, one[0]), one[1]) for one in liked]
            head.second += [((*before, one[0]), one[1]) for one in second]
            if len(head.liked) >= MOST_FIRST:
                break
        else:
            head.all_liked = len(head.liked) <= MOST_FIRST
            head.all_second = len(head.second) <= MOST_FIRST
        del head.liked[MOST_FIRST:], head.second[MOST_FIRST:]
        return head

    def _of_user(
        self, node: User, offer: Offer, worker_id: WorkerId
    ) -> tuple[list[tuple[SortKey, StepId]], list[tuple[SortKey, StepId]]]:
        liked: list[tuple[SortKey, StepId]] = []
        second: list[tuple[SortKey, StepId]] = []
        for demand, bucket in node.buckets.items():
            if self._unfit(demand, offer) is not None:
                continue
            found = [one for one in bucket if not self._entries[one[1]].shuns(worker_id)]
            (liked if self._likes(demand, offer) else second).extend(found)
        liked.sort()
        second.sort()
        return liked, second

    def _enter(self, lane: Lane, coming: Sequence[tuple[Ranked, Demand]]) -> None:
        """Put layers that come before what they beat, for whom they fit.

        Args:
            lane: where they stand already.
            coming: those of one project or user, with what they demand.
        """
        for one, demand in coming:
            (_, _, project, _, user, _), _ = one
            held_back = self._quota(lane.farm_id, project, user) is not None
            fits = self._fitting(demand)
            entered = []
            for kind in tuple(lane.heads):
                head = lane.head(kind)
                if head is None:
                    continue
                if held_back:
                    head.over_quota = True
                elif kind in fits or self._is_fit(demand, head.offer, kind, fits):
                    if head.enter(one, likes=self._likes(demand, head.offer)):
                        entered.append(kind)
                else:
                    head.unfit = True
            if entered:
                lane.leads(one, entered)

    def _kind(self, offer: Offer) -> int:
        """Return the number of an offer's kind."""
        capability, memory = offer.capability, offer.free_memory_mib
        alone = memory is None and offer.free_gpus is None and offer.free_cores is None
        if alone:
            known = self._kind_alone.get(id(capability))
            if known is not None:
                return known[1]
        key = (capability, memory, offer.free_gpus, offer.free_cores)
        found = self._kinds.get(key)
        if found is None:
            if len(self._kinds) > MOST_KINDS:
                self._kinds.clear()
                self._kind_alone.clear()
                self._fits.clear()
                for entry in self._entries.values():
                    entry.fits = self._fitting(entry.place.demand)
                for lanes in self._lanes.values():
                    for lane in lanes.values():
                        lane.forget_heads()
            found = self._kinds[key] = len(self._kinds)
        if alone:
            if len(self._kind_alone) > MOST_KINDS:
                self._kind_alone.clear()
            self._kind_alone[id(capability)] = (capability, found)
        return found

    def _fitting(self, demand: Demand) -> set[int]:
        """Return the kinds of offers that a demand is known to fit; the set grows."""
        if len(self._fits) > MOST_DEMANDS:
            self._fits.clear()
        return self._fits.setdefault(demand, set())

    def _is_fit(self, demand: Demand, offer: Offer, kind: int, fits: set[int]) -> bool:
        if self._unfit(demand, offer) is not None:
            return False
        fits.add(kind)
        return True

    def _reach(self, queues: tuple[QueueId, ...], region: Region) -> Reach:
        """Return what workers of a region look through in some queues."""
        found = self._reaches.get((queues, region))
        if found is None:
            lanes = [lane for one in queues for lane in self._lanes.get(one, {}).values()]
            found = self._reaches[queues, region] = Reach(lanes, region)
        changes = self._changes
        if found.firsts_at != changes.firsts or found.lanes_at != changes.lanes:
            found.look(changes)
        return found

    def _taken(self, tallies: Tallies, pools: tuple[PoolKey, ...], offer: Offer) -> PoolKey | None:
        """Return the first of these pools that an offer gets no seat of; None: it gets all."""
        if offer.held:
            pools = tuple(key for key in pools if key not in offer.held)
        return tallies.taken(pools, offer.region)

    def _likes(self, demand: Demand, offer: Offer) -> bool:
        if not demand.requirement.prefers:
            return True
        pair = (offer.capability, demand)
        known = self._liked.get(pair)
        if known is None:
            if len(self._liked) > MOST_DEMANDS:
                self._liked.clear()
            known = self._liked[pair] = prefers(offer.capability, demand.requirement)
        return known

    def _unfit(self, demand: Demand, offer: Offer) -> Unmet | None:
        """Return what keeps a worker from work with this demand, whoever's work it is."""
        pair = (offer.capability, demand)
        try:
            found = self._unmet[pair]
        except KeyError:
            if len(self._unmet) > MOST_DEMANDS:
                self._unmet.clear()
            found = self._unmet[pair] = first_unmet(offer.capability, demand.requirement)
        if found is not None:
            return found
        cores = offer.free_cores
        if cores is not None and cores < demand.cores:
            return Unmet(
                Block.REQUIREMENT,
                f"{max(0, cores):g} processor threads are left beside other work,"
                f" {demand.cores} needed",
            )
        free = offer.free_memory_mib
        if free is not None and free < demand.memory_mib:
            return Unmet(
                Block.MEMORY,
                f"{free:,.15g} MiB are left beside other work, {demand.memory_mib:,} needed",
            )
        if offer.free_gpus is not None and offer.free_gpus < demand.gpus:
            return Unmet(
                Block.GPU,
                f"{offer.free_gpus:g} GPUs are left beside other work, {demand.gpus} needed",
            )
        return None

    def _licence(self, farm_id: FarmId, pools: tuple[PoolKey, ...], offer: Offer) -> Unmet | None:
        tallies = self.tallies(farm_id)
        taken = self._taken(tallies, pools, offer)
        if taken is None:
            return None
        limit, used = tallies.seats_of(taken, offer.region)
        name = " ".join(part for part in taken if part)
        text = f"{used} of {limit} licences of {name} are in use"
        told = tallies.told_of(taken, offer.region)
        if told is not None and told.seats == limit:
            others = "" if told.others is None else f"; others use {told.others}"
            failing = f", and it fails: {told.problem}" if told.failing_since_at else ""
            text = f"{used} of the {limit} that the licence server leaves us of {name} are in use"
            text += f"{others}{failing}"
        return Unmet(Block.LICENCE, text)

    def _quota(
        self, farm_id: FarmId, project: str, user: str, leaving: tuple[str, str] | None = None
    ) -> Unmet | None:
        tallies = self.tallies(farm_id)
        if not tallies.quotas:
            return None
        left_project, left_user = leaving or (None, None)
        for kind, name, left in (
            (ShareKind.PROJECT, project, left_project),
            (ShareKind.USER, user, left_user),
        ):
            if tallies.over_quota(kind, name, less=name == left):
                most = tallies.quotas[kind, name]
                return Unmet(Block.QUOTA, f"{kind} {name} has its {most} job threads")
        return None

    def _counted(self, entry: Entry, ready: int) -> None:
        """Take over how many tasks of a layer are ready: most leave it where it stands."""
        if ready and entry.offered:
            if entry.lane is not None:
                entry.lane.ready += ready - entry.ready
            entry.ready = ready
        elif ready:
            entry.ready = ready
            self._offer(entry)
        else:
            self._withdraw(entry)
            entry.ready = 0

    def _offer(self, entry: Entry) -> None:
        entry.offered = True
        queue_id = entry.layer.queue_id
        if not entry.is_open:
            self._full.setdefault(queue_id, set()).add(entry.layer_id)
            return
        lanes = self._lanes.setdefault(queue_id, {})
        lane = lanes.get(entry.pools)
        if lane is None:
            lane = Lane(entry.pools, self.tallies(entry.layer.farm_id))
            lanes[entry.pools] = lane
            self._reaches.clear()
        entry.lane = lane
        lane.ready += entry.ready
        lane.excluding += entry.is_choosy
        lane.add(entry.place, entry.layer_id, entry.priority)
        if lane.heads:
            one = (order_of(entry.place, lane.tallies), entry.layer_id)
            self._enter(lane, [(one, entry.place.demand)])

    def _withdraw(self, entry: Entry) -> None:
        if not entry.offered:
            return
        entry.offered = False
        lane = entry.lane
        if lane is None:
            self._full[entry.layer.queue_id].discard(entry.layer_id)
            return
        entry.lane = None
        lane.ready -= entry.ready
        lane.excluding -= entry.is_choosy
        lane.remove(entry.place, entry.layer_id, entry.priority)


def _place(job: Job, layer: Layer, band: int) -> Place:
    return Place(
        band=band,
        project=job.attributes.get("project", UNASSIGNED),
        user=job.created_by,
        demand=demand_of(layer.requirement, layer.reserve_mib, layer.reserve_cores),
        key=(job.created_at, job.job_id, layer.index),
    )
