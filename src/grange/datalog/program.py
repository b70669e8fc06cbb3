"""A running data logger: its threads, its timers, and what can be asked of it."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotDone
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grange.books.values.payload import Reading
from grange.books.values.sources import LoggedSeries, LoggedSource
from grange.datalog.cache import SeriesCache
from grange.datalog.forwarder import Declare, Forwarder, Post
from grange.datalog.inbox import Inbox, LocalValues
from grange.datalog.keeper import Keeper
from grange.datalog.timers import Timers
from grange.datalog.tuning import Tuning
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, ThrottledError
from grange.ports.host import Sensors
from grange.ports.mqtt import MqttFeed
from grange.ports.series_files import SeriesFiles
from grange.ports.value_log import ValueLog

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.25
_ROTATE_SECONDS = 1.0
_FLUSH_SECONDS = 1.0
_QUEUE_WINDOWS = 4
"""Room in the queue, in windows: some brokers send more than they were told they may."""
_DEAD_PART = 3
"""Dead series are looked for three times in their time."""
_ERRAND_SECONDS = 30.0
_END_SECONDS = 10.0
HOST_ADDRESS = "host"
HOST_VALUES = ("temperature", "frequency", "voltage")

Answers = tuple[Tuning, Sequence[LoggedSeries]]


class DataLogger:
    """One data logger.

    Args:
        name: tells it from all others, for ever.
        folder: what it keeps: its log, how far the server has it, and the files of series.
        log: its own log.
        files: keeps the files of series.
        feed: messages of a broker; None: only this machine's own values.
        post: sends values to the server; None: there is none.
        declare: tells the server of a series; None: somebody else does.
        contact: tells the server that this logger is at work.
        clock: the machine's clock.
        window: how many messages may be on their way unacknowledged.
        configured: reads the settings and series that the settings file has now.
        sensors: this machine's own values; None: they are not logged.
        sensor_seconds: how often they are read.
    """

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        log: ValueLog,
        files: SeriesFiles,
        feed: MqttFeed | None,
        post: Post | None,
        clock: Clock,
        window: int,
        configured: Callable[[], Answers],
        sensors: Sensors | None = None,
        sensor_seconds: int = 60,
        declare: Declare | None = None,
        contact: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.root = folder / "files"
        self._clock = clock
        self._feed = feed
        self._configured = configured
        self._sensors = sensors
        self._record_log = log
        self.inbox = Inbox(_QUEUE_WINDOWS * window)
        self.cache = SeriesCache(self.root, files, Tuning())
        self.forwarder = Forwarder(
            log,
            folder / "forwarded.json",
            logger=name,
            post=post,
            needed_from=lambda: self.keeper.checkpoint_sequence,
            clock=clock,
            declare=declare,
            series=self.cache.all_series,
            contact=contact,
        )
        self.keeper = Keeper(
            self.inbox, log, self.cache, feed=feed, clock=clock, kept=self.forwarder.wake,
        )  # fmt: skip
        self.timers = Timers(clock)
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._stopped = False
        self._make_timers(sensor_seconds)

    def start(self) -> None:
        """Read what an earlier process kept, and begin."""
        self.root.mkdir(parents=True, exist_ok=True)
        now = self._clock.now()
        restored = self.keeper.restore(now)
        _log.info("Restored %d values from the log.", restored, extra={"action": "restored"})
        for name, run in (
            ("keeper", self.keeper.run),
            ("forwarder", self.forwarder.run),
            ("timers", self._run_timers),
        ):
            thread = threading.Thread(target=run, name=f"datalog-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self.reload()
        if self._feed is not None:
            self._feed.start(self.inbox)

    def stop(self) -> None:
        """End: take in nothing more, keep what came, put the memory in the log."""
        if self._stopped:
            return
        self._stopped = True
        self._ending.set()
        checkpoint = self.inbox.ask(self.keeper.checkpoint)
        try:
            checkpoint.result(_END_SECONDS)
        except (NotDone, CancelledError, GrangeError) as error:
            _log.warning("The memory is not in the log: %s", error, extra={"action": "no_dump"})
        self.inbox.close()
        self.forwarder.stop()
        if not checkpoint.done():
            self.keeper.give_up()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        if self._feed is not None:
            self._feed.stop()
        self._record_log.close()

    # What can be asked of it.

    def add_series(self, series: LoggedSeries) -> bool:
        """Keep a series from now on; durable when this returns; False if it was there."""
        added: bool = self._errand(lambda: self.keeper.add_series(series))
        return added

    def remove_series(self, name: str) -> None:
        """Forget a series and delete its file."""
        self._errand(lambda: self.keeper.remove_series(name))

    def tune(self, changes: dict[str, int | str]) -> Tuning:
        """Change settings that may change while it runs."""
        self._errand(lambda: self.keeper.tune(changes))
        return self.cache.tuning

    def dump(self) -> int:
        """Put the whole memory in the log; returns the record it begins at."""
        self._errand(self.keeper.checkpoint)
        return self.keeper.checkpoint_sequence

    def flush(self, name: str | None = None) -> int:
        """Put finished rows of one series or all in their files; returns how many."""
        return self.cache.flush_all() if name is None else self.cache.flush(name)

    def rotate(self) -> int:
        """Begin rows whose time has come; returns how many."""
        return self.cache.rotate(self._clock.now())

    def retire(self) -> list[str]:
        """Take dead series out of cache and index."""
        return self.cache.retire(self._clock.now())

    def reload(self) -> None:
        """Take over what the settings file says now; errors are said, and nothing is lost."""
        try:
            tuning, series = self._configured()
            self._errand(lambda: self.keeper.configure(tuning))
        except GrangeError as error:
            _log.error("The settings were not taken over: %s", error, extra={"action": "reload"})
            return
        for one in (*series, *self._host_series()):
            if one.name in self.cache.removed:
                continue
            try:
                self.add_series(one)
            except GrangeError as error:
                _log.error("%s: %s", one.name, error, extra={"action": "series_refused"})

    def counts(self) -> dict[str, Any]:
        """Return everything that is counted."""
        return {
            **self.cache.counts(),
            "received": asdict(self.keeper.counts),
            "waiting_messages": self.inbox.waiting,
            "turned_away": self.inbox.turned_away,
            "lost_messages": self.inbox.lost_messages,
            "forwarded_values": self.forwarder.sent,
            "refused_values": self.forwarder.refused,
            "waiting_records": self._record_log.last_sequence - self.forwarder.sequence,
        }

    def health(self) -> dict[str, Any]:
        """Say whether values are kept, and every file is where it belongs (S3-20)."""
        alive = all(thread.is_alive() for thread in self._threads) and bool(self._threads)
        missing = self.cache.missing_files()
        problems = [
            *([] if alive else ["a thread of the data logger has ended"]),
            *([self.keeper.trouble] if self.keeper.trouble else []),
            *(f"the file of {name} is missing" for name in missing),
        ]
        return {
            "healthy": not problems,
            "problems": problems,
            "logger": self.name,
            "broker": self.inbox.connection_note,
            "server": self.forwarder.trouble or "ok",
            "last_kept_at": self.keeper.last_kept_at,
        }

    # Within.

    def _make_timers(self, sensor_seconds: int) -> None:
        timers, cache = self.timers, self.cache
        timers.add("rotate", lambda: _ROTATE_SECONDS, self.rotate)
        timers.add("flush", lambda: _FLUSH_SECONDS, lambda: cache.flush_due(self._clock.now()))
        timers.add("dump", lambda: float(cache.tuning.dump_seconds), self._dump_soon)
        timers.add("dead", lambda: cache.tuning.dead_ttl_seconds / _DEAD_PART, self.retire)
        if self._sensors is not None:
            timers.add("host", lambda: float(sensor_seconds), self.read_host)

    def _dump_soon(self) -> None:
        self.inbox.ask(self.keeper.checkpoint)

    def read_host(self) -> None:
        """Take this machine's own values; a sensor that is not there says nothing (S3-25)."""
        if self._sensors is None:
            return
        found = self._sensors.read()
        values = (found.temperature_celsius, found.frequency_mhz, found.voltage_volts)
        taken = [
            Reading(HOST_ADDRESS, name, 0, value)
            for name, value in zip(HOST_VALUES, values, strict=True)
            if value is not None
        ]
        if taken:
            self.inbox.bring(LocalValues(taken, self._clock.now()))

    def _host_series(self) -> list[LoggedSeries]:
        if self._sensors is None:
            return []
        sources = tuple(
            LoggedSource(address=HOST_ADDRESS, value_id=name, label=name) for name in HOST_VALUES
        )
        return [LoggedSeries(name=f"{self.name}-host", sources=sources)]

    def _run_timers(self) -> None:
        while not self._ending.wait(_TICK_SECONDS):
            self.timers.tick()

    def _errand(self, perform: Callable[[], Any]) -> Any:
        done = self.inbox.ask(perform)
        try:
            return done.result(_ERRAND_SECONDS)
        except (NotDone, CancelledError) as error:
            done.cancel()
            raise ThrottledError(
                f"The data logger did not get to it: {self.keeper.trouble or 'it is busy'}."
            ) from error
