"""Runs of lines that can be shown as one: what is in them, and what never is."""

import re

from hypothesis import given
from hypothesis import strategies as st

from grange.domain.log_folds import (
    FEWEST_ALIKE,
    FEWEST_SETUP,
    SEEN,
    SET_UP,
    Fold,
    FoldFinder,
    FoldKind,
    likenesses,
)

TEXTS = [
    "rendering bucket %d",
    "  %d %% [====>   ]",
    "ERROR: bucket %d",
    "tile %d is done",
    "Mapping: Task.File.Run%d -> /x",
]


def folds_of(lines: list[str], pieces: list[int] | None = None) -> list[Fold]:
    """Return the runs of lines that come in pieces of so many."""
    finder, first = FoldFinder(0), 0
    found: list[Fold] = []
    for size in [*(pieces or []), len(lines)]:
        piece = lines[first : first + size]
        of = range(first, first + len(piece))
        found += finder.add(
            likenesses("".join(f"{line}\n" for line in piece).encode()),
            setup=[at for at in of if re.search(SET_UP, lines[at])],
            seen=[at for at in of if re.search(SEEN, lines[at])],
        )
        first += len(piece)
    return [*found, *finder.finish()]


@given(
    runs=st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(1, 20)), max_size=12),
    pieces=st.lists(st.integers(1, 15), max_size=12),
)
def test_unfolding_gives_every_line_again(runs: list[tuple[str, int]], pieces: list[int]) -> None:
    """Runs are in order, none overlap, none is short or holds an error, none is missed."""
    lines = [text % at if "%" in text else text for text, many in runs for at in range(many)]
    folds = folds_of(lines, pieces)
    assert folds == folds_of(lines), "how lines come must not matter"
    shown: list[str] = []
    at = 0
    for fold in folds:
        assert fold.first >= at
        shown += lines[at : fold.first]
        hidden = lines[fold.first : fold.last + 1]
        assert len(hidden) >= (FEWEST_SETUP if fold.kind is FoldKind.SETUP else FEWEST_ALIKE)
        assert not any(re.search(SEEN, line) for line in hidden)
        if fold.kind is FoldKind.ALIKE:
            assert len({re.sub("[0-9]+", "", line) for line in hidden}) == 1
        shown += hidden
        at = fold.last + 1
    shown += lines[at:]
    assert shown == lines
    expected, begin = 0, 0
    for end in range(1, len(lines) + 1):
        same = end < len(lines) and re.sub("[0-9]+", "", lines[end]) == re.sub(
            "[0-9]+", "", lines[begin]
        )
        if not same:
            fewest = FEWEST_SETUP if lines[begin].startswith("Mapping") else FEWEST_ALIKE
            long = end - begin >= fewest and not re.search(SEEN, lines[begin])
            expected += long
            begin = end
    assert len(folds) == expected


def test_lines_differ_in_numbers_spaces_and_bars_alone() -> None:
    bars = [f"{at:3} % [{'=' * at}>{' ' * (20 - at)}] 00:{at:02}.{at} left" for at in range(20)]
    assert folds_of([*bars, "done"]) == [Fold(kind=FoldKind.ALIKE, first=0, last=19)]
    assert folds_of([f"reading {name}.tx" for name in "abcdefghijkl"]) == []


def test_what_openjd_sets_a_session_up_with_is_one_run() -> None:
    """Up to the line behind which a program has its say; blank lines and others are none of it."""
    rule, line = "=" * 46, "-" * 46
    said = [rule, "--------- Running Task", rule, "Parameter values:", "Frame(INT) = 7"]
    said += [line, "Phase: Setup", line, "Writing embedded files for Task to disk."]
    said += ["Mapping: Task.File.Run -> /tmp/run.sh", "Wrote: Run -> /tmp/run.sh"]
    said += [line, "Phase: Running action", line, "Running command /tmp/run.sh"]
    said += ["Command started as pid: 17", "Output:"]
    folds = folds_of(["", *said, "Phase one", "hello"])
    assert folds == [Fold(kind=FoldKind.SETUP, first=1, last=len(said))]
    broken = folds_of([*said[:9], "Phase: Setup failed", *said[9:]])
    assert [(fold.first, fold.last) for fold in broken] == [(0, 8), (10, len(said))]


def test_a_run_is_parted_by_any_warning_in_it() -> None:
    lines = [f"tile {at}" for at in range(30)]
    for sentence in ("WARNING: 5", "ValueError: 5", "[W] aborted 5", "2 failed"):
        lines[15] = sentence
        assert [(one.first, one.last) for one in folds_of(lines)] == [(0, 14), (16, 29)]


def test_lines_that_are_not_kept_are_a_run_and_their_borders_are_seen() -> None:
    finder = FoldFinder(10)
    assert finder.add(likenesses(b"a 1\n" * 9), setup=(), seen=()) == []
    lost = [
        Fold(kind=FoldKind.ALIKE, first=10, last=18),
        Fold(kind=FoldKind.LOST, first=20, last=99),
    ]
    assert finder.skip_to(100) == lost
    assert finder.add(likenesses(b"a 2\n" * 8 + b"b\n"), setup=(), seen=()) == [
        Fold(kind=FoldKind.ALIKE, first=100, last=107)
    ]
    assert finder.finish() == ()
