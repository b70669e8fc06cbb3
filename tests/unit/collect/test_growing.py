"""Logs that grow, rotate, are cut short, copied and misnamed give the rows of a one-shot read."""

import contextlib
import gzip
import random
import shutil

import pytest

from grange.collect.run import rewind
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.testing.facts import FARM
from tests.unit.collect.bench import HOUR, MINUTE, START, Machine, books, lines_of
from tests.unit.collect.lines import as_bytes, px_lines, slow_px

CLOCK_AT = Instant(START + 3 * HOUR)


def rings_and_slots(bench):
    """What rings and slots say of every minute of four hours, by its start."""
    bench.books.feed_rings()
    asked = {"farm_id": FARM, "since": START, "until": START + 4 * HOUR}
    told = bench.books.call("ring_rows", {**asked, "stream": "feed", "kind": "tx"})
    rings = {
        at: [
            [figures[place] for figures in source.values() if isinstance(figures, list)]
            for source in told["sources"]
        ]
        for place, at in enumerate(told["starts_at"])
    }
    slots = bench.books.call("stream_slots", {**asked, "kind": "tx"})
    return rings, {row["slot_at"]: row for row in slots["rows"]}


def at_once(tmp_path, data, name="tx_feed.log", machine="m1"):
    """The rows of one read of a whole log."""
    with books(tmp_path / "oracle") as bench:
        one = Machine(tmp_path / "oracle", machine, bench, VirtualClock(CLOCK_AT))
        one.append(name, data)
        one.collect(since=Instant(0))
        return lines_of(bench)


@pytest.mark.parametrize("seed", [1])
def test_a_log_that_grows_byte_by_byte_gives_the_rows_of_one_read(tmp_path, seed):
    """Ledger S4-03: appended between runs, in pieces down to one byte."""
    dice = random.Random(seed)
    data = as_bytes(px_lines(60, seed=seed))
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        place = 0
        while place < len(data):
            step = (
                1 if place < 150 or place > len(data) - 150 else dice.choice([1, 7, 90, 400, 800])
            )
            machine.append("tx_feed.log", data[place : place + step])
            place += step
            machine.collect(since=Instant(0))
        found = lines_of(bench)
    assert found == at_once(tmp_path, data)
    assert len(found) == len(slow_px(data, "tx"))


def test_pieces_of_any_size_give_the_same(tmp_path):
    """Ledger S4-03: a log is read in pieces; where they end does not show."""
    data = as_bytes(px_lines(80, seed=3))
    wanted = at_once(tmp_path, data)
    for size in (300, 777, 4096):
        with books(tmp_path / str(size)) as bench:
            machine = Machine(tmp_path / str(size), "m1", bench, VirtualClock(CLOCK_AT))
            machine.append("tx_feed.log", data)
            machine.collect(since=Instant(0), piece_bytes=size)
            assert lines_of(bench) == wanted


def test_rotation_between_and_during_rounds_loses_and_doubles_nothing(tmp_path):
    """Ledger S4-02, S4-03: renamed logs go on where they were read; the plain one is the newest."""
    lines = px_lines(240, seed=4)[:240]
    data = as_bytes(lines)
    wanted = {(row["at"], row["object_name"]) for row in slow_px(data, "tx")}
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        for number in range(8):
            part = lines[number * 30 : number * 30 + 30]
            machine.append("tx_feed.log", as_bytes(part[:20]))
            machine.collect(since=Instant(0))
            machine.append("tx_feed.log", as_bytes(part[20:]))  # read after the rotation only
            for old in range(7, 0, -1):
                path = machine.logs / f"tx_feed.log.{old}"
                if path.exists():
                    path.rename(machine.logs / f"tx_feed.log.{old + 1}")
            (machine.logs / "tx_feed.log").rename(machine.logs / "tx_feed.log.1")
        machine.collect(since=Instant(0))
        found = lines_of(bench)
    assert {(row["at"], row["object_name"]) for row in found} == wanted
    assert len(found) == len(slow_px(data, "tx"))


def test_rotated_logs_that_are_packed_are_not_read_twice_and_lose_nothing(tmp_path):
    """Ledger S4-02, S4-03: logrotate's `compress`; what was unread before is read from the copy."""
    lines = px_lines(240, seed=6)[:240]
    data = as_bytes(lines)
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        for number in range(8):
            part = lines[number * 30 : number * 30 + 30]
            machine.append("tx_feed.log", as_bytes(part[:20]))
            machine.collect(since=Instant(0))
            machine.append("tx_feed.log", as_bytes(part[20:]))
            for old in range(7, 0, -1):
                path = machine.logs / f"tx_feed.log.{old}.gz"
                if path.exists():
                    path.rename(machine.logs / f"tx_feed.log.{old + 1}.gz")
            log = machine.logs / "tx_feed.log"
            (machine.logs / "tx_feed.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
            log.unlink()
        machine.collect(since=Instant(0))
        assert machine.collect(since=Instant(0)).streams[0].rows == 0
        found = lines_of(bench)
    wanted = slow_px(data, "tx")
    assert {(row["at"], row["object_name"]) for row in found} == {
        (row["at"], row["object_name"]) for row in wanted
    }
    assert len(found) == len(wanted)


def test_a_packed_log_is_read_from_nothing_in_pieces_of_any_size(tmp_path):
    """Ledger S4-03: a collector that comes late finds only packed logs, also of several members."""
    data = as_bytes(px_lines(120, seed=8))
    wanted = at_once(tmp_path, data)
    half = data.index(b"\n", len(data) // 2) - 7  # in the middle of a line
    packed = gzip.compress(data[:half]) + gzip.compress(data[half:])
    for size in (300, 4096, 1 << 20):
        with books(tmp_path / str(size)) as bench:
            machine = Machine(tmp_path / str(size), "m1", bench, VirtualClock(CLOCK_AT))
            machine.append("tx_feed.log.3.gz", packed)
            machine.collect(since=Instant(0), piece_bytes=size)
            assert lines_of(bench) == wanted


def test_a_log_that_is_being_packed_is_read_where_it_still_is(tmp_path):
    """Ledger S4-03: packing takes a while; the log goes when its packed copy is whole."""
    lines = px_lines(90, seed=9)
    whole = gzip.compress(as_bytes(lines))
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        machine.append("tx_feed.log.1", as_bytes(lines[:60]))
        machine.collect(since=Instant(0))
        with (machine.logs / "tx_feed.log.1").open("ab") as log:
            log.write(as_bytes(lines[60:]))
        machine.append("tx_feed.log.1.gz", whole[: len(whole) // 2])
        machine.collect(since=Instant(0))
        (machine.logs / "tx_feed.log.1").unlink()
        machine.append("tx_feed.log.1.gz", whole[len(whole) // 2 :])
        machine.collect(since=Instant(0))
        assert len(lines_of(bench)) == len(slow_px(as_bytes(lines), "tx"))


def test_a_packed_log_that_is_damaged_gives_what_lies_before(tmp_path, caplog):
    """Ledger S4-03: the damage is said once, the other logs are read."""
    lines = px_lines(400, seed=10)
    packed = bytearray(gzip.compress(as_bytes(lines[:200])))
    packed[len(packed) // 2] ^= 255
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        machine.append("tx_feed.log.1.gz", bytes(packed))
        machine.append("tx_feed.log", as_bytes(lines[200:]))
        machine.collect(since=Instant(0))
        assert machine.collect(since=Instant(0)).streams[0].rows == 0
        found = {row["object_name"] for row in lines_of(bench)}
    assert {row["object_name"] for row in slow_px(as_bytes(lines[200:]), "tx")} <= found
    said = [record for record in caplog.records if getattr(record, "action", "") == "log_damaged"]
    assert said


def test_copied_and_emptied_logs_are_the_same_log_and_a_new_one(tmp_path):
    """Ledger S4-03: rotation by copy and truncation; a different first line begins at 0."""
    lines = px_lines(90, seed=5)
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        log = machine.logs / "tx_feed.log"
        machine.append(log.name, as_bytes(lines[:30]))
        machine.collect(since=Instant(0))
        shutil.copy(log, machine.logs / "tx_feed.log.1")
        machine.collect(since=Instant(0))  # both are there: one log
        log.write_bytes(as_bytes(lines[30:60]))
        machine.collect(since=Instant(0))
        machine.append(log.name, as_bytes(lines[60:]))
        machine.collect(since=Instant(0))
        found = lines_of(bench)
    assert len(found) == len(slow_px(as_bytes(lines), "tx"))


def test_of_copies_of_a_log_the_longest_is_read_once(tmp_path):
    """Ledger S4-03: a copy that lies beside a log that goes on growing is the same log."""
    lines = px_lines(200, seed=14)
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        for number in range(3):
            machine.append("tx_feed.log", as_bytes(lines[number * 30 : number * 30 + 30]))
            shutil.copy(machine.logs / "tx_feed.log", machine.logs / f"tx_feed.log.{number}")
            machine.append("tx_feed.log", as_bytes(lines[150 + number * 10 : 160 + number * 10]))
            machine.collect(since=Instant(0))
            assert machine.collect(since=Instant(0)).streams[0].rows == 0
            wanted = slow_px((machine.logs / "tx_feed.log").read_bytes(), "tx")
            assert len(lines_of(bench)) == len(wanted)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_to_logs_of_three_machines_the_lines_are_those_of_one_read(tmp_path, seed):
    """Ledger S4-03, S4-13: grown, rotated, copied, cut short, split; answers lost; hours sealed."""
    dice = random.Random(seed)
    lines = [line for line in px_lines(300, seed=seed + 40) if line.startswith("20")]
    with books(tmp_path) as bench:
        clock = VirtualClock(CLOCK_AT)
        machines = [Machine(tmp_path, f"m{number}", bench, clock) for number in range(3)]
        told: dict[str, list[str]] = {machine.name: [] for machine in machines}
        waiting = {machine.name: lines[n::3] for n, machine in enumerate(machines)}
        halves = dict.fromkeys(told, b"")
        rotated = dict.fromkeys(told, 0)
        while any(waiting.values()):
            machine = dice.choice(machines)
            name, log = machine.name, machine.logs / "tx_feed.log"
            deed = dice.choice(["write", "write", "write", "half", "rotate", "copy", "cut", "lose"])
            if deed in {"write", "half"} and waiting[name]:
                count = dice.randrange(1, 12)
                some, waiting[name] = waiting[name][:count], waiting[name][count:]
                data = halves[name] + as_bytes(some)
                split = dice.randrange(len(data)) if deed == "half" else len(data)
                machine.append(log.name, data[:split])
                halves[name] = data[split:]
                told[name] += some
            elif halves[name] or not log.exists():
                continue
            elif deed in {"rotate", "copy"}:
                rotated[name] += 1
                target = machine.logs / f"tx_feed.log.{rotated[name]}"
                if deed == "rotate":
                    log.rename(target)
                else:
                    shutil.copy(log, target)
                    log.write_bytes(b"")
            elif deed == "cut":
                machine.collect(since=Instant(0))
                held = log.read_bytes().splitlines(keepends=True)
                log.write_bytes(b"".join(held[: max(1, len(held) // 2)]))
            elif deed == "lose":
                machine.sender.fail_after = 0
                with contextlib.suppress(ConnectionError):
                    machine.collect(since=Instant(0))
                machine.sender.fail_after = -1
            if dice.random() < 0.5:
                machine.collect(since=Instant(0), piece_bytes=dice.choice([500, 4096, None]))
            if dice.random() < 0.1:
                bench.books.seal(force=True)
        for machine in machines:
            machine.append("tx_feed.log", halves[machine.name])
            machine.collect(since=Instant(0))
        bench.books.seal(force=True)
        found = lines_of(bench)
    keys = ("at", "object_name", "bytes", "error", "latency_ms", "product")
    for name, own in told.items():
        wanted = slow_px(as_bytes(own), "tx")
        assert sorted(
            str([row[key] for key in keys]) for row in found if row["machine"] == name
        ) == (sorted(str([row[key] for key in keys]) for row in wanted))


@pytest.mark.parametrize("kept", [25, 5, 1])
def test_a_log_cut_short_and_written_on_keeps_what_was_read_and_adds_the_rest(tmp_path, kept):
    """Ledger S4-03: truncation in the middle, also where the log has outgrown its former size."""
    lines = px_lines(120, seed=6)
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        log = machine.logs / "tx_feed.log"
        machine.append(log.name, as_bytes(lines[:50]))
        machine.collect(since=Instant(0))
        for part in (lines[50:60], lines[60:]):
            log.write_bytes(as_bytes(lines[:kept]) + as_bytes(part))
            machine.collect(since=Instant(0))
        found = lines_of(bench)
    wanted = slow_px(as_bytes(lines), "tx")
    assert [row["at"] for row in found] == sorted(row["at"] for row in wanted)


def test_a_misnamed_log_is_read_for_what_is_in_it(tmp_path):
    """Ledger S4-02: a date in a name says nothing; rows lie where their lines say."""
    data = as_bytes(px_lines(40, seed=7))
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        machine.append("tx_feed.log.2019-01-01", data)
        machine.append("rx_feed.log", as_bytes(px_lines(40, seed=8, kind="rx")))
        machine.collect(since=Instant(0))
        found = lines_of(bench)
    assert {row["kind"] for row in found} == {"rx", "tx"}
    sent = [row["at"] for row in found if row["kind"] == "tx"]
    assert sent == [row["at"] for row in slow_px(data, "tx")]


def test_three_days_without_a_round_are_as_if_there_had_been_many(tmp_path):
    """Ledger S4-11: resumed after a pause; a stream nobody knows begins at the present hour."""
    data = as_bytes(px_lines(400, seed=9, seconds=4 * 86_400))
    edges = [START + 86_400_000 * day for day in (1, 4)]
    found = []
    for name, stops in (("paused", edges), ("steady", range(START, edges[1] + 1, 6 * HOUR))):
        with books(tmp_path / name) as bench:
            clock = VirtualClock(Instant(START))
            machine = Machine(tmp_path / name, "m1", bench, clock)
            machine.append("tx_feed.log", data)
            for stop in stops:
                clock.advance((stop - clock.now()) / 1000)
                machine.collect(since=Instant(0), until=clock.now())
            found.append(lines_of(bench))
    assert found[0] == found[1]
    assert len(found[0]) == len(slow_px(data, "tx"))


def test_an_unknown_stream_begins_at_the_top_of_the_hour_unless_told(tmp_path):
    """Ledger S4-11: and what lies before stays out, also in later rounds."""
    data = as_bytes(px_lines(200, seed=10, seconds=3 * 3600))
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(Instant(START + 90 * MINUTE)))
        machine.append("tx_feed.log", data)
        machine.collect(until=Instant(START + 90 * MINUTE))
        machine.clock.advance(3600 * 3)
        machine.collect()
        found = [row["at"] for row in lines_of(bench)]
    assert found == [row["at"] for row in slow_px(data, "tx") if row["at"] >= START + HOUR]


def test_an_answer_that_was_lost_is_sent_again_and_counts_once(tmp_path):
    """Ledger S4-03: the cursor moves after the server has the lines; a repeat changes nothing."""
    data = as_bytes(px_lines(100, seed=11))
    with books(tmp_path) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(CLOCK_AT))
        machine.append("tx_feed.log", data)
        machine.sender.fail_after = 0
        with pytest.raises(ConnectionError):
            machine.collect(since=Instant(0))
        machine.sender.fail_after = -1
        machine.collect(since=Instant(0))
        bench.books.seal(force=True)
        assert lines_of(bench) == at_once(tmp_path, data)


def test_rewinding_repairs_exactly_the_hours_behind_it(tmp_path):
    """Ledger S4-30: a corrupted hour is repaired in lines, slots and rings; the rest stays."""
    data = as_bytes(px_lines(300, seed=12, seconds=4 * 3600))
    wanted = at_once(tmp_path, data)
    with books(tmp_path, at=START + 5 * HOUR) as bench:
        clock = VirtualClock(Instant(START + 5 * HOUR))
        machine = Machine(tmp_path, "m1", bench, clock)
        other = Machine(tmp_path, "m2", bench, clock)
        for one in (machine, other):
            one.append("tx_feed.log", data)
            one.collect(since=Instant(0))
        good = lines_of(bench, without=())
        bench.books.seal(force=True)
        told = rings_and_slots(bench)
        corrupt = [
            {**row, "bytes": row["bytes"] + 1}
            for row in good
            if START + HOUR <= row["at"] < START + 2 * HOUR and row["object_name"] is not None
        ]
        bench.books.replace(
            farm_id=good[0]["farm_id"], table="log_lines",
            start=START + HOUR, end=START + 2 * HOUR, rows=corrupt,
        )  # fmt: skip
        assert lines_of(bench, without=()) != good
        spoilt = rings_and_slots(bench)
        for before, after in zip(told, spoilt, strict=True):
            moved = [at for at in before if before[at] != after[at]]
            assert moved
            assert all(START + HOUR <= at <= START + 2 * HOUR for at in moved)
        planned = rewind(machine.cursors, Instant(START + HOUR), dry_run=True)
        assert [cursor.rewind_to for cursor in planned] == [START + HOUR]
        assert machine.collect().streams[0].replaced_from is None
        for one in (machine, other):
            rewind(one.cursors, Instant(START + HOUR + 20 * MINUTE), streams=["feed"])
            done = one.collect().streams[0]
            assert done.hours_replaced == 1
        assert lines_of(bench, without=()) == good
        assert rings_and_slots(bench) == told
        assert [row for row in lines_of(bench) if row["machine"] == "m1"] == wanted
        again = machine.collect()
        assert again.streams[0].rows == 0


def test_rewinding_further_than_the_logs_reach_keeps_what_was_collected(tmp_path):
    """Ledger S4-30: what no log holds any more is not thrown away."""
    lines = px_lines(200, seed=13, seconds=4 * 3600)
    with books(tmp_path, at=START + 5 * HOUR) as bench:
        machine = Machine(tmp_path, "m1", bench, VirtualClock(Instant(START + 5 * HOUR)))
        machine.append("tx_feed.log.1", as_bytes(lines[:110]))
        machine.append("tx_feed.log", as_bytes(lines[110:]))
        machine.collect(since=Instant(0))
        good = lines_of(bench)
        (machine.logs / "tx_feed.log.1").unlink()
        rewind(machine.cursors, Instant(START))
        machine.collect()
        assert lines_of(bench) == good
