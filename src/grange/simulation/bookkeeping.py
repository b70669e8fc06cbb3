"""The books' side of a simulated past: facts and batches of each hour, into the real ingest."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple, Protocol

from grange.domain.facts import Fact
from grange.domain.work import Worker
from grange.kernel.batches import batched
from grange.kernel.clock import VirtualClock
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.state import OutboxRow
from grange.services.books.drain import parts_of
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import Ingest
from grange.simulation.machines import Machine
from grange.simulation.rendered import Rendered, frame_columns
from grange.simulation.samples import Sampler, Stretch
from grange.simulation.server_room import server_samples

_AT_ONCE = 8
"""Agents whose batches share one sync."""
_ABOUT_ROW_BYTES = 600
_MOST_ATTEMPTS = 500
"""Whose frames are one batch."""


class HourOfAgent(NamedTuple):
    """What one machine's agent has to tell of an hour."""

    worker_id: str
    on: tuple[Span, ...]
    present: tuple[Span, ...]
    stretches: tuple[Stretch, ...]
    rendered: tuple[Rendered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Everything of one hour that belongs in the books."""

    farm_id: str
    end: Instant
    facts: Sequence[Fact]
    """Left by the state machines, in order."""
    joined: Sequence[tuple[Worker, Machine]]
    """Machines that were registered in it."""
    agents: Sequence[HourOfAgent]
    """Of machines that ran, or had somebody at them."""
    last: bool = False
    """The past ends here."""


class Keeper(Protocol):
    """Keeps the books of a simulated past."""

    async def keep(self, hour: Hour) -> None:
        """Take everything of an hour."""
        ...


@dataclass(slots=True)
class _Day:
    """What one agent has to send until the day is over."""

    on: list[Span] = field(default_factory=list)
    present: list[Span] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    rendered: list[Rendered] = field(default_factory=list)


class Bookkeeper:
    """Puts hours into the journal as the server and the agents would."""

    def __init__(
        self,
        *,
        clock: VirtualClock,
        commit: GroupCommit,
        ingest: Ingest,
        seed: int,
        start: Instant,
        samples: bool,
    ) -> None:
        """Keep books.

        Args:
            clock: their own clock, moved forward hour by hour.
            commit: the journal's.
            ingest: takes what agents send.
            seed: of the samples.
            start: when the past begins.
            samples: False: machines send no samples.
        """
        self._clock = clock
        self._commit = commit
        self._ingest = ingest
        self._seed = seed
        self._samples = samples
        self._until = start
        self._day_start = Instant(start - start % MILLIS_PER_HOUR)
        self._senders: dict[str, tuple[Worker, Machine]] = {}
        self._samplers: dict[str, Sampler] = {}
        self._days: dict[str, _Day] = {}
        self.sample_count = 0

    async def keep(self, hour: Hour) -> None:
        """Take the facts of an hour; what machines send follows when the day is over."""
        if hour.end > self._clock.now():
            self._clock.advance((hour.end - self._clock.now()) / 1000)
        parts = parts_of([OutboxRow(number, fact) for number, fact in enumerate(hour.facts)])
        self._senders.update((one[0].worker_id, one) for one in hour.joined)
        rows = server_samples(hour.farm_id, self._until, hour.end, len(self._senders))
        self._until = hour.end
        parts.append((hour.farm_id, "server_samples", rows))
        await self._commit.keep(parts, _ABOUT_ROW_BYTES * len(hour.facts))
        for agent in hour.agents:
            day = self._days.setdefault(agent.worker_id, _Day())
            day.on.extend(agent.on)
            day.present.extend(agent.present)
            day.stretches.extend(agent.stretches)
            day.rendered.extend(agent.rendered)

    async def end_day(self, end: Instant) -> None:
        """Send the day's frame records, and its samples: a batch for each machine and hour."""
        # In the order of files, so that sealing finds them sorted.
        days, self._days = sorted(self._days.items(), key=itemgetter(0)), {}
        whole = Span(self._day_start, end)
        self._day_start = end
        if not whole.millis:
            return
        for first in range(0, len(days), _AT_ONCE):
            await asyncio.gather(
                *(self._send(*of_agent, whole) for of_agent in days[first : first + _AT_ONCE])
            )

    async def _send(self, worker_id: str, day: _Day, whole: Span) -> None:
        worker, machine = self._senders[worker_id]
        offset = -machine.skew_ms
        frames = (
            {"frames": frame_columns(some, machine)}
            for some in batched(day.rendered, _MOST_ATTEMPTS)
        )
        await self._ingest.ingest_columns(worker, offset, frames)
        if not self._samples:
            return
        sampler = self._samplers.get(machine.name)
        if sampler is None:
            sampler = self._samplers[machine.name] = Sampler(machine, self._seed)
        on, present = _longest(day.on), _longest(day.present)
        batches = sampler.batches(whole, on, present, day.stretches)
        count = await self._ingest.ingest_columns(
            worker, offset, (batch.tables for batch in batches)
        )
        self.sample_count += count


def _longest(spans: Sequence[Span]) -> list[Span]:
    """Return spans without the beginnings of others: one that goes on is told of at every hour."""
    return list({span.start: span for span in spans}.values())
