"""The files of an exported folder: one container, checked as a whole, written in one step.

See docs/format/rrdata.md.
"""

import os
import struct
import zlib
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MAGIC = b"GRANGERR"
VERSION = 1
_HEAD = struct.Struct("<8s4sHHQI")
"""Magic, kind, version, flags (0), length of the packed body, CRC-32 of the packed body."""

_TOO_SHORT = "is cut short"


class Kind(StrEnum):
    """What a file holds."""

    FARM = "FARM"
    DAY = "DAYS"
    RINGS = "RING"
    CLIENT = "CLNT"
    FRAMES = "FRMS"
    LAYER_TIMES = "RTIM"
    CONTACTS = "CONT"
    LICENSES = "LICS"
    GROUPS = "GRPS"
    HISTORY = "HIST"


class FileProblem(Exception):
    """A file cannot be used; the text is what getError() says. `torn`: it may yet be complete."""

    def __init__(self, message: str, *, torn: bool = False, absent: bool = False) -> None:
        super().__init__(message)
        self.torn = torn
        self.absent = absent


def pack(value: Any) -> bytes:
    """Return a value as compressed MessagePack."""
    return zlib.compress(msgspec.msgpack.encode(value), 6)


def unpack(content: bytes, type_: type[T]) -> T:
    """Return the value of compressed MessagePack.

    Raises:
        FileProblem: it is no such value.
    """
    try:
        return msgspec.msgpack.decode(zlib.decompress(content), type=type_)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise FileProblem(f"holds something else than it should: {error}") from error


def write_value(path: Path, kind: Kind, value: Any) -> None:
    """Write a file in one step: whoever reads it gets the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    if not path.name:
        raise IsADirectoryError(f"{path} names no file")
    body = pack(value)
    head = _HEAD.pack(MAGIC, kind.encode(), VERSION, 0, len(body), zlib.crc32(body))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(head)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_value(path: Path, kind: Kind, type_: type[T]) -> T:
    """Return what a file holds.

    Raises:
        FileProblem: it is absent, cut short, damaged or of another kind.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileProblem(f"{path} does not exist", absent=True) from error
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path} cannot be read: {error}") from error
    if len(content) < _HEAD.size:
        raise FileProblem(f"{path} {_TOO_SHORT}", torn=True)
    magic, found, version, _flags, length, checksum = _HEAD.unpack_from(content)
    if magic != MAGIC:
        raise FileProblem(
            f"{path} is no file of Grange (Royal Render's own files are not read; see"
            " grange rrdata exporter)"
        )
    if version > VERSION:
        raise FileProblem(f"{path} was written by a newer Grange (format {version})")
    if found != kind.encode():
        raise FileProblem(f"{path} holds {found.decode('ascii', 'replace')}, not {kind}")
    body = content[_HEAD.size :]
    if len(body) < length:
        raise FileProblem(f"{path} {_TOO_SHORT}", torn=True)
    if len(body) > length or zlib.crc32(body) != checksum:
        raise FileProblem(f"{path} is damaged: its checksum is wrong", torn=True)
    try:
        return unpack(body, type_)
    except FileProblem as error:
        raise FileProblem(f"{path} {error}") from error
