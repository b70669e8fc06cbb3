"""The journal on real files: whole frames or none, and damage is said."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grange.adapters.journal import reader as reader_of_journals
from grange.adapters.journal.format import scan
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.journal.writer import START_GAP, FileJournal
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import (
    ConflictError,
    InvalidRequestError,
    StorageFullError,
    ThrottledError,
)
from grange.testing.facts import T0, as_row, event_fact

OTHER_FARM = "farm-" + "f" * 32


def events(*names: str):
    return [as_row(event_fact(name, T0, "test")) for name in names]


def kept(reader, after: int = 0) -> list[str]:
    return [name for frame in reader.read(after) for name in frame.rows["event_id"].to_pylist()]


@pytest.fixture
def clock():
    return VirtualClock(T0)


@pytest.fixture
def journal(tmp_path, clock):
    journal = FileJournal(tmp_path, clock)
    yield journal
    journal.close()


def write(folder: Path, clock, *groups: tuple[str, ...]) -> None:
    journal = FileJournal(folder, clock)
    for group in groups:
        journal.append("farm-1", "events", events(*group))
        journal.sync()
    journal.close()


def test_rows_come_back_whole_and_in_order(journal):
    first = journal.append("farm-1", "events", events("a", "b"))
    journal.sync()
    second = journal.append("farm-1", "events", events("c"))
    journal.sync()
    frames = list(journal.read())
    assert [frame.sequence for frame in frames] == [first, second]
    assert frames[0].rows.to_pylist() == events("a", "b")
    assert {(frame.farm_id, frame.table_name) for frame in frames} == {("farm-1", "events")}
    assert kept(journal, first) == ["c"]


def test_nothing_is_on_disk_before_sync(journal, tmp_path):
    journal.append("farm-1", "events", events("a"))
    assert journal.pending_bytes > 0
    assert kept(JournalFolder(tmp_path)) == []
    journal.sync()
    assert kept(JournalFolder(tmp_path)) == ["a"]
    assert journal.pending_bytes == 0


def test_one_group_makes_one_frame_for_each_farm_and_table(journal):
    assert journal.append("farm-1", "events", events("a")) == journal.append(
        "farm-1", "events", events("b")
    )
    journal.append(OTHER_FARM, "events", events("c"))
    journal.sync()
    assert [(frame.farm_id, frame.rows.num_rows) for frame in journal.read()] == [
        ("farm-1", 2),
        (OTHER_FARM, 1),
    ]


@pytest.mark.parametrize(
    "change", [{"colour": 1}, {"event_id": None}, {"number": "many"}, {"number": 2**70}]
)
def test_a_row_that_does_not_fit_is_refused_and_the_group_goes_on(journal, change):
    journal.append("farm-1", "events", events("a"))
    with pytest.raises(InvalidRequestError):
        journal.append("farm-1", "events", [*events("b"), events("c")[0] | change])
    journal.sync()
    assert kept(journal) == ["a"]


def test_a_large_group_is_compressed_and_comes_back(journal, tmp_path):
    rows = events(*(f"event {number}" for number in range(500)))
    journal.append("farm-1", "events", rows)
    journal.sync()
    assert next(iter(journal.read())).rows.to_pylist() == rows
    assert sum(path.stat().st_size for path in tmp_path.glob("*.journal")) < 60_000


def test_a_second_writer_is_told_who_writes(journal, tmp_path, clock):
    with pytest.raises(ConflictError, match="One server per data folder"):
        FileJournal(tmp_path, clock)


def test_a_new_segment_begins_with_every_hour(journal, tmp_path, clock):
    for name in "abc":
        journal.append("farm-1", "events", events(name))
        journal.sync()
        clock.advance(1800)
    segments = JournalFolder(tmp_path).segments()
    assert [segment.created_at for segment in segments] == [T0, T0 + 3_600_000]
    assert [f"{segment.first_sequence:020d}.journal" for segment in segments] == [
        segment.name for segment in segments
    ]
    assert kept(journal) == ["a", "b", "c"]


def test_a_full_segment_gets_a_successor(tmp_path, clock):
    journal = FileJournal(tmp_path, clock, roll_bytes=5_000)
    names = [f"event {number}" for number in range(10)]
    for name in names:
        journal.append("farm-1", "events", events(name))
        journal.sync()
    assert len(journal_files(tmp_path)) > 2
    assert kept(journal) == names
    journal.close()


def journal_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def test_a_reader_follows_the_writer_without_reading_again(journal, tmp_path, clock):
    reader = JournalFolder(tmp_path)
    after, seen = 0, []
    for number in range(6):
        journal.append("farm-1", "events", events(f"event {number}"))
        journal.sync()
        for frame in reader.read(after):
            after = frame.sequence
            seen += frame.rows["event_id"].to_pylist()
        clock.advance(1000)
    assert seen == [f"event {number}" for number in range(6)]
    assert list(reader.read(after)) == []


def test_a_reader_that_wants_only_what_is_new_reads_the_old_once(journal, tmp_path, monkeypatch):
    for number in range(3):
        journal.append("farm-1", "events", events(f"event {number}"))
        journal.sync()
    last = journal.last_sequence
    sizes: list[int] = []

    def counted(data: bytes, offset: int, before: int):
        sizes.append(len(data) - offset)
        return scan(data, offset, before)

    monkeypatch.setattr(reader_of_journals, "scan", counted)
    reader = JournalFolder(tmp_path)
    assert [kept(reader, last) for _ in range(3)] == [[], [], []]
    assert sizes[0] > 0
    assert sizes[1:] == [0, 0]
    journal.append("farm-1", "events", events("event 3"))
    journal.sync()
    assert kept(reader, last) == ["event 3"]
    assert kept(reader) == [f"event {number}" for number in range(4)]


def test_cutting_the_last_frame_at_any_byte_keeps_every_frame_before_it(tmp_path, clock):
    whole = tmp_path / "whole"
    write(whole, clock, ("a",), ("b",), ("c",))
    path = journal_files(whole)[0]
    data = path.read_bytes()
    ends = frame_ends(data)
    assert len(ends) == 3
    cut = tmp_path / "cut"
    cut.mkdir()

    def flush(descriptor: int) -> None:
        """Leave it to the page cache: power is not lost here."""

    for length in range(ends[1], ends[2]):
        (cut / path.name).write_bytes(data[:length])
        reader = JournalFolder(cut)
        assert kept(reader) == ["a", "b"], length
        assert not reader.problems()
        journal = FileJournal(cut, clock, flush=flush)
        assert journal.cut_bytes == length - ends[1]
        assert (cut / path.name).stat().st_size == ends[1]
        if length % 50 == 0:
            journal.append("farm-1", "events", events("d"))
            journal.sync()
            assert kept(journal) == ["a", "b", "d"], length
        journal.close()
        for file in journal_files(cut):
            file.unlink()


def frame_ends(data: bytes) -> list[int]:
    from grange.adapters.journal.format import SEGMENT_HEADER, RawFrame, scan

    found = scan(data, SEGMENT_HEADER.size, 0)
    return [frame.end for frame in found if isinstance(frame, RawFrame)]


def test_a_segment_cut_inside_its_header_is_thrown_away_and_its_number_is_not_used_again(
    tmp_path, clock
):
    write(tmp_path, clock, ("a",))
    path = journal_files(tmp_path)[0]
    for length in range(28):
        path.write_bytes(path.read_bytes()[:length])
        journal = FileJournal(tmp_path, clock)
        assert journal.append("farm-1", "events", events("b")) > START_GAP
        journal.close()
        assert kept(JournalFolder(tmp_path)) == ["b"]
        for file in journal_files(tmp_path):
            file.unlink()
        path.write_bytes(b"\0" * 40)


def test_damage_in_the_middle_is_said_and_the_rest_is_read(tmp_path, clock):
    write(tmp_path, clock, ("a",), ("b",), ("c",))
    path = journal_files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    ends = frame_ends(bytes(data))
    data[(ends[0] + ends[1]) // 2] ^= 1
    path.write_bytes(data)
    reader = JournalFolder(tmp_path)
    assert kept(reader) == ["a", "c"]
    (problem,) = reader.problems()
    assert problem.path == str(path)
    assert f"bytes {ends[0]} to {ends[1]} are damaged" in str(problem)
    journal = FileJournal(tmp_path, clock)
    assert journal.cut_bytes == 0, "damage is no torn end: nothing is cut"
    journal.append("farm-1", "events", events("d"))
    journal.sync()
    assert kept(journal) == ["a", "c", "d"]
    journal.close()


def test_a_torn_group_is_cut_although_a_later_frame_of_it_is_whole(tmp_path, clock):
    """Disks may write pages of an unfinished sync in any order."""
    journal = FileJournal(tmp_path, clock)
    journal.append("farm-1", "events", events("a"))
    journal.sync()
    journal.append("farm-1", "events", events("b"))
    journal.append(OTHER_FARM, "events", events("c"))
    journal.sync()
    journal.close()
    path = journal_files(tmp_path)[0]
    data = bytearray(path.read_bytes())
    ends = frame_ends(bytes(data))
    data[(ends[0] + ends[1]) // 2] ^= 1
    path.write_bytes(data)
    reader = JournalFolder(tmp_path)
    assert kept(reader) == ["a"]
    assert not reader.problems()
    journal = FileJournal(tmp_path, clock)
    assert path.stat().st_size == ends[0]
    journal.close()


def test_a_damaged_end_of_a_closed_segment_is_said(tmp_path, clock):
    write(tmp_path, clock, ("a",), ("b",))
    first = journal_files(tmp_path)[0]
    write(tmp_path, clock, ("c",))
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    reader = JournalFolder(tmp_path)
    assert kept(reader) == ["a", "c"]
    assert len(reader.problems()) == 1


class Disk:
    """Has room for a number of bytes, then answers like a full disk."""

    def __init__(self, room: int, error: int) -> None:
        self.room = room
        self.error = error

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(self.error, os.strerror(self.error))
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", [0, 10, 30, 31, 400, 1000])
def test_on_a_full_disk_the_group_is_taken_back_and_later_ones_are_kept(tmp_path, clock, room):
    disk = Disk(1 << 20, errno.ENOSPC)
    journal = FileJournal(tmp_path, clock, write=disk.write)
    journal.append("farm-1", "events", events("a"))
    journal.sync()
    size = journal_files(tmp_path)[0].stat().st_size
    reader = JournalFolder(tmp_path)
    first = list(reader.read())[-1].sequence
    disk.room = room
    journal.append("farm-1", "events", events("b"))
    with pytest.raises(StorageFullError, match="Free some space"):
        journal.sync()
    assert journal_files(tmp_path)[0].stat().st_size == size
    assert kept(journal) == ["a"]
    journal.append("farm-1", "events", events("c"))
    with pytest.raises(StorageFullError):
        journal.sync()
    disk.room = 1 << 20
    journal.append("farm-1", "events", events("d"))
    journal.sync()
    assert kept(journal) == ["a", "d"]
    assert kept(reader, first) == ["d"]
    assert not reader.problems()
    journal.close()
    assert kept(JournalFolder(tmp_path)) == ["a", "d"]


def test_another_disk_error_is_a_reason_to_try_again(tmp_path, clock):
    failing = [True]

    def flush(descriptor: int) -> None:
        if failing[0]:
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(descriptor)

    journal = FileJournal(tmp_path, clock, flush=flush)
    journal.append("farm-1", "events", events("a"))
    with pytest.raises(ThrottledError, match="Input/output error"):
        journal.sync()
    failing[0] = False
    journal.append("farm-1", "events", events("b"))
    journal.sync()
    assert kept(journal) == ["b"]
    journal.close()


def test_rows_appended_while_a_group_is_written_join_the_next_one(tmp_path, clock):
    writing, go_on = threading.Event(), threading.Event()

    def flush(descriptor: int) -> None:
        writing.set()
        assert go_on.wait(100)
        os.fdatasync(descriptor)

    journal = FileJournal(tmp_path, clock, flush=flush)
    journal.append("farm-1", "events", events("a"))
    thread = threading.Thread(target=journal.sync)
    thread.start()
    assert writing.wait(100)
    journal.append("farm-1", "events", events("b"))
    go_on.set()
    thread.join(100)
    assert kept(JournalFolder(tmp_path)) == ["a"]
    journal.sync()
    assert kept(JournalFolder(tmp_path)) == ["a", "b"]
    journal.close()


WRITER = """
import sys
from pathlib import Path
from grange.adapters.host.clock import SystemClock
from grange.adapters.journal.writer import FileJournal
from grange.testing.facts import T0, as_row, event_fact

journal = FileJournal(Path(sys.argv[1]), SystemClock(), roll_bytes=20_000)
number = int(sys.argv[2])
while True:
    names = [f"{number}.{part}" for part in range(3)]
    journal.append("farm-1", "events", [as_row(event_fact(name, T0, "test")) for name in names])
    journal.append("farm-2", "events", [as_row(event_fact(names[0], T0, "test"))])
    journal.sync()
    print(number, flush=True)
    number += 1
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    """Invariant 1: acknowledged facts survive, each once, also through several crashes."""
    acknowledged: list[int] = []
    for _round in range(4):
        number = acknowledged[-1] + 1 if acknowledged else 0
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged += [int(process.stdout.readline()) for _line in range(6)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
    reader = JournalFolder(tmp_path)
    frames = list(reader.read())
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    found = [
        name
        for frame in frames
        if frame.farm_id == "farm-1"
        for name in frame.rows["event_id"].to_pylist()
    ]
    expected = {f"{number}.{part}" for number in acknowledged for part in range(3)}
    assert expected <= set(found)
    # What was written but not yet acknowledged may be there too, and is then sent again.
    assert not reader.problems()


def test_the_newest_segment_is_never_deleted(tmp_path, clock):
    write(tmp_path, clock, ("a",))
    write(tmp_path, clock, ("b",))
    reader = JournalFolder(tmp_path)
    reader.remove(reader.segments())
    assert kept(JournalFolder(tmp_path)) == ["b"]


def test_sequences_go_on_above_what_the_manifest_knows(tmp_path, clock):
    journal = FileJournal(tmp_path, clock, start_after=5_000)
    assert journal.append("farm-1", "events", events("a")) == 5_001
    journal.close()
