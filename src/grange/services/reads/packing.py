"""Many rows as columns that compress well: the complete list of active jobs fits in 2 MB.

A column is packed in one of these forms:

- `{"plain": [...]}`: the values as they are;
- `{"values": [...], "width": n, "at": "..."}`: the different values once, and for each row `n`
  digits of base 64 that say which it has;
- `{"pieces": [column, ...]}`: texts cut at `_`, each piece as such a column; None: no such piece;
- `{"after_made": [...]}`: instants, as milliseconds after the row's id was made (None stays None).

Ids that are a prefix and a UUIDv7 are cut in two: the milliseconds they begin with, each as the
distance from the row before, and the 19 hex digits behind the version, which are chance; those of
all rows are written as base64, with a 0 behind where their number is odd.
"""

import gzip
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

LEVEL = 6
"""Of gzip. Higher ones take longer than the bytes they spare."""
MOST_VALUES = 0.5
"""A column with more different values than this share of the rows is written plain."""
MOST_PIECES = 8
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_ID = re.compile(r"([a-z]+-)([0-9a-f]{12})7([0-9a-f]{19})\Z")
_encode = msgspec.json.encode


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as it is sent: documented for the OpenAPI document; `pack` writes it."""

    number: int
    """Of the last event the rows include; later events go on top."""
    now: int
    zone: str
    fields: list[dict[str, Any]]
    """What the query language may name."""
    complete: bool
    """False: there are more rows than one snapshot holds; ask the server instead."""
    total: int
    """How many there are, those left out included."""
    rows: int
    ids: dict[str, Any]
    columns: dict[str, dict[str, Any]]


def pack(
    about: Mapping[str, Any],
    rows: Sequence[Any],
    *,
    key: str,
    instants: frozenset[str] = frozenset(),
    left_out: frozenset[str] = frozenset(),
) -> bytes:
    """Return a snapshot as compressed JSON.

    Args:
        about: members beside the rows.
        rows: structs of one type, in the order of their ids.
        key: the field that is the id.
        instants: fields that hold instants near the id's own.
        left_out: fields that the reader can work out from others.
    """
    ids = [getattr(row, key) for row in rows]
    packed_ids, made = _ids(ids)
    parts = [_encode(about)[:-1], b',"rows":', _encode(len(rows)), b',"ids":', _encode(packed_ids)]
    parts.append(b',"columns":{')
    fields = rows[0].__struct_fields__ if rows else ()
    names = [name for name in fields if name != key and name not in left_out]
    for number, name in enumerate(names):
        values = [getattr(row, name) for row in rows]
        after = made if name in instants else None
        parts += [b"," if number else b"", _encode(name), b":", _encode(_column(values, after))]
    parts.append(b"}}")
    return gzip.compress(b"".join(parts), LEVEL, mtime=0)


def _ids(ids: Sequence[str]) -> tuple[dict[str, Any], list[int] | None]:
    cut = [_ID.match(one) for one in ids]
    prefix = cut[0][1] if cut and cut[0] else ""
    made: list[int] = []
    rest: list[str] = []
    for one in cut:
        if one is None or one[1] != prefix:
            return {"plain": list(ids)}, None
        made.append(int(one[2], 16))
        rest.append(one[3])
    first = made[0] if made else 0
    steps = [now - before for before, now in zip([first, *made], made, strict=False)]
    digits = "".join(rest)
    chance = b64encode(bytes.fromhex(digits + "0" * (len(digits) % 2))).decode()
    return {"prefix": prefix, "first": first, "steps": steps, "rest": chance}, made


def _column(values: Sequence[Any], made: Sequence[int] | None) -> dict[str, Any]:
    if made is not None:
        return {
            "after_made": [
                None if value is None else value - at
                for value, at in zip(values, made, strict=True)
            ]
        }
    first = next((value for value in values if value is not None), None)
    if isinstance(first, list):
        return {"plain": list(values)}
    if isinstance(first, dict):
        return _chosen([tuple(value.items()) for value in values], dict) or {"plain": list(values)}
    found = _chosen(values, None)
    if found is None and isinstance(first, str):
        found = _pieces(values)
    return found or {"plain": list(values)}


def _chosen(values: Sequence[Any], made_of: Callable[[Any], Any] | None) -> dict[str, Any] | None:
    """Return the different values and who has which; None: there are too many."""
    places = dict.fromkeys(values)
    if len(places) > max(1, len(values) * MOST_VALUES):
        return None
    width = next(width for width in (1, 2, 3, 4) if len(places) <= 64**width)
    digits = {value: _digits(place, width) for place, value in enumerate(places)}
    listed = list(places) if made_of is None else [made_of(value) for value in places]
    return {"values": listed, "width": width, "at": "".join(map(digits.__getitem__, values))}


def _pieces(values: Sequence[str | None]) -> dict[str, Any] | None:
    cut = [() if value is None else value.split("_", MOST_PIECES - 1) for value in values]
    if None in values:
        return None
    columns = []
    for number in range(max(map(len, cut))):
        column = _chosen([one[number] if number < len(one) else None for one in cut], None)
        if column is None:
            return None
        columns.append(column)
    return {"pieces": columns}


def _digits(number: int, width: int) -> str:
    found = ""
    for _ in range(width):
        found = DIGITS[number % 64] + found
        number //= 64
    return found
