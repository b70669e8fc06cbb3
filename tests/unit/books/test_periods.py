"""Buckets and local days, on the days on which clocks change and in odd zones."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.books.periods import (
    QUARTER_MS,
    Period,
    buckets,
    day_quarters,
    fixed_offset,
    local_day,
    midnight,
)
from grange.kernel.errors import InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, instant_of

ZONES = [
    "UTC",
    "Europe/Paris",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Pacific/Apia",
]


def at(year, month, day, hour=0, zone=UTC):
    return instant_of(datetime(year, month, day, hour, tzinfo=zone))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        (None, 0),
        ("UTC+00:00", 0),
        ("UTC+05:30", 330),
        ("UTC-08:00", -480),
        ("UTC+14:00", 840),
    ],
)
def test_offsets_are_read(text, minutes):
    offset = fixed_offset(text).utcoffset(None)
    assert offset is not None
    assert offset.total_seconds() == minutes * 60


@pytest.mark.parametrize("text", ["UTC", "UTC+5:30", "UTC+05:45", "utc+05:30", "UTC+05:30 ", ""])
def test_other_spellings_are_refused(text):
    with pytest.raises(InvalidRequestError):
        fixed_offset(text)


@pytest.mark.parametrize(
    ("period", "edges"),
    [
        (Period.DAILY, [(2026, 1, 30), (2026, 1, 31), (2026, 2, 1), (2026, 2, 2)]),
        (Period.WEEKLY, [(2026, 1, 26), (2026, 2, 2)]),
        (Period.MONTHLY, [(2026, 1, 1), (2026, 2, 1)]),
    ],
)
def test_buckets_begin_at_local_days_mondays_and_firsts(period, edges):
    """S2-12, S2-18: month edges at UTC+05:30; ends are cut to the range."""
    zone = fixed_offset("UTC+05:30")
    span = Span(at(2026, 1, 30, 12, zone=zone), at(2026, 2, 2, 6, zone=zone))
    found = list(buckets(span, period, zone))
    starts = [at(year, month, day, zone=zone) for year, month, day in edges]
    assert [bucket.start for bucket in found] == [max(span.start, start) for start in starts]
    assert found[-1].end == span.end


def test_no_period_is_one_bucket_and_an_empty_range_is_none():
    span = Span(Instant(5), Instant(9))
    assert list(buckets(span, None, UTC)) == [span]
    assert list(buckets(Span(Instant(5), Instant(5)), None, UTC)) == []
    assert list(buckets(Span(Instant(5), Instant(5)), Period.HOURLY, UTC)) == []


@given(
    st.sampled_from(ZONES),
    st.sampled_from([None, *Period]),
    st.integers(0, 2 * 10**12),
    st.integers(1, 80 * MILLIS_PER_DAY),
)
def test_buckets_cover_the_range_without_gap(name, period, start, length):
    zone = ZoneInfo(name)
    span = Span(Instant(start), Instant(start + length))
    position = span.start
    for bucket in buckets(span, period, zone):
        assert bucket.start == position < bucket.end
        position = bucket.end
    assert position == span.end


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", (2026, 3, 29), 23),
        ("Europe/Paris", (2026, 10, 25), 25),
        ("Asia/Beirut", (2021, 3, 28), 23),  # midnight itself is skipped
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
        ("Asia/Kathmandu", (2026, 10, 25), 24),
        ("Pacific/Apia", (2011, 12, 30), 0),  # a day that never was
    ],
)
def test_a_local_day_has_the_hours_it_has(zone, day, hours):
    assert local_day(date(*day), ZoneInfo(zone)).millis == hours * MILLIS_PER_HOUR


@given(st.sampled_from(ZONES), st.dates(date(2011, 1, 1), date(2030, 12, 31)))
def test_quarters_of_a_day_are_where_the_wall_clock_says(name, day):
    """S0-04, rule 11.11: index 0 is 00:00 to 00:15; skipped quarters are empty."""
    zone = ZoneInfo(name)
    found = day_quarters(day, zone)
    assert len(found.quarters) == 96
    listed = sorted(start for starts in found.quarters for start in starts)
    assert listed == list(range(found.span.start, found.span.end, QUARTER_MS))
    for index, starts in enumerate(found.quarters):
        for start in starts:
            local = datetime.fromtimestamp(start / 1000, tz=zone)
            assert (local.date(), local.hour, local.minute) == (day, index // 4, index % 4 * 15)


def test_the_spring_day_misses_four_quarters_and_the_autumn_day_repeats_four():
    paris = ZoneInfo("Europe/Paris")
    spring = day_quarters(date(2026, 3, 29), paris)
    assert [i for i, starts in enumerate(spring.quarters) if not starts] == [8, 9, 10, 11]
    autumn = day_quarters(date(2026, 10, 25), paris)
    assert [i for i, starts in enumerate(autumn.quarters) if len(starts) == 2] == [8, 9, 10, 11]


def test_midnight_is_the_first_instant_of_a_day():
    assert midnight(date(2026, 7, 1), ZoneInfo("Europe/Paris")) == at(2026, 6, 30, 22)
