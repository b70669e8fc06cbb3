"""Columns of text (or of JSON) as times, numbers and errors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.formats.text import Numbers
from grange.collect.formats.times import MILLIS_PER_DAY, days_of, in_zone, real_date

_ISO = (
    r"^(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d)"
    r":(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?$"
)
_CLF = (
    r"^(?P<day>\d\d)/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<hour>\d\d):(?P<minute>\d\d)"
    r":(?P<second>\d\d)(?P<fraction>)\s*(?P<zone>[+-]\d{4})?$"
)
_MONTHS = pa.array(
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
)
TIME_FORMATS = ("iso", "clf", "epoch_s", "epoch_ms")
_NUMBER = r"^-?\d{1,15}(\.\d{1,9})?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRules:
    """What makes a line one of an error."""

    levels: tuple[str, ...] = ("ERROR", "CRITICAL", "FATAL")
    from_status: int = 400

    def found(self, count: int, level: Any, status: Any) -> Any:
        """Return which of so many lines tell of an error; columns that are None say nothing."""
        found = np.zeros(count, dtype=bool)
        if level is not None:
            upper = pc.utf8_upper(pc.fill_null(level.cast(pa.string()), ""))
            found |= _array(pc.is_in(upper, pa.array([one.upper() for one in self.levels])))
        if status is not None:
            found |= _array(pc.fill_null(numbers(status), -1)) >= self.from_status
        return found


def instants(column: Any, time_format: str, zone: str) -> Any:
    """Return a column of times as instants; null where there is none."""
    if pa.types.is_timestamp(column.type):
        ms = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
        if column.type.tz:
            return ms
        return pa.array(in_zone(_array(pc.fill_null(ms, 0)), zone), mask=_array(pc.is_null(ms)))
    if time_format in {"epoch_s", "epoch_ms"}:
        value = numbers(column)
        return _whole(pc.multiply(value, 1000.0) if time_format == "epoch_s" else value)
    return _calendar(column.cast(pa.string()), time_format, zone)


def _calendar(column: Any, time_format: str, zone: str) -> Any:
    parts = pc.extract_regex(column, pattern=_CLF if time_format == "clf" else _ISO)
    known = _array(pc.is_valid(parts))
    year, hour, minute, second = (
        _part(parts, name) for name in ("year", "hour", "minute", "second")
    )
    day = _part(parts, "day")
    if time_format == "clf":
        found = pc.index_in(pc.struct_field(parts, "month"), value_set=_MONTHS)
        month: Numbers = _array(pc.fill_null(found, -1)).astype(np.int64) + 1
    else:
        month = _part(parts, "month")
    good = known & real_date(year, month, day) & (hour < 24) & (minute < 60) & (second < 61)
    fraction = pc.utf8_slice_codeunits(
        pc.utf8_rpad(_filled(parts, "fraction", ""), 3, padding="0"), 0, 3
    )
    local = days_of(year, np.clip(month, 1, 12), day) * MILLIS_PER_DAY
    local = local + ((hour * 60 + minute) * 60 + second) * 1000
    local = local + _array(fraction.cast(pa.int64()))
    offset = _filled(parts, "zone", "")
    told = _array(pc.greater(pc.utf8_length(offset), 0))
    at = np.where(told, local - _offset_ms(offset), in_zone(np.where(good, local, 0), zone))
    return pa.array(at, mask=~good)


def _offset_ms(offset: Any) -> Numbers:
    plain = pc.replace_substring(pc.replace_substring(offset, ":", ""), "Z", "+0000")
    plain = pc.if_else(pc.equal(plain, ""), "+0000", plain)
    value = _array(pc.utf8_slice_codeunits(plain, 1, 5).cast(pa.int64()))
    minutes = value // 100 * 60 + value % 100
    sign = np.where(_array(pc.starts_with(plain, "-")), -1, 1)
    found: Numbers = sign * minutes * 60_000
    return found


def _filled(parts: Any, name: str, value: str) -> Any:
    return pc.fill_null(pc.struct_field(parts, name), value)


def _part(parts: Any, name: str) -> Numbers:
    found: Numbers = _array(_filled(parts, name, "0").cast(pa.int64()))
    return found


def numbers(column: Any) -> Any:
    """Return a column as float64; null where there is no number."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return column.cast(pa.float64(), safe=False)
    text = column.cast(pa.string())
    good = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    return pc.if_else(good, text, pa.scalar(None, pa.string())).cast(pa.float64())


def whole(column: Any, factor: float = 1.0) -> Any:
    """Return a column as whole numbers, rounded; null where there is no number."""
    return _whole(pc.multiply(numbers(column), factor))


def _whole(values: Any) -> Any:
    return pc.round(values).cast(pa.int64(), safe=False)


def _array(column: Any) -> Any:
    return column.to_numpy(zero_copy_only=False)


def plain_array(column: Any) -> Any:
    """Return an Arrow column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
