"""What a data logger keeps, forgets and survives, with time standing still."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.sensors import HostSensors
from grange.adapters.rings.files import RingFile
from grange.books.values.sources import parse_source
from grange.datalog.inbox import Connected, Inbox
from grange.datalog.redelivery import Redelivery, digest
from grange.datalog.timers import Timers
from grange.datalog.tuning import Tuning
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnreachableError,
)
from grange.ports.host import SensorReading
from tests.unit.datalog.bench import T0, Bench, series


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.add(series("rack1", 2))
    return made


def ring_rows(bench: Bench, name: str = "rack1", count: int = 5) -> list[list[Any]]:
    """The first rows of a series' file, read with the ring's own reader."""
    ring = RingFile(bench.cache.path(name))
    found = ring.rows(0, T0 // 1000 // 300, count)[:, :, 0].tolist()
    ring.close()
    return [["U" if value != value else value for value in row] for row in found]  # noqa: PLR0124


# ── series ─────────────────────────────────────────────────────────────────────────────────────


def test_a_second_series_of_one_name_is_refused(bench: Bench):
    """Ledger S3-01: duplicate refused; the same once more changes nothing (S3-16)."""
    assert bench.do(lambda: bench.keeper.add_series(series("rack1", 2))) is False
    for other in (series("rack1", 3), series("rack1", 2, step=60)):
        with pytest.raises(ConflictError, match="rack1"):
            bench.do(lambda other=other: bench.keeper.add_series(other))
    assert [one.name for one in bench.cache.index()] == ["rack1"]


def test_many_add_at_once_and_each_series_is_there_once(tmp_path: Path):
    """Ledger S3-16: the index takes concurrent adds; adding again is harmless."""
    bench = Bench(tmp_path)
    worker = threading.Thread(target=bench.keeper.run, daemon=True)
    worker.start()
    names = [f"s{number:02}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda name: bench.logger.add_series(series(name)), names * 4))
    bench.logger.inbox.close()
    worker.join(100)
    assert sum(added) == len(names)
    assert [one.name for one in bench.cache.index()] == names
    assert not bench.cache.missing_files()


def test_a_removed_series_is_gone_with_its_file_and_stays_gone(bench: Bench):
    """Ledger S3-15: cache and file are deleted."""
    bench.say({"0": 1, "1": 2})
    path = bench.cache.path("rack1")
    assert path.is_file()
    bench.do(lambda: bench.keeper.remove_series("rack1"))
    assert not path.exists()
    assert bench.cache.counts()["values_cached"] == 0
    with pytest.raises(NotFoundError):
        bench.do(lambda: bench.keeper.remove_series("rack1"))
    assert bench.again().cache.all_series() == []


def test_labels_are_looked_up_by_index_and_a_new_name_shows(bench: Bench):
    """Ledger S3-23: rename shows."""
    assert bench.cache.label("rack1", 1) == "label 1"
    renamed = series("rack1", 2)
    sources = (renamed.sources[0], parse_source("rack1|value|1|GAUGE|front door"))
    bench.say({"0": 1, "1": 2})
    bench.add(type(renamed)(name="rack1", sources=sources))
    assert bench.cache.label("rack1", 1) == "front door"
    assert bench.rows() == [(0, (1.0, 2.0))], "nothing is lost by it"
    with pytest.raises(NotFoundError):
        bench.cache.label("rack1", 2)


def test_a_silent_series_leaves_cache_and_index_and_its_file_stays(bench: Bench):
    """Ledger S3-14: no value for 86,400 s; a value brings it back."""
    bench.add(series("alive", 1))
    bench.say({"0": 1, "1": 2})
    bench.clock.advance(86_400)
    bench.say(3, "alive/value")
    assert bench.logger.retire() == [], "exactly the time is not longer than it"
    bench.clock.advance(1)
    assert bench.logger.retire() == ["rack1"]
    assert [one.name for one in bench.cache.index()] == ["alive"]
    assert bench.rows() == []
    assert bench.cache.path("rack1").is_file()
    counts = bench.cache.counts()
    assert (counts["series"], counts["series_retired"], counts["series_cached"]) == (1, 1, 1)
    bench.say({"0": 5})
    assert [one.name for one in bench.cache.index()] == ["alive", "rack1"]


# ── rows and files ─────────────────────────────────────────────────────────────────────────────


def test_the_latest_value_of_a_row_goes_to_the_file_and_gaps_are_unknown(bench: Bench):
    """Ledger S3-09, S3-10, S3-11: two puts, one kept; a gap's rows are unknown."""
    bench.say({"0": 1, "1": 10})
    bench.clock.advance(100)
    bench.say({"0": 2})
    bench.clock.advance(800)
    bench.say({"0": 4, "1": 40})
    assert bench.logger.flush("rack1") == 3
    assert ring_rows(bench) == [[2.0, 10.0], ["U", "U"], ["U", "U"], ["U", "U"], ["U", "U"]]
    assert bench.rows() == [(900, (4.0, 40.0))], "the newest row stays"
    bench.clock.advance(301)
    bench.logger.rotate()
    assert bench.logger.flush() == 1
    assert ring_rows(bench)[3] == [4.0, 40.0]
    assert bench.logger.flush() == 0, "what is in the file is not put in again"


def test_rows_go_by_themselves_when_the_oldest_is_an_hour_old(bench: Bench):
    """Ledger S3-11: automatic when the oldest row is older than the cache's time."""
    bench.say({"0": 1, "1": 1})
    bench.clock.advance(400)
    bench.say({"0": 2, "1": 2})
    bench.clock.advance(3200)
    assert bench.cache.flush_due(bench.clock.now()) == 0
    assert bench.cache.due(bench.clock.now()) == []
    bench.clock.advance(1)
    assert bench.cache.due(bench.clock.now()) == [("rack1", "value", 0), ("rack1", "value", 1)]
    assert bench.cache.flush_due(bench.clock.now()) == 1
    assert ring_rows(bench)[0] == [1.0, 1.0]


def test_counts_are_exact(bench: Bench):
    """Ledger S3-18: series cached and values cached, each what its name says."""
    bench.add(series("rack2", 3))
    bench.say({"0": 1, "1": 2})
    bench.clock.advance(300)
    bench.say({"1": 2})
    bench.say({"0": 2}, "nobody/value")
    bench.say(b"no json")
    counts = bench.logger.counts()
    assert (counts["series"], counts["series_cached"]) == (2, 1)
    assert (counts["rows_cached"], counts["values_cached"]) == (2, 3)
    received = counts["received"]
    assert (received["messages"], received["values"]) == (4, 3)
    assert (received["unknown_values"], received["unreadable"]) == (1, 1)
    assert bench.cache.cached() == [("rack1", "value", 0), ("rack1", "value", 1)]  # S3-26


# ── nothing is lost, nothing counts twice ──────────────────────────────────────────────────────


def test_what_was_acknowledged_is_there_after_kill_9(bench: Bench):
    """Ledger S3-13, S3-11: durable before the acknowledgement, restored at the start."""
    bench.say({"0": 1, "1": 10})
    bench.clock.advance(400)
    bench.say({"0": 2, "1": 20})
    assert bench.feed.packets == [1, 2]
    after = bench.again()
    assert after.rows() == [(0, (1.0, 10.0)), (300, (2.0, 20.0))]
    assert after.logger.flush() == 1
    assert ring_rows(after)[0] == [1.0, 10.0]
    again = after.again()  # killed after the flush: the file has the row already
    again.clock.advance(300)
    again.logger.rotate()
    assert again.logger.flush() == 1
    assert ring_rows(again)[:2] == [[1.0, 10.0], [2.0, 20.0]]


def test_after_a_dump_only_what_is_newer_is_read_again(bench: Bench):
    """Ledger S3-13: the memory goes to the log now and then; older files of the log may go."""
    bench.say({"0": 1, "1": 10})
    bench.do(bench.keeper.checkpoint)
    first = bench.keeper.checkpoint_sequence
    bench.say({"1": 11})
    assert first > 0
    after = bench.again()
    assert after.keeper.checkpoint_sequence == first
    assert after.rows() == [(0, (1.0, 11.0))]
    after.say({"0": 1}, packet=1, repeated=True)
    assert after.keeper.counts.repeats == 0, "another message under that id is no repeat"
    after.say({"0": 1, "1": 10}, packet=1, repeated=True)
    assert after.keeper.counts.repeats == 0, "and now it has taken over the id"


def test_a_repeat_of_a_kept_packet_is_dropped_and_acknowledged(bench: Bench):
    """Ledger S3-21, S3-13: redelivery is dropped by (session, packet id), also after kill -9."""
    bench.connect(session_present=False)
    bench.say({"0": 1}, packet=7)
    after = bench.again()
    after.connect(session_present=True)
    after.say({"0": 1}, packet=7, repeated=True)
    assert (after.keeper.counts.repeats, after.keeper.counts.values) == (1, 0)
    assert after.feed.packets == [7]


def test_a_packet_id_means_nothing_in_another_session_or_under_another_message(bench: Bench):
    """Ledger S3-13: what is no repeat is kept, whatever its packet id."""
    bench.connect(session_present=False)
    bench.say({"0": 1}, packet=7)
    bench.say({"0": 1}, packet=7)  # the broker uses the id again for a new message
    assert bench.keeper.counts.values == 2
    bench.say({"0": 2}, packet=7, repeated=True)  # one that we never heard the first time
    assert bench.keeper.counts.values == 3
    after = bench.again()
    after.connect(session_present=False)
    after.say({"0": 2}, packet=7, repeated=True)
    assert (after.keeper.counts.repeats, after.keeper.counts.values) == (0, 1)
    again = after.again()
    assert again.keeper._redelivery.session == 2


def test_only_as_many_packets_are_remembered_as_may_be_on_their_way(bench: Bench):
    memory = Redelivery(3)
    messages = [bench.message({"0": number}, packet=number + 1) for number in range(5)]
    memory.note([one.packet_id for one in messages], [digest(one) for one in messages])
    repeated = [one._replace(repeated=True) for one in messages]
    assert [memory.is_repeat(one, digest(one)) for one in repeated] == [False] * 2 + [True] * 3
    assert memory.snapshot()[0] == [3, 4, 5]


def test_values_of_one_millisecond_have_times_of_their_own(bench: Bench):
    sent: list[dict[str, Any]] = []

    def post(body: Any) -> dict[str, Any]:
        sent.append(dict(body))
        return {}

    bench.logger.forwarder._post = post
    bench.keeper.keep([bench.message({"0": number, "1": -number}) for number in range(5)])
    assert bench.logger.forwarder.forward_some()
    keys = list(zip(sent[0]["series"], sent[0]["sources"], sent[0]["at"], strict=True))
    assert len(set(keys)) == 10
    assert sent[0]["at"] == [T0 + number for number in range(5) for _ in range(2)]
    assert bench.rows() == [(0, (4.0, -4.0))]


def test_nothing_is_acknowledged_while_the_disk_is_full_and_nothing_is_lost(tmp_path: Path):
    """Ledger S3-13: a disk that takes nothing keeps the broker waiting."""
    full = threading.Event()
    waited: list[float] = []

    def write(descriptor: int, data: memoryview) -> int:
        if full.is_set():
            os.write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "no space")
        return os.write(descriptor, data)

    bench = Bench(tmp_path, write=write)
    bench.add(series("rack1", 1))
    bench.say(1)
    full.set()

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        assert bench.feed.packets == [1]
        assert "full" in bench.keeper.trouble
        assert not bench.logger.health()["healthy"]
        if len(waited) == 3:
            full.clear()
        return False

    bench.keeper._stop.wait = wait  # type: ignore[method-assign, assignment]
    bench.clock.advance(300)
    bench.say(2)
    assert bench.feed.packets == [1, 2]
    assert bench.again().rows() == [(0, (1.0,)), (300, (2.0,))]


def test_a_torn_end_of_the_log_is_cut_and_the_rest_is_read(bench: Bench):
    """Ledger S3-13: kill -9 in the middle of a write."""
    bench.say({"0": 1})
    bench.say({"0": 2})
    path = max((bench.folder / "log").glob("*.journal"))
    data = path.read_bytes()
    for cut in (len(data) - 1, len(data) - 20):
        path.write_bytes(data[:cut])
        after = bench.again()
        assert after.rows() == [(0, (1.0, None))]
        assert after.log.cut_bytes > 0
        after.say({"0": 3})
        bench = after.again()
        assert bench.rows() == [(0, (3.0, None))]
        for other in (bench.folder / "log").glob("*.journal"):
            if other != path:
                other.unlink()


# ── the way to the server ──────────────────────────────────────────────────────────────────────


def test_a_server_that_is_away_loses_nothing_and_gets_all_in_order(bench: Bench):
    """Ledger S3-13: values wait in the log; an answer that is lost brings them twice, same keys."""
    sent: list[dict[str, Any]] = []
    away = [True]

    def post(body: dict[str, Any]) -> dict[str, Any]:
        sent.append(body)
        if away[0]:
            raise UnreachableError("nobody there")
        return {"accepted": len(body["values"]), "refused": 0}

    bench.logger.forwarder._post = post  # type: ignore[assignment]
    for number in range(3):
        bench.say({"0": number})
    with pytest.raises(UnreachableError):
        bench.logger.forwarder.forward_some()
    after = bench.again(post=post)
    with pytest.raises(UnreachableError):
        after.logger.forwarder.forward_some()
    assert sent[0] == sent[1]
    away[0] = False
    assert after.logger.forwarder.forward_some()
    assert sent[2] == sent[0]
    assert sent[2]["values"] == [0.0, 1.0, 2.0]
    assert not after.logger.forwarder.forward_some()
    assert after.logger.counts()["waiting_records"] == 0
    more = after.again(post=post)
    assert not more.logger.forwarder.forward_some(), "how far the server has it is remembered"


def test_what_the_server_will_never_take_is_put_aside_and_the_rest_goes_on(bench: Bench):
    def post(body: dict[str, Any]) -> dict[str, Any]:
        raise InvalidRequestError("names must have 1 to 200 characters.")

    bench.logger.forwarder._post = post  # type: ignore[assignment]
    bench.say({"0": 1.25})
    assert bench.logger.forwarder.forward_some()
    (aside,) = bench.folder.glob("refused-*.json")
    assert b"1.25" in aside.read_bytes()
    assert bench.logger.forwarder.refused == 1


def test_files_of_the_log_go_when_neither_server_nor_logger_needs_them(tmp_path: Path):
    bench = Bench(tmp_path, post=lambda body: {}, roll_bytes=200)
    bench.add(series("rack1", 1))
    for number in range(20):
        bench.say(number)
    before = len(list((tmp_path / "log").glob("*.journal")))
    while bench.logger.forwarder.forward_some():
        pass
    assert len(list((tmp_path / "log").glob("*.journal"))) == before, "no dump yet"
    bench.do(bench.keeper.checkpoint)
    while bench.logger.forwarder.forward_some():
        pass
    left = len(list((tmp_path / "log").glob("*.journal")))
    assert left < before / 2
    assert bench.again().rows() == [(0, (19.0,))]


# ── never waiting ──────────────────────────────────────────────────────────────────────────────


def test_bringing_never_waits_and_what_finds_no_room_comes_again(bench: Bench):
    """Ledger S3-21: callbacks never block; what is turned away is not acknowledged."""
    inbox = Inbox(3)
    for number in range(5):
        inbox.deliver(bench.message(number))
    inbox.deliver(bench.message(9, qos=0))
    assert (inbox.waiting, inbox.turned_away, inbox.lost_messages) == (3, 3, 1)
    assert not inbox.wants_again(), "first room, then again"
    assert len(inbox.take(10, 0.0)) == 3
    assert inbox.wants_again()
    assert not inbox.wants_again()
    inbox.connected(1, session_present=True)
    assert inbox.take(10, 0.0) == [Connected(session_present=True)]


def test_retained_messages_are_old_values_and_are_not_logged(bench: Bench):
    bench.say({"0": 1}, retained=True)
    assert bench.keeper.counts.retained == 1
    assert bench.rows() == []
    assert bench.feed.packets == [1]


# ── settings ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"dirmask": "../up"},
        {"dirmask": "/etc"},
        {"dirmask": "a/../../b"},
        {"dirmask": ".hidden"},
        {"filemask": "../{series}.ring"},
        {"filemask": "{series}/../../x.ring"},
        {"filemask": "one.ring"},
        {"filemask": "{other}{series}.ring"},
        {"cache_ttl_seconds": 0},
        {"cache_ttl_seconds": "soon"},
        {"colour": 1},
    ],
    ids=str,
)
def test_masks_that_lead_outside_and_settings_nobody_knows_are_refused(
    bench: Bench, changes: dict[str, int | str]
):
    """Ledger S3-22: traversal refused; S3-24: nothing is changed."""
    before = bench.cache.tuning
    with pytest.raises(InvalidRequestError):
        bench.do(lambda: bench.keeper.tune(changes))
    assert bench.cache.tuning == before


def test_a_link_out_of_the_folder_is_no_way_out(bench: Bench, tmp_path: Path):
    """Ledger S3-22."""
    outside = tmp_path / "outside"
    outside.mkdir()
    bench.logger.root.mkdir(exist_ok=True)
    (bench.logger.root / "out").symlink_to(outside)
    with pytest.raises(InvalidRequestError, match="outside"):
        bench.do(lambda: bench.keeper.tune({"dirmask": "out"}))


def test_settings_change_as_it_runs_and_nothing_is_lost(bench: Bench):
    """Ledger S3-24: TTLs and masks without a restart; files move with their masks (S3-22)."""
    bench.say({"0": 1, "1": 1})
    bench.clock.advance(301)
    bench.say({"0": 2, "1": 2})
    bench.logger.flush()
    before = bench.cache.path("rack1")
    bench.do(lambda: bench.keeper.tune({"cache_ttl_seconds": 10, "dirmask": "by/{series}"}))
    after = bench.cache.path("rack1")
    assert (before.exists(), after.exists()) == (False, True)
    assert after == bench.logger.root.resolve() / "by" / "rack1" / "rack1.ring"
    bench.clock.advance(301)
    bench.logger.rotate()
    assert bench.cache.flush_due(bench.clock.now()) == 1
    assert ring_rows(bench)[:2] == [[1.0, 1.0], [2.0, 2.0]]
    assert bench.again().cache.tuning.cache_ttl_seconds == 10, "it is remembered"


def test_what_the_settings_file_says_anew_holds_and_what_it_does_not_touch_stays(bench: Bench):
    """Ledger S3-24."""
    bench.do(lambda: bench.keeper.configure(Tuning()))
    bench.do(lambda: bench.keeper.tune({"cache_ttl_seconds": 10}))
    bench.do(lambda: bench.keeper.configure(Tuning(dead_ttl_seconds=50)))
    assert bench.cache.tuning == Tuning(cache_ttl_seconds=10, dead_ttl_seconds=50)
    after = bench.again()
    after.do(lambda: after.keeper.configure(Tuning(dead_ttl_seconds=50)))
    assert after.cache.tuning == Tuning(cache_ttl_seconds=10, dead_ttl_seconds=50)


def test_janitoos_own_masks_are_understood():
    """Ledger S3-22."""
    assert str(Tuning(dirmask="rrd", filemask="%(rrd_file)s.ring").place("a")) == "rrd/a.ring"


# ── timers, host, health ───────────────────────────────────────────────────────────────────────


def test_timers_are_stopped_and_started_by_name():
    """Ledger S3-26: timers startable and stoppable."""
    clock, done = VirtualClock(T0), []
    timers = Timers(clock)
    timers.add("flush", lambda: 10.0, lambda: done.append("flush"))
    timers.add("dump", lambda: 60.0, lambda: done.append("dump"))
    clock.advance(10)
    assert timers.tick() == ["flush"]
    timers.switch("flush", running=False)
    clock.advance(50)
    assert timers.tick() == ["dump"]
    timers.switch("flush", running=True)
    assert timers.tick() == [], "a started timer waits its period"
    clock.advance(10)
    assert timers.tick() == ["flush"]
    assert done == ["flush", "dump", "flush"]
    assert timers.state()["flush"] == {"running": True, "every_seconds": 10.0}
    with pytest.raises(NotFoundError):
        timers.switch("none", running=True)


def test_a_timer_that_fails_goes_on():
    clock, calls = VirtualClock(T0), []

    def act() -> None:
        calls.append(1)
        raise OSError(errno.EIO, "the disk")

    timers = Timers(clock)
    timers.add("flush", lambda: 1.0, act)
    for _ in range(3):
        clock.advance(1)
        timers.tick()
    assert len(calls) == 3


class _Sensors:
    def __init__(self, reading: SensorReading) -> None:
        self.reading = reading

    def read(self) -> SensorReading:
        return self.reading


def test_this_machines_own_values_are_logged_and_what_it_lacks_is_unknown(tmp_path: Path):
    """Ledger S3-25: temperature, frequency and voltage; unknown without a sensor."""
    found = SensorReading(temperature_celsius=41.5, frequency_mhz=2400.0, voltage_volts=None)
    bench = Bench(tmp_path, sensors=_Sensors(found))
    bench.add(*bench.logger._host_series())
    bench.logger.read_host()
    bench.drain()
    assert bench.cache.series("cellar-host").labels == ("temperature", "frequency", "voltage")
    assert bench.rows("cellar-host") == [(0, (41.5, 2400.0, None))]


def test_the_sensors_say_what_psutil_and_the_kernel_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ledger S3-25: equals psutil and sysfs."""
    import psutil

    card = tmp_path / "hwmon3"
    card.mkdir()
    (card / "in0_label").write_text("Vcore\n")
    (card / "in0_input").write_text("1184\n")
    (card / "in1_label").write_text("+3.3V\n")
    (card / "in1_input").write_text("3312\n")
    now = HostSensors(tmp_path).read()
    assert (now.frequency_mhz or 0) >= 0
    frequency = psutil.cpu_freq()
    heat = {"coretemp": [psutil._ntuples.shwtemp("Package", 41.5, 90.0, 100.0)]}
    monkeypatch.setattr(psutil, "cpu_freq", lambda: frequency)
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: heat, raising=False)
    found = HostSensors(tmp_path).read()
    assert found.frequency_mhz == (getattr(frequency, "current", None) or None)
    assert (found.voltage_volts, found.temperature_celsius) == (1.184, 41.5)
    assert HostSensors(tmp_path / "nothing").read().voltage_volts is None


def test_a_missing_file_is_not_healthy_and_a_flush_makes_it_anew(bench: Bench):
    """Ledger S3-20: store alive, file exists."""
    bench.logger._threads = [threading.current_thread()]
    assert bench.logger.health()["healthy"]
    bench.cache.path("rack1").unlink()
    found = bench.logger.health()
    assert not found["healthy"]
    assert found["problems"] == ["the file of rack1 is missing"]
    bench.say({"0": 1, "1": 1})
    bench.clock.advance(301)
    bench.logger.rotate()
    bench.logger.flush()
    assert bench.logger.health()["healthy"]
    assert ring_rows(bench)[0] == [1.0, 1.0]
    bench.logger._threads = [threading.Thread()]
    assert not bench.logger.health()["healthy"]
