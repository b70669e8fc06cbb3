"""What is normal, as plain limits: by settings, and by what was learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

COPIES = "tx:copies@*"
"""The stream that workers make of the files they copy to their places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLimit:
    """How full the disk of a folder may be, in percent."""

    path: str
    warn_percent: float
    critical_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesLimit:
    """How old the newest file of a published folder may be."""

    path: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRule:
    """Limits of the streams that a pattern matches; None: the general one."""

    match: str
    ignore: bool = False
    gap_seconds: float | None = None
    silent_seconds: float | None = None
    least: float | None = None
    greatest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Everything the checks compare with."""

    folders: Sequence[FolderLimit] = ()
    pages: Sequence[PagesLimit] = ()
    days: int = 7
    late_seconds: float = 5400.0
    gap_seconds: float = 3600.0
    gap_grace_seconds: float = 300.0
    """Added to the longest normal gap."""
    silent_seconds: float | None = None
    """None: learned for each stream."""
    writer_seconds: float = 7200.0
    range_days: int = 28
    range_width: float = 4.0
    rules: Sequence[StreamRule] = ()
    skip: frozenset[str] = frozenset()

    @property
    def least_gap_seconds(self) -> int:
        """The shortest gap that may be a finding."""
        own = [rule.gap_seconds for rule in self.rules if rule.gap_seconds is not None]
        return int(min([self.gap_seconds, *own]) + self.gap_grace_seconds)

    def rule(self, subject: str) -> StreamRule:
        """Return the first rule that matches a stream.

        Where none does: an empty one; the copies of finished files are left alone, since they rest
        when nothing renders.
        """
        for rule in (*self.rules, StreamRule(match=COPIES, ignore=True)):
            if fnmatchcase(subject, rule.match):
                return rule
        return StreamRule(match="*")


def stream_name(kind: str, stream: str, machine: str) -> str:
    """Return how findings and rules call a log stream on a machine."""
    return f"{kind}:{stream}@{machine}"


def series_name(series: str, label: str) -> str:
    """Return how findings and rules call a source of a series."""
    return f"value:{series}/{label}"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile, interpolated linearly.

    Args:
        values: at least one.
    """
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    return at(0.25), at(0.5), at(0.75)


def learned_range(
    values: Sequence[float], width: float, *, enough: int
) -> tuple[float, float] | None:
    """Return the range that values were in, widened; None where too few are known.

    Args:
        values: what was seen.
        width: how many quartile distances beyond the quartiles are still normal.
        enough: with fewer values nothing is learned.
    """
    if len(values) < enough:
        return None
    low, middle, high = quartiles(values)
    # A value that hardly ever moves still may move a little.
    distance = max(high - low, abs(middle) * 0.05, 1e-9)
    return low - width * distance, high + width * distance
