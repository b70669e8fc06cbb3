"""How files of rings begin: what they are, and what they are made of; docs/format/rings.md."""

import struct
import zlib
from typing import Any

from grange.kernel.errors import CorruptDataError

PREAMBLE = struct.Struct("<8sHHIII")
"""Magic, version, 1 while rows are written, length of the description, its CRC, where the rest
begins."""
ALIGN = 64


def pack_preamble(magic: bytes, version: int, description: bytes) -> bytes:
    """Return the first bytes of a file, up to where the rest begins."""
    begin = aligned(PREAMBLE.size + len(description))
    check = zlib.crc32(description)
    packed = PREAMBLE.pack(magic, version, 0, len(description), check, begin)
    return (packed + description).ljust(begin, b"\0")


def unpack_preamble(
    path: str, data: Any, *, magic: bytes, version: int, what: str
) -> tuple[bytes, int]:
    """Return the description, and where the rest begins.

    Args:
        path: for the error.
        data: the file's bytes.
        magic: how such a file begins.
        version: the newest that can be read.
        what: what the file should be, in a word.

    Raises:
        CorruptDataError: it is no such file, or its description is damaged.
    """
    if len(data) < PREAMBLE.size:
        raise CorruptDataError(path, f"is too short to be a {what}")
    found, written, _, length, check, begin = PREAMBLE.unpack_from(data, 0)
    if found != magic:
        raise CorruptDataError(path, f"is no {what}")
    if written > version:
        raise CorruptDataError(path, f"is a {what} of version {written}; a newer Grange wrote it")
    description = bytes(data[PREAMBLE.size : PREAMBLE.size + length])
    if zlib.crc32(description) != check:
        raise CorruptDataError(path, "the description at its beginning is damaged")
    return description, begin


def aligned(size: int) -> int:
    """Return the next place where a part may begin."""
    return -(-size // ALIGN) * ALIGN
