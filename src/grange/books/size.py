"""How much room the books take, and how much they will take."""

from collections.abc import Iterable
from dataclasses import dataclass

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import TABLES
from grange.books.retention import Retention
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant

LOOK_BACK_DAYS = 30
"""The growth of this time is taken to go on."""
LEAST_DAYS = 1.0
"""With less history nothing is foretold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One file: what it covers and how large it is."""

    table_name: str
    span: Span
    row_count: int
    byte_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """One table."""

    table: str
    rollup: bool
    files: int
    rows: int
    byte_count: int
    first_at: Instant | None
    last_at: Instant | None
    kept_days: int | None
    """None: for ever."""
    kept_hours: int | None
    rows_per_day: int | None
    """None: there is too little history to say."""
    bytes_per_day: int | None
    full_bytes: int | None
    """What it will take once the oldest rows begin to go; None: it grows for ever."""

    def bytes_after(self, days: int) -> int | None:
        """Return what the table will take in so many days; None if nothing can be said."""
        if self.bytes_per_day is None:
            return None
        grown = self.byte_count + self.bytes_per_day * days
        return grown if self.full_bytes is None else min(grown, max(self.full_bytes, 0))


def table_sizes(
    files: Iterable[Held], retention: Retention, start: Instant | None, now: Instant
) -> list[TableSize]:
    """Return the size of every table, in the order of the catalog.

    Args:
        files: the live files of one farm.
        retention: how long the farm keeps what.
        start: when the farm's books begin; None: they are empty.
        now: the current instant.
    """
    by_table: dict[str, list[Held]] = {name: [] for name in TABLES}
    for file in files:
        by_table.setdefault(file.table_name, []).append(file)
    recent = Span(Instant(max(start or now, now - LOOK_BACK_DAYS * MILLIS_PER_DAY)), now)
    return [_size(spec, by_table[name], retention, recent) for name, spec in TABLES.items()]


def _size(spec: TableSpec, files: list[Held], retention: Retention, recent: Span) -> TableSize:
    days = recent.millis / MILLIS_PER_DAY
    if spec.kept_hours is not None:
        days = min(days, spec.kept_hours / 24)
    rows_per_day = bytes_per_day = None
    if days >= LEAST_DAYS:
        rows_per_day = round(_part(files, recent, "row_count") / days)
        bytes_per_day = round(_part(files, recent, "byte_count") / days)
    kept_days = retention.days(spec)
    kept: float | None = kept_days if spec.kept_hours is None else spec.kept_hours / 24
    full = None
    if kept is not None and bytes_per_day is not None:
        full = round(bytes_per_day * kept)
    return TableSize(
        table=spec.name,
        rollup=spec.rollup,
        files=len(files),
        rows=sum(file.row_count for file in files),
        byte_count=sum(file.byte_count for file in files),
        first_at=min((file.span.start for file in files), default=None),
        last_at=max((file.span.end for file in files), default=None),
        kept_days=kept_days,
        kept_hours=spec.kept_hours,
        rows_per_day=rows_per_day,
        bytes_per_day=bytes_per_day,
        full_bytes=full,
    )


def _part(files: Iterable[Held], span: Span, measure: str) -> float:
    """Return what of a measure lies in a span; a file that reaches over its end counts in part."""
    total = 0.0
    for file in files:
        inside = file.span.clip(span).millis
        # A month that still runs has its rows in the part that is over.
        over = Span(file.span.start, Instant(min(file.span.end, span.end))).millis
        if inside and over:
            total += getattr(file, measure) * inside / over
    return total


def full_in_days(free_bytes: int, bytes_per_day: int) -> int | None:
    """Return in how many days a disk is full at this growth; None: it does not grow."""
    return None if bytes_per_day <= 0 else free_bytes // bytes_per_day
