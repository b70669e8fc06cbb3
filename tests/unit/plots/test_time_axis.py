"""Time axes: round local times, 24 hours, right on days when the clock changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of, instant_of
from grange.plots.time_axis import clock_of, describe, ticks

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")


def span(zone, first, last):
    start = datetime.fromisoformat(first).replace(tzinfo=zone)
    end = datetime.fromisoformat(last).replace(tzinfo=zone)
    return Span(instant_of(start.astimezone(UTC)), instant_of(end.astimezone(UTC)))


def labels(found):
    return [tick.label for tick in found]


def test_a_short_span_is_marked_in_seconds():
    found = ticks(span(BERLIN, "2026-11-22T14:02:07", "2026-11-22T14:02:51"), BERLIN, 5)
    assert labels(found) == ["14:02:10", "14:02:20", "14:02:30", "14:02:40", "14:02:50"]
    assert [tick.day for tick in found] == ["22 Nov", None, None, None, None]


def test_hours_count_to_24_and_midnight_names_the_day():
    found = ticks(span(BERLIN, "2026-11-22T11:00:00", "2026-11-23T13:00:00"), BERLIN, 10)
    assert labels(found) == [
        "12:00",
        "15:00",
        "18:00",
        "21:00",
        "00:00",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
    ]
    assert [tick.day for tick in found if tick.day] == ["22 Nov", "23 Nov"]


def test_hours_follow_a_zone_that_is_not_a_whole_hour_away():
    found = ticks(span(KATHMANDU, "2026-11-22T10:50:00", "2026-11-22T13:10:00"), KATHMANDU, 4)
    assert labels(found) == ["11:00", "12:00", "13:00"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25)],
)
def test_days_of_clock_changes_keep_round_local_hours(day, hours):
    following = day[:-2] + f"{int(day[-2:]) + 1:02}"
    whole = span(BERLIN, f"{day}T00:00:00", f"{following}T00:00:00")
    assert whole.millis == hours * 3_600_000
    found = ticks(whole, BERLIN, 13)
    expected = [f"{hour:02}:00" for hour in range(0, 24, 2)] + ["00:00"]
    if hours == 23:
        expected.remove("02:00")  # the hour that does not exist
    assert labels(found) == expected
    assert len({tick.at for tick in found}) == len(found)


def test_weeks_mark_days_at_local_midnight_over_a_clock_change():
    found = ticks(span(BERLIN, "2026-10-20T00:00:00", "2026-10-30T00:00:00"), BERLIN, 12)
    assert labels(found)[:3] == ["20 Oct", "21 Oct", "22 Oct"]
    assert {datetime_of(tick.at).astimezone(BERLIN).hour for tick in found} == {0}


def test_years_mark_months():
    found = ticks(span(BERLIN, "2024-01-01T00:00:00", "2026-11-01T00:00:00"), BERLIN, 8)
    assert 3 <= len(found) <= 8
    assert all(label.split()[1] in {"2024", "2025", "2026"} for label in labels(found))


def test_an_empty_span_has_at_most_one_mark():
    assert len(ticks(Span(Instant(0), Instant(0)), BERLIN, 5)) <= 1


def test_a_span_is_described_with_its_zone_and_both_days_when_it_crosses_midnight():
    short = span(BERLIN, "2026-11-22T14:02:10", "2026-11-22T14:03:04")
    assert describe(short, BERLIN) == "22 Nov 2026, 14:02:10 – 14:03:04 (Europe/Berlin)"
    long = span(BERLIN, "2026-11-22T22:00:00", "2026-11-23T06:00:00")
    assert describe(long, BERLIN) == "22 Nov 2026, 22:00 – 23 Nov 2026, 06:00 (Europe/Berlin)"
    assert clock_of(short.start, BERLIN) == "14:02"
