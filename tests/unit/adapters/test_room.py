"""The disk of a data folder: when it is nearly full, and what is kept back."""

import os
from pathlib import Path

import pytest

from grange.adapters.host.room import RESERVE_BYTES, DiskRoom, measured

GB = 1_000_000_000
MIB = 1024 * 1024


def room(folder: Path, free: int, size: int = 20 * GB, reserve: int = MIB) -> DiskRoom:
    return DiskRoom(folder, reserve_bytes=reserve, measure=lambda _: (free, size))


@pytest.mark.parametrize(
    ("free", "size", "has_room"),
    [
        (GB, 20 * GB, True),
        (GB - 1, 20 * GB, False),
        (2 * GB, 100 * GB, True),
        (2 * GB - 1, 100 * GB, False),
        (20 * GB, 1000 * GB, True),
        (20 * GB - 1, 1000 * GB, False),
    ],
)
def test_under_one_gigabyte_or_two_percent_there_is_no_room(
    tmp_path: Path, free: int, size: int, has_room: bool
):
    assert room(tmp_path, free, size).has_room() == has_room


def test_the_reserve_takes_its_place_on_the_disk_until_it_is_spent(tmp_path: Path):
    disk = room(tmp_path, 10 * GB)
    assert disk.keep_reserve()
    file = tmp_path / "reserve"
    assert file.stat().st_blocks * 512 >= MIB
    assert disk.keep_reserve()
    assert disk.spend_reserve()
    assert not file.exists()
    assert not disk.spend_reserve()


def test_it_is_set_aside_again_only_when_there_is_room_for_it_beside_the_rest(tmp_path: Path):
    assert not room(tmp_path, GB + MIB - 1).keep_reserve()
    assert not (tmp_path / "reserve").exists()
    assert room(tmp_path, GB + MIB).keep_reserve()


def test_half_a_reserve_is_none(tmp_path: Path):
    (tmp_path / "reserve").write_bytes(b"x" * 10)
    disk = room(tmp_path, 10 * GB)
    assert not disk.spend_reserve()
    (tmp_path / "reserve").write_bytes(b"x" * 10)
    assert disk.keep_reserve()
    assert (tmp_path / "reserve").stat().st_size == MIB


def test_a_disk_that_refuses_leaves_no_half_reserve(tmp_path: Path, monkeypatch):
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not room(tmp_path, 10 * GB).keep_reserve()
    assert not (tmp_path / "reserve").exists()


def test_the_machines_own_disk_is_measured_and_64_mb_are_kept_back(tmp_path: Path):
    free, size = measured(tmp_path)
    assert 0 < free <= size
    assert RESERVE_BYTES == 64 * MIB
