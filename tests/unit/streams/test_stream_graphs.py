"""Graphs of streams say what their lines say: slot by slot, live, with gaps as gaps."""

import csv
import io
from itertools import pairwise

import pytest

from grange.books.graphs.measures import MEASURES
from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0
from tests.unit.streams.log_facts import busy, figures, line

DAY0 = Instant(T0 - T0 % MILLIS_PER_DAY)
NOW = Instant(DAY0 + 14 * MILLIS_PER_HOUR)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, NOW) as made:
        made.put(Farm(farm_id=FARM, name="Studio", zone="UTC", created_at=DAY0, created_by="ann"))
        yield made


def ask(bench, **asked):
    return bench.books.call("stream_picture", {"farm_id": FARM, **asked})


def table(bench, **asked):
    answer = ask(bench, format="csv", **asked)
    rows = list(csv.DictReader(io.StringIO(answer["content"].decode())))
    whole = {(row["stream"], row["measure"]): row for row in rows if row["slot_start"] == "all"}
    slots = [row for row in rows if row["slot_start"] != "all"]
    return slots, whole


def minutes_of(hours):
    return [hour + at * MILLIS_PER_MINUTE for hour in hours for at in range(60)]


def close(row, expected):
    found = [row["min"], row["mean"], row["max"], row["total"]]
    for text, value in zip(found, expected, strict=True):
        if value is None:
            assert text == ""
        else:
            assert float(text) == pytest.approx(value, rel=1e-12)


def test_the_table_has_lowest_mean_highest_and_total_of_every_measure(bench):
    """Ledger S4-37, S4-23: recomputed from the lines, errors outside of means."""
    rows = busy(DAY0, 13, silent_hours=(5, 6))
    rows.append(line(DAY0 + 12 * MILLIS_PER_HOUR + 59 * MILLIS_PER_MINUTE + 59_999, number=9999))
    bench.post("log_lines", rows)
    slots, whole = table(bench, streams=["archive"], start=DAY0, end=NOW)
    hours = [DAY0 + hour * MILLIS_PER_HOUR for hour in range(13) if hour not in (5, 6)]
    expected = figures(rows, known_minutes=minutes_of(hours))
    for measure in MEASURES:
        close(whole["archive", measure], expected[measure])
    files = [row for row in slots if row["measure"] == "files"]
    assert len(files) == 11 * 60  # by the minute; hours that were not heard have no slots
    assert sum(int(row["total"]) for row in files) == expected["files"][3]


def test_a_file_of_exactly_the_limit_is_not_over_it(bench):
    """Ledger S4-07: 15 s are not over 15 s."""
    bench.post(
        "log_lines",
        [line(DAY0, number=1, latency_ms=15_000), line(DAY0, number=2, latency_ms=16_000)],
    )
    _, whole = table(bench, start=DAY0, end=NOW)
    assert whole["archive", "late"]["total"] == "1"
    _, whole = table(bench, start=DAY0, end=NOW, latency_limit_seconds=16)
    assert whole["archive", "late"]["total"] == "0"


def test_a_line_of_this_minute_is_in_the_picture(bench):
    """Ledger S4-39: sealed hours and what came in just now."""
    bench.post("log_lines", busy(DAY0, 10))
    bench.books.seal(force=True)
    _, before = table(bench, measures=["files"])
    bench.post("log_lines", [line(NOW - 1000, number=77_777)])
    slots, after = table(bench, measures=["files"])
    assert int(after["archive", "files"]["total"]) == int(before["archive", "files"]["total"]) + 1
    assert ask(bench)["data_until_at"] == NOW - 999
    assert slots[-1]["slot_start"].startswith("2")
    assert slots[-1]["total"] == "1"


def test_streams_are_chosen_by_pattern_kind_machine_and_product(bench):
    """Ledger S4-28, S4-22: a stream that is new joins where its name fits."""
    bench.post("log_lines", busy(DAY0, 2, stream="feed-a", machine="ada"))
    bench.post("log_lines", busy(DAY0, 2, stream="feed-b", machine="bob", seed=2))
    bench.post("log_lines", busy(DAY0, 2, stream="feed-a", kind="rx", machine="eve", seed=3))
    span = {"start": DAY0, "end": NOW, "measures": ["files"]}
    assert {name for name, _ in table(bench, **span)[1]} == {"rx feed-a", "tx feed-a", "tx feed-b"}
    assert {name for name, _ in table(bench, kind="tx", **span)[1]} == {"feed-a", "feed-b"}
    assert {name for name, _ in table(bench, machines=["b*"], **span)[1]} == {"feed-b"}
    assert {name for name, _ in table(bench, streams=["*-b"], **span)[1]} == {"feed-b"}
    all_files = int(table(bench, streams=["feed-b"], **span)[1]["feed-b", "files"]["total"])
    some = int(
        table(bench, streams=["feed-b"], products=["S*", "FC_?"], **span)[1]["feed-b", "files"][
            "total"
        ]
    )
    mine = list(busy(DAY0, 2, stream="feed-b", machine="bob", seed=2))
    assert some == sum((row["product"] or "")[:2] in {"SA", "FC"} for row in mine) < all_files
    bench.post("log_lines", busy(DAY0, 1, stream="feed-new"))
    assert "feed-new" in {
        name for name, _ in table(bench, streams=["feed-*"], kind="tx", **span)[1]
    }


def test_a_total_across_streams_is_the_sum_of_its_streams(bench):
    """Ledger S4-24: totals across streams; the mean latency weighs by files."""
    parts = [
        busy(DAY0, 2, stream="a"),
        busy(DAY0, 2, stream="b", seed=5, per_minute=5),
    ]
    for rows in parts:
        bench.post("log_lines", rows)
    _, whole = table(bench, start=DAY0, end=NOW, combine=True, name="both")
    minutes = minutes_of([DAY0, DAY0 + MILLIS_PER_HOUR])
    last = max(row["at"] for rows in parts for row in rows)
    minutes = [at for at in minutes if at <= last]
    expected = figures([*parts[0], *parts[1]], known_minutes=minutes)
    for measure in MEASURES:
        close(whole["both", measure], expected[measure])


def test_a_slot_of_ten_minutes_knows_its_lowest_and_highest_minute(bench):
    """Ledger S4-24: coarser slots keep totals exact, and the band of their minutes."""
    rows = busy(DAY0 - 2 * MILLIS_PER_DAY, 40)
    bench.post("log_lines", rows)
    slots, whole = table(
        bench, start=DAY0 - 2 * MILLIS_PER_DAY, end=NOW, measures=["bytes", "latency"]
    )
    bytes_slots = [row for row in slots if row["measure"] == "bytes"]
    step = int(bytes_slots[0]["slot_seconds"])
    assert step == 3600
    for row in bytes_slots:
        assert float(row["min"]) <= float(row["mean"]) <= float(row["max"])
        assert float(row["mean"]) * 60 == pytest.approx(int(row["total"]), rel=0.03)
    assert sum(int(row["total"]) for row in bytes_slots) == sum(row["bytes"] for row in rows)
    assert int(whole["archive", "bytes"]["total"]) == sum(row["bytes"] for row in rows)


def test_pictures_are_the_same_for_the_same_question_and_say_what_they_show(bench):
    """Ledger S4-23: labels, span, zone, until when."""
    bench.post("log_lines", busy(DAY0, 10, silent_hours=(4,)))
    asked = {"streams": ["archive"], "start": DAY0, "end": NOW}
    svg = ask(bench, format="svg", **asked)["content"].decode()
    assert ask(bench, format="svg", **asked)["content"].decode() == svg
    for words in ("tx archive on ada", "(UTC)", "data until 09:59", "a point is 1 min", "Latency",
                  "Files over the limit, per minute", "limit 15 s", "total"):  # fmt: skip
        assert words in svg, words
    for number in range(2):  # before and behind the silent hour, never across
        assert f'id="mean-files-0-{number}"' in svg
    assert 'id="mean-files-0-2"' not in svg
    png = ask(bench, **asked)
    assert png["content"].startswith(b"\x89PNG")
    assert png["media_type"] == "image/png"
    assert png["name"] == "all_archive_2026-01-01T1400_all_14h_all_all.png"
    french = ask(bench, format="svg", language="fr", **asked)["content"].decode()
    assert "Latence" in french
    assert "données jusqu'à" in french


def test_the_usual_span_is_twelve_hours(bench):
    """Ledger S4-23: unless somebody says."""
    bench.post("log_lines", busy(DAY0, 13))
    slots, _ = table(bench, measures=["files"])
    starts = [row["slot_start"] for row in slots]
    assert starts == sorted(starts)
    assert len(slots) == 11 * 60
    assert all(one != other for one, other in pairwise(starts))


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"measures": ["speed"]}, "measures"),
        ({"kind": "up"}, "kind"),
        ({"kind": "rx", "measures": ["latency"]}, "measures"),
        ({"format": "gif"}, "format"),
        ({"hours": 0}, "hours"),
        ({"start": 5, "end": 5}, "end"),
        ({"language": "de"}, "language"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(bench, asked, word):
    """Ledger S4-28: errors say what to do."""
    with pytest.raises(InvalidRequestError, match=word):
        ask(bench, **asked)


def test_a_stream_nobody_knows_is_named_with_those_there_are(bench):
    """Ledger S4-28."""
    bench.post("log_lines", busy(DAY0, 13))
    with pytest.raises(NotFoundError, match="archive"):
        ask(bench, streams=["nobody"])
    bench.post(
        "log_lines",
        [line(NOW - 5, stream=f"s{at}", number=at) for at in range(30)],
    )
    with pytest.raises(InvalidRequestError, match="combine"):
        ask(bench, streams=["s*"])
