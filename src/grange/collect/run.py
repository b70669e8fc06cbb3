"""One round of collecting: every stream is read on from where it was left."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.names import Source
from grange.collect.reading import Bounds, StreamReader, with_file
from grange.collect.sending import MOST_ROWS, Kept, between, facts
from grange.kernel.clock import Clock
from grange.kernel.units import MILLIS_PER_HOUR, Instant, iso8601
from grange.ports.cursors import CursorStore, StreamCursor
from grange.ports.logs import LogFiles

_log = logging.getLogger(__name__)


class Sender(Protocol):
    """Where lines go."""

    def put(self, rows: Any) -> Kept:
        """Keep lines; durable when this returns."""
        ...

    def replace(self, source: Source, start: Instant, end: Instant, rows: Any) -> bool:
        """Put lines in the place of all that a stream has in [start, end)."""
        ...


@dataclass(slots=True, kw_only=True)
class StreamRound:
    """What one round did for one stream."""

    stream: str
    kind: str
    machine: str
    rows: int = 0
    read_bytes: int = 0
    dropped: int = 0
    """Lines that should tell something, but are damaged."""
    first_at: Instant | None = None
    last_at: Instant | None = None
    replaced_from: Instant | None = None
    """Where collecting again began, if it was asked for."""
    hours_replaced: int = 0


@dataclass(slots=True, kw_only=True)
class Round:
    """What one round did."""

    streams: list[StreamRound]
    accepted: int = 0
    refused: int = 0


class Collector:
    """Collects streams. One at a time for a folder of cursors."""

    def __init__(
        self,
        *,
        logs: LogFiles,
        cursors: CursorStore,
        sender: Sender,
        clock: Clock,
        batch_rows: int = MOST_ROWS,
        piece_bytes: int | None = None,
    ) -> None:
        """Collect.

        Args:
            logs: where logs are.
            cursors: how far they were read.
            sender: where lines go.
            clock: the machine's.
            batch_rows: about how many lines are sent at once.
            piece_bytes: how much of a log is read at once; default: the reader's.
        """
        self._reader = (
            StreamReader(logs)
            if piece_bytes is None
            else StreamReader(logs, piece_bytes=piece_bytes)
        )
        self._cursors = cursors
        self._sender = sender
        self._clock = clock
        self._batch_rows = batch_rows
        self._waiting: list[Any] = []
        self._moved: dict[str, StreamCursor] = {}

    def collect(
        self,
        sources: Iterable[Source],
        *,
        since: Instant | None = None,
        until: Instant | None = None,
    ) -> Round:
        """Read every source on from where it was left, and send what is new.

        Args:
            sources: the streams' logs.
            since: where a stream begins that was never collected; default: the present hour.
            until: lines from here on wait for the next round.

        Raises:
            UnreachableError: the server does not answer; what was sent before is kept.
        """
        done = Round(streams=[])
        self._waiting, self._moved = [], {}
        for source in sources:
            known = self._cursors.load(source.stream, source.kind, source.machine)
            begin = known or self._unknown(source, since, until)
            if begin.rewind_to is None:
                done.streams.append(self._read_on(source, begin, until, done))
            else:
                self._flush(done)
                done.streams.append(self._read_again(source, begin, until))
        self._flush(done)
        return done

    def _unknown(
        self, source: Source, since: Instant | None, until: Instant | None
    ) -> StreamCursor:
        now = self._clock.now() if until is None else min(until, self._clock.now())
        begin = Instant(now - now % MILLIS_PER_HOUR) if since is None else since
        return StreamCursor(
            stream=source.stream, kind=source.kind, machine=source.machine, since=begin
        )

    def _read_on(
        self, source: Source, cursor: StreamCursor, until: Instant | None, done: Round
    ) -> StreamRound:
        told = StreamRound(stream=source.stream, kind=source.kind, machine=source.machine)
        bounds = Bounds(since=cursor.since, until=until)
        for piece in self._reader.read(source, cursor, bounds):
            rows = facts(source, piece.rows)
            _count(told, rows, piece.read_bytes, piece.dropped)
            cursor = with_file(cursor, piece.cursor, self._clock.now())
            self._moved[cursor.name] = cursor
            if rows.num_rows:
                self._waiting.append(rows)
            if sum(table.num_rows for table in self._waiting) >= self._batch_rows:
                self._flush(done)
        if cursor.name not in self._moved:
            cursor = msgspec.structs.replace(cursor, updated_at=self._clock.now())
            self._moved[cursor.name] = cursor
        return told

    def _flush(self, done: Round) -> None:
        """Send what waits; only then cursors move."""
        if self._waiting:
            kept = self._sender.put(pa.concat_tables(self._waiting))
            done.accepted += kept.accepted
            done.refused += kept.refused
            self._waiting = []
        for cursor in self._moved.values():
            self._cursors.save(cursor)
        self._moved = {}

    def _read_again(
        self, source: Source, cursor: StreamCursor, until: Instant | None
    ) -> StreamRound:
        """Collect everything from `rewind_to` on again, in the place of what was collected."""
        told = StreamRound(stream=source.stream, kind=source.kind, machine=source.machine)
        asked = cursor.rewind_to or Instant(0)
        begin = Instant(asked - asked % MILLIS_PER_HOUR)
        former = cursor.last_at
        bounds = Bounds(since=begin, until=until, again=True)
        parts = []
        fresh = msgspec.structs.replace(cursor, since=min(cursor.since, begin), rewind_to=None)
        for piece in self._reader.read(source, cursor, bounds):
            rows = facts(source, piece.rows)
            _count(told, rows, piece.read_bytes, piece.dropped)
            fresh = with_file(fresh, piece.cursor, self._clock.now())
            parts.append(rows)
        if not parts or told.first_at is None:
            _log.warning(
                "No log reaches back to where a stream was to be collected again.",
                extra={"action": "rewind_without_logs", "stream": source.stream,
                       "to": iso8601(begin)},
            )  # fmt: skip
            self._cursors.save(fresh)
            return told
        rows = pa.concat_tables(parts)
        # Logs may reach less far back than what was collected of them: that stays as it is.
        told.replaced_from = max(begin, told.first_at)
        last = max(at for at in (former, told.last_at) if at is not None)
        end = Instant(last - last % MILLIS_PER_HOUR + MILLIS_PER_HOUR)
        told.hours_replaced = self._replace(source, told.replaced_from, end, rows)
        self._cursors.save(fresh)
        return told

    def _replace(self, source: Source, start: Instant, end: Instant, rows: Any) -> int:
        """Replace hour by hour; return how many hours held something else."""
        changed = 0
        hour = Instant(start - start % MILLIS_PER_HOUR)
        while hour < end:
            after = Instant(hour + MILLIS_PER_HOUR)
            first = max(hour, start)
            changed += self._sender.replace(source, first, after, between(rows, first, after))
            hour = after
        return changed


def _count(told: StreamRound, rows: Any, read_bytes: int, dropped: int) -> None:
    told.rows += rows.num_rows
    told.read_bytes += read_bytes
    told.dropped += dropped
    if rows.num_rows:
        span = pc.min_max(rows.column("at")).as_py()
        told.first_at = (
            span["min"] if told.first_at is None else min(told.first_at, Instant(span["min"]))
        )
        told.last_at = (
            span["max"] if told.last_at is None else max(told.last_at, Instant(span["max"]))
        )


def rewind(
    cursors: CursorStore,
    to: Instant,
    *,
    streams: Sequence[str] = (),
    kind: str | None = None,
    dry_run: bool = False,
) -> list[StreamCursor]:
    """Set streams back, so that the next round collects from there on again, replacing.

    Args:
        cursors: how far logs were read.
        to: from when; the hour it lies in begins it.
        streams: their names; none: all.
        kind: rx, tx or other; None: any.
        dry_run: change nothing.

    Returns:
        The cursors that are (or would be) set back.
    """
    found = []
    for cursor in list(cursors.all()):
        if (streams and cursor.stream not in streams) or (kind and cursor.kind != kind):
            continue
        goal = to if cursor.rewind_to is None else min(to, cursor.rewind_to)
        back = msgspec.structs.replace(cursor, rewind_to=goal)
        if not dry_run:
            cursors.save(back)
        found.append(back)
    return found
