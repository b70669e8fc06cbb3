"""The scheduling index: which layers have ready tasks, best first, and who may take them.

It is told of every change of a job, layer, task, session, share and licence pool, and equals the
index rebuilt from rows at any time. A layer's untouched tasks are not listed: they are a range,
`next_index` to `task_count`, less the few that were touched by hand.

The order: more urgent first (priority, and a point more for each hour a job has waited since it was
last served); then the project, then the user, that had least against what is due to it; then the
oldest job.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from grange.domain.licences import PoolKey, Region
from grange.domain.shares import ShareKind
from grange.domain.statuses import TaskRunStatus
from grange.kernel.ids import FarmId, JobId, QueueId, StepId, WorkerId
from grange.scheduling.blocks import Block, Unmet
from grange.scheduling.capability import Demand, Offer, demand_without
from grange.scheduling.entry import Choice, Entry, Nothing
from grange.scheduling.lane import Head, Lane, order_of
from grange.scheduling.table import LayerTable

MOST_URGENT = 100
"""The highest priority."""


class SchedulingIndex(LayerTable):
    """Ready layers, best first, and the limits of each farm."""

    # ── being asked ───────────────────────────────────────────────────────────────────────────────

    def best(self, queues: Iterable[QueueId], offer: Offer) -> Choice | Nothing:
        """Return the best layer with ready tasks in these queues that the offer fits.

        A layer that would rather have another worker is given only if there is nothing else.
        """
        if self._changes.shares:
            self._settle()
        names = tuple(queues)
        kind = self._kind(offer)
        reach = self._reach(names, offer.region)
        holds = bool(reach.parked and offer.held)
        asked = (kind, offer.held) if holds else kind
        known = reach.first.get(asked)
        if known is not None and self._is_for(known, offer):
            return _choice(known)
        lanes, parked = reach.lanes, reach.parked
        if holds:
            own = [lane for lane in parked if self._taken(lane.tallies, lane.pools, offer) is None]
            lanes, parked = [*lanes, *own], [lane for lane in parked if lane not in own]
        liked = second = None
        heads = []
        is_of_kind = True
        for lane in lanes:
            head = lane.heads.get(kind)
            tallies = lane.tallies
            if (
                head is None
                or head.rises != lane.rises
                or head.version != tallies.quota_version
                or lane.excluding
                or tallies.quotas
            ):
                head = self._head(lane, offer, kind)
                is_of_kind = is_of_kind and head is lane.heads[kind]
            heads.append(head)
            if head.liked:
                if liked is None or head.liked[0] < liked:
                    liked = head.liked[0]
            elif head.second and (second is None or head.second[0] < second):
                second = head.second[0]
        found = liked or second
        if found is not None:
            entry = self._entries[found[1]]
            if is_of_kind:
                reach.first[asked] = entry
            return _choice(entry)
        return self._nothing(names, heads, is_parked=bool(parked))

    def _nothing(
        self, names: Sequence[QueueId], heads: Sequence[Head], *, is_parked: bool
    ) -> Nothing:
        """Return why there is nothing in these queues, if so much comes first in their lanes."""
        if not names:
            return Nothing("no_queue")
        for reason, is_one in (
            ("not_capable", any(head.unfit for head in heads)),
            ("licence", is_parked),
            ("quota", any(head.over_quota for head in heads)),
            ("worker_limit", any(self._full.get(queue_id) for queue_id in names)),
        ):
            if is_one:
                return Nothing(reason)
        return Nothing("no_work")

    def _is_for(self, entry: Entry, offer: Offer) -> bool:
        """True if what comes first for offers of a kind comes first for this one, too."""
        if entry.lane is None or (entry.is_choosy and entry.shuns(offer.worker_id)):
            return False
        tallies = entry.lane.tallies
        return not (tallies.quotas and offer.payer and tallies.is_at_quota(*offer.payer))

    def is_outranked(
        self, queues: Iterable[QueueId], offer: Offer, priority: int, band: int
    ) -> bool:
        """True if more urgent work is ready in these queues, whether the offer fits it or not.

        Work that waits for a seat of a licence is left out, if the offer holds none for it.

        Args:
            queues: where to look.
            offer: of the thread that asks.
            priority: work of a higher one is more urgent.
            band: work of this band, or a more urgent one, has waited too long.
        """
        reach = self._reach(tuple(queues), offer.region)
        if reach.top > priority or reach.band <= band:
            return True
        return bool(reach.parked and offer.held) and any(
            (lane.top > priority or lane.bands[0] <= band)
            and self._taken(lane.tallies, lane.pools, offer) is None
            for lane in reach.parked
        )

    def best_of_job(self, job_id: JobId, offer: Offer) -> Choice | None:
        """Return the job's best layer with ready tasks, for a session of it that is open."""
        kind = self._kind(offer)
        for entry in self._of_job.get(job_id, ()):
            if not entry.ready or entry.spent:
                continue
            if (entry.excluded or entry.left) and entry.shuns(offer.worker_id):
                continue
            if kind not in entry.fits and not self._is_fit(
                entry.place.demand, offer, kind, entry.fits
            ):
                continue
            pools = entry.pools
            if pools and pools != offer.held:
                tallies = self._tallies[entry.layer.farm_id]
                if self._taken(tallies, pools, offer) is not None:
                    continue
            return _choice(entry)
        return None

    def first_ready(self, layer_id: StepId, worker_id: WorkerId) -> int | None:
        """Return the first ready task that a worker may have: a returned one, else the lowest."""
        entry = self._entries[layer_id]
        for index in entry.returned:
            if worker_id not in entry.left.get(index, ()):
                return index
        layer, ahead = entry.layer, entry.ahead
        if layer.rest_status is not TaskRunStatus.READY:
            return None
        index, end = layer.next_index, layer.task_count
        while index < end and index in ahead:
            index += 1
        return index if index < end else None

    def ready_tasks(self, layer_id: StepId) -> Iterator[int]:
        """Yield the indices of the layer's ready tasks, returned ones and lower ones first."""
        entry = self._entries[layer_id]
        yield from entry.returned
        if entry.is_rest_ready:
            for index in range(entry.layer.next_index, entry.layer.task_count):
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
                count = lane.ready
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
                lane.top
                for lanes in self._lanes.values()
                for lane in lanes.values()
                if lane.bands and lane.farm_id == farm_id
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
        return 0 if entry is None else entry.ready

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
        return self._quota(entry.layer.farm_id, entry.place.project, entry.place.user)

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
            entry.shuns(offer.worker_id)
            and Block.EXCLUDED not in dropped
            and (found is None or found.block.position > Block.EXCLUDED.position)
        ):
            if offer.worker_id in entry.excluded:
                return Unmet(Block.EXCLUDED, "the worker is excluded from the job")
            return Unmet(Block.EXCLUDED, "the worker failed at it, another one tries next")
        if found is None and Block.LICENCE not in dropped:
            return self._licence(entry.layer.farm_id, entry.pools, offer)
        return found

    def leaving(self, job_id: JobId) -> frozenset[WorkerId]:
        """Return the workers that leave a task of a job to others."""
        return frozenset(
            worker_id
            for entry in self._of_job.get(job_id, ())
            for workers in entry.left.values()
            for worker_id in workers
        )

    def before(
        self,
        layer_id: StepId,
        queues: Iterable[QueueId],
        priority: int | None = None,
        offers: Sequence[Offer] = (),
    ) -> list[tuple[StepId, int]]:
        """Return the layers that stand before a layer in these queues, and their ready tasks.

        Args:
            layer_id: the layer.
            queues: where to look.
            priority: another priority than its job's, to see what would be.
            offers: leave out what may not begin now on any of these; none: whatever stands before.
        """
        self._settle()
        entry = self._entries[layer_id]
        raised = 0 if priority is None else priority - entry.priority
        place = replace(entry.place, band=entry.place.band - raised)
        own = order_of(place, self.tallies(entry.layer.farm_id))
        return [
            (other, self._entries[other].ready)
            for queue_id in queues
            for lane in self._lanes.get(queue_id, {}).values()
            for order, other in lane.layers()
            if (order, other) < (own, layer_id)
            and other != layer_id
            and (not offers or self._may_begin(other, offers))
        ]

    def _may_begin(self, layer_id: StepId, offers: Sequence[Offer]) -> bool:
        """True if one of these offers would be given the layer, were it the first of all."""
        return self.held_back(layer_id) is None and any(
            self.unfit(layer_id, offer) is None for offer in offers
        )

    def priority_to_be_first(self, layer_id: StepId, before: Iterable[StepId]) -> int | None:
        """Return the priority that puts a layer before these others; None: no priority does."""
        entry = self._entries[layer_id]
        bands = [self._entries[other].place.band for other in before]
        if not bands:
            return entry.priority
        wanted = entry.priority + entry.place.band - min(bands) + 1
        return wanted if wanted <= MOST_URGENT else None

    def snapshot(self) -> dict[str, object]:
        """Return everything the index holds, in a form that compares equal to a rebuilt one."""
        self._settle()
        return {
            "entries": {
                layer_id: (
                    entry.place,
                    entry.pools,
                    entry.layer.next_index,
                    entry.is_rest_ready,
                    entry.ready,
                    entry.open_to_sessions,
                    entry.spent,
                    entry.excluded,
                    tuple(sorted(entry.left.items())),
                    tuple(entry.returned),
                    tuple(sorted(i for i in entry.ahead if i >= entry.layer.next_index)),
                )
                for layer_id, entry in sorted(self._entries.items())
            },
            "ready": {
                (queue, pools): (tuple(lane.layers()), lane.ready)
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

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _within_quotas(self, lane: Lane) -> int:
        return sum(
            self._entries[layer_id].ready
            for (_, _, project, _, user, _), layer_id in lane.layers()
            if self._quota(lane.farm_id, project, user) is None
        )


def _choice(entry: Entry) -> Choice:
    return Choice(entry.layer_id, entry.job_id, entry.priority, entry.ready, entry.place.band)
