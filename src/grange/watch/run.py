"""A watch: look, judge, remember, tell. One `step` is what `--once` does."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, UnreachableError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.ports.watch import Letter, Notifier, StreamBooks, StreamsSeen, Surroundings, WatchMemory
from grange.watch.checks import Situation, judge
from grange.watch.findings import Judgement
from grange.watch.limits import Limits
from grange.watch.memory import Memory, OpenFinding, Undelivered, decode, encode
from grange.watch.notices import Policy, delivered, remembered, written

_log = logging.getLogger(__name__)
NOTHING = StreamsSeen(hours=(), gaps=(), longest=(), collected=(), values=(), writers=())
"""What is seen where no streams are watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came of one look."""

    at: Instant
    judgements: tuple[Judgement, ...]
    open: tuple[OpenFinding, ...]
    letters: tuple[Letter, ...]
    """Messages that were written, or would have been."""
    undelivered: tuple[Undelivered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched, and who is told."""

    limits: Limits
    policy: Policy
    files: tuple[str, ...] = ()
    schedule: bool = True


class Watch:
    """Watches streams and the machine it runs on."""

    def __init__(
        self,
        watched: Callable[[], Watched],
        *,
        surroundings: Surroundings,
        books: StreamBooks | None,
        memory: WatchMemory,
        memory_name: str,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        """Put a watch together.

        Args:
            watched: reads the settings, before each look.
            surroundings: the machine.
            books: the farm's books; None: only the machine is watched.
            memory: where it remembers.
            memory_name: what the memory is called in messages.
            notifier: tells people.
            clock: the machine's.
        """
        self._watched = watched
        self._surroundings = surroundings
        self._books = books
        self._memory = memory
        self._memory_name = memory_name
        self._notifier = notifier
        self._clock = clock

    @property
    def machine(self) -> str:
        """Return the name of the machine it runs on."""
        return self._surroundings.machine

    def try_out(self, targets: Sequence[str]) -> list[tuple[str, str]]:
        """Send a message of no importance; return who did not take it, and why."""
        letter = Letter(
            subject=f"[Grange] TEST on {self.machine}",
            body="This is how a watch tells what it finds. Nothing has happened.\n",
        )
        problems = []
        for number, target in enumerate(targets, start=1):
            try:
                self._notifier.send(letter, target)
            except UnreachableError as error:
                problems.append((f"target {number}", str(error)))
        return problems

    def recall(self) -> Memory:
        """Return what is remembered."""
        return decode(self._memory.load(), self._memory_name)

    def step(self, *, tell: bool = True) -> Look:
        """Look once. Blocks.

        What is to be told is saved before it is sent: after a crash it is told twice rather than
        never.

        Args:
            tell: False: nothing is remembered, and nobody is told; the messages are in the answer.
        """
        watched = self._watched()
        memory = self.recall()
        now = self._clock.now()
        seen = self._see(watched, memory, now)
        said = judge(seen, watched.limits)
        after = remembered(memory, said, now, watched.policy)
        prints = {**memory.prints, **{one.name: one.sha256 for one in seen.prints}}
        after = msgspec.structs.replace(after, prints=prints)
        policy = watched.policy if tell else replace(watched.policy, targets=("dry-run",))
        waiting = len(after.letters)
        after = written(after, now, policy, self._surroundings.machine)
        letters = after.letters[waiting:]
        if not tell:
            after = msgspec.structs.replace(after, letters=after.letters[:waiting])
            return self._look(now, said, after, letters)
        self._memory.save(encode(after))
        if after.letters:
            after = delivered(after, self._deliver(after), now)
            self._memory.save(encode(after))
        return self._look(now, said, after, letters)

    async def run(
        self, every_seconds: float, *, after: Callable[[Look], None] = lambda _: None
    ) -> None:
        """Look for ever; cancel to stop. A look that fails is put off, not the end.

        Args:
            every_seconds: between two looks.
            after: is handed each look.
        """
        while True:
            try:
                after(await asyncio.to_thread(self.step))
            except (GrangeError, OSError) as error:
                _log.warning(
                    "A look was put off.", exc_info=error, extra={"action": "watch_failed"}
                )
            await self._clock.sleep(every_seconds)

    def _see(self, watched: Watched, memory: Memory, now: Instant) -> Situation:
        around, limits = self._surroundings, watched.limits
        prints = [around.fingerprint(path) for path in watched.files]
        if watched.schedule:
            prints += around.schedule()
        streams, trouble = self._streams(limits, now)
        return Situation(
            now=now,
            machine=around.machine,
            rooms={limit.path: around.room(limit.path) for limit in limits.folders},
            prints=prints,
            known_prints=memory.prints,
            pages={limit.path: around.pages(limit.path) for limit in limits.pages},
            streams=streams,
            trouble=trouble,
        )

    def _streams(self, limits: Limits, now: Instant) -> tuple[StreamsSeen | None, str | None]:
        if self._books is None:
            return NOTHING, None
        days = max(limits.days, limits.range_days if limits.range_width else 0)
        first = now - now % MILLIS_PER_HOUR - days * MILLIS_PER_DAY
        try:
            seen = self._books.seen(
                since=Instant(first), until=now, gap_seconds=limits.least_gap_seconds
            )
        except GrangeError as error:
            return None, str(error)
        return seen, None

    def _deliver(self, memory: Memory) -> list[Undelivered]:
        """Send what waits to everybody who has not taken it; return what still waits."""
        left = []
        for letter in memory.letters:
            missed, problem = [], ""
            for target in letter.targets:
                try:
                    self._notifier.send(Letter(subject=letter.subject, body=letter.body), target)
                except UnreachableError as error:
                    problem = str(error)
                    missed.append(target)
                    _log.warning(
                        "A message was not taken.",
                        extra={"action": "message_not_taken", "reason": problem},
                    )
            if missed:
                left.append(msgspec.structs.replace(letter, targets=tuple(missed), problem=problem))
        return left

    @staticmethod
    def _look(
        now: Instant, said: list[Judgement], memory: Memory, letters: Sequence[Undelivered]
    ) -> Look:
        return Look(
            at=now,
            judgements=tuple(said),
            open=memory.open,
            letters=tuple(Letter(subject=one.subject, body=one.body) for one in letters),
            undelivered=memory.letters,
        )
