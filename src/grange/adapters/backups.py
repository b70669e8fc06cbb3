"""Backups in folders: one for each, with a list of what must be in it.

A file of the books never changes once it is published, so a backup shares it with the backup before
(a hard link) where the file system can. State and journal are always copies of their own. Rings and
the other files of streams change in their place: each is read until two readings agree, and shared
only if it is what it was.
`master.key` and the server's certificate are never part of a backup.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from grange.adapters.columns import BY_ENTITY, column_map
from grange.adapters.conditions import quoted
from grange.adapters.durable import sync
from grange.adapters.rows import codec_of
from grange.kernel.errors import ConfigurationError, CorruptDataError, StorageFullError
from grange.kernel.units import Instant
from grange.ports.backups import BackupInfo
from grange.ports.state import ManifestRow

LIST = "backup.json"
UNFINISHED = ".unfinished"
STATE = "state"
JOURNAL = "journal"
LOOSE = ("rings", "streams/contacts")
"""Folders of the data folder whose files change in their place."""
_CHUNK = 1 << 20
_READINGS = 8


class CopiedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup."""

    path: str
    byte_count: int
    sha256: str


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds, as written in its list."""

    created_at: Instant
    version: str
    state: str
    revision: str
    files: tuple[CopiedFile, ...]
    beside: tuple[str, ...] = ()
    """Folders outside the data folder that are in it: those of them without a file were empty."""


class BackupFolders:
    """Backups of one data folder; see `ports.backups.BackupVault`."""

    def __init__(
        self, folder: Path, data_dir: Path, beside: Mapping[str, Path] | None = None
    ) -> None:
        """Keep backups in a folder; it is made when the first one begins.

        Args:
            folder: where backups are.
            data_dir: the data folder.
            beside: further folders, by the name they have in a backup: cursors of collectors.
        """
        self._folder = folder
        self._data = data_dir
        self._beside = dict(beside or {})
        self._loose: list[CopiedFile] = []
        self._open: Path | None = None
        self._before: Path | None = None
        self._known: dict[str, CopiedFile] = {}
        self._copied: dict[str, CopiedFile] = {}

    def begin(self, name: str) -> None:
        """Make an unfinished backup; unfinished ones of before are deleted."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self._folder.glob(f"*{UNFINISHED}"):
            shutil.rmtree(old)
        target = self._folder / f"{name}{UNFINISHED}"
        target.mkdir(mode=0o700)
        for part in (STATE, JOURNAL):
            (target / part).mkdir()
        self._open, self._copied, self._known, self._before = target, {}, {}, None
        self._loose = []
        names = [info.name for info in self.backups()]
        if names:
            self._before = self._folder / names[-1]
            self._known = {file.path: file for file in contents_of(self._before).files}

    def add_file(self, row: ManifestRow) -> bool:
        """Put a file of the books into the open backup; False if it is no longer there."""
        if row.path in self._copied:
            return True
        target = self._target() / row.path
        target.parent.mkdir(parents=True, exist_ok=True)
        known = self._known.get(row.path)
        if known is None or known.sha256 != row.sha256 or not self._linked(row.path, target):
            try:
                self._copy(self._data / row.path, target, row.sha256)
            except FileNotFoundError:
                return False
        self._copied[row.path] = CopiedFile(
            path=row.path, byte_count=row.byte_count, sha256=row.sha256
        )
        return True

    def add_loose(self) -> None:
        """Put the rings into the open backup, and what is known of collectors and their cursors."""
        places = {name: self._data / name for name in LOOSE} | self._beside
        for name, source in places.items():
            for path in sorted(found for found in source.rglob("*") if found.is_file()):
                inside = path.relative_to(source)
                # Those with a dot in front and partial ones are being written.
                if path.suffix == ".partial" or any(part.startswith(".") for part in inside.parts):
                    continue
                with suppress(FileNotFoundError):
                    self._add_loose_file(path, f"{name}/{inside.as_posix()}")

    def _add_loose_file(self, source: Path, name: str) -> None:
        content = _settled(source)
        target = self._target() / name
        target.parent.mkdir(parents=True, exist_ok=True)
        file = CopiedFile(
            path=name, byte_count=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        if self._known.get(name) != file or not self._linked(name, target):
            try:
                _write(target, content)
            except OSError as error:
                raise _no_room(target, error) from error
        self._loose.append(file)

    def add_journal(self) -> None:
        """Put the journal, as far as it is written, into the open backup."""
        target = self._target() / JOURNAL
        for path in sorted((self._data / JOURNAL).glob("*.journal")):
            copy = target / path.name
            # Segments only grow: what was copied before is the beginning of what is there now.
            with suppress(FileNotFoundError):
                if not copy.exists() or copy.stat().st_size != path.stat().st_size:
                    self._copy(path, copy, None)

    def state_folder(self) -> str:
        """Return the folder that the state is copied into."""
        return str(self._target() / STATE)

    def copied_manifest(self) -> Sequence[ManifestRow]:
        """Return the live files that the copied state names."""
        return manifest_in(self._target() / STATE)

    def finish(self, *, created_at: Instant, version: str, state: str, revision: str) -> BackupInfo:
        """Make the open backup durable and give it its name."""
        target = self._target()
        wanted = {row.path: row for row in self.copied_manifest()}
        missing = sorted(set(wanted) - set(self._copied))
        if missing:
            raise CorruptDataError(missing[0], "is a live file of the books, but is gone")
        for path in sorted(set(self._copied) - set(wanted)):
            (target / path).unlink()
            del self._copied[path]
        files = [*self._copied.values(), *self._loose]
        for part in (JOURNAL, STATE):
            inside = sorted((target / part).iterdir())
            files += [_described(found, f"{part}/{found.name}") for found in inside]
        contents = Contents(
            created_at=created_at,
            version=version,
            state=state,
            revision=revision,
            files=tuple(sorted(files, key=lambda file: file.path)),
            beside=tuple(sorted(self._beside)),
        )
        (target / LIST).write_bytes(msgspec.json.format(msgspec.json.encode(contents)) + b"\n")
        for found in [target / LIST, *(target / STATE).iterdir(), *(target / JOURNAL).iterdir()]:
            sync(found)
        for place in sorted({path.parent for path in target.rglob("*")}):
            sync(place)
        final = target.with_name(target.name.removesuffix(UNFINISHED))
        target.rename(final)
        sync(self._folder)
        self._open = None
        return _info(final.name, contents)

    def abandon(self) -> None:
        """Delete the open backup."""
        if self._open is not None:
            shutil.rmtree(self._open, ignore_errors=True)
            self._open = None

    def backups(self) -> Sequence[BackupInfo]:
        """Return the finished backups, oldest first."""
        if not self._folder.is_dir():
            return []
        return [
            _info(path.name, contents_of(path))
            for path in sorted(self._folder.iterdir())
            if (path / LIST).is_file() and not path.name.endswith(UNFINISHED)
        ]

    def remove(self, name: str) -> None:
        """Delete a backup; its list first, so that half of one is never taken for a whole."""
        path = self._folder / name
        (path / LIST).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)

    def _target(self) -> Path:
        if self._open is None:
            raise ConfigurationError("No backup is being made.")
        return self._open

    def _linked(self, path: str, target: Path) -> bool:
        if self._before is None:
            return False
        try:
            os.link(self._before / path, target)
        except OSError:
            return False
        return True

    def _copy(self, source: Path, target: Path, sha256: str | None) -> None:
        try:
            digest = copied(source, target)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise _no_room(target, error) from error
        if sha256 is not None and digest != sha256:
            raise CorruptDataError(
                str(source), "is not what was published; run `grange books verify`"
            )


def copied(source: Path, target: Path) -> str:
    """Copy a file, make the copy durable, and return its hash."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def contents_of(backup: Path) -> Contents:
    """Return the list of a backup.

    Raises:
        CorruptDataError: there is none, or it cannot be read.
    """
    try:
        return msgspec.json.decode((backup / LIST).read_bytes(), type=Contents)
    except (OSError, msgspec.DecodeError) as error:
        raise CorruptDataError(str(backup), f"is no finished backup: {error}") from error


def problems_of(backup: Path, contents: Contents) -> list[str]:
    """Return what of a backup is missing or damaged."""
    wrong = []
    for file in contents.files:
        path = backup / file.path
        if not path.is_file():
            wrong.append(f"{file.path} is missing")
        elif _described(path, file.path) != file:
            wrong.append(f"{file.path} is damaged")
    return wrong


def manifest_in(folder: Path) -> list[ManifestRow]:
    """Return the live files that a copy of the state names."""
    copy = folder / "state.db"
    if not copy.exists():
        # Loaded only for PostgreSQL.
        from grange.adapters.postgres.copying import manifest_of  # noqa: PLC0415

        return manifest_of(folder)
    names = ", ".join(quoted(name) for name in column_map(ManifestRow))
    table = BY_ENTITY[ManifestRow].name
    connection = sqlite3.connect(f"file:{copy}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            f"SELECT {names} FROM {quoted(table)} WHERE retired_at IS NULL"  # noqa: S608
        ).fetchall()
    finally:
        connection.close()
    decode = codec_of(ManifestRow).entity
    return [decode(row) for row in rows]


def _settled(path: Path) -> bytes:
    """Return what a file holds while nobody writes it, if it ever rests."""
    content = path.read_bytes()
    for _ in range(_READINGS):
        again = path.read_bytes()
        if again == content:
            break
        content = again
    return content


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as writing:
        writing.write(content)
        writing.flush()
        os.fsync(writing.fileno())


def _no_room(target: Path, error: OSError) -> StorageFullError:
    return StorageFullError(
        f"{target} cannot be written: {error}. Free some space, or set backup_dir to another disk.",
        retry_after_seconds=60,
    )


def _described(path: Path, name: str) -> CopiedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return CopiedFile(path=name, byte_count=size, sha256=digest)


def _info(name: str, contents: Contents) -> BackupInfo:
    return BackupInfo(
        name=name,
        created_at=contents.created_at,
        version=contents.version,
        state=contents.state,
        revision=contents.revision,
        files=len(contents.files),
        byte_count=sum(file.byte_count for file in contents.files),
    )
