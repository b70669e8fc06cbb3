"""Sites as folders on this machine's disk."""

import os
import re
from pathlib import Path

_PART = re.compile(r"[^/\\\x00]+")
_MOST_BYTES = 255
"""Bytes a file's name may have; one that is longer cannot be there."""


class FolderSite:
    """One folder of static files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Return the names of all files, ascending."""
        if not self._folder.is_dir():
            return []
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file() and not path.name.endswith(".partial")
        )

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is none, or no such name could be."""
        path = self._path(name)
        if path is None:
            return None
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place whole: whoever reads sees the old one or the new one."""
        path = self._path(name)
        if path is None:
            raise ValueError(f"{name!r} is no name of a file in a site.")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not the file's own name, which may be as long as a name can be.
        partial = path.parent / f".{os.getpid()}.{abs(hash(name)):x}.partial"
        partial.write_bytes(content)
        partial.replace(path)

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        path = self._path(name)
        if path is not None:
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path | None:
        parts = name.split("/")
        if any(part in {"", ".", ".."} or not _PART.fullmatch(part) for part in parts):
            return None
        if any(len(part.encode("utf-8", "replace")) > _MOST_BYTES for part in parts):
            return None
        path = self._folder.joinpath(*parts)
        # A link inside must not lead out either.
        if not path.parent.resolve().is_relative_to(self._folder.resolve()) or path.is_symlink():
            return None
        return path


class FolderSites:
    """Every farm's site in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, farm_id: str) -> FolderSite:
        """Return a farm's site; it may be empty."""
        if not re.fullmatch(r"[A-Za-z0-9-]+", farm_id):
            raise ValueError(f"{farm_id!r} is no farm's id.")
        return FolderSite(self._root / farm_id)
