"""What a watch is told by the books equals what plain Python finds in the same lines."""

import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.series import DataSource, DsType, Series
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.services.books.desk import Desk
from grange.services.streams.watching import Days, stream_watch
from grange.testing.books import BooksBench, books_bench
from grange.testing.facts import FARM, T0

FARM_ROW = Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")
START = T0 - T0 % MILLIS_PER_DAY
FIVE = 5 * MILLIS_PER_MINUTE


def line(at: int, number: int, *, stream: str = "feedA", error: bool = False) -> dict[str, Any]:
    return {
        "farm_id": FARM, "stream": stream, "kind": "tx", "machine": "px1", "at": at,
        "latency_ms": None if error else 1000 + number % 7, "bytes": 0 if error else number,
        "error": error, "product": None, "object_name": None, "log_file": "tx.log",
        "file_identity": stream, "offset": number,
    }  # fmt: skip


def lines() -> list[dict[str, Any]]:
    """Three days of two streams with gaps of every length, and errors here and there."""
    chance = random.Random(7)
    found = []
    for stream in ("feedA", "feedB"):
        at, number = START + chance.randrange(MILLIS_PER_HOUR), 0
        while at < START + 3 * MILLIS_PER_DAY:
            found.append(line(at, number, stream=stream, error=chance.random() < 0.1))
            number += 1
            at += chance.choice([1000, 40_000, 200_000, 299_999, 300_001, 900_000, 4_000_000])
    return found


def recomputed(rows: list[dict[str, Any]]) -> tuple[dict[Any, Any], list[Any]]:
    hours: dict[Any, Any] = defaultdict(lambda: [0, 0, 0])
    gaps = []
    for stream in ("feedA", "feedB"):
        mine = sorted((row for row in rows if row["stream"] == stream), key=lambda row: row["at"])
        bad = [row["at"] for row in mine if row["error"]]
        for row in mine:
            hour = hours[stream, row["at"] - row["at"] % MILLIS_PER_HOUR]
            hour[0] += 1
            hour[1] += row["error"]
            hour[2] += row["bytes"]
        for one, two in pairwise(mine):
            if two["at"] - one["at"] > FIVE:
                explained = any(one["at"] - FIVE <= at <= two["at"] + FIVE for at in bad)
                gaps.append((stream, one["at"], two["at"], explained))
    return dict(hours), sorted(gaps)


def told(bench: BooksBench, days: Days, gap_ms: int = FIVE) -> dict[str, Any]:
    return stream_watch(
        bench.books.desk, farm_id=FARM, since=START, until=START + 3 * MILLIS_PER_DAY,
        gap_ms=gap_ms, days=days,
    )  # fmt: skip


def test_hours_and_gaps_equal_those_found_line_by_line(tmp_path: Path):
    """Ledger S4-33: also for gaps over midnight; errors within 5 minutes explain a gap."""
    rows = lines()
    hours, gaps = recomputed(rows)
    assert any(start // MILLIS_PER_DAY != end // MILLIS_PER_DAY for _, start, end, _ in gaps)
    with books_bench(tmp_path, Instant(START + 4 * MILLIS_PER_DAY)) as bench:
        bench.put(FARM_ROW)
        bench.post("log_lines", rows)
        days = Days()
        answer = told(bench, days)
        assert {
            (row["stream"], row["hour_at"]): [row["lines"], row["errors"], row["byte_count"]]
            for row in answer["hours"]
        } == hours
        found = [(g["stream"], g["start_at"], g["end_at"], g["explained"]) for g in answer["gaps"]]
        assert found == gaps
        assert {row["stream"]: row["millis"] for row in answer["longest"]} == {
            stream: max(end - start for name, start, end, _ in gaps if name == stream)
            for stream in ("feedA", "feedB")
        }
        few = told(bench, days, gap_ms=1_000_000)["gaps"]
        assert [(g["stream"], g["start_at"]) for g in few] == [
            gap[:2] for gap in gaps if gap[2] - gap[1] > 1_000_000
        ]


def test_days_in_files_are_read_once_until_their_files_change(tmp_path: Path):
    """Ledger S4-15, S4-33: by content; a line that came late shows at once."""
    rows = lines()
    with books_bench(tmp_path, Instant(START + 4 * MILLIS_PER_DAY)) as bench:
        bench.put(FARM_ROW)
        bench.post("log_lines", rows)
        bench.travel(START + 4 * MILLIS_PER_DAY + 2 * MILLIS_PER_HOUR)
        bench.books.upkeep()
        days = Days()
        first = told(bench, days)
        asked = days.asked
        assert told(bench, days) == first
        assert days.asked == asked
        bench.post("log_lines", [line(START + 1, 10**6)])
        again = told(bench, days)
        assert days.asked == asked + 2
        assert sum(row["lines"] for row in again["hours"]) == len(rows) + 1


def test_hours_of_logged_values(tmp_path: Path):
    """Ledger S3-09, S4-33."""
    values = [
        {"farm_id": FARM, "series": "room", "source_index": 0, "at": START + 60_000 * n,
         "value": float(n), "logger": "hub", "sequence": n}
        for n in range(90)
    ]  # fmt: skip
    with books_bench(tmp_path, Instant(START + MILLIS_PER_DAY)) as bench:
        bench.put(FARM_ROW)
        bench.post("stream_values", values)
        rows = told(bench, Days())["values"]
        assert [(row["values"], row["least"], row["greatest"], row["mean"]) for row in rows] == [
            (60, 0.0, 59.0, 29.5),
            (30, 60.0, 89.0, 74.5),
        ]
        assert {(row["label"], row["heartbeat_seconds"]) for row in rows} == {("0", 600)}
        sources = (DataSource(index=0, label="celsius"),)
        series = Series(
            farm_id=FARM, name="room", heartbeat_seconds=90, sources=sources, archives=(),
            created_at=T0, created_by="t",
        )  # fmt: skip
        bench.put(series)
        rows = told(bench, Days())["values"]
        assert {(row["label"], row["heartbeat_seconds"]) for row in rows} == {("celsius", 90)}
        counter = DataSource(index=0, label="files", ds_type=DsType.COUNTER)
        bench.put(replace(series, sources=(counter,)))
        assert told(bench, Days())["values"] == []


def test_a_span_that_is_too_long_or_empty_is_refused(tmp_path: Path):
    with books_bench(tmp_path, Instant(START)) as bench:
        bench.put(FARM_ROW)
        desk: Desk = bench.books.desk
        for since, until in ((START, START), (START, START + 41 * MILLIS_PER_DAY)):
            with pytest.raises(InvalidRequestError):
                stream_watch(desk, farm_id=FARM, since=since, until=until, gap_ms=0)
