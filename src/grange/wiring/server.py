"""`grange server`: the parent that holds folder and socket and keeps its two children running."""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.clock import SystemClock
from grange.config.load import Loaded
from grange.config.settings import ServerSettings
from grange.server.supervisor import Child, Supervisor, listen
from grange.wiring.cycle_process import section as cycle_section
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import client_env, initialise, write_private
from grange.wiring.logs import log_to_stderr
from grange.wiring.tasks import ServerTask, encoded
from grange.wiring.tls import door_of

BOOKS_NICENESS = 10
"""A report must not slow dispatch."""
_LONGEST_SOCKET_PATH = 100
"""Unix sockets have short names."""

_log = logging.getLogger(__name__)


def run_server(
    loaded: Loaded[ServerSettings],
    *,
    plan: FarmPlan | None = None,
    say: Callable[[str], None] | None = None,
) -> int:
    """Run the farm's server until SIGTERM or SIGINT; returns the exit code.

    A data folder without a farm is filled first.

    Args:
        loaded: the settings, and whether a port was asked for.
        plan: what an empty data folder is filled with.
        say: is told, in words for people, where the server answers.

    Raises:
        ConflictError: another server holds the data folder.
        ConfigurationError: the port is taken, or the certificate is of no use.
    """
    settings = loaded.settings
    say = say or _print
    log_to_stderr(settings.log_level)
    farm = initialise(settings, plan or FarmPlan())
    clock = SystemClock()
    with FolderLock(settings.data_dir, started_at=clock.now()) as lock:
        door = door_of(settings, clock=clock, say=say)
        listener = listen(settings.host, settings.port, fixed=loaded.given("port"))
        with listener:
            port = listener.getsockname()[1]
            if settings.port not in {0, port}:
                say(f"Port {settings.port} is taken; using {port}.")
            address = f"{door.host}:{port}"
            url = f"{'https' if settings.tls else 'http'}://{address}"
            lock.say(url)
            write_private(
                settings.data_dir / "client.env",
                client_env(farm, endpoint=url, ca_bundle=door.authority),
            )
            with tempfile.TemporaryDirectory(prefix="grange-") as folder:
                task = ServerTask(
                    settings=settings,
                    address=address,
                    names=door.names,
                    listener_fd=listener.fileno(),
                    books_socket=_socket_path(settings.data_dir, Path(folder)),
                )
                cycle = (
                    [
                        Child(
                            name="cycle",
                            module="grange.wiring.cycle_process",
                            task=encoded(task),
                            niceness=BOOKS_NICENESS,
                            awaited=False,
                        )
                    ]
                    if cycle_section().server
                    else []
                )
                supervisor = Supervisor(
                    [
                        *cycle,
                        Child(
                            name="books",
                            module="grange.wiring.books_process",
                            task=encoded(task),
                            niceness=BOOKS_NICENESS,
                            awaited=False,
                        ),
                        Child(
                            name="api",
                            module="grange.wiring.api_process",
                            task=encoded(task),
                            fds=(listener.fileno(),),
                        ),
                    ],
                    clock=clock,
                )
                environment = settings.data_dir / "client.env"

                def ready() -> None:
                    say(f"Grange answers at {url} (Ctrl-C stops it).")
                    say(f"Settings for any client: . {environment}")

                return asyncio.run(supervisor.run(ready))


def _socket_path(data_dir: Path, folder: Path) -> Path:
    """Return where the books listen: in the data folder, unless its name is too long."""
    path = data_dir.absolute() / "books.sock"
    return path if len(str(path)) <= _LONGEST_SOCKET_PATH else folder / "books.sock"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
