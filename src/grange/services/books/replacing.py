"""An interval of one table is collected again: the new rows take the place of the old ones.

Whole UTC hours of one producer are replaced, in one publication. The same rows again change
nothing. What the journal still keeps of the old rows does not come back: the file says up to which
frame it was replaced.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import table
from grange.books.catalog.rows import check_rows
from grange.books.catalog.schema import arrow_table, conformed
from grange.books.manifest import (
    PRODUCER,
    Form,
    Replaced,
    file_path,
    merged_provenance,
)
from grange.books.rows import in_file_order, joined, keep_first, within
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.publication import Publication, manifest_row
from grange.services.books.reach import Reach, hours_to_roll
from grange.services.books.rolling import Roller, rolled_until
from grange.services.books.sealing import Sealer, sealed_view
from grange.services.books.shelf import Shelf
from grange.services.books.upkeep import finished_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What became of an interval."""

    changed: bool
    """False: it held these rows already."""
    rows_before: int
    rows_after: int
    files_replaced: int


class Replacer:
    """Replaces intervals. The caller holds the sealer's lock."""

    def __init__(self, shelf: Shelf, sealer: Sealer) -> None:
        self._shelf = shelf
        self._sealer = sealer

    def replace(
        self,
        farm_id: str,
        table_name: str,
        span: Span,
        rows: Sequence[Mapping[str, Any]] | pa.Table,
        *,
        now: Instant,
        producer: str = PRODUCER,
        keep: Callable[[pa.Table], pa.Table] | None = None,
    ) -> Replacement:
        """Put rows in the place of everything a producer has in an interval.

        Args:
            farm_id: the farm.
            table_name: a table of facts from outside.
            span: whole UTC hours.
            rows: what the interval holds from now on; all of one farm, inside the span.
            now: the current instant.
            producer: whose rows are replaced.
            keep: which rows of the interval stay beside the new ones; default: none.

        Raises:
            InvalidRequestError: the table's rows are not collected, the span is not of whole
                hours, or a row does not fit or lies outside.
        """
        spec = table(table_name)
        _check(spec, farm_id, span, rows)
        self._seal(now)
        given = rows if isinstance(rows, pa.Table) else arrow_table(spec, rows)
        touched = [
            row
            for row in self._shelf.files()
            if (row.farm_id, row.table_name, row.producer) == (farm_id, table_name, producer)
            and row.start_at < span.end
            and row.end_at > span.start
        ]
        held = joined(spec, [conformed(spec, self._shelf.blocks.read(row.path)) for row in touched])
        before = in_file_order(spec, within(spec, held, span.start, span.end))
        staying = [] if keep is None else [keep(before)]
        wanted = in_file_order(spec, keep_first(spec, joined(spec, [*staying, given])))
        if before.equals(wanted):
            return Replacement(
                changed=False,
                rows_before=before.num_rows,
                rows_after=before.num_rows,
                files_replaced=0,
            )
        whole = Span(
            Instant(min([span.start, *(row.start_at for row in touched)])),
            Instant(max([span.end, *(row.end_at for row in touched)])),
        )
        kept = joined(
            spec,
            [
                within(spec, held, None, span.start),
                within(spec, held, span.end, None),
                wanted,
            ],
        )
        mark = Replaced(span.start, span.end, self._shelf.watermark)
        version = f"x{now:013d}{secrets.token_hex(4)}"
        written = self._shelf.blocks.write(
            file_path(spec, farm_id, whole, version=version, producer=producer),
            in_file_order(spec, kept),
            {"replaced": f"{span.start}-{span.end}"},
        )
        provenance = merged_provenance([(row.path, row.provenance) for row in touched])
        provenance["replaced"] = [*provenance.get("replaced", []), list(mark)]
        made = manifest_row(
            spec,
            farm_id,
            Form.BLOCK,
            whole,
            written=written,
            provenance=provenance,
            now=now,
            producer=producer,
        )
        publication = Publication(add=[made], retire=[row.path for row in touched])
        self._roll(publication, farm_id, [(spec, before), (spec, wanted)], now)
        self._shelf.publish(publication.add, publication.retire, now)
        return Replacement(
            changed=True,
            rows_before=before.num_rows,
            rows_after=wanted.num_rows,
            files_replaced=len(touched),
        )

    def _seal(self, now: Instant) -> None:
        """Move everything into files, so that all rows of the interval are there."""
        publication, _ = self._sealer.blocks(now, force=True)
        if publication.add:
            self._shelf.publish(publication.add, publication.retire, now)

    def _roll(
        self,
        publication: Publication,
        farm_id: str,
        changed: Iterable[tuple[TableSpec, pa.Table]],
        now: Instant,
    ) -> None:
        """Roll up again what rows reach into that are gone or new."""
        reach = Reach()
        for spec, rows in changed:
            if rows.num_rows:
                reach.add(spec, rows)
        view = sealed_view(self._shelf, farm_id, now, publication)
        files = [*self._shelf.files(), *publication.add]
        hours = hours_to_roll(view, reach, rolled_until(files, farm_id), finished_until(now))
        if hours:
            Roller(view, self._shelf.blocks, publication, now).roll(hours)


def _check(
    spec: TableSpec, farm_id: str, span: Span, rows: Sequence[Mapping[str, Any]] | pa.Table
) -> None:
    if spec.rollup or spec.lasting:
        raise InvalidRequestError(
            f"{spec.name} is not collected, so nothing of it can be replaced.",
            fields=[FieldProblem("table", "must hold facts from outside")],
        )
    if not span.millis or span.start % MILLIS_PER_HOUR or span.end % MILLIS_PER_HOUR:
        raise InvalidRequestError(
            "An interval is replaced in whole UTC hours.",
            fields=[FieldProblem("start", "must begin an hour"),
                    FieldProblem("end", "must end an hour")],
        )  # fmt: skip
    if isinstance(rows, pa.Table):  # checked in columns where it was taken in
        if rows.num_rows != within(spec, rows, span.start, span.end).num_rows:
            raise InvalidRequestError("A row lies outside the interval.")
        return
    check_rows(spec, rows)
    for index, row in enumerate(rows):
        if row["farm_id"] != farm_id or not span.start <= row[spec.time_column] < span.end:
            raise InvalidRequestError(
                f"Row {index} lies outside the interval.",
                fields=[FieldProblem(f"rows[{index}]", "must be of the farm and the interval")],
            )
