"""The one thread that keeps values: it reads messages, writes the log, then acknowledges (S3-13).

What it takes from the inbox at once is one group: one fdatasync, then all of it is acknowledged. As
long as the disk does not take it, nothing is, and the broker holds on to it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from grange.books.values.payload import readings
from grange.books.values.sources import LoggedSeries
from grange.datalog import records
from grange.datalog.cache import SeriesCache, Value
from grange.datalog.inbox import Connected, Errand, Inbox, Item, LocalValues
from grange.datalog.records import (
    CheckpointRecord,
    RemovedRecord,
    SessionRecord,
    ValuesRecord,
)
from grange.datalog.redelivery import Redelivery, digest
from grange.datalog.tuning import Tuning
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, InvalidRequestError, ThrottledError
from grange.kernel.units import Instant
from grange.ports.mqtt import Message, MqttFeed
from grange.ports.value_log import ValueLog

_log = logging.getLogger(__name__)
MOST_AT_ONCE = 2000
_WAIT_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_COMPLAIN_EVERY = 60


@dataclass(slots=True)
class Counts:
    """What became of messages and values since the program began."""

    messages: int = 0
    repeats: int = 0
    """Messages that were delivered again and are kept already."""
    retained: int = 0
    unreadable: int = 0
    unusable_values: int = 0
    other_genres: int = 0
    unknown_values: int = 0
    """Values that no series asks for."""
    values: int = 0
    """Values kept."""
    groups: int = 0
    disk_failures: int = 0


@dataclass(slots=True)
class _Group:
    """What is kept with one fdatasync."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    packets: list[int] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    to_put: list[Value] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    errands: list[tuple[Future[Any], Any]] = field(default_factory=list)


class Keeper:
    """Keeps what comes into the inbox, in a thread of its own.

    Args:
        inbox: where everything comes in.
        log: this logger's log; nobody else appends to it.
        cache: series and rows.
        feed: is told which messages are kept; None: there is no broker.
        clock: the machine's clock.
        kept: called when there is something new to forward.
    """

    def __init__(
        self,
        inbox: Inbox,
        log: ValueLog,
        cache: SeriesCache,
        *,
        feed: MqttFeed | None,
        clock: Clock,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._record_log = log
        self._cache = cache
        self._feed = feed
        self._clock = clock
        self._kept = kept
        self._redelivery = Redelivery()
        self._group = _Group()
        self._configured: dict[str, int | str] = {}
        self._stop = threading.Event()
        self.counts = Counts()
        self.checkpoint_sequence = 0
        """Records before this one are no longer needed by the logger itself."""
        self.last_kept_at: Instant | None = None
        self.trouble = ""
        """What keeps values from being kept; empty: nothing."""

    def restore(self, now: Instant) -> int:
        """Read the log of an earlier process; returns how many values its rows were given."""
        last = max(
            (one.sequence for one in self._record_log.read() if one.kind == records.CHECKPOINT),
            default=0,
        )
        count = 0
        for one in self._record_log.read(max(0, last - 1)):
            found = records.decode(one)
            if isinstance(found, CheckpointRecord):
                self._restore_checkpoint(found, now)
                self.checkpoint_sequence = one.sequence
            elif isinstance(found, ValuesRecord):
                if found.session == self._redelivery.session:
                    self._redelivery.note(found.packets, found.digests)
                self._cache.put(values_of(found))
                count += len(found.values)
            elif isinstance(found, SessionRecord):
                self._redelivery.new_session(found.number)
            elif isinstance(found, LoggedSeries):
                self._cache.add(found, now, make_file=False)
            elif isinstance(found, RemovedRecord):
                self._forget(found.name)
            elif one.kind == records.CONFIGURED:
                self._configured = found
            else:
                self._cache.tune(found)
        return count

    def run(self) -> None:
        """Keep what comes until the inbox is closed and empty, or `give_up` is called."""
        while not self._stop.is_set():
            items = self._inbox.take(MOST_AT_ONCE, _WAIT_SECONDS)
            if items:
                self.keep(items)
            elif self._inbox.closed:
                return
            elif self._feed is not None and self._inbox.wants_again():
                self._feed.reconnect()

    def give_up(self) -> None:
        """End soon, even if the disk takes nothing: what is not kept is not acknowledged."""
        self._stop.set()

    def keep(self, items: Sequence[Item]) -> None:
        """Keep some items as one group."""
        group = self._group = _Group()
        for item in items:
            match item:
                case Message():
                    self._take_message(group, item)
                case LocalValues():
                    self._take_values(group, self._cache.placed(item.readings, item.at))
                case Connected():
                    self._take_connection(group, item)
                case Errand():
                    self._run_errand(group, item)
        self._close_values(group)
        if not self._commit(group.records):
            return
        self._cache.put(group.to_put)
        self.counts.values += len(group.to_put)
        self.counts.groups += 1
        if group.messages and self._feed is not None:
            self._feed.acknowledge(group.messages)
        for done, result in group.errands:
            done.set_result(result)
        if group.records:
            self.last_kept_at = self._clock.now()
            self._kept()

    # Errands: called by this thread, in `Errand`s.

    def add_series(self, series: LoggedSeries) -> bool:
        """Keep a series from now on; returns False if it was there."""
        added = self._cache.add(series, self._clock.now())
        if added:
            self._append(records.SERIES, series)
        return added

    def remove_series(self, name: str) -> None:
        """Forget a series and delete its file."""
        self._cache.remove(name)
        self._append(records.REMOVED, RemovedRecord(name))

    def tune(self, changes: dict[str, int | str]) -> None:
        """Change settings that may change."""
        self._cache.tune(changes)
        self._append(records.SETTINGS, changes)

    def configure(self, tuning: Tuning) -> None:
        """Take over what the settings file says now and did not say before."""
        found = _plain(tuning)
        changes = {
            name: value for name, value in found.items() if self._configured.get(name) != value
        }
        if changes:
            self.tune(changes)
            self._configured = found
            self._append(records.CONFIGURED, found)

    def checkpoint(self) -> None:
        """Put the whole memory in the log, so that what lies before it is needed no more."""
        self._close_values(self._group)
        # Values of this group are in the log in front of the checkpoint, so they belong in it.
        self._cache.put(self._group.to_put)
        self.counts.values += len(self._group.to_put)
        self._group.to_put.clear()
        packets, digests = self._redelivery.snapshot()
        found = CheckpointRecord(
            self._redelivery.session,
            packets,
            digests,
            self._cache.all_series(),
            sorted(self._cache.removed),
            self._cache.snapshot(),
            _plain(self._cache.tuning),
            self._configured,
        )
        self._append(records.CHECKPOINT, found)

    # What comes in.

    def _take_message(self, group: _Group, message: Message) -> None:
        self.counts.messages += 1
        group.messages.append(message)
        if message.retained:
            self.counts.retained += 1
            return
        said = digest(message) if message.qos else 0
        if self._redelivery.is_repeat(message, said):
            self.counts.repeats += 1
            return
        try:
            found = readings(message.topic, message.payload)
        except InvalidRequestError as error:
            self._complain(str(error))
            return
        self.counts.other_genres += found.other_genres
        self.counts.unusable_values += found.unusable
        placed = self._cache.placed(found.values, message.received_at)
        if not placed:
            self.counts.unknown_values += len(found.values)
            return
        self._take_values(group, placed)
        if message.qos:
            group.packets.append(message.packet_id)
            group.digests.append(said)
            self._redelivery.note([message.packet_id], [said])

    def _take_values(self, group: _Group, placed: list[Value]) -> None:
        group.values += placed

    def _take_connection(self, group: _Group, found: Connected) -> None:
        if not found.session_present:
            self._close_values(group)
            self._redelivery.new_session(self._redelivery.session + 1)
            self._append(records.SESSION, SessionRecord(self._redelivery.session))

    def _run_errand(self, group: _Group, errand: Errand) -> None:
        if not errand.done.set_running_or_notify_cancel():
            return
        self._close_values(group)
        try:
            group.errands.append((errand.done, errand.perform()))
        except GrangeError as error:
            errand.done.set_exception(error)
        except OSError as error:
            errand.done.set_exception(ThrottledError(f"The disk refused: {error}."))

    def _close_values(self, group: _Group) -> None:
        """Make a record of the values taken so far."""
        if group.values:
            found = values_record(
                self._redelivery.session, group.packets, group.digests, group.values
            )
            group.records.append((records.VALUES, records.encode(found)))
            group.to_put += group.values
            group.values, group.packets, group.digests = [], [], []

    def _append(self, kind: str, record: records.Record) -> None:
        self._group.records.append((kind, records.encode(record)))

    def _commit(self, kept: list[tuple[str, bytes]]) -> bool:
        """Write records with one sync, trying until the disk takes them; False: told to end."""
        if not kept:
            return True
        while True:
            checkpoint = 0
            for kind, payload in kept:
                sequence = self._record_log.append(kind, payload)
                if kind == records.CHECKPOINT:
                    checkpoint = sequence
            try:
                self._record_log.sync()
            except ThrottledError as error:
                self.counts.disk_failures += 1
                self.trouble = str(error)
                _log.warning("Values wait: %s", error, extra={"action": "log_not_written"})
                if self._stop.wait(_RETRY_SECONDS):
                    return False
                continue
            self.trouble = ""
            self.checkpoint_sequence = checkpoint or self.checkpoint_sequence
            return True

    def _complain(self, message: str) -> None:
        self.counts.unreadable += 1
        if self.counts.unreadable % _COMPLAIN_EVERY == 1:
            _log.warning(
                "A message was not understood: %s", message, extra={"action": "unreadable"}
            )

    def _restore_checkpoint(self, found: CheckpointRecord, now: Instant) -> None:
        self._redelivery.new_session(found.session)
        self._redelivery.note(found.packets, found.digests)
        self._cache.tune(found.settings)
        self._configured = found.configured
        for series in found.series:
            self._cache.add(series, now, make_file=False)
        self._cache.removed |= set(found.removed)
        self._cache.restore(found.rows)

    def _forget(self, name: str) -> None:
        if any(series.name == name for series in self._cache.all_series()):
            self._cache.remove(name)
        self._cache.removed.add(name)


def values_record(
    session: int, packets: list[int], digests: list[int], values: Sequence[Value]
) -> ValuesRecord:
    """Return values as columns."""
    names: dict[str, int] = {}
    series = [names.setdefault(value.series, len(names)) for value in values]
    return ValuesRecord(
        session, packets, digests, list(names), series,
        [value.source for value in values],
        [value.at for value in values],
        [value.value for value in values],
    )  # fmt: skip


def values_of(record: ValuesRecord) -> Iterable[Value]:
    """Yield the values of a record."""
    names = record.names
    for place, source, at, value in zip(
        record.series, record.sources, record.at, record.values, strict=True
    ):
        yield Value(names[place], source, Instant(at), value)


def _plain(tuning: Tuning) -> dict[str, int | str]:
    return {name: getattr(tuning, name) for name in tuning.__struct_fields__}
