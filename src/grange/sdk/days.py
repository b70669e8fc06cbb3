"""Local days of the farm in 96 quarters of an hour.

day = farm.books.days["2026-03-01"]
day.users["ann"][40].frames_rendered      # 10:00 to 10:15 by the farm's wall clock
day.groups["gpu"][40].rendering
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload
from zoneinfo import ZoneInfo

import msgspec

from grange.kernel.clock import Clock
from grange.kernel.errors import CorruptDataError
from grange.kernel.units import Instant, datetime_of, decimal_of
from grange.sdk.columns import to_arrow, to_polars

if TYPE_CHECKING:
    import polars
    import pyarrow as pa

QUARTERS = 96
_PER_MINUTE = 1000 * 60_000
"""Thousandths × milliseconds in one unit × minute."""
_QUARTER_MS = 900_000
_MIB = 1 << 20


class Asks(Protocol):
    """What days need of `Books`."""

    @property
    def clock(self) -> Clock:
        """The reader's clock."""
        ...

    @property
    def zone(self) -> ZoneInfo:
        """The farm's zone."""
        ...

    def ask(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer of the books."""
        ...


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the local day an instant lies in.

    Raises:
        ValueError: the moment has no zone.
    """
    if moment.utcoffset() is None:
        raise ValueError("A datetime without a time zone lies in no day.")
    return moment.astimezone(zone).date()


def unix_day(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def as_date(day: date | str) -> date:
    """Return a date, also from a text like 2026-01-31."""
    if isinstance(day, datetime):
        return day.date()
    return date.fromisoformat(day) if isinstance(day, str) else day


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSlot:
    """A quarter of an hour of one user, project or app. None: not known."""

    start: datetime | None
    """Its start; None where the clock skipped it. Of a repeated quarter: that of its first pass."""
    valid: bool
    cost: Decimal | None
    """Of the chunks that finished here, in the farm's currency."""
    ghz_minutes: float | None
    ps_minutes: float | None
    watt_minutes: float | None
    memory_mib: float | None
    """Mean peak memory of the frames."""
    max_memory_mib: float | None
    ps: float | None
    """Mean PS rendering."""
    max_ps: float | None
    frame_seconds: float | None
    """Mean time of the frames."""
    max_frame_seconds: float | None
    ps_needed: float | None
    licences_needed: int | None
    layers_disabled: int | None
    layers_done: int | None
    layers_idle: int | None
    layers_rendering: int | None
    layers_waiting: int | None
    frames_left: int | None
    frames_rendered: int | None
    chunks_sent: int | None
    chunks_finished: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSlot:
    """How many workers were in which state at the end of a quarter of an hour. None: not known."""

    start: datetime | None
    valid: bool
    rendering: int | None
    disabled: int | None
    idle: int | None
    off: int | None
    unknown: int | None


class JobDay(Sequence[JobSlot]):
    """The 96 quarters of one user, project or app."""

    def __init__(self, day: "Day", name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        self.name = name
        self._day = day
        self._columns = columns

    def __len__(self) -> int:
        return QUARTERS

    @overload
    def __getitem__(self, place: int) -> JobSlot: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[JobSlot]: ...
    def __getitem__(self, place: int | slice) -> JobSlot | Sequence[JobSlot]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(QUARTERS))]
        number = range(QUARTERS)[place]
        raw = {name: values[number] for name, values in self._columns.items()}
        cost = raw["finished_cost_billionths"]
        return JobSlot(
            start=self._day.starts[number],
            valid=self._day.valid[number],
            cost=None if cost is None else decimal_of(cost),
            ghz_minutes=_over(raw["ghz_milli_ms"], _PER_MINUTE),
            ps_minutes=_over(raw["ps_milli_ms"], _PER_MINUTE),
            watt_minutes=_over(raw["watt_milli_ms"], _PER_MINUTE),
            memory_mib=_over(raw["mean_memory_bytes"], _MIB),
            max_memory_mib=_over(raw["memory_bytes_max"], _MIB),
            ps=_over(raw["ps_rendering_milli_ms"], 1000 * _QUARTER_MS),
            max_ps=_over(raw["ps_rendering_max_milli"], 1000),
            frame_seconds=_over(raw["mean_frame_ms"], 1000),
            max_frame_seconds=_over(raw["frame_ms_max"], 1000),
            ps_needed=_over(raw["ps_needed_milli"], 1000),
            licences_needed=raw["licences_needed"],
            **{name: raw[name] for name in _AS_THEY_ARE},
        )

    def to_arrow(self) -> "pa.Table":
        """Return every measure as stored (integers), one row for each quarter."""
        return to_arrow(self._day.with_starts(self._columns))

    def to_polars(self) -> "polars.DataFrame":
        """Return every measure as stored (integers), one row for each quarter."""
        return to_polars(self._day.with_starts(self._columns))


_AS_THEY_ARE = (
    "layers_disabled", "layers_done", "layers_idle", "layers_rendering", "layers_waiting",
    "frames_left", "frames_rendered", "chunks_sent", "chunks_finished",
)  # fmt: skip


class WorkersDay(Sequence[WorkerSlot]):
    """The 96 quarters of a fleet or group of workers, or of all."""

    def __init__(self, day: "Day", name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        self.name = name
        self._day = day
        self._columns = columns

    def __len__(self) -> int:
        return QUARTERS

    @overload
    def __getitem__(self, place: int) -> WorkerSlot: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[WorkerSlot]: ...
    def __getitem__(self, place: int | slice) -> WorkerSlot | Sequence[WorkerSlot]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(QUARTERS))]
        number = range(QUARTERS)[place]
        return WorkerSlot(
            start=self._day.starts[number],
            valid=self._day.valid[number],
            **{
                state: self._columns[f"workers_{state}"][number] if self._columns else None
                for state in ("rendering", "disabled", "idle", "off", "unknown")
            },
        )

    def to_arrow(self) -> "pa.Table":
        """Return one row for each quarter."""
        return to_arrow(self._day.with_starts(self._columns))

    def to_polars(self) -> "polars.DataFrame":
        """Return one row for each quarter."""
        return to_polars(self._day.with_starts(self._columns))


class Day:
    """A local day. It is false if nothing is known of it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer
        zone = ZoneInfo(answer["zone"])
        self.date = date.fromisoformat(answer["day"])
        self.valid: tuple[bool, ...] = tuple(answer["valid"])
        """Which quarters were watched."""
        self.starts: tuple[datetime | None, ...] = tuple(
            datetime_of(Instant(starts[0])).astimezone(zone) if starts else None
            for starts in answer["starts_at"]
        )
        self.written_at = (
            None
            if answer["written_at"] is None
            else datetime_of(Instant(answer["written_at"])).astimezone(zone)
        )
        """When the newest of its files was written; None if it was computed for this answer."""
        self.users = self._jobs("users")
        self.projects = self._jobs("projects")
        self.apps = self._jobs("apps")
        self.fleets = self._workers("fleets")
        self.groups = self._workers("groups")
        """Groups may overlap, so they have no total."""
        self.workers = WorkersDay(self, "", answer["workers"] or {})
        """All workers of the farm."""

    def __bool__(self) -> bool:
        return any(self.valid)

    def _jobs(self, subject: str) -> Mapping[str, JobDay]:
        return {name: JobDay(self, name, own) for name, own in self._answer[subject].items()}

    def _workers(self, subject: str) -> Mapping[str, WorkersDay]:
        return {name: WorkersDay(self, name, own) for name, own in self._answer[subject].items()}

    def with_starts(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Return columns behind the start of each quarter (of its first pass) and its validity."""
        starts = [found[0] if found else None for found in self._answer["starts_at"]]
        return {"start_at": starts, "valid": self.valid, **columns}

    def save(self, path: Path | str) -> None:
        """Write the day to a file, which `load` reads."""
        Path(path).write_bytes(msgspec.json.encode(self._answer))

    @classmethod
    def load(cls, path: Path | str, *, missing_ok: bool = False) -> "Day | None":
        """Return a day from a file.

        Args:
            path: as `save` wrote it.
            missing_ok: True: None instead of an error where there is no file.

        Raises:
            FileNotFoundError: there is no such file.
            CorruptDataError: the file is something else.
        """
        try:
            found = msgspec.json.decode(Path(path).read_bytes())
            return cls(found)
        except FileNotFoundError:
            if missing_ok:
                return None
            raise
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise CorruptDataError(str(path), f"it holds no day of the books: {error}") from error


class Days:
    """Local days, by date. Days that are over are kept in memory once they were asked for."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self._kept: dict[date, tuple[Day, int]] = {}

    def __getitem__(self, day: date | str) -> Day:
        """Return a day; one of which nothing is known is false."""
        when = as_date(day)
        if when in self._kept:
            return self._kept[when][0]
        answer = self._asks.ask("day", "/days/{day}", day=when.isoformat())
        found = Day(answer)
        if answer["span"]["end_at"] <= self._asks.clock.now():
            self._kept[when] = found, len(msgspec.json.encode(answer))
        return found

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date | str) and bool(self[day])

    def between(self, first: date | str, last: date | str) -> Iterator[Day]:
        """Yield the days from the first to the last, both included."""
        for number in range(as_date(first).toordinal(), as_date(last).toordinal() + 1):
            yield self[date.fromordinal(number)]

    def cache_clear(self) -> None:
        """Forget the days kept in memory, e.g. after late facts came."""
        self._kept.clear()

    @property
    def memory_bytes(self) -> int:
        """About how much the days kept in memory take."""
        return sum(size for _, size in self._kept.values())


def _over(value: int | None, unit: int) -> float | None:
    return None if value is None else value / unit
