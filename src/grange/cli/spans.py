"""Spans of time as people give them: how long ago, or a date."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import rich_click as click

from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import Instant, datetime_of, instant_of

_AGO = re.compile(r"-?(\d+(?:\.\d+)?)(m|h|d|w)(?: ago)?")
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_MILLIS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

_Command = Callable[..., Any]

_WHEN = "e.g. 90m, 24h, 7d, today, yesterday, 2026-11, 2026-11-22 or 2026-11-22T14:00"
_DAYS_BACK = {"today": 0, "yesterday": 1}
Zone = Callable[[], tzinfo | None]
"""Says where a day begins at midnight; None: where this program runs. Asked only for a date."""


def here() -> None:
    """Say that days begin where this program runs."""


def start_option(command: _Command) -> _Command:
    """Give a command --start."""
    return click.option("--start", metavar="WHEN", help=f"From when, {_WHEN}.")(command)


def end_option(command: _Command) -> _Command:
    """Give a command --end."""
    return click.option("--end", metavar="WHEN", help="Until when; default: now.")(command)


def parse_when(text: str, now: int, zone: Zone = here) -> Instant:
    """Return the instant a text means: a span before `now`, or a month, day or time of a zone.

    Args:
        text: as given; a time with an offset is that of no zone.
        now: the time.
        zone: where days begin.

    Raises:
        InvalidRequestError: it means none of them.
    """
    text = text.strip()
    if text.lower() == "now":
        return Instant(now)
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return Instant(now - round(float(ago[1]) * _MILLIS[ago[2]]))
    if (back := _DAYS_BACK.get(text.lower())) is not None:
        day = datetime_of(Instant(now)).astimezone(zone()).date() - timedelta(days=back)
        return _begin_of(day, zone)
    try:
        if (month := _MONTH.fullmatch(text)) is not None:
            return _begin_of(date(int(month[1]), int(month[2]), 1), zone)
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(f"{text!r} is no time. Write {_WHEN}.") from None
    return instant_of(given if given.tzinfo else _in_zone(given, zone))


def _begin_of(day: date, zone: Zone) -> Instant:
    return instant_of(_in_zone(datetime.combine(day, time()), zone))


def _in_zone(given: datetime, zone: Zone) -> datetime:
    known = zone()
    return given.astimezone() if known is None else given.replace(tzinfo=known)


def parse_span(start: str | None, end: str | None, now: int, zone: Zone = here) -> dict[str, str]:
    """Return the query members `start` and `end`, in milliseconds; what was not given is left out.

    Raises:
        InvalidRequestError: a time cannot be read, or the end does not lie after the start.
    """
    query: dict[str, str] = {}
    if start is not None:
        query["start"] = str(parse_when(start, now, zone))
    if end is not None:
        query["end"] = str(parse_when(end, now, zone))
    if "start" in query and int(query["start"]) >= int(query.get("end", now)):
        if end is None:
            raise InvalidRequestError(f"{start} lies ahead: there is nothing to ask for yet.")
        raise InvalidRequestError(f"{end} does not lie after {start}.")
    return query


def seconds_of(text: str) -> int:
    """Return the seconds of a span like `30m`, `2h` or `7d`.

    Raises:
        InvalidRequestError: it is none.
    """
    found = _AGO.fullmatch(text.strip())
    if found is None:
        raise InvalidRequestError(f"{text!r} is no span of time. Write e.g. 30m, 2h or 7d.")
    return round(float(found[1]) * _MILLIS[found[2]] / 1000)
