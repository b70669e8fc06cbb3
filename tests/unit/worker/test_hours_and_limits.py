"""Weekly hours, limits at every minute, and their file (ledger S1-05, S1-12, S1-13)."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from grange.domain.hours import WeeklyHours, parse_holidays, parse_hours
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant, instant_of
from grange.worker.limits import AtEnd, DuringWork, Limits, parse_profile, read_profile

ZURICH = ZoneInfo("Europe/Zurich")
DEFAULT = "Mon-Fri 08:00-22:00"


def wall(text: str, zone: ZoneInfo = ZURICH, fold: int = 0) -> Instant:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))


def slow_at(text: str, zone: ZoneInfo, instant: Instant) -> bool:
    """Read the hours a second time, in another way: look at every minute of the week."""
    moment = datetime.fromtimestamp(instant / 1000, UTC).astimezone(zone)
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    covered = set()
    for part in text.split(", "):
        days, times = part.split(" ")
        first, _, last = days.partition("-")
        (h1, m1), (h2, m2) = (map(int, one.split(":")) for one in times.split("-"))
        length = (h2 * 60 + m2 - h1 * 60 - m1) % 1440 or 1440
        day = names.index(first)
        while True:
            start = day * 1440 + h1 * 60 + m1
            covered |= {(start + minute) % 10080 for minute in range(length)}
            if names[day] == (last or first):
                break
            day = (day + 1) % 7
    return moment.weekday() * 1440 + moment.hour * 60 + moment.minute in covered


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ("2026-06-01T07:59:59", False),
        ("2026-06-01T08:00:00", True),
        ("2026-06-01T21:59:59", True),
        ("2026-06-01T22:00:00", False),
        ("2026-06-06T12:00:00", False),
    ],
)
def test_windows_are_half_open(when: str, inside: bool) -> None:
    assert parse_hours(DEFAULT, ZURICH).at(wall(when)) is inside


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ("2026-06-05T21:59:00", False),
        ("2026-06-05T22:00:00", True),
        ("2026-06-06T03:59:00", True),
        ("2026-06-06T04:00:00", False),
        ("2026-06-07T01:00:00", False),
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_it_begins(
    when: str,
    inside: bool,
) -> None:
    assert parse_hours("Fri 22:00-04:00", ZURICH).at(wall(when)) is inside


def test_sunday_night_runs_into_monday() -> None:
    hours = parse_hours("Sun 20:00-06:00", ZURICH)
    assert hours.at(wall("2026-06-08T05:59"))
    assert not hours.at(wall("2026-06-08T06:00"))


def test_the_hour_that_comes_twice_counts_twice_and_the_one_left_out_not_at_all() -> None:
    hours = parse_hours("Sun 02:00-03:00", ZURICH)
    assert hours.at(wall("2026-10-25T02:30", fold=0))
    assert hours.at(wall("2026-10-25T02:30", fold=1))
    start = wall("2026-10-25T02:00", fold=0)
    assert hours.next_change(Instant(start - 1)) == start
    assert hours.next_change(start) == start + 2 * 3_600_000
    spring = wall("2026-03-29T01:59:59")
    day = [Instant(spring + minute * 60_000) for minute in range(120)]
    assert not any(hours.at(one) for one in day)


@pytest.mark.parametrize(
    "text",
    [
        "Mon-Fri 08:00-22:00",
        "Fri 22:00-04:00, Sun 20:00-06:00",
        "Sat-Mon 01:30-03:15",
        "Wed 00:00-24:00",
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe"])
def test_hours_equal_a_second_reading_all_year_and_change_where_they_say(
    text: str, zone: str
) -> None:
    place = ZoneInfo(zone)
    hours = parse_hours(text, place)
    chance = random.Random(7)
    start = wall("2026-01-01T00:00", place)
    for _ in range(500):
        instant = Instant(start + chance.randrange(366 * 86_400) * 1000)
        assert hours.at(instant) == slow_at(text, place, instant)
    instant = start
    changes = 0
    while (change := hours.next_change(instant)) is not None and changes < 60:
        assert hours.at(change) != hours.at(Instant(change - 1000))
        middle = Instant((instant + change) // 2)
        assert hours.at(middle) == hours.at(instant)
        instant, changes = change, changes + 1
    assert changes == 60


def test_no_window_begins_on_a_holiday_but_one_that_began_goes_on() -> None:
    hours = parse_hours("Thu-Fri 20:00-06:00", ZURICH, parse_holidays(["2026-06-05", "12-25"]))
    assert hours.at(wall("2026-06-05T05:00"))
    assert not hours.at(wall("2026-06-05T21:00"))
    assert not hours.at(wall("2026-12-25T21:00"))
    assert hours.at(wall("2026-12-24T21:00"))
    assert date(2031, 12, 25) in parse_holidays(["12-25"])


def test_always_and_never() -> None:
    at = wall("2026-06-05T05:00")
    assert parse_hours("always", ZURICH).at(at)
    assert not parse_hours("never", ZURICH).at(at)
    assert parse_hours("never", ZURICH).next_change(at) is None
    assert isinstance(parse_hours("always", ZURICH), WeeklyHours)


@pytest.mark.parametrize(
    "text", ["Mon", "Mon-Fri", "Mon 8-9", "Xyz 08:00-09:00", "Mon 25:00-26:00", "Mon 08:61-09:00"]
)
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_hours(text, ZURICH)


@pytest.mark.parametrize("day", ["2026-13-01", "24.12.", "02-30", ""])
def test_a_holiday_that_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_holidays([day])


PROFILE = {
    "zone": "Europe/Zurich",
    "limits": {"memory_mib": 64_000, "cores": -1},
    "work": {"hours": DEFAULT, "memory_mib": 8_000, "cores": 4},
}


@pytest.mark.parametrize(
    ("when", "limits"),
    [
        ("2026-06-01T07:59", Limits(memory_bytes=64_000 * 2**20)),
        ("2026-06-01T08:00", Limits(memory_bytes=8_000 * 2**20, cores=4)),
        ("2026-06-01T21:59", Limits(memory_bytes=8_000 * 2**20, cores=4)),
        ("2026-06-01T22:00", Limits(memory_bytes=64_000 * 2**20)),
    ],
)
def test_the_work_limits_hold_in_work_hours_to_the_minute(when: str, limits: Limits) -> None:
    """S1-12: limits at the boundary minutes; S1-05: -1 is no limit."""
    profile = parse_profile(PROFILE, ZoneInfo("UTC"))
    assert profile.at(wall(when), user_logged_in=None) == profile.at(
        wall(when), user_logged_in=True
    )
    assert profile.at(wall(when), user_logged_in=None).limits == limits


def test_outside_its_render_hours_a_machine_begins_nothing() -> None:
    render = {"hours": "Mon-Sun 22:00-06:00", "at_end": "now"}
    profile = parse_profile({"render": render}, ZURICH)
    assert profile.at_end is AtEnd.NOW
    rules = profile.at(wall("2026-06-01T06:00"), user_logged_in=False)
    assert (rules.closed, rules.stop) == ("outside its render hours", True)
    assert profile.at(wall("2026-06-01T05:59"), user_logged_in=True).closed == ""
    assert profile.next_change(wall("2026-06-01T05:59")) == wall("2026-06-01T06:00")


@pytest.mark.parametrize(
    ("policy", "logged_in", "closed"),
    [
        ("always", True, False),
        ("logged_off", True, True),
        ("logged_off", None, True),
        ("logged_off", False, False),
        ("never", False, True),
    ],
)
def test_in_work_hours_the_user_may_come_first(
    policy: str,
    logged_in: bool | None,
    closed: bool,
) -> None:
    profile = parse_profile({"work": {"hours": DEFAULT, "render": policy}}, ZURICH)
    assert profile.during_work is DuringWork(policy)
    rules = profile.at(wall("2026-06-01T12:00"), user_logged_in=logged_in)
    assert bool(rules.closed) is closed
    assert profile.at(wall("2026-06-01T23:00"), user_logged_in=True).closed == ""


def test_without_a_file_nothing_is_limited(tmp_path: Path) -> None:
    rules = read_profile(tmp_path / "limits.toml", ZURICH).at(Instant(0), user_logged_in=True)
    assert (rules.limits, rules.closed) == (Limits(), "")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[limit]\n", "'limit'"),
        ("[limits]\nmemory = 3\n", "limits.memory"),
        ("[limits]\ncores = 0\n", "cores"),
        ('[work]\nrender = "sometimes"\n', "render"),
        ('zone = "Mars/Olympus"\n', "zone"),
        ("[work\n", "limits.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=named):
        read_profile(path, ZURICH)


def test_a_day_has_as_many_changes_as_it_has_borders() -> None:
    profile = parse_profile(PROFILE, ZURICH)
    instant, seen = wall("2026-06-01T00:00"), list[datetime]()
    while (change := profile.next_change(instant)) is not None and len(seen) < 10:
        seen.append(datetime.fromtimestamp(change / 1000, ZURICH))
        instant = change
    assert [(one.weekday(), one.hour) for one in seen] == [
        (day, hour) for day in range(5) for hour in (8, 22)
    ]
    assert seen[0] + timedelta(days=4, hours=14) == seen[-1]
