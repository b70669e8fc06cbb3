"""Values from the logger's own log to the server: again and again until it has them (S3-13).

How far the server has them stands in a file. If that is lost, or an answer is, values are sent once
more: their keys make that harmless.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from grange.datalog import records
from grange.datalog.records import ValuesRecord
from grange.kernel.errors import GrangeError, InvalidRequestError, ThrottledError, UnreachableError
from grange.ports.value_log import LogRecord, ValueLog

_log = logging.getLogger(__name__)
MOST_VALUES = 20_000
MOST_RECORDS = 500
_IDLE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0

Post = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Sends values to the server, as columns; returns once they are durable there."""


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
    """

    def __init__(
        self,
        log: ValueLog,
        place: Path,
        *,
        logger: str,
        post: Post | None,
        needed_from: Callable[[], int],
    ) -> None:
        self._record_log = log
        self._place = place
        self._logger = logger
        self._post = post
        self._needed_from = needed_from
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
