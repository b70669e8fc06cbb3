"""A studio's past: taken in as it was told, shown, and never priced (S0-60)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.questions.foreign import foreign_records
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import Instant, instant_of
from grange.services.books.desk import Desk
from grange.services.books.ingest import Ingest

KINDS = ("job", "day", "worker_day", "layer_time", "chunk", "log", "worker")
MOST_RECORDS = 5000
PART_CHARACTERS = 60_000
"""A longer record is kept in parts."""


async def keep_foreign(
    ingest: Ingest,
    *,
    now: Instant,
    farm_id: str,
    zone: str,
    source: str,
    written_at: int,
    by: str,
    records: Sequence[Any],
) -> int:
    """Keep records; durable when this returns, repeats harmless. Return how many there were.

    Args:
        ingest: keeps rows.
        now: the present instant.
        farm_id: whose past it is.
        zone: the farm's zone, for times without one.
        source: name of the other system.
        written_at: when the records were written out; the same in every repeat.
        by: who brings them.
        records: as the exporter writes them.

    Raises:
        InvalidRequestError: a record is none; nothing was kept.
        ThrottledError: the journal does not keep up; nothing was kept.
    """
    if len(records) > MOST_RECORDS:
        raise InvalidRequestError(f"Send at most {MOST_RECORDS} records at once.")
    fixed = {
        "farm_id": farm_id,
        "source": source,
        "brought_at": min(written_at, now),
        "brought_by": by,
    }
    rows = [
        {**fixed, **row}
        for at, record in enumerate(records)
        for row in _rows(at, record, ZoneInfo(zone))
    ]
    if rows:
        size = sum(len(row["record"]) for row in rows)
        await ingest.keep(farm_id, "foreign_records", rows, byte_count=size)
    return len(records)


def _rows(index: int, record: Any, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    kind = record.get("kind") if isinstance(record, Mapping) else None
    if kind not in KINDS or not isinstance(record.get("id"), str) or not record["id"]:
        message = f"is no record of a past: it needs a kind ({', '.join(KINDS)}) and an id"
        raise InvalidRequestError(
            f"Record {index} {message}.", fields=[FieldProblem(f"records[{index}]", message)]
        )
    named = _named(record)
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    for part, start in enumerate(range(0, len(text), PART_CHARACTERS)):
        yield {
            "kind": kind,
            "record_id": record["id"],
            "part": part,
            "at": _instant(index, record.get("at"), zone),
            "record": text[start : start + PART_CHARACTERS],
            **named,
        }


def _named(record: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what a job is of; None for all other kinds."""
    values = record.get("values") if record["kind"] == "job" else None
    values = values if isinstance(values, Mapping) else {}
    soft = record.get("soft")
    found = {
        "project": record.get("project"),
        "user_name": values.get("userName"),
        "app": soft.get("name") if isinstance(soft, Mapping) else None,
        "layer_name": values.get("layer"),
    }
    return {name: value if isinstance(value, str) else None for name, value in found.items()}


def _instant(index: int, told: Any, zone: ZoneInfo) -> Instant | None:
    if told is None:
        return None
    try:
        return instant_of(datetime.fromisoformat(told).replace(tzinfo=zone))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequestError(
            f"Record {index} has no time but {told!r}.",
            fields=[FieldProblem(f"records[{index}].at", "must be an ISO time without a zone")],
        ) from error


def foreign_history(
    desk: Desk,
    *,
    farm_id: str,
    kind: str = "job",
    project: str | None = None,
    source: str | None = None,
    limit: int = 100,
    skipped: int = 0,
) -> dict[str, Any]:
    """Return records that were brought, newest first, and how many there are."""
    if kind not in KINDS:
        raise InvalidRequestError(
            f"kind is one of {', '.join(KINDS)}.", fields=[FieldProblem("kind", "is not known")]
        )
    question = foreign_records(kind, project=project, source=source, limit=limit, skipped=skipped)
    with desk.view(farm_id, live=False) as view:
        rows = view.ask(question).to_pylist()
    total = rows[0]["total"] if rows else 0
    for row in rows:
        del row["total"]
        row["record"] = json.loads(row["record"])
    return {"records": rows, "total": total}


ANSWERS: Mapping[str, Any] = {"foreign_history": foreign_history}
