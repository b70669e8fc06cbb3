"""A data logger on a real broker: shapes of payloads, both protocols, nothing lost."""

import gc
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grange.config.streams_datalog import DatalogSection, DatalogSeries
from grange.datalog.program import DataLogger
from grange.wiring.datalog import running_datalog
from tests.datalog.broker import Broker, wait_until

pytestmark = pytest.mark.mosquitto


def section(tmp_path: Path, broker: Broker, **changes: Any) -> DatalogSection:
    return DatalogSection(
        **{
            "name": "cellar",
            "folder": str(tmp_path / "logger"),
            "broker": "127.0.0.1",
            "port": broker.port,
            "topics": ("studio/#", "/values/#"),
            "http_port": 0,
            "series": (
                DatalogSeries(
                    name="rack1",
                    step_seconds=10**9,  # no step ends before 2033
                    sources=(
                        "studio/rack1|power|0|GAUGE|power",
                        "studio/rack1|power|1|GAUGE|more power",
                        "0001/0002|temp|0|GAUGE|temperature",
                    ),
                ),
            ),
            **changes,
        }
    )


def connected(logger: DataLogger, broker: Broker, subscriptions: int = 1) -> None:
    wait_until(lambda: logger.inbox.connected_now, seconds=100, what="the broker is reached")
    wait_until(
        lambda: broker.took_subscriptions() >= subscriptions,
        seconds=100,
        what="the broker was told what to send",
    )


def kept(logger: DataLogger) -> int:
    return logger.keeper.counts.values


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_three_shapes_arrive_by_both_protocols(tmp_path: Path, broker: Broker, protocol: str):
    """Ledger S3-08: MQTT subscriber; one value, a value map, a node map."""
    settings = section(tmp_path, broker, protocol=protocol)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        broker.publish("studio/rack1/power", [b"1.5"])
        broker.publish("studio/rack1/power", [b'{"1": {"data": 2.5, "genre": 2}, "7": 3}'])
        broker.publish("studio/rack1", [b'{"power": {"0": 4.5}}'])
        broker.publish("/values/user/0001/0002/temp/0", [b'{"data": 20.5, "genre": 2}'])
        broker.publish("/values/config/0001/0002/temp/0", [b'{"data": 99, "genre": 3}'])
        wait_until(lambda: kept(logger) == 4, seconds=100, what="four values are kept")
        assert logger.cache.open_rows("rack1")[-1].values == (4.5, 2.5, 20.5)
        assert logger.keeper.counts.other_genres == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_logger_that_has_stopped_holds_no_socket(tmp_path: Path, broker: Broker, protocol: str):
    """Nor does it wait for the collector of garbage to let them go."""

    def sockets() -> set[str]:
        held = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return {str(path.readlink()) for path in held if "socket:" in str(path.readlink())}

    settings = section(tmp_path, broker, protocol=protocol)
    before = sockets()
    gc.disable()
    try:
        with running_datalog(settings, reread=lambda: settings) as (logger, _):
            connected(logger, broker)
            assert sockets() - before
        assert sockets() <= before
    finally:
        gc.enable()


def test_ten_thousand_messages_and_none_is_lost(tmp_path: Path, broker: Broker):
    """Ledger S3-21: 10,000 messages of a real broker while files are flushed all the time."""
    settings = section(tmp_path, broker, cache_ttl_seconds=1)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        broker.publish("studio/rack1/power", (b"%d" % number for number in range(10_000)))
        wait_until(lambda: kept(logger) >= 10_000, seconds=100, what="all values are kept")
        counts = logger.keeper.counts
        assert (counts.values, counts.repeats, counts.messages) == (10_000, 0, 10_000)
        assert logger.cache.open_rows("rack1")[-1].values[0] == 9999.0


def test_what_came_while_the_logger_was_away_is_delivered_then(tmp_path: Path, broker: Broker):
    """Ledger S3-13: the session at the broker is persistent, also over its restart."""
    settings = section(tmp_path, broker)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        broker.publish("studio/rack1/power", [b"1"])
        wait_until(lambda: kept(logger) == 1, seconds=100, what="the first is kept")
    broker.publish("studio/rack1/power", [b"2", b"3"])
    broker.stop()
    broker.start()
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        wait_until(lambda: kept(logger) == 2, seconds=100, what="the others are delivered")
        assert logger.cache.open_rows("rack1")[-1].values[0] == 3.0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_the_broker_sends_again_is_kept_once(
    tmp_path: Path, broker: Broker, protocol: str, monkeypatch: pytest.MonkeyPatch
):
    """Ledger S3-13: kept, but the broker never heard so: it sends all again, none counts twice."""
    settings = section(tmp_path, broker, protocol=protocol)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        monkeypatch.setattr(logger._feed, "acknowledge", lambda messages: None)
        broker.publish("studio/rack1/power", (b"%d" % number for number in range(15)))
        wait_until(lambda: kept(logger) == 15, seconds=100, what="they are kept")
        assert logger._feed is not None
        logger._feed.reconnect()
        counts = logger.keeper.counts
        wait_until(lambda: counts.repeats == 15, seconds=100, what="all come again")
        assert kept(logger) == 15
    broker.stop()
    broker.start()
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        counts = logger.keeper.counts
        wait_until(lambda: counts.repeats == 15, seconds=100, what="all come once more")
        broker.publish("studio/rack1/power", [b"99"])
        wait_until(lambda: kept(logger) >= 1, seconds=100, what="a new one is kept")
        assert kept(logger) == 1
        assert logger.cache.open_rows("rack1")[-1].values[0] == 99.0


def test_a_broker_that_is_away_is_found_again(tmp_path: Path, broker: Broker):
    """Ledger S3-21: an outage of the broker stops nothing else."""
    settings = section(tmp_path, broker, host_values=True)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        broker.stop()
        wait_until(lambda: not logger.inbox.connected_now, seconds=100, what="the loss is seen")
        logger.rotate()
        logger.dump()
        assert logger.health()["healthy"]
        broker.start()
        connected(logger, broker, subscriptions=2)
        broker.publish("studio/rack1/power", [b"5"])
        wait_until(
            lambda: logger.cache.open_rows("rack1")[-1:] and kept(logger) >= 1,
            seconds=100,
            what="values come again",
        )


def test_a_slow_disk_keeps_nobody_waiting_but_the_broker(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
):
    """Ledger S3-21: while the disk is slow, messages wait at the broker; none is lost or doubled.

    This broker sends more than the receive maximum; what finds no room comes again.
    """
    settings = section(tmp_path, broker, receive_maximum=20)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        slow = logger._record_log.sync
        syncs = delivered = meanwhile = 0
        deliver = logger.inbox.deliver

        def counted(message: Any) -> None:
            nonlocal delivered, meanwhile
            begun = syncs
            deliver(message)
            delivered += 1
            meanwhile += begun % 2 == 1 and syncs == begun

        def sync() -> None:
            nonlocal syncs
            syncs += 1  # odd: the disk is at it
            time.sleep(0.2)
            slow()
            syncs += 1

        monkeypatch.setattr(logger.inbox, "deliver", counted)
        monkeypatch.setattr(logger._record_log, "sync", sync)
        broker.publish("studio/rack1/power", (b"%d" % number for number in range(200)))
        wait_until(lambda: kept(logger) >= 200, seconds=100, what="all are kept")
        assert delivered >= 200
        assert meanwhile > 0, "the callback waits for no disk: it came back while that was at it"
        assert logger.keeper.counts.groups < 150, "many are kept with one sync"
        broker.publish("studio/rack1/power", [b"-1"])
        wait_until(
            lambda: logger.cache.open_rows("rack1")[-1].values[0] == -1.0,
            seconds=100,
            what="the last one is kept",
        )
        assert kept(logger) == 201


def test_payloads_are_json_of_any_writer(tmp_path: Path, broker: Broker):
    settings = section(tmp_path, broker)
    with running_datalog(settings, reread=lambda: settings) as (logger, _):
        connected(logger, broker)
        broker.publish("studio/rack1/power", [b"no json", b"\xff\xfe", msgspec.json.encode([7])])
        wait_until(lambda: kept(logger) == 1, seconds=100, what="the good one is kept")
        wait_until(
            lambda: logger.keeper.counts.unreadable == 2, seconds=100, what="the others are counted"
        )
