"""Why each waiting job waits, for lists of many: known for all, without asking for each.

The answer is that of `why`: the same reasons, in the same order, in the same words. Layers that
want the same of workers get the same answer from them, so workers are looked at once for each kind
of layer. What `why` says of a single layer's rank, and of seconds that pass, is left out here.

Jobs are looked at a few at a time, so that work which comes in between is decided first; and at a
pace that leaves the owner alone for nearly all of the time, the more so while nobody asks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from grange.domain.work import Job, Layer, Worker
from grange.kernel.batches import batched
from grange.kernel.clock import Clock
from grange.kernel.ids import FarmId, JobId
from grange.scheduling.blocks import Unmet
from grange.services.draft import Draft
from grange.services.owner import Command, Needs
from grange.services.why import WAITING, Question, workers_alike

_log = logging.getLogger(__name__)

AT_A_TIME = 250
"""Jobs one command looks at."""
PAUSE = 50
"""After a round, so many times its length pass before the next."""
SHORTEST_PAUSE_SECONDS = 1.0
PAUSE_UNASKED = 500
"""The same while nobody asks, so that the next one who does finds something."""
SHORTEST_PAUSE_UNASKED_SECONDS = 15.0
ASKED_SECONDS = 60.0
"""Somebody asks while pages are open, and for so long after a question."""
LONGEST_WAIT_SECONDS = 0.25
"""Who asks gets what was found before, if a round takes longer."""
NOTED_AT_A_TIME = 2000
"""Jobs whose reasons are compared with those before, before anything else gets its turn."""
MOST_TOLD = 500
"""Jobs told to open pages in one second because their reason is another."""


Ask = Callable[[Command], Awaitable[Any]]
"""Has a command decided by the owner, and returns its answer."""


Found = tuple[FarmId, Unmet | None]


@dataclass(slots=True)
class Seen:
    """What one round has found out about workers already."""

    alike: dict[tuple[object, ...], list[tuple[Worker, ...]]] = field(default_factory=dict)
    """By farm, excluded workers and those that leave tasks to others."""
    reasons: dict[tuple[object, ...], Unmet | None] = field(default_factory=dict)


@dataclass(slots=True)
class Reasons:
    """What a command has found."""

    of: dict[str, Found] = field(default_factory=dict)
    """Job → its farm, and the reason of its first layer that waits (None: nothing keeps it)."""
    to_look_up: set[JobId] = field(default_factory=set)
    """Jobs that were waited for, and are not in memory."""
    again: list[JobId] = field(default_factory=list)
    """Those that wait for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJobs:
    """Ask which jobs have not ended. Returns their ids; changes nothing."""

    def needs(self) -> Needs:
        """Nothing that is not in memory."""
        return Needs()

    def decide(self, draft: Draft) -> list[JobId]:
        """Return the ids of the jobs in memory."""
        return [JobId(str(key[0])) for key in draft.memory.tables[Job]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskReasons:
    """Ask why some jobs wait. Returns Reasons; changes nothing."""

    job_ids: tuple[JobId, ...]
    seen: Seen
    others: tuple[JobId, ...] = ()
    """Jobs that those wait for; they are looked up even if they have ended."""

    def needs(self) -> Needs:
        """The jobs that are waited for, also if they have ended."""
        return Needs(jobs=self.others)

    def decide(self, draft: Draft) -> Reasons:
        """Look at the first waiting layer of each job."""
        found = Reasons()
        jobs = draft.memory.tables[Job]
        for job_id in self.job_ids:
            job = jobs.get((job_id,))
            if job is None or job.ended_at is not None:
                continue
            layer = _first_waiting(draft, job)
            if layer is None:
                continue
            if layer.job_waits and not self.others:
                absent = {one for one in job.waits_for or () if (one,) not in jobs}
                if absent:
                    found.to_look_up |= absent
                    found.again.append(job_id)
                    continue
            found.of[job_id] = (job.farm_id, self._reason(draft, job, layer))
        return found

    def _reason(self, draft: Draft, job: Job, layer: Layer) -> Unmet | None:
        held = Question(draft, job, layer, alike=[]).held()
        if held is not None:
            return Unmet(held.block, held.text.rpartition("; it goes on in ")[0] or held.text)
        excluded = tuple(sorted(job.excluded_workers or ()))
        index, layer_id = draft.memory.index, layer.layer_id
        leaving = tuple(sorted(index.leaving(job.job_id)))
        alone = layer_id if leaving else None
        key = (excluded, layer.queue_id, index.demand(layer_id), index.pools_of(layer_id), alone)
        try:
            return self.seen.reasons[key]
        except KeyError:
            alike = self.seen.alike.get((job.farm_id, excluded, leaving))
            if alike is None:
                alike = workers_alike(draft, job)
                self.seen.alike[job.farm_id, excluded, leaving] = alike
            question = Question(draft, job, layer, alike=alike)
            reason = question.first_of(question.verdicts())
            self.seen.reasons[key] = reason
            return reason


def _first_waiting(draft: Draft, job: Job) -> Layer | None:
    """Return the layer whose reason `why` gives for the job."""
    first = None
    for layer_id in job.layer_ids:
        layer = draft.find(Layer, layer_id)
        if layer is None or not any(layer.counts.get(status, 0) for status in WAITING):
            continue
        if draft.memory.index.ready_count(layer_id):
            return layer
        first = first or layer
    return first


class Waiting:
    """Knows why jobs wait."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        """Know nothing yet.

        Args:
            ask: has a command decided.
            clock: the server's clock.
        """
        self._ask = ask
        self._clock = clock
        self._of: dict[str, Found] = {}
        self._asked_at: float | None = None
        self._ended_at: float | None = None
        self._took = 0.0
        self._round: asyncio.Task[None] | None = None
        self._untold: dict[str, str] = {}
        self.changed: Callable[[str, str], None] = _nobody
        """Called with the farm and id of a job whose reason is another than before."""
        self.tell: Callable[[str, str], None] = _nobody
        """Called with a farm and a job, so that pages hear of it; cheap while none is open."""
        self.watched: Callable[[], bool] = bool
        """True while pages are open, which are told."""

    def of(self, job_id: str) -> Unmet | None:
        """Return why a job waits, as it was found last; None: nothing keeps it, as far as known."""
        found = self._of.get(job_id)
        return None if found is None else found[1]

    async def look(self) -> None:
        """See to it that reasons are as fresh as the pace allows; wait for it a short while."""
        self._asked_at = self._clock.monotonic_seconds()
        if self._is_due(PAUSE, SHORTEST_PAUSE_SECONDS):
            self._begin()
        if self._round is None or self._round.done():
            return
        waited = asyncio.ensure_future(self._clock.sleep(LONGEST_WAIT_SECONDS))
        try:
            await asyncio.wait({self._round, waited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()

    async def run(self) -> None:
        """Look again and again, and tell pages what has changed; cancel to stop."""
        try:
            while True:
                await self._clock.sleep(SHORTEST_PAUSE_SECONDS)
                if self._is_asked():
                    due = self._is_due(PAUSE, SHORTEST_PAUSE_SECONDS)
                else:
                    due = self._is_due(PAUSE_UNASKED, SHORTEST_PAUSE_UNASKED_SECONDS)
                if due:
                    await self._begin()
                for job_id in list(self._untold)[:MOST_TOLD]:
                    self.tell(self._untold.pop(job_id), job_id)
        finally:
            if self._round is not None:
                self._round.cancel()

    def _is_asked(self) -> bool:
        if self.watched():
            return True
        asked, now = self._asked_at, self._clock.monotonic_seconds()
        return asked is not None and now - asked <= ASKED_SECONDS

    def _is_due(self, pause: int, shortest_seconds: float) -> bool:
        if self._round is not None and not self._round.done():
            return False
        if self._ended_at is None:
            return True
        waited = self._clock.monotonic_seconds() - self._ended_at
        return waited >= max(shortest_seconds, pause * self._took)

    def _begin(self) -> "asyncio.Task[None]":
        self._round = asyncio.create_task(self._look(), name="why-jobs-wait")
        return self._round

    async def _look(self) -> None:
        began = self._clock.monotonic_seconds()
        try:
            found = await self._found()
        except Exception:  # noqa: BLE001 - the next round may do
            _log.exception("Nobody knows why jobs wait.", extra={"action": "why_failed"})
            found = self._of
        self._ended_at = self._clock.monotonic_seconds()
        self._took = self._ended_at - began
        before, self._of = self._of, found
        for some in batched(list({**before, **found}.items()), NOTED_AT_A_TIME):
            for job_id, one in some:
                if before.get(job_id) != found.get(job_id):
                    self.changed(one[0], job_id)
                    self._note(one[0], job_id)
            await asyncio.sleep(0)  # noqa: TID251 - a turn for the others, not a time

    def _note(self, farm_id: str, job_id: str) -> None:
        """Have open pages told in time; where there is none, the word costs nothing at once."""
        if self.watched():
            self._untold[job_id] = farm_id
        else:
            self.tell(farm_id, job_id)

    async def _found(self) -> dict[str, Found]:
        seen = Seen()
        of: dict[str, Found] = {}
        job_ids: list[JobId] = await self._ask(ListJobs())
        for some in batched(job_ids, AT_A_TIME):
            found: Reasons = await self._ask(AskReasons(job_ids=some, seen=seen))
            of.update(found.of)
            if found.again:
                others = tuple(sorted(found.to_look_up))
                more: Reasons = await self._ask(
                    AskReasons(job_ids=tuple(found.again), seen=seen, others=others)
                )
                of.update(more.of)
        return of


def _nobody(*_: object) -> None:
    """Hear of what changed, while nobody else does."""
