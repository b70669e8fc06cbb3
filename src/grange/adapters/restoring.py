"""A backup takes the place of what is in a data folder; what was there is kept beside it."""

import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from grange.adapters.backups import (
    JOURNAL,
    LOOSE,
    STATE,
    Contents,
    contents_of,
    copied,
    problems_of,
)
from grange.adapters.durable import sync
from grange.kernel.errors import ConfigurationError, CorruptDataError, NotFoundError

REPLACED = "replaced"
_COMING = ".restoring"
_FIXED = ("blocks", "rollups")
"""Their files never change, so a backup may share them."""
_PARTS = (JOURNAL, *_FIXED, *LOOSE)
_STATE_FILES = ("state.db", "state.db-wal", "state.db-shm")

ReplaceDatabase = Callable[[Path, str, Path], Awaitable[None]]
"""Called with the copied state, its revision, and a folder to keep what is there now."""


def backup_named(folder: Path, name: str | None) -> Path:
    """Return a backup; without a name the newest.

    Args:
        folder: where backups are.
        name: a backup's name, or the beginning of one: its day, say. The newest of those is meant.

    Raises:
        NotFoundError: there is none.
    """
    names = sorted(path.name for path in folder.glob("*") if (path / "backup.json").is_file())
    found = [known for known in names if name is None or known.startswith(name)]
    if not found:
        raise NotFoundError("backup", name or str(folder))
    return folder / found[-1]


def checked(backup: Path, kind: str) -> Contents:
    """Return what a backup holds, after reading all of it.

    Raises:
        ConfigurationError: its state is of another kind of database.
        CorruptDataError: something is missing or damaged; nothing was changed.
    """
    contents = contents_of(backup)
    if contents.state != kind:
        raise ConfigurationError(
            f"The backup {backup.name} holds state of {contents.state}; this server keeps its state"
            f" in {kind}. Set state_url accordingly."
        )
    problems = problems_of(backup, contents)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CorruptDataError(str(backup), "; ".join(problems[:3]) + more)
    return contents


async def restore(
    backup: Path,
    contents: Contents,
    data_dir: Path,
    *,
    stamp: str,
    replace_database: ReplaceDatabase | None = None,
    beside: Mapping[str, Path] | None = None,
) -> Path:
    """Put a backup in the place of what is in a data folder that no server holds.

    Everything is copied first, so that the change itself is a few renames.

    Args:
        backup: the backup.
        contents: what `checked` returned.
        data_dir: the data folder.
        stamp: names the folder that what is there now is moved to.
        replace_database: for state in a database server; None: state.db.
        beside: folders outside the data folder, by the name they have in a backup; those that the
            backup knows are replaced too.

    Returns:
        The folder that holds what was there before.
    """
    coming = data_dir / _COMING
    if coming.exists():
        shutil.rmtree(coming)
    coming.mkdir(mode=0o700)
    for part in _PARTS:
        (coming / part).mkdir(parents=True)
    for file in contents.files:
        part = file.path.split("/", 1)[0]
        if part == STATE or part in contents.beside:
            continue
        target = coming / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        _bring(backup / file.path, target, share=part in _FIXED)
    if replace_database is None:
        copied(backup / STATE / "state.db", coming / "state.db")
    kept = data_dir / REPLACED / stamp
    kept.mkdir(parents=True, mode=0o700)
    if replace_database is not None:
        (kept / STATE).mkdir()
        await replace_database(backup / STATE, contents.revision, kept / STATE)
    _swap(coming, data_dir, kept)
    for name, place in (beside or {}).items():
        if name in contents.beside:
            _replace_beside(backup, contents, name, place, kept)
    for place in (kept, data_dir):
        sync(place)
    return kept


def _swap(coming: Path, data_dir: Path, kept: Path) -> None:
    """Move what is there away, and what comes in its place."""
    for source, target in ((data_dir, kept), (coming, data_dir)):
        for name in (*_STATE_FILES, *_PARTS):
            if (source / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).rename(target / name)
    shutil.rmtree(coming)


def _replace_beside(backup: Path, contents: Contents, name: str, place: Path, kept: Path) -> None:
    """Put a folder that lies elsewhere in its place; what is there is kept with the rest."""
    fresh = place.with_name(f"{place.name}{_COMING}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for file in contents.files:
        part, _, inside = file.path.partition("/")
        if part == name:
            (fresh / inside).parent.mkdir(parents=True, exist_ok=True)
            copied(backup / file.path, fresh / inside)
    if place.exists():
        shutil.move(place, kept / name)
    fresh.rename(place)
    sync(place)
    sync(place.parent)


def _bring(source: Path, target: Path, *, share: bool) -> None:
    """Copy a file; one that never changes is shared where the file system can."""
    if share:
        try:
            os.link(source, target)
        except OSError:
            copied(source, target)
    else:
        copied(source, target)
