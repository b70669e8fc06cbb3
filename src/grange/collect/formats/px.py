"""Logs of a switchboard that takes files in (rx) and sends them on (tx).

A line begins with a time and a level. `[INFO]` lines that count bytes tell of one file; `[ERROR]`
lines tell of one error. The name of a file has seven fields with colons between; the first is its
product, the last says when it was received.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from grange.collect.formats.model import SCHEMA, Parsed, nothing
from grange.collect.formats.text import Numbers, bytes_of, cut, line_spans
from grange.collect.formats.times import MILLIS_PER_DAY, days_of, in_zone, real_date

_HEAD = 45
"""Bytes at the beginning of a line that are looked at: time, level, `(`, at most 12 digits."""
_TIME = 24
_INFO = np.frombuffer(b"[INFO] ", dtype=np.uint8)
_ERROR = np.frombuffer(b"[ERROR]", dtype=np.uint8)
_BYTES = np.frombuffer(b" Bytes)", dtype=np.uint8)
_LATENCY = np.frombuffer(b"(lat=", dtype=np.uint8)
_EXCLUDED = (b"/sec", b" Segment ", b"SEND TIMEOUT")
_STAMP = 14
_DIGIT_PLACES = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22])
_MARKS = ((4, 45), (7, 45), (10, 32), (13, 58), (16, 58), (19, 44), (23, 32))

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PxFormat:
    """Reads such logs."""

    zone: str = "UTC"
    """The zone of the logs' clock."""
    prefer_lat: bool = False
    """Take the latency that a line gives itself, where it does, instead of reckoning it."""

    def parse(self, data: bytes, offset: int, kind: str) -> Parsed:
        """Return what whole lines say; see `LogFormat`."""
        starts, ends = line_spans(data)
        known = (ends - starts) >= _TIME + 7
        starts, ends = starts[known], ends[known]
        if not len(starts):
            return nothing()
        # What is shorter than the head is followed by other bytes: they are never believed.
        padded = np.concatenate((bytes_of(data), np.zeros(_HEAD, dtype=np.uint8)))
        view = np.lib.stride_tricks.sliding_window_view(padded, _HEAD)
        heads = view[starts]
        local_ms, dated = _times(heads)
        info = dated & (heads[:, _TIME : _TIME + 7] == _INFO).all(axis=1)
        error = dated & (heads[:, _TIME : _TIME + 7] == _ERROR).all(axis=1)
        size, digits = _sizes(heads)
        counted = info & (digits > 0)
        after = starts + 32 + digits
        counted &= (_window(padded, after, len(_BYTES)) == _BYTES).all(axis=1)
        dropped = _other_bytes(data, info & ~counted, starts, ends)
        counted &= ~_holding(data, _EXCLUDED, starts, ends)
        files = _Files.found(data, starts, ends, counted)
        stamp_ms, stamped = _stamps(padded, files.ends)
        good = files.good & stamped
        dropped += int(np.count_nonzero(counted)) - int(np.count_nonzero(good))
        wanted = files.lines[good]
        latency = np.maximum(local_ms[wanted] // 1000 * 1000 - stamp_ms[good], 0)
        if self.prefer_lat:
            latency = _told(padded, data, files.ends[good], ends[wanted], latency)
        rows = np.flatnonzero(error)
        every = np.concatenate((wanted, rows))
        order = np.argsort(every, kind="stable") if len(rows) else slice(None)
        every = every[order]
        failed = np.zeros(len(every), dtype=bool)
        failed[len(wanted) :] = True
        failed = failed[order]
        at = in_zone(local_ms[every], self.zone)
        place = np.full(len(every), -1)
        place[: len(wanted)] = np.arange(len(wanted))
        taking = pa.array(place[order], mask=failed)
        latencies = np.concatenate((latency, np.zeros(len(rows), dtype=np.int64)))[order]
        unknown = failed | (kind == "rx")
        table = pa.Table.from_arrays(
            [
                pa.array(at),
                pa.array(latencies, mask=unknown),
                pa.array(np.where(failed, 0, size[every])),
                pa.array(failed),
                _taken(cut(data, files.starts[good], files.product_ends[good]), taking, len(rows)),
                _taken(cut(data, files.starts[good], files.ends[good]), taking, len(rows)),
                pa.array(starts[every] + offset),
            ],
            schema=SCHEMA,
        )
        return Parsed(rows=table, dropped=dropped)


def _taken(values: Any, places: Any, errors: int) -> Any:
    return values.take(places) if errors else values


def _window(padded: Any, places: Numbers, width: int) -> Any:
    """Return `width` bytes at each place; a place behind the end gives zeros."""
    view = np.lib.stride_tricks.sliding_window_view(padded, width)
    return view[np.clip(places, 0, len(view) - 1)]


def _number(digits: Any, first: int, count: int) -> Numbers:
    found: Numbers = digits[:, first].astype(np.int64)
    for place in range(first + 1, first + count):
        found = found * 10 + digits[:, place]
    return found


def _times(heads: Any) -> tuple[Numbers, Mask]:
    """Return the wall clock times in ms, and which lines begin with one."""
    digits = heads[:, _DIGIT_PLACES] - 48  # below 48 wraps around and is larger than 9
    dated = (digits <= 9).all(axis=1)
    for place, mark in _MARKS:
        dated &= heads[:, place] == mark
    year, month, day = _number(digits, 0, 4), _number(digits, 4, 2), _number(digits, 6, 2)
    hour, minute, second = _number(digits, 8, 2), _number(digits, 10, 2), _number(digits, 12, 2)
    dated &= real_date(year, month, day) & (hour < 24) & (minute < 60) & (second < 60)
    days = days_of(year, np.clip(month, 1, 12), day)
    seconds = (hour * 60 + minute) * 60 + second
    return days * MILLIS_PER_DAY + seconds * 1000 + _number(digits, 14, 3), dated


def _sizes(heads: Any) -> tuple[Numbers, Numbers]:
    """Return the number behind `(`, and how many digits it has (0: it is none)."""
    digits = heads[:, 32:44] - 48
    is_digit = digits <= 9
    count = np.where(is_digit.all(axis=1), 12, np.argmin(is_digit, axis=1))
    count[heads[:, 31] != 40] = 0
    size = np.zeros(len(heads), dtype=np.int64)
    for place in range(12):
        inside = place < count
        if not inside.any():
            break
        size = np.where(inside, size * 10 + digits[:, place], size)
    return size, count


def _holding(data: bytes, words: tuple[bytes, ...], starts: Numbers, ends: Numbers) -> Mask:
    """Return which lines hold one of some words."""
    present = [word for word in words if word in data]
    found = np.zeros(len(starts), dtype=bool)
    if present:
        raw = bytes_of(data)
        for word in present:
            places = np.flatnonzero(raw[: len(raw) - len(word) + 1] == word[0])
            for index in range(1, len(word)):
                places = places[raw[places + index] == word[index]]
            lines = np.searchsorted(starts, places, side="right") - 1
            inside = (lines >= 0) & (places + len(word) <= ends[lines])
            found[lines[inside]] = True
    return found


def _other_bytes(data: bytes, lines: Mask, starts: Numbers, ends: Numbers) -> int:
    """Count lines that speak of bytes, but not as they should."""
    if not lines.any():
        return 0
    starts, ends = starts[lines], ends[lines]
    meant = _holding(data, (b"Bytes",), starts, ends)
    return int(np.count_nonzero(meant & ~_holding(data, _EXCLUDED, starts, ends)))


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the names of files lie, in lines that count bytes."""

    lines: Numbers
    starts: Numbers
    ends: Numbers
    product_ends: Numbers
    good: Mask

    @classmethod
    def found(cls, data: bytes, starts: Numbers, ends: Numbers, counted: Mask) -> "_Files":
        raw = bytes_of(data)
        lines = np.flatnonzero(counted)
        begin, end = starts[lines], ends[lines]
        blanks = np.append(np.flatnonzero(raw == 32), np.repeat(len(raw), 12))
        first = np.searchsorted(blanks, begin)
        kinds = blanks[first + 4] + 1
        # `Ingested in DB as PATH`: the name is the ninth field, else the sixth.
        ingested = raw[np.minimum(kinds, len(raw) - 1)] == 73
        field = np.where(ingested, 9, 6)
        name = blanks[first + field - 1] + 1
        name_end = np.minimum(blanks[first + field], end)
        good = name < name_end
        name, name_end = np.minimum(name, end), np.maximum(np.minimum(name, end), name_end)
        colons = np.append(np.flatnonzero(raw == 58), np.repeat(len(raw), 8))
        colon = np.searchsorted(colons, name)
        product_end = colons[colon]
        # Seven fields: the sixth colon stands before the stamp.
        good &= colons[colon + 5] == name_end - _STAMP - 1
        if ingested.any():
            slashes = np.insert(np.flatnonzero(raw == 47), 0, -1)
            last = slashes[np.searchsorted(slashes, np.minimum(product_end, name_end)) - 1] + 1
            name = np.where(ingested, np.maximum(name, last), name)
        product_end = np.clip(product_end, name, name_end)
        return cls(lines, name, name_end, product_end, good & (product_end > name))


def _stamps(padded: Any, ends: Numbers) -> tuple[Numbers, Mask]:
    """Return the times of reception that end at some places, and which are times."""
    digits = _window(padded, ends - _STAMP, _STAMP) - 48
    good = (digits <= 9).all(axis=1) & (ends >= _STAMP)
    year, month, day = _number(digits, 0, 4), _number(digits, 4, 2), _number(digits, 6, 2)
    hour, minute, second = _number(digits, 8, 2), _number(digits, 10, 2), _number(digits, 12, 2)
    good &= real_date(year, month, day) & (hour < 24) & (minute < 60) & (second < 60)
    seconds = (hour * 60 + minute) * 60 + second
    return days_of(year, np.clip(month, 1, 12), day) * MILLIS_PER_DAY + seconds * 1000, good


def _told(padded: Any, data: bytes, names: Numbers, ends: Numbers, latency: Numbers) -> Numbers:
    """Return the latency that lines tell themselves behind the name, where they do."""
    raw = bytes_of(data)
    opens = np.append(np.flatnonzero(raw == 40), len(raw))
    place = opens[np.searchsorted(opens, names)]
    told = (place + len(_LATENCY) < ends) & (_window(padded, place, len(_LATENCY)) == _LATENCY).all(
        axis=1
    )
    digits = _window(padded, place + len(_LATENCY), 16)
    value = np.zeros(len(place), dtype=np.int64)
    decimals = np.full(len(place), -1)
    open_ = told.copy()
    for index in range(16):
        byte = digits[:, index]
        point = open_ & (byte == 46) & (decimals < 0)
        number = open_ & (byte >= 48) & (byte <= 57)
        open_ = point | number
        kept = number & (decimals < 3)
        value = np.where(kept, value * 10 + byte.astype(np.int64) - 48, value)
        decimals = np.where(point, 0, np.where(kept & (decimals >= 0), decimals + 1, decimals))
    value = value * 10 ** (3 - np.clip(decimals, 0, 3))
    return np.where(told, value, latency)
