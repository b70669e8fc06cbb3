"""Programs and services that tests need: found, installed where we may, started, stopped again."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

from tools.console import DevError, step
from tools.environment import PYTHON, SEPARATE, install_separate, run, tail_of
from tools.postgres import Postgres, find_postgres

PROGRAMS: Mapping[str, tuple[str, Sequence[str]]] = {
    "povray": ("GRANGE_TEST_POVRAY", ("povray",)),
    "chromium": ("GRANGE_TEST_CHROMIUM", ("chromium", "chromium-browser", "google-chrome")),
    "mitsuba": ("GRANGE_TEST_MITSUBA", (str(PYTHON),)),
}
"""Marker of a test → the variable that names the program, and what it may be called."""

PEERS: Mapping[str, tuple[str, str]] = {
    "deadline_cli": ("deadline", "GRANGE_TEST_DEADLINE"),
    "agent": ("agent", "GRANGE_TEST_AGENT"),
}
"""Marker → the environment it needs, and the variable that names its folder of programs."""

SYSTEM_PACKAGES: Mapping[str, str] = {
    "postgres": "postgresql",
    "povray": "povray",
    "chromium": "chromium",
    "job_user": "sudo",
}
"""Marker → the Debian package that brings what it needs."""

MARKERS: Sequence[str] = (*PROGRAMS, "postgres", "job_user", *PEERS)


@dataclass(slots=True)
class Services:
    """What the tests can use: variables for them, and what is missing."""

    environment: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Marker → one line that says how to get it."""
    _running: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Services":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    def prepare(self, *, may_install: bool, markers: Sequence[str]) -> None:
        """Find, and where allowed install and start, what the markers name."""
        if may_install:
            self._install_system_packages(markers)
        for marker in markers:
            if marker in PEERS:
                self._prepare_peer(marker, may_install=may_install)
            elif marker in PROGRAMS:
                self._prepare_program(marker)
            elif marker == "job_user":
                self._prepare_job_user()
            elif marker == "postgres":
                self._prepare_postgres()

    def _install_system_packages(self, markers: Sequence[str]) -> None:
        packages = [
            SYSTEM_PACKAGES[marker]
            for marker in markers
            if marker in SYSTEM_PACKAGES and not _is_here(marker)
        ]
        prefix = _root_prefix()
        if not packages or not shutil.which("apt-get") or prefix is None:
            return
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        with step(f"system packages: {' '.join(packages)}"):
            try:
                run([*prefix, "apt-get", "update", "-q"], env=quiet)
                run([*prefix, *install, *packages], env=quiet)
            except DevError as error:
                print(f"[{tail_of(error)}] ", end="")

    def _prepare_program(self, marker: str) -> None:
        variable, names = PROGRAMS[marker]
        found = os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)
        if found:
            self.environment[variable] = found
        else:
            self.missing[marker] = _install_line(marker)

    def _prepare_peer(self, marker: str, *, may_install: bool) -> None:
        name, variable = PEERS[marker]
        if found := os.environ.get(variable):
            self.environment[variable] = found
        elif not may_install:
            self.missing[marker] = "./dev test (without --quick) installs it"
        else:
            try:
                with step(f"{SEPARATE[name]} in .venvs/{name}"):
                    self.environment[variable] = str(install_separate(name))
            except DevError as error:
                self.missing[marker] = tail_of(error)

    def _prepare_job_user(self) -> None:
        """Name a user that jobs can be run as, through sudo as root."""
        variable = "GRANGE_TEST_JOB_USER"
        if _root_prefix() is None or not shutil.which("sudo"):
            self.missing["job_user"] = "run ./dev test as root, with sudo installed"
        else:
            self.environment[variable] = os.environ.get(variable) or "nobody"

    def _prepare_postgres(self) -> None:
        variable = "GRANGE_TEST_POSTGRES_URL"
        if url := os.environ.get(variable):
            self.environment[variable] = url
            return
        programs = find_postgres()
        if programs is None:
            self.missing["postgres"] = _install_line("postgres")
            return
        try:
            with step("PostgreSQL on a free port of loopback"):
                server = self._running.enter_context(Postgres(programs))
        except DevError as error:
            self.missing["postgres"] = tail_of(error)
        else:
            self.environment[variable] = server.url


def _is_here(marker: str) -> bool:
    if marker == "postgres":
        return find_postgres() is not None
    if marker == "job_user":
        return shutil.which("sudo") is not None
    return any(map(shutil.which, PROGRAMS[marker][1]))


def _install_line(marker: str) -> str:
    package = SYSTEM_PACKAGES.get(marker)
    if package is None:
        return "./dev setup"
    return f"apt-get install {package} (as root), or run ./dev test as root"


def _root_prefix() -> list[str] | None:
    """Return what to put before a command so that it runs as root, or None if it cannot."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if allowed.returncode == 0:
            return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"]
    return None
