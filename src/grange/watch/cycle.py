"""The cycle of streams: the steps of every hour, in an order that cannot do harm.

Each step is a command of its own that may be repeated at any time: it takes up where it stopped and
works on what is there. So a step that failed is made up for by the next cycle, and two cycles never
run at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.ports.watch import CommandRun, Commands

ORDER: Sequence[str] = ("collect", "sync", "archive", "graphs", "pages", "upload", "watch")
"""The steps that are known, in their order: each uses what those before it made."""

NEEDS: Mapping[str, frozenset[str]] = {
    "pages": frozenset({"graphs"}),
    "upload": frozenset({"graphs", "pages"}),
}
"""Step → those without which it is left out: half of a site is not published.

The others run also after a failure, on what there is: an hour that was not collected is a gap, and
is drawn as one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step."""

    name: str
    words: tuple[str, ...]
    """The command."""
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """What became of a step."""

    name: str
    outcome: str
    """ok, failed, late (it was ended after its time) or left out."""
    seconds: float = 0.0
    said: str = ""
    """The end of what it printed, if it failed; why it was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleDone:
    """What became of a cycle."""

    started_at: Instant
    ended_at: Instant
    steps: tuple[StepDone, ...]

    @property
    def ok(self) -> bool:
        """True if every step is."""
        return all(step.outcome == "ok" for step in self.steps)


def check_order(steps: Sequence[Step]) -> None:
    """Return if the steps stand in an order that makes sense.

    Raises:
        ConfigurationError: one stands before another whose results it uses, or stands there twice.
            Nothing must run then: a picture made before its data would be wrong for an hour.
    """
    last = ("", -1)
    names: set[str] = set()
    for step in steps:
        if step.name in names:
            raise ConfigurationError(f"[cycle] has the step {step.name!r} twice.")
        names.add(step.name)
        if step.name not in ORDER:
            continue
        place = ORDER.index(step.name)
        if place < last[1]:
            raise ConfigurationError(
                f"[cycle] has {step.name!r} behind {last[0]!r}, which uses what it makes. The order"
                f" is: {', '.join(ORDER)}; nothing was run."
            )
        last = (step.name, place)


def run_cycle(
    steps: Sequence[Step],
    commands: Commands,
    clock: Clock,
    tell: Callable[[StepDone], None] = lambda _: None,
) -> CycleDone:
    """Run the steps one after the other. Blocks.

    Args:
        steps: in their order.
        commands: runs a command.
        clock: the machine's.
        tell: is told of each step when it is over.

    Raises:
        ConfigurationError: the order makes no sense; nothing was run.
    """
    check_order(steps)
    started_at = clock.now()
    done: list[StepDone] = []
    bad: set[str] = set()
    for step in steps:
        missing = sorted(NEEDS.get(step.name, frozenset()) & bad)
        if missing:
            said = f"{' and '.join(missing)} did not succeed"
            one = StepDone(name=step.name, outcome="left out", said=said)
        else:
            one = _outcome(step, commands.run(step.words, step.timeout_seconds))
        if one.outcome != "ok":
            bad.add(step.name)
        done.append(one)
        tell(one)
    return CycleDone(started_at=started_at, ended_at=clock.now(), steps=tuple(done))


def next_start(now: Instant, minute: int) -> Instant:
    """Return the next instant, behind `now`, at which the hour is so many minutes old."""
    start = now - now % MILLIS_PER_HOUR + minute * MILLIS_PER_MINUTE
    return Instant(start if start > now else start + MILLIS_PER_HOUR)


def _outcome(step: Step, ran: CommandRun) -> StepDone:
    if ran.exit_code is None:
        said = f"it was ended after {step.timeout_seconds:g} s. {ran.tail}".strip()
        return StepDone(name=step.name, outcome="late", seconds=ran.seconds, said=said)
    if ran.exit_code != 0:
        said = ran.tail or f"exit code {ran.exit_code}"
        return StepDone(name=step.name, outcome="failed", seconds=ran.seconds, said=said)
    return StepDone(name=step.name, outcome="ok", seconds=ran.seconds)
