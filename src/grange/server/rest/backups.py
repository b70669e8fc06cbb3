"""Backups of the server: begin one, follow it, list them."""

import msgspec
from litestar import get, post

from grange.server.rest.given import Services


class BackupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finished backup."""

    name: str
    created_at: int
    version: str
    state: str
    revision: str
    files: int
    byte_count: int


class BackupProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the backup under way is."""

    name: str
    step: str
    files: int
    files_of: int
    byte_count: int
    bytes_of: int


class BackupRows(msgspec.Struct, frozen=True, kw_only=True):
    """All backups, oldest first; the one under way; why the last one failed."""

    backups: list[BackupRow]
    running: BackupProgress | None
    problem: str | None


class BackupName(msgspec.Struct, frozen=True, kw_only=True):
    """The name of the backup that was begun."""

    name: str


@post("/backups", operation="StartBackup", status_code=202)
async def start_backup(context: Services) -> BackupName:
    """Begin a backup of state and books."""
    return BackupName(name=context.backups.start())


@get("/backups", operation="ListBackups")
async def list_backups(context: Services) -> BackupRows:
    """List the backups, and say how far the one under way is."""
    running = context.backups.running
    return BackupRows(
        backups=[
            msgspec.convert(info, BackupRow, from_attributes=True)
            for info in await context.backups.backups()
        ],
        running=None
        if running is None
        else msgspec.convert(running, BackupProgress, from_attributes=True),
        problem=context.backups.problem,
    )


HANDLERS = [start_backup, list_backups]
