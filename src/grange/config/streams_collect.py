"""The section `[collect]` of `streams.toml`: logs that are read as they grow."""

import platform
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs


class LogStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stream, or several whose name the file name tells: a table of `[[collect.streams]]`."""

    path: str
    """Logs to read: a path with wildcards; `{stream}` stands for a part that is the name."""
    name: str = ""
    """The stream's name; empty: what `{stream}` stands for, or what the file's name says."""
    kind: Literal["", "rx", "tx", "other"] = ""
    """rx (a source), tx (a client) or other; empty: what the file's name says, else other."""
    machine: str = ""
    """Whose logs these are; empty: the section's machine."""
    format: str = "px"
    """px, grange, nginx, apache, s3, rsync, rclone, or one of `[collect.formats]`."""
    zone: str = "UTC"
    """The zone of times that name none."""
    prefer_lat: bool = False
    """px: take the latency that the line itself gives, instead of reckoning it."""
    metrics: tuple[Literal["latency", "bytes", "errors", "files"], ...] = ()
    """What is collected; empty: everything."""
    mirror: str = ""
    """Where rsync fetches the logs from first, e.g. px@host:/apps/px/log/; empty: they are here."""


class OwnFormat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A format of your own: a table `[collect.formats.NAME]`."""

    pattern: str = ""
    """A regular expression (RE2) with groups named at, bytes, latency, product, object, level,
    status; at is needed."""
    error_pattern: str = ""
    """Tried on lines that do not match; what matches is an error."""
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    """For JSON lines instead of a pattern: at = "time", bytes = "size", …"""
    time_format: str = "iso"
    """iso, clf (31/Jan/2026:12:00:00 +0100), epoch_s or epoch_ms."""
    latency_unit: Literal["s", "ms", "us"] = "s"
    """What latency is measured in."""
    error_levels: tuple[str, ...] = ("ERROR", "CRITICAL", "FATAL")
    """Levels that make a line an error."""
    error_from_status: int = 400
    """A status from here on makes a line an error."""


class CollectSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about collecting."""

    machine: str = ""
    """This machine's name; empty: its host name."""
    folder: str = ""
    """Where cursors and mirrored logs are kept; empty: the platform's folder for state."""
    streams: tuple[LogStream, ...] = ()
    """What is read."""
    formats: dict[str, OwnFormat] = msgspec.field(default_factory=dict)
    """Formats of your own."""
    latency_limit_seconds: Annotated[float, msgspec.Meta(ge=0)] = 15.0
    """A file counts as late above this."""
    sync_from: tuple[str, ...] = ()
    """Settings files (client.toml) of other servers whose hour blocks are copied."""
    ssh_options: tuple[str, ...] = ()
    """Further options of ssh, for `mirror`."""


def collect_folder(section: CollectSection) -> Path:
    """Return where cursors and mirrored logs are kept."""
    if section.folder:
        return Path(section.folder).expanduser()
    return platformdirs.user_state_path("grange") / "collect"


def machine_name(section: CollectSection) -> str:
    """Return this machine's name."""
    return section.machine or platform.node() or "localhost"
