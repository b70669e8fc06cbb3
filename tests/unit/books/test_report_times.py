"""When scheduled reports are due, and what they are about."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from grange.books.report_times import due_at, next_at, period_of
from grange.domain.schedules import Every, ReportSchedule
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, instant_of
from grange.testing.facts import FARM

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> Instant:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=BERLIN))


def schedule(every: Every, since: str, **changes):
    made = ReportSchedule(
        farm_id=FARM, schedule_id="s", name="n", report="usage", every=every, to="x",
        since=at(since), created_at=at(since), created_by="t",
    )  # fmt: skip
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("every", "now", "due"),
    [
        (Every.DAY, "2026-03-10 06:59", None),
        (Every.DAY, "2026-03-10 07:00", "2026-03-10 07:00"),
        (Every.DAY, "2026-03-14 03:00", "2026-03-13 07:00"),
        (Every.WEEK, "2026-03-15 23:00", None),
        (Every.WEEK, "2026-03-16 07:00", "2026-03-16 07:00"),
        (Every.WEEK, "2026-03-29 12:00", "2026-03-23 07:00"),
        (Every.MONTH, "2026-03-31 23:00", None),
        (Every.MONTH, "2026-04-01 07:01", "2026-04-01 07:00"),
        (Every.MONTH, "2026-07-20 07:01", "2026-07-01 07:00"),
    ],
)
def test_the_latest_moment_that_was_missed_is_due_once(every, now, due):
    one = schedule(every, "2026-03-09 12:00")
    found = due_at(one, BERLIN, at(now))
    assert found == (None if due is None else at(due))
    if found is not None:
        seen = replace(one, last_due_at=found)
        assert due_at(seen, BERLIN, at(now)) is None
        assert next_at(seen, BERLIN, at(now)) > at(now)


def test_moments_are_by_the_wall_on_both_clock_change_days():
    one = schedule(Every.DAY, "2026-03-01 00:00")
    before, after = at("2026-03-28 07:00"), at("2026-03-29 07:00")
    assert after - before == 23 * 3_600_000
    assert due_at(replace(one, last_due_at=before), BERLIN, after) == after
    assert next_at(one, BERLIN, before) == after


@pytest.mark.parametrize(
    ("every", "first", "last"),
    [
        (Every.DAY, "2026-03-29 00:00", "2026-03-30 00:00"),
        (Every.WEEK, "2026-03-23 00:00", "2026-03-30 00:00"),
        (Every.MONTH, "2026-02-01 00:00", "2026-03-01 00:00"),
    ],
)
def test_a_report_is_about_the_time_before(every, first, last):
    one = schedule(every, "2026-03-01 00:00")
    assert period_of(one, at("2026-03-30 07:00"), BERLIN) == Span(at(first), at(last))


def test_weekdays_are_those_of_the_schedule():
    one = schedule(Every.WEEK, "2026-03-01 00:00", weekday=4, minute=0)
    assert due_at(one, BERLIN, at("2026-03-12 23:59")) == at("2026-03-06 00:00")
    assert next_at(one, BERLIN, at("2026-03-06 00:00")) == at("2026-03-13 00:00")
