"""The bytes of a journal segment. docs/format/journal.md describes them.

A segment is a header and frames. A frame's checksum covers everything behind it in the frame, so
that a frame is either whole or not there. Frames written with one fdatasync form a group and name
the group's first sequence: that tells a torn group (never acknowledged) from damage to acknowledged
frames.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SEGMENT_MAGIC = b"GRANGEJ1"
FRAME_MAGIC = b"\xf7GrF"
SEGMENT_HEADER = struct.Struct("<8sQqI")
"""Magic, first sequence, created at (ms UTC), CRC-32 of the three."""
FRAME_HEADER = struct.Struct("<4sIIQQHBB")
"""Magic, CRC-32, length of what follows the header, sequence, group, catalog version, lengths of
the farm id and of the table name."""
_CHECKED_FROM = 8
LARGEST_FRAME_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame as it stands in a file."""

    offset: int
    end: int
    """Offset of the first byte behind it."""
    sequence: int
    group: int
    """First sequence of the group it was synced with."""
    catalog_version: int
    farm_id: str
    table_name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes inside a segment that are no frame, although a later group was written."""

    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Torn:
    """Bytes at the end of a segment that are no whole frame, or an unfinished group."""

    offset: int


def segment_header(first_sequence: int, created_at: int) -> bytes:
    """Return the bytes a segment begins with."""
    plain = SEGMENT_HEADER.pack(SEGMENT_MAGIC, first_sequence, created_at, 0)[:-4]
    return plain + zlib.crc32(plain).to_bytes(4, "little")


def read_segment_header(data: bytes) -> tuple[int, int] | None:
    """Return (first sequence, created at), or None if the bytes are no whole header."""
    if len(data) < SEGMENT_HEADER.size:
        return None
    magic, first, created_at, crc = SEGMENT_HEADER.unpack_from(data)
    if magic != SEGMENT_MAGIC or zlib.crc32(data[: SEGMENT_HEADER.size - 4]) != crc:
        return None
    return first, created_at


def encode_frame(
    *,
    sequence: int,
    group: int,
    catalog_version: int,
    farm_id: str,
    table_name: str,
    payload: bytes,
) -> bytes:
    """Return the bytes of one frame."""
    farm, table = farm_id.encode(), table_name.encode()
    body = farm + table + payload
    head = FRAME_HEADER.pack(
        FRAME_MAGIC, 0, len(body), sequence, group, catalog_version, len(farm), len(table)
    )
    crc = zlib.crc32(body, zlib.crc32(head[_CHECKED_FROM:]))
    return FRAME_MAGIC + crc.to_bytes(4, "little") + head[_CHECKED_FROM:] + body


def decode_frame(data: bytes, offset: int) -> RawFrame | None:
    """Return the frame at `offset`, or None if there is no whole, sound frame there."""
    if len(data) - offset < FRAME_HEADER.size:
        return None
    magic, crc, length, sequence, group, version, farm_length, table_length = (
        FRAME_HEADER.unpack_from(data, offset)
    )
    begin = offset + FRAME_HEADER.size
    end = begin + length
    if (
        magic != FRAME_MAGIC
        or length > LARGEST_FRAME_BYTES
        or farm_length + table_length > length
        or end > len(data)
        or zlib.crc32(memoryview(data)[offset + _CHECKED_FROM : end]) != crc
    ):
        return None
    names = begin + farm_length
    return RawFrame(
        offset,
        end,
        sequence,
        group,
        version,
        data[begin:names].decode(),
        data[names : names + table_length].decode(),
        data[names + table_length : end],
    )


def scan(data: bytes, offset: int, last: int) -> Iterator[RawFrame | Damage | Torn]:
    """Yield what a segment holds from `offset` on: frames, damaged stretches, and a torn end.

    A bad stretch is a torn end if nothing sound follows it but frames of the same group: that group
    was never synced, so nobody was told that it is kept. Otherwise acknowledged bytes were damaged.

    Args:
        data: the segment.
        offset: where a frame begins.
        last: sequence of the frame before `offset`; sequences have no gap inside a segment.
    """
    while offset < len(data):
        frame = decode_frame(data, offset)
        if frame is None:
            following = _next_frame(data, offset + 1)
            while following is not None and following.group <= last + 1:
                following = _next_frame(data, following.end)
            if following is None:
                yield Torn(offset)
                return
            frame = _next_frame(data, offset + 1) or following
            yield Damage(offset, frame.offset)
        yield frame
        last = frame.sequence
        offset = frame.end


def _next_frame(data: bytes, offset: int) -> RawFrame | None:
    """Return the next sound frame at or behind `offset`."""
    found = data.find(FRAME_MAGIC, offset)
    while found >= 0:
        frame = decode_frame(data, found)
        if frame is not None:
            return frame
        found = data.find(FRAME_MAGIC, found + 1)
    return None
