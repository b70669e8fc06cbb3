"""Facts from workers: checked, put on the server's clock, kept before they are acknowledged."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import table
from grange.books.catalog.rows import fact_row, row_problem
from grange.books.catalog.telemetry_tables import ADDED_TO_FRAMES, ADDED_TO_SAMPLES
from grange.books.retention import Retention
from grange.domain.facts import EventFact
from grange.domain.work import Worker
from grange.kernel.clock import Clock
from grange.kernel.errors import InvalidRequestError, StorageFullError
from grange.kernel.ids import FarmId
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.services.books.column_batches import Columns, columns_as_rows, put_together
from grange.services.books.group_commit import GroupCommit, Part

MOST_ROWS = 20_000
AHEAD_MS = 10 * MILLIS_PER_MINUTE
_ABOUT_ROW_BYTES = 300
TOO_OLD = "is older than facts are kept"
LATE = "facts_refused"
"""Event: facts of a worker were refused, because they came later than their table is kept."""

POSTED: Mapping[str, frozenset[str]] = {
    "frames": ADDED_TO_FRAMES,
    "worker_samples": ADDED_TO_SAMPLES,
    "thread_samples": ADDED_TO_SAMPLES,
    "log_lines": frozenset({"farm_id", "machine"}),
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
        retention: Callable[[FarmId], Awaitable[Retention]] | None = None,
    ) -> None:
        """Take facts.

        Args:
            commit: keeps rows.
            clock: the server's clock.
            has_room: False while the data folder's disk is nearly full.
            retention: how long a farm keeps what: older facts are refused, and counted by an event
                in the books. None: as the catalog says.
        """
        self._commit = commit
        self._clock = clock
        self._has_room = has_room
        self._retention = retention

    @property
    def queued_bytes(self) -> int:
        """About how many bytes of facts are not durable yet."""
        return self._commit.queued_bytes

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
        now = self._clock.now()
        retention = await self._retention(worker.farm_id) if self._retention else Retention()
        late: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        parts: list[Part] = []
        refused: list[Refused] = []
        for name in POSTED:
            rows = []
            since = retention.taken_since(table(name), now)
            for index, row in enumerate(batch.get(name) or ()):
                found = self._checked(table(name), row, worker, clock_offset_ms, since)
                if isinstance(found, dict):
                    rows.append(found)
                else:
                    if found[1] == TOO_OLD:
                        late[name].append(row)
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
        parts += [_late_event(worker, name, rows, now) for name, rows in late.items()]
        if parts:
            await self._commit.keep(
                parts, total * _ABOUT_ROW_BYTES if byte_count is None else byte_count
            )
        return Ingested(accepted=total - len(refused), refused=tuple(refused))

    async def ingest_columns(
        self, worker: Worker, clock_offset_ms: int, batches: Iterable[Mapping[str, Columns]]
    ) -> int:
        """Keep samples of one worker that come as columns; returns how many rows that were.

        The same as `ingest`, for senders with many like rows. Batches are kept all or none.

        Args:
            worker: who sent them.
            clock_offset_ms: the server's time minus the worker's.
            batches: columns by table, as they are posted one after the other.

        Raises:
            InvalidRequestError: a column does not fit its table; nothing was kept.
            ThrottledError: the journal does not keep up, or the disk is full; nothing was kept.
        """
        self._commit.check_room()
        if not self._has_room():
            raise StorageFullError(
                "The server's disk is nearly full, so it takes no samples.", retry_after_seconds=60
            )
        now = self._clock.now()
        retention = await self._retention(worker.farm_id) if self._retention else Retention()
        since = {name: retention.taken_since(table(name), now) for name in POSTED}
        found: dict[str, list[Columns]] = defaultdict(list)
        total = 0
        for batch in batches:
            count = 0
            for name, columns in batch.items():
                found[name].append(columns)
                count += len(columns[table(name).time_column])
            if count > MOST_ROWS:
                raise InvalidRequestError(
                    f"A batch may hold {MOST_ROWS} rows; this one holds {count}."
                )
            total += count
        parts: list[Part] = [
            (
                worker.farm_id,
                name,
                columns_as_rows(
                    table(name), columns, worker, clock_offset_ms, added=POSTED[name],
                    least=since[name], most=now + AHEAD_MS,
                ),
            )
            for name, batches_of_table in found.items()
            for columns in put_together(batches_of_table)
        ]  # fmt: skip
        if parts:
            await self._commit.keep(parts, total * _ABOUT_ROW_BYTES)
        return total

    async def taken_since(self, farm_id: str, table_name: str) -> Instant:
        """Return from which instant on facts of a table are taken."""
        retention = Retention()
        if self._retention is not None:
            retention = await self._retention(FarmId(farm_id))
        return retention.taken_since(table(table_name), self._clock.now())

    async def keep(
        self, farm_id: str, table_name: str, rows: Sequence[Mapping[str, Any]], *, byte_count: int
    ) -> None:
        """Keep rows that the server itself made; durable when this returns.

        Raises:
            ThrottledError: the journal does not keep up, or the disk is full; nothing was kept.
        """
        self._commit.check_room()
        if not self._has_room():
            raise StorageFullError(
                "The server's disk is nearly full. Nothing was kept; send the same again later.",
                retry_after_seconds=60,
            )
        await self._commit.keep([(farm_id, table_name, rows)], byte_count)

    def _checked(
        self, spec: TableSpec, posted: Any, worker: Worker, offset_ms: int, since: Instant
    ) -> dict[str, Any] | tuple[str, str]:
        """Return the row to keep, or (field, message) of what is wrong with it."""
        problem = row_problem(spec, posted, skipped=POSTED[spec.name])
        if problem is not None:
            return problem
        row = _rebased(spec, posted, worker, offset_ms)
        return self._time_problem(spec, row, since) or row

    def _time_problem(
        self, spec: TableSpec, row: Mapping[str, Any], since: Instant
    ) -> tuple[str, str] | None:
        at = row[spec.time_column]
        if at > self._clock.now() + AHEAD_MS:
            return spec.time_column, "lies in the future: is the worker's clock right?"
        if at < since:
            return spec.time_column, TOO_OLD
        if spec.start_column is not None and row[spec.start_column] > at:
            return spec.start_column, f"is later than {spec.time_column}"
        return None


def _late_event(worker: Worker, name: str, rows: Sequence[Mapping[str, Any]], now: Instant) -> Part:
    """Return the event that counts facts refused as too old; the same facts give the same event."""
    times = sorted(f"{row.get('thread')}:{row[table(name).time_column]}" for row in rows)
    same = sha256("\n".join([worker.worker_id, name, *times]).encode()).hexdigest()[:32]
    fact = EventFact(
        farm_id=worker.farm_id, event_id=f"event-{same}", at=now, subject="worker",
        subject_id=worker.worker_id, name=LATE, new=name, number=len(rows),
        worker_id=worker.worker_id, fleet_id=worker.fleet_id,
    )  # fmt: skip
    table_name, row = fact_row(fact)
    return worker.farm_id, table_name, [row]


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
    if spec.name == "log_lines":  # a worker tells of itself alone
        row["machine"] = str(worker.host_properties.get("hostName") or worker.worker_id)
        row["at"] += offset
        return row
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
