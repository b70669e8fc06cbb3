"""The whole farm over time: the last day, month and year.

farm.books.farm.month.latest().frames["comp"].per_minute
farm.books.farm.between("2026-03-01", "2026-04-01").to_polars()
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, overload
from zoneinfo import ZoneInfo

from grange.kernel.units import Instant, datetime_of, instant_of
from grange.sdk.columns import to_arrow, to_polars
from grange.sdk.days import Asks, as_date

if TYPE_CHECKING:
    import polars
    import pyarrow as pa

SLOTS = 1440
RENDER_TYPES = ("three_d", "archive", "comp", "execute_frames", "file_export")
Moment = datetime | date | str
"""A time with its zone; or a local day or time of the farm, also as ISO text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frames of a slot. None: not known."""

    left: int | None
    """Not rendered yet, at the end of the slot."""
    rendered: int | None
    per_minute: float | None
    """How many were rendered in a minute, on average: × minutes = frames."""
    seconds: float | None
    """Mean time of the frames."""
    max_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSample:
    """The server in a slot, means. None: not known."""

    machine_cores: float | None
    """Cores in use by the machine."""
    process_cores: float | None
    memory_bytes: int | None
    """In use by the machine."""
    process_memory_bytes: int | None
    scheduler_bytes: int | None
    receive_buffer_bytes: int | None
    send_buffer_bytes: int | None
    largest_reply_bytes: int | None
    """Largest compressed reply in the slot."""
    temperature_c: float | None
    """Of the first disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSlot:
    """One slot of a ring. None: not known."""

    start: datetime | None
    """None where the clock skipped the slot."""
    end: datetime | None
    index: int
    """Its place in the local day by the wall clock."""
    valid: bool
    """False: nobody watched; everything else is None."""
    workers_rendering: int | None
    workers_free: int | None
    workers_disabled: int | None
    workers_off: int | None
    workers_needed: int | None
    """Workers that would start all unassigned chunks."""
    temperature_c: float | None
    """Mean temperature of workers' first disks."""
    jobs_rendering: int | None
    jobs_total: int | None
    jobs_unfinished: int | None
    layers_rendering: int | None
    layers_total: int | None
    layers_unfinished: int | None
    frames: Mapping[str, Frames]
    """By render type; "all" is all of them, also those of other types."""
    server: ServerSample


class RingSlots(Sequence[RingSlot]):
    """Slots of a ring, ascending."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._columns: Mapping[str, Sequence[Any]] = answer["columns"]
        self._zone = ZoneInfo(answer["zone"])
        self.ring: str = answer["ring"]
        self.step: int = answer["step_seconds"]
        """Seconds between two slots by the wall clock."""
        self.last_saved = self._time(answer["last_saved_at"])
        """End of the newest of these slots that is known."""

    def __len__(self) -> int:
        return len(self._columns["index"])

    @overload
    def __getitem__(self, place: int) -> RingSlot: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RingSlot]: ...
    def __getitem__(self, place: int | slice) -> RingSlot | Sequence[RingSlot]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        raw = {name: values[number] for name, values in self._columns.items()}
        return RingSlot(
            start=self._time(raw["start_at"]),
            end=self._time(raw["end_at"]),
            temperature_c=_over(raw["temperature_milli_c"], 1000),
            frames={
                kind: _frames(raw, "" if kind == "all" else f"_{kind}")
                for kind in ("all", *RENDER_TYPES)
            },
            server=_server(raw),
            **{name: raw[name] for name in _AS_THEY_ARE},
        )

    def to_arrow(self) -> "pa.Table":
        """Return every measure as the books answer it, one row for each slot."""
        return to_arrow(self._columns)

    def to_polars(self) -> "polars.DataFrame":
        """Return every measure as the books answer it, one row for each slot."""
        return to_polars(self._columns)

    def _time(self, instant: int | None) -> datetime | None:
        return None if instant is None else datetime_of(Instant(instant)).astimezone(self._zone)


_AS_THEY_ARE = (
    "index", "valid", "workers_rendering", "workers_free", "workers_disabled", "workers_off",
    "workers_needed", "jobs_rendering", "jobs_total", "jobs_unfinished", "layers_rendering",
    "layers_total", "layers_unfinished",
)  # fmt: skip


def _frames(raw: Mapping[str, Any], ending: str) -> Frames:
    return Frames(
        left=raw[f"frames_left{ending}"],
        rendered=raw[f"frames_rendered{ending}"],
        per_minute=raw[f"frames_per_minute{ending}"],
        seconds=_over(raw[f"frame_ms{ending}"], 1000),
        max_seconds=_over(raw[f"frame_ms_max{ending}"], 1000),
    )


def _server(raw: Mapping[str, Any]) -> ServerSample:
    return ServerSample(
        machine_cores=_over(raw["machine_cpu_milli"], 1000),
        process_cores=_over(raw["process_cpu_milli"], 1000),
        memory_bytes=raw["memory_used_bytes"],
        process_memory_bytes=raw["process_memory_bytes"],
        scheduler_bytes=raw["scheduler_bytes"],
        receive_buffer_bytes=raw["receive_buffer_bytes"],
        send_buffer_bytes=raw["send_buffer_bytes"],
        largest_reply_bytes=raw["largest_reply_bytes"],
        temperature_c=_over(raw["server_temperature_milli_c"], 1000),
    )


class Ring(Sequence[RingSlot]):
    """1440 slots: the last one is the last that was completed."""

    def __init__(self, asks: Asks, name: str, step: int) -> None:
        self._asks = asks
        self.name = name
        self.step = step
        """Seconds between two slots by the wall clock."""
        self._held: tuple[int, RingSlots] | None = None

    def slots(self) -> RingSlots:
        """Return what the ring holds now."""
        # Slots begin at quarters of an hour in every zone, at minutes in the day ring.
        turn = self._asks.clock.now() // (min(self.step, 900) * 1000)
        if self._held is None or turn > self._held[0]:
            found = RingSlots(self._asks.ask("ring", "/rings/{ring}", ring=self.name))
            self._held = turn, found
        return self._held[1]

    def __len__(self) -> int:
        return SLOTS

    @overload
    def __getitem__(self, place: int) -> RingSlot: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RingSlot]: ...
    def __getitem__(self, place: int | slice) -> RingSlot | Sequence[RingSlot]:
        return self.slots()[place]

    def __iter__(self) -> Iterator[RingSlot]:
        return iter(self.slots())

    def latest(self) -> RingSlot:
        """Return the last completed slot."""
        return self[-1]

    def at(self, when: datetime | time) -> RingSlot:
        """Return the slot of a moment; of a time of day, the last slot that began then.

        At 18:00, `at(time(17))` is an hour old, `at(time(19))` is 23 hours old: each slot carries
        its own start.
        """
        if isinstance(when, time):
            index = (when.hour * 60 + when.minute) * 60 // self.step
            return next(slot for slot in reversed(self.slots()) if slot.index == index)
        moment = instant_of(_aware(when, self._asks.zone))
        found = self._between(moment - 2 * self.step * 1000, moment + 1)
        return found[-1]

    def between(self, start: Moment, end: Moment) -> RingSlots:
        """Return the slots that begin in [start, end)."""
        zone = self._asks.zone
        return self._between(_instant(start, zone), _instant(end, zone))

    def on(self, day: date | str) -> RingSlots:
        """Return the slots of a local day by the wall clock: 1440, 48 or 4.

        A slot that the clock skipped is not valid; one that it repeated adds both passes up.
        """
        text = as_date(day).isoformat()
        return RingSlots(self._asks.ask("ring", "/rings/{ring}", ring=self.name, day=text))

    @property
    def last_saved(self) -> datetime | None:
        """End of the newest slot that is known; None if none is."""
        return self.slots().last_saved

    def is_stale(self, now: datetime | None = None) -> bool:
        """Return whether the newest known slot is older than it would be if the server ran."""
        saved = self.last_saved
        moment = now or datetime_of(self._asks.clock.now())
        return saved is None or moment - saved >= timedelta(seconds=2 * self.step)

    def to_arrow(self) -> "pa.Table":
        """Return everything the ring holds, one row for each slot."""
        return self.slots().to_arrow()

    def to_polars(self) -> "polars.DataFrame":
        """Return everything the ring holds, one row for each slot."""
        return self.slots().to_polars()

    def _between(self, start: int, end: int) -> RingSlots:
        return RingSlots(
            self._asks.ask("ring", "/rings/{ring}", ring=self.name, start=start, end=end)
        )


class FarmRings:
    """The rings of the whole farm."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks
        self.day = Ring(asks, "day", 60)
        """The last 24 hours by the minute."""
        self.month = Ring(asks, "month", 1800)
        """The last 30 days by half an hour."""
        self.year = Ring(asks, "year", 21600)
        """The last 360 days by quarters of a day: 00, 06, 12, 18 o'clock."""

    def between(self, start: Moment, end: Moment) -> RingSlots:
        """Return slots of the month ring if it reaches back to the start, else of the year."""
        zone = self._asks.zone
        return RingSlots(
            self._asks.ask(
                "ring",
                "/rings/{ring}",
                ring="auto",
                start=_instant(start, zone),
                end=_instant(end, zone),
            )
        )


def _instant(moment: Moment, zone: ZoneInfo) -> Instant:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return instant_of(_aware(moment, zone))


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.utcoffset() is None else moment


def _over(value: int | None, unit: int) -> float | None:
    return None if value is None else value / unit
