"""Holds a machine to its limits: cores, memory, and the hours in which rendering may run."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.ports.host import Processes
from grange.worker.limits import FILE, Limits, Profile, Rules, read_profile, thread_variables
from grange.worker.verdict import FILE as TEST_FILE
from grange.worker.verdict import failed_checks

_log = logging.getLogger(__name__)
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A job thread whose action must stop."""

    thread: int
    error_class: str
    """Empty: through no fault of the work; it goes back to the farm."""
    error_rule: str
    error_text: str


class Guard:
    """Applies the limits of one worker. Called from one thread.

    Args:
        folder: the worker's folder; `limits.toml` in it says what holds.
        zone: the machine's zone.
        clock: the machine's clock.
        processes: confines processes.
        threads: how many job threads there are.
    """

    def __init__(
        self, folder: Path, zone: ZoneInfo, clock: Clock, processes: Processes, threads: int
    ) -> None:
        self._path = folder / FILE
        self._test = folder / TEST_FILE
        self._zone = zone
        self._clock = clock
        self._processes = processes
        self._threads = threads
        self._stamp: int | None = None
        self._profile = read_profile(self._path, zone)
        self._stamp = _changed_at(self._path)
        self._tested_at = _changed_at(self._test)
        self._failed = failed_checks(folder)
        self._confined: dict[int, tuple[int, Limits]] = {}
        self.rules: Rules = self._rules(None)
        """What holds since the last look."""

    @property
    def profile(self) -> Profile:
        """What the file says."""
        return self._profile

    def look(
        self,
        roots: Mapping[int, int],
        memory: Mapping[int, int],
        *,
        user_logged_in: bool | None,
        changed: Callable[[Rules], None],
    ) -> list[Halt]:
        """Apply what holds now, and return what must stop.

        Args:
            roots: job thread → the root of its processes.
            memory: job thread that renders → bytes its processes use.
            user_logged_in: None if it is not known.
            changed: told when other rules hold than at the last look.
        """
        self._read_again()
        rules = self._rules(user_logged_in)
        if rules != self.rules:
            self.rules = rules
            changed(rules)
        for thread, root in roots.items():
            if self._confined.get(thread, (0, Limits())) != (root, rules.limits):
                self._confined[thread] = (root, rules.limits)
                cores = cores_of(thread, self._threads, rules.limits.cores)
                self._processes.confine(root, cores, rules.limits.memory_bytes)
        if rules.closed and rules.stop:
            text = f"Stopped: {rules.closed}."
            return [
                Halt(thread=thread, error_class="", error_rule="limit:hours", error_text=text)
                for thread in memory
            ]
        return self._too_much(memory, rules.limits.memory_bytes)

    def variables(self, thread: int) -> dict[str, str]:
        """Return environment variables that tell renderers how many threads they may use."""
        cores = cores_of(thread, self._threads, self.rules.limits.cores)
        return thread_variables(None if cores is None else len(cores))

    def _too_much(self, memory: Mapping[int, int], limit: int | None) -> list[Halt]:
        """Return the largest job thread if all of them together use more than they may."""
        used = sum(memory.values())
        if limit is None or used <= limit or not memory:
            return []
        largest = max(memory, key=lambda thread: (memory[thread], -thread))
        text = (
            f"The job used {memory[largest] // _MIB} MiB; rendering may use {limit // _MIB} MiB of"
            " this machine now."
        )
        return [
            Halt(thread=largest, error_class="memory", error_rule="limit:memory", error_text=text)
        ]

    def _rules(self, user_logged_in: bool | None) -> Rules:
        """Return what holds now; a machine whose test failed takes no work."""
        rules = self._profile.at(self._clock.now(), user_logged_in=user_logged_in)
        if self._failed and not rules.closed:
            return replace(rules, closed=f"its test failed: {', '.join(self._failed)}")
        return rules

    def _read_again(self) -> None:
        tested_at = _changed_at(self._test)
        if tested_at != self._tested_at:
            self._tested_at = tested_at
            self._failed = failed_checks(self._test.parent)
        stamp = _changed_at(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._profile = read_profile(self._path, self._zone)
        except ConfigurationError as error:
            _log.warning(
                "The limits are as before.", extra={"action": "limits", "error": str(error)}
            )


def cores_of(thread: int, threads: int, cores: int | None) -> tuple[int, ...] | None:
    """Return which of the machine's cores a job thread may use; None: all of them.

    The first ones are used. Each job thread has its own share, unless there are more job threads
    than cores.
    """
    if cores is None:
        return None
    if cores < threads:
        return tuple(range(cores))
    first, last = cores * thread // threads, cores * (thread + 1) // threads
    return tuple(range(first, last))


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
