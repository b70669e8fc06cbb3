"""What a data logger keeps in its own log, in MessagePack.

| Kind | Content |
|---|---|
| `session` | the broker's session with us began anew: packet ids before it mean nothing |
| `values` | what one group commit took: packet ids, and values as columns |
| `series` | a series was added or changed |
| `removed` | a series was removed |
| `settings` | settings that were changed while the logger ran |
| `configured` | settings as the file has them, to notice when they change there |
| `checkpoint` | everything the records before it amount to |
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from grange.books.values.sources import LoggedSeries
from grange.kernel.errors import CorruptDataError
from grange.ports.value_log import LogRecord

SESSION = "session"
VALUES = "values"
SERIES = "series"
REMOVED = "removed"
SETTINGS = "settings"
CONFIGURED = "configured"
CHECKPOINT = "checkpoint"


class SessionRecord(msgspec.Struct, frozen=True, array_like=True):
    """A new session of the broker."""

    number: int


class ValuesRecord(msgspec.Struct, frozen=True, array_like=True):
    """The values of some messages. Lists of one length are columns."""

    session: int
    packets: list[int]
    """Packet ids of the messages with QoS 1."""
    digests: list[int]
    """What each of them said, as 64 bits."""
    names: list[str]
    """The series that follow are places in this list."""
    series: list[int]
    sources: list[int]
    at: list[int]
    values: list[float]


class RemovedRecord(msgspec.Struct, frozen=True, array_like=True):
    """A series that is gone."""

    name: str


class KeptRows(msgspec.Struct, frozen=True, array_like=True):
    """The rows of one series that are not in its file."""

    name: str
    starts: list[int]
    rows: list[list[float | None]]
    last_at: list[int]
    """When each source's latest value was taken; 0: never."""
    last_update_at: int | None
    retired: bool


class CheckpointRecord(msgspec.Struct, frozen=True, array_like=True):
    """The whole memory of a logger."""

    session: int
    packets: list[int]
    digests: list[int]
    series: list[LoggedSeries]
    """Those that were added while the logger ran, or before."""
    removed: list[str]
    rows: list[KeptRows]
    settings: dict[str, int | str]
    configured: dict[str, int | str]


Record = (
    SessionRecord
    | ValuesRecord
    | LoggedSeries
    | RemovedRecord
    | CheckpointRecord
    | dict[str, int | str]
)

_encode = msgspec.msgpack.Encoder().encode
_DECODERS: Mapping[str, msgspec.msgpack.Decoder[Any]] = {
    SESSION: msgspec.msgpack.Decoder(SessionRecord),
    VALUES: msgspec.msgpack.Decoder(ValuesRecord),
    SERIES: msgspec.msgpack.Decoder(LoggedSeries),
    REMOVED: msgspec.msgpack.Decoder(RemovedRecord),
    SETTINGS: msgspec.msgpack.Decoder(dict[str, int | str]),
    CONFIGURED: msgspec.msgpack.Decoder(dict[str, int | str]),
    CHECKPOINT: msgspec.msgpack.Decoder(CheckpointRecord),
}


def encode(record: Record) -> bytes:
    """Return the payload of a record."""
    return _encode(record)


def decode(record: LogRecord) -> Record:
    """Return what a record of the log says.

    Raises:
        CorruptDataError: it is no record of a data logger.
    """
    decoder = _DECODERS.get(record.kind)
    if decoder is None:
        raise CorruptDataError(f"record {record.sequence}", f"its kind is {record.kind!r}")
    try:
        found: Record = decoder.decode(record.payload)
    except msgspec.DecodeError as error:
        raise CorruptDataError(f"record {record.sequence}", str(error)) from error
    return found
