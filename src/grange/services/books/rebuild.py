"""`grange books rebuild`: blocks again from the journal, rollups again from blocks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES, table
from grange.books.catalog.schema import conformed
from grange.books.manifest import (
    Form,
    Replaced,
    file_path,
    merged_provenance,
    replaced_of,
    sequences_of,
)
from grange.books.rows import in_file_order, joined, keep_first, within, without_keys
from grange.kernel.errors import CorruptDataError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.state import ManifestRow
from grange.services.books.progress import Say, silent
from grange.services.books.publication import Publication, manifest_row
from grange.services.books.reach import hours_to_roll
from grange.services.books.rolling import Roller
from grange.services.books.sealing import sealed_view
from grange.services.books.shelf import Shelf
from grange.services.books.upkeep import finished_until


@dataclass(slots=True)
class Rebuilt:
    """What was done."""

    blocks_checked: int = 0
    blocks_rewritten: int = 0
    rows: int = 0
    """Facts in the blocks that were rewritten."""
    rollups: int = 0
    """Rollup files written."""
    lost: list[str] = field(default_factory=list)
    """Damaged files whose facts the journal no longer keeps: restore them from a backup."""


class Rebuilder:
    """Makes the files of one farm again. The caller holds the sealer's lock."""

    def __init__(self, shelf: Shelf, farm_id: str, now: Instant, say: Say = silent) -> None:
        self._shelf = shelf
        self._farm_id = farm_id
        self._now = now
        self._say = say
        self._publication = Publication()
        self._done = Rebuilt()

    def rebuild(self) -> Rebuilt:
        """Rebuild blocks, then rollups, and publish both at once."""
        self._say("journal", 0, 0)
        kept_from, kept = self._journal_rows()
        for number, spec in enumerate(FACT_TABLES):
            self._say(f"blocks of {spec.name}", number, len(FACT_TABLES))
            files = [
                row
                for row in self._shelf.files()
                if row.farm_id == self._farm_id and row.table_name == spec.name
            ]
            for group in _touching(files):
                self._block(spec, group, kept.get(spec.name), kept_from)
        if not self._done.lost:
            self._rollups()
        if self._publication.add or self._publication.retire:
            self._shelf.publish(self._publication.add, self._publication.retire, self._now)
        return self._done

    def _journal_rows(self) -> tuple[int, dict[str, pa.Table]]:
        """Return the first sequence the journal keeps, and the sealed facts in it."""
        frames: dict[str, list[pa.Table]] = defaultdict(list)
        with self._shelf.changing():
            segments = self._shelf.journal.segments()
            sealed = self._shelf.watermark
            replaced = self._replaced()
            for frame in self._shelf.journal.read(0):
                if frame.farm_id == self._farm_id and frame.sequence <= sealed:
                    rows = frame.rows
                    for found in replaced.get(frame.table_name, ()):
                        if frame.sequence <= found.through:
                            rows = _outside(table(frame.table_name), rows, found)
                    frames[frame.table_name].append(rows)
        first = segments[0].first_sequence if segments else 2**63 - 1
        return first, {
            name: keep_first(table(name), joined(table(name), parts))
            for name, parts in frames.items()
        }

    def _replaced(self) -> dict[str, list[Replaced]]:
        """Return the intervals that were collected again, by table: the journal holds old rows."""
        found: dict[str, list[Replaced]] = defaultdict(list)
        for row in self._shelf.files():
            if row.farm_id == self._farm_id:
                found[row.table_name] += replaced_of(row.provenance)
        return found

    def _block(
        self,
        spec: TableSpec,
        group: Sequence[ManifestRow],
        kept: pa.Table | None,
        kept_from: int,
    ) -> None:
        """Make the files of one stretch of time again, as one file."""
        self._done.blocks_checked += len(group)
        span = Span(
            Instant(min(row.start_at for row in group)), Instant(max(row.end_at for row in group))
        )
        found, broken = self._read(spec, group)
        again = _rows_in(spec, kept, span)
        missing = without_keys(spec, again, found)
        whole = all(
            (own := sequences_of(row.provenance)) is not None
            and own.first >= kept_from
            and not replaced_of(row.provenance)
            for row in broken
        )
        if broken and not whole:
            # What is damaged stays as it is: a copy from a backup may still take its place.
            self._done.lost.extend(row.path for row in broken)
            return
        if not broken and not missing.num_rows:
            return
        rows = in_file_order(spec, joined(spec, [found, missing]))
        written = self._shelf.blocks.write(
            file_path(spec, self._farm_id, span, version=f"b{self._now:013d}"),
            rows,
            {"rebuilt_at": str(self._now)},
        )
        provenance = merged_provenance([(row.path, row.provenance) for row in group])
        self._publication.add.append(
            manifest_row(
                spec,
                self._farm_id,
                Form.BLOCK,
                span,
                written=written,
                provenance=provenance,
                now=self._now,
            )
        )
        self._publication.retire.extend(row.path for row in group)
        self._done.blocks_rewritten += 1
        self._done.rows += rows.num_rows

    def _read(
        self, spec: TableSpec, group: Sequence[ManifestRow]
    ) -> tuple[pa.Table, list[ManifestRow]]:
        """Return what the sound files hold, and the files that are not sound."""
        tables, broken = [], []
        for row in group:
            try:
                if self._shelf.blocks.describe(row.path).sha256 != row.sha256:
                    broken.append(row)
                    continue
                tables.append(conformed(spec, self._shelf.blocks.read(row.path)))
            except CorruptDataError:
                broken.append(row)
        return keep_first(spec, joined(spec, tables)), broken

    def _sound(self, row: ManifestRow) -> bool:
        try:
            return self._shelf.blocks.describe(row.path).sha256 == row.sha256
        except CorruptDataError:
            return False

    def _rollups(self) -> None:
        """Compute every finished hour again whose facts are kept; older rows stay as they are."""
        retention = self._shelf.retention(self._farm_id)
        since = {spec.name: retention.computed_since(spec, self._now) for spec in ROLLUP_TABLES}
        for row in self._shelf.files():
            if row.farm_id != self._farm_id or row.table_name not in since:
                continue
            if row.start_at >= since[row.table_name]:
                self._publication.retire.append(row.path)
            elif not self._sound(row):
                self._done.lost.append(row.path)
        if self._done.lost:
            return
        self._say("rollups", 0, 0)
        view = sealed_view(self._shelf, self._farm_id, self._now, self._publication)
        hours = hours_to_roll(view, None, None, finished_until(self._now))
        before = len(self._publication.add)
        Roller(view, self._shelf.blocks, self._publication, self._now).roll(hours)
        self._done.rollups = len(self._publication.add) - before


def _rows_in(spec: TableSpec, rows: pa.Table | None, span: Span) -> pa.Table:
    """Return the rows of a table that lie in a span; none if there is no table."""
    if rows is None:
        return joined(spec, [])
    return within(spec, rows, span.start, span.end)


def _outside(spec: TableSpec, rows: pa.Table, replaced: Replaced) -> pa.Table:
    """Return the rows that do not lie in an interval."""
    before = within(spec, rows, None, Instant(replaced.start))
    return joined(spec, [before, within(spec, rows, Instant(replaced.end), None)])


def _touching(files: Sequence[ManifestRow]) -> list[list[ManifestRow]]:
    """Return files in groups whose spans overlap."""
    groups: list[list[ManifestRow]] = []
    end = -1
    for row in sorted(files, key=lambda row: (row.start_at, -row.end_at, row.path)):
        if groups and row.start_at < end:
            groups[-1].append(row)
        else:
            groups.append([row])
        end = max(end, row.end_at)
    return groups
