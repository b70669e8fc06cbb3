"""One fdatasync for everybody who is waiting."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, InvalidRequestError, ThrottledError
from grange.ports.journal import Journal

_log = logging.getLogger(__name__)

QUEUE_BYTES = 64 * 1024 * 1024
QUEUE_SECONDS = 2.0

Part = tuple[str, str, Sequence[Mapping[str, Any]] | Any]
"""Farm, table, rows (as mappings, or an Arrow table with the catalog's columns)."""


@dataclass(slots=True)
class _Waiting:
    parts: Sequence[Part]
    byte_count: int
    since: float
    done: asyncio.Future[None]


class GroupCommit:
    """Puts rows in the journal; the only user of its writer.

    While one group is being written, the next one gathers; all of a group share one sync.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        queue_bytes: int = QUEUE_BYTES,
        queue_seconds: float = QUEUE_SECONDS,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._queue_bytes = queue_bytes
        self._queue_seconds = queue_seconds
        self._waiting: list[_Waiting] = []
        self._in_flight: list[_Waiting] = []
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def queued_bytes(self) -> int:
        """About how many bytes are not durable yet."""
        return self._queued_bytes

    def check_room(self) -> None:
        """Refuse new rows while the disk does not keep up.

        Raises:
            ThrottledError: more than 64 MB wait, or something has waited for more than 2 s.
        """
        oldest = self._in_flight or self._waiting
        if not oldest:
            return
        waited = self._clock.monotonic_seconds() - oldest[0].since
        if waited > self._queue_seconds or self.queued_bytes > self._queue_bytes:
            raise ThrottledError(
                f"The journal is {waited:.1f} s and {self.queued_bytes} bytes behind. "
                "Nothing was kept; send the same again later.",
                retry_after_seconds=2,
            )

    async def keep(self, parts: Sequence[Part], byte_count: int) -> None:
        """Append rows and wait until they are durable.

        Raises:
            StorageFullError: the disk is full; nothing of this was kept.
            InvalidRequestError: rows do not fit their table; nothing of this was kept.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(parts, byte_count, self._clock.monotonic_seconds(), loop.create_future())
        self._waiting.append(waiting)
        self._queued_bytes += byte_count
        if self._task is None:
            self._task = asyncio.create_task(self._write_groups())
        await asyncio.shield(waiting.done)

    async def _write_groups(self) -> None:
        try:
            while self._waiting:
                self._in_flight, self._waiting = self._waiting, []
                await self._write_group(self._in_flight)
                self._queued_bytes -= sum(waiting.byte_count for waiting in self._in_flight)
                self._in_flight = []
        finally:
            self._task = None

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        try:
            refused = await asyncio.to_thread(self._append_and_sync, group)
        except GrangeError as error:
            for waiting in group:
                _fail(waiting, error)
            return
        except Exception as error:  # noqa: BLE001 - the next group may do better
            # Whatever it is, nobody may wait for ever.
            _log.exception("The journal was not written.", extra={"action": "journal_broke"})
            for waiting in group:
                _fail(waiting, ThrottledError(f"The journal was not written: {error}"))
            return
        for waiting in group:
            problem = refused.get(id(waiting))
            if problem is not None:
                _fail(waiting, problem)
            elif not waiting.done.done():
                waiting.done.set_result(None)

    def _append_and_sync(self, group: Sequence[_Waiting]) -> dict[int, GrangeError]:
        refused: dict[int, GrangeError] = {}
        for (farm_id, table_name), lists in _by_place(group).items():
            # Many short lists cost the journal much more than a long one.
            try:
                rows = [row for _, found in lists for row in found]
                self._journal.append(farm_id, table_name, rows)
            except InvalidRequestError:
                self._append_each(farm_id, table_name, lists, refused)
        for waiting in group:
            tables = [part for part in waiting.parts if not isinstance(part[2], list)]
            for farm_id, table_name, found in tables:
                self._append_each(farm_id, table_name, [(id(waiting), found)], refused)
        self._journal.sync()
        return refused

    def _append_each(
        self,
        farm_id: str,
        table_name: str,
        found: Sequence[tuple[int, Any]],
        refused: dict[int, GrangeError],
    ) -> None:
        """Append rows of different senders one by one, so that only who sent bad ones is told."""
        for sender, rows in found:
            try:
                self._journal.append(farm_id, table_name, rows)
            except GrangeError as error:
                refused[sender] = error

    async def finish(self) -> None:
        """Wait until everything handed over so far is durable (or refused)."""
        while self._task is not None:
            await asyncio.wait({self._task})


def _by_place(group: Sequence[_Waiting]) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """Return the lists of rows of a group by farm and table, each with its sender."""
    places: dict[tuple[str, str], list[tuple[int, Any]]] = defaultdict(list)
    for waiting in group:
        for farm_id, table_name, rows in waiting.parts:
            if isinstance(rows, list):
                places[farm_id, table_name].append((id(waiting), rows))
    return places


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(error)
