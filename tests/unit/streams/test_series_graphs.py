"""Graphs of logged values: a line per source, or their sum, from the rings."""

import re

import pytest

from grange.books.archives.profiles import archives_of
from grange.domain.farm import Farm
from grange.domain.series import DataSource, Series
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.streams.series_graphs import series_rows
from grange.testing.books import books_bench
from grange.testing.facts import FARM

START = Instant(1_767_225_600_000)
NOW = Instant(START + 6 * MILLIS_PER_HOUR)
ARCHIVES = [
    f"RRA:{cf}:0.5:{grid}" for cf in ("AVERAGE", "MIN", "MAX") for grid in ("1:400", "12:60")
]


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, NOW) as made:
        made.put(
            Farm(farm_id=FARM, name="Studio", zone="UTC", created_at=START, created_by="ann"),
            Series(
                farm_id=FARM,
                name="room",
                step_seconds=300,
                heartbeat_seconds=900,
                sources=(DataSource(index=0, label="left"), DataSource(index=1, label="right")),
                archives=archives_of(ARCHIVES),
                created_at=START,
                created_by="ann",
            ),
        )
        for source, value in ((0, 20.0), (1, 30.0)):
            made.post(
                "stream_values",
                [
                    {
                        "farm_id": FARM,
                        "series": "room",
                        "source_index": source,
                        "at": START + at * 60_000,
                        "value": value,
                        "logger": "ada",
                        "sequence": at * 2 + source,
                    }
                    for at in range(5 * 60)
                    if not 100 <= at < 160
                ],
            )
        made.books.feed_rings()
        yield made


def ask(bench, **asked):
    usual = {"farm_id": FARM, "series": ["ro*"], "format": "svg"}
    return bench.books.call("series_picture", {**usual, **asked})["content"].decode()


def test_sources_are_lines_and_silence_is_a_gap(bench):
    """Ledger S3-17, S3-04: two sources; an hour without values breaks both lines."""
    text = ask(bench)
    for words in ("room", "left", "right", "mean 20", "mean 30", "no data"):
        assert words in text, words
    assert 'id="mean-room-0-1"' in text
    assert 'id="mean-room-1-1"' in text


def test_the_sum_of_sources_is_one_line(bench):
    """Ledger S3-17: sums."""
    text = ask(bench, combine=True)
    assert "mean 50" in text
    assert "mean-room-1" not in text
    path = re.search(r'id="mean-room-0-0" d="([^"]+)"', text)
    assert path is not None
    places = re.findall(r"[\d.]+", path[1])[1::2]
    assert len(set(places)) == 1


def test_the_row_that_is_not_over_is_shown_as_far_as_it_is_known(bench):
    """Ledger S4-39: a graph of hours reaches the last minutes; the next hours are unknown."""
    span = Span(START, NOW)
    for half in (0, 1):
        last = START + (5 * 60 + half * 30) * 60_000
        more = [
            {
                "farm_id": FARM, "series": "room", "source_index": 0, "at": last + at * 60_000,
                "value": 20.0 + at, "logger": "ada", "sequence": 10_000 + half * 100 + at,
            }
            for at in range(30)
        ]  # fmt: skip
        bench.post("stream_values", more)
        bench.books.feed_rings()
        rows = series_rows(
            bench.books.desk, farm_id=FARM, name="room", span=span, step=MILLIS_PER_HOUR
        )
        assert rows["step_seconds"] == 3600
        assert rows["sources"][0]["average"][4] == 20.0
    rows = series_rows(bench.books.desk, farm_id=FARM, name="room", span=span, step=MILLIS_PER_HOUR)
    left = rows["sources"][0]
    fives = [24.0 + 5 * slot for slot in range(6)] * 2
    del fives[-1]  # the newest five minutes are open
    assert left["average"][5] == pytest.approx(sum(fives) / len(fives))
    assert (left["minimum"][5], left["maximum"][5]) == (24.0, 49.0)


def test_a_span_far_longer_than_what_is_kept_shows_what_is_kept(bench):
    """Ledger S3-17: short archives do not keep the farm's pages of years from being drawn."""
    span = Span(Instant(0), NOW)
    rows = series_rows(bench.books.desk, farm_id=FARM, name="room", span=span, step=MILLIS_PER_HOUR)
    assert rows["step_seconds"] == 3600
    assert len(rows["starts_at"]) == 61, "the 60 rows of the archive, and the hour of now"
    assert rows["starts_at"][-1] == NOW - MILLIS_PER_HOUR
    assert rows["sources"][0]["average"][-2] == 20.0
    long_ago = Span(Instant(0), Instant(START // 2))
    rows = series_rows(
        bench.books.desk, farm_id=FARM, name="room", span=long_ago, step=MILLIS_PER_HOUR
    )
    assert rows["starts_at"] == rows["sources"][0]["average"] == []
    asked = {"farm_id": FARM, "series": "room", "since": 0, "until": 20 * NOW}
    with pytest.raises(InvalidRequestError, match="shorter span"):
        bench.books.call("ring_rows", asked)


def test_what_is_not_there_is_named(bench):
    """Ledger S3-17."""
    with pytest.raises(NotFoundError, match="room"):
        ask(bench, series=["kitchen"])
    with pytest.raises(InvalidRequestError, match="sources"):
        ask(bench, sources=["up"])
    with pytest.raises(InvalidRequestError, match="format"):
        ask(bench, format="gif")
