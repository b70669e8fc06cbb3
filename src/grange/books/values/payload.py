"""What one MQTT message says: one value, a map of values, or a map of nodes' values (S3-08).

A *value* is a number, or an object with the member `data`. Such an object may name where it
belongs (`hadd` or `address`; `value_uuid`, `value_id` or `uuid`; `index`) and its `genre`: only
those of genre user and basic are kept. What a value does not name is taken from its place in the
maps around it, then from the topic: the address is the topic without its last level, the value id
is the last level, the index is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from grange.kernel.errors import InvalidRequestError

KEPT_GENRES = frozenset({1, 2, "basic", "user", "0x01", "0x02"})
_ADDRESS = ("hadd", "address")
_VALUE_ID = ("value_uuid", "value_id", "uuid")
_PREFIXES = ("/values/user/", "/values/basic/", "values/user/", "values/basic/")
"""Topics of janitoo: `/values/<genre>/<address>/<value id>/<index>`, the address in two levels."""
_JANITOO_LEVELS = 4
_decode = msgspec.json.Decoder().decode


class Reading(NamedTuple):
    """One value of one source."""

    address: str
    value_id: str
    value_index: int
    value: float


@dataclass(slots=True)
class Readings:
    """What a message held."""

    values: list[Reading] = field(default_factory=list)
    other_genres: int = 0
    """Values of other genres (configuration and such): not kept."""
    unusable: int = 0
    """Values that are no finite number."""


class _Place(NamedTuple):
    """Where a value belongs that does not say so itself."""

    address: str
    value_id: str
    value_index: int
    whole: str
    """The whole topic: the address of members that are called by a value id."""


def readings(topic: str, payload: bytes) -> Readings:
    """Return the values in a message.

    Raises:
        InvalidRequestError: the payload is neither JSON nor a number.
    """
    try:
        content = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"A message on {topic} is not JSON: {error}.") from error
    found = Readings()
    place = _place(topic)
    if isinstance(content, Mapping) and "data" not in content:
        for key, item in content.items():
            _take_member(found, place, str(key), item)
    elif isinstance(content, list):
        for item in content:
            _take(found, place, item)
    else:
        _take(found, place, content)
    return found


def _place(topic: str) -> _Place:
    for prefix in _PREFIXES:
        if topic.startswith(prefix):
            parts = topic[len(prefix) :].split("/")
            if len(parts) == _JANITOO_LEVELS and parts[3].isdigit():
                address = f"{parts[0]}/{parts[1]}"
                return _Place(address, parts[2], int(parts[3]), address)
    address, _, value_id = topic.strip("/").rpartition("/")
    return _Place(address, value_id, 0, topic.strip("/"))


def _take_member(found: Readings, place: _Place, key: str, item: Any) -> None:
    """Take a member of the outer map: a value by its index or id, or a node's values by index."""
    if key.isascii() and key.isdigit():
        _take(found, place._replace(value_index=int(key)), item)
        return
    inner = place._replace(address=place.whole, value_id=key, value_index=0)
    if isinstance(item, Mapping) and "data" not in item:
        for index, value in item.items():
            text = str(index)
            known = text.isascii() and text.isdigit()
            _take(found, inner._replace(value_index=int(text)) if known else inner, value)
    else:
        _take(found, inner, item)


def _take(found: Readings, place: _Place, item: Any) -> None:
    address, value_id, index, _ = place
    value = item
    if isinstance(item, Mapping):
        genre = item.get("genre")
        if genre is not None and genre not in KEPT_GENRES:
            found.other_genres += 1
            return
        value = item.get("data")
        address = next((str(item[name]) for name in _ADDRESS if item.get(name)), address)
        value_id = next((str(item[name]) for name in _VALUE_ID if item.get(name)), value_id)
        named = item.get("index")
        if isinstance(named, int) and named >= 0:
            index = named
    number = _number(value)
    if number is None:
        found.unusable += 1
    else:
        found.values.append(Reading(address, value_id, index, number))


def _number(value: Any) -> float | None:
    """Return a value as a finite number; True and False are 1 and 0; None if it is none."""
    kind = type(value)
    if kind is str:
        try:
            value = float(value)
        except ValueError:
            return None
    elif kind not in {float, int, bool}:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
