"""The formats that are there, by name, and those that settings add."""

import re
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.formats.fields import FIELDS, JsonFormat, PatternFormat, Reading
from grange.collect.formats.model import LogFormat
from grange.collect.formats.px import PxFormat
from grange.collect.formats.values import TIME_FORMATS, ErrorRules
from grange.config.streams_collect import LogStream, OwnFormat
from grange.kernel.errors import ConfigurationError

ACCESS = (
    r'^\S+ \S+ \S+ \[(?P<at>[^\]]+)\] "\S+ (?P<object>/?(?P<product>[^/ ?"]*)[^ "]*)[^"]*" '
    r"(?P<status>\d{3}) (?P<bytes>\d+|-)(?: .*?)?(?: (?:rt=|request_time=)(?P<latency>[\d.]+).*)?$"
)
"""The common and combined log of web servers; nginx's `rt=$request_time` is the latency."""
S3_ACCESS = (
    r"^\S+ \S+ \[(?P<at>[^\]]+)\] \S+ \S+ \S+ (?P<product>[A-Z0-9._]+) (?P<object>\S+) "
    r'(?:"[^"]*"|-) (?P<status>\d{3}|-) \S+ (?P<bytes>\d+|-) \S+ (?P<latency>\d+|-)'
)
"""The access log of S3 and what speaks like it; the operation is the product."""
RSYNC = (
    r"^(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\d+\] [<>ch.][fdLDS]\S{9,} (?P<bytes>\d+) "
    r"(?P<object>(?P<product>[^/]+).*)$"
)
"""rsync's log file with `--log-file-format='%i %l %n'`."""
RSYNC_ERROR = r"^(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[\d+\] rsync(?: error)?: (?P<object>.*)$"
TRANSFER_KEYS = {
    "at": "at", "bytes": "bytes", "latency": "latency_ms", "product": "product",
    "object": "object", "level": "level",
}  # fmt: skip
"""The members of Grange's own transfer log, one JSON object a line."""
RCLONE_KEYS = {"at": "time", "bytes": "size", "object": "object", "level": "level"}

_MILLIS = {"s": 1000.0, "ms": 1.0, "us": 0.001}
Maker = Callable[[LogStream], LogFormat]


def _access(stream: LogStream) -> LogFormat:
    return PatternFormat(pattern=ACCESS, reading=Reading(time_format="clf", zone=stream.zone))


def _s3(stream: LogStream) -> LogFormat:
    reading = Reading(time_format="clf", zone=stream.zone, latency_factor=1.0)
    return PatternFormat(pattern=S3_ACCESS, reading=reading)


KNOWN: Mapping[str, Maker] = {
    "px": lambda stream: PxFormat(zone=stream.zone, prefer_lat=stream.prefer_lat),
    "grange": lambda stream: JsonFormat(
        keys=TRANSFER_KEYS, reading=Reading(zone=stream.zone, latency_factor=1.0)
    ),
    "nginx": _access,
    "apache": _access,
    "s3": _s3,
    "rsync": lambda stream: PatternFormat(
        pattern=RSYNC, error_pattern=RSYNC_ERROR, reading=Reading(zone=stream.zone)
    ),
    "rclone": lambda stream: JsonFormat(keys=RCLONE_KEYS, reading=Reading(zone=stream.zone)),
}
"""Name → what makes the format for a stream's settings."""


def format_of(stream: LogStream, own: Mapping[str, OwnFormat]) -> LogFormat:
    """Return the format of a stream.

    Args:
        stream: its settings.
        own: formats of the settings.

    Raises:
        ConfigurationError: there is no such format, or it cannot work.
    """
    if stream.format in own:
        return _own(stream.format, own[stream.format], stream)
    maker = KNOWN.get(stream.format)
    if maker is None:
        known = ", ".join(sorted({*KNOWN, *own}))
        raise ConfigurationError(f"There is no log format {stream.format!r}; known are {known}.")
    return maker(stream)


def _own(name: str, settings: OwnFormat, stream: LogStream) -> LogFormat:
    reading = Reading(
        time_format=settings.time_format,
        zone=stream.zone,
        latency_factor=_MILLIS[settings.latency_unit],
        errors=ErrorRules(levels=settings.error_levels, from_status=settings.error_from_status),
    )
    if settings.time_format not in TIME_FORMATS:
        raise ConfigurationError(
            f"[collect.formats.{name}] time_format is one of {', '.join(TIME_FORMATS)}."
        )
    if bool(settings.pattern) == bool(settings.keys):
        raise ConfigurationError(
            f"[collect.formats.{name}] needs either a pattern or keys (for JSON lines)."
        )
    if settings.keys:
        _check(name, settings.keys)
        return JsonFormat(keys=settings.keys, reading=reading)
    for pattern in filter(None, (settings.pattern, settings.error_pattern)):
        _check(name, _groups(name, pattern))
    return PatternFormat(
        pattern=settings.pattern, error_pattern=settings.error_pattern, reading=reading
    )


def _groups(name: str, pattern: str) -> tuple[str, ...]:
    try:
        pc.extract_regex(pa.array(["x"]), pattern=pattern)
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"[collect.formats.{name}] {error}.") from error
    return tuple(re.findall(r"\(\?P<(\w+)>", pattern))


def _check(name: str, fields: Mapping[str, str] | tuple[str, ...]) -> None:
    strange = sorted(set(fields) - set(FIELDS))
    if strange or "at" not in fields:
        raise ConfigurationError(
            f"[collect.formats.{name}] may tell {', '.join(FIELDS)}, and must tell at;"
            f" it has {', '.join(sorted(fields)) or 'nothing'}."
        )
