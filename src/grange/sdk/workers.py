"""Records of workers by local day: samples every 20 seconds, job threads, hourly counters.

worker = farm.books.workers["box1"]
worker[-1].samples[180].cpu          # 01:00:00 to 01:00:20 of the last day known
worker["2026-03-01"].hours[10].threads[0].frames_done
farm.books.workers.report("2026-03-01", "2026-04-01").to_csv("march.csv")
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from grange.books.csv_text import csv_text
from grange.sdk.columns import to_arrow, to_polars
from grange.sdk.days import Asks, as_date

if TYPE_CHECKING:
    import polars
    import pyarrow as pa

SAMPLES = 4320
HOURS = 24
_RENDERING = frozenset({"rendering", "overhead"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSample:
    """A job thread during 20 seconds."""

    thread: int
    state: str
    """rendering, overhead (a job's, but no frame), idle, disabled, …"""
    cpu: float
    """Share of the whole machine, 0 to 1."""
    memory_bytes: int
    render_type: str | None
    job_id: str | None

    @property
    def is_disabled(self) -> bool:
        """Whether it was disabled."""
        return self.state == "disabled"

    @property
    def is_idle(self) -> bool:
        """Whether it waited for jobs."""
        return self.state == "idle"

    @property
    def is_rendering(self) -> bool:
        """Whether a job was on it."""
        return self.state in _RENDERING


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSample:
    """A machine during 20 seconds. None: not known."""

    index: int
    """Which 20 seconds of the local day, from 0 to 4319."""
    valid: bool
    """Whether the worker was online."""
    coverage_ms: int | None
    """How much of the time was really watched."""
    cpu: float | None
    """Share of the whole machine, 0 to 1."""
    gpu: float | None
    memory_bytes: int | None
    net_in_bytes: int | None
    net_out_bytes: int | None
    net_in_max_bytes_per_s: int | None
    user_logged_in: bool | None
    threads: tuple[ThreadSample, ...]
    """The job threads that were there."""

    @property
    def all_threads_disabled(self) -> bool:
        """Whether there are threads, and all are disabled."""
        return bool(self.threads) and all(thread.is_disabled for thread in self.threads)

    @property
    def any_thread_idle(self) -> bool:
        """Whether a thread waited for jobs."""
        return any(thread.is_idle for thread in self.threads)

    @property
    def any_thread_rendering(self) -> bool:
        """Whether a job was on any thread."""
        return any(thread.is_rendering for thread in self.threads)

    @property
    def job_cpu(self) -> float:
        """CPU of all job threads together."""
        return sum(thread.cpu for thread in self.threads)

    @property
    def max_thread_memory_bytes(self) -> int | None:
        """Most memory of any job thread."""
        return max((thread.memory_bytes for thread in self.threads), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadHour:
    """A job thread in a local hour."""

    thread: int
    up_ms: int
    """How long it was there."""
    frames_done: int
    chunks_aborted: int
    chunks_crashed: int
    chunks_successful: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHour:
    """A local hour of a worker."""

    hour: int
    threads: Mapping[int, ThreadHour]
    """By number, those that were there."""

    @property
    def valid(self) -> bool:
        """Whether any job thread was there."""
        return bool(self.threads)

    @property
    def frames_done(self) -> int | None:
        """Frames of all threads; None if nobody was there."""
        return sum(t.frames_done for t in self.threads.values()) if self.threads else None


class _Places(Sequence[T], Generic[T]):
    """A sequence that makes its items when they are asked for."""

    def __init__(self, length: int, make: Any) -> None:
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(self._length))]
        item: T = self._make(range(self._length)[place])
        return item


class WorkerDay:
    """A local day of a worker. It is false if nothing is known of it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer
        self.date = date.fromisoformat(answer["day"])
        self.valid: bool = answer["valid"]
        self.thread_count: int = answer["threads"]
        self.samples: Sequence[WorkerSample] = _Places(SAMPLES, self._sample)
        """4320 times 20 seconds by the wall clock."""
        self.hours: Sequence[WorkerHour] = _Places(HOURS, self._hour)

    def __bool__(self) -> bool:
        return self.valid

    @cached_property
    def _at(self) -> Mapping[int, int]:
        return {index: place for place, index in enumerate(self._answer["samples"]["index"])}

    @cached_property
    def _threads_at(self) -> Mapping[int, list[ThreadSample]]:
        columns = self._answer["thread_samples"]
        found: dict[int, list[ThreadSample]] = {}
        for place, index in enumerate(columns["index"]):
            found.setdefault(index, []).append(
                ThreadSample(
                    cpu=columns["cpu_milli"][place] / 1000,
                    **{
                        name: columns[name][place]
                        for name in ("thread", "state", "memory_bytes", "render_type", "job_id")
                    },
                )
            )
        return found

    def _sample(self, index: int) -> WorkerSample:
        place = self._at.get(index)
        columns = self._answer["samples"]

        def known(name: str) -> Any:
            return None if place is None else columns[name][place]

        return WorkerSample(
            index=index,
            valid=place is not None,
            cpu=_share(known("cpu_milli")),
            gpu=_share(known("gpu_milli")),
            memory_bytes=known("memory_used_bytes"),
            threads=tuple(self._threads_at.get(index, ())),
            **{
                name: known(name)
                for name in (
                    "coverage_ms", "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s",
                    "user_logged_in",
                )
            },
        )  # fmt: skip

    def _hour(self, hour: int) -> WorkerHour:
        columns = self._answer["hours"]
        names = ("thread", "up_ms", "frames_done", "chunks_aborted", "chunks_crashed",
                 "chunks_successful")  # fmt: skip
        return WorkerHour(
            hour=hour,
            threads={
                columns["thread"][place]: ThreadHour(**{n: columns[n][place] for n in names})
                for place, at in enumerate(columns["hour"])
                if at == hour
            },
        )

    def to_arrow(self) -> "pa.Table":
        """Return the samples that there are, one row each, as stored."""
        return to_arrow(self._answer["samples"])

    def to_polars(self) -> "polars.DataFrame":
        """Return the samples that there are, one row each, as stored."""
        return to_polars(self._answer["samples"])

    def threads_to_arrow(self) -> "pa.Table":
        """Return the samples of job threads, one row each, as stored."""
        return to_arrow(self._answer["thread_samples"])


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """A local day of a worker in sums. None: not known."""

    date: date
    valid: bool
    samples: int | None
    cpu: float | None
    """Mean share of the machine over the samples there are."""
    job_cpu: float | None
    """The same of all job threads together."""
    up_ms: int | None
    """Thread time that was there."""
    frames_done: int | None
    chunks_aborted: int | None
    chunks_crashed: int | None
    chunks_successful: int | None


class WorkerDays(Sequence[DaySums]):
    """The last 400 local days of a worker; the last one is the last of which anything is known."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["day"])

    @overload
    def __getitem__(self, place: int) -> DaySums: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[DaySums]: ...
    def __getitem__(self, place: int | slice) -> DaySums | Sequence[DaySums]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        raw = {name: values[number] for name, values in self._columns.items()}
        return DaySums(
            date=date.fromisoformat(raw["day"]),
            cpu=_share(raw["cpu_milli"]),
            job_cpu=_share(raw["job_cpu_milli"]),
            **{
                name: raw[name]
                for name in (
                    "valid", "samples", "up_ms", "frames_done", "chunks_aborted", "chunks_crashed",
                    "chunks_successful",
                )
            },
        )  # fmt: skip

    def to_arrow(self) -> "pa.Table":
        """Return one row for each day."""
        return to_arrow(self._columns)

    def to_polars(self) -> "polars.DataFrame":
        """Return one row for each day."""
        return to_polars(self._columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker in the books."""

    name: str
    worker_id: str
    global_index: int
    """Number given at registration, never used again."""
    _asks: Asks

    @property
    def days(self) -> WorkerDays:
        """The last 400 days in sums."""
        path = "/workers/{worker_id}/days"
        found = self._asks.ask("worker_days", path, worker_id=self.worker_id)
        return WorkerDays(found["columns"])

    def __getitem__(self, day: date | str | int) -> WorkerDay:
        """Return a local day with everything known; by number: of `days`, -1 is the last."""
        when = self.days[day].date if isinstance(day, int) else as_date(day)
        path = "/workers/{worker_id}/days/{day}"
        return WorkerDay(
            self._asks.ask("worker_day", path, worker_id=self.worker_id, day=when.isoformat())
        )


class WorkerReport(Sequence[Mapping[str, Any]]):
    """One row for each local day and worker, by date."""

    def __init__(self, columns: Mapping[str, Sequence[Any]], *, simulated: bool = False) -> None:
        """Hold a report.

        Args:
            columns: its values by name.
            simulated: the past of its farm was made up.
        """
        self._columns = columns
        self.simulated = simulated

    def __len__(self) -> int:
        return len(self._columns["day"])

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        return {name: values[number] for name, values in self._columns.items()}

    def to_csv(self, path: Path | str | None = None) -> str:
        """Return the report as CSV text, and write it to a file if one is named."""
        rows = zip(*self._columns.values(), strict=True)
        text = csv_text(list(self._columns), rows, simulated=self.simulated)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_parquet(self, path: Path | str) -> None:
        """Write the report to a Parquet file; needs grange[data]."""
        table = self.to_arrow()
        # pyarrow is there, or the line above had said so.
        import pyarrow.parquet  # noqa: PLC0415

        pyarrow.parquet.write_table(table, path)

    def to_arrow(self) -> "pa.Table":
        """Return one row for each day and worker."""
        return to_arrow(self._columns)

    def to_polars(self) -> "polars.DataFrame":
        """Return one row for each day and worker."""
        return to_polars(self._columns)


class Workers(Mapping[str, Worker]):
    """All workers there ever were, by name, in the order of their registration."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    @cached_property
    def _by_name(self) -> Mapping[str, Worker]:
        listed = self._asks.ask("worker_list", "/books/workers")["workers"]
        return {row["name"]: Worker(**row, _asks=self._asks) for row in listed}

    def __getitem__(self, name: str) -> Worker:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def by_index(self, global_index: int) -> Worker:
        """Return the worker of a global index.

        Raises:
            KeyError: there is none.
        """
        for worker in self._by_name.values():
            if worker.global_index == global_index:
                return worker
        raise KeyError(global_index)

    def report(self, start: date | str, end: date | str) -> WorkerReport:
        """Return mean CPU and frames of each worker and local day in [start, end)."""
        found = self._asks.ask(
            "worker_report",
            "/worker-days",
            start_day=as_date(start).isoformat(),
            end_day=as_date(end).isoformat(),
        )
        return WorkerReport(found["columns"], simulated=bool(found.get("simulated")))


def _share(milli: float | None) -> float | None:
    return None if milli is None else milli / 1000
