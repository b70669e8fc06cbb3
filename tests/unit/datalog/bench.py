"""A data logger without threads: its keeper is handed what came, and time stands still."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from grange.adapters.series_files import RingSeriesFiles
from grange.adapters.value_log import FileValueLog
from grange.books.values.sources import LoggedSeries, parse_source
from grange.datalog.inbox import Connected, Errand, Item
from grange.datalog.program import DataLogger
from grange.datalog.tuning import Tuning
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.ports.mqtt import FeedSink, Message

T0 = Instant(1_768_000_200_000)
"""A multiple of 300 s."""


class Acknowledged:
    """A feed that notes what was acknowledged."""

    def __init__(self) -> None:
        self.packets: list[int] = []
        self.reconnects = 0

    def start(self, sink: FeedSink) -> None:
        """Begin: the test delivers."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Note packets."""
        self.packets += [message.packet_id for message in messages if message.qos]

    def reconnect(self) -> None:
        """Count."""
        self.reconnects += 1

    def stop(self) -> None:
        """End."""


def series(name: str = "rack1", sources: int = 2, step: int = 300, **changes: Any) -> LoggedSeries:
    """A series whose sources are fed by the values 0, 1, … of `<name>/value`."""
    return LoggedSeries(
        name=name,
        step_seconds=step,
        sources=tuple(
            parse_source(f"{name}|value|{place}|GAUGE|label {place}") for place in range(sources)
        ),
        **changes,
    )


class Bench:
    """One logger on a folder; `again` is the next process on the same folder."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: VirtualClock | None = None,
        configured: Sequence[LoggedSeries] = (),
        post: Any = None,
        window: int = 100,
        sensors: Any = None,
        **log_options: Any,
    ) -> None:
        self.folder = folder
        self.clock = clock or VirtualClock(T0)
        self.feed = Acknowledged()
        self.log = FileValueLog(folder / "log", self.clock, **log_options)
        self.tuning = Tuning()
        self.logger = DataLogger(
            name="cellar",
            folder=folder,
            log=self.log,
            files=RingSeriesFiles(),
            feed=self.feed,
            post=post,
            clock=self.clock,
            window=window,
            configured=lambda: (self.tuning, list(configured)),
            sensors=sensors,
        )
        self.cache, self.keeper = self.logger.cache, self.logger.keeper
        self.keeper.restore(self.clock.now())
        self._packet = 0

    def again(self, **options: Any) -> "Bench":
        """Begin anew without having ended: as after kill -9."""
        if self.log._lock_descriptor >= 0:  # the dead hold no locks
            import os

            os.close(self.log._lock_descriptor)
            self.log._lock_descriptor = -1
        return Bench(self.folder, clock=self.clock, **options)

    def message(
        self,
        content: Any,
        topic: str = "rack1/value",
        *,
        packet: int | None = None,
        qos: int = 1,
        repeated: bool = False,
        retained: bool = False,
    ) -> Message:
        """A message as the broker would deliver it now."""
        if packet is None:
            self._packet += 1
            packet = self._packet
        payload = content if isinstance(content, bytes) else msgspec.json.encode(content)
        return Message(
            topic, payload, qos, packet if qos else 0, repeated, retained, 1, self.clock.now()
        )

    def say(self, content: Any, topic: str = "rack1/value", **options: Any) -> None:
        """Deliver one message and keep it."""
        self.keeper.keep([self.message(content, topic, **options)])

    def connect(self, *, session_present: bool) -> None:
        """Tell that a connection stands."""
        self.keeper.keep([Connected(session_present)])

    def do(self, perform: Any) -> Any:
        """Have the keeper do something, as `DataLogger` does."""
        done = self.logger.inbox.ask(perform)
        self.drain()
        return done.result(0)

    def drain(self) -> None:
        """Keep everything that waits in the inbox."""
        items: list[Item] = self.logger.inbox.take(10_000, 0.0)
        if items:
            self.keeper.keep(items)

    def add(self, *many: LoggedSeries) -> None:
        """Add series."""
        for one in many:
            self.do(lambda one=one: self.keeper.add_series(one))

    def rows(self, name: str = "rack1") -> list[tuple[int, tuple[float | None, ...]]]:
        """Rows in the cache, their times in seconds after T0."""
        return [((row.start_at - T0) // 1000, row.values) for row in self.cache.open_rows(name)]


__all__ = ["T0", "Acknowledged", "Bench", "Errand", "series"]
