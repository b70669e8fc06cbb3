"""Compaction: hours become days, days months, months of rollups years.

What was replaced is deleted when it can be.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from grange.books.catalog.registry import TABLES
from grange.books.manifest import (
    Form,
    Grain,
    file_path,
    grain_span,
    merged_provenance,
    sequences_of,
    watermark,
)
from grange.books.rows import row_group_rows
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.ports.query import Plan
from grange.ports.state import ManifestRow
from grange.services.books.publication import Publication, manifest_row
from grange.services.books.shelf import Shelf, files_of

DAY_GRACE_MS = 3 * MILLIS_PER_HOUR
MONTH_GRACE_MS = 3 * MILLIS_PER_DAY
"""How long after its end a day (month) is put together, so that most late facts are in it."""
SHORT_DAYS = 62
"""What is kept no longer than this is put together by the day alone."""
LINGER_MS = 10 * MILLIS_PER_MINUTE
"""How long a replaced file stays for readers outside this process."""
JOURNAL_MS = 48 * MILLIS_PER_HOUR
MOST_ROWS_OF_MONTH = 100_000_000
MOST_ROWS_OF_YEAR = 20_000_000
_DELTAS = 8
"""So many late additions to one file are folded in at once."""


def groups(
    files: Iterable[ManifestRow], now: Instant, *, years: bool = False, months: bool = True
) -> Iterator[tuple[Span, list[ManifestRow]]]:
    """Yield the files of one table that should become one file, and its span.

    Args:
        files: of the table, of one farm and producer.
        now: the current instant.
        years: True if months become years, too.
        months: False if files stay days, because a file goes when all of it is old enough.
    """
    if not months:
        yield from _days(files, now)
        return
    if not years:
        yield from _months(files, now)
        return
    by_year: dict[Span, list[ManifestRow]] = defaultdict(list)
    for row in files:
        by_year[grain_span(row.start_at, Grain.YEAR)].append(row)
    for year, rows in sorted(by_year.items()):
        few = sum(row.row_count for row in rows) <= MOST_ROWS_OF_YEAR
        if not few or year.end + MONTH_GRACE_MS > now:
            yield from _months(rows, now)
        elif _due(rows, year, now):
            yield year, rows


def _months(files: Iterable[ManifestRow], now: Instant) -> Iterator[tuple[Span, list[ManifestRow]]]:
    by_month: dict[Span, list[ManifestRow]] = defaultdict(list)
    for row in files:
        by_month[grain_span(row.start_at, Grain.MONTH)].append(row)
    for month, rows in sorted(by_month.items()):
        small = sum(row.row_count for row in rows) <= MOST_ROWS_OF_MONTH
        if small and month.end + MONTH_GRACE_MS <= now:
            if _due(rows, month, now):
                yield month, rows
            continue
        yield from _days(rows, now)


def _days(files: Iterable[ManifestRow], now: Instant) -> Iterator[tuple[Span, list[ManifestRow]]]:
    by_day: dict[Span, list[ManifestRow]] = defaultdict(list)
    for row in files:
        by_day[grain_span(row.start_at, Grain.DAY)].append(row)
    for day, found in sorted(by_day.items()):
        if day.end + DAY_GRACE_MS <= now and _due(found, day, now):
            yield day, found


def _due(rows: Sequence[ManifestRow], span: Span, now: Instant) -> bool:
    """Return whether files should become one that covers a span.

    Late additions to a file that already covers it are folded in when they are many, or a day old.
    """
    late = [row for row in rows if Span(row.start_at, row.end_at) != span]
    if len(late) == len(rows):
        return True
    return len(late) > _DELTAS or any(row.created_at + MILLIS_PER_DAY <= now for row in late)


def _last_of(row: ManifestRow) -> int:
    own = sequences_of(row.provenance)
    return 0 if own is None else own.last


class Compactor:
    """Puts files together. The caller holds the sealer's lock."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def compact(self, now: Instant) -> Publication:
        """Write what is due, and publish each file at once; returns everything published."""
        done = Publication()
        by_table: dict[tuple[str, str, str], list[ManifestRow]] = defaultdict(list)
        for row in self._shelf.files():
            by_table[row.farm_id, row.table_name, row.producer].append(row)
        for (farm_id, table_name, _), rows in sorted(by_table.items()):
            spec = TABLES.get(table_name)
            if spec is None or spec.kept_hours is not None:
                continue
            months = spec.kept_days is None or spec.kept_days > SHORT_DAYS
            for span, parents in groups(rows, now, years=spec.rollup, months=months):
                made = self._merge(farm_id, table_name, span, parents, now)
                retired = [row.path for row in parents]
                self._shelf.publish([made], retired, now)
                done.add.append(made)
                done.retire.extend(retired)
        return done

    def _merge(
        self,
        farm_id: str,
        table_name: str,
        span: Span,
        parents: Sequence[ManifestRow],
        now: Instant,
    ) -> ManifestRow:
        spec = TABLES[table_name]
        blocks = self._shelf.blocks
        producer = parents[0].producer
        version = f"c{now:013d}{secrets.token_hex(4)}"
        path = file_path(spec, farm_id, span, version=version, producer=producer)
        temporary = blocks.temporary(path)
        columns = ", ".join(f'"{name}"' for name in spec.column_names)
        order = ", ".join(f'"{name}"' for name in spec.sort)
        self._shelf.engine.copy(
            Plan(
                sql=f"SELECT {columns} FROM parents ORDER BY {order}",  # noqa: S608 - catalog
                files={"parents": files_of(spec, parents, blocks)},
            ),
            temporary,
            row_group_rows=row_group_rows(spec.column_names, sum(row.row_count for row in parents)),
        )
        written = blocks.adopt(temporary, path)
        return manifest_row(
            spec,
            farm_id,
            Form.ROLLUP if spec.rollup else Form.BLOCK,
            span,
            written=written,
            provenance=merged_provenance([(row.path, row.provenance) for row in parents]),
            now=now,
            producer=producer,
        )

    def expire(self, now: Instant) -> list[str]:
        """Delete what nobody needs: replaced and forgotten files, old rollups, old segments.

        Returns:
            The paths of the files deleted.
        """
        self._retire_old(now)
        manifest = self._shelf.state.manifest(include_retired=True)
        limit = min(now - LINGER_MS, self._shelf.oldest_reader() - 1)
        gone = [
            row.path for row in manifest if row.retired_at is not None and row.retired_at <= limit
        ]
        known = {row.path for row in manifest}
        orphans = [path for path in self._shelf.blocks.paths() if path not in known]
        for path in (*gone, *orphans):
            self._shelf.blocks.remove(path)
        if gone:
            self._shelf.state.forget_files(gone)
        self._drop_segments(now)
        return [*gone, *orphans]

    def _retire_old(self, now: Instant) -> None:
        """Retire files in which everything is older than its table is kept.

        A file that says how far the journal is sealed stays until another one says as much.
        """
        files = self._shelf.files()
        kept = {farm_id: self._shelf.retention(farm_id) for farm_id in {r.farm_id for r in files}}
        old = [
            row
            for row in files
            if (spec := TABLES.get(row.table_name)) is not None
            and row.end_at <= kept[row.farm_id].kept_since(spec, now)
        ]
        gone = {row.path for row in old}
        sealed = self._shelf.watermark
        if watermark(row.provenance for row in files if row.path not in gone) < sealed:
            mark = next(row for row in old if _last_of(row) == sealed)
            gone.remove(mark.path)
        if gone:
            self._shelf.publish([], sorted(gone), now)

    def _drop_segments(self, now: Instant) -> None:
        sealed = watermark(row.provenance for row in self._shelf.files())
        segments = self._shelf.journal.segments()
        self._shelf.journal.remove(
            [
                segment
                for segment, following in pairwise(segments)
                if following.first_sequence <= sealed + 1
                and following.created_at + JOURNAL_MS <= now
            ]
        )
