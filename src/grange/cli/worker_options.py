"""What the command line says about a worker."""

from dataclasses import dataclass
from pathlib import Path

from grange.config.client import default_worker_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What the command line said."""

    server: str | None
    name: str | None
    threads: int
    data_dir: Path | None
    farm: str | None
    fleet: str | None
    job_user: str | None
    allow_root: bool
    watts: float | None
    pass_env: tuple[str, ...]
    renderers: tuple[str, ...] = ()
    """NAME=PATH."""
    contain: bool = True
    copy_rate: float | None = None
    """MiB a second."""
    hail: bool = True
    hail_port: int = 0
    parent: int | None = None
    shutdown_command: str | None = None
    restart_command: str | None = None
    token: str | None = None
    """An owner's token to join with."""
    fingerprint: str | None = None
    """Pins the authority of the server that is joined."""

    given: frozenset[str] = frozenset()
    """Names of those of all these that the command line gave; the others are defaults."""

    @property
    def folder(self) -> Path:
        """The worker's folder."""
        return (self.data_dir or default_worker_dir()).absolute()
