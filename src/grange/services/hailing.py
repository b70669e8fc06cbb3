"""Hailing workers that were not heard of, by two of their neighbours.

A worker whose heartbeat is overdue may be dead, or the server cannot reach it. The server asks two
workers of the same fleet to hail it and books what they met. See `grange.domain.hails`.
"""

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from grange.domain.hails import (
    NONCE_BYTES,
    Hail,
    Outcome,
    Verdict,
    Witness,
    ask_line,
    is_answer,
    judge,
    surely_gone,
)
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, NotFoundError
from grange.kernel.ids import FleetId, WorkerId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs, Owner
from grange.services.reports import silence
from grange.services.silence import found_out, was_found_out
from grange.services.wake import HailOrder, Wakes

NEIGHBOURS = 2
ANSWER_SECONDS = 6.0
"""How long neighbours may take to tell what they met."""
AGAIN_MS = 15_000
"""When a worker is hailed again of which no neighbour told anything: all were busy, or away."""
MOST_ADDRESSES = 8
_CALLING = (WorkerStatus.STARTED, WorkerStatus.STOPPING)
_Near = Mapping[FleetId, Sequence[Worker]]
"""Fleet → its workers that can be asked, by registration."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookHail:
    """Keep what neighbours met. Returns whether it holds still."""

    worker_id: WorkerId
    hail: Hail
    overdue: bool
    """Only then is it a finding; else it merely verifies what the worker claims."""

    def needs(self) -> Needs:
        """Everything it decides on is in memory."""
        return Needs()

    def decide(self, draft: Draft) -> bool:
        """Keep it; one that is surely gone loses its leases.

        What neighbours tell after the worker spoke again is of the past: the books keep it, the
        worker does not.
        """
        worker = draft.find(Worker, self.worker_id)
        if worker is None or worker.deleted_at is not None:
            return False
        if self.hail.verdict is Verdict.UNREACHABLE:
            draft.memory.unverified.discard(worker.worker_id)
        if not self.overdue or worker.status not in _CALLING:
            return False
        if draft.memory.last_seen.get(worker.worker_id) != self.hail.seen_at:
            was_found_out(draft, worker, self.hail)
            return False
        worker = found_out(draft, worker, self.hail)
        if surely_gone(self.hail):
            silence(draft, worker, self.hail.seen_at, "worker_silent")
        return True


@dataclass(slots=True)
class _Round:
    """One worker being hailed."""

    worker_id: WorkerId
    key: bytes
    nonce: str
    asked: frozenset[WorkerId]
    met: dict[WorkerId, Outcome] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Hailed:
    """That a worker was hailed in a silence."""

    seen: Instant
    """When it was last heard."""
    again_at: Instant | None = None
    """None: once was enough."""


class Hails:
    """Has silent workers hailed.

    Args:
        owner: decides, and knows when workers were last heard.
        wakes: reaches neighbours.
        key_of: the key of a fleet.
        clock: the server's clock.
        randomness: makes nonces.
        overdue_ms: how long after its last word a worker is hailed.
    """

    def __init__(
        self,
        *,
        owner: Owner,
        wakes: Wakes,
        key_of: Callable[[FleetId], bytes],
        clock: Clock,
        randomness: Callable[[int], bytes],
        overdue_ms: int,
    ) -> None:
        self._owner = owner
        self._wakes = wakes
        self._key_of = key_of
        self._clock = clock
        self._randomness = randomness
        self._overdue_ms = overdue_ms
        self._rounds: dict[str, _Round] = {}
        self._hailed: dict[WorkerId, _Hailed] = {}
        self._tasks: set[asyncio.Task[Hail]] = set()
        self._looked_at: set[WorkerId] = set()
        """Workers whose claims of before the server began were looked at."""

    def step(self) -> None:
        """Have every worker hailed that is overdue, until neighbours told something of it."""
        silent = [
            worker
            for worker in self._owner.memory.tables[Worker].values()
            if worker.status in _CALLING
            and self._is_overdue(seen := self._seen(worker))
            and addresses_of(worker)
            and self._is_due(worker.worker_id, seen)
        ]
        near = self._near() if silent else {}
        for worker in silent:
            self._begin(worker, near)

    def opened(self) -> None:
        """Somebody looks at the farm: what workers claimed before the server began is verified.

        Each of them is hailed once, as soon as it has a neighbour that can be asked.
        """
        unverified = self._owner.memory.unverified - self._looked_at
        near = self._near() if unverified else {}
        for worker_id in unverified:
            worker = self._owner.memory.tables[Worker].get((worker_id,))
            if worker is not None and addresses_of(worker) and _neighbours(worker, near):
                self._looked_at.add(worker_id)
                self._begin(worker, near)

    async def hail(self, worker_id: WorkerId) -> Hail:
        """Have a worker hailed now; return what its neighbours met.

        Raises:
            NotFoundError: there is no such worker.
        """
        worker = self._owner.memory.tables[Worker].get((worker_id,))
        if worker is None or worker.deleted_at is not None:
            raise NotFoundError("worker", worker_id)
        return await self._round(worker, self._near())

    def told(self, neighbour: WorkerId, hail_id: str, outcome: Outcome, line: str) -> None:
        """Take in what a neighbour met; a forged answer is none, a late one changes nothing."""
        one = self._rounds.get(hail_id)
        if one is None or neighbour not in one.asked:
            return
        if outcome is Outcome.ANSWERED and not is_answer(one.key, one.worker_id, one.nonce, line):
            outcome = Outcome.UNREACHED  # somebody else lives at that address now
        one.met[neighbour] = outcome
        if len(one.met) == len(one.asked):
            one.complete.set()

    async def stop(self) -> None:
        """Hail no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, worker: Worker, near: _Near) -> None:
        task = asyncio.create_task(self._round(worker, near), name=f"hail-{worker.worker_id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Hail]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("A hail failed.", exc_info=error, extra={"action": "hail_failed"})

    async def _round(self, worker: Worker, near: _Near) -> Hail:
        seen = self._seen(worker)
        overdue = self._is_overdue(seen)
        before = self._hailed.get(worker.worker_id)
        if overdue and seen is not None:
            self._hailed[worker.worker_id] = _Hailed(seen)
        key, nonce = self._key_of(worker.fleet_id), self._randomness(NONCE_BYTES).hex()
        order = HailOrder(
            hail_id=nonce,
            worker_id=worker.worker_id,
            addresses=addresses_of(worker),
            line=ask_line(key, worker.worker_id, nonce),
        )
        asked = [
            one.worker_id
            for one in _neighbours(worker, near)
            if order.addresses and self._wakes.hail(one.worker_id, order)
        ]
        found = _Round(worker.worker_id, key, nonce, frozenset(asked))
        self._rounds[nonce] = found
        try:
            if asked:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await found.complete.wait()
        finally:
            del self._rounds[nonce]
        hail = Hail(
            verdict=judge(found.met.values()),
            seen_at=seen if seen is not None else worker.created_at,
            told_at=self._clock.now(),
            witnesses=tuple(
                Witness(worker_id=name, outcome=outcome) for name, outcome in found.met.items()
            ),
        )
        if hail.verdict is Verdict.UNASKED and overdue and seen is not None:
            again_at = Instant(hail.told_at + AGAIN_MS)
            self._hailed[worker.worker_id] = _Hailed(seen, again_at)
            if before is not None and before.seen == seen:
                return hail  # that nobody knows is said once
        try:
            await self._owner.ask(BookHail(worker_id=worker.worker_id, hail=hail, overdue=overdue))
        except GrangeError as error:
            _log.warning("A hail was not booked.", exc_info=error, extra={"action": "hail_lost"})
        return hail

    def _near(self) -> _Near:
        """Return the workers that are heard and can be asked, for any number of hails."""
        found: dict[FleetId, list[Worker]] = {}
        for one in self._owner.memory.tables[Worker].values():
            if (
                one.status in _CALLING
                and self._wakes.follows(one.worker_id)
                and not self._is_overdue(self._seen(one))
            ):
                found.setdefault(one.fleet_id, []).append(one)
        for fleet in found.values():
            fleet.sort(key=_by_registration)
        return found

    def _seen(self, worker: Worker) -> Instant | None:
        return self._owner.memory.last_seen.get(worker.worker_id)

    def _is_due(self, worker_id: WorkerId, seen: Instant | None) -> bool:
        """Whether a silence was not looked into yet, or in vain a while ago."""
        last = self._hailed.get(worker_id)
        if last is None or last.seen != seen:
            return True
        return last.again_at is not None and self._clock.now() >= last.again_at

    def _is_overdue(self, seen: Instant | None) -> bool:
        return seen is not None and self._clock.now() - seen > self._overdue_ms


def _neighbours(worker: Worker, near: _Near) -> list[Worker]:
    """Return workers of the same fleet that are heard: the next ones by registration."""
    fleet = near.get(worker.fleet_id, ())
    after = bisect_right(fleet, worker.global_index, key=_by_registration)
    following = (*fleet[after : after + NEIGHBOURS], *fleet[: min(after, NEIGHBOURS)])
    return [one for one in following if one.worker_id != worker.worker_id][:NEIGHBOURS]


def _by_registration(worker: Worker) -> int:
    return worker.global_index


def addresses_of(worker: Worker) -> tuple[str, ...]:
    """Return where a worker can be hailed: addresses only, never names."""
    told = (worker.hail_addresses or "").split(",")
    return tuple(one for one in told[:MOST_ADDRESSES] if _is_address(one))


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return port.isascii() and port.isdigit() and 0 < int(port) < 65536
