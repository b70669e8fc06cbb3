"""Entities to rows and back, compiled once per entity type.

PostgreSQL refuses the NUL character in text. It becomes U+FFFD in both databases alike, so that one
odd progress message cannot make a whole batch fail.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from grange.adapters.columns import Column, Kind, column_map, columns_of
from grange.domain.facts import (
    EventFact,
    Fact,
    LicenceUseFact,
    SessionActionFact,
    SessionFact,
    SubmissionFact,
)

E = TypeVar("E")

NUL = "\x00"
REPLACEMENT = "\ufffd"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"A {type(value).__name__} cannot be kept as JSON.")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def json_text(value: Any) -> str:
    """Return a value as JSON text without NUL characters."""
    data = _encoder.encode(value)
    if b"\\u0000" in data:
        data = _encoder.encode(_without_nul(msgspec.json.decode(data)))
    return data.decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(NUL, REPLACEMENT)
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def clean_text(value: str) -> str:
    """Return the text without NUL characters."""
    return value.replace(NUL, REPLACEMENT) if NUL in value else value


class RowCodec(Generic[E]):
    """Turns one entity type into rows and back; columns are in the order of the fields."""

    def __init__(self, entity: type[E], *, without: Collection[str] = ()) -> None:
        """Compile a codec.

        Args:
            entity: the type.
            without: columns to leave out; such a codec makes rows, but no entities.
        """
        self._entity = entity
        self.columns = tuple(column for column in columns_of(entity) if column.name not in without)
        self.names = tuple(column.name for column in self.columns)
        self._values = attrgetter(*self.names)
        self._encoders = _positions(self.columns, _encoder_of)
        self._decoders = _positions(self.columns, _decoder_of)

    def row(self, entity: E) -> list[Any]:
        """Return the values of the entity's columns."""
        values = list(self._values(entity))
        for position, encode in self._encoders:
            value = values[position]
            if value is not None:
                values[position] = encode(value)
        return values

    def entity(self, row: Sequence[Any]) -> E:
        """Return the entity a row holds."""
        values = list(row)
        for position, decode in self._decoders:
            value = values[position]
            if value is not None:
                values[position] = decode(value)
        return self._entity(**dict(zip(self.names, values, strict=True)))


def reader_of(
    entity: type[Any], names: Sequence[str]
) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return a function from a row of some columns of an entity to their values."""
    columns = column_map(entity)
    decoders = _positions([columns[name] for name in names], _decoder_of)

    def read(row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for position, decode in decoders:
            value = values[position]
            if value is not None:
                values[position] = decode(value)
        return tuple(values)

    return read


def codec_of(entity: type[E]) -> RowCodec[E]:
    """Return the codec of an entity type."""
    codec = _CODECS.get(entity)
    if codec is None:
        codec = _CODECS[entity] = RowCodec(entity)
    return codec


_CODECS: dict[type[Any], RowCodec[Any]] = {}


def _positions(
    columns: Sequence[Column], find: Callable[[Column], Callable[[Any], Any] | None]
) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    found = ((position, find(column)) for position, column in enumerate(columns))
    return tuple((position, function) for position, function in found if function is not None)


def _encoder_of(column: Column) -> Callable[[Any], Any] | None:
    if column.kind is Kind.JSON:
        return json_text
    if column.free_text:
        return clean_text
    return None


def _decoder_of(column: Column) -> Callable[[Any], Any] | None:
    if column.kind is Kind.JSON:
        return msgspec.json.Decoder(column.python).decode
    if column.enum is not None:
        members: dict[str, StrEnum] = {member.value: member for member in column.enum}
        return members.__getitem__
    if column.kind is Kind.BOOLEAN:
        return bool
    return None


_FACTS: Mapping[str, type[Any]] = {
    "session_actions": SessionActionFact,
    "sessions": SessionFact,
    "events": EventFact,
    "licence_uses": LicenceUseFact,
    "submissions": SubmissionFact,
}
"""Tag of an outbox row → the fact it holds: the name of the table of the books it goes to."""
_TAGS = {fact: tag for tag, fact in _FACTS.items()}
_FACT_DECODERS = {tag: msgspec.json.Decoder(fact) for tag, fact in _FACTS.items()}


def fact_row(fact: Fact) -> tuple[str, str]:
    """Return the tag and the JSON text of a fact."""
    return _TAGS[type(fact)], json_text(fact)


def fact_of(tag: str, payload: str) -> Fact:
    """Return the fact kept under this tag."""
    fact: Fact = _FACT_DECODERS[tag].decode(payload)
    return fact
