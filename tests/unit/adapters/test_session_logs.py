"""Session logs: appended by offset, cut in the middle, compressed at the end."""

import asyncio
import gzip
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.adapters.session_logs import SessionLogFiles
from grange.kernel.errors import ConflictError, InvalidRequestError
from grange.kernel.units import Instant

STREAM = "session-" + "a" * 32
FAR = Instant(2**52)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def test_a_repeat_is_skipped_and_an_overlap_is_cut(tmp_path: Path):
    logs = SessionLogFiles(tmp_path, max_bytes=1000)
    assert run(logs.append(STREAM, b"hello ", 0)) == 6
    assert run(logs.append(STREAM, b"hello ", 0)) == 6
    assert run(logs.append(STREAM, b"lo world", 3)) == 11
    part = run(logs.read(STREAM, 0, 100))
    assert part is not None
    assert part.content == b"hello world"
    assert run(logs.append(STREAM, b"!")) == 12


def test_a_gap_is_refused_with_the_size(tmp_path: Path):
    logs = SessionLogFiles(tmp_path, max_bytes=1000)
    run(logs.append(STREAM, b"abc"))
    with pytest.raises(ConflictError) as refused:
        run(logs.append(STREAM, b"x", 5))
    assert refused.value.context == {"size": "3"}


def test_reading_from_the_end_and_in_pieces(tmp_path: Path):
    logs = SessionLogFiles(tmp_path, max_bytes=1000)
    run(logs.append(STREAM, b"0123456789"))
    tail = run(logs.read(STREAM, -4, 100))
    middle = run(logs.read(STREAM, 3, 2))
    assert tail is not None
    assert middle is not None
    assert (tail.start, tail.content, tail.size) == (6, b"6789", 10)
    assert (middle.content, middle.end) == (b"34", 5)
    assert run(logs.read("session-" + "b" * 32, 0, 10)) is None


@pytest.mark.parametrize("name", ["../x", "session-1", "job-" + "a" * 32, STREAM + "/..", ""])
def test_other_names_are_no_logs(tmp_path: Path, name: str):
    logs = SessionLogFiles(tmp_path, max_bytes=1000)
    with pytest.raises(InvalidRequestError):
        run(logs.append(name, b"x"))
    with pytest.raises(InvalidRequestError):
        run(logs.read(name, 0, 1))
    with pytest.raises(InvalidRequestError):
        run(logs.delete(name))


@given(pieces=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=30))
def test_head_and_tail_are_kept_at_their_offsets(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
):
    logs = SessionLogFiles(tmp_path_factory.mktemp("logs"), max_bytes=160)

    async def check() -> None:
        whole = b""
        for piece in pieces:
            assert await logs.append(STREAM, piece, len(whole)) == len(whole) + len(piece)
            whole += piece
        head = await logs.read(STREAM, 0, 80)
        tail = await logs.read(STREAM, -60, 60)
        assert head is not None
        assert tail is not None
        assert head.size == len(whole)
        assert head.content == whole[:80]
        assert tail.content == whole[-60:]
        everything = await logs.read(STREAM, 0, 10**6)
        assert everything is not None
        assert whole[everything.start : everything.end] == everything.content
        assert await logs.compress_idle(FAR) == 1
        again = await logs.read(STREAM, -60, 60)
        assert again == tail

    run(check())


def test_an_idle_log_is_compressed_and_still_grows(tmp_path: Path):
    logs = SessionLogFiles(tmp_path, max_bytes=10_000)
    run(logs.append(STREAM, b"line\n" * 100))
    assert run(logs.compress_idle(Instant(0))) == 0
    assert run(logs.compress_idle(FAR)) == 1
    (file,) = tmp_path.iterdir()
    assert gzip.decompress(file.read_bytes()) == b"line\n" * 100
    assert run(logs.append(STREAM, b"late\n", 500)) == 505
    part = run(logs.read(STREAM, -5, 10))
    assert part is not None
    assert part.content == b"late\n"


def test_a_log_with_room_in_its_head_is_found_without_its_folder(tmp_path: Path, monkeypatch):
    logs = SessionLogFiles(tmp_path, max_bytes=1000)
    searched: list[str] = []
    glob = Path.glob

    def search(path: Path, name: str) -> list[Path]:
        searched.append(name)
        return list(glob(path, name))

    monkeypatch.setattr(Path, "glob", search)
    assert run(logs.append(STREAM, b"x" * 400)) == 400
    assert run(logs.append(STREAM, b"y" * 99)) == 499
    assert searched == []
    assert run(logs.append(STREAM, b"z" * 300)) == 799
    extent = run(logs.extent(STREAM))
    assert extent is not None
    assert (extent.size, extent.head_end, extent.tail_start) == (799, 500, 500)
    assert searched


def test_a_deleted_log_is_gone(tmp_path: Path):
    logs = SessionLogFiles(tmp_path, max_bytes=100)
    run(logs.append(STREAM, b"x" * 500))
    run(logs.delete(STREAM))
    assert list(tmp_path.iterdir()) == []
