"""What a worker is told when it is started."""

import grp
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from grange.config.settings import is_loopback
from grange.kernel.errors import ConfigurationError

PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TMPDIR",
    "TZ",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""Environment variables that jobs inherit; those beginning with LC_ too."""
NEVER_PASSED_ON = ("AWS_", "GRANGE_")
"""Variables beginning so never reach a job, whatever the administrator lists."""


def job_environment(environ: Mapping[str, str], more: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the variables of the worker's environment that jobs inherit.

    Args:
        environ: the worker's environment.
        more: names the administrator lists; one that ends in `*` stands for all it begins.
    """
    listed = (*PASSED_ON, "LC_*", *more)
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(NEVER_PASSED_ON)
        and any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in listed)
    }


def login_shell(user: str) -> str:
    """Return the login shell of a user of this machine."""
    return pwd.getpwnam(user).pw_shell


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The settings of one worker process."""

    farm_id: str
    fleet_id: str
    state_dir: Path
    """Folder of the worker's identity, spool and logs; one worker per folder."""
    server_host: str = "127.0.0.1"
    """Host of the server's address: a worker of another machine's farm is more careful."""
    name: str = ""
    """What the farm shows; empty: the machine's name. Workers of one machine need names apart."""
    threads: int = 1
    """Job threads: how many sessions run at a time."""
    session_root: Path | None = None
    """Folder that sessions work in; default: `sessions` in the state folder, or, for jobs that run
    as another user, a folder of the system's temporary files."""
    job_user: str = ""
    """`user` or `user:group` that jobs run as, through sudo, whatever their queue says; empty: as
    the queue says, or as the worker's own user."""
    allow_root: bool = False
    """Let jobs run as root."""
    watts: float | None = None
    """Rated power of the machine."""
    relative_speed: float = 1.0
    """How fast the machine is, compared with others; see `grange.worker.speed`."""
    version: str = field(default_factory=lambda: version("grange"))
    """Of this program, as the farm shows it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that jobs inherit; see `job_environment`."""
    runner_command: tuple[str, ...] = (sys.executable, "-m", "grange.wiring.runner")
    """Starts the nursery of runners; the socket's number and this process's are added."""
    zone: str = "UTC"
    """The machine's zone, which its hours are read in."""
    renderers: Mapping[str, str] = field(default_factory=dict)
    """Renderer → path of its program, where it is not found by itself; empty path: it is hidden."""
    contain: bool = True
    """Write what jobs name as output to this machine first, then copy it to its place."""
    copy_bytes_per_second: float | None = None
    """Such copies are not faster than this."""
    hail: bool = True
    """Let neighbours ask whether this worker lives."""
    hail_port: int = 0
    """Where they ask; 0: any free port."""
    power_commands: Mapping[str, str] = field(default_factory=dict)
    """`shutdown` and `restart` → the command that does it to the machine."""
    spool_bytes: int = 1_000_000_000
    """How much may wait on disk for the server."""

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 1024:
            raise ConfigurationError(f"'threads' must be 1 to 1024, not {self.threads}.")
        if self.watts is not None and self.watts <= 0:
            raise ConfigurationError(f"'watts' must be more than 0, not {self.watts}.")
        if self.relative_speed <= 0:
            raise ConfigurationError(
                f"'relative_speed' must be more than 0, not {self.relative_speed}."
            )
        if self.copy_bytes_per_second is not None and self.copy_bytes_per_second <= 0:
            raise ConfigurationError(
                f"'copy_bytes_per_second' must be more than 0, not {self.copy_bytes_per_second}."
            )
        user, colon, group = self.job_user.partition(":")
        if self.job_user and (not user or (colon and not group)):
            raise ConfigurationError(
                f"'job_user' must read user or user:group, not {self.job_user!r}."
            )

    @property
    def joined(self) -> bool:
        """True if the server may be on another machine."""
        return not is_loopback(self.server_host)

    @property
    def posix_user(self) -> tuple[str, str] | None:
        """The user and group that every job runs as; None if the queue decides.

        Raises:
            ConfigurationError: there is no such user.
        """
        if not self.job_user:
            return None
        user, _, group = self.job_user.partition(":")
        return user, group or group_of(user)


def group_of(user: str) -> str:
    """Return the primary group of a user of this machine.

    Raises:
        ConfigurationError: there is no such user.
    """
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError as error:
        raise ConfigurationError(
            f"Jobs are to run as {user}, but this machine has no such user, or no group of it."
        ) from error


def check_root(settings: WorkerSettings, effective_user: int) -> None:
    """Raise ConfigurationError if jobs would run as root on behalf of another machine."""
    if effective_user == 0 and settings.joined and not settings.job_user:
        if settings.allow_root:
            return
        raise ConfigurationError(
            "This worker runs as root and would run its jobs as root. Start it as another user,"
            " give --job-user USER, or say --allow-root if you mean it."
        )
