"""A PostgreSQL server for one run of the tests, with its data in a temporary folder."""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tools.console import DevError
from tools.ports import free_port

PR_SET_PDEATHSIG = 1
START_SECONDS = 120


class Postgres:
    """A running server; it stops at the end of the `with` block, and when this process dies."""

    def __init__(
        self, programs: Path, *, durable: bool = False, parent: Path | None = None
    ) -> None:
        """Describe a server.

        Args:
            programs: the folder of PostgreSQL's programs.
            durable: True to write as a real one does (for benchmarks); tests need not wait for it.
            parent: where the folder of its data is made; None: where temporary files are.
        """
        self._programs = programs
        self._durable = durable
        self._account = _unprivileged_account()
        self._folder = Path(tempfile.mkdtemp(prefix="grange-postgres-", dir=parent))
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> "Postgres":
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self._give(self._folder)
        password = secrets.token_hex(16)
        secret = self._folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        self._give(secret)
        data = self._folder / "data"
        self._run(
            [
                self._programs / "initdb",
                "--pgdata",
                data,
                "--username",
                "grange",
                "--pwfile",
                secret,
                "--auth",
                "scram-sha-256",
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ]
        )
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self._folder),
            # The data of tests need not outlive a crash of the machine.
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "max_connections": "100",
            "jit": "off",
        }
        words = [str(self._programs / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        log = self._folder / "log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                words,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no other thread runs now
                user=self._account.pw_uid if self._account else None,
                group=self._account.pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        self._wait_until_ready(self._server, data / "postmaster.pid", log)
        self.url = f"postgresql://grange:{password}@127.0.0.1:{port}/postgres"

    def _stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _run(self, command: Sequence[str | Path]) -> None:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode:
            raise DevError(f"{command[0]} failed: {done.stderr.strip()}")

    @staticmethod
    def _wait_until_ready(server: subprocess.Popen[bytes], pid_file: Path, log: Path) -> None:
        """Wait for `ready`, the eighth line of the server's own file."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and server.poll() is None:
            if pid_file.exists() and pid_file.read_text().split("\n")[7:8] == ["ready   "]:
                return
            time.sleep(0.05)
        raise DevError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")


def find_postgres() -> Path | None:
    """Return the folder with PostgreSQL's server programs, the newest of several."""
    if (on_path := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(on_path).resolve().parent
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return who runs PostgreSQL, which refuses root; None is ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DevError("root cannot run PostgreSQL, and there is no user postgres or nobody")


def _die_with_parent() -> None:
    """Ask the kernel to stop this process when `./dev` ends, however it ends."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
