"""Slots of log streams are those that numpy computes from the lines."""

import fnmatch
import math
import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.books.streams.wildcards import any_of, as_regex
from grange.config.streams_collect import LogStream
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import InvalidRequestError, MetricMissingError
from grange.kernel.units import Instant
from grange.testing.facts import FARM, event_fact
from tests.unit.collect.bench import HOUR, MINUTE, START, Machine, books, lines_of
from tests.unit.collect.lines import as_bytes, px_lines, slow_px

SPAN = {"farm_id": FARM, "since": START, "until": START + 2 * HOUR}
CLOCK = Instant(START + 3 * HOUR)


def collected(folder, bench, parts, **stream):
    """Machines that have collected their logs: (machine, file name, bytes)."""
    machines = {}
    for name, file, data in parts:
        if name not in machines:
            machines[name] = Machine(folder, name, bench, VirtualClock(CLOCK))
            if stream:
                machines[name].streams = (LogStream(path=str(machines[name].logs / "*"), **stream),)
        machines[name].append(file, data)
    for machine in machines.values():
        machine.collect(since=Instant(0))
    return machines


def ask(bench, question="stream_slots", **arguments):
    return bench.books.call(question, {**SPAN, **arguments})


def figures(values):
    """What a slot says of its values."""
    return {
        "min": int(values.min()), "max": int(values.max()), "mean": float(values.mean()),
        "median": float(np.median(values)), "total": int(values.sum()), "count": len(values),
    }  # fmt: skip


def recomputed(rows, step=MINUTE, limit=15_000):
    """Slot → everything, from rows that were read line by line."""
    slots = defaultdict(list)
    for row in rows:
        slots[row["at"] - (row["at"] - START) % step].append(row)
    found = {}
    for at, some in slots.items():
        files = [row for row in some if not row["error"]]
        told = {
            "errors": {"total": len(some) - len(files)},
            "files": {"total": len(files)},
            "late": {"total": sum(row["latency_ms"] > limit for row in files)},
        }
        for name, column in (("latency", "latency_ms"), ("bytes", "bytes")):
            if not files:
                continue
            ordered = sorted(files, key=lambda row: row["at"])
            least = min(ordered, key=lambda row: row[column])
            most = max(ordered, key=lambda row: row[column])
            told[name] = figures(np.array([row[column] for row in files])) | {
                "least": {"at": least["at"], "object": least["object_name"]},
                "most": {"at": most["at"], "object": most["object_name"]},
            }
        found[at] = told
    return found


def assert_slot(row, wanted):
    for name, told in wanted.items():
        for key, value in told.items():
            if isinstance(value, float):
                assert math.isclose(row[name][key], value, rel_tol=1e-12), (name, key)
            else:
                assert row[name][key] == value, (name, key, row["slot_at"])


@pytest.mark.parametrize("step_seconds", [60, 600])
def test_every_figure_of_every_slot(tmp_path, step_seconds):
    """Ledger S4-06: least, most, mean, true median, total; extremes with file and time."""
    data = as_bytes(px_lines(900, seed=21, seconds=7100))
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)])
        answer = ask(bench, step_seconds=step_seconds)
    wanted = recomputed(slow_px(data, "tx"), step_seconds * 1000)
    assert len(answer["rows"]) == 7200 // step_seconds
    found = {row["slot_at"]: row for row in answer["rows"]}
    for at, told in wanted.items():
        assert_slot(found[at], told)
        assert found[at]["coverage_ms"] == step_seconds * 1000
    total = sum(row["files"]["total"] or 0 for row in answer["rows"])
    assert total == sum(told["files"]["total"] for told in wanted.values())
    assert total > 500


def test_errors_count_as_errors_only(tmp_path):
    """Ledger S4-05, S4-06, S4-09: an error is one error and no bytes; rx has no latency."""
    data = as_bytes(px_lines(300, seed=22, kind="rx"))
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "rx_feed.log", data)])
        rows = ask(bench, kind="rx", step_seconds=3600)["rows"]
    slow = slow_px(data, "rx")
    assert rows[0]["errors"]["total"] == sum(row["error"] for row in slow) > 0
    assert rows[0]["files"]["total"] == sum(not row["error"] for row in slow)
    assert rows[0]["bytes"]["total"] == sum(row["bytes"] for row in slow)
    assert rows[0]["latency"]["mean"] is None
    assert "total" in rows[0]["errors"]
    assert set(rows[0]["errors"]) == {"total"}


def test_late_is_more_than_the_limit(tmp_path):
    """Ledger S4-07: 15 s is not late, 16 s is; the limit is a setting."""
    data = as_bytes(px_lines(400, seed=23))
    slow = [row["latency_ms"] for row in slow_px(data, "tx") if not row["error"]]
    assert {15_000, 16_000} <= set(slow)
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)])
        for limit in (15.0, 14.999, 16):
            rows = ask(bench, step_seconds=3600, latency_limit_seconds=limit)["rows"]
            assert rows[0]["late"]["total"] == sum(one > limit * 1000 for one in slow)


@pytest.mark.parametrize("products", [["*WXB*"], ["SAXX31_????", "FPCN*"], ["[!S]*_CWAO*"], ["x"]])
def test_products_are_chosen_by_wildcards(tmp_path, products):
    """Ledger S4-08: as file names are; any span can be computed anew for some products."""
    data = as_bytes(px_lines(400, seed=24))
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)])
        rows = ask(bench, products=products, step_seconds=600)["rows"]
    wanted = [
        row for row in slow_px(data, "tx")
        if row["product"] and any(fnmatch.fnmatchcase(row["product"], one) for one in products)
    ]  # fmt: skip
    assert sum(row["files"]["total"] or 0 for row in rows) == len(wanted)
    slots = recomputed(wanted, 600_000)
    for row in rows:
        if row["slot_at"] in slots:
            assert_slot(row, slots[row["slot_at"]])


@given(st.text("ab[]!-^\\*?.", max_size=8), st.text("ab[]!-^\\*?.\n", max_size=6))
def test_wildcards_mean_what_file_names_mean(pattern, name):
    """Ledger S4-08: compared with fnmatch."""
    wanted = fnmatch.fnmatchcase(name, pattern)
    assert bool(re.fullmatch(as_regex(pattern), name)) == wanted
    assert bool(re.fullmatch(any_of([pattern, "zz*"]), name)) == wanted


def test_a_log_split_over_three_machines_is_the_whole(tmp_path):
    """Ledger S4-13: rows of machines are put together, then figures are computed; medians too."""
    lines = px_lines(600, seed=25)
    parts = [(f"m{number}", "tx_feed.log", as_bytes(lines[number::3])) for number in range(3)]
    lines = [line for line in lines if line.startswith("20")]
    answers = []
    for name, some in (("split", parts), ("whole", [("m0", "tx_feed.log", as_bytes(lines))])):
        with books(tmp_path / name) as bench:
            collected(tmp_path / name, bench, some)
            answer = ask(bench)
            answers.append(answer["rows"])
            missing = ask(bench, machines=["m0", "m9"])["missing"]
            assert missing == ["machine m9"]
            grouped = ask(bench, group="all of it")["rows"]
            strip = [{**row, "stream": "", "kind": ""} for row in answer["rows"]]
            assert [{**row, "stream": "", "kind": ""} for row in grouped] == strip
    assert answers[0] == answers[1]
    assert sum(row["files"]["total"] or 0 for row in answers[0]) > 300


def test_spans_and_widths_that_do_not_fit_are_refused(tmp_path):
    """Ledger S4-13: what cannot be put together is refused, not guessed."""
    with books(tmp_path) as bench:
        for wrong in ({"until": START}, {"step_seconds": 0.1}, {"measures": ["speed"]}):
            with pytest.raises(InvalidRequestError):
                ask(bench, **wrong)


def test_a_missing_hour_is_empty_slots_and_empty_is_not_zero(tmp_path):
    """Ledger S4-14: 24 hours make a day; 60 slots of an hour without lines are unknown."""
    hours = [hour for hour in range(24) if hour != 7]
    parts = [
        px_lines(20, seed=hour, start=_later(hour), seconds=3500) for hour in hours
    ]  # fmt: skip
    data = as_bytes([line for part in parts for line in part])
    with books(tmp_path, at=START + 26 * HOUR) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)])
        day = ask(bench, until=START + 24 * HOUR)["rows"]
        bench.books.seal(force=True)
        assert ask(bench, until=START + 24 * HOUR)["rows"] == day
        whole = ask(bench, until=START + 24 * HOUR, step_seconds=86_400)["rows"]
        hourly = [
            row
            for hour in range(24)
            for row in ask(bench, since=START + hour * HOUR, until=START + (hour + 1) * HOUR)[
                "rows"
            ]
        ]
    assert len(day) == 24 * 60
    empty = [row for row in day if row["coverage_ms"] == 0]
    assert [row["slot_at"] for row in empty[:60]] == [
        START + 7 * HOUR + minute * MINUTE for minute in range(60)
    ]
    assert all(row["files"]["total"] is None and row["bytes"]["mean"] is None for row in empty)
    known = [row for row in day if row["coverage_ms"] and not row["files"]["total"]]
    assert known
    assert known[0]["bytes"]["total"] == 0
    assert [row for row in day if row["coverage_ms"]] == [
        row for row in hourly if row["coverage_ms"]
    ]
    (row,) = whole
    assert row["files"]["total"] == sum(one["files"]["total"] or 0 for one in day)
    assert row["bytes"]["total"] == sum(one["bytes"]["total"] or 0 for one in day)
    assert row["coverage_ms"] == 23 * HOUR


def _later(hours):
    from datetime import timedelta

    from tests.unit.collect.lines import T0

    return T0 + timedelta(hours=hours)


def test_a_subset_of_metrics_is_collected_and_the_rest_cannot_be_asked_for(tmp_path):
    """Ledger S4-12: an absent metric raises; it never looks like nothing happened."""
    data = as_bytes(px_lines(200, seed=26))
    slow = slow_px(data, "tx")
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)], metrics=("bytes",))
        rows = lines_of(bench)
        assert len(rows) == sum(not row["error"] for row in slow)
        assert {row["latency_ms"] for row in rows} == {None}
        found = ask(bench, step_seconds=3600)
        assert found["measures"] == ["bytes", "files"]
        assert found["rows"][0]["bytes"]["total"] == sum(row["bytes"] for row in slow)
        for measure in ("latency", "errors", "late"):
            with pytest.raises(MetricMissingError, match=f"{measure} is not collected of feed"):
                ask(bench, measures=[measure])


def test_hours_are_addressed_and_their_content_is_hashed(tmp_path):
    """Ledger S4-10, S4-15: touched or renamed logs have the same hash; an edited line another."""
    lines = px_lines(120, seed=27, seconds=7000)
    with books(tmp_path) as bench:
        machine = collected(tmp_path, bench, [("m1", "tx_feed.log", as_bytes(lines))])["m1"]
        before = ask(bench, "stream_hours")["hours"]
        address = ("stream", "kind", "machine", "start_at")
        assert [tuple(row[name] for name in address) for row in before] == [
            ("feed", "tx", "m1", START),
            ("feed", "tx", "m1", START + HOUR),
        ]
        bench.books.seal(force=True)
        files = [row for row in bench.books.shelf.files() if row.table_name == "log_lines"]
        assert [(row.start_at, row.end_at) for row in files] == [
            (START, START + HOUR), (START + HOUR, START + 2 * HOUR),
        ]  # fmt: skip
        for file in files:
            held = bench.books.shelf.blocks.read(file.path).to_pylist()
            places = [(row["stream"], row["kind"], row["machine"], row["at"]) for row in held]
            assert places == sorted(places)
        (machine.logs / "tx_feed.log").touch()
        machine.collect()
        assert ask(bench, "stream_hours")["hours"] == before
    with books(tmp_path / "b") as bench:
        edited = [line.replace(" Bytes", "0 Bytes") if n == 3 else line
                  for n, line in enumerate(lines)]  # fmt: skip
        collected(tmp_path / "b", bench, [("m1", "tx_other.log.7", as_bytes(lines))], name="feed")
        assert ask(bench, "stream_hours")["hours"] == before
        collected(tmp_path / "c", bench, [("m2", "tx_feed.log", as_bytes(edited))])
        other = [row for row in ask(bench, "stream_hours")["hours"] if row["machine"] == "m2"]
        assert other[0]["content"] != before[0]["content"]
        assert other[0]["lines"] == before[0]["lines"]


def test_lines_are_kept_21_days(tmp_path):
    """Ledger S4-36: by default; whole hours go."""
    data = as_bytes(px_lines(30, seed=28))
    with books(tmp_path) as bench:
        collected(tmp_path, bench, [("m1", "tx_feed.log", data)])
        bench.keep(event_fact("event-1", Instant(START), "worker_status"))  # kept for ever
        bench.travel(START + 5 * HOUR)
        bench.books.upkeep()
        assert lines_of(bench)
        bench.travel(START + 20 * 24 * HOUR)
        bench.books.upkeep()
        assert lines_of(bench)
        bench.travel(START + 23 * 24 * HOUR)
        bench.books.upkeep()
        assert lines_of(bench) == []
