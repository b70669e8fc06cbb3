"""Graphs that reach further back than lines are kept are read from rings, and go on to now."""

import csv
import io

import pytest

from grange.books.graphs.measures import MEASURES
from grange.domain.farm import Farm
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0
from tests.unit.streams.log_facts import busy, line

DAY0 = Instant(T0 - T0 % MILLIS_PER_DAY)
START = DAY0 - 9 * MILLIS_PER_DAY
NOW = Instant(DAY0 + 14 * MILLIS_PER_HOUR)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, NOW) as made:
        made.put(Farm(farm_id=FARM, name="Studio", zone="UTC", created_at=DAY0, created_by="ann"))
        yield made


def table(bench, **asked):
    answer = bench.books.call("stream_picture", {"farm_id": FARM, "format": "csv", **asked})
    rows = list(csv.DictReader(io.StringIO(answer["content"].decode())))
    return {(row["stream"], row["measure"], row["slot_start"]): row for row in rows}


def close(one, other):
    assert one.keys() == other.keys()
    for key, row in one.items():
        for name in ("min", "mean", "max", "total"):
            if other[key][name] and row[name]:
                found = float(other[key][name])
                assert float(row[name]) == pytest.approx(found, rel=1e-9), (key, name)
            else:
                assert row[name] == other[key][name], (key, name)


def test_rings_say_what_lines_say_and_lines_what_came_since(bench):
    """Ledger S4-24, S4-39: the same numbers, sums exact, the last minute included."""
    rows = busy(START, 9 * 24 + 13, per_minute=0.5, silent_hours=(30, 31, 100))
    bench.post("log_lines", rows)
    asked = {"start": START, "end": NOW}
    lines = table(bench, **asked)
    bench.books.call("feed_rings", {})
    rings = table(bench, **asked)
    close(rings, lines)
    for measure in ("bytes", "files", "errors", "late"):
        total = int(rings["archive", measure, "all"]["total"])
        assert total == sum(
            {
                "bytes": row["bytes"],
                "files": not row["error"],
                "errors": row["error"],
                "late": (row["latency_ms"] or 0) > 15_000,
            }[measure]
            for row in rows
        )
    bench.post("log_lines", [line(NOW - 60_000, number=99_999, bytes=12_345)])
    after = table(bench, **asked)
    for measure, more in (("bytes", 12_345), ("files", 1)):
        before = int(rings["archive", measure, "all"]["total"])
        assert int(after["archive", measure, "all"]["total"]) == before + more


@pytest.mark.parametrize("minutes", [60, 90])
def test_a_span_that_begins_inside_a_row_counts_only_what_is_in_it(bench, minutes):
    """Ledger S4-24: a year begins at midnight of its zone, rows of a day at midnight of UTC."""
    rows = busy(START, 9 * 24 + 13, per_minute=0.5)
    bench.post("log_lines", rows)
    bench.books.call("feed_rings", {})
    cut = START + 3 * MILLIS_PER_DAY - minutes * 60_000
    parts = [{"start": START, "end": cut}, {"start": cut, "end": NOW}]
    for measure, counted in (("files", False), ("errors", True)):
        totals = [int(table(bench, **part)["archive", measure, "all"]["total"]) for part in parts]
        assert totals == [
            sum(row["error"] is counted for row in rows if part["start"] <= row["at"] < part["end"])
            for part in parts
        ]


def test_two_streams_of_rings_add_up(bench):
    """Ledger S4-24: totals across streams."""
    one = busy(START, 9 * 24, per_minute=0.3, stream="a")
    two = busy(START, 9 * 24, per_minute=0.4, stream="b", machine="bob", seed=9)
    bench.post("log_lines", one)
    bench.post("log_lines", two)
    bench.books.call("feed_rings", {})
    found = table(bench, start=START, end=NOW, combine=True, name="both")
    assert int(found["both", "bytes", "all"]["total"]) == sum(row["bytes"] for row in one + two)
    latencies = [row["latency_ms"] for row in one + two if row["latency_ms"] is not None]
    assert float(found["both", "latency", "all"]["mean"]) == pytest.approx(
        sum(latencies) / len(latencies) / 1000
    )
    assert float(found["both", "latency", "all"]["max"]) == max(latencies) / 1000


def test_a_measure_that_is_not_collected_is_refused_by_name_and_left_out_else(bench):
    """Ledger S4-12: absent metrics are not drawn."""
    from grange.kernel.errors import MetricMissingError

    rows = [{**row, "metrics": "bytes,errors"} for row in busy(DAY0, 4)]
    bench.post("log_lines", rows)
    shown = {measure for _, measure, _ in table(bench, start=DAY0, end=NOW)}
    assert shown == {"bytes", "files", "errors"}
    with pytest.raises(MetricMissingError, match="latency"):
        table(bench, start=DAY0, end=NOW, measures=["latency"])
    assert set(MEASURES) > shown
