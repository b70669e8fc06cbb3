"""What the server does by the clock: silent workers, old session logs, used-up client tokens."""

import asyncio
import logging

from grange.domain.farm import ClientToken, Farm
from grange.domain.work import SessionAction
from grange.kernel.errors import GrangeError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.ports.state import AllOf, Compare
from grange.server.context import Context
from grange.services.commands.memberships import ForgetSignIns
from grange.services.commands.people import ForgetTokens
from grange.services.faults import Readmit, ReleaseHolds
from grange.services.power import TendPower
from grange.services.preempting import MakeRoom
from grange.services.reads.rows import equals
from grange.services.reports import FindSilentWorkers

STEP_SECONDS = 5.0
POWER_MS = 15_000
"""How often the power policies are looked at."""
TOKEN_MS = MILLIS_PER_DAY
LOG_IDLE_MS = MILLIS_PER_HOUR
LOOK_MS = 60_000
"""How often the inbox is looked into when nobody does: it knows since when all is clear."""
_MOST_TOKENS = 1000

_log = logging.getLogger(__name__)


class Upkeep:
    """A loop that waits, looks at the clock and acts."""

    def __init__(
        self,
        context: Context,
        *,
        log_days_succeeded: int,
        log_days_failed: int,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        self._context = context
        self._step_seconds = step_seconds
        self._succeeded_ms = log_days_succeeded * MILLIS_PER_DAY
        self._failed_ms = log_days_failed * MILLIS_PER_DAY
        self._swept_at = self._looked_at = context.clock.now()
        self._tended_at: Instant | None = None

    async def run(self) -> None:
        """Act for ever; cancel to stop."""
        while True:
            await self._context.clock.sleep(self._step_seconds)
            try:
                await self.step(self._context.clock.now())
            except GrangeError as error:
                _log.warning(
                    "Upkeep was put off.", exc_info=error, extra={"action": "upkeep_failed"}
                )
            except Exception:  # noqa: BLE001 - a loop that ends is worse than one that fails
                _log.exception("Upkeep failed.", extra={"action": "upkeep_failed"})

    async def step(self, now: Instant) -> None:
        """Do what is due."""
        await asyncio.to_thread(self._context.room.keep_reserve)
        self._context.hails.step()
        await self._context.owner.ask(FindSilentWorkers())
        await self._context.owner.ask(ReleaseHolds())
        await self._context.owner.ask(Readmit())
        await self._context.owner.ask(MakeRoom())
        if now - self._looked_at >= LOOK_MS:
            self._looked_at = now
            await self.look()
        if self._tended_at is None or now - self._tended_at >= POWER_MS:
            self._tended_at = now
            await self._tend_power()
        if now - self._swept_at >= MILLIS_PER_HOUR:
            self._swept_at = now
            await self.sweep(now)

    async def look(self) -> None:
        """Look into the inbox of every farm that is real."""
        for farm in await self._context.store.find(Farm):
            if not farm.simulated:
                await self._context.inbox.look(farm.farm_id)

    async def _tend_power(self) -> None:
        """Do what the power policies want, and wake machines."""
        for packet in await self._context.owner.ask(TendPower()):
            await asyncio.to_thread(
                self._context.magic.send,
                packet.mac_addresses,
                host=packet.address,
                port=packet.port,
            )

    async def sweep(self, now: Instant) -> None:
        """Forget old tokens; compress idle logs and delete old ones."""
        context = self._context
        old = await context.store.find(
            ClientToken, Compare("created_at", "<", now - TOKEN_MS), limit=_MOST_TOKENS
        )
        if old:
            keys = tuple((token.caller, token.operation, token.token) for token in old)
            await context.owner.ask(ForgetTokens(keys=keys, before=Instant(now - TOKEN_MS)))
        await context.owner.ask(ForgetSignIns(before=now))
        await context.logs.compress_idle(Instant(now - LOG_IDLE_MS))
        async for stream, written_at in context.logs.streams():
            if now - written_at > self._succeeded_ms:
                failed = stream.startswith("session-") and await self._failed(stream)
                if now - written_at > (self._failed_ms if failed else self._succeeded_ms):
                    await context.logs.delete(stream)

    async def _failed(self, session_id: str) -> bool:
        where = AllOf((equals(session_id=session_id), Compare("status", "=", "FAILED")))
        return await self._context.store.count(SessionAction, where) > 0
