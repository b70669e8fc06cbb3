"""Weekly hours on the wall clock of a zone: half-open windows, across midnight and clock changes.

A window belongs to the day it begins on. What counts is what a clock on the wall shows: in the hour
that comes twice a window applies twice, in the hour that is left out it does not apply.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
_LEAP = 2024
"""A year that has every day."""
_PART = re.compile(
    r"(?P<days>[A-Za-z]{3}(?:\s*-\s*[A-Za-z]{3})?)\s+"
    r"(?P<start>\d{1,2}:\d\d)\s*-\s*(?P<end>\d{1,2}:\d\d)"
)
_HOLIDAY = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of one weekday, in minutes of its day; an end beyond 1440 is on the next day."""

    weekday: int
    """0 is Monday."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """Days on which no window begins."""

    days: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    """(month, day)."""

    def __contains__(self, day: date) -> bool:
        return day in self.days or (day.month, day.day) in self.yearly


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """When something applies."""

    windows: tuple[Window, ...]
    zone: ZoneInfo
    holidays: Holidays = Holidays()

    def at(self, instant: Instant) -> bool:
        """Return True if a window covers the instant."""
        wall = datetime.fromtimestamp(instant / 1000, UTC).astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        today = wall.date()
        return self._covers(today, minute) or self._covers(
            today - timedelta(days=1), minute + _DAY_MINUTES
        )

    def next_change(self, instant: Instant) -> Instant | None:
        """Return when it next begins or ceases to apply; None within ten days: it does not."""
        now = self.at(instant)
        wall = datetime.fromtimestamp(instant / 1000, UTC).astimezone(self.zone)
        for candidate in self._borders(wall.date()):
            if candidate > instant and self.at(candidate) != now:
                return candidate
        return None

    def _borders(self, today: date) -> Iterable[Instant]:
        """Return every moment at which something may change, ascending, from yesterday on."""
        found: set[Instant] = set()
        for offset in range(-1, 11):
            day = today + timedelta(days=offset)
            midnight = datetime.combine(day, time())
            for window in self.windows:
                if window.weekday != day.weekday():
                    continue
                for minute in (window.start, window.end):
                    wall = midnight + timedelta(minutes=minute)
                    found |= {_instant(wall.replace(fold=fold), self.zone) for fold in (0, 1)}
            found |= _clock_changes(day, self.zone)
        return sorted(found)

    def _covers(self, day: date, minute: int) -> bool:
        return day not in self.holidays and any(
            window.weekday == day.weekday() and window.start <= minute < window.end
            for window in self.windows
        )


def _instant(wall: datetime, zone: ZoneInfo) -> Instant:
    return Instant(round(wall.replace(tzinfo=zone).timestamp() * 1000))


def _clock_changes(day: date, zone: ZoneInfo) -> set[Instant]:
    """Return the moments of a day at which its clock is set, to the minute."""
    start = _instant(datetime.combine(day, time()), zone)
    before = datetime.fromtimestamp(start / 1000, zone).utcoffset()
    for minute in range(0, 26 * 60, 15):
        moment = Instant(start + minute * 60_000)
        if datetime.fromtimestamp(moment / 1000, zone).utcoffset() != before:
            return {moment}
    return set()


def parse_hours(text: str, zone: ZoneInfo, holidays: Holidays | None = None) -> WeeklyHours:
    """Return the hours a text says, e.g. `Mon-Fri 08:00-22:00, Sat 22:00-04:00`.

    `always` and `never` stand for themselves. A window whose end is not after its start ends on the
    next day.

    Raises:
        ConfigurationError: it does not read so.
    """
    windows: list[Window] = []
    plain = text.strip().lower()
    if plain == "always":
        windows = [Window(weekday=day, start=0, end=_DAY_MINUTES) for day in range(7)]
        return WeeklyHours(windows=tuple(windows), zone=zone)
    for part in filter(None, (one.strip() for one in text.split(",") if plain != "never")):
        match = _PART.fullmatch(part)
        if match is None:
            raise ConfigurationError(
                f"{part!r} are no hours: write for example Mon-Fri 08:00-22:00, always or never."
            )
        start, end = _minute(match["start"]), _minute(match["end"])
        end = end if end > start else end + _DAY_MINUTES
        windows += [Window(weekday=day, start=start, end=end) for day in _days(match["days"])]
    return WeeklyHours(windows=tuple(windows), zone=zone, holidays=holidays or Holidays())


def parse_holidays(days: Iterable[str]) -> Holidays:
    """Return the holidays of a list of `2026-12-24` and, for every year, `12-25`.

    Raises:
        ConfigurationError: one does not read so.
    """
    fixed: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for text in days:
        match = _HOLIDAY.fullmatch(str(text))
        try:
            day = date.fromisoformat(f"{match[1] or _LEAP}-{match[2]}-{match[3]}" if match else "")
        except ValueError as error:
            raise ConfigurationError(
                f"{text!r} is no day: write 2026-12-24, or 12-25 for every year."
            ) from error
        if match is not None and match[1]:
            fixed.add(day)
        else:
            yearly.add((day.month, day.day))
    return Holidays(days=frozenset(fixed), yearly=frozenset(yearly))


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if hour > 24 or minute > 59 or hour * 60 + minute > _DAY_MINUTES:
        raise ConfigurationError(f"{text} is no time of a day.")
    return hour * 60 + minute


def _days(text: str) -> list[int]:
    names = [part.strip().capitalize() for part in text.split("-")]
    for name in names:
        if name not in DAYS:
            raise ConfigurationError(f"{name!r} is no day: write one of {', '.join(DAYS)}.")
    first, last = DAYS.index(names[0]), DAYS.index(names[-1])
    return [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
