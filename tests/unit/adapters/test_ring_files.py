"""Ring files: what is written is read again, damage is found, a torn write is put in again."""

from pathlib import Path

import numpy as np
import pytest

from grange.adapters.rings.files import RingFile, RingFolder
from grange.books.archives.arithmetic import advance
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import PROFILES
from grange.domain.series import ArchiveSpec, Consolidation, DataSource
from grange.kernel.errors import CorruptDataError, InvalidRequestError

START = 1_700_006_400 // 86_400 * 86_400


def spec_of(*archives: tuple[Consolidation, int, int], sources: int = 2) -> RingSpec:
    """Return a ring of steps of a minute."""
    return RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=tuple(DataSource(index=n, label=f"v{n}") for n in range(sources)),
        archives=tuple(ArchiveSpec(cf=cf, steps=steps, rows=rows) for cf, steps, rows in archives),
    )


SMALL = spec_of((Consolidation.AVERAGE, 1, 100), (Consolidation.MAX, 5, 30))


def feed(ring: RingFile, first: int, count: int) -> None:
    """Put `count` minutes in, beginning with minute `first`."""
    minutes = np.arange(first, first + count)
    values = np.stack((minutes, minutes * 10.0), axis=1).astype(float)
    done = advance(ring.spec, ring.head.state, START + (minutes + 1) * 60, values)
    ring.apply(done, sequence=first + count)


def test_what_is_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    """Ledger S4-18: one file of fixed size; the newest rows replace the oldest."""
    rings = RingFolder(tmp_path)
    ring = rings.create("series/a", SMALL, start=START)
    size = rings.location("series/a").stat().st_size
    for begin in range(0, 250, 50):
        feed(ring, begin, 50)
    ring.close()
    again = rings.open("series/a")
    assert again is not None
    assert again.head.sequence == 250
    assert again.head.state.last == START + 250 * 60
    newest = (START + 250 * 60) // 60 - 1
    kept = again.rows(0, newest - 99, 100)[:, :, 0]
    assert kept[:, 0].tolist() == [float(n) for n in range(150, 250)]
    assert np.isnan(again.rows(0, newest - 149, 50)[:, :, 0]).all()
    fives = again.rows(1, newest // 5 - 2, 3)[:, 1, 0]
    assert fives.tolist() == [2390.0, 2440.0, 2490.0]
    assert rings.location("series/a").stat().st_size == size
    assert again.problems() == []


def test_cutting_the_batches_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    """Ledger S4-17: transferring again and again is the same as once."""
    rings = RingFolder(tmp_path)
    one, many = (rings.create(name, SMALL, start=START) for name in ("one", "many"))
    feed(one, 0, 213)
    for begin, end in ((0, 1), (1, 100), (100, 101), (101, 213)):
        feed(many, begin, end - begin)
    for tier, count in ((0, 100), (1, 30)):
        newest = one.head.state.last // (60 * SMALL.tiers[tier].steps) - 1
        assert np.array_equal(
            one.rows(tier, newest - count + 1, count),
            many.rows(tier, newest - count + 1, count),
            equal_nan=True,
        )


@pytest.mark.parametrize("tier", [0, 1])
def test_a_flipped_bit_is_found_and_nothing_is_written_over_it(tmp_path: Path, tier: int) -> None:
    """Rows are checksummed in pages of 64."""
    rings = RingFolder(tmp_path)
    ring = rings.create("a", SMALL, start=START)
    feed(ring, 0, 30)
    at = ring._places.rows[tier] + 8
    ring.close()
    file = rings.location("a")
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    again = rings.open("a")
    assert again is not None
    assert len(again.problems()) == 1
    with pytest.raises(CorruptDataError, match="restore the file"):
        feed(again, 30, 90)


def test_one_damaged_head_is_survived_and_two_are_said(tmp_path: Path) -> None:
    """The head is kept twice and written in turns."""
    rings = RingFolder(tmp_path)
    ring = rings.create("a", SMALL, start=START)
    feed(ring, 0, 10)
    feed(ring, 10, 10)
    heads = ring._places.heads
    newest = heads[ring._generation % 2]
    ring.close()
    file = rings.location("a")
    data = bytearray(file.read_bytes())
    data[newest + 36] ^= 1
    file.write_bytes(data)
    again = rings.open("a")
    assert again is not None
    assert again.torn
    assert again.head.sequence == 10
    feed(again, 10, 10)
    assert again.problems() == []
    again.close()
    whole = rings.open("a")
    assert whole is not None
    assert not whole.torn
    whole.close()
    data = bytearray(file.read_bytes())
    for head in heads:
        data[head + 40] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptDataError, match="both copies"):
        rings.open("a")


def test_a_silence_longer_than_the_ring_leaves_nothing(tmp_path: Path) -> None:
    """Ledger S3-10: a gap is unknown, however long."""
    ring = RingFolder(tmp_path).create("a", SMALL, start=START)
    feed(ring, 0, 30)
    feed(ring, 1_000_000, 1)
    newest = ring.head.state.last // 60 - 1
    assert np.isnan(ring.rows(0, newest - 99, 100)[:, :, 0]).all()
    assert ring.problems() == []
    feed(ring, 1_000_001, 2)
    assert ring.rows(0, newest + 1, 2)[:, 0, 0].tolist() == [1_000_001.0, 1_000_002.0]


def test_a_ring_as_metpx_had_it_keeps_ten_years_in_less_than_half_a_megabyte(
    tmp_path: Path,
) -> None:
    """Ledger S4-18: 306,376 bytes in rrdtool; the totals and known seconds come on top."""
    spec = RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=(DataSource(index=0, label="bytes"),),
        archives=PROFILES["metpx"],
    )
    rings = RingFolder(tmp_path)
    rings.create("a", spec, start=START).close()
    size = rings.location("a").stat().st_size
    numbers = 7200 * 3 + (336 + 1460 + 3650) * 5
    assert numbers * 8 <= size <= numbers * 8 + 8192
    assert size < 500_000


def test_a_path_cannot_leave_the_folder(tmp_path: Path) -> None:
    """Ledger S3-22: traversal is refused."""
    rings = RingFolder(tmp_path)
    for path in ("../a", "a/../../b", "/etc/a", "", "a//b", ".hidden"):
        with pytest.raises(InvalidRequestError):
            rings.open(path)
