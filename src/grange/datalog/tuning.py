"""Settings of a data logger that may change while it runs (S3-24), and where files lie (S3-22)."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from grange.kernel.errors import FieldProblem, InvalidRequestError

_LEGACY = "%(rrd_file)s"
"""janitoo's word for {series}."""
_FIELDS = re.compile(r"\{([^{}]*)\}")


class Tuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change while a logger runs."""

    cache_ttl_seconds: int = 3600
    """Rows older than this go to their file."""
    dump_seconds: int = 60
    """How often the logger's memory is put in its log, which bounds the time of a restart."""
    dead_ttl_seconds: int = 86_400
    """A series without a value for so long leaves cache and index; its file stays."""
    dirmask: str = ""
    """Folder of a series' file below the folder of all of them; `{series}` is its name."""
    filemask: str = "{series}.ring"
    """Name of a series' file; it must hold `{series}`, here or in `dirmask`."""

    def changed(self, changes: Mapping[str, int | str]) -> "Tuning":
        """Return the settings with some of them changed.

        Raises:
            InvalidRequestError: one is unknown or not allowed.
        """
        try:
            found = msgspec.convert({**msgspec.to_builtins(self), **changes}, Tuning)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(f"These are no settings: {error}.") from error
        found.check()
        return found

    def check(self) -> None:
        """Refuse settings that cannot be worked with.

        Raises:
            InvalidRequestError: a time is too short, or a mask leads outside.
        """
        for name in ("cache_ttl_seconds", "dump_seconds", "dead_ttl_seconds"):
            if getattr(self, name) < 1:
                raise _wrong(name, "must be 1 or more")
        for name in ("dirmask", "filemask"):
            mask: str = getattr(self, name).replace(_LEGACY, "{series}")
            strange = set(_FIELDS.findall(mask)) - {"series"}
            if strange:
                raise _wrong(name, f"knows {{series}} alone, not {{{min(strange)}}}")
        if "/" in self.filemask:
            raise _wrong("filemask", "is a name; folders belong in dirmask")
        if self.place("one") == self.place("two"):
            raise _wrong("filemask", "needs {series}: every series has a file of its own")
        self.place("x")

    def place(self, series: str) -> PurePosixPath:
        """Return where the file of a series lies, below the folder of all of them.

        Raises:
            InvalidRequestError: it would lie outside.
        """
        parts = [
            part.replace(_LEGACY, series).replace("{series}", series)
            for part in (*self.dirmask.split("/"), self.filemask)
        ]
        path = PurePosixPath(*[part for part in parts if part])
        if (
            path.is_absolute()
            or self.dirmask.startswith("/")
            or any(part.startswith(".") or "\0" in part or "\\" in part for part in path.parts)
            or not path.parts
        ):
            raise _wrong("dirmask, filemask", f"lead to {path}, outside the folder of files")
        return path

    def path(self, root: Path, series: str) -> Path:
        """Return the path of a series' file, links resolved.

        Raises:
            InvalidRequestError: it would lie outside the root.
        """
        found = (root / self.place(series)).resolve()
        if not found.is_relative_to(root.resolve()):
            raise _wrong("dirmask, filemask", f"lead to {found}, outside the folder of files")
        return found


def _wrong(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])
