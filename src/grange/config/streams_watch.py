"""`[watch]` and `[cycle]` of streams.toml: what is watched, who is told, what runs every hour."""

from typing import Literal

import msgspec

SeverityName = Literal["info", "warning", "critical"]


class WatchedFolder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[watch.folders]]`: a folder whose disk must not fill up."""

    path: str
    warn_percent: float = 90.0
    """Used space from which it is a warning."""
    critical_percent: float = 97.0
    """Used space from which it is critical."""


class WatchedPages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[watch.pages]]`: a published folder that must stay fresh."""

    path: str
    hours: float = 1.0
    """It is stale when nothing in it changed for so long."""


class WatchedStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[watch.streams]]`: other limits for some streams; the first that matches holds."""

    match: str
    """`KIND:STREAM@MACHINE` with wildcards, e.g. `tx:feed*@*`; a series is `value:NAME`."""
    ignore: bool = False
    """Say nothing about these."""
    gap_minutes: float | None = None
    silent_minutes: float | None = None
    least: float | None = None
    """Values below are out of range, whatever was learned."""
    greatest: float | None = None


class WatchSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[watch]`."""

    state: str = ""
    """The file a watch remembers in; default: watch.json in the platform's state folder."""
    every_minutes: float = 10.0
    """How often it looks, without --once."""
    zone: str = "UTC"
    """Times in messages, quiet hours and the digest are of this zone."""
    days: int = 7
    """How far back hours are looked for."""
    folders: tuple[WatchedFolder, ...] = ()
    pages: tuple[WatchedPages, ...] = ()
    files: tuple[str, ...] = ()
    """Files whose change is told. streams.toml itself always is."""
    schedule: bool = True
    """Whether a change of crontab and systemd timers is told."""
    late_minutes: float = 90.0
    """So long after its end an hour must be collected."""
    gap_minutes: float = 60.0
    """The longest time without a line that is normal for a stream; 5 minutes are added."""
    silent_minutes: float = 0.0
    """A stream is silent after so long; 0: learned from its longest gap of the watched days."""
    writer_minutes: float = 120.0
    """A program that handed in facts has stopped when it was silent for so long."""
    range_days: int = 28
    """How many days ranges are learned from."""
    range_width: float = 4.0
    """How many quartile distances beyond the quartiles a value is out of range; 0: not checked."""
    skip: tuple[str, ...] = ()
    """Checks that are left out."""
    notify: tuple[str, ...] = ()
    """Who is told: mailto://…, slack://… and whatever apprise knows, or file:PATH."""
    immediate: SeverityName = "warning"
    """What is at least so bad is told at once; the rest waits for the digest."""
    quiet: str = ""
    """HH:MM-HH:MM in which only critical findings are told; the rest is told at its end."""
    digest: str = ""
    """HH:MM at which a summary of everything open is sent, every day; empty: none."""
    repeat_hours: float = 24.0
    """So often an open finding is told again; 0: never."""
    streams: tuple[WatchedStream, ...] = ()


class CycleStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[cycle.steps]]`: one step of the hourly cycle."""

    name: str
    """collect, sync, archive, pages, upload, watch, or a name of your own."""
    run: tuple[str, ...] = ()
    """The words of the command; default: the command of that name. `grange` is this Grange."""
    timeout_seconds: float = 3000.0
    """It is ended after so long."""


class CycleSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[cycle]`."""

    minute: int = 8
    """The minute of the hour at which a cycle starts inside the server, or in a timer."""
    server: bool = False
    """True: the server runs the cycle itself, every hour."""
    lock: str = ""
    """The file that keeps two cycles apart; default: cycle.lock in the platform's state folder."""
    steps: tuple[CycleStep, ...] = ()
    """Default: collect, sync, archive, pages, watch."""
