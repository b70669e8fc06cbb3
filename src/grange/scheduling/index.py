"""The scheduling index: which layers have ready tasks, best first, and who may take them.

It is told of every change of a job, layer, task, session, share and licence pool, and equals the
index rebuilt from rows at any time. A layer's untouched tasks are not listed: they are a range,
`next_index` to `task_count`, less the few that were touched by hand.

The order: more urgent first (priority, and a point more for each hour a job has waited since it was
last served); then the project, then the user, that had least against what is due to it; then the
oldest job.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Hashable, Iterable, Iterator

from grange.domain.budgets import Budget
from grange.domain.licences import LicencePool, PoolKey, Region, region_named, wanted_pools
from grange.domain.shares import Share, ShareKind
from grange.domain.statuses import TaskRunStatus
from grange.domain.work import UNASSIGNED, Job, Layer, Session, Task
from grange.kernel.ids import FarmId, JobId, QueueId, SessionId, StepId
from grange.kernel.units import MILLIS_PER_HOUR
from grange.scheduling.blocks import Block, Unmet
from grange.scheduling.capability import (
    Capability,
    Demand,
    Offer,
    demand_of,
    demand_without,
    first_unmet,
    prefers,
)
from grange.scheduling.entry import Choice, Entry, Nothing
from grange.scheduling.lane import Lane, Order, Place, User
from grange.scheduling.tallies import Tallies

MOST_URGENT = 100
"""The highest priority."""
AGING_MS = MILLIS_PER_HOUR
"""A job that has waited so much longer than another counts as one point of priority more."""


class SchedulingIndex:
    """Ready layers, best first, and the limits of each farm."""

    def __init__(self) -> None:
        self._entries: dict[StepId, Entry] = {}
        self._layers_of: dict[JobId, dict[StepId, Layer]] = {}
        self._lanes: dict[QueueId, dict[tuple[PoolKey, ...], Lane]] = {}
        self._ready: dict[tuple[QueueId, tuple[PoolKey, ...]], int] = {}
        """Ready tasks of each lane."""
        self._full: dict[QueueId, set[StepId]] = {}
        self._tallies: dict[FarmId, Tallies] = {}
        self._payers: dict[SessionId, tuple[str, str]] = {}
        """Project and user of each open session."""
        self._session_room: dict[JobId, int] = {}
        """Sessions that jobs with a limit may still have."""
        self._unmet: dict[tuple[Capability, Demand], Unmet | None] = {}
        self._liked: dict[tuple[Capability, Demand], bool] = {}

    # ── being told ────────────────────────────────────────────────────────────────────────────────

    def set_layer(self, job: Job, layer: Layer) -> None:
        """Take over the current values of a job and one of its layers."""
        tallies = self.tallies(job.farm_id)
        since = job.created_at if job.served_at is None else job.served_at
        band = since // AGING_MS - job.priority
        basis = (
            band,
            job.priority,
            job.attributes,
            job.excluded_workers,
            layer.requirement,
            layer.reserve_mib,
            layer.attributes,
            tallies.version,
        )
        self._layers_of.setdefault(layer.job_id, {})[layer.layer_id] = layer
        entry = self._entries.get(layer.layer_id)
        if entry is None:
            entry = self._entries[layer.layer_id] = Entry(
                layer_id=layer.layer_id,
                job_id=layer.job_id,
                farm_id=layer.farm_id,
                queue_id=layer.queue_id,
                place=_place(job, layer, band),
                task_count=layer.task_count,
            )
        was = entry.ready_count
        if entry.basis != basis:
            self._withdraw(entry)
            entry.basis = basis
            entry.priority = job.priority
            entry.place = _place(job, layer, band)
            entry.pools = wanted_pools(layer.attributes, tallies.pools)
            entry.spent = tallies.spent_of(job, layer)
            entry.excluded = frozenset(job.excluded_workers or ())
        open_to_sessions = job.max_worker_count < 0 or job.open_sessions < job.max_worker_count
        if job.max_worker_count >= 0:
            self._session_room[job.job_id] = job.max_worker_count - job.open_sessions
        elif job.job_id in self._session_room:
            del self._session_room[job.job_id]
        if entry.open_to_sessions != open_to_sessions:
            self._withdraw(entry)
            entry.open_to_sessions = open_to_sessions
        entry.next_index = layer.next_index
        entry.task_count = layer.task_count
        entry.rest_ready = layer.rest_status is TaskRunStatus.READY
        entry.rest_count = layer.rest_count
        self._counted(entry, was)

    def set_task(self, layer_id: StepId, old: Task | None, new: Task | None) -> None:
        """Take over the change of one touched task (None: the task is untouched, or forgotten)."""
        entry = self._entries.get(layer_id)
        if entry is None:
            return
        was = old is not None and old.status is TaskRunStatus.READY
        now = new is not None and new.status is TaskRunStatus.READY
        index = new.index if new is not None else old.index if old is not None else 0
        if was != now:
            count = entry.ready_count
            if was:
                at = bisect_left(entry.returned, index)
                if at < len(entry.returned) and entry.returned[at] == index:
                    del entry.returned[at]
            else:
                insort(entry.returned, index)
            self._counted(entry, count)
        if new is None:
            entry.ahead.discard(index)
        elif index >= entry.next_index:
            entry.ahead.add(index)

    def drop_job(self, job_id: JobId) -> None:
        """Forget a job."""
        self._session_room.pop(job_id, None)
        for layer_id in self._layers_of.pop(job_id, {}):
            self._withdraw(self._entries.pop(layer_id))

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
            tallies = self.tallies(session.farm_id)
            if change > 0:
                payer = self._payers.setdefault(session.session_id, (project, session.user_name))
            else:
                payer = self._payers.pop(session.session_id, (project, session.user_name))
            tallies.count_thread(*payer, change)
            for hold in session.licences or ():
                tallies.count_seat(hold.pool, region_named(hold.region), change)

    def set_share(self, farm_id: FarmId, kind: ShareKind, name: str, share: Share | None) -> None:
        """Take over what a project or user had, is entitled to and may hold."""
        tallies = self.tallies(farm_id)
        before = tallies.level(kind, name)
        tallies.set_share((kind, name), share)
        level = tallies.level(kind, name)
        if level == before:
            return
        for lanes in self._lanes.values():
            for lane in lanes.values():
                if lane.farm_id == farm_id:
                    lane.level_changed(kind, name, level)

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
        for job_id, layers in list(self._layers_of.items()):
            for layer in list(layers.values()):
                if layer.farm_id == farm_id and job_id in jobs:
                    self.set_layer(jobs[job_id], layer)

    def tallies(self, farm_id: FarmId) -> Tallies:
        """Return the limits of a farm and what is in use of them."""
        found = self._tallies.get(farm_id)
        if found is None:
            found = self._tallies[farm_id] = Tallies(farm_id=farm_id)
        return found

    # ── being asked ───────────────────────────────────────────────────────────────────────────────

    def best(self, queues: Iterable[QueueId], offer: Offer) -> Choice | Nothing:
        """Return the best layer with ready tasks in these queues that the offer fits.

        A layer that would rather have another worker is given only if there is nothing else.
        """
        reasons: set[str] = set()
        liked: tuple[Order, StepId] | None = None
        other: tuple[Order, StepId] | None = None
        known = False
        for queue_id in queues:
            known = True
            if self._full.get(queue_id):
                reasons.add("worker_limit")
            for lane in self._lanes.get(queue_id, {}).values():
                if not lane.bands:
                    continue
                if self._licence(lane.farm_id, lane.pools, offer) is not None:
                    reasons.add("licence")
                    continue
                one, second = self._first_of(lane, offer, liked, reasons)
                if one is not None and (liked is None or one < liked):
                    liked = one
                if second is not None and (other is None or second < other):
                    other = second
        found = liked or other
        if found is not None:
            return self._choice(self._entries[found[1]])
        if not known:
            return Nothing("no_queue")
        for reason in ("not_capable", "licence", "quota", "worker_limit"):
            if reason in reasons:
                return Nothing(reason)
        return Nothing("no_work")

    def best_of_job(self, job_id: JobId, offer: Offer) -> Choice | None:
        """Return the job's best layer with ready tasks, for a session of it that is open."""
        entries = []
        for layer_id in self._layers_of.get(job_id, ()):
            entry = self._entries[layer_id]
            if not entry.ready_count or entry.spent or offer.worker_id in entry.excluded:
                continue
            if self._unfit(entry.place.demand, offer) is None and (
                self._licence(entry.farm_id, entry.pools, offer) is None
            ):
                entries.append(entry)
        if not entries:
            return None
        return self._choice(min(entries, key=lambda entry: (entry.place.key, entry.layer_id)))

    def ready_tasks(self, layer_id: StepId) -> Iterator[int]:
        """Yield the indices of the layer's ready tasks, returned ones and lower ones first."""
        entry = self._entries[layer_id]
        yield from entry.returned
        if entry.rest_ready:
            for index in range(entry.next_index, entry.task_count):
                if index not in entry.ahead:
                    yield index

    def is_ahead(self, layer_id: StepId, index: int) -> bool:
        """True if the task at or beyond the cursor has been touched."""
        return index in self._entries[layer_id].ahead

    def pools_of(self, layer_id: StepId) -> tuple[PoolKey, ...]:
        """Return the licence pools a layer takes a seat of."""
        return self._entries[layer_id].pools

    def demand(self, layer_id: StepId) -> Demand:
        """Return what a layer demands of a worker."""
        return self._entries[layer_id].place.demand

    def waiting(self, queues: Iterable[QueueId]) -> tuple[str, int]:
        """Return ("ready", tasks), ("blocked", 0) or ("none", 0).

        Whether work waits in these queues, and whether it waits only because of a limit.
        """
        ready = 0
        blocked = False
        for queue_id in queues:
            blocked = blocked or bool(self._full.get(queue_id))
            for pools, lane in self._lanes.get(queue_id, {}).items():
                count = self._ready.get((queue_id, pools), 0)
                if not count:
                    continue
                tallies = self.tallies(lane.farm_id)
                if pools and tallies.taken_everywhere(pools):
                    blocked = True
                elif not tallies.quotas:
                    ready += count
                else:
                    free = self._within_quotas(lane)
                    ready += free
                    blocked = blocked or free < count
        if ready:
            return "ready", ready
        return ("blocked", 0) if blocked else ("none", 0)

    def most_urgent(self, farm_id: FarmId) -> int | None:
        """Return the highest priority among the layers of a farm that are offered; None: none."""
        return max(
            (
                entry.priority
                for entry in self._entries.values()
                if entry.offered and entry.is_open and entry.farm_id == farm_id
            ),
            default=None,
        )

    def room(self, farm_id: FarmId, limit: Hashable) -> int | None:
        """Return how much is left of something limited; None: it is not limited.

        Args:
            farm_id: the farm.
            limit: ("layer", id): ready tasks; ("job", id): sessions; (kind, name): threads of a
                project or user; ("seat", pool, region): licences.
        """
        tallies = self.tallies(farm_id)
        match limit:
            case ("layer", str(layer_id)):
                return self.ready_count(StepId(layer_id))
            case ("job", str(job_id)):
                return self._session_room.get(JobId(job_id))
            case ("seat", (str(app), str(plugin), str(version)), Region() as region):
                most, used = tallies.seats_of((app, plugin, version), region)
                return None if most is None else most - used
            case (ShareKind() as kind, str(name)):
                quota = tallies.quotas.get((kind, name))
                return None if quota is None else quota - tallies.threads.get((kind, name), 0)
            case _:
                raise ValueError(f"{limit!r} is nothing that is limited")

    # ── saying why ────────────────────────────────────────────────────────────────────────────────

    def ready_count(self, layer_id: StepId) -> int:
        """Return how many tasks of a layer are ready."""
        entry = self._entries.get(layer_id)
        return 0 if entry is None else entry.ready_count

    def held_back(self, layer_id: StepId, dropped: Collection[Block] = ()) -> Unmet | None:
        """Return the limit that keeps a ready layer from every worker; None: there is none.

        Args:
            layer_id: the layer.
            dropped: reasons that are not looked at, to see what would be.
        """
        entry = self._entries[layer_id]
        if not entry.open_to_sessions and Block.LIMIT not in dropped:
            return Unmet(Block.LIMIT, "the job has as many sessions as it may")
        if entry.spent and Block.BUDGET not in dropped:
            return Unmet(Block.BUDGET, f"the budget {entry.spent} is spent")
        if Block.QUOTA in dropped:
            return None
        return self._quota(entry.farm_id, entry.place.project, entry.place.user)

    def unfit(
        self, layer_id: StepId, offer: Offer, dropped: Collection[Block] = ()
    ) -> Unmet | None:
        """Return why a worker cannot take a layer; None: it can.

        Args:
            layer_id: the layer.
            offer: what the worker offers.
            dropped: reasons that are not looked at, to see what would be.
        """
        entry = self._entries[layer_id]
        demand = entry.place.demand
        for block in dropped:
            demand = demand_without(demand, block)
        found = self._unfit(demand, offer)
        if (
            offer.worker_id in entry.excluded
            and Block.EXCLUDED not in dropped
            and (found is None or found.block.position > Block.EXCLUDED.position)
        ):
            return Unmet(Block.EXCLUDED, "it is excluded from the job")
        if found is None and Block.LICENCE not in dropped:
            return self._licence(entry.farm_id, entry.pools, offer)
        return found

    def before(
        self, layer_id: StepId, queues: Iterable[QueueId], priority: int | None = None
    ) -> list[tuple[StepId, int]]:
        """Return the layers that stand before a layer in these queues, and their ready tasks.

        Args:
            layer_id: the layer.
            queues: where to look.
            priority: another priority than its job's, to see what would be.
        """
        entry = self._entries[layer_id]
        tallies = self.tallies(entry.farm_id)
        place = entry.place
        raised = 0 if priority is None else priority - entry.priority
        own: Order = (
            place.band - raised,
            tallies.level(ShareKind.PROJECT, place.project),
            place.project,
            tallies.level(ShareKind.USER, place.user),
            place.user,
            place.key,
        )
        return [
            (other, self._entries[other].ready_count)
            for queue_id in queues
            for lane in self._lanes.get(queue_id, {}).values()
            for order, other in lane.layers()
            if (order, other) < (own, layer_id) and other != layer_id
        ]

    def priority_to_be_first(self, layer_id: StepId, queues: Iterable[QueueId]) -> int | None:
        """Return the priority that puts a layer before all others; None: no priority does."""
        bands = [
            lane.bands[0]
            for queue_id in queues
            for lane in self._lanes.get(queue_id, {}).values()
            if lane.bands
        ]
        entry = self._entries[layer_id]
        if not bands:
            return entry.priority
        wanted = entry.priority + entry.place.band - min(bands) + 1
        return wanted if wanted <= MOST_URGENT else None

    def snapshot(self) -> dict[str, object]:
        """Return everything the index holds, in a form that compares equal to a rebuilt one."""
        return {
            "entries": {
                layer_id: (
                    entry.place,
                    entry.pools,
                    entry.next_index,
                    entry.rest_ready,
                    entry.rest_count,
                    entry.open_to_sessions,
                    entry.spent,
                    entry.excluded,
                    tuple(entry.returned),
                    tuple(sorted(i for i in entry.ahead if i >= entry.next_index)),
                )
                for layer_id, entry in sorted(self._entries.items())
            },
            "ready": {
                (queue, pools): (tuple(lane.layers()), self._ready.get((queue, pools), 0))
                for queue, lanes in sorted(self._lanes.items())
                for pools, lane in sorted(lanes.items())
                if lane.bands
            },
            "full": {
                queue: tuple(sorted(layers))
                for queue, layers in sorted(self._full.items())
                if layers
            },
            "tallies": {farm: tallies.snapshot() for farm, tallies in self._tallies.items()},
        }

    # ── inside ────────────────────────────────────────────────────────────────────────────────────

    def _first_of(
        self,
        lane: Lane,
        offer: Offer,
        best: tuple[Order, StepId] | None,
        reasons: set[str],
    ) -> tuple[tuple[Order, StepId] | None, tuple[Order, StepId] | None]:
        """Return the lane's first layer that the offer fits and likes, and one it only fits."""
        other: tuple[Order, StepId] | None = None
        for band, project_level, project, user_level, user, node in lane.walk():
            if best is not None and band > best[0][0]:
                break
            if self._quota(lane.farm_id, project, user, offer.payer) is not None:
                reasons.add("quota")
                continue
            liked, second = self._of_user(node, offer)
            before = (band, project_level, project, user_level, user)
            if other is None and second is not None:
                other = ((*before, second[0]), second[1])
            if liked is not None:
                return ((*before, liked[0]), liked[1]), other
            if second is None:
                reasons.add("not_capable")
        return None, other

    def _of_user(
        self, node: User, offer: Offer
    ) -> tuple[tuple[tuple[int, str, int], StepId] | None, ...]:
        liked = second = None
        for demand, bucket in node.buckets.items():
            if self._unfit(demand, offer) is not None:
                continue
            likes = self._likes(demand, offer)
            for one in bucket:
                if offer.worker_id in self._entries[one[1]].excluded:
                    continue
                if likes and (liked is None or one < liked):
                    liked = one
                elif not likes and (second is None or one < second):
                    second = one
                break
        return liked, second

    def _unfit(self, demand: Demand, offer: Offer) -> Unmet | None:
        """Return what keeps a worker from work with this demand, whoever's work it is."""
        pair = (offer.capability, demand)
        try:
            found = self._unmet[pair]
        except KeyError:
            if len(self._unmet) > 100_000:
                self._unmet.clear()
            found = self._unmet[pair] = first_unmet(offer.capability, demand.requirement)
        if found is not None:
            return found
        free = offer.free_memory_mib
        if free is not None and free < demand.memory_mib:
            return Unmet(
                Block.MEMORY, f"{free:g} MiB are left beside other work, {demand.memory_mib} needed"
            )
        if offer.free_gpus is not None and offer.free_gpus < demand.gpus:
            return Unmet(
                Block.GPU,
                f"{offer.free_gpus:g} GPUs are left beside other work, {demand.gpus} needed",
            )
        return None

    def _likes(self, demand: Demand, offer: Offer) -> bool:
        if not demand.requirement.prefers:
            return True
        pair = (offer.capability, demand)
        known = self._liked.get(pair)
        if known is None:
            if len(self._liked) > 100_000:
                self._liked.clear()
            known = self._liked[pair] = prefers(offer.capability, demand.requirement)
        return known

    def _licence(self, farm_id: FarmId, pools: tuple[PoolKey, ...], offer: Offer) -> Unmet | None:
        if offer.held:
            pools = tuple(key for key in pools if key not in offer.held)
        if not pools:
            return None
        tallies = self.tallies(farm_id)
        taken = tallies.taken(pools, offer.region)
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

    def _within_quotas(self, lane: Lane) -> int:
        return sum(
            self._entries[layer_id].ready_count
            for (_, _, project, _, user, _), layer_id in lane.layers()
            if self._quota(lane.farm_id, project, user) is None
        )

    def _choice(self, entry: Entry) -> Choice:
        return Choice(
            layer_id=entry.layer_id,
            job_id=entry.job_id,
            priority=entry.priority,
            ready_count=entry.ready_count,
        )

    def _counted(self, entry: Entry, was: int) -> None:
        """Follow a change of how many tasks are ready: most leave the layer where it stands."""
        ready = entry.ready_count
        if entry.offered and ready:
            if entry.is_open:
                self._ready[entry.queue_id, entry.pools] += ready - was
            return
        if entry.offered:
            self._withdraw(entry, was)
        elif ready:
            self._offer(entry, ready)

    def _offer(self, entry: Entry, ready: int) -> None:
        entry.offered = True
        if not entry.is_open:
            self._full.setdefault(entry.queue_id, set()).add(entry.layer_id)
            return
        lanes = self._lanes.setdefault(entry.queue_id, {})
        lane = lanes.get(entry.pools)
        if lane is None:
            lane = Lane(entry.queue_id, entry.pools, self.tallies(entry.farm_id))
            lanes[entry.pools] = lane
        lane.add(entry.place, entry.layer_id)
        name = (entry.queue_id, entry.pools)
        self._ready[name] = self._ready.get(name, 0) + ready

    def _withdraw(self, entry: Entry, ready: int | None = None) -> None:
        if not entry.offered:
            return
        entry.offered = False
        if not entry.is_open:
            self._full[entry.queue_id].discard(entry.layer_id)
            return
        self._lanes[entry.queue_id][entry.pools].remove(entry.place, entry.layer_id)
        count = entry.ready_count if ready is None else ready
        self._ready[entry.queue_id, entry.pools] -= count


def _place(job: Job, layer: Layer, band: int) -> Place:
    return Place(
        band=band,
        project=job.attributes.get("project", UNASSIGNED),
        user=job.created_by,
        demand=demand_of(layer.requirement, layer.reserve_mib),
        key=(job.created_at, job.job_id, layer.index),
    )
