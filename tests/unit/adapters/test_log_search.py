"""What whole blocks are asked first changes nothing of what is found in their lines."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.adapters import log_search
from grange.adapters.log_search import Pattern, Piece

_STAMP = "2026-11-23T05:00:00.123Z "
_LINES = st.lists(
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(["a", "b", "$", "^", " ", "é", "\x1b[1m", "B", "\r", "ab ", _STAMP]),
            max_size=6,
        ),
    ),
    max_size=12,
)
_PATTERNS = st.sampled_from(
    [
        *("a", "^a", "b$", "^$", "a\\s$", "\\n$", "\\n\\B", "\\Ab", "b\\z", "(?-m)^b", "(?i)^B"),
        *("(?-m:b$)", "\\ba", "b\\b", "\\B", "[^a]$", "[$^]", "\\$", "\\^", "a*", "b+\\s*^", ""),
        *("[]^]", "[^]a]b", "\\Qa$\\E", "a.*b", "(?s)a.b", "$", "^", "(?:a|^b)", "[[:space:]^]"),
        *("\\w{3}$", "a$|^b", "($|a)b", "(^|b)$"),
    ]
)


def found(pattern: str, lines: list[str], first: int, end: int, **how: bool) -> list[int]:
    content = "".join(f"{line}\n" for line in lines).encode()
    wanted = Pattern(pattern, **{"literal": False, "ignore_case": False, **how})
    piece = Piece.of(content, len(content), first, end)
    hits = [part.search(wanted) for part in piece.halves()]
    assert hits[-1].scanned == min(first + len(lines), max(first, end))
    numbers = [line.number for part in hits for line in part.lines]
    assert len(numbers) == sum(part.count for part in hits)
    assert numbers == [line.number for line in piece.search(wanted).lines]
    return numbers


@given(
    lines=_LINES,
    pattern=_PATTERNS,
    asked=st.integers(1, 40),
    end=st.integers(0, 14),
    literal=st.booleans(),
    ignore_case=st.booleans(),
)
def test_lines_are_found_as_if_each_was_asked_alone(
    *, lines: list[str], pattern: str, asked: int, end: int, literal: bool, ignore_case: bool
) -> None:
    def alone(line: str) -> bool:
        return bool(found(pattern, [line], 0, 1, literal=literal, ignore_case=ignore_case))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_search, "ASKED_BYTES", asked)
        numbers = found(pattern, lines, 3, 3 + end, literal=literal, ignore_case=ignore_case)
        patch.setattr(Pattern, "may_match", lambda *_: None)
        assert numbers == [3 + at for at, line in enumerate(lines[:end]) if alone(line)]


@pytest.mark.parametrize("ignore_case", [False, True])
def test_every_letter_of_plain_text_stands_for_itself(ignore_case: bool) -> None:
    for sign in set(string.printable) - {"\n"} | {"\0", "é", "\x7f"}:
        wanted = {"literal": True, "ignore_case": ignore_case}
        assert found(f"{sign}1", ["x", f"a{sign}1", "y"], 0, 9, **wanted) == [1], sign


def test_blocks_without_a_match_are_not_looked_at_line_by_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_search, "ASKED_BYTES", 100)
    looked_at: list[int] = []
    match = Pattern.match

    def counted(self: Pattern, lines: object) -> object:
        looked_at.append(len(lines))  # type: ignore[arg-type]
        return match(self, lines)

    lines = [f"line {at}" for at in range(1000)]
    wanted = Pattern("line 50[01]", literal=False, ignore_case=False)
    monkeypatch.setattr(Pattern, "match", counted)
    content = "".join(f"{line}\n" for line in lines).encode()
    hits = Piece.of(content, len(content), 0, 10**6).search(wanted)
    assert [line.text for line in hits.lines] == ["line 500", "line 501"]
    assert sum(looked_at) < 50


@pytest.mark.parametrize("pattern", [r"\$\s$", r"\$\n\B", r"\Aa", r"\$\n\z", r"(?-m)^a", r"\Qa$\E"])
def test_what_holds_for_a_line_alone_holds_for_it_among_others(pattern: str) -> None:
    """A line ends with its line end; behind it the next one begins, where nothing ends."""
    assert found(pattern, ["b", "a$", "b"], 0, 9) == [1]
