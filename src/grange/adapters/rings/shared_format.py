"""The bytes of a file that many rings share; docs/format/rings.md describes them.

preamble     magic, version, length and CRC of the description, the description as JSON
directories  two copies, written in turns: which ring has which columns
heads        two copies, written in turns: where every column stands, CRC
checks       of every page of 16 rows of every column a sum
rows         tier after tier: rows × columns × numbers kept, float64, little endian
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from grange.adapters.rings.preamble import aligned, pack_preamble, unpack_preamble
from grange.books.archives.arithmetic import Floats, RingState, TierState
from grange.books.archives.layout import RingSpec, Tier, tiers_of
from grange.domain.series import ArchiveSpec, DataSource

MAGIC = b"GRNGRNGS"
VERSION = 1
PAGE_ROWS = 16
COPY = struct.Struct("<QII")
"""In front of a directory or a head: generation, length, CRC of what follows and of these two."""

LAST, FIRST, SEQUENCE, TORN, RAW, SUMS, UNKNOWN, TIERS = range(8)
"""Lines of a head: a number for each column; the tiers' open rows follow from TIERS on."""

_ROOM_OF_A_COLUMN = 512
_GOLDEN = 0x9E3779B97F4A7C15


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is made of, as its preamble says it."""

    step_seconds: int
    archives: tuple[ArchiveSpec, ...]
    extremes: bool
    columns: int
    room: int
    """Bytes that a directory may have."""

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers, finest first."""
        return tiers_of(self.archives, extremes=self.extremes)

    @property
    def lines(self) -> int:
        """How many numbers a head has for each column."""
        return TIERS + sum(len(tier.columns) + 3 for tier in self.tiers)

    def fits(self, spec: RingSpec) -> bool:
        """Return whether a ring can lie in this file, apart from the room it needs."""
        mine = (self.step_seconds, self.archives, self.extremes)
        return mine == (spec.step_seconds, spec.archives, spec.extremes)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A ring in the directory of a file."""

    path: str
    column: int
    """Its first column; it has as many as sources."""
    made: int
    """Grows: of two rings of one path the later one is meant."""
    heartbeat_seconds: int
    sources: tuple[DataSource, ...]

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.column, self.column + len(self.sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPlaces:
    """Where everything is in a file."""

    directories: tuple[int, int]
    heads: tuple[int, int]
    pages: tuple[int, ...]
    """By tier: how many pages it has."""
    checks: tuple[int, ...]
    """By tier: where its checks begin."""
    rows: tuple[int, ...]
    """By tier: where its rows begin; the last page is whole, whatever of it is used."""
    size: int


def describe(spec: RingSpec, columns: int, *, least_room: int = 0) -> Description:
    """Return what a file for rings like one is made of."""
    return Description(
        step_seconds=spec.step_seconds,
        archives=spec.archives,
        extremes=spec.extremes,
        columns=columns,
        room=max(least_room, _ROOM_OF_A_COLUMN * columns),
    )


def shared_preamble(description: Description) -> bytes:
    """Return the first bytes of a file."""
    text = msgspec.json.encode(description)
    return pack_preamble(MAGIC, VERSION, text)


def read_shared_preamble(path: str, data: Any) -> tuple[Description, int]:
    """Return what a file is made of, and where its directories begin.

    Raises:
        CorruptDataError: it is no such file.
    """
    text, begin = unpack_preamble(
        path, data, magic=MAGIC, version=VERSION, what="file of shared rings"
    )
    return msgspec.json.decode(text, type=Description), begin


def shared_places(description: Description, begin: int) -> SharedPlaces:
    """Return where everything is in a file."""
    directory = aligned(COPY.size + description.room)
    head = aligned(COPY.size + 8 * description.lines * description.columns)
    at = begin + 2 * directory
    heads = (at, at + head)
    at += 2 * head
    checks, pages, rows = [], [], []
    for tier in description.tiers:
        count = -(-tier.rows // PAGE_ROWS)
        pages.append(count)
        checks.append(at)
        at = aligned(at + 8 * count * description.columns)
    for tier, count in zip(description.tiers, pages, strict=True):
        rows.append(at)
        at += 8 * count * PAGE_ROWS * description.columns * tier.width
    return SharedPlaces(
        directories=(begin, begin + directory),
        heads=heads,
        pages=tuple(pages),
        checks=tuple(checks),
        rows=tuple(rows),
        size=at,
    )


def pack_copy(generation: int, body: bytes) -> bytes:
    """Return one copy of a directory or of a head."""
    start = struct.pack("<QI", generation, len(body))
    return start + struct.pack("<I", zlib.crc32(body, zlib.crc32(start))) + body


def unpack_copy(data: Any, at: int, longest: int) -> tuple[int, bytes] | None:
    """Return generation and content of a copy; None if it is damaged or was never written."""
    generation, length, check = COPY.unpack_from(data, at)
    if generation == 0 or length > longest:
        return None
    body = bytes(data[at + COPY.size : at + COPY.size + length])
    if zlib.crc32(body, zlib.crc32(bytes(data[at : at + COPY.size - 4]))) != check:
        return None
    return generation, body


def encode_members(members: Sequence[Member]) -> bytes:
    """Return a directory."""
    return msgspec.json.encode(members)


def decode_members(body: bytes) -> list[Member]:
    """Return the rings of a directory."""
    return msgspec.json.decode(body, type=list[Member])


@lru_cache(maxsize=64)
def weights(width: int) -> Any:
    """Return the odd factors of the sum of a page, by row and number kept."""
    count = PAGE_ROWS * width
    with np.errstate(over="ignore"):
        mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return (mixed | np.uint64(1)).reshape(PAGE_ROWS, width)


def page_sums(words: Any) -> Any:
    """Return the sums of pages: by page and column, of words by page, row, column and number."""
    return np.einsum("prcn,rn->pc", words, weights(words.shape[3]))


def state_of(tiers: Sequence[Tier], lines: Floats) -> RingState:
    """Return where columns that stand at the same second stand."""
    at = TIERS
    found = []
    for tier in tiers:
        count = len(tier.columns)
        found.append(
            TierState(
                values=lines[at : at + count].T.copy(),
                unknown=lines[at + count].astype(np.int64),
                totals=lines[at + count + 1].copy(),
                known=lines[at + count + 2].copy(),
            )
        )
        at += count + 3
    return RingState(
        last=int(lines[LAST, 0]),
        raw=lines[RAW].copy(),
        sums=lines[SUMS].copy(),
        unknown=lines[UNKNOWN].astype(np.int64),
        tiers=tuple(found),
    )


def lines_of(tiers: Sequence[Tier], state: RingState, first: Any, sequence: int) -> Floats:
    """Return the lines of a head for the columns of a state."""
    found = np.zeros((TIERS + sum(len(tier.columns) + 3 for tier in tiers), len(state.raw)))
    found[LAST], found[FIRST], found[SEQUENCE] = state.last, first, sequence
    found[RAW], found[SUMS], found[UNKNOWN] = state.raw, state.sums, state.unknown
    at = TIERS
    for tier, one in zip(tiers, state.tiers, strict=True):
        count = len(tier.columns)
        found[at : at + count] = one.values.T
        found[at + count], found[at + count + 1] = one.unknown, one.totals
        found[at + count + 2] = one.known
        at += count + 3
    return found
