"""Round instants of a time axis, in a zone, with 24-hour labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of, instant_of

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAYS = (1, 2, 7, 14, 28, 56, 91, 182, 364)
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A marked instant. `day` is set where the reader needs the date as well."""

    at: Instant
    label: str
    day: str | None = None


def ticks(span: Span, zone: ZoneInfo, most: int) -> tuple[Tick, ...]:
    """Return round local instants inside `span`, at most about `most` of them.

    Steps of hours follow the local clock, also over a clock change: an hour that does not exist is
    left out, one that comes twice is marked once.
    """
    wanted = span.millis / 1000 / max(most, 1)
    step = next((seconds for seconds in _SECONDS if seconds >= wanted), None)
    if step is None:
        days = next((days for days in _DAYS if days * _DAY >= wanted), _DAYS[-1])
        return tuple(
            Tick(at=at, label=_day(datetime_of(at).astimezone(zone), years=days >= 91))
            for at in _midnights(span, zone, days)
        )
    found: list[Tick] = []
    last_day = None
    for at in _instants(span, zone, step):
        local = datetime_of(at).astimezone(zone)
        label = f"{local:%H:%M:%S}" if step < 60 else f"{local:%H:%M}"
        is_new = local.date() != last_day
        found.append(Tick(at=at, label=label, day=_day(local) if is_new else None))
        last_day = local.date()
    return tuple(found)


def describe(span: Span, zone: ZoneInfo) -> str:
    """Return the span in words, e.g. `22 Nov 2026, 14:02:10 – 14:03:04 (Europe/Berlin)`."""
    start = datetime_of(span.start).astimezone(zone)
    end = datetime_of(span.end).astimezone(zone)
    clock = "%H:%M:%S" if span.millis < 3_600_000 else "%H:%M"
    first = f"{_day(start)} {start.year}, {start:{clock}}"
    last = f"{end:{clock}}"
    if end.date() != start.date():
        last = f"{_day(end)} {end.year}, {last}"
    return f"{first} – {last} ({zone.key})"


def clock_of(at: Instant, zone: ZoneInfo) -> str:
    """Return the local time of `at` as `14:03`."""
    return f"{datetime_of(at).astimezone(zone):%H:%M}"


def _day(local: datetime, *, years: bool = False) -> str:
    # Not %b: that follows the machine's locale, and pictures are the same everywhere.
    names = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    month = names[local.month - 1]
    return f"{month} {local.year}" if years else f"{local.day} {month}"


def _midnights(span: Span, zone: ZoneInfo, days: int) -> Iterator[Instant]:
    day = (
        datetime_of(span.start).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    # Counted from a fixed Monday, so that a picture an hour later marks the same days.
    day -= timedelta(days=(day.date().toordinal() - 1) % days)
    while (at := instant_of(day.astimezone(UTC))) <= span.end:
        if at >= span.start:
            yield at
        day += timedelta(days=days)


def _instants(span: Span, zone: ZoneInfo, step: int) -> Iterator[Instant]:
    if step <= 3600:
        offset = datetime_of(span.start).astimezone(zone).utcoffset() or timedelta()
        shift = int(offset.total_seconds()) * 1000 % (step * 1000)
        at = span.start - (span.start + shift) % (step * 1000)
        while at <= span.end:
            if at >= span.start:
                yield Instant(at)
            at += step * 1000
        return
    day = (
        datetime_of(span.start).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    while instant_of(day.astimezone(UTC)) <= span.end:
        for hour in range(0, 24, step // 3600):
            local = day.replace(hour=hour, fold=0)
            moment = local.astimezone(UTC)
            at = instant_of(moment)
            exists = moment.astimezone(zone).hour == hour
            if exists and span.start <= at <= span.end:
                yield at
        day += timedelta(days=1)
