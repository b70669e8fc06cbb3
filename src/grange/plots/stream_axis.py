"""Axes of pictures of streams: round values, decades, and calendar marks from minutes to years."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, datetime_of, instant_of
from grange.plots.stream_words import Unit, Words
from grange.plots.time_axis import Tick, ticks

_LONG_MS = 62 * MILLIS_PER_DAY
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH_MS = 30.4 * MILLIS_PER_DAY
_NICE_SECONDS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172_800)


def round_marks(high: float, most: int, unit: Unit, low: float = 0.0) -> list[float]:
    """Return round values from at or below `low` to at or above `high`, about `most` steps apart.

    Args:
        high: the highest value.
        most: how many steps at most.
        unit: seconds from a minute on are marked at whole minutes and hours.
        low: the lowest value.
    """
    reach = high - low
    if reach <= 0:
        reach = abs(high) or 1.0
    wanted = reach / max(most, 1)
    if unit is Unit.SECONDS and wanted > 30:
        step = next((float(one) for one in _NICE_SECONDS if one >= wanted), 0.0)
        step = step or math.ceil(wanted / 86_400) * 86_400.0
    else:
        decade = 10 ** math.floor(math.log10(wanted))
        step = next(times * decade for times in (1, 2, 5, 10) if times * decade >= wanted * 0.999)
        if unit in {Unit.COUNT, Unit.BYTES}:
            step = max(step, 1.0)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [at * step for at in range(first, max(last, first + 1) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return powers of ten from at or below `low` to at or above `high`; both are above zero."""
    first = math.floor(math.log10(low) + 1e-9)
    last = max(math.ceil(math.log10(high) - 1e-9), first + 1)
    return [10.0**power for power in range(first, last + 1)]


def time_marks(span: Span, zone: ZoneInfo, most: int, words: Words) -> tuple[Tick, ...]:
    """Return marks of a time axis: round clock times, days, then months and years.

    Args:
        span: what the axis shows.
        zone: whose clock and calendar.
        most: how many marks at most.
        words: the language of months.
    """
    if span.millis <= _LONG_MS:
        return tuple(
            Tick(at=mark.at, label=_told(mark.label, words), day=_told(mark.day, words))
            for mark in ticks(span, zone, most)
        )
    months = next(
        (one for one in _MONTHS if one * _MONTH_MS * (max(most, 1) + 0.5) >= span.millis),
        _MONTHS[-1],
    )
    local = datetime_of(span.start).astimezone(zone)
    index = local.year * 12 + local.month - 1
    index -= index % months
    found: list[Tick] = []
    while True:
        start = datetime(index // 12, index % 12 + 1, 1, tzinfo=zone)
        at = instant_of(start.astimezone(UTC))
        if at > span.end:
            return tuple(found)
        if at >= span.start:
            name = words.months[start.month - 1]
            label = f"{start.year}" if months >= 12 else f"{name} {start.year}"
            if months < 12 and span.millis < 400 * MILLIS_PER_DAY and found and start.month > 1:
                label = name
            found.append(Tick(at=at, label=label))
        index += months


def span_words(span: Span, zone: ZoneInfo, words: Words) -> str:
    """Return the span in words: `22 Nov 2026, 14:00 – 15:00 (Europe/Berlin)`."""
    start = datetime_of(span.start).astimezone(zone)
    end = datetime_of(span.end).astimezone(zone)
    if (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0):
        last = datetime_of(span.end).astimezone(zone)
        last = datetime.fromordinal(last.toordinal() - 1).replace(tzinfo=zone)
        if last.date() <= start.date():
            return f"{_day(start, words)} ({zone.key})"
        return f"{_day(start, words)} – {_day(last, words)} ({zone.key})"
    first = f"{_day(start, words)}, {start:%H:%M}"
    to = f"{end:%H:%M}" if end.date() == start.date() else f"{_day(end, words)}, {end:%H:%M}"
    return f"{first} – {to} ({zone.key})"


def moment_words(at: int, span: Span, zone: ZoneInfo, words: Words) -> str:
    """Return an instant as `14:03`, with its day where the span has more than one."""
    local = datetime_of(instant_of(datetime.fromtimestamp(at / 1000, UTC))).astimezone(zone)
    if span.millis <= MILLIS_PER_DAY:
        return f"{local:%H:%M}"
    return f"{_day(local, words)}, {local:%H:%M}"


def _day(local: datetime, words: Words) -> str:
    return f"{local.day} {words.months[local.month - 1]} {local.year}"


def _told(label: str | None, words: Words) -> str:
    """Put the month's name of a mark into the language."""
    if label is None:
        return ""
    day, _, rest = label.partition(" ")
    english = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day} {words.months[english.index(rest)]}" if rest in english else label
