"""The spool keeps facts until they are acknowledged, whatever happens to process and disk."""

import errno
from pathlib import Path
from typing import Any

import pytest

from grange.worker import spool as spool_module
from grange.worker.spool import FRAMES, SAMPLES, Batch, Spool


def drain(spool: Spool) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    while (batch := spool.next_batch()) is not None:
        records += batch.records
        spool.remove(batch.name)
    return records


def test_records_come_back_frames_first_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(SAMPLES, [{"at": 1}])
    spool.append(FRAMES, [{"frame": 1}, {"frame": 2}])
    assert spool.pending()
    assert drain(spool) == [{"frame": 1}, {"frame": 2}, {"at": 1}]
    assert not spool.pending()
    assert list(tmp_path.glob("*.batch")) == []


def test_an_unacknowledged_batch_comes_again_unchanged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    first = spool.next_batch()
    spool.append(FRAMES, [{"frame": 2}])
    assert spool.next_batch() == first
    assert first is not None
    spool.remove(first.name)
    assert drain(spool) == [{"frame": 2}]


def test_records_survive_a_process_that_dies_without_a_word(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    spool.next_batch()
    spool.append(FRAMES, [{"frame": 2}])
    assert drain(Spool(tmp_path)) == [{"frame": 1}, {"frame": 2}]
    spool.close()


def test_a_crash_at_any_byte_of_a_write_loses_only_that_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "whole")
    for number in range(3):
        spool.append(FRAMES, [{"frame": number}])
    spool.close()
    data = (tmp_path / "whole" / "frames.open").read_bytes()
    ends = [0]
    for number in range(3):
        ends.append(ends[-1] + 8 + len(f'{{"frame":{number}}}'))
    assert ends[-1] == len(data)
    for cut in range(len(data) + 1):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / "frames.open").write_bytes(data[:cut])
        whole = sum(1 for end in ends[1:] if end <= cut)
        again = Spool(folder)
        again.append(FRAMES, [{"frame": "new"}])
        assert drain(again) == [{"frame": number} for number in range(whole)] + [{"frame": "new"}]


def test_a_flipped_bit_ends_what_is_believed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}, {"frame": 2}])
    spool.close()
    path = tmp_path / "frames.open"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert drain(Spool(tmp_path)) == [{"frame": 1}]


def test_a_crash_between_sealing_and_removing_posts_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    batch = spool.next_batch()
    again = Spool(tmp_path)
    repeated = again.next_batch()
    assert repeated == batch
    assert repeated is not None
    again.append(FRAMES, [{"frame": 2}])
    again.remove(repeated.name)
    following = again.next_batch()
    assert following is not None
    assert following.name > repeated.name


def test_over_its_limit_the_oldest_samples_go_and_are_counted_but_never_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_BATCH_BYTES", 200)
    spool = Spool(tmp_path, limit_bytes=2_000)
    for number in range(200):
        spool.append(SAMPLES, [{"at": number}])
    for number in range(200):
        spool.append(FRAMES, [{"frame": number}])
    records = drain(spool)
    frames = [one["frame"] for one in records if "frame" in one]
    samples = [one["at"] for one in records if "at" in one]
    assert frames == list(range(200))
    assert samples == list(range(200 - len(samples), 200))
    assert spool.samples_dropped == 200 - len(samples)


def full_disk(monkeypatch: pytest.MonkeyPatch, spool: Spool, room: list[int]) -> None:
    """Let the spool's files grow by `room[0]` bytes more; the last write may be cut short."""

    class Full:
        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: memoryview) -> int:
            if room[0] <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = int(self._file.write(data[: room[0]]))
            room[0] -= written
            return written

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    real = spool._write_all

    def write_all(stream: str, record: bytes) -> None:
        if not isinstance(spool._files[stream], Full):
            spool._files[stream] = Full(spool._files[stream])  # type: ignore[assignment]
        real(stream, record)

    monkeypatch.setattr(spool, "_write_all", write_all)


def test_on_a_full_disk_frames_wait_in_memory_and_nothing_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    room = [50]
    full_disk(monkeypatch, spool, room)
    for number in range(10):
        spool.append(FRAMES, [{"frame": number}])
    assert (tmp_path / "frames.open").stat().st_size <= 50
    room[0] = 10_000
    spool.sync()
    assert drain(spool) == [{"frame": number} for number in range(10)]


def test_on_a_full_disk_old_samples_make_room_for_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(SAMPLES, [{"at": number}])
    room = [0]
    full_disk(monkeypatch, spool, room)
    real = spool._drop_oldest_samples

    def drop() -> bool:
        room[0] += 100
        return real()

    monkeypatch.setattr(spool, "_drop_oldest_samples", drop)
    spool.append(FRAMES, [{"frame": 1}])
    assert drain(spool) == [{"frame": 1}]
    assert spool.samples_dropped == 5


def test_a_refused_batch_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    batch = spool.next_batch()
    assert isinstance(batch, Batch)
    kept = spool.set_aside(batch.name)
    assert kept.exists()
    assert spool.next_batch() is None
    assert Spool(tmp_path).next_batch() is None
