"""Copies of state and books, made while the server runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from grange.kernel.units import Instant
from grange.ports.state import ManifestRow


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupInfo:
    """One finished backup."""

    name: str
    """Its time in UTC; names sort as times do."""
    created_at: Instant
    version: str
    """Of Grange."""
    state: str
    """sqlite or postgresql."""
    revision: str
    """Of the state's tables."""
    files: int
    byte_count: int
    """What a copy of everything takes; files shared with other backups are on the disk once."""


class StateCopy(Protocol):
    """A state store that can be copied while it is written."""

    @property
    def kind(self) -> str:
        """Return sqlite or postgresql."""
        ...

    async def copy(self, folder: str, begun: Callable[[], None]) -> str:
        """Copy all committed rows, as of one moment, into an empty folder.

        Args:
            folder: an existing folder.
            begun: called as soon as that moment is fixed, from any thread.

        Returns:
            The revision of the tables.

        Raises:
            StorageFullError: the disk is full.
        """
        ...


class BackupVault(Protocol):
    """Where backups are. Its methods block: call them from a thread."""

    def begin(self, name: str) -> None:
        """Make an unfinished backup; unfinished ones of before are deleted."""
        ...

    def add_file(self, row: ManifestRow) -> bool:
        """Put a file of the books into the open backup; False if it is no longer there.

        Raises:
            CorruptDataError: it is not what was published.
            StorageFullError: the disk is full.
        """
        ...

    def add_loose(self) -> None:
        """Put the rings into the open backup, and what is known of collectors and their cursors.

        Do so before the journal: what is in a ring must be in the copy of the journal too.

        Raises:
            StorageFullError: the disk is full.
        """
        ...

    def add_journal(self) -> None:
        """Put the journal, as far as it is written, into the open backup."""
        ...

    def state_folder(self) -> str:
        """Return the folder of the open backup that the state is copied into."""
        ...

    def copied_manifest(self) -> Sequence[ManifestRow]:
        """Return the live files that the copied state names."""
        ...

    def finish(self, *, created_at: Instant, version: str, state: str, revision: str) -> BackupInfo:
        """Make the open backup durable and give it its name."""
        ...

    def abandon(self) -> None:
        """Delete the open backup."""
        ...

    def backups(self) -> Sequence[BackupInfo]:
        """Return the finished backups, oldest first."""
        ...

    def remove(self, name: str) -> None:
        """Delete a backup."""
        ...
