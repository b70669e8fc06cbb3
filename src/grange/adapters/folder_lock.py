"""One server per data folder: a file lock that ends with its process."""

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from grange.kernel.errors import ConflictError
from grange.kernel.units import Instant, iso8601

NAME = "lock"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a data folder, as written in its lock file."""

    pid: int
    host: str
    started_at: Instant
    address: str = ""
    """Where it answers; empty until it listens."""


class FolderLock:
    """The right to use a data folder. The kernel takes it back when the process dies."""

    def __init__(self, folder: Path, *, started_at: Instant) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._holder = Holder(pid=os.getpid(), host=socket.gethostname(), started_at=started_at)
        self._file: int | None = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def take(self) -> None:
        """Take the folder, making it where needed.

        Raises:
            ConflictError: another process holds it; the message says which.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise self._conflict() from error
        self._file = file
        self._write(self._holder)

    def say(self, address: str) -> None:
        """Write down where this server answers."""
        self._write(msgspec.structs.replace(self._holder, address=address))

    def release(self) -> None:
        """Give the folder back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, holder: Holder) -> None:
        if self._file is None:
            raise RuntimeError("The folder is not held.")
        data = msgspec.json.encode(holder) + b"\n"
        os.pwrite(self._file, data, 0)
        os.ftruncate(self._file, len(data))

    def _conflict(self) -> ConflictError:
        holder = holder_of(self._folder)
        if holder is None:
            who = "another process"
        else:
            where = f" at {holder.address}" if holder.address else ""
            since = iso8601(holder.started_at)
            who = f"process {holder.pid} on {holder.host}{where}, started at {since}"
        return ConflictError(
            f"{self._folder} is in use by {who}. Stop it, or choose another folder with --data.",
            reason="STATUS_CONFLICT",
            resource_type="folder",
            resource_id=str(self._folder),
            context={"holder": who},
        )


def holder_of(folder: Path) -> Holder | None:
    """Return who last took the folder (it may be gone), or None if nobody wrote that down."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Holder)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
