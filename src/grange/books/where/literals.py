"""Values as people write them: numbers, durations, sizes, amounts, dates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from grange.books.periods import midnight
from grange.books.where.fields import Field, Kind
from grange.kernel.units import Instant, datetime_of, instant_of

MILLIS: Mapping[str, int] = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
BYTES: Mapping[str, int] = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1000,
    "m": 1000**2,
    "mb": 1000**2,
    "g": 1000**3,
    "gb": 1000**3,
    "t": 1000**4,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}
FLAGS: Mapping[str, bool] = {
    "yes": True,
    "true": True,
    "1": True,
    "no": False,
    "false": False,
    "0": False,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_DURATION = re.compile(r"((\d+(?:\.\d+)?)(ms|s|m|h|d|w))+\Z", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([a-z]*)\Z", re.ASCII)
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z", re.ASCII)
_MINUTE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(?:\.\d{1,3})?)?(Z|z|[+-]\d\d:\d\d)?\Z", re.ASCII
)

SPELLINGS: Mapping[Kind, str] = {
    Kind.NUMBER: "a number, e.g. 12 or 0.5",
    Kind.DURATION: "a duration, e.g. 90s, 10m or 1h30m",
    Kind.BYTES: "a size, e.g. 500MB or 4GiB",
    Kind.MONEY: "an amount, e.g. 12.50",
    Kind.INSTANT: "a date, e.g. 2026-07, 2026-07-01, 2026-07-01T14:30, today or -7d",
    Kind.FLAG: "yes or no",
}


@dataclass(frozen=True, slots=True)
class Extent:
    """What a written number stands for: all stored values from `least` to `most`, both included.

    A date stands for its whole day.
    """

    least: int | float
    most: int | float


def extent(field: Field, text: str, *, zone: tzinfo, now: Instant) -> Extent | None:
    """Return what a text means as a value of a field with numbers; None if it means nothing."""
    match field.kind:
        case Kind.NUMBER | Kind.MONEY:
            return _point(_scaled(text, field.factor))
        case Kind.DURATION:
            return _point(duration(text))
        case Kind.BYTES:
            return _point(_size(text))
        case Kind.INSTANT:
            return _moment(text, zone, now)
        case _:
            return None


def duration(text: str) -> int | float | None:
    """Return a duration in milliseconds; a bare number is seconds."""
    if _NUMBER.match(text):
        return _scaled(text, 1000)
    if not _DURATION.match(text):
        return None
    return _whole(sum((Decimal(n) * MILLIS[unit] for n, unit in _PART.findall(text)), Decimal()))


def _size(text: str) -> int | float | None:
    found = _SIZE.match(text.lower())
    factor = BYTES.get(found[2]) if found else None
    return None if found is None or factor is None else _whole(Decimal(found[1]) * factor)


def _scaled(text: str, factor: int) -> int | float | None:
    return _whole(Decimal(text) * factor) if _NUMBER.match(text) else None


def _whole(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _point(value: int | float | None) -> Extent | None:
    return None if value is None else Extent(value, value)


def _moment(text: str, zone: tzinfo, now: Instant) -> Extent | None:
    text = text.lower()
    if text == "now":
        return Extent(now, now)
    if text in ("today", "yesterday"):
        day = datetime_of(now).astimezone(zone).date() - timedelta(days=text == "yesterday")
        return _days(day, day + timedelta(days=1), zone)
    if text.startswith("-") and _DURATION.match(text[1:]):
        ago = duration(text[1:])
        return None if ago is None else _point(now - round(ago))
    try:
        return _written(text, zone)
    except (ValueError, OverflowError):  # a 30th of February, the year 0
        return None


def _written(text: str, zone: tzinfo) -> Extent | None:
    found = _DAY.match(text)
    if found is not None:
        first = date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
        if found[3]:
            return _days(first, first + timedelta(days=1), zone)
        days = 32 if found[2] else 366
        after = (first + timedelta(days=days)).replace(day=1)
        return _days(first, after if found[2] else after.replace(month=1), zone)
    found = _MINUTE.match(text)
    if found is None:
        return None
    moment = datetime.fromisoformat(text.upper())
    start = instant_of(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    width = 60_000 if not found[1] else 1_000 if "." not in found[1] else 1
    return Extent(start, start + width - 1)


def _days(first: date, after: date, zone: tzinfo) -> Extent:
    return Extent(midnight(first, zone), midnight(after, zone) - 1)
