"""Who this worker is: its id on disk, so that a restarted worker comes back as the same one."""

import os
from pathlib import Path
from typing import IO

import msgspec

from grange.kernel.errors import ConfigurationError

try:
    import fcntl
except ImportError:  # a system without it has no other worker's lock to respect
    fcntl = None  # type: ignore[assignment]


FILE = "worker.json"
"""In the worker's folder: who it is."""


class Identity(msgspec.Struct, kw_only=True, frozen=True):
    """What `worker.json` holds."""

    farm_id: str
    fleet_id: str
    worker_id: str


class StateFolder:
    """The folder of one worker, locked while it runs; only its user may read it.

    Raises:
        ConfigurationError: another worker runs on the folder.
    """

    def __init__(self, path: Path, farm_id: str, fleet_id: str) -> None:
        self.path = path
        self._farm_id = farm_id
        self._fleet_id = fleet_id
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        self._lock = self._take_lock()

    def worker_id(self) -> str | None:
        """Return the id an earlier worker of this folder had in this fleet."""
        return known_worker(self.path, self._farm_id, self._fleet_id)

    def remember(self, worker_id: str | None) -> None:
        """Keep the worker's id, or forget it."""
        target = self.path / FILE
        if worker_id is None:
            target.unlink(missing_ok=True)
            return
        identity = Identity(farm_id=self._farm_id, fleet_id=self._fleet_id, worker_id=worker_id)
        write_atomically(target, msgspec.json.encode(identity))

    def close(self) -> None:
        """Let another worker have the folder."""
        self._lock.close()

    def _take_lock(self) -> IO[str]:
        path = self.path / "lock"
        file = path.open("a+", encoding="ascii")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise ConfigurationError(
                f"A worker already runs on {self.path} (process {holder}). Give this one another"
                " folder with --data."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


def known_worker(folder: Path, farm_id: str, fleet_id: str) -> str | None:
    """Return the id that the worker of a folder has in a fleet; None: it has not registered there.

    Raises:
        ConfigurationError: the file that holds it cannot be read.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        identity = msgspec.json.decode(content, type=Identity)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}). Remove it to register anew."
        ) from error
    same = (identity.farm_id, identity.fleet_id) == (farm_id, fleet_id)
    return identity.worker_id if same else None


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file, readable by its owner alone; after a crash it is the old or the new one."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def make_folder(path: Path, mode: int) -> None:
    """Make a folder that only those may look into whom the mode lets."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
