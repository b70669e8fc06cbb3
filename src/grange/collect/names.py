"""Which log belongs to which stream: paths with wildcards, and what file names say."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grange.collect.formats.known import format_of
from grange.collect.formats.model import LogFormat
from grange.config.streams_collect import CollectSection, LogStream
from grange.kernel.errors import ConfigurationError
from grange.ports.logs import LogFile, LogFiles

_FILE_NAME = re.compile(r"^(?:(?P<kind>rx|tx)_)?(?P<stream>.+?)\.(?:log|jsonl?)(?:[.\-_].*)?$")
_PLACES = re.compile(r"(\{stream\}|\{machine\}|\*\*/|\*\*|\*|\?|\[[^\]]+\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The logs of one stream on one machine."""

    stream: str
    kind: str
    machine: str
    format: LogFormat
    metrics: tuple[str, ...] = ()
    """What is collected; empty: everything."""
    files: list[LogFile] = field(default_factory=list)


def find_sources(
    section: CollectSection,
    logs: LogFiles,
    machine: str,
    mirrors: Mapping[str, str] | None = None,
) -> list[Source]:
    """Return the streams whose logs are there, by name, kind and machine.

    Args:
        section: the settings.
        logs: where logs are looked for.
        machine: this machine's name.
        mirrors: remote place → the folder it was fetched into.

    Raises:
        ConfigurationError: a file's stream cannot be told.
    """
    found: dict[tuple[str, str, str], Source] = {}
    for one in section.streams:
        format_ = format_of(one, section.formats)
        path = f"{(mirrors or {})[one.mirror]}/{one.path.lstrip('/')}" if one.mirror else one.path
        named = re.compile(_regex(path))
        for file in logs.find(_glob(path)):
            key = _identify(one, file, named, machine)
            source = found.setdefault(
                key,
                Source(
                    stream=key[0], kind=key[1], machine=key[2], format=format_, metrics=one.metrics
                ),
            )
            if file.path not in {known.path for known in source.files}:
                source.files.append(file)
    return [found[key] for key in sorted(found)]


def _identify(
    one: LogStream, file: LogFile, named: re.Pattern[str], machine: str
) -> tuple[str, str, str]:
    told = _FILE_NAME.match(file.path.rsplit("/", 1)[-1])
    place = named.fullmatch(file.path)
    parts = place.groupdict() if place else {}
    by_name = told.groupdict() if told else {}
    stream = one.name or parts.get("stream") or by_name.get("stream") or ""
    if not stream:
        raise ConfigurationError(
            f"Nothing says which stream {file.path} belongs to: set name, or put {{stream}} in"
            " its path."
        )
    kind = one.kind or by_name.get("kind") or "other"
    return stream, kind, one.machine or parts.get("machine") or machine


def _glob(path: str) -> str:
    return path.replace("{stream}", "*").replace("{machine}", "*")


def _regex(path: str) -> str:
    return "".join(_place(part) for part in _PLACES.split(path) if part)


def _place(part: str) -> str:
    match part:
        case "{stream}":
            return "(?P<stream>[^/]+?)"
        case "{machine}":
            return "(?P<machine>[^/]+?)"
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if part.startswith("["):
            return "[^" + part[2:] if part.startswith("[!") else part
        case _:
            return re.escape(part)


def chosen(sources: Iterable[Source], streams: Iterable[str], kind: str | None) -> list[Source]:
    """Return the sources of some streams; none named: all.

    Raises:
        ConfigurationError: a stream that was named has no log.
    """
    names = set(streams)
    found = [
        one
        for one in sources
        if (not names or one.stream in names) and (kind is None or one.kind == kind)
    ]
    missing = names - {one.stream for one in found}
    if missing:
        raise ConfigurationError(f"No log of {', '.join(sorted(missing))} was found.")
    return found
