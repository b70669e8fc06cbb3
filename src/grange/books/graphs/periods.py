"""Which days, weeks, months and years pages show, and how finely a span can be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_MINUTE, Instant, datetime_of, instant_of


class Reach(StrEnum):
    """How long one picture of a page reaches."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


SHOWN = {Reach.DAILY: 7, Reach.WEEKLY: 5, Reach.MONTHLY: 3, Reach.YEARLY: 3}
"""How many days, weeks, months and years their pages show."""
STEP_MINUTES = {Reach.DAILY: 10, Reach.WEEKLY: 60, Reach.MONTHLY: 240, Reach.YEARLY: 1440}
"""How long a point is, if the archives still have it so finely."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How finely an archive keeps values, and for how long."""

    step_minutes: int
    days: int


ARCHIVES: tuple[Kept, ...] = (
    Kept(step_minutes=1, days=5),
    Kept(step_minutes=60, days=14),
    Kept(step_minutes=240, days=243),
    Kept(step_minutes=1440, days=3650),
)
"""What the profile `metpx` keeps, finest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One day, ISO week, month or year of a farm's calendar."""

    reach: Reach
    first: date
    """Its first day."""
    name: str
    """What its picture is called: Mon, 01, Jan, 2006."""
    span: Span


def periods(reach: Reach, now: Instant, zone: ZoneInfo) -> tuple[Period, ...]:
    """Return what a page shows, oldest first; the last one holds `now`.

    Args:
        reach: which page.
        now: the present.
        zone: the farm's.
    """
    first = _begin(reach, datetime_of(now).astimezone(zone).date())
    found = []
    for _ in range(SHOWN[reach]):
        found.append(_period(reach, first, zone))
        first = _begin(reach, first - timedelta(days=1))
    return tuple(reversed(found))


def step_ms(reach: Reach | None, span: Span, now: Instant, kept: Sequence[Kept] = ARCHIVES) -> int:
    """Return how long a point of a graph is: as its page shows it, coarser where only that is left.

    Args:
        reach: of which page; None: as finely as there is, but at most some 1,500 points.
        span: what the graph shows.
        now: the present: archives reach back from it.
        kept: the archives, finest first.
    """
    age_ms = now - span.start
    left = next((one for one in kept if age_ms < one.days * MILLIS_PER_DAY), kept[-1])
    wanted = STEP_MINUTES[reach] if reach is not None else _fine(span)
    return max(left.step_minutes, wanted) * MILLIS_PER_MINUTE


def reach_of(span: Span) -> Reach | None:
    """Return the page a span would stand on: None up to two days, which are shown by the minute."""
    days = span.millis / MILLIS_PER_DAY
    if days <= 2:
        return None
    if days <= 10:
        return Reach.WEEKLY
    return Reach.MONTHLY if days <= 62 else Reach.YEARLY


def _fine(span: Span) -> int:
    steps = (1, 2, 5, 10, 15, 30, 60, 240, 1440)
    return next(
        (one for one in steps if span.millis / (one * MILLIS_PER_MINUTE) <= 1500), steps[-1]
    )


def _begin(reach: Reach, day: date) -> date:
    """Return the first day of the period that holds a day."""
    match reach:
        case Reach.DAILY:
            return day
        case Reach.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Reach.MONTHLY:
            return day.replace(day=1)
        case _:
            return day.replace(month=1, day=1)


def _period(reach: Reach, first: date, zone: ZoneInfo) -> Period:
    match reach:
        case Reach.DAILY:
            after, name = first + timedelta(days=1), _DAYS[first.weekday()]
        case Reach.WEEKLY:
            after, name = first + timedelta(days=7), f"{first.isocalendar().week:02}"
        case Reach.MONTHLY:
            after, name = (first + timedelta(days=31)).replace(day=1), _MONTHS[first.month - 1]
        case _:
            after, name = first.replace(year=first.year + 1), f"{first.year}"
    span = Span(_midnight(first, zone), _midnight(after, zone))
    return Period(reach=reach, first=first, name=name, span=span)


def _midnight(day: date, zone: ZoneInfo) -> Instant:
    return instant_of(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))
