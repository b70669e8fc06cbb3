"""Where the rings of a farm lie, and what is noted beside them."""

from typing import NamedTuple
from urllib.parse import quote, unquote

from msgspec import Struct, field

NOTE = "fed"
_LONGEST = 200


class LogStream(NamedTuple):
    """One log stream of one machine."""

    kind: str
    machine: str
    stream: str


class Waiting(Struct, kw_only=True):
    """What has come and is not in the rings yet."""

    first_at: int
    last_at: int

    def take(self, first_at: int, last_at: int) -> None:
        """Take more."""
        self.first_at = min(self.first_at, first_at)
        self.last_at = max(self.last_at, last_at)


class Note(Struct, kw_only=True):
    """How far the rings of a farm are fed."""

    sequence: int = 0
    """The last sequence of the journal that was looked at."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Table → the live files that were looked at."""
    replaced: list[tuple[int, int, int]] = field(default_factory=list)
    """Spans that were collected again, and were looked at."""
    values: dict[str, Waiting] = field(default_factory=dict)
    """By series."""
    lines: dict[str, Waiting] = field(default_factory=dict)
    """By kind, machine and stream, with tabs between."""
    machines: dict[str, int] = field(default_factory=dict)
    """Machine → its latest line: until then its logs have been read."""


def series_path(farm_id: str, name: str) -> str:
    """Return the path of the ring of a series."""
    return f"{farm_id}/series/{name}"


def log_path(farm_id: str, stream: LogStream) -> str:
    """Return the path of the ring of a log stream."""
    parts = (stream.kind, _quoted(stream.machine), _quoted(stream.stream))
    return f"{farm_id}/logs/{'/'.join(parts)}"


def log_stream_of(path: str) -> LogStream | None:
    """Return the log stream of a ring's path; None if it is another ring's."""
    parts = path.split("/")
    if len(parts) != 5 or parts[1] != "logs":
        return None
    return LogStream(parts[2], unquote(parts[3]), unquote(parts[4]))


def series_of(path: str) -> str | None:
    """Return the series of a ring's path; None if it is another ring's."""
    parts = path.split("/")
    return parts[2] if len(parts) == 3 and parts[1] == "series" else None


def storable(stream: LogStream) -> bool:
    """Return whether the names of a stream fit in a file's name."""
    return all(0 < len(_quoted(name)) <= _LONGEST for name in (stream.machine, stream.stream))


def _quoted(name: str) -> str:
    found = quote(name, safe=" @:+,=()")
    return f"%2E{found[1:]}" if found.startswith(".") else found
