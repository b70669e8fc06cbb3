"""Periods of time: buckets of reports, local days and their quarters.

Facts are kept in UTC. A report's buckets are computed here, in a zone, and joined to the facts; so
both days on which a clock changes are right (23 and 25 hours).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant, datetime_of, instant_of

QUARTER_MS = 15 * MILLIS_PER_MINUTE
QUARTERS_PER_DAY = 96
_OFFSET = re.compile(r"UTC([+-])(\d\d):(00|30)\Z")


class Period(StrEnum):
    """Width of a report's buckets, as Deadline Cloud spells it."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def fixed_offset(text: str | None) -> tzinfo:
    """Return the zone `UTC±hh:00` or `UTC±hh:30`; None is UTC.

    Raises:
        InvalidRequestError: it is spelled otherwise, or more than 14 hours away.
    """
    if text is None:
        return UTC
    match = _OFFSET.match(text)
    minutes = -1 if match is None else int(match[2]) * 60 + int(match[3])
    if match is None or minutes > 14 * 60:
        raise InvalidRequestError(
            "timezone must be spelled UTC+hh:00 or UTC+hh:30, e.g. UTC-08:00.",
            fields=[FieldProblem("timezone", f"{text!r} is not such an offset")],
        )
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def buckets(span: Span, period: Period | None, zone: tzinfo) -> Iterator[Span]:
    """Yield the buckets that touch a span, ascending, the first and last cut to it.

    Buckets begin at local hours, days, Mondays or firsts of the month. No period is one bucket.
    """
    if period is None:
        if span.millis:
            yield span
        return
    start = _bucket_start(span.start, period, zone)
    while start < span.end:
        end = _next_bucket(start, period, zone)
        bucket = Span(start, end).clip(span)
        if bucket.millis:
            yield bucket
        start = end


def _bucket_start(instant: Instant, period: Period, zone: tzinfo) -> Instant:
    local = datetime_of(instant).astimezone(zone)
    if period is Period.HOURLY:
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return Instant(instant - into // timedelta(milliseconds=1))
    day = local.date()
    if period is Period.WEEKLY:
        day -= timedelta(days=day.weekday())
    elif period is Period.MONTHLY:
        day = day.replace(day=1)
    return midnight(day, zone)


def _next_bucket(start: Instant, period: Period, zone: tzinfo) -> Instant:
    if period is Period.HOURLY:
        return Instant(start + MILLIS_PER_HOUR)
    # Midnight may be 23:00 or 01:00 by the wall where the clock changes at midnight: look at noon.
    day = datetime_of(Instant(start + 12 * MILLIS_PER_HOUR)).astimezone(zone).date()
    if period is Period.DAILY:
        return midnight(day + timedelta(days=1), zone)
    if period is Period.WEEKLY:
        return midnight(day + timedelta(days=7), zone)
    return midnight((day.replace(day=1) + timedelta(days=32)).replace(day=1), zone)


def midnight(day: date, zone: tzinfo) -> Instant:
    """Return the first instant of a local day, also where the clock skips midnight."""
    return instant_of(datetime(day.year, day.month, day.day, tzinfo=zone))


def local_day(day: date, zone: tzinfo) -> Span:
    """Return the span of a local day: 23, 24 or 25 hours, mostly."""
    return Span(midnight(day, zone), midnight(day + timedelta(days=1), zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayQuarters:
    """The 96 quarters of a local day by the wall clock."""

    span: Span
    quarters: tuple[tuple[Instant, ...], ...]
    """UTC starts of each quarter: none where the clock skipped it, two where it was repeated."""


def day_quarters(day: date, zone: tzinfo) -> DayQuarters:
    """Return which quarters of UTC hours lie in each quarter of a local day (ledger rule 11.11)."""
    span = local_day(day, zone)
    found: list[list[Instant]] = [[] for _ in range(QUARTERS_PER_DAY)]
    at = span.start - span.start % QUARTER_MS
    while at < span.end:
        if at >= span.start:
            local = datetime_of(Instant(at)).astimezone(zone)
            found[local.hour * 4 + local.minute // 15].append(Instant(at))
        at += QUARTER_MS
    return DayQuarters(span=span, quarters=tuple(tuple(starts) for starts in found))
