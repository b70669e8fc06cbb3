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

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from grange.services.reads.gzip_parts import Begun, begun, ended

MOST_VALUES = 0.5
"""A column with more different values than this share of the rows is written plain."""
MOST_PIECES = 8
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_HEX = frozenset("0123456789abcdef")
_TIME, _VERSION, _WHOLE = 12, 13, 32
"""Hex digits of a UUIDv7: of its time, with its version, all."""
_encode = msgspec.json.encode


class PackedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as columns."""

    rows: int
    ids: dict[str, Any]
    columns: dict[str, dict[str, Any]]


class Packed(PackedRows, frozen=True, kw_only=True):
    """A snapshot as it is sent: documented for the OpenAPI document; `Pack` writes it."""

    changed: PackedRows
    """Rows as they are now, in place of those of the same ids and beside the others."""
    gone: list[str]
    """Ids of rows that are no longer there."""
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


class Pack:
    """Packs rows of one kind: many of them once, and what changed since behind them."""

    def __init__(
        self,
        key: str,
        *,
        instants: frozenset[str] = frozenset(),
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        """Say what the rows are like.

        Args:
            key: the field that is the id.
            instants: fields that hold instants near the id's own.
            left_out: fields that the reader can work out from others.
        """
        self._key = key
        self._instants = instants
        self._left_out = left_out

    def begun(self, rows: Sequence[Any]) -> Begun:
        """Return the first part of a snapshot: structs of one type, in the order of their ids."""
        return begun(b"{" + self._rows(rows))

    def ended(
        self, part: Begun, changed: Sequence[Any], gone: Sequence[str], about: Mapping[str, Any]
    ) -> bytes:
        """Return a whole snapshot as compressed JSON.

        Args:
            part: the rows as they were.
            changed: those that changed since or are new, in the order of their ids.
            gone: ids of those that are gone since.
            about: members beside the rows.
        """
        more = b',"changed":{%s},"gone":%s,' % (self._rows(changed), _encode(gone))
        return ended(part, more + _encode(about)[1:])

    def whole(self, rows: Sequence[Any], about: Mapping[str, Any]) -> bytes:
        """Return a snapshot of rows of which none has changed since."""
        return self.ended(self.begun(rows), [], [], about)

    def _rows(self, rows: Sequence[Any]) -> bytes:
        packed_ids, made = _ids(list(map(attrgetter(self._key), rows)))
        parts = [b'"rows":', _encode(len(rows)), b',"ids":', _encode(packed_ids), b',"columns":{']
        fields = rows[0].__struct_fields__ if rows else ()
        names = [name for name in fields if name != self._key and name not in self._left_out]
        for number, name in enumerate(names):
            column = _column(
                list(map(attrgetter(name), rows)), made if name in self._instants else None
            )
            parts += [b"," if number else b"", _encode(name), b":", _encode(column)]
        parts.append(b"}")
        return b"".join(parts)


def _ids(ids: Sequence[str]) -> tuple[dict[str, Any], list[int] | None]:
    prefix = ids[0][:-_WHOLE] if ids else ""
    start = len(prefix)
    bodies = [one[start:] for one in ids]
    if not all(
        len(body) == _WHOLE and body[_TIME] == "7" and one.startswith(prefix)
        for one, body in zip(ids, bodies, strict=True)
    ) or not _HEX.issuperset("".join(bodies)):
        return {"plain": list(ids)}, None
    made = [int(body[:_TIME], 16) for body in bodies]
    first = made[0] if made else 0
    steps = [now - before for before, now in zip([first, *made], made, strict=False)]
    digits = "".join(body[_VERSION:] for body in bodies)
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
    cut = [value.split("_", MOST_PIECES - 1) for value in values if value is not None]
    if len(cut) < len(values):
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
