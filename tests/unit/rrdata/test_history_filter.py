"""Which jobs a filter shows: the grammar of words, the mask of states, the modes of time."""

from datetime import datetime

import pytest

from grange.rrdata.history_filter import Filter, words_match
from grange.rrdata.jobs import DISABLED, FINISHED, IDLE, RENDERING, WAITING
from grange.rrdata.place import UNSET
from tests.unit.rrdata.folder import job

NOW = datetime(2026, 3, 10, 18)
START, END = datetime(2026, 3, 10, 8), datetime(2026, 3, 10, 12)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", True),
        ("beauty", True),
        ("BEAU", True),
        ("beauty fox", True),
        ("beauty hen", False),
        ("beauty -hen", True),
        ("-beauty", False),
        ("or hen beauty", True),
        ("or hen cow", False),
        ("or", False),
        ("User=ann", True),
        ("User=an", False),
        ("SceneFile=fox.blend", True),
        ("SceneFile=fox", False),
        ("-Layer=volume", True),
        ("Shot=sh010 or", False),
        ("Unknown=ann", False),
    ],
)
def test_words_are_read_as_the_grammar_says(words, expected):
    """Ledger S0-42."""
    assert words_match(words, job()) is expected


def test_inverting_flips_the_words_and_nothing_else():
    """Ledger S0-42."""
    assert not Filter(words="beauty", invert=True).matches(job(), NOW)
    assert Filter(words="volume", invert=True).matches(job(), NOW)
    assert not Filter(words="volume", invert=True, user="bob").matches(job(), NOW)
    assert Filter(words="", invert=True).matches(job(), NOW)


@pytest.mark.parametrize("state", [IDLE, RENDERING, DISABLED, WAITING, FINISHED])
def test_the_mask_chooses_states(state):
    """Ledger S0-42: 1 idle, 2 rendering, 4 disabled, 8 waiting, 16 finished, 255 all."""
    for mask in (1, 2, 4, 8, 16, 255):
        shown = Filter(mask=mask).matches(job(state=state), NOW)
        assert shown is bool(mask & state)


def times(sent: str, finished: str, changed: str):
    def at(text: str) -> datetime:
        return UNSET if text == "never" else datetime(2026, 3, 10, int(text))

    return job(infoDateSubmitted=at(sent), infoDateFinished=at(finished), changed=at(changed))


JOBS = [
    times("9", "10", "10"),
    times("9", "13", "13"),
    times("7", "10", "11"),
    times("9", "never", "15"),
    times("6", "7", "8"),
]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, [True, True, True, True, True]),
        (1, [True, True, False, True, False]),
        (2, [True, False, True, False, False]),
        (3, [True, False, False, False, False]),
        (4, [True, False, True, False, True]),
    ],
)
def test_five_jobs_in_five_modes_of_time(mode, expected):
    """Ledger S0-43: the table of modes; unfinished jobs are dropped where the end counts."""
    filter_ = Filter(mode=mode, start=START, end=END)
    assert [filter_.matches(each, NOW) for each in JOBS] == expected
    assert all(Filter(mode=mode).matches(each, NOW) for each in JOBS[:3])


def test_the_age_counts_from_the_last_change():
    """Ledger S0-42."""
    assert Filter(age_hours=6).matches(job(changed=datetime(2026, 3, 10, 12)), NOW)
    assert not Filter(age_hours=5).matches(job(changed=datetime(2026, 3, 10, 12)), NOW)
