"""The section `[collect]` of `streams.toml`: logs that are read as they grow."""

import msgspec


class LogStream(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stream, or several whose name the file name tells: a table of `[[collect.streams]]`."""

    path: str
    """Logs to read: a path with wildcards; `{stream}` stands for a part that is the name."""
    name: str = ""
    """The stream's name; empty: what `{stream}` stands for."""
    kind: str = ""
    """rx, tx or other; empty: what the file's name says (rx_…, tx_…), else other."""
    machine: str = ""
    """Whose logs these are; empty: the section's machine."""
    format: str = "px"
    """px, grange, nginx, apache, s3, copy, or one of `[collect.formats]`."""
    prefer_lat: bool = False
    """px: take the latency that the line itself gives, instead of reckoning it."""


class CollectSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about collecting."""

    machine: str = ""
    """This machine's name; empty: its host name."""
    streams: tuple[LogStream, ...] = ()
    """What is read."""
