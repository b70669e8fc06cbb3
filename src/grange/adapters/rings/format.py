"""The bytes of a ring file; docs/format/rings.md describes them.

preamble   magic, version, length and CRC of the description, the description as JSON
heads      two copies, written in turns: generation, sequence, the open rows, CRC
checks     of every page of 64 rows its CRC
rows       tier after tier: rows × sources × numbers kept, float64, little endian
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from grange.adapters.rings.preamble import aligned, pack_preamble, unpack_preamble
from grange.books.archives.arithmetic import RingState, TierState
from grange.books.archives.layout import RingSpec
from grange.domain.series import ArchiveSpec, DataSource
from grange.ports.rings import RingHead

MAGIC = b"GRNGRING"
VERSION = 1
WRITING = 10
"""Place of the byte that is 1 while rows are written."""
HEAD = struct.Struct("<QqqI")
"""Generation, first second, sequence, CRC of what follows and of these before it."""
PAGE_ROWS = 64


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a ring is made of, as its preamble says it."""

    step_seconds: int
    heartbeat_seconds: int
    sources: tuple[DataSource, ...]
    archives: tuple[ArchiveSpec, ...]
    extremes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything is in a file."""

    heads: tuple[int, int]
    head_bytes: int
    checks: tuple[int, ...]
    """By tier: where its checks begin."""
    pages: tuple[int, ...]
    """By tier: how many pages it has."""
    rows: tuple[int, ...]
    """By tier: where its rows begin."""
    size: int


def preamble(spec: RingSpec) -> bytes:
    """Return the first bytes of a ring's file."""
    text = msgspec.json.encode(
        Description(
            step_seconds=spec.step_seconds,
            heartbeat_seconds=spec.heartbeat_seconds,
            sources=spec.sources,
            archives=spec.archives,
            extremes=spec.extremes,
        )
    )
    return pack_preamble(MAGIC, VERSION, text)


def read_preamble(path: str, data: Any) -> tuple[RingSpec, int]:
    """Return what a ring is made of, and where its heads begin.

    Raises:
        CorruptDataError: the file is no ring.
    """
    text, heads = unpack_preamble(path, data, magic=MAGIC, version=VERSION, what="ring")
    found = msgspec.json.decode(text, type=Description)
    return RingSpec(
        step_seconds=found.step_seconds,
        heartbeat_seconds=found.heartbeat_seconds,
        sources=found.sources,
        archives=found.archives,
        extremes=found.extremes,
    ), heads


def places(spec: RingSpec, heads: int) -> Places:
    """Return where everything is in the file of a ring."""
    width, tiers = spec.width, spec.tiers
    head_bytes = aligned(HEAD.size + 8 * _head_numbers(spec))
    at = heads + 2 * head_bytes
    checks, pages, rows = [], [], []
    for tier in tiers:
        count = -(-tier.rows // PAGE_ROWS)
        checks.append(at)
        pages.append(count)
        at += 4 * count
    at = aligned(at)
    for tier in tiers:
        rows.append(at)
        at += 8 * tier.rows * width * tier.width
    return Places(
        heads=(heads, heads + head_bytes),
        head_bytes=head_bytes,
        checks=tuple(checks),
        pages=tuple(pages),
        rows=tuple(rows),
        size=at,
    )


def pack_head(head: RingHead, generation: int) -> bytes:
    """Return the bytes of a head."""
    state = head.state
    numbers = [np.array([state.last]), state.raw, state.sums, state.unknown]
    for tier in state.tiers:
        numbers += [tier.values.reshape(-1), tier.unknown, tier.totals, tier.known]
    body = np.concatenate(numbers, dtype="<f8").tobytes()
    start = HEAD.pack(generation, head.first, head.sequence, 0)[:-4]
    return start + struct.pack("<I", zlib.crc32(body, zlib.crc32(start))) + body


def unpack_head(spec: RingSpec, data: bytes) -> tuple[int, RingHead] | None:
    """Return generation and head; None if the bytes are damaged."""
    generation, first, sequence, check = HEAD.unpack_from(data, 0)
    body = data[HEAD.size : HEAD.size + 8 * _head_numbers(spec)]
    if generation == 0 or zlib.crc32(body, zlib.crc32(data[: HEAD.size - 4])) != check:
        return None
    numbers = np.frombuffer(body, dtype="<f8").astype(np.float64)
    at = 1
    width = spec.width

    def take(count: int) -> Any:
        nonlocal at
        at += count
        return numbers[at - count : at].copy()

    raw, sums, unknown = take(width), take(width), take(width)
    tiers = []
    for tier in spec.tiers:
        columns = len(tier.columns)
        values = take(width * columns).reshape(width, columns)
        tiers.append(
            TierState(
                values=values,
                unknown=take(width).astype(np.int64),
                totals=take(width),
                known=take(width),
            )
        )
    state = RingState(
        last=int(numbers[0]),
        raw=raw,
        sums=sums,
        unknown=unknown.astype(np.int64),
        tiers=tuple(tiers),
    )
    return generation, RingHead(first=first, sequence=sequence, state=state)


def _head_numbers(spec: RingSpec) -> int:
    return 1 + spec.width * (3 + sum(len(tier.columns) + 3 for tier in spec.tiers))
