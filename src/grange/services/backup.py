"""Backups while the server runs: blocks and journal first, state last.

A fact moves from the state to the outbox, to the journal, into a file. While the last of the
journal is copied and the state's moment is fixed, nothing leaves the outbox: so each fact is in the
copy of the journal or in that of the outbox (or in both, which keys make harmless).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grange.kernel.clock import Clock
from grange.kernel.errors import ConflictError, GrangeError
from grange.kernel.units import Instant, datetime_of
from grange.ports.backups import BackupInfo, BackupVault, StateCopy
from grange.ports.state import ManifestRow, StateStore
from grange.services.books.drain import Drain

KEEP = 20
FIRST_SECONDS = 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a backup is."""

    name: str
    step: str
    """files, rings, journal, state, last files or finished."""
    files: int = 0
    files_of: int = 0
    byte_count: int = 0
    bytes_of: int = 0


def backup_name(now: Instant) -> str:
    """Return the name of a backup made at an instant."""
    return datetime_of(now).strftime("%Y-%m-%dT%H-%M-%SZ")


def superfluous(names: Sequence[str], keep: int) -> list[str]:
    """Return the backups that are no longer kept: all but the oldest and the newest.

    Args:
        names: all there are, oldest first.
        keep: how many to keep, at least 2: always the oldest, and the newest others.
    """
    if len(names) <= keep:
        return []
    return list(names[1 : len(names) - keep + 1])


class Backups:
    """Makes backups, one at a time."""

    def __init__(
        self,
        *,
        store: StateStore,
        copier: StateCopy,
        drain: Drain,
        vault: BackupVault,
        clock: Clock,
        version: str,
        keep: int = KEEP,
    ) -> None:
        """Back up one server.

        Args:
            store: names the files of the books.
            copier: the same store, as something that can be copied.
            drain: of the outbox; it pauses for a moment.
            vault: where backups are.
            clock: the server's clock.
            version: Grange's version.
            keep: how many backups to keep.
        """
        self._store = store
        self._copier = copier
        self._drain = drain
        self._vault = vault
        self._clock = clock
        self._version = version
        self._keep = max(2, keep)
        self._running: Progress | None = None
        self._task: asyncio.Task[BackupInfo] | None = None
        self.problem: str | None = None
        """Why the last backup failed; None if it did not."""

    @property
    def running(self) -> Progress | None:
        """How far the backup under way is; None if there is none."""
        return self._running

    def start(self) -> str:
        """Begin a backup and return its name.

        Raises:
            ConflictError: one is being made.
        """
        if self._running is not None:
            raise ConflictError(
                f"The backup {self._running.name} is being made. Wait until it is finished.",
                reason="STATUS_CONFLICT",
                resource_type="backup",
                resource_id=self._running.name,
            )
        name = backup_name(self._clock.now())
        self._running = Progress(name=name, step="files")
        self.problem = None
        self._task = asyncio.create_task(self._make(name), name="backup")
        self._task.add_done_callback(_look)
        return name

    async def make(self) -> BackupInfo:
        """Make a backup and wait for it.

        Raises:
            ConflictError: one is being made.
        """
        self.start()
        if self._task is None:
            raise RuntimeError("The backup was not started.")
        return await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Give up the backup under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def backups(self) -> Sequence[BackupInfo]:
        """Return the finished backups, oldest first."""
        return await asyncio.to_thread(self._vault.backups)

    async def run(self, every_seconds: float) -> None:
        """Make a backup whenever the newest one is older than this; cancel to stop.

        The first one waits until the server has run for a while.
        """
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            known = await self.backups()
            newest = known[-1].created_at if known else Instant(0)
            age = (self._clock.now() - newest) / 1000
            if age >= every_seconds:
                try:
                    await self.make()
                except (GrangeError, OSError) as error:
                    _log.warning(
                        "The backup failed.", exc_info=error, extra={"action": "backup_failed"}
                    )
                age = 0.0
            await self._clock.sleep(every_seconds - age)

    async def _make(self, name: str) -> BackupInfo:
        try:
            made = await self._copied(name)
            for old in superfluous([info.name for info in await self.backups()], self._keep):
                await asyncio.to_thread(self._vault.remove, old)
        except BaseException as error:
            self.problem = str(error) or type(error).__name__
            await asyncio.to_thread(self._vault.abandon)
            raise
        else:
            return made
        finally:
            self._running = None

    async def _copied(self, name: str) -> BackupInfo:
        created_at = self._clock.now()
        await asyncio.to_thread(self._vault.begin, name)
        await self._files(await self._store.manifest(), name, "files")
        # Rings before the journal: what is in a ring is then in the copied journal as well.
        self._running = Progress(name=name, step="rings")
        await asyncio.to_thread(self._vault.add_loose)
        self._running = Progress(name=name, step="journal")
        await asyncio.to_thread(self._vault.add_journal)
        self._running = Progress(name=name, step="state")
        revision = await self._state()
        # What was published meanwhile is on the disk: replaced files linger.
        await self._files(await asyncio.to_thread(self._vault.copied_manifest), name, "last files")
        self._running = Progress(name=name, step="finished")
        return await asyncio.to_thread(
            lambda: self._vault.finish(
                created_at=created_at,
                version=self._version,
                state=self._copier.kind,
                revision=revision,
            )
        )

    async def _state(self) -> str:
        """Copy the end of the journal, then the state, and return its revision.

        The outbox keeps its facts until both are fixed.
        """
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()

        def fixed() -> None:
            loop.call_soon_threadsafe(begun.set)

        async with self._drain.held():
            await asyncio.to_thread(self._vault.add_journal)
            folder = self._vault.state_folder()
            copying = asyncio.create_task(self._copier.copy(folder, fixed))
            waiting = asyncio.create_task(begun.wait())
            await asyncio.wait({copying, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        return await copying

    async def _files(self, rows: Sequence[ManifestRow], name: str, step: str) -> None:
        total = sum(row.byte_count for row in rows)
        progress = Progress(name=name, step=step, files_of=len(rows), bytes_of=total)
        for row in sorted(rows, key=lambda row: (row.start_at, row.path)):
            self._running = progress
            await asyncio.to_thread(self._vault.add_file, row)
            progress = replace(
                progress, files=progress.files + 1, byte_count=progress.byte_count + row.byte_count
            )
        self._running = progress


def _look(task: "asyncio.Task[BackupInfo]") -> None:
    """Take note of a failure, so that nobody has to wait for the task."""
    if not task.cancelled() and task.exception() is not None:
        _log.warning(
            "The backup failed.",
            exc_info=task.exception(),
            extra={"action": "backup_failed"},
        )
