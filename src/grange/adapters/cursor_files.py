"""Cursors as JSON files, one for each stream and machine, so that people can read them too."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grange.kernel.errors import CorruptDataError
from grange.ports.cursors import StreamCursor

_PLAIN = re.compile(r"[^A-Za-z0-9_.@-]")
_LONGEST = 100


class CursorFiles:
    """A `CursorStore` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, stream: str, kind: str, machine: str) -> StreamCursor | None:
        """Return a cursor; None if there is none."""
        return self._read(self._path(f"{kind}_{stream}@{machine}"))

    def save(self, cursor: StreamCursor) -> None:
        """Keep a cursor; it is durable when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(cursor.name)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(cursor)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def all(self) -> Iterator[StreamCursor]:
        """Yield every cursor, by name."""
        for path in sorted(self._folder.glob("*.json")):
            cursor = self._read(path)
            if cursor is not None:
                yield cursor

    def _read(self, path: Path) -> StreamCursor | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=StreamCursor)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise CorruptDataError(
                str(path), f"is no cursor ({error}); delete it to read the logs again from the top."
            ) from error

    def _path(self, name: str) -> Path:
        plain = _PLAIN.sub("_", name)
        if plain != name or len(plain) > _LONGEST:
            # Another name must never share the file.
            told = hashlib.sha256(name.encode()).hexdigest()[:12]
            plain = f"{plain[:_LONGEST]}.{told}"
        return self._folder / f"{plain}.json"
