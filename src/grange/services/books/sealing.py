"""Sealing: facts of past hours move from the journal into files."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import table
from grange.books.manifest import (
    Form,
    Grain,
    Sequences,
    file_path,
    grain_span,
)
from grange.books.questions.model import DRIFT_MS
from grange.books.rows import (
    by_day,
    by_hour,
    in_file_order,
    joined,
    time_range,
    within,
    without_keys,
)
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.ports.query import Plan
from grange.ports.state import ManifestRow
from grange.services.books.publication import Publication, manifest_row
from grange.services.books.reach import Reach
from grange.services.books.shelf import (
    Fresh,
    Shelf,
    View,
    files_of,
    near_copies,
    reaches,
)
from grange.services.books.tail import Memory, Place

GRACE_MS = 2 * MILLIS_PER_MINUTE
"""How long after its end an hour is sealed, so that most late facts are in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What was sealed."""

    files: tuple[ManifestRow, ...] = ()
    row_count: int = 0
    reach: Mapping[str, Reach] = field(default_factory=dict)
    """What the sealed facts touch, by farm."""


class Sealer:
    """Writes blocks from the journal's tail."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.lock = threading.Lock()
        """Held while files take the place of others."""

    def blocks(
        self,
        now: Instant,
        *,
        force: bool = False,
        grain: Grain = Grain.HOUR,
        up_to: int | None = None,
    ) -> tuple[Publication, Sealed]:
        """Write the blocks of finished hours; nothing is published yet.

        Args:
            now: the current instant.
            force: also seal the running hour.
            grain: how long a span one file covers; days, where a long past comes in at once.
            up_to: seal no frame behind this sequence.
        """
        with self._shelf.changing() as tail:
            upper = tail.position if force else min(tail.position, self._finished(now))
            upper = upper if up_to is None else min(upper, up_to)
            places = tail.up_to(upper)
        publication = Publication()
        reach: dict[str, Reach] = defaultdict(Reach)
        sequences = Sequences(min(self._shelf.watermark + 1, upper), upper)
        for place, found in sorted(places.items(), key=lambda item: item[0]):
            made = self._seal_place(place, found, sequences, now, reach[place[0]], grain=grain)
            publication.add.extend(made)
        return publication, Sealed(
            files=tuple(publication.add),
            row_count=sum(row.row_count for row in publication.add),
            reach=reach,
        )

    def _finished(self, now: Instant) -> int:
        """Return the last sequence that was written in an hour that is over."""
        hour = (now - GRACE_MS) // MILLIS_PER_HOUR * MILLIS_PER_HOUR
        for segment in self._shelf.journal.segments():
            if segment.created_at >= hour:
                return segment.first_sequence - 1
        return 2**63 - 1

    def _seal_place(
        self,
        place: Place,
        rows: pa.Table,
        sequences: Sequences,
        now: Instant,
        reach: Reach,
        *,
        grain: Grain,
    ) -> list[ManifestRow]:
        farm_id, table_name = place
        spec = table(table_name)
        files = [row for row in self._shelf.files() if (row.farm_id, row.table_name) == place]
        made = []
        for first, found in by_hour(spec, rows) if grain is Grain.HOUR else by_day(spec, rows):
            span = grain_span(first, grain)
            fresh = self._fresh(spec, files, found)
            if not fresh.num_rows:
                continue
            reach.add(spec, fresh)
            covered = any(reaches(row, span) for row in files)
            path = file_path(spec, farm_id, span, version=f"s{sequences.last:016d}")
            written = self._shelf.blocks.write(
                path,
                in_file_order(spec, fresh),
                {"sequences": f"{sequences.first}-{sequences.last}"},
            )
            made.append(
                manifest_row(
                    spec,
                    farm_id,
                    Form.DELTA if covered else Form.BLOCK,
                    span,
                    written=written,
                    provenance={"sequences": [sequences.first, sequences.last]},
                    now=now,
                )
            )
        return made

    def _fresh(self, spec: TableSpec, files: Sequence[ManifestRow], rows: pa.Table) -> pa.Table:
        """Return the rows that no file holds yet."""
        least, most = time_range(spec, rows)
        until = max((row.end_at for row in files if row.start_at <= most + DRIFT_MS), default=0)
        if until + DRIFT_MS > most:
            return without_keys(spec, rows, self._known_keys(spec, files, rows))
        if until + DRIFT_MS <= least:
            return rows
        # Only rows near the times of the files can be copies of what they hold; they are few.
        maybe = within(spec, rows, None, Instant(until + DRIFT_MS))
        left = without_keys(spec, maybe, self._known_keys(spec, files, maybe))
        if left.num_rows == maybe.num_rows:
            return rows
        return joined(spec, [left, within(spec, rows, Instant(until + DRIFT_MS), None)])

    def _known_keys(
        self, spec: TableSpec, files: Sequence[ManifestRow], rows: pa.Table
    ) -> pa.Table:
        """Return the keys that files already hold around the times of some rows."""
        around = near_copies(spec, rows)
        near = [row for row in files if reaches(row, around)]
        if not near:
            return rows.slice(0, 0)
        name = f"{spec.name}__files"
        keys = ", ".join(f'"{name}"' for name in spec.key)
        time = f'"{spec.time_column}"'
        return self._shelf.engine.run(
            Plan(
                sql=f"SELECT {keys} FROM {name} "  # noqa: S608 - names of the catalog
                f"WHERE {time} >= $start AND {time} < $end",
                parameters={"start": around.start, "end": around.end},
                files={name: files_of(spec, near, self._shelf.blocks)},
            )
        )


def sealed_view(shelf: Shelf, farm_id: str, now: Instant, publication: Publication) -> View:
    """Return a view of files only, as they will be once something is published."""
    files: dict[str, list[ManifestRow]] = {}
    for row in (*shelf.files(), *publication.add):
        if row.farm_id == farm_id and row.path not in publication.retire:
            files.setdefault(row.table_name, []).append(row)
    return View(
        farm_id=farm_id,
        now=now,
        files=files,
        fresh=Fresh({}, Memory(), {}),
        going={},
        engine=shelf.engine,
        blocks=shelf.blocks,
        retention=shelf.retention(farm_id),
    )
