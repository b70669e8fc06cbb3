"""Values from the logger's own log to the server: again and again until it has them (S3-13).

How far the server has them stands in a file. If that is lost, or an answer is, values are sent once
more: their keys make that harmless.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from grange.books.values.sources import LoggedSeries
from grange.datalog import records
from grange.datalog.records import ValuesRecord
from grange.kernel.clock import Clock
from grange.kernel.errors import (
    AccessDeniedError,
    ConflictError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.ports.value_log import LogRecord, ValueLog

_log = logging.getLogger(__name__)
MOST_VALUES = 20_000
MOST_RECORDS = 500
_IDLE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0

CONTACT_SECONDS = 300.0

Post = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Sends values to the server, as columns; returns once they are durable there."""
Declare = Callable[[LoggedSeries], object]
"""Tells the server of a series, so that it keeps archives of its values."""


class _Place(msgspec.Struct, frozen=True):
    sequence: int
    """The server has every record up to this one."""


class Forwarder:
    """Sends what is kept, in a thread of its own.

    Args:
        log: the logger's log.
        place: the file that says how far the server has it.
        logger: the data logger's name.
        post: sends to the server; None: there is none, and nothing is sent or waits for it.
        needed_from: the record from which on the logger itself needs the log.
        clock: paces the contact.
        declare: tells the server of series.
        series: the series there are.
        contact: tells the server that this logger is at work.
    """

    def __init__(
        self,
        log: ValueLog,
        place: Path,
        *,
        logger: str,
        post: Post | None,
        needed_from: Callable[[], int],
        clock: Clock,
        declare: Declare | None = None,
        series: Callable[[], Sequence[LoggedSeries]] = tuple,
        contact: Callable[[], object] | None = None,
    ) -> None:
        self._record_log = log
        self._place = place
        self._logger = logger
        self._post = post
        self._needed_from = needed_from
        self._clock = clock
        self._declare = declare
        self._series = series
        self._contact = contact
        self._declared: dict[str, LoggedSeries] = {}
        self._contact_at: float | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.sequence = self._read_place()
        self.sent = 0
        """Values the server has taken since the program began."""
        self.refused = 0
        """Values it would not have."""
        self.trouble = ""
        """Why nothing is sent now; empty: nothing is in the way."""

    def wake(self) -> None:
        """Look for something new soon."""
        self._wake.set()

    def stop(self) -> None:
        """End soon; what is not sent is sent after the next start."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Send what there is until told to stop."""
        pause = 0.0
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.introduce()
                moved = self.forward_some()
            except GrangeError as error:
                pause = _pause_after(error, pause)
                if self.trouble != str(error):
                    _log.warning("Values wait on disk: %s", error, extra={"action": "values_wait"})
                self.trouble = str(error)
                self._stop.wait(pause)
                continue
            pause, self.trouble = 0.0, ""
            if not moved:
                self._wake.wait(_IDLE_SECONDS)

    def introduce(self) -> None:
        """Tell the server of new and changed series, and now and then that we are at work.

        What the server will not have is said once; the values are sent all the same.

        Raises:
            GrangeError: the server does not answer now.
        """
        if self._declare is not None:
            for series in self._series():
                if self._declared.get(series.name) != series:
                    self._declare_one(self._declare, series)
                    self._declared[series.name] = series
        now = self._clock.monotonic_seconds()
        due = self._contact_at is None or now - self._contact_at >= CONTACT_SECONDS
        if self._contact is not None and due:
            self._contact_at = now
            try:
                self._contact()
            except (AccessDeniedError, NotFoundError, InvalidRequestError) as error:
                _log.debug("No contact: %s", error, extra={"action": "no_contact"})

    def forward_some(self) -> bool:
        """Send the next values; returns False if there were no more records.

        Raises:
            GrangeError: the server did not take them, now.
        """
        found = self._next_records()
        if not found:
            self._record_log.drop_through(min(self.sequence, self._needed_from() - 1))
            return False
        batches = [(one.sequence, one.payload) for one in found if one.kind == records.VALUES]
        if batches and self._post is not None:
            self._send(batches)
        self.sequence = found[-1].sequence
        self._write_place()
        self._record_log.drop_through(min(self.sequence, self._needed_from() - 1))
        return True

    def _declare_one(self, declare: Declare, series: LoggedSeries) -> None:
        try:
            declare(series)
        except AccessDeniedError:
            _log.warning(
                "This key may not set up series at the server. An owner does it: grange streams "
                "datalog declare. Until then %s has values there, and no archives.",
                series.name,
                extra={"action": "series_not_declared"},
            )
        except (ConflictError, InvalidRequestError, NotFoundError) as error:
            _log.warning(
                "The server has %s otherwise, and keeps it so: %s",
                series.name,
                error,
                extra={"action": "series_not_declared"},
            )

    def _next_records(self) -> list[LogRecord]:
        found: list[LogRecord] = []
        count = 0
        for one in islice(self._record_log.read(self.sequence), MOST_RECORDS):
            if one.kind == records.VALUES:
                decoded = records.decode(one)
                count += len(decoded.values) if isinstance(decoded, ValuesRecord) else 0
                if found and count > MOST_VALUES:
                    break
            found.append(one)
        return found

    def _send(self, batches: list[tuple[int, bytes]]) -> None:
        assert self._post is not None  # noqa: S101 - the caller looked
        body = _columns(self._logger, batches)
        try:
            answer = self._post(body)
        except InvalidRequestError as error:
            self._set_aside(batches[0][0], body, error)
            return
        refused = int(answer.get("refused", 0))
        self.sent += len(body["values"]) - refused
        self.refused += refused
        if refused:
            _log.warning(
                "The server would not have %d values: %s",
                refused,
                answer.get("message") or "they are too old",
                extra={"action": "values_refused"},
            )

    def _set_aside(self, sequence: int, body: Mapping[str, Any], error: GrangeError) -> None:
        """Keep what the server will never take, out of the way."""
        path = self._place.with_name(f"refused-{sequence:020d}.json")
        path.write_bytes(msgspec.json.encode(body))
        self.refused += len(body["values"])
        _log.error(
            "The server will not have these values; they are in %s: %s",
            path,
            error,
            extra={"action": "values_set_aside"},
        )

    def _read_place(self) -> int:
        try:
            return msgspec.json.decode(self._place.read_bytes(), type=_Place).sequence
        except (FileNotFoundError, msgspec.DecodeError):
            return 0  # then everything is sent once more, which is harmless

    def _write_place(self) -> None:
        partial = self._place.with_name(f".{self._place.name}.new")
        partial.write_bytes(msgspec.json.encode(_Place(self.sequence)))
        partial.replace(self._place)


def _columns(logger: str, batches: list[tuple[int, bytes]]) -> dict[str, Any]:
    """Return records of values as columns over all of them."""
    names: dict[str, int] = {}
    body: dict[str, Any] = {
        "logger": logger, "names": [], "series": [], "sources": [], "at": [], "values": [],
        "sequences": [],
    }  # fmt: skip
    for sequence, payload in batches:
        found = records.decode(LogRecord(sequence, records.VALUES, payload))
        if not isinstance(found, ValuesRecord):
            continue
        places = [names.setdefault(name, len(names)) for name in found.names]
        body["series"] += [places[place] for place in found.series]
        body["sources"] += found.sources
        body["at"] += found.at
        body["values"] += found.values
        body["sequences"] += [sequence] * len(found.values)
    body["names"] = list(names)
    return body


def _pause_after(error: GrangeError, last: float) -> float:
    if isinstance(error, ThrottledError):
        return float(error.retry_after_seconds)
    longer = min(_LONGEST_PAUSE_SECONDS, max(1.0, last * 2))
    return longer if isinstance(error, UnreachableError) else _LONGEST_PAUSE_SECONDS
