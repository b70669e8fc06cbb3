"""Spans of time as people give them: how long ago, or a date."""

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import rich_click as click

from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import Instant, datetime_of, instant_of

_AGO = re.compile(r"(\d+(?:\.\d+)?)(m|h|d|w)")
_MILLIS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

_Command = Callable[..., Any]

_WHEN = "e.g. 90m, 24h, 7d ago, today, yesterday, 2026-11-22 or 2026-11-22T14:00"
_DAYS_BACK = {"today": 0, "yesterday": 1}


def start_option(command: _Command) -> _Command:
    """Give a command --start."""
    return click.option("--start", metavar="WHEN", help=f"From when, {_WHEN}.")(command)


def end_option(command: _Command) -> _Command:
    """Give a command --end."""
    return click.option("--end", metavar="WHEN", help="Until when; default: now.")(command)


def parse_when(text: str, now: int) -> Instant:
    """Return the instant a text means: a span before `now`, or a local day, date or time.

    Raises:
        InvalidRequestError: it means neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return Instant(now - round(float(ago[1]) * _MILLIS[ago[2]]))
    if (back := _DAYS_BACK.get(text.strip().lower())) is not None:
        day = datetime_of(Instant(now)).astimezone().date() - timedelta(days=back)
        return instant_of(datetime.combine(day, time()).astimezone())
    try:
        return instant_of(datetime.fromisoformat(text.strip()).astimezone())
    except ValueError:
        raise InvalidRequestError(f"{text!r} is no time. Write {_WHEN}.") from None


def parse_span(start: str | None, end: str | None, now: int) -> dict[str, str]:
    """Return the query members `start` and `end`, in milliseconds; what was not given is left out.

    Raises:
        InvalidRequestError: a time cannot be read, or the end does not lie after the start.
    """
    query: dict[str, str] = {}
    if start is not None:
        query["start"] = str(parse_when(start, now))
    if end is not None:
        query["end"] = str(parse_when(end, now))
    if "start" in query and int(query["start"]) >= int(query.get("end", now)):
        raise InvalidRequestError("The end must lie after the start.")
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
