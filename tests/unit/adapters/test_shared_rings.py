"""Rings that share files: each is what it would be alone, and damage hits one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grange.adapters.rings.files import RingFolder
from grange.adapters.rings.folder import SharedRings
from grange.adapters.rings.format import WRITING
from grange.adapters.rings.shared_file import SharedRing
from grange.books.archives.arithmetic import advance, fresh
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import PROFILES
from grange.domain.series import ArchiveSpec, Consolidation, DataSource, DsType
from grange.kernel.errors import CorruptDataError, InvalidRequestError, StorageFullError
from grange.ports.rings import Ring

START = 1_700_006_400 // 86_400 * 86_400


def spec_of(*kinds: DsType) -> RingSpec:
    """Return a ring of steps of a minute."""
    return RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=tuple(
            DataSource(index=n, label=f"v{n}", ds_type=kind) for n, kind in enumerate(kinds)
        ),
        archives=(
            ArchiveSpec(cf=Consolidation.AVERAGE, steps=1, rows=100),
            ArchiveSpec(cf=Consolidation.MAX, steps=5, rows=30),
            ArchiveSpec(cf=Consolidation.AVERAGE, steps=5, rows=30),
        ),
    )


SMALL = spec_of(DsType.GAUGE, DsType.GAUGE)


def feed(rings: SharedRings, chosen: list[SharedRing], first: int, count: int) -> None:
    """Put `count` minutes into rings at once, beginning with minute `first`."""
    minutes = np.arange(first, first + count)
    values = [
        np.stack([minutes * 10.0**place + number for place in range(ring.spec.width)], axis=1)
        for number, ring in enumerate(chosen)
    ]
    specs = [ring.spec for ring in chosen]
    rings.advance(chosen, specs, START + (minutes + 1) * 60, values, sequence=first + count)


def newest(ring: Ring, tier: int = 0) -> np.ndarray:
    """Return all rows of a tier."""
    found = ring.spec.tiers[tier]
    last = ring.head.state.last // (found.steps * ring.spec.step_seconds)
    return np.array(ring.rows(tier, last - found.rows, found.rows))


def flip(file: Path, at: int) -> None:
    """Damage a byte of a file."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_rings_that_are_told_at_once_hold_what_each_would_alone(tmp_path: Path, seed: int) -> None:
    """Ledger S3-21, S4-18: series of any width, all types, unknowns and silence, cut anywhere."""
    rng = np.random.default_rng(seed)
    specs = [spec_of(*DsType), spec_of(DsType.GAUGE), spec_of(DsType.DERIVE, DsType.COUNTER)] * 3
    rings, alone = SharedRings(tmp_path / "shared"), RingFolder(tmp_path / "alone")
    shared = [rings.create(f"farm/{n}", spec, start=START) for n, spec in enumerate(specs)]
    single = [alone.create(f"farm/{n}", spec, start=START) for n, spec in enumerate(specs)]
    now = START
    for round_number in range(6):
        gaps = rng.choice([60, 60, 60, 30, 61, 120, 4000], size=rng.integers(1, 90))
        times = now + np.cumsum(np.full(40, 60) if round_number % 2 else gaps)
        now = int(times[-1])
        values = [rng.integers(0, 9000, (len(times), one.width)).astype(float) for one in specs]
        for array in values:
            array[rng.random(array.shape) < 0.1] = np.nan
        rings.advance(shared, specs, times, values, sequence=round_number)
        for ring, told in zip(single, values, strict=True):
            ring.apply(advance(ring.spec, ring.head.state, times, told), sequence=round_number)
    again = SharedRings(tmp_path / "shared")
    for number, ring in enumerate(single):
        found = again.open(f"farm/{number}")
        assert found is not None
        assert found.problems() == []
        assert found.head.sequence == 5
        for tier in range(len(ring.spec.tiers)):
            assert np.array_equal(newest(found, tier), newest(ring, tier), equal_nan=True)


def test_rings_come_and_go_and_no_file_grows(tmp_path: Path) -> None:
    """Ledger S3-15, S4-18: files are of fixed size; columns of removed rings are used again."""
    rings = SharedRings(tmp_path)
    chosen = [rings.create(f"farm/series/{n}", SMALL, start=START) for n in range(10)]
    files = {file: file.stat().st_size for file in tmp_path.rglob("*.rings")}
    feed(rings, chosen, 0, 250)
    rings.remove("farm/series/3")
    rings.remove("farm/series/3")  # one that is gone is no error
    assert rings.open("farm/series/3") is None
    assert len(rings.paths("farm/series")) == 9
    rings.create("farm/series/new", SMALL, start=START + 6000)
    assert {file: file.stat().st_size for file in tmp_path.rglob("*.rings")} == files
    fresh_one = rings.open("farm/series/new")
    assert fresh_one is not None
    assert np.isnan(newest(fresh_one)).all()
    assert fresh_one.head.first == START + 6000
    kept = newest(chosen[4])[:, :, 0]
    assert kept[:, 0].tolist() == [float(minute + 4) for minute in range(150, 250)]
    for path in rings.paths():
        rings.remove(path)
    assert list(tmp_path.rglob("*.rings")) == []
    assert rings.paths() == []


def test_a_ring_made_again_begins_anew(tmp_path: Path) -> None:
    """Of two rings of one path the later one is meant, also after a restart."""
    rings = SharedRings(tmp_path)
    feed(rings, [rings.create("farm/a", SMALL, start=START)], 0, 30)
    wide = spec_of(*[DsType.GAUGE] * 20)
    rings.create("farm/a", wide, start=START + 60)
    for store in (rings, SharedRings(tmp_path)):
        found = store.open("farm/a")
        assert found is not None
        assert found.spec == wide
        assert found.head.state.last == START + 60
        assert store.paths() == ["farm/a"]


def test_what_one_process_writes_another_sees(tmp_path: Path) -> None:
    """Readers hold no copy of what a writer changes."""
    writer, reader = SharedRings(tmp_path), SharedRings(tmp_path)
    ring = writer.create("farm/a", SMALL, start=START)
    for minute in range(3):
        feed(writer, [ring], minute, 1)
        seen = reader.open("farm/a")
        assert seen is not None
        assert seen.head.state.last == START + (minute + 1) * 60
        assert newest(seen)[-1, 0, 0] == minute
    writer.create("farm/b", SMALL, start=START)
    assert reader.open("farm/b") is not None
    writer.remove("farm/a")
    assert reader.open("farm/a") is None


@pytest.mark.parametrize("tier", [0, 1])
def test_a_flipped_bit_is_found_in_the_ring_it_is_in_and_in_no_other(
    tmp_path: Path, tier: int
) -> None:
    """Rows are checked by ring: one that is damaged does not take the others with it."""
    rings = SharedRings(tmp_path)
    chosen = [rings.create(f"farm/{n}", SMALL, start=START) for n in range(3)]
    feed(rings, chosen, 0, 30)
    file = rings.location("farm/1")
    mark = newest(chosen[1], tier)[-1].tobytes()
    flip(file, file.read_bytes().rindex(mark))
    rings = SharedRings(tmp_path)
    opened = [rings.open(f"farm/{n}") for n in range(3)]
    found = [ring for ring in opened if isinstance(ring, SharedRing)]
    assert [len(ring.problems()) for ring in found] == [0, 1, 0]
    with pytest.raises(CorruptDataError, match="restore the file"):
        feed(rings, [found[1]], 30, 90)
    feed(rings, [found[0], found[2]], 30, 10)
    assert Path(rings.put_aside("farm/1")).name == "1.ring.damaged"
    assert rings.open("farm/1") is None
    assert [len(ring.problems()) for ring in (found[0], found[2])] == [0, 0]


def test_a_damaged_head_is_survived_and_two_are_said(tmp_path: Path) -> None:
    """The head is kept twice and written in turns."""
    rings = SharedRings(tmp_path)
    ring = rings.create("farm/a", SMALL, start=START)
    feed(rings, [ring], 0, 10)
    feed(rings, [ring], 10, 10)
    file, heads = ring.file.path, ring.file._places.heads
    flip(file, heads[ring.file._generation % 2] + 100)
    rings = SharedRings(tmp_path)
    again = rings.open("farm/a")
    assert isinstance(again, SharedRing)
    assert again.torn
    assert again.head.sequence == 10
    feed(rings, [again], 10, 10)
    assert (again.torn, again.problems()) == (False, [])
    for head in heads:
        flip(file, head + 100)
    rings = SharedRings(tmp_path)
    with pytest.raises(CorruptDataError, match="both copies of its head"):
        rings.open("farm/a")
    assert rings.put_aside("farm/a").endswith(".rings.damaged")
    assert rings.open("farm/a") is None


def test_every_ring_of_a_torn_file_is_put_in_again_by_itself(tmp_path: Path) -> None:
    """A writer that died leaves a mark; it holds for each ring until that ring was written."""
    rings = SharedRings(tmp_path)
    chosen = [rings.create(f"farm/{n}", SMALL, start=START) for n in range(2)]
    feed(rings, chosen, 0, 20)
    data = bytearray(chosen[0].file.path.read_bytes())
    mark = newest(chosen[1])[-1].tobytes()
    at = data.rindex(mark)
    data[at : at + 8] = np.array(1e9).tobytes()  # half of a row, and no check
    data[WRITING] = 1
    chosen[0].file.path.write_bytes(data)
    rings = SharedRings(tmp_path)
    first, second = rings.open("farm/0"), rings.open("farm/1")
    assert isinstance(first, SharedRing)
    assert isinstance(second, SharedRing)
    assert [ring.torn for ring in (first, second)] == [True, True]
    feed(rings, [first], 20, 1)
    after = [SharedRings(tmp_path).open(f"farm/{n}") for n in range(2)]
    assert [ring.torn for ring in after if ring is not None] == [False, True]
    minutes = np.arange(20)
    told = np.stack((minutes + 1.0, minutes * 10.0 + 1), axis=1)
    done = advance(SMALL, fresh(SMALL, START), START + (minutes + 1) * 60, told)
    second.apply(done, sequence=20)
    assert (second.torn, second.problems()) == (False, [])


def test_a_writer_killed_at_any_moment_leaves_rings_that_go_on(tmp_path: Path) -> None:
    """Invariant 1: after `kill -9` a ring says where it stands; putting the rest in mends it."""
    script = f"""
import numpy as np
from pathlib import Path
from grange.adapters.rings.folder import SharedRings
from tests.unit.adapters.test_shared_rings import SMALL, START, feed
rings = SharedRings(Path({str(tmp_path)!r}))
chosen = [rings.open(f"farm/{{n}}") or rings.create(f"farm/{{n}}", SMALL, start=START)
          for n in range(5)]
at = (chosen[0].head.state.last - START) // 60
print("ready", flush=True)
while True:
    feed(rings, chosen, at, 1)
    at += 1
    print(at, flush=True)
"""
    told = 0
    for updates in (1, 7, 40):
        wait_for = updates
        writer = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.strip() != "ready":
                told = int(line)
                wait_for -= 1
            if wait_for <= 0:
                break
        writer.kill()
        writer.wait()
        told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        writer.stdout.close()
        rings = SharedRings(tmp_path)
        chosen = [rings.open(f"farm/{n}") for n in range(5)]
        found = [ring for ring in chosen if isinstance(ring, SharedRing)]
        assert len(found) == 5
        files: dict[Path, list[SharedRing]] = {}
        for ring in found:
            files.setdefault(ring.file.path, []).append(ring)
        assert len(files) == 2, "the writer may die between the two"
        lasts = [{(ring.head.state.last - START) // 60 for ring in own} for own in files.values()]
        assert all(len(of_a_file) == 1 for of_a_file in lasts)
        assert min(set().union(*lasts)) >= told  # what was said is there
        assert all(ring.torn or not ring.problems() for ring in found)
        end = max(set().union(*lasts)) + 150
        for own, (last,) in zip(files.values(), lasts, strict=True):
            feed(rings, own, last, end - last)
            for number, ring in enumerate(own):
                rows = newest(ring)[:, 0, 0]
                assert rows.tolist() == [float(m + number) for m in range(end - 100, end)]
        assert all(not ring.torn and not ring.problems() for ring in found)


def test_rings_in_files_of_their_own_are_taken_over(tmp_path: Path) -> None:
    """Files of older versions are read, and moved to the shared ones without losing a row."""
    old = RingFolder(tmp_path)
    ring = old.create("farm/series/a", SMALL, start=START)
    minutes = np.arange(237)
    values = np.stack((minutes, minutes * 2.0), axis=1)
    ring.apply(advance(SMALL, ring.head.state, START + (minutes + 1) * 60, values), sequence=9)
    before = [newest(ring, tier) for tier in range(2)]
    rings = SharedRings(tmp_path)
    assert rings.paths("farm") == ["farm/series/a"]
    taken = rings.open("farm/series/a")
    assert isinstance(taken, SharedRing)
    assert not old.location("farm/series/a").exists()
    assert taken.head.sequence == 9
    assert taken.head.first == START
    for tier in range(2):
        assert np.array_equal(newest(taken, tier), before[tier], equal_nan=True)
    feed(rings, [taken], 237, 5)
    assert rings.paths() == ["farm/series/a"]
    # A crash while it was moved: the old file is still there, and holds.
    again = old.create("farm/series/b", SMALL, start=START)
    again.apply(advance(SMALL, again.head.state, START + (minutes + 1) * 60, values), sequence=9)
    data = old.location("farm/series/b").read_bytes()
    assert rings.open("farm/series/b") is not None
    old.location("farm/series/b").write_bytes(data)
    moved = SharedRings(tmp_path).open("farm/series/b")
    assert moved is not None
    assert np.array_equal(newest(moved), before[0], equal_nan=True)


def test_a_silence_longer_than_the_ring_leaves_nothing(tmp_path: Path) -> None:
    """Ledger S3-10: a gap is unknown, however long, and the neighbour keeps its rows."""
    rings = SharedRings(tmp_path)
    quiet, other = (rings.create(f"farm/{n}", SMALL, start=START) for n in range(2))
    feed(rings, [quiet, other], 0, 30)
    feed(rings, [quiet], 1_000_000, 1)
    assert np.isnan(newest(quiet)).all()
    assert newest(other)[-1, 0, 0] == 30.0
    assert quiet.problems() == other.problems() == []


def test_a_ring_as_metpx_had_it_takes_less_than_half_a_megabyte(tmp_path: Path) -> None:
    """Ledger S4-18: 306,376 bytes in rrdtool; totals and known seconds come on top."""
    spec = RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=(DataSource(index=0, label="bytes"),),
        archives=PROFILES["metpx"],
    )
    rings = SharedRings(tmp_path)
    rings.create("farm/a", spec, start=START)
    numbers = 7200 * 3 + (336 + 1460 + 3650) * 5
    assert numbers * 8 <= rings.size("farm/a") <= 410_000


def test_a_path_cannot_leave_the_folder(tmp_path: Path) -> None:
    """Ledger S3-22: traversal is refused."""
    rings = SharedRings(tmp_path)
    for path in ("../a", "a/../../b", "/etc/a", "", "a//b", ".hidden"):
        with pytest.raises(InvalidRequestError):
            rings.open(path)
        with pytest.raises(InvalidRequestError):
            rings.create(path, SMALL, start=START)


def test_no_room_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Invariant 1: a full disk is refused, not met while a ring is written."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this machine has no /dev/full")
    (tmp_path / "farm" / "shared").mkdir(parents=True)
    rings = SharedRings(tmp_path)
    name = SharedRings(tmp_path / "elsewhere").create("farm/a", SMALL, start=START).file.path.name
    temporary = tmp_path / "farm" / "shared" / f".{name}.new"
    temporary.symlink_to(full)
    with pytest.raises(StorageFullError, match="no room"):
        rings.create("farm/a", SMALL, start=START)
    assert list((tmp_path / "farm" / "shared").iterdir()) == []
