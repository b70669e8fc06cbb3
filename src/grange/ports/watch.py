"""What a watch looks at, what it remembers, and how it tells people.

Everything that was seen is a plain value; the checks in `grange.watch` judge it. What could not be
seen is None, never empty: a check without its values says nothing at all, so that an unreachable
server closes no finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRoom:
    """How full the disk of a folder is."""

    path: str
    byte_count: int
    """Of the whole disk."""
    free_bytes: int
    """That an ordinary user may still write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """The fingerprint of something that should not change unnoticed."""

    name: str
    """A path, `crontab` or `timers`."""
    sha256: str | None
    """None: it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSeen:
    """The newest file of a published folder."""

    path: str
    newest_at: Instant | None
    """When a file below the folder last changed; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHour:
    """One hour of one log stream on one machine, as the books hold it."""

    stream: str
    kind: str
    """rx, tx or other."""
    machine: str
    hour_at: Instant
    lines: int
    """Lines in the books, errors among them."""
    errors: int
    byte_count: int
    last_at: Instant
    """Time of the last line of the hour."""
    latency_mean_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGap:
    """A time without a line between two lines of one stream on one machine."""

    stream: str
    kind: str
    machine: str
    start_at: Instant
    """Time of the line before."""
    end_at: Instant
    """Time of the line behind."""
    explained: bool
    """An error line stands close to the gap's start or end, or inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How far the logs of one stream on one machine were read."""

    stream: str
    kind: str
    machine: str
    until_at: Instant
    """Everything before this instant was read and acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueHour:
    """One hour of one source of a series of logged values, as the books hold it."""

    series: str
    source_index: int
    label: str
    hour_at: Instant
    values: int
    least: float
    greatest: float
    mean: float
    last_at: Instant
    heartbeat_seconds: int
    """The longest silence after which a value is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A program that hands in facts: a collector or a data logger on a machine."""

    program: str
    """collect or datalog."""
    machine: str
    last_at: Instant
    """When it last handed something in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongestGap:
    """The longest time without a line of one stream on one machine; none: no long one."""

    stream: str
    kind: str
    machine: str
    millis: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsSeen:
    """What the books know of all streams over the watched days."""

    hours: Sequence[LogHour]
    gaps: Sequence[LogGap]
    """Those that are longer than was asked for."""
    longest: Sequence[LongestGap]
    collected: Sequence[Collected]
    values: Sequence[ValueHour]
    writers: Sequence[Writer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a program that hands in facts told last."""

    program: str
    """collect or datalog."""
    machine: str
    at: Instant
    collected: tuple[Collected, ...] = ()
    """How far it has read."""


class Contacts(Protocol):
    """Remembers when which program handed something in last. Its methods block; thread-safe."""

    def note(self, farm_id: str, contact: Contact) -> None:
        """Keep a contact in the place of the one before of the same program and machine."""
        ...

    def all(self, farm_id: str) -> Sequence[Contact]:
        """Return the contacts of a farm, by program and machine."""
        ...

    def forget(self, farm_id: str, program: str, machine: str) -> bool:
        """Forget a program that was taken out of service; False if nobody knew it."""
        ...


class Surroundings(Protocol):
    """The machine a watch runs on. Its methods block; what is not there is left out or None."""

    @property
    def machine(self) -> str:
        """Return the machine's name."""
        ...

    def room(self, path: str) -> FolderRoom | None:
        """Return how full a folder's disk is; None if it cannot be asked."""
        ...

    def fingerprint(self, path: str) -> Print:
        """Return the fingerprint of a file."""
        ...

    def schedule(self) -> Sequence[Print]:
        """Return the fingerprints of the machine's schedules: crontab and systemd timers."""
        ...

    def pages(self, path: str) -> PagesSeen:
        """Return when a published folder last changed."""
        ...


class StreamBooks(Protocol):
    """The farm's books of streams, wherever they are. Its method blocks."""

    def seen(self, *, since: Instant, until: Instant, gap_seconds: int) -> StreamsSeen:
        """Return what the books know of a span.

        Args:
            since: its start.
            until: its end.
            gap_seconds: shorter gaps are left out.

        Raises:
            GrangeError: the books cannot be asked.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way to people."""

    subject: str
    body: str


class Notifier(Protocol):
    """Mail, chat and files. Its methods block."""

    def check(self, target: str) -> None:
        """Return if a target can be written to.

        Raises:
            ConfigurationError: it is no target; the message hides passwords.
        """
        ...

    def send(self, letter: Letter, target: str) -> None:
        """Send a message.

        Raises:
            UnreachableError: it was not taken; says why, without passwords.
        """
        ...


class WatchMemory(Protocol):
    """Where a watch keeps what it knew, between two looks. Its methods block."""

    def load(self) -> bytes | None:
        """Return what was saved last; None if there is nothing."""
        ...

    def save(self, content: bytes) -> None:
        """Save, durably and whole or not at all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRun:
    """A command that has ended."""

    exit_code: int | None
    """None: it was ended because it took too long."""
    seconds: float
    tail: str
    """The last lines it printed on standard error, or on standard output if that is empty."""


class Commands(Protocol):
    """Runs commands of this machine. Its method blocks."""

    def run(self, words: Sequence[str], timeout_seconds: float) -> CommandRun:
        """Run a command to its end; with what it started it is ended after so long."""
        ...
