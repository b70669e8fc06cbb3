"""Data for the contests of the books: a year of sessions, and telemetry as workers send it."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from grange.books.catalog.model import CATALOG_VERSION, TableSpec
from grange.books.catalog.registry import table
from grange.books.catalog.schema import arrow_schema
from grange.books.manifest import PRODUCER, Form
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant, instant_of
from grange.ports.state import ManifestRow

PART_ROWS = 250_000
FARM = "farm-" + "0" * 31 + "1"
ZONE = ZoneInfo("Europe/Paris")
YEAR = 2026
QUEUES, USERS = 24, 40
LONGEST_SESSION_MS = 40 * 60_000

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


def year() -> Span:
    """Return the local year; both changes of the clock are in it."""
    return Span(
        instant_of(datetime(YEAR, 1, 1, tzinfo=ZONE)),
        instant_of(datetime(YEAR + 1, 1, 1, tzinfo=ZONE)),
    )


def months() -> list[Span]:
    """Return the UTC months that files cover."""
    first = [(YEAR - 1, 12), *((YEAR, month) for month in range(1, 13)), (YEAR + 1, 1)]
    starts = [instant_of(datetime(year, month, 1, tzinfo=UTC)) for year, month in first]
    return [Span(start, end) for start, end in pairwise(starts)]


def queue_ids() -> list[str]:
    """Return the ids of the queues."""
    return [f"queue-{number:032x}" for number in range(QUEUES)]


def user_names() -> list[str]:
    """Return the users."""
    return [f"artist{number:02}" for number in range(USERS)]


class Sessions:
    """The columns of the report: when each session began and ended, its queue and its user."""

    def __init__(self, rows: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        span = year()
        self.start: Ints = np.sort(
            rng.integers(span.start, span.end - LONGEST_SESSION_MS, rows, dtype=np.int64)
        )
        length = np.minimum(rng.lognormal(np.log(420_000), 0.8, rows), LONGEST_SESSION_MS)
        self.end: Ints = self.start + np.maximum(1_000, length.astype(np.int64) // 100 * 100)
        # Popular queues and users, as in life.
        self.queue = np.minimum(rng.geometric(0.14, rows) - 1, QUEUES - 1).astype(np.int8)
        self.user = np.minimum(rng.geometric(0.08, rows) - 1, USERS - 1).astype(np.int8)
        self.worker = rng.integers(0, 500, rows, dtype=np.int16)

    def __len__(self) -> int:
        return len(self.start)


def write_sessions(folder: Path, sessions: Sessions) -> list[ManifestRow]:
    """Write the blocks of a year by month, as compaction leaves them; return their manifest."""
    spec = table("sessions")
    found = []
    for month in months():
        mask = (sessions.end >= month.start) & (sessions.end < month.end)
        chosen = np.flatnonzero(mask)
        if not len(chosen):
            continue
        chosen = chosen[np.lexsort((sessions.start[chosen], sessions.worker[chosen]))]
        rows = _session_rows(spec, sessions, chosen)
        found.append(_write(folder, spec, month, rows))
    return found


def _session_rows(spec: TableSpec, sessions: Sessions, chosen: Ints) -> pa.Table:
    count = len(chosen)
    given = {
        "farm_id": _constant(FARM, count),
        "started_at": pa.array(sessions.start[chosen]),
        "ended_at": pa.array(sessions.end[chosen]),
        "queue_id": _coded(sessions.queue[chosen], queue_ids()),
        "user_name": _coded(sessions.user[chosen], user_names()),
        "worker_id": _coded(
            sessions.worker[chosen], [f"worker-{number:032x}" for number in range(500)]
        ),
        "session_id": _constant("session-0", count),
        "threads": pa.array(np.ones(count, dtype=np.int64)),
    }
    schema = arrow_schema(spec.name)
    columns = [given.get(field.name, _nulls(field.type, count)) for field in schema]
    return pa.table(dict(zip(schema.names, columns, strict=True)))


def _coded(codes: "np.ndarray[Any, Any]", names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


def _constant(text: str, count: int) -> pa.Array:
    return _coded(np.zeros(count, dtype=np.int8), [text])


def _nulls(kind: pa.DataType, count: int) -> pa.Array:
    return pa.nulls(count, type=kind)


def _write(folder: Path, spec: TableSpec, span: Span, rows: pa.Table) -> ManifestRow:
    day = datetime.fromtimestamp(span.start / 1000, UTC)
    grain = "%Y-%m" if span.millis > MILLIS_PER_DAY else "%Y-%m-%dT%H"
    path = Path("blocks") / FARM / spec.name / f"{day:{grain}}.server.bench.parquet"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, target, compression="zstd", row_group_size=PART_ROWS, store_schema=False)
    return ManifestRow(
        farm_id=FARM,
        path=path.as_posix(),
        form=Form.BLOCK.value,
        table_name=spec.name,
        start_at=span.start,
        end_at=span.end,
        producer=PRODUCER,
        catalog_version=CATALOG_VERSION,
        row_count=rows.num_rows,
        byte_count=target.stat().st_size,
        sha256=hashlib.sha256(path.name.encode()).hexdigest(),
        created_at=span.end,
    )


# ── telemetry ─────────────────────────────────────────────────────────────────────────────────────

SAMPLE_MS = 20_000
FIELDS = (
    "coverage_ms",
    "cpu_milli",
    "memory_used_bytes",
    "memory_total_bytes",
    "net_in_bytes",
    "net_out_bytes",
    "net_in_max_bytes_per_s",
    "load1_milli",
)
"""The machine's own fields, whose bytes are counted."""
T0 = Instant(1_767_225_600_000)
"""2026-01-01T00:00:00Z."""
MIB = 1 << 20


def worker_name(number: int) -> str:
    """Return the id of a worker."""
    return f"worker-{number:032x}"


def samples(number: int, start: int, count: int, seed: int = 7) -> dict[str, Ints]:
    """Return samples of one worker, quantised: thousandths of the machine, whole MiB and KiB.

    A worker renders for a while and idles for a while. Every field moves with every sample; the
    network is quiet, or busy for a while.
    """
    rng = np.random.default_rng([seed, number, start // SAMPLE_MS % 2**31])
    at = start + SAMPLE_MS * np.arange(1, count + 1, dtype=np.int64)
    shift = int(rng.integers(90))

    def while_(likely: float, length: int) -> "np.ndarray[Any, Any]":
        return np.repeat(rng.random(count // length + 2) < likely, length)[shift % length :][:count]

    renders, busy = while_(0.7, 90), while_(0.2, 12)
    cpu = np.clip(np.where(renders, 950 + rng.normal(0, 8, count), 12 + rng.exponential(3, count)),
                  0, 1000).astype(np.int64)  # fmt: skip
    memory = np.where(renders, 14_000, 2_500) + np.cumsum(rng.integers(-2, 3, count)) % 900
    received = np.where(busy, rng.lognormal(9, 0.6, count), rng.exponential(5, count))
    sent = np.where(busy, rng.lognormal(6, 0.5, count), rng.exponential(3, count))
    load = np.convolve(cpu * 16, np.full(3, 1 / 3), mode="same").astype(np.int64) // 100 * 100
    kib = received.astype(np.int64)
    return {
        "at": at,
        "coverage_ms": np.full(count, SAMPLE_MS, dtype=np.int64),
        "cpu_milli": cpu,
        "memory_used_bytes": memory.astype(np.int64) * MIB,
        "memory_total_bytes": np.full(count, 32_768 * MIB, dtype=np.int64),
        "net_in_bytes": kib * 1024,
        "net_out_bytes": sent.astype(np.int64) * 1024,
        "net_in_max_bytes_per_s": (kib // 20 * 3 // 2) * 1024,
        "load1_milli": load,
    }


def sample_rows(numbers: range, start: int, count: int) -> pa.Table:
    """Return samples of several workers as the table keeps them, in its order."""
    schema = arrow_schema("worker_samples")
    parts: dict[str, list[Ints]] = {}
    for number in numbers:
        for name, values in samples(number, start, count).items():
            parts.setdefault(name, []).append(values)
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    total = len(columns["at"])
    codes = np.repeat(np.arange(len(numbers), dtype=np.int32), count)
    given = {name: pa.array(values) for name, values in columns.items()}
    given["worker_at"] = given["at"]
    given["farm_id"] = _constant(FARM, total)
    given["fleet_id"] = _constant("fleet-" + "0" * 31 + "1", total)
    given["worker_id"] = _coded(codes, [worker_name(number) for number in numbers])
    given["user_logged_in"] = pa.array(np.zeros(total, dtype=bool))
    listed = [given.get(field.name, _nulls(field.type, total)) for field in schema]
    return pa.table(dict(zip(schema.names, listed, strict=True)))


def write_samples(folder: Path, numbers: range, start: int, span: Span, count: int) -> ManifestRow:
    """Write one block of samples."""
    return _write(folder, table("worker_samples"), span, sample_rows(numbers, start, count))


def sample_months(days: int) -> Iterator[tuple[Span, int]]:
    """Yield months from T0 on until so many days are there, and how many samples each has."""
    start, left = int(T0), days
    while left > 0:
        day = datetime.fromtimestamp(start / 1000, UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        length = min(left, (following - day).days)
        end = start + length * MILLIS_PER_DAY
        yield Span(Instant(start), Instant(end)), length * MILLIS_PER_DAY // SAMPLE_MS
        start, left = end, left - length
