"""Backups of a server's data folder, and the way back."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from grange.adapters.backups import BackupFolders
from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.adapters.restoring import backup_named, checked, restore
from grange.config.settings import ServerSettings
from grange.config.streams import load_streams
from grange.config.streams_collect import collect_folder
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.ports.backups import BackupInfo
from grange.services.backup import backup_name

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back."""

    name: str
    created_at: int
    kept: Path
    """Where what was there before is now."""
    master_key: Path
    """Is not part of a backup."""
    has_master_key: bool
    collected_elsewhere: bool
    """Collectors whose cursors are not in the backup handed something in."""


def vault(settings: ServerSettings) -> BackupFolders:
    """Return where a server's backups are."""
    return BackupFolders(settings.backups, settings.data_dir, beside())


def beside() -> dict[str, Path]:
    """Return the folders outside the data folder that are in a backup: this machine's cursors.

    A streams.toml that cannot be read is no reason to go without a backup.
    """
    try:
        section = load_streams().collect
    except GrangeError as error:
        _log.warning(
            "streams.toml cannot be read, so cursors are left out of the backup.",
            extra={"action": "cursors_left_out", "reason": str(error)},
        )
        return {}
    return {"cursors": collect_folder(section) / "cursors"}


def list_backups(settings: ServerSettings) -> list[BackupInfo]:
    """Return the backups of a data folder, oldest first."""
    return list(vault(settings).backups())


def restore_backup(
    settings: ServerSettings,
    *,
    name: str | None = None,
    folder: Path | None = None,
    clock: Clock | None = None,
) -> Restored:
    """Put a backup in the place of what is in the data folder; no server may run on it.

    Args:
        settings: the server's.
        name: the backup, or the beginning of its name; None: the newest.
        folder: where backups are; default: as the settings say.
        clock: default: the machine's.

    Raises:
        ConflictError: a server holds the folder.
        NotFoundError: there is no such backup.
        CorruptDataError: the backup is damaged; nothing was changed.
    """
    clock = clock or SystemClock()
    now = clock.now()
    with FolderLock(settings.data_dir, started_at=now):
        backup = backup_named(folder or settings.backups, name)
        contents = checked(backup, "postgresql" if settings.state_url else "sqlite")

        async def replace_database(state: Path, revision: str, keep: Path) -> None:
            # asyncpg is loaded only where it is wanted.
            from grange.adapters.postgres.copying import replace  # noqa: PLC0415

            await replace(settings.state_url, state, revision, keep)

        kept = asyncio.run(
            restore(
                backup,
                contents,
                settings.data_dir,
                stamp=backup_name(now),
                replace_database=replace_database if settings.state_url else None,
                beside=beside(),
            )
        )
    key = settings.data_dir / "master.key"
    return Restored(
        name=backup.name,
        created_at=contents.created_at,
        kept=kept,
        master_key=key,
        has_master_key=key.exists(),
        collected_elsewhere=any(
            file.path.startswith("streams/contacts/") for file in contents.files
        ),
    )
