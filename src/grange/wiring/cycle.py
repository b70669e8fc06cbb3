"""The cycle of streams: settings, commands and lock put together; and the cycle inside a server."""

import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import platformdirs

from grange.adapters.commands import MachineCommands, one_at_a_time
from grange.adapters.host.clock import SystemClock
from grange.config.environment import environment_of
from grange.config.streams_watch import CycleSection, CycleStep
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.watch.cycle import CycleDone, Step, StepDone, check_order, run_cycle

WORDS: Mapping[str, tuple[str, ...]] = {
    "collect": ("streams", "collect"),
    "sync": ("streams", "sync"),
    "archive": ("streams", "archive"),
    "pages": ("streams", "pages"),
    "watch": ("admin", "watch", "--once"),
}
"""Step → the words behind `grange` that do it. The pages draw the graphs that are on them."""

OptionsOf = Callable[[Sequence[str]], frozenset[str]]
"""Tells the options of the command that words behind `grange` call."""

_log = logging.getLogger(__name__)


def steps_of(
    section: CycleSection,
    *,
    options_of: OptionsOf,
    file: Path | None = None,
    idle: Sequence[str] = (),
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> list[Step]:
    """Return the steps that `[cycle]` asks for, in order.

    Args:
        section: the settings.
        options_of: tells which commands can be told of another streams.toml.
        file: streams.toml, if it is not the usual one; handed on to those commands.
        idle: steps of the usual cycle that have nothing to do on this machine.
        only: leave out all others.
        skip: leave these out.

    Raises:
        ConfigurationError: a step has no command, does not exist, or stands in the wrong place.
    """
    asked = section.steps or tuple(CycleStep(name=name) for name in WORDS if name not in idle)
    steps = [_step(one, file, options_of) for one in asked]
    check_order(steps)
    names = {step.name for step in steps}
    for name in (*only, *skip):
        if name not in names:
            raise ConfigurationError(
                f"The cycle has no step {name!r}. It has: {', '.join(step.name for step in steps)}."
            )
    return [step for step in steps if (not only or step.name in only) and step.name not in skip]


def _step(one: CycleStep, file: Path | None, options_of: OptionsOf) -> Step:
    words = one.run
    if not words:
        if one.name not in WORDS:
            raise ConfigurationError(
                f'[[cycle.steps]] {one.name!r} needs its command: run = ["rsync", …].'
            )
        words = ("grange", *WORDS[one.name])
        if file is not None and "--config" in options_of(WORDS[one.name]):
            words = (*words, "--config", str(file))
    return Step(name=one.name, words=words, timeout_seconds=one.timeout_seconds)


def lock_file(section: CycleSection) -> Path:
    """Return the file that keeps two cycles apart."""
    if section.lock:
        return Path(section.lock).expanduser()
    return platformdirs.user_state_path("grange") / "cycle.lock"


def cycle(
    section: CycleSection,
    steps: Sequence[Step],
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    tell: Callable[[StepDone], None] = lambda _: None,
) -> CycleDone:
    """Run a cycle, alone. Blocks.

    Args:
        section: the settings.
        steps: what `steps_of` returned.
        environment: of the commands, added to this process's.
        clock: default: this machine's.
        tell: is told of each step when it is over.

    Raises:
        ConflictError: another cycle is running; nothing was run.
    """
    clock = clock or SystemClock()
    commands = MachineCommands(clock, environment_of(environment or {}))
    with one_at_a_time(lock_file(section), clock):
        done = run_cycle(steps, commands, clock, tell)
    for step in done.steps:
        if step.outcome != "ok":
            _log.warning(
                "A step of the cycle did not succeed.",
                extra={"action": "cycle_step", "step": step.name, "outcome": step.outcome,
                       "reason": step.said},
            )  # fmt: skip
    return done


def variables_in(path: Path) -> dict[str, str]:
    """Return the variables that a file of `export NAME=VALUE` lines sets, as client.env is one."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        for word in shlex.split(line)[1:]:
            name, _, value = word.partition("=")
            found[name] = value
    return found
