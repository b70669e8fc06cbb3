"""When scheduled reports are due, by a farm's wall clock, and what time they are about. Pure."""

from datetime import date, datetime, timedelta, tzinfo

from grange.books.periods import midnight
from grange.domain.schedules import Every, ReportSchedule
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of, instant_of


def due_at(schedule: ReportSchedule, zone: tzinfo, now: Instant) -> Instant | None:
    """Return the latest moment a report was to be made and was not; None if there is none.

    However many moments were missed, it is one: reports are caught up once.
    """
    day = _day_of(schedule, datetime_of(now).astimezone(zone).date())
    moment = _moment(schedule, day, zone)
    if moment > now:
        moment = _moment(schedule, _day_of(schedule, day - timedelta(days=1)), zone)
    seen = schedule.since - 1 if schedule.last_due_at is None else schedule.last_due_at
    return moment if moment > seen else None


def next_at(schedule: ReportSchedule, zone: tzinfo, now: Instant) -> Instant:
    """Return when a report is made next, after `now`."""
    day = datetime_of(now).astimezone(zone).date()
    while True:
        moment = _moment(schedule, day, zone)
        if moment > now and _day_of(schedule, day) == day:
            return moment
        day += timedelta(days=1)


def period_of(schedule: ReportSchedule, due: Instant, zone: tzinfo) -> Span:
    """Return the local day, week (from Monday) or month before a moment."""
    today = datetime_of(due).astimezone(zone).date()
    first, last = today - timedelta(days=1), today
    if schedule.every is Every.WEEK:
        last = today - timedelta(days=today.weekday())
        first = last - timedelta(days=7)
    elif schedule.every is Every.MONTH:
        last = today.replace(day=1)
        first = (last - timedelta(days=1)).replace(day=1)
    return Span(midnight(first, zone), midnight(last, zone))


def _day_of(schedule: ReportSchedule, latest: date) -> date:
    """Return the last day of the schedule that is not after `latest`."""
    match schedule.every:
        case Every.DAY:
            return latest
        case Every.WEEK:
            return latest - timedelta(days=(latest.weekday() - schedule.weekday) % 7)
        case Every.MONTH:
            return latest.replace(day=1)


def _moment(schedule: ReportSchedule, day: date, zone: tzinfo) -> Instant:
    hour, minute = divmod(schedule.minute, 60)
    return instant_of(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
