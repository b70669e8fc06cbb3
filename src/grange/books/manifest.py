"""What the manifest's rows say: names of files, spans, and where their facts came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from grange.books.catalog.model import TableSpec
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of, instant_of

PRODUCER = "server"


class Form(StrEnum):
    """What kind of file it is."""

    BLOCK = "block"
    DELTA = "delta"
    """Facts that came after their hour was sealed; compaction folds them in."""
    ROLLUP = "rollup"


class Grain(StrEnum):
    """How long a span a file covers."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    """Of rollups, which long spans read."""


@dataclass(frozen=True, slots=True)
class Sequences:
    """The journal frames a file was made of: first and last."""

    first: int
    last: int

    def joined(self, other: "Sequences") -> "Sequences":
        """Return the span of both."""
        return Sequences(min(self.first, other.first), max(self.last, other.last))


def sequences_of(provenance: Mapping[str, Any]) -> Sequences | None:
    """Return the journal frames named in a manifest row's provenance."""
    found = provenance.get("sequences")
    return Sequences(found[0], found[1]) if found else None


class Replaced(NamedTuple):
    """An interval that was collected again: journal frames up to `through` say nothing about it."""

    start: int
    end: int
    through: int


def replaced_of(provenance: Mapping[str, Any]) -> list[Replaced]:
    """Return the intervals of a file that were collected again."""
    return [Replaced(*found) for found in provenance.get("replaced", [])]


def watermark(provenances: Iterable[Mapping[str, Any]]) -> int:
    """Return the last journal sequence that is sealed: everything up to it is in files.

    Args:
        provenances: of all live files.
    """
    found = (sequences_of(provenance) for provenance in provenances)
    return max((sequences.last for sequences in found if sequences is not None), default=0)


_LONGEST_MONTH_MS = 31 * MILLIS_PER_DAY


def grain_of(span: Span) -> Grain:
    """Return how long a span a file covers."""
    if span.millis <= MILLIS_PER_HOUR:
        return Grain.HOUR
    if span.millis <= MILLIS_PER_DAY:
        return Grain.DAY
    return Grain.MONTH if span.millis <= _LONGEST_MONTH_MS else Grain.YEAR


def grain_span(instant: Instant, grain: Grain) -> Span:
    """Return the UTC hour, day, month or year an instant lies in."""
    if grain is Grain.HOUR:
        start = instant - instant % MILLIS_PER_HOUR
        return Span(Instant(start), Instant(start + MILLIS_PER_HOUR))
    start = instant - instant % MILLIS_PER_DAY
    if grain is Grain.DAY:
        return Span(Instant(start), Instant(start + MILLIS_PER_DAY))
    if grain is Grain.YEAR:
        year = datetime_of(Instant(start)).year
        return Span(
            instant_of(datetime(year, 1, 1, tzinfo=UTC)),
            instant_of(datetime(year + 1, 1, 1, tzinfo=UTC)),
        )
    day = datetime_of(Instant(start)).day
    first = Instant(start - (day - 1) * MILLIS_PER_DAY)
    later = Instant(first + 32 * MILLIS_PER_DAY)
    following = Instant(later - (datetime_of(later).day - 1) * MILLIS_PER_DAY)
    return Span(first, following)


_LABELS = {Grain.HOUR: "%Y-%m-%dT%H", Grain.DAY: "%Y-%m-%d", Grain.MONTH: "%Y-%m", Grain.YEAR: "%Y"}


def file_path(
    spec: TableSpec, farm_id: str, span: Span, *, version: str, producer: str = PRODUCER
) -> str:
    """Return the path of a file: `blocks/<farm>/<table>/<hour, day, …>.<producer>.<version>`.

    Args:
        spec: the table.
        farm_id: the farm.
        span: what it covers.
        version: makes the name new; a name is never used for other contents.
        producer: who collected the facts.
    """
    folder = "rollups" if spec.rollup else "blocks"
    label = datetime_of(span.start).strftime(_LABELS[grain_of(span)])
    return f"{folder}/{farm_id}/{spec.name}/{label}.{producer}.{version}.parquet"


def merged_provenance(
    parents: Sequence[tuple[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    """Return the provenance of a file made of others: their names, and the frames behind them."""
    sequences: Sequences | None = None
    for _, provenance in parents:
        own = sequences_of(provenance)
        if own is not None:
            sequences = own if sequences is None else sequences.joined(own)
    merged: dict[str, Any] = {"parents": [path for path, _ in parents]}
    if sequences is not None:
        merged["sequences"] = [sequences.first, sequences.last]
    replaced = [list(found) for _, own in parents for found in replaced_of(own)]
    if replaced:
        merged["replaced"] = replaced
    rolled = [own["rolled_until"] for _, own in parents if "rolled_until" in own]
    if rolled:
        merged["rolled_until"] = max(rolled)
    return merged
