"""What leaves the machine beside the schedule: facts and session logs, at least once, in order."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grange.kernel.clock import Clock, wait_until_set
from grange.kernel.errors import (
    ConflictError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
)
from grange.worker.background import in_thread
from grange.worker.calls import ServerCalls
from grange.worker.spool import FRAMES, Batch, Spool

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_PIECE_BYTES = 2**20
_GATHER_SECONDS = 0.5
"""Facts that come together go together."""

_SPREAD_SECONDS = 8.0


def spread_seconds(worker_id: str) -> float:
    """Return how long a worker keeps its samples before it posts them.

    The samples of all workers end at the same moment, three times a minute. If all posted them at
    once, everything else the server has to answer would wait behind them.
    """
    return int(worker_id[-4:], 16) / 0x10000 * _SPREAD_SECONDS


class FactPoster:
    """Posts the spool's batches until told to stop.

    Args:
        spool: returns the spool of the worker as it is registered now; None while it is not.
        calls: the server.
        clock: paces retries.
    """

    def __init__(self, spool: Callable[[], Spool | None], calls: ServerCalls, clock: Clock) -> None:
        self._spool = spool
        self._calls = calls
        self._clock = clock
        self._news = asyncio.Event()
        self._back = asyncio.Event()

    def notify(self) -> None:
        """There is something new in the spool."""
        self._news.set()

    def server_is_back(self) -> None:
        """The server answers again: do not wait any longer."""
        self._back.set()

    async def _wait_for_server(self, seconds: float) -> None:
        self._back.clear()
        await wait_until_set(self._back, self._clock, seconds)

    async def run(self) -> None:
        """Post what there is, wait for news, and so on; ends by being cancelled."""
        pause = _PAUSE_SECONDS
        while True:
            try:
                posted = await self.post_one()
                pause = _PAUSE_SECONDS
            except GrangeError as error:
                if pause == _PAUSE_SECONDS:
                    _log.info(
                        "Facts wait on disk.", extra={"action": "facts_wait", "error": str(error)}
                    )
                if isinstance(error, ThrottledError):
                    pause = max(pause, float(error.retry_after_seconds))
                await self._wait_for_server(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
                continue
            if not posted:
                await self._news.wait()
                self._news.clear()
            if not self._behind():
                await self._clock.sleep(_GATHER_SECONDS)

    def _behind(self) -> bool:
        """Return True if whole batches wait, so that nothing is gained by waiting for more."""
        spool = self._spool()
        return spool is not None and spool.behind()

    async def post_one(self) -> bool:
        """Post the oldest batch; returns False if there is none or nobody to post as.

        Raises:
            GrangeError: it was not taken now; it stays.
        """
        spool = self._spool()
        if spool is None or not self._calls.ready():
            return False
        return await in_thread(lambda: self._post(spool))

    def _post(self, spool: Spool) -> bool:
        batch = spool.next_batch()
        if batch is None:
            return False
        try:
            reply = self._calls.put_facts(batch_body(batch, str(self._calls.worker_id)))
        except InvalidRequestError as error:
            kept = spool.set_aside(batch.name)
            _log.error(
                "The server refuses a batch of facts; it was set aside.",
                extra={"action": "facts_refused", "path": str(kept), "error": str(error)},
            )
            return True
        for refused in reply.get("refused") or ():
            _log.error(
                "The server refused a fact.",
                extra={"action": "fact_refused", "error": f"{refused}"},
            )
        spool.remove(batch.name)
        return True


def batch_body(batch: Batch, worker_id: str) -> dict[str, Any]:
    """Return the request that posts a batch; the same batch always has the same id."""
    digest = hashlib.sha256(f"{worker_id}/{batch.name}".encode()).hexdigest()[:32]
    records = [{**record} for record in batch.records]
    if batch.stream == FRAMES:
        return {"batch": digest, "frames": records, "worker_samples": [], "thread_samples": []}
    samples: dict[str, list[dict[str, Any]]] = {"worker": [], "thread": [], "line": []}
    for record in records:
        kind = record.pop("kind")
        samples[kind].append(record["row"] if kind == "line" else record)
    lines = {"log_lines": samples["line"]} if samples["line"] else {}
    return {
        **lines,
        "batch": digest,
        "frames": [],
        "worker_samples": samples["worker"],
        "thread_samples": samples["thread"],
    }


@dataclass(slots=True)
class _Log:
    path: Path
    sent: int = 0
    complete: bool = False
    """The session is over: the file goes once it has been sent."""
    not_before: float = 0.0
    pause_seconds: float = _PAUSE_SECONDS


class LogShipper:
    """Sends session logs as they grow, at most twice a second each, and deletes what was taken.

    Args:
        folder: where the logs lie, one file per session.
        calls: the server.
        clock: paces the sending.
    """

    def __init__(self, folder: Path, calls: ServerCalls, clock: Clock) -> None:
        self._folder = folder
        self._calls = calls
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.glob("session-*.log"):
            self._logs[path.stem] = _Log(path, sent=_sent(path), complete=True)

    def opened(self, session_id: str) -> Path:
        """Follow the log of a session, and return where it is to be written."""
        path = self._folder / f"{session_id}.log"
        self._logs[session_id] = _Log(path, sent=_sent(path))
        return path

    def completed(self, session_id: str) -> None:
        """The session is over, its log complete."""
        if session_id in self._logs:
            self._logs[session_id].complete = True

    def server_is_back(self) -> None:
        """The server answers again: do not wait any longer."""
        for log in self._logs.values():
            log.not_before = 0.0
            log.pause_seconds = _PAUSE_SECONDS

    async def run(self) -> None:
        """Send what has grown, for ever; ends by being cancelled."""
        while True:
            await self.step()
            await self._clock.sleep(_PAUSE_SECONDS)

    async def step(self) -> None:
        """Send what has grown now."""
        if not self._calls.ready():
            return
        now = self._clock.monotonic_seconds()
        due = [one for one in self._logs if self._logs[one].not_before <= now]
        await asyncio.gather(*(self._ship(session_id) for session_id in due))

    async def flush(self, patience_seconds: float) -> None:
        """Send everything that is left, for a while."""
        deadline = self._clock.monotonic_seconds() + patience_seconds
        while self._logs and self._calls.ready():
            await self.step()
            if self._clock.monotonic_seconds() >= deadline:
                return
            if all(log.not_before > deadline for log in self._logs.values()):
                return
            if self._logs:
                await self._clock.sleep(0.05)

    async def _ship(self, session_id: str) -> None:
        log = self._logs[session_id]
        try:
            await in_thread(lambda: self._send(session_id, log))
            log.pause_seconds = _PAUSE_SECONDS
        except (NotFoundError, InvalidRequestError) as error:
            _log.error(
                "The server refuses a session's log; it was dropped.",
                extra={"action": "log_refused", "session": session_id, "error": str(error)},
            )
            self._forget(session_id, log)
            return
        except GrangeError:
            log.not_before = self._clock.monotonic_seconds() + log.pause_seconds
            log.pause_seconds = min(_LONGEST_PAUSE_SECONDS, log.pause_seconds * 2)
            return
        if log.complete and log.sent >= _size(log.path):
            self._forget(session_id, log)

    def _send(self, session_id: str, log: _Log) -> None:
        """Send what there is now; what is written meanwhile goes with the next step.

        A log that grows all the time would else be followed by one small request after the other.
        """
        goal = _size(log.path)
        while log.sent < goal:
            try:
                with log.path.open("rb") as file:
                    file.seek(log.sent)
                    piece = file.read(_PIECE_BYTES)
            except FileNotFoundError:
                return
            if not piece:
                return
            try:
                size = self._calls.put_log(session_id, log.sent, piece)
            except ConflictError as error:
                # The server has less than we think: go back to what it has.
                size = int(error.context.get("size", 0))
                if size >= log.sent:
                    raise
            # A capped log says no more than it was sent; never go back without being told to.
            log.sent = size if size < log.sent else log.sent + len(piece)
            _note_sent(log)

    def _forget(self, session_id: str, log: _Log) -> None:
        if self._logs.get(session_id) is log:
            del self._logs[session_id]
        log.path.unlink(missing_ok=True)
        log.path.with_suffix(".sent").unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sent(path: Path) -> int:
    """Return how much of a log the server has, as far as was noted; too little does no harm."""
    try:
        noted = int(path.with_suffix(".sent").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0
    return min(noted, _size(path))


def _note_sent(log: _Log) -> None:
    temporary = log.path.with_suffix(".new")
    temporary.write_text(str(log.sent), encoding="ascii")
    temporary.replace(log.path.with_suffix(".sent"))
