"""A watch of streams: settings, machine, server and messages put together."""

from collections.abc import Callable
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs

from grange.adapters.host.clock import SystemClock
from grange.adapters.notify import Messages
from grange.adapters.watched import Machine, MemoryFile
from grange.config.streams_watch import WatchSection
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.ports.farm_api import FarmApi
from grange.watch.books import FarmStreams
from grange.watch.checks import CHECKS
from grange.watch.findings import Severity
from grange.watch.limits import FolderLimit, Limits, PagesLimit, StreamRule
from grange.watch.notices import Policy
from grange.watch.run import Watch, Watched

_MINUTE = 60.0


def state_file(section: WatchSection) -> Path:
    """Return the file that a watch remembers in."""
    if section.state:
        return Path(section.state).expanduser()
    return platformdirs.user_state_path("grange") / "watch.json"


def watched_of(section: WatchSection, file: Path) -> Watched:
    """Return what `[watch]` says is watched, and who is told.

    Args:
        section: the settings.
        file: streams.toml, whose change is told too.

    Raises:
        ConfigurationError: a zone, a time or a check does not exist.
    """
    unknown = sorted(set(section.skip) - set(CHECKS))
    if unknown:
        raise ConfigurationError(
            f"[watch] skip: there is no check {unknown[0]!r}. There are: {', '.join(CHECKS)}."
        )
    try:
        zone = ZoneInfo(section.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"[watch] zone: {section.zone!r} is no time zone.") from error
    return Watched(
        limits=Limits(
            folders=tuple(
                FolderLimit(
                    path=one.path,
                    warn_percent=one.warn_percent,
                    critical_percent=one.critical_percent,
                )
                for one in section.folders
            ),
            pages=tuple(
                PagesLimit(path=one.path, seconds=one.hours * 3600) for one in section.pages
            ),
            days=section.days,
            late_seconds=section.late_minutes * _MINUTE,
            gap_seconds=section.gap_minutes * _MINUTE,
            silent_seconds=section.silent_minutes * _MINUTE or None,
            writer_seconds=section.writer_minutes * _MINUTE,
            range_days=section.range_days,
            range_width=section.range_width,
            rules=tuple(
                StreamRule(
                    match=one.match,
                    ignore=one.ignore,
                    gap_seconds=None if one.gap_minutes is None else one.gap_minutes * _MINUTE,
                    silent_seconds=(
                        None if one.silent_minutes is None else one.silent_minutes * _MINUTE
                    ),
                    least=one.least,
                    greatest=one.greatest,
                )
                for one in section.streams
            ),
            skip=frozenset(section.skip),
        ),
        policy=Policy(
            targets=section.notify,
            zone=zone,
            immediate=Severity(section.immediate),
            quiet=_quiet(section.quiet),
            digest=_time(section.digest, "digest") if section.digest else None,
            repeat_seconds=section.repeat_hours * 3600,
        ),
        files=tuple(dict.fromkeys((str(file), *section.files))),
        schedule=section.schedule,
    )


def watch_of(
    read: Callable[[], WatchSection],
    file: Path,
    *,
    api: FarmApi | None,
    farm_id: Callable[[], str],
    machine: Machine | None = None,
    clock: Clock | None = None,
) -> Watch:
    """Return a watch, ready to look.

    Args:
        read: reads `[watch]`, before each look, so that it need not be started anew.
        file: streams.toml.
        api: the server; None: only the machine is watched.
        farm_id: finds out which farm, when it is first needed.
        machine: default: this one.
        clock: default: this machine's.

    Raises:
        ConfigurationError: a target is not understood.
    """
    clock = clock or SystemClock()
    section = read()
    notifier = Messages(clock)
    for target in section.notify:
        notifier.check(target)
    memory = MemoryFile(state_file(section))
    return Watch(
        lambda: watched_of(read(), file),
        surroundings=machine or Machine(),
        books=None if api is None else FarmStreams(api, farm_id),
        memory=memory,
        memory_name=memory.name,
        notifier=notifier,
        clock=clock,
    )


def _quiet(text: str) -> tuple[time, time] | None:
    if not text:
        return None
    begin, dash, end = text.partition("-")
    if not dash:
        raise ConfigurationError(f"[watch] quiet: {text!r} must be HH:MM-HH:MM.")
    return _time(begin, "quiet"), _time(end, "quiet")


def _time(text: str, key: str) -> time:
    try:
        hours, minutes = text.strip().split(":")
        return time(int(hours), int(minutes))
    except ValueError as error:
        raise ConfigurationError(f"[watch] {key}: {text!r} must be HH:MM.") from error
