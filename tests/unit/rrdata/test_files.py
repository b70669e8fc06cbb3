"""Files are whole or refused; loaders wait for a slow writer and never raise."""

import os
import struct
import threading
import zlib
from pathlib import Path

import msgspec
import pytest

from grange import rrdata
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.rrdata.files import FileProblem, Kind, read_value, write_value
from grange.rrdata.place import CLIENTS, DAYS, HERE, LICENSES
from tests.unit.rrdata.folder import DAY, worker_file


class Note(msgspec.Struct):
    text: str


def test_a_damaged_byte_anywhere_is_found(tmp_path: Path):
    """Ledger S0-59: a file is read whole or not at all."""
    path = tmp_path / "note.db"
    write_value(path, Kind.FARM, Note("hello"))
    whole = path.read_bytes()
    assert read_value(path, Kind.FARM, Note) == Note("hello")
    for at in range(len(whole)):
        bad = bytearray(whole)
        bad[at] ^= 0x41
        path.write_bytes(bad)
        if at in {14, 15}:  # flags: none are defined
            continue
        with pytest.raises(FileProblem):
            read_value(path, Kind.FARM, Note)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FileProblem):
            read_value(path, Kind.FARM, Note)


def test_the_container_is_as_documented(tmp_path: Path):
    """docs/format/rrdata.md, by hand."""
    path = tmp_path / "note.db"
    write_value(path, Kind.LICENSES, Note("ö"))
    content = path.read_bytes()
    magic, kind, version, flags, length, checksum = struct.unpack_from("<8s4sHHQI", content)
    assert (magic, kind, version, flags) == (b"GRANGERR", b"LICS", 1, 0)
    body = content[28:]
    assert len(body) == length
    assert zlib.crc32(body) == checksum
    assert msgspec.msgpack.decode(zlib.decompress(body)) == {"text": "ö"}


def test_royal_renders_own_files_are_refused_with_advice(tmp_path: Path):
    path = tmp_path / "old.stdb"
    path.write_bytes(os.urandom(400))
    data = rrdata._clientStats_data()
    assert not data.loadFromFile(str(path))
    assert "grange rrdata exporter" in data.getError()


def test_a_newer_format_is_refused(tmp_path: Path):
    path = tmp_path / "note.db"
    write_value(path, Kind.FARM, Note("hello"))
    content = bytearray(path.read_bytes())
    content[12] = 2
    path.write_bytes(content)
    with pytest.raises(FileProblem, match="newer Grange"):
        read_value(path, Kind.FARM, Note)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch):
    path = tmp_path / "note.db"
    write_value(path, Kind.FARM, Note("old"))

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_value(path, Kind.FARM, Note("new"))
    assert read_value(path, Kind.FARM, Note) == Note("old")
    assert [each.name for each in tmp_path.iterdir()] == ["note.db"]


def test_a_reader_waits_for_a_writer_that_is_slow(root: Path, monkeypatch):
    """Ledger S0-22: a young file that is not whole is read again after it has settled."""
    path = root / CLIENTS / "slow.stdb"
    write_value(path, Kind.CLIENT, worker_file("slow"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    os.utime(path, (HERE.now() / 1000 - 1, HERE.now() / 1000 - 1))
    waits: list[float] = []

    def settle(seconds: float) -> None:
        waits.append(seconds)
        path.write_bytes(whole)

    monkeypatch.setattr(HERE, "wait", settle)
    data = rrdata._clientStats_data()
    assert data.loadFromFile(str(path))
    assert data.period_day_hasData(DAY)
    assert waits == [pytest.approx(2.0, abs=0.01)]


def test_an_old_torn_file_is_refused_without_waiting(root: Path, monkeypatch):
    """Ledger S0-22: the age at which a file counts as settled can be set."""
    path = root / CLIENTS / "torn.stdb"
    os.utime(path, (HERE.now() / 1000 - 5, HERE.now() / 1000 - 5))
    waits: list[float] = []
    monkeypatch.setattr(HERE, "wait", waits.append)
    every = rrdata._clientStats_all()
    assert every.getData_error(every.findName("torn"))
    assert waits == []
    every.freeMem()
    every.setDelayedLoad_FileAge(20)
    assert every.getData_error(every.findName("torn"))
    assert waits == [pytest.approx(15.0, abs=0.01)]


def test_many_readers_never_see_half_a_file(tmp_path: Path):
    """Ledger S0-22: writers rename, so a reader beside them always gets a whole one."""
    path = tmp_path / "busy.stdb"
    write_value(path, Kind.CLIENT, worker_file("busy"))
    done = threading.Event()

    def write() -> None:
        for _ in range(30):
            write_value(path, Kind.CLIENT, worker_file("busy"))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    count = 0
    while not done.is_set() or count < 10:
        read_value(path, Kind.CLIENT, type(worker_file("busy")))
        count += 1
    writer.join()


def test_a_failed_load_empties_what_was_loaded(root: Path):
    """Ledger S0-57."""
    data = rrdata._dailyStats_data()
    assert data.loadFromFile(str(root / DAYS / f"{DAY}.stdb"), True)
    assert len(data.getJobsByType(0)) == 1
    assert not data.loadFromFile(str(root / "none"), True)
    assert data.getJobsByType(0) == []


def test_settings_come_back_as_they_were_saved(root: Path):
    """Ledger S0-38: what is set is written, and read again."""
    first = rrdata._AppLicenses_v8()
    assert first.loadFromFile(str(root / LICENSES))
    item = first.getLicense(0)
    item.setIsTypeSet(3, True)
    item.setLicCount(3, 2)
    assert first.setLicense(0, item)
    assert first.saveToFile(str(root / LICENSES))
    again = rrdata._AppLicenses_v8()
    assert again.loadFromFile(str(root / LICENSES))
    assert [again.getLicense(0).getLicCount(region) for region in range(4)] == [10, 10, 4, 2]


@pytest.mark.parametrize(
    ("set_regions", "expected"),
    [
        ((), (10, 10, 10, 10)),
        ((1,), (10, 1, 10, 10)),
        ((2, 3), (10, 10, 2, 3)),
        ((1, 2, 3), (10, 1, 2, 3)),
    ],
)
def test_a_region_that_is_not_set_has_what_the_default_has(set_regions, expected):
    """Ledger S0-38: the table of inheritance."""
    item = rrdata._AppLicenses_v8_licItem(app="Nuke")
    item.setLicCount(0, 10)
    for region in (1, 2, 3):
        item.setLicCount(region, region)
        item.setIsTypeSet(region, region in set_regions)
    assert tuple(item.getLicCount(region) for region in range(4)) == expected


def test_lists_that_were_written_a_turn_ago_are_not_shown_as_today(root: Path):
    """Ledger S0-11, S0-20: a slot of another day is not valid."""
    lists = rrdata._rrGlobalStatsLS()
    assert lists.loadFromFile(str(root / "sub/stats/server_stats.db"))
    assert lists.day(1020).slot_used
    HERE.use(clock=VirtualClock(Instant(HERE.now() + 86_400_000)))
    assert not lists.day(1020).slot_used
    assert lists.lastSaveDay_asDatetime().day == 10


def test_the_clock_is_the_farms_on_both_sides_of_a_change_of_clocks(root: Path):
    """Ledger S0-12: local seconds run with the wall clock; UTC does not jump."""
    lists = rrdata._rrGlobalStatsLS()
    spring = 1_774_746_000_000  # 2026-03-29 01:00 UTC: 02:00 becomes 03:00 in Berlin
    for now, local in ((spring - 1000, "01:59:59"), (spring, "03:00:00")):
        HERE.use(clock=VirtualClock(Instant(now)))
        seconds = lists.currentTime_Unix()
        assert f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" == local
        assert lists.currentTime_Unix_UTC() == now // 1000
        assert lists.currentUnixDayLocal() == 20541
