"""A gzip file in two parts: a large one that is compressed once, and any end put behind it.

Deflate can be brought to the border of a byte (a full flush) and gone on with by another
compressor; gzip's checksum is taken on from where it stood.
"""

import struct
import zlib
from dataclasses import dataclass

LEVEL = 6
"""Higher ones take longer than the bytes they spare."""
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""Deflated, no name, no time, from no particular system."""
_LENGTHS = 1 << 32


@dataclass(frozen=True, slots=True)
class Begun:
    """The first part."""

    content: bytes
    checksum: int
    length: int
    """Bytes before they were compressed."""


def begun(text: bytes) -> Begun:
    """Compress the first part."""
    pen = _pen()
    content = _HEADER + pen.compress(text) + pen.flush(zlib.Z_FULL_FLUSH)
    return Begun(content, zlib.crc32(text), len(text))


def ended(part: Begun, text: bytes) -> bytes:
    """Return the whole file: the first part, and `text` behind it."""
    pen = _pen()
    end = pen.compress(text) + pen.flush()
    length = (part.length + len(text)) % _LENGTHS
    trailer = struct.pack("<II", zlib.crc32(text, part.checksum), length)
    return b"".join((part.content, end, trailer))


def _pen() -> "zlib._Compress":
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
