"""What licence servers outside the farm say, counted beside the farm's own uses.

The commands run beside the owner loop, on a schedule; the loop is told what came of each. A server
that does not answer frees nothing: what it said last holds, and as long as it has never answered no
session begins that needs a seat of it. That it fails is shown with the licences, and is an event.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.licence_servers import Answer, LicenceServer, read_answer, seats_for_us
from grange.domain.licences import LicenceCount, LicencePool, PoolKey
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.ports.licence_servers import LicenceCommands, LicenceServers
from grange.services.draft import Draft
from grange.services.owner import Needs, Owner

STEP_SECONDS = 1.0
_log = logging.getLogger(__name__)
_Key = tuple[FarmId, LicenceServer]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellLicences:
    """Take in what a licence server said, or that it did not answer. Returns the LicenceCount."""

    farm_id: FarmId
    server: LicenceServer
    ours: int = 0
    """Seats that sessions of the farm held when it was asked."""
    answer: Answer | None = None
    problem: str = ""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> LicenceCount:
        """Put what holds now, and leave an event when it begins or ceases to fail."""
        key = (self.farm_id, *self.server.pool, self.server.region.value)
        known = draft.find(LicenceCount, *key)
        before = known or _unasked(self.farm_id, self.server)
        after = self._after(draft, before)
        if known is None or after != known:
            draft.put(after)
        if (after.seats, after.others) != (before.seats, before.others) or known is None:
            draft.touch_queues(self.farm_id)
        if bool(after.failing_since_at) != bool(before.failing_since_at):
            draft.event(
                "licence",
                "/".join(self.server.pool).rstrip("/"),
                "licence_server",
                self.farm_id,
                old="failing" if before.failing_since_at else "answers",
                new="failing" if after.failing_since_at else "answers",
                number=after.seats,
                detail=msgspec.json.encode({"problem": after.problem}).decode(),
            )
        return after

    def _after(self, draft: Draft, before: LicenceCount) -> LicenceCount:
        pool = draft.find(LicencePool, self.farm_id, *self.server.pool)
        problem = self.problem
        if pool is None:
            problem = "there is no such licence pool: grange licence set makes one"
        elif self.answer is not None:
            tallies = draft.memory.index.tallies(self.farm_id)
            held = tallies.seats.get((self.server.pool, self.server.region), 0)
            counted = pool.for_region(self.server.region).limit
            seats, others = seats_for_us(self.answer, min(self.ours, held), counted)
            if seats is None:
                problem = "`others` needs `total` beside it, or a counted licence pool"
            else:
                return replace(
                    before,
                    seats=seats,
                    others=others,
                    answered_at=draft.now,
                    failing_since_at=None,
                    problem="",
                )
        since = before.failing_since_at or draft.now
        return replace(before, failing_since_at=since, problem=problem[:500])


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetLicenceServers:
    """Forget what servers said that are asked no longer. Returns how many."""

    kept: frozenset[tuple[FarmId, PoolKey, str]]
    """(farm, pool, region) of those that are asked."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Delete their rows: the farm's own count alone holds then."""
        gone = [
            one
            for one in draft.all(LicenceCount)
            if (one.farm_id, one.pool, one.region) not in self.kept
        ]
        for one in gone:
            draft.delete(LicenceCount, one.farm_id, *one.pool, one.region)
            draft.touch_queues(one.farm_id)
            draft.event(
                "licence",
                "/".join(one.pool).rstrip("/"),
                "licence_server",
                one.farm_id,
                old=str(one.seats),
                new="not asked",
            )
        return len(gone)


def _unasked(farm_id: FarmId, server: LicenceServer) -> LicenceCount:
    return LicenceCount(
        farm_id=farm_id,
        app=server.app,
        plugin=server.plugin,
        version=server.version,
        region=server.region.value,
        problem="it has not answered yet",
    )


@dataclass(slots=True)
class LicenceWatch:
    """Asks the licence servers when they are due."""

    owner: Owner
    clock: Clock
    servers: LicenceServers
    commands: LicenceCommands
    _due_at: dict[_Key, Instant] = field(default_factory=dict)
    _asking: dict[_Key, "asyncio.Task[None]"] = field(default_factory=dict)

    async def run(self) -> None:
        """Ask for ever; cancel to stop."""
        try:
            while True:
                await self.step()
                await self.clock.sleep(STEP_SECONDS)
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def step(self) -> None:
        """Begin to ask whom it is time to ask; nobody is asked twice at a time."""
        try:
            wanted = self._wanted(await asyncio.to_thread(self.servers.servers))
            await self._follow(wanted)
        except GrangeError as error:
            _log.warning(
                "Licence servers were not looked at.",
                exc_info=error,
                extra={"action": "licence_watch_failed"},
            )
            return
        now = self.clock.now()
        for key in wanted:
            if key not in self._asking and now >= self._due_at.get(key, now):
                self._due_at[key] = Instant(now + round(key[1].every_seconds * 1000))
                task = asyncio.create_task(self._ask(*key), name="licence-server")
                self._asking[key] = task
                task.add_done_callback(partial(self._asked, key))

    async def settled(self) -> None:
        """Wait until nobody is being asked."""
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _wanted(self, servers: tuple[LicenceServer, ...]) -> list[_Key]:
        farms: Mapping[tuple[str | int, ...], Farm] = self.owner.memory.tables[Farm]
        return [
            (farm.farm_id, server)
            for server in servers
            for farm in farms.values()
            if not farm.simulated and server.farm in (None, farm.name, farm.farm_id)
        ]

    def _asked(self, key: _Key, _: "asyncio.Task[None]") -> None:
        self._asking.pop(key, None)

    async def _follow(self, wanted: list[_Key]) -> None:
        """Have a row for each server that is asked, and none for any other."""
        rows = {
            (one.farm_id, one.pool, one.region)
            for one in self.owner.memory.tables[LicenceCount].values()
        }
        kept = {(farm_id, one.pool, one.region.value) for farm_id, one in wanted}
        if rows - kept:
            await self.owner.ask(ForgetLicenceServers(kept=frozenset(kept)))
        for farm_id, server in wanted:
            if (farm_id, server.pool, server.region.value) not in rows:
                problem = "it has not answered yet"
                await self.owner.ask(TellLicences(farm_id=farm_id, server=server, problem=problem))

    async def _ask(self, farm_id: FarmId, server: LicenceServer) -> None:
        tallies = self.owner.memory.index.tallies(farm_id)
        ours = tallies.seats.get((server.pool, server.region), 0)
        answer, problem = None, ""
        try:
            said = await self.commands.run(server.command, server.timeout_seconds)
            if said.exit_code is None:
                problem = f"it took longer than {server.timeout_seconds:g} s"
            elif said.exit_code:
                tail = (said.err or said.out).strip().splitlines()[-1:]
                problem = f"it ended with code {said.exit_code}: {' '.join(tail)}"
            else:
                answer = read_answer(said.out.strip())
        except ValueError as error:
            problem = str(error)
        if problem:
            _log.warning(
                "A licence server does not answer: what it said last holds.",
                extra={"action": "licence_server_failed", "app": server.app, "reason": problem},
            )
        try:
            await self.owner.ask(
                TellLicences(
                    farm_id=farm_id, server=server, ours=ours, answer=answer, problem=problem
                )
            )
        except GrangeError as error:
            _log.warning(
                "What a licence server said was not taken in; it is asked again.",
                exc_info=error,
                extra={"action": "licence_watch_failed"},
            )
