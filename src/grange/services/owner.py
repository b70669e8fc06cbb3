"""The owner loop: the only place where the farm changes.

Commands are decided one after the other on the farm in memory; what they write joins one batch;
the batch is one transaction; only then are they answered, in order. Effects are performed after
the commit.

While one batch is committed the next one is decided, on memory that is ahead of the rows. If the
commit fails, what was decided meanwhile is void too: memory is loaded again, and both are refused.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec import Struct

from grange.domain.effects import Effect, WakeFleet
from grange.domain.farm import ClientToken, Fleet, QueueFleetAssociation
from grange.domain.work import Job, Task, Worker
from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError, GrangeError, StorageFullError, ThrottledError
from grange.kernel.ids import FleetId, JobId, QueueId, WorkerId
from grange.ports.room import Room
from grange.ports.state import Batch, Compare, Key, StateStore, key_of
from grange.services.audit import ACTING, Act, note
from grange.services.draft import (
    Context,
    Draft,
    Memory,
    batch_of,
    settled_jobs,
    settled_rows,
)
from grange.services.hooks import notice
from grange.services.work import book_statuses

log = logging.getLogger(__name__)

LARGEST_BATCH = 256
LONGEST_QUEUE = 20_000


class Needs(Struct, frozen=True, kw_only=True):
    """What a command must find in memory; what is missing is read from the store first."""

    jobs: tuple[JobId, ...] = ()
    """Jobs that may have ended, and so left memory."""
    every_task: bool = False
    """Of those jobs, tasks that have succeeded too."""
    entities: tuple[tuple[type[Any], Key], ...] = ()


class Command(Protocol):
    """A wish to change the farm."""

    def needs(self) -> Needs:
        """Say what must be in memory."""
        ...

    def decide(self, draft: Draft) -> Any:
        """Change the draft and return the answer, or raise a GrangeError and change nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An idempotency token: the same token with the same request gets the same answer."""

    caller: str
    operation: str
    token: str
    request_hash: str


class _Ask(Struct):
    command: Command
    token: Token | None
    answer: "asyncio.Future[Any]"
    act: Act | None = None
    """Who acts, for the audit log; None: nobody but the server or a worker."""
    result: Any = None
    error: Exception | None = None


class _Round(Struct):
    """Commands that are decided together and committed in one transaction."""

    asks: list[_Ask]
    drafts: list[Draft] = []
    visiting: set[tuple[type[Any], Key]] = set()
    """Rows read for a command alone, to be dropped after the commit."""
    error: Exception | None = None
    """Why it was not committed."""

    def changed(self) -> dict[tuple[type[Any], Key], Any]:
        """Return what was changed (None: deleted), the latest value of each; not to be changed."""
        if len(self.drafts) == 1:
            return self.drafts[0].changed
        return {pair: entity for draft in self.drafts for pair, entity in draft.changed.items()}


@dataclass(slots=True)
class Counters:
    """What the loop has done, for metrics."""

    commands: int = 0
    batches: int = 0
    failures: int = 0
    largest_batch: int = field(default=0)


class Owner:
    """Decides, commits, answers."""

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        context: Context,
        perform: Callable[[Sequence[Effect]], Awaitable[None]],
        *,
        room: Room | None = None,
    ) -> None:
        """Make an owner of a store that is open.

        Args:
            store: where rows are kept.
            clock: the server's clock, which is the farm's.
            context: ids, task spaces and limits for decisions.
            perform: called with the effects of a committed batch; must not raise.
            room: the store's disk, whose reserve is given up so that what workers have done is
                still recorded when the disk is full.
        """
        self._store = store
        self._clock = clock
        self._context = context
        self._perform = perform
        self._room = room
        self._queue: asyncio.Queue[_Ask] = asyncio.Queue(maxsize=LONGEST_QUEUE)
        self._memory = Memory()
        self._task: asyncio.Task[None] | None = None
        self._deciding: _Round | None = None
        self._ahead: _Round | None = None
        """What was decided last: memory is ahead of the rows by this until it is committed."""
        self._settled: _Round | None = None
        """A committed round that memory still holds, because the next one is being decided."""
        self.counters = Counters()

    @property
    def memory(self) -> Memory:
        """The farm in memory, for tests that compare it with rows."""
        return self._memory

    def roomy(self, fleet_id: FleetId) -> Collection[WorkerId]:
        """Return the workers of a fleet that have a job thread without a session."""
        return self._memory.roomy.get(fleet_id, ())

    async def start(self) -> None:
        """Load the farm and begin to decide."""
        await self._load()
        self._memory.unverified = {
            worker.worker_id for worker in self._memory.tables[Worker].values() if worker.sessions
        }
        self._task = asyncio.create_task(self._run(), name="owner")

    async def stop(self) -> None:
        """Answer what is queued, then stop."""
        if self._task is None:
            return
        await self._queue.join()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def ask(self, command: Command, *, token: Token | None = None) -> Any:
        """Have a command decided and committed; returns its answer.

        Raises:
            GrangeError: as the command decides; nothing was changed.
            ThrottledError: the loop is overloaded or the commit failed; nothing was changed.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Ask(command, token, answer, ACTING.get()))
        except asyncio.QueueFull:
            raise ThrottledError(
                "The server has too much to decide.", retry_after_seconds=2
            ) from None
        return await answer

    async def answered(self, token: Token | None) -> Mapping[str, Any] | None:
        """Return what a request was answered already, or None; for those planned beforehand.

        Raises:
            ConflictError: the token was used for another request.
        """
        known = await self._known_token(token)
        return None if known is None else known.response

    async def load(self) -> None:
        """Load the farm without beginning to decide, for `decide_alone`."""
        await self._load()

    async def decide_alone(self, command: Command) -> Any:
        """Decide and commit one command at once, for a caller that is the only one.

        The same as `ask` without a queue: `start` must not have been called.

        Raises:
            GrangeError: as the command decides; nothing was changed.
        """
        if self._task is not None:
            raise RuntimeError("The owner loop runs: ask it.")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self._step([_Ask(command, None, answer)])
        return answer.result()

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        before: _Round | None = None
        finishing: asyncio.Task[None] | None = None
        while True:
            asks = [await self._queue.get()]
            while len(asks) < LARGEST_BATCH and not self._queue.empty():
                asks.append(self._queue.get_nowait())
            if before is not None and before.error is not None and finishing is not None:
                await finishing
                before = finishing = None
            found = await self._decide_all(asks)
            if finishing is not None:
                await finishing
            if before is not None and before.error is not None:
                # It was decided on what did not come to be.
                found.error = before.error
            finishing = asyncio.create_task(self._finish_queued(found), name="owner-finish")
            before = found

    async def _finish_queued(self, found: _Round) -> None:
        try:
            await self._finish(found)
        finally:
            for _ in found.asks:
                self._queue.task_done()

    async def _step(self, asks: list[_Ask]) -> None:
        """Decide commands, commit, answer."""
        await self._finish(await self._decide_all(asks))

    async def _decide_all(self, asks: list[_Ask]) -> _Round:
        self.counters.batches += 1
        self.counters.commands += len(asks)
        self.counters.largest_batch = max(self.counters.largest_batch, len(asks))
        self._deciding = found = _Round(asks)
        for ask in asks:
            draft = await self._decide(ask, found)
            if draft is not None:
                found.drafts.append(draft)
        self._deciding = None
        self._ahead = found
        if self._settled is not None:
            self._forget(self._settled)
        return found

    async def _finish(self, found: _Round) -> None:
        """Commit what was decided, answer it, see to its effects."""
        batch = batch_of(found.drafts)
        if found.error is None and not batch.empty:
            try:
                await self._commit(batch)
            except Exception as error:
                self.counters.failures += 1
                log.exception("commit failed", extra={"action": "commit_failed"})
                found.error = error
        if found.error is not None:
            if self._deciding is None:  # else what is being decided is refused too, then loaded
                await self._load_again()
            self._refuse(found.asks, found.error)
            return
        if self._deciding is None:
            self._forget(found)
        else:
            self._settled = found  # what is being decided may lean on it
        for ask in found.asks:
            if ask.answer.done():
                continue  # the asker went away
            if ask.error is not None:
                ask.answer.set_exception(ask.error)
            else:
                ask.answer.set_result(ask.result)
        effects = [effect for draft in found.drafts for effect in draft.effects]
        if effects:
            await self._perform(effects)

    async def _commit(self, batch: Batch) -> None:
        try:
            await self._store.commit(batch)
        except StorageFullError:
            if self._room is None or not await asyncio.to_thread(self._room.spend_reserve):
                raise
            log.critical(
                "The disk is full: the reserve is used to record what workers have done. Free some"
                " space.",
                extra={"action": "reserve_spent"},
            )
            await self._store.commit(batch)

    async def _decide(self, ask: _Ask, found: _Round) -> Draft | None:
        draft = Draft(memory=self._memory, context=self._context, now=self._clock.now())
        try:
            known = await self._known_token(ask.token)
            if known is not None:
                ask.result = known.response
                return None
            await self._fetch(ask.command.needs(), found)
            ask.result = ask.command.decide(draft)
            if ask.token is not None:
                draft.put(_token_row(ask.token, ask.result, draft))
            if ask.act is not None:
                note(ask.act, ask.command, ask.result, draft)
            book_statuses(draft)
            notice(draft)
            self._note_waiting(draft)
        except GrangeError as error:
            draft.undo()
            ask.error = error
            return None
        except Exception as error:
            draft.undo()
            log.exception(
                "command failed",
                extra={"action": "command_failed", "command": type(ask.command).__name__},
            )
            ask.error = error
            return None
        return draft

    def _refuse(self, asks: list[_Ask], error: Exception) -> None:
        refusal = (
            error
            if isinstance(error, ThrottledError)
            else ThrottledError("The change could not be committed; nothing was changed.")
        )
        for ask in asks:
            if not ask.answer.done():
                ask.answer.set_exception(refusal)

    # ── memory and rows ───────────────────────────────────────────────────────────────────────────

    async def _load(self) -> None:
        memory = Memory()
        memory.take_in([entity async for entity in self._store.load()])
        now = self._clock.now()
        for worker in memory.tables[Worker].values():
            memory.last_seen[worker.worker_id] = now  # silence is counted from the server's start
        self._memory = memory
        self._ahead = self._settled = None

    async def _load_again(self) -> None:
        while True:
            try:
                await self._load()
            except Exception:
                log.exception("reload failed", extra={"action": "reload_failed"})
                await self._clock.sleep(1.0)
            else:
                return

    async def _fetch(self, needs: Needs, found: _Round) -> None:
        memory = self._memory
        for job_id in needs.jobs:
            if (job_id,) not in memory.tables[Job]:
                memory.take_in(await self._store.load_job(job_id))
                found.visiting.add((Job, (job_id,)))
            if needs.every_task:
                known = memory.tables[Task]
                rows = await self._store.find(Task, Compare("job_id", "=", job_id))
                memory.take_in([row for row in rows if key_of(row) not in known])
        for kind, key in needs.entities:
            if key not in memory.tables[kind]:
                row = await self._store.get(kind, key)
                if row is not None:
                    memory.set(kind, key, row)
                    found.visiting.add((kind, key))

    def _forget(self, found: _Round) -> None:
        """Drop from memory what only rows need to hold, now that they do.

        What the round after it touched stays, for that round to forget.
        """
        self._settled = None
        ahead = self._ahead if self._ahead is not found else None
        kept = {} if ahead is None else ahead.changed()
        visited = set() if ahead is None else ahead.visiting
        changed = found.changed()
        if found.visiting:
            seen = {
                pair: entity
                for pair in found.visiting
                if (entity := self._memory.tables[pair[0]].get(pair[1])) is not None
            }
            changed = seen | changed
        for kind, key in settled_rows(changed, self._memory):
            if (kind, key) not in kept and (kind, key) not in visited:
                self._memory.set(kind, key, None)
        busy = {getattr(entity, "job_id", None) for entity in kept.values()}
        for job_id in settled_jobs(changed):
            job = self._memory.tables[Job].get((job_id,))
            if ahead is not None and job_id in busy:
                ahead.visiting.add((Job, (job_id,)))
            elif job is not None and job.ended_at is not None and not job.open_sessions:
                self._memory.evict(job_id)
        tokens = self._memory.tables[ClientToken]
        if tokens:
            for kind, key in changed:
                if kind is ClientToken:
                    tokens.pop(key, None)

    async def _known_token(self, token: Token | None) -> ClientToken | None:
        if token is None:
            return None
        key = (token.caller, token.operation, token.token)
        found: ClientToken | None = self._memory.tables[ClientToken].get(key)
        if found is None:
            found = await self._store.get(ClientToken, key)
        if found is not None and found.request_hash != token.request_hash:
            raise ConflictError(
                "This client token was used for another request.",
                reason="RESOURCE_ALREADY_EXISTS",
                resource_type="client token",
                resource_id=token.token,
            )
        return found

    def _note_waiting(self, draft: Draft) -> None:
        """Keep the timeline of waiting work per fleet, and wake who can take it."""
        memory = self._memory
        if not draft.touched_queues and not draft.changed:
            return
        moved = any(kind is QueueFleetAssociation for kind, _ in draft.changed)
        for fleet_id, queues in memory.queues_of.items():
            known = fleet_id in memory.fleet_waiting
            if known and not moved and not (queues & draft.touched_queues):
                continue
            self._note_fleet(draft, fleet_id, queues)

    def _note_fleet(self, draft: Draft, fleet_id: FleetId, queues: set[QueueId]) -> None:
        memory = self._memory
        waiting, tasks = memory.index.waiting(queues)
        before = memory.fleet_waiting.get(fleet_id)
        if waiting != before:
            fleet = memory.tables[Fleet].get((fleet_id,))
            if fleet is None:  # the fleet is being deleted
                return
            memory.fleet_waiting[fleet_id] = waiting
            draft.event(
                "fleet",
                fleet_id,
                "fleet_waiting",
                fleet.farm_id,
                old=before,
                new=waiting,
                fleet_id=fleet_id,
                number=tasks,
            )
        if waiting == "ready":
            draft.effect(WakeFleet(fleet_id, tasks))


def _token_row(token: Token, result: Any, draft: Draft) -> ClientToken:
    if not isinstance(result, Mapping):
        raise TypeError(f"{token.operation} answers no mapping, so its token cannot be kept")
    return ClientToken(
        caller=token.caller,
        operation=token.operation,
        token=token.token,
        request_hash=token.request_hash,
        response=dict(result),
        created_at=draft.now,
    )
