"""Taking finished files to where they belong: whole or not at all.

Each file is written under a hidden name beside its place, read back and compared, and forced to the
disk. Only when all of an action's files are there do they get their names.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.kernel.units import Instant

PIECE_BYTES = 2**20
PAUSES_SECONDS = (0.5, 2.0, 5.0)
"""Before each further try."""
_HOPELESS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST}
)


class CopyError(GrangeError):
    """Files could not be taken to their place; none of them is there in part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy took."""

    files: int
    byte_count: int
    millis: int
    errors: int
    """Tries that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One try to copy one file."""

    place: Path
    at: Instant
    """When it ended."""
    millis: int
    byte_count: int
    error: bool


def copy_files(
    pairs: Sequence[tuple[Path, Path]],
    *,
    tag: str,
    clock: Clock,
    bytes_per_second: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    note: Callable[[Transfer], None] = lambda _: None,
) -> Copied:
    """Copy files to their places, all of them or none.

    Args:
        pairs: (file, its place).
        tag: goes into the hidden names, so that two workers never share one.
        clock: paces a throttled copy.
        bytes_per_second: not faster than this.
        cancelled: asked between pieces.
        note: told of each try, whether it worked or not.

    Raises:
        CopyError: it did not work; what was written is removed where it still can be.
    """
    began = clock.monotonic_seconds()
    errors = byte_count = 0
    partial: list[tuple[Path, Path]] = []
    try:
        for source, place in pairs:
            hidden = place.with_name(f".{place.name[:180]}.{tag}.part")
            partial.append((hidden, place))
            tries = _Tries(place, clock, note)
            written, failed = _tried(source, hidden, tries, bytes_per_second, cancelled)
            byte_count += written
            errors += failed
        for hidden, place in partial:
            hidden.replace(place)
        for folder in {place.parent for _, place in pairs}:
            _force_folder(folder)
    except OSError as error:
        _remove(partial)
        raise CopyError(
            f"{error.filename2 or error.filename or 'A file'} could not be written:"
            f" {error.strerror or error}"
        ) from error
    except CopyError:
        _remove(partial)
        raise
    _remove_stale([place for _, place in pairs], tag)
    millis = round((clock.monotonic_seconds() - began) * 1000)
    return Copied(files=len(pairs), byte_count=byte_count, millis=millis, errors=errors)


class _Tries:
    """Notes the tries to copy one file."""

    def __init__(self, place: Path, clock: Clock, note: Callable[[Transfer], None]) -> None:
        self._place = place
        self.clock = clock
        self._note = note
        self._began = 0.0

    def begin(self) -> None:
        """A try begins."""
        self._began = self.clock.monotonic_seconds()

    def end(self, byte_count: int, *, error: bool) -> None:
        """It is over."""
        millis = round((self.clock.monotonic_seconds() - self._began) * 1000)
        self._note(
            Transfer(
                place=self._place,
                at=self.clock.now(),
                millis=millis,
                byte_count=byte_count,
                error=error,
            )
        )


def _tried(
    source: Path,
    hidden: Path,
    tries: _Tries,
    bytes_per_second: float | None,
    cancelled: Callable[[], bool],
) -> tuple[int, int]:
    """Copy one file, again if that fails; return its size and how many tries failed."""
    for failed, pause in enumerate((*PAUSES_SECONDS, None)):
        tries.begin()
        try:
            written = _copy(source, hidden, tries.clock, bytes_per_second, cancelled)
        except OSError as error:
            tries.end(0, error=True)
            if pause is None or error.errno in _HOPELESS:
                raise
            with suppress(OSError):  # it is in the way of nothing: the next try writes it anew
                hidden.unlink()
            threading.Event().wait(pause)
        else:
            tries.end(written, error=False)
            return written, failed
    raise AssertionError("the last try raises")


def _copy(
    source: Path,
    hidden: Path,
    clock: Clock,
    bytes_per_second: float | None,
    cancelled: Callable[[], bool],
) -> int:
    hidden.parent.mkdir(parents=True, exist_ok=True)
    mode = source.stat().st_mode & 0o777
    sent, written = hashlib.blake2b(), 0
    began = clock.monotonic_seconds()
    target = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with source.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                if cancelled():
                    raise CopyError("The copy was canceled.")
                sent.update(piece)
                _write_all(target, piece)
                written += len(piece)
                if bytes_per_second is not None:
                    ahead = written / bytes_per_second - (clock.monotonic_seconds() - began)
                    if ahead > 0:
                        threading.Event().wait(ahead)
        os.fsync(target)
        if hasattr(os, "posix_fadvise"):  # so that the medium is read, not what was just written
            os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
        os.lseek(target, 0, os.SEEK_SET)
        kept = hashlib.blake2b()
        while piece := os.read(target, PIECE_BYTES):
            kept.update(piece)
    finally:
        os.close(target)
    if kept.digest() != sent.digest():
        raise OSError(errno.EIO, "what was read back is not what was written", str(hidden))
    return written


def _write_all(target: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(target, view) :]


def _force_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no such thing
            raise
    finally:
        os.close(descriptor)


def _remove(partial: Sequence[tuple[Path, Path]]) -> None:
    for hidden, _ in partial:
        with suppress(OSError):  # the place is out of reach: the next copy to it tidies up
            hidden.unlink()


def _remove_stale(places: Sequence[Path], tag: str) -> None:
    """Remove what copies that were cut off left beside these places."""
    names = {place.name[:180] for place in places}
    for folder in {place.parent for place in places}:
        with suppress(OSError):  # tidying up is no part of the copy
            for entry in folder.glob(".*.part"):
                stem, _, of = entry.name[1 : -len(".part")].rpartition(".")
                if stem in names and of != tag:
                    entry.unlink()
