"""Facts from workers: checked, put on the server's clock, kept before they are acknowledged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import table
from grange.books.catalog.rows import row_problem
from grange.books.catalog.telemetry_tables import ADDED_TO_FRAMES, ADDED_TO_SAMPLES
from grange.domain.work import Worker
from grange.kernel.clock import Clock
from grange.kernel.errors import InvalidRequestError, StorageFullError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_MINUTE, Instant
from grange.services.books.group_commit import GroupCommit, Part

MOST_ROWS = 20_000
RETENTION_DAYS = 400
AHEAD_MS = 10 * MILLIS_PER_MINUTE
_ABOUT_ROW_BYTES = 300

POSTED: Mapping[str, frozenset[str]] = {
    "frames": ADDED_TO_FRAMES,
    "worker_samples": ADDED_TO_SAMPLES,
    "thread_samples": ADDED_TO_SAMPLES,
}
"""Member of a batch (and table) → the columns that the server adds."""
_BATCH_MEMBERS = frozenset(POSTED) | {"batch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One row that was not kept."""

    table: str
    index: int
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of a batch."""

    accepted: int
    refused: tuple[Refused, ...]


class Ingest:
    """Takes batches of facts from workers."""

    def __init__(
        self,
        commit: GroupCommit,
        clock: Clock,
        *,
        has_room: Callable[[], bool] = lambda: True,
        retention_days: int = RETENTION_DAYS,
    ) -> None:
        """Take facts.

        Args:
            commit: keeps rows.
            clock: the server's clock.
            has_room: False while the data folder's disk is nearly full.
            retention_days: older facts are refused.
        """
        self._commit = commit
        self._clock = clock
        self._has_room = has_room
        self._retention_ms = retention_days * MILLIS_PER_DAY

    async def ingest(
        self,
        worker: Worker,
        clock_offset_ms: int,
        batch: Mapping[str, Any],
        *,
        byte_count: int | None = None,
    ) -> Ingested:
        """Keep the facts of one worker; durable when this returns. A repeat is harmless.

        Args:
            worker: who sent them.
            clock_offset_ms: the server's time minus the worker's.
            batch: lists of rows by table, as posted.
            byte_count: size of the request, for back-pressure.

        Raises:
            InvalidRequestError: the batch is no object of lists; nothing was kept.
            ThrottledError: the journal does not keep up, or the disk is full; nothing was kept.
        """
        total = _check_batch(batch)
        self._commit.check_room()
        if not self._has_room():
            raise StorageFullError(
                "The server's disk is nearly full, so it takes no samples. Keep them and send them "
                "again later.",
                retry_after_seconds=60,
            )
        parts: list[Part] = []
        refused: list[Refused] = []
        for name in POSTED:
            rows = []
            for index, row in enumerate(batch.get(name) or ()):
                found = self._checked(table(name), row, worker, clock_offset_ms)
                if isinstance(found, dict):
                    rows.append(found)
                else:
                    refused.append(
                        Refused(
                            table=name,
                            index=index,
                            field=found[0],
                            message=" ".join(found).strip(),
                        )
                    )
            if rows:
                parts.append((worker.farm_id, name, rows))
        if parts:
            await self._commit.keep(
                parts, total * _ABOUT_ROW_BYTES if byte_count is None else byte_count
            )
        return Ingested(accepted=total - len(refused), refused=tuple(refused))

    def _checked(
        self, spec: TableSpec, posted: Any, worker: Worker, offset_ms: int
    ) -> dict[str, Any] | tuple[str, str]:
        """Return the row to keep, or (field, message) of what is wrong with it."""
        problem = row_problem(spec, posted, skipped=POSTED[spec.name])
        if problem is not None:
            return problem
        row = _rebased(spec, posted, worker, offset_ms)
        return self._time_problem(spec, row, self._clock.now()) or row

    def _time_problem(
        self, spec: TableSpec, row: Mapping[str, Any], now: Instant
    ) -> tuple[str, str] | None:
        at = row[spec.time_column]
        if at > now + AHEAD_MS:
            return spec.time_column, "lies in the future: is the worker's clock right?"
        if at < now - self._retention_ms:
            return spec.time_column, "is older than facts are kept"
        if spec.start_column is not None and row[spec.start_column] > at:
            return spec.start_column, f"is later than {spec.time_column}"
        return None


def _check_batch(batch: Mapping[str, Any]) -> int:
    """Return how many rows there are."""
    if not isinstance(batch, Mapping):
        raise InvalidRequestError("A batch of facts is an object of lists.", reason="CANNOT_PARSE")
    for name, rows in batch.items():
        if name not in _BATCH_MEMBERS:
            raise InvalidRequestError(
                f"{name} is no table a worker may send: {', '.join(sorted(POSTED))}."
            )
        if name != "batch" and not (rows is None or isinstance(rows, list | tuple)):
            raise InvalidRequestError(f"{name} must be a list of rows.")
    total = sum(len(batch.get(name) or ()) for name in POSTED)
    if total > MOST_ROWS:
        raise InvalidRequestError(f"A batch may hold {MOST_ROWS} rows; this one holds {total}.")
    return total


def _rebased(
    spec: TableSpec, posted: Mapping[str, Any], worker: Worker, offset: int
) -> dict[str, Any]:
    """Return a row with what the server adds, its times on the server's clock."""
    row = dict(posted)
    row["farm_id"] = worker.farm_id
    row["fleet_id"] = worker.fleet_id
    row["worker_id"] = worker.worker_id
    if spec.name == "frames":
        row["worker_started_at"] = row["started_at"]
        row["worker_ended_at"] = row["ended_at"]
        row["started_at"] += offset
        row["ended_at"] += offset
        if row.get("log_started_at") is not None:
            row["log_started_at"] += offset
    else:
        row["worker_at"] = row["at"]
        row["at"] += offset
    return row
