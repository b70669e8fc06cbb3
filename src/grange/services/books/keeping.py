"""How long the books keep what, how large they are, and how large they will be."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from grange.books.catalog.registry import TABLES
from grange.books.questions.checks import facts_refused
from grange.books.retention import Retention
from grange.books.size import Held, full_in_days, table_sizes
from grange.domain.retention import RetentionPolicy
from grange.kernel.ids import FarmId
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.state import StateStore
from grange.services.books.desk import Desk

FORECAST_DAYS = (30, 365)


async def retention_of(store: StateStore, farm_id: FarmId) -> Retention:
    """Return how long a farm keeps what."""
    policy = await store.get(RetentionPolicy, (farm_id,))
    return Retention() if policy is None else Retention(policy.kept_days)


def books_size(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return the size of every table now and in some time, and what else takes room."""
    farm = desk.farm(farm_id)
    shelf = desk.shelf
    with desk.view(farm_id, live=False) as view:
        files = [row for rows in view.files.values() for row in rows]
        refused = view.ask(facts_refused()).to_pylist()
    now = view.now
    held = [
        Held(
            table_name=row.table_name,
            span=Span(row.start_at, row.end_at),
            row_count=row.row_count,
            byte_count=row.byte_count,
        )
        for row in files
        if row.table_name in TABLES
    ]
    first = min((file.span.start for file in held), default=None)
    start = None if first is None else Instant(max(first, farm.created_at))
    sizes = table_sizes(held, view.retention, start, now)
    known = all(size.bytes_per_day is not None for size in sizes)
    total = sum(size.byte_count for size in sizes)
    later = {
        str(days): sum(size.bytes_after(days) or 0 for size in sizes) if known else None
        for days in FORECAST_DAYS
    }
    growing = sum(
        size.bytes_per_day or 0
        for size in sizes
        if size.full_bytes is None or size.byte_count < size.full_bytes
    )
    room = shelf.blocks.room()
    return {
        "at": now,
        "tables": [asdict(size) | {"bytes_later": _later(size)} for size in sizes],
        "byte_count": total,
        "bytes_per_day": growing if known else None,
        "bytes_later": later,
        "journal_bytes": sum(segment.byte_count for segment in shelf.journal.segments()),
        "retired_bytes": sum(
            row.byte_count
            for row in shelf.state.manifest(include_retired=True)
            if row.retired_at is not None and row.farm_id == farm_id
        ),
        "free_bytes": room,
        "full_in_days": full_in_days(room, growing) if known else None,
        "facts_refused": {row["table_name"]: row["facts"] for row in refused},
    }


def _later(size: Any) -> dict[str, int | None]:
    return {str(days): size.bytes_after(days) for days in FORECAST_DAYS}


def books_retention(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return how long each table is kept, and who said so."""
    desk.farm(farm_id)
    policy = desk.state.get(RetentionPolicy, farm_id)
    retention = Retention() if policy is None else Retention(policy.kept_days)
    return {
        "tables": [
            {
                "table": spec.name,
                "kept_days": retention.days(spec),
                "kept_hours": spec.kept_hours,
                "declared_days": spec.kept_days,
                "lasting": spec.lasting,
                "set": spec.name in retention.set_days,
            }
            for spec in TABLES.values()
        ],
        "updated_at": None if policy is None else policy.updated_at,
        "updated_by": None if policy is None else policy.updated_by,
    }


ANSWERS: Mapping[str, Any] = {"books_size": books_size, "books_retention": books_retention}
