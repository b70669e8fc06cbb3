"""Logs by their lines: windows, times and searches are what splitting the whole log would give."""

import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.adapters import log_lines
from grange.adapters.log_lines import LogLineReader
from grange.adapters.log_search import LONGEST_SHOWN
from grange.adapters.session_logs import SessionLogFiles
from grange.domain.log_folds import SEEN
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import Instant, iso8601
from grange.ports.log_lines import LogSpan

STREAM = "session-" + "c" * 32
FAR = Instant(2**52)
T0 = Instant(1_790_000_000_000)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def opened(folder: Path, content: bytes = b"", max_bytes: int = 1 << 20) -> LogLineReader:
    files = SessionLogFiles(folder, max_bytes=max_bytes)
    if content:
        run(files.append(STREAM, content, 0))
    return LogLineReader(files)


def stamped(*texts: str, step: int = 1000) -> bytes:
    return "".join(
        f"{iso8601(Instant(T0 + at * step))} {text}\n" for at, text in enumerate(texts)
    ).encode()


async def found(reader: LogLineReader, pattern: str, **how: Any) -> list[int]:
    how = {"first": 0, "end": 10**9, **how}
    return [
        line.number async for hits in reader.search(STREAM, pattern, **how) for line in hits.lines
    ]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "BLOCK_BYTES", 7)
    monkeypatch.setattr(log_lines, "PIECE_BYTES", 20)


_TEXTS = st.lists(st.text("ab\u00e9x ", max_size=30), max_size=25)


@given(texts=_TEXTS, first=st.integers(0, 30), count=st.integers(1, 30), ends=st.booleans())
def test_a_window_is_the_lines_of_the_whole_log(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], first: int, count: int, ends: bool
) -> None:
    content = "\n".join(texts).encode() + (b"\n" if ends and texts else b"")
    whole = content.decode().split("\n")
    if whole[-1] == "":
        whole.pop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_lines, "BLOCK_BYTES", 7)
        patch.setattr(log_lines, "PIECE_BYTES", 20)
        reader = opened(tmp_path_factory.mktemp("logs"), content)
        lines = run(reader.window(STREAM, first, count))
        span = run(reader.span(STREAM))
        hits = run(found(reader, "x"))
    assert [line.text for line in lines] == whole[first : first + count]
    assert [line.number for line in lines] == list(range(first, first + len(lines)))
    assert (span.lines if span else 0) == len(whole)
    assert hits == [number for number, line in enumerate(whole) if "x" in line]


def test_a_log_that_grows_is_indexed_from_where_it_was(tmp_path: Path) -> None:
    reader = opened(tmp_path, b"one\ntwo")
    assert run(reader.span(STREAM)) == LogSpan(lines=2, size=7)
    run(reader._files.append(STREAM, b" more\nthree\n", 7))
    assert [line.text for line in run(reader.window(STREAM, 0, 9))] == ["one", "two more", "three"]


def test_lines_keep_their_numbers_when_the_middle_is_cut(tmp_path: Path) -> None:
    """By whoever saw the middle, and by whoever comes later."""
    files = SessionLogFiles(tmp_path, max_bytes=1600)
    early, whole = LogLineReader(files), b""

    async def check() -> None:
        nonlocal whole
        for number in range(400):
            line = f"line {number} {'x' * (number % 9)}\n".encode()
            await files.append(STREAM, line, len(whole))
            whole += line
            if number % 50 == 0:
                await early.span(STREAM)
        for reader in (early, LogLineReader(files)):
            span = await reader.span(STREAM)
            assert span is not None
            assert span.lines == 400
            assert span.cut is not None
            begin, end = span.cut
            lines = await reader.window(STREAM, 0, 400)
            assert [one.number for one in lines] == list(range(400))
            assert all(one.text is None for one in lines[begin + 1 : end])
            for one in (*lines[:begin], *lines[end + 1 :]):
                assert one.text is not None
                assert one.text.split()[1] == str(one.number)
            (last,) = await reader.window(STREAM, 399, 5)
            assert last.text is not None
            assert last.text.startswith("line 399")
            assert (await found(reader, "line 398"))[-1] == 398

    run(check())


def test_a_compressed_log_reads_the_same(tmp_path: Path) -> None:
    reader = opened(tmp_path, stamped("one", "two", "three"))
    before = run(reader.window(STREAM, 1, 2))
    assert run(reader._files.compress_idle(FAR)) == 1
    assert run(LogLineReader(reader._files).window(STREAM, 1, 2)) == before
    assert [line.text for line in before] == ["two", "three"]
    assert [line.at for line in before] == [T0 + 1000, T0 + 2000]


@pytest.mark.usefixtures("small_blocks")
def test_a_moment_leads_to_its_line(tmp_path: Path) -> None:
    reader = opened(tmp_path, stamped(*(f"line {at}" for at in range(50))))
    for at, line in ((0, 0), (1000, 1), (1001, 2), (48_500, 49), (60_000, 50)):
        assert run(reader.line_at(STREAM, Instant(T0 + at))) == line
    assert run(opened(tmp_path / "other", b"no times\nat all\n").line_at(STREAM, T0)) is None


def test_a_search_takes_words_and_expressions(tmp_path: Path) -> None:
    reader = opened(tmp_path, stamped("ERROR: oak.tx", "an error", "oak.tx is fine", "a.*b"))
    assert run(found(reader, "oak.tx", literal=True)) == [0, 2]
    assert run(found(reader, "^error", ignore_case=True)) == [0]
    assert run(found(reader, "^ERROR|fine$")) == [0, 2]
    assert run(found(reader, r"[\^E]RR")) == [0]
    assert run(found(reader, "a.*b", literal=True)) == [3]
    assert run(found(reader, "error", ignore_case=True, first=1)) == [1]
    assert run(found(reader, "error", ignore_case=True, end=1)) == [0]


def test_colours_hide_no_word(tmp_path: Path) -> None:
    reader = opened(tmp_path, stamped("\x1b[1;31mERROR\x1b[0m: oak.tx", "\x1b[32mfine\x1b[0m"))
    assert run(found(reader, r"\bERROR\b")) == [0]
    assert run(found(reader, "^ERROR: oak")) == [0]
    assert run(found(reader, "fine$")) == [1]
    assert run(found(reader, "ERROR: oak", literal=True)) == [0]


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a**"])
def test_what_is_no_expression_is_refused(tmp_path: Path, pattern: str) -> None:
    """Look-around and references back could take time without end: they are none."""
    with pytest.raises(InvalidRequestError, match="no regular expression"):
        run(found(opened(tmp_path, b"a\n"), pattern))


def test_an_expression_made_to_take_forever_does_not(tmp_path: Path) -> None:
    reader = opened(tmp_path, b"a" * 50_000 + b"\n")
    assert run(found(reader, "(a+)+$")) == [0]
    assert run(found(reader, "(a+)+b")) == []


def test_a_line_without_end_is_shown_from_its_beginning(tmp_path: Path) -> None:
    reader = opened(tmp_path, b"a" * 300_000 + b"\nnext\n")
    first, second = run(reader.window(STREAM, 0, 2))
    assert first.is_cut
    assert first.text == "a" * LONGEST_SHOWN
    assert second.text == "next"


def test_the_whole_log_can_be_had(tmp_path: Path) -> None:
    content = stamped(*(f"line {at}" for at in range(30)))
    reader = opened(tmp_path, content)

    async def pieces(first: int, end: int) -> bytes:
        return b"".join([piece async for piece in reader.content(STREAM, first, end)])

    assert run(pieces(0, 30)) == content
    assert re.findall(rb"line (\d+)", run(pieces(3, 6))) == [b"3", b"4", b"5"]


def test_a_window_of_a_long_log_reads_little_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UX-12: once it is indexed, and what was added since alone is indexed."""
    content = b"".join(b"rendering bucket %d\n" % number for number in range(200_000))
    reader = opened(tmp_path, content, max_bytes=1 << 24)
    run(reader.span(STREAM))
    run(reader._files.append(STREAM, b"one more line\n"))
    read = 0
    whole = reader._files.read

    async def counting(stream: str, start: int, limit: int) -> Any:
        nonlocal read
        part = await whole(stream, start, limit)
        read += len(part.content) if part is not None else 0
        return part

    monkeypatch.setattr(reader._files, "read", counting)
    (line,) = run(reader.window(STREAM, 150_000, 1))
    (last,) = run(reader.window(STREAM, 200_000, 5))
    assert (line.text, last.text) == ("rendering bucket 150000", "one more line")
    assert read < 5 * log_lines.BLOCK_BYTES


async def _folds(reader: LogLineReader, **how: Any) -> list[tuple[str, int, int]]:
    how = {"first": 0, "end": 10**9, **how}
    return [
        (one.kind.value, one.first, one.last)
        async for piece in reader.folds(STREAM, SEEN, **how)
        for one in piece.folds
    ]


@pytest.mark.usefixtures("small_blocks")
def test_runs_go_on_across_pieces_and_no_warning_is_in_one(tmp_path: Path) -> None:
    """Times and colours part nothing; a last line without its end is in no run yet."""
    texts = [f"\x1b[3{at % 8}mtile {at}\x1b[0m" for at in range(40)]
    texts[20] = "\x1b[33mwarning\x1b[0m: 20"
    reader = opened(tmp_path, stamped(*texts) + b"tile 40")
    assert run(_folds(reader)) == [("alike", 0, 19), ("alike", 21, 39)]
    assert run(_folds(reader, first=5, end=15)) == [("alike", 5, 14)]
    assert run(_folds(opened(tmp_path / "other"))) == []


def test_lines_that_are_not_kept_are_folded(tmp_path: Path) -> None:
    files = SessionLogFiles(tmp_path, max_bytes=1600)

    async def check() -> None:
        for number in range(400):
            await files.append(STREAM, f"line {number} {'abcde'[number % 5]}\n".encode())
        reader = LogLineReader(files)
        ((kind, first, last),) = await _folds(reader)
        assert kind == "lost"
        span = await reader.span(STREAM)
        assert span is not None
        assert span.cut is not None
        assert span.cut[0] < first < last < span.cut[1]
        lines = await reader.window(STREAM, 0, 400)
        hidden = [line for line in lines if first <= line.number <= last]
        assert [line.text for line in hidden] == [None] * len(hidden)
        assert all(line.text is not None for line in lines if line.number < first - 1)

    run(check())
