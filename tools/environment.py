"""The virtual environment of a checkout: made from nothing but a Python, filled reproducibly.

Packages come from wherever this machine's pip is set up to find them. What is installed is pinned
in `constraints/`, so that two checkouts of one commit hold the same versions.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.console import DevError, step
from tools.pip_settings import configured_index, uv_environment

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OTHERS = ROOT / ".venvs"
PYTHON = VENV / "bin" / "python"
CONSTRAINTS = ROOT / "constraints"

PROFILES: Mapping[str, Sequence[str]] = {
    "demo": ("-e", ".[server]", "--group", "demo"),
    "dev": ("-e", ".[server,data]", "--group", "demo", "--group", "dev", "--group", "build"),
}
"""What each kind of set-up installs; `dev` contains `demo`."""

SEPARATE: Mapping[str, str] = {
    "deadline": "deadline==0.60.10",
    "agent": "deadline-cloud-worker-agent==0.33.6",
    "bpy": "bpy==5.0.1",
    "rez": "rez==3.4.0",
}
"""Peers of the tests, each in an environment of its own: their exact pins clash with ours."""


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> str:
    """Run a program quietly and return what it printed.

    Raises:
        DevError: if it fails, with the end of what it printed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise DevError(f"`{words[0]}` could not be started: {error}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise DevError(f"`{' '.join(words)}` failed (exit code {done.returncode}):\n{tail}")
    return done.stdout


def tail_of(error: DevError) -> str:
    """Return the last line of an error, for lists of what was tried."""
    return str(error).strip().splitlines()[-1]


# The virtual environment and its pip


def make_venv(folder: Path) -> None:
    """Make a virtual environment without pip, which every Python can do."""
    run([sys.executable, "-m", "venv", "--without-pip", folder])


def ensure_pip(python: Path) -> None:
    """Put pip into a virtual environment, whatever this machine has to bring it there.

    Raises:
        DevError: if no way works; it lists the ways and what to install.
    """
    ways = [
        ("the Python's own copy", _pip_from_ensurepip),
        ("this machine's pip", _pip_from_pip),
        ("the configured package index", _pip_from_index),
        ("the system's packages", _pip_from_apt),
    ]
    tried = []
    for name, way in ways:
        try:
            way(python)
        except (DevError, OSError, ValueError) as error:
            tried.append(f"  {name}: {str(error).strip().splitlines()[-1]}")
        else:
            return
    raise DevError(
        "Could not put pip into .venv. Tried:\n"
        + "\n".join(tried)
        + "\nInstall one of them and run this again. On Debian: apt-get install python3-venv"
    )


def _pip_from_ensurepip(python: Path) -> None:
    run([python, "-m", "ensurepip", "--default-pip"])


def _pip_from_pip(python: Path) -> None:
    run([sys.executable, "-m", "pip", "--python", python, "install", "pip"])


def _pip_from_index(python: Path) -> None:
    """Fetch pip's wheel from the index that pip's own settings name."""
    index = configured_index()
    if index is None:
        raise DevError("none is configured")
    page_address = index.rstrip("/") + "/pip/"
    with urllib.request.urlopen(page_address, timeout=60) as response:  # noqa: S310
        page = response.read().decode()
    links = re.findall(r'href="([^"]*pip-(\d+(?:\.\d+)+)-py3-none-any\.whl[^"]*)"', page)
    if not links:
        raise DevError(f"{page_address} lists no wheel of pip")
    link, version = max(links, key=lambda found: tuple(map(int, found[1].split("."))))
    address = urllib.parse.urljoin(page_address, link.replace("&amp;", "&"))
    with urllib.request.urlopen(address, timeout=120) as response:  # noqa: S310
        wheel = response.read()
    _, _, expected = address.partition("#sha256=")
    if expected and hashlib.sha256(wheel).hexdigest() != expected:
        raise DevError(f"{address} does not have the checksum that the index says")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"pip-{version}-py3-none-any.whl"
        path.write_bytes(wheel)
        _install_pip_with(python, path)


def _pip_from_apt(python: Path) -> None:
    """Unpack Debian's wheel of pip; needs no root and changes nothing on the system."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise DevError("this is no Debian-like system")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            run(["apt-get", "download", "python3-pip-whl"], cwd=folder)
        except DevError:
            private = _private_apt(folder)
            run(["apt-get", *private, "update"], cwd=folder)
            run(["apt-get", *private, "download", "python3-pip-whl"], cwd=folder)
        (package,) = folder.glob("python3-pip-whl_*.deb")
        run(["dpkg", "-x", package, folder / "unpacked"])
        (wheel,) = (folder / "unpacked").glob("usr/share/python-wheels/pip-*.whl")
        _install_pip_with(python, wheel)


def _private_apt(folder: Path) -> list[str]:
    """Return options that make apt keep its lists in a folder of ours."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    return [
        "-o", f"Dir::State::lists={folder / 'lists'}",
        "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "APT::Sandbox::User=",
        "-o", "Debug::NoLocking=1",
    ]  # fmt: skip


def _install_pip_with(python: Path, wheel: Path) -> None:
    run([python, f"{wheel}/pip", "install", "--no-index", wheel])


# What is in it


def prepare() -> None:
    """Make `.venv` with what installs the rest, unless it is there."""
    for stamp in VENV.glob("installed-*"):
        if json.loads(stamp.read_text())["root"] != str(ROOT):
            raise DevError("This folder was moved: remove .venv and .venvs and run this again.")
    if not _works(PYTHON):
        with step("virtual environment in .venv"):
            make_venv(VENV)
    _ensure_uv()


def install(profile: str) -> None:
    """Make or complete `.venv` for a profile; does nothing when it is already so."""
    if any(_is_installed(name) for name in {profile, "dev"}):
        return
    prepare()
    with step("Python packages"):
        pip_install(PYTHON, [*PROFILES[profile], "-c", CONSTRAINTS / "grange.txt"])
    _stamp(profile).write_text(_fingerprint())


def install_separate(name: str) -> Path:
    """Install a peer into an environment of its own, and return its folder of programs."""
    folder = OTHERS / name
    pins = CONSTRAINTS / f"{name}.txt"
    stamp = folder / "installed"
    wanted = f"{SEPARATE[name]}\n{pins.read_text()}"
    if not (stamp.exists() and stamp.read_text() == wanted and _works(folder / "bin" / "python")):
        make_venv(folder)
        pip_install(folder / "bin" / "python", [SEPARATE[name], "-c", pins])
        stamp.write_text(wanted)
    return folder / "bin"


def install_folder(folder: Path, requirement: str) -> None:
    """Install one package, without what it depends on, into a plain folder."""
    pip_install(
        PYTHON, ["--target", folder, "--no-deps", requirement, "-c", CONSTRAINTS / "grange.txt"]
    )


def pip_install(python: Path, arguments: Sequence[str | Path]) -> None:
    """Install packages with uv, which is quick; with pip, should uv fail."""
    try:
        run(
            [VENV / "bin" / "uv", "pip", "install", "--python", python, *arguments],
            env=uv_environment(PYTHON, cache=OTHERS / "cache" / "uv"),
        )
    except DevError as error:
        print(f"[uv: {tail_of(error)}; trying pip] ", end="", flush=True)
    else:
        return
    _install_with_pip(python, arguments)


def _install_with_pip(python: Path, arguments: Sequence[str | Path]) -> None:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    if python != PYTHON:
        command += ["--python", str(python)]
    # Pins of this machine must not clash with ours.
    environment = {**os.environ, "PIP_CONSTRAINT": str(CONSTRAINTS / "grange.txt")}
    run([*command, "install", *arguments], env=environment)


def lock(*, upgrade: bool) -> None:
    """Bring the pins in line with what `pyproject.toml` asks for, or choose the newest anew."""
    install("dev")
    compile_: list[str | Path] = [
        VENV / "bin" / "uv", "pip", "compile", "--quiet", "--universal",
        "--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url",
    ]  # fmt: skip
    if upgrade:
        compile_.append("--upgrade")
    env = uv_environment(PYTHON, cache=OTHERS / "cache" / "uv")
    groups = [
        word for name in ("dev", "demo", "node", "services", "build") for word in ("--group", name)
    ]
    extras = ["--extra", "server", "--extra", "data"]
    with step("constraints/grange.txt"):
        output = f"--output-file={CONSTRAINTS / 'grange.txt'}"
        run([*compile_, *extras, *groups, "pyproject.toml", output], env=env)
    for name, requirement in SEPARATE.items():
        with step(f"constraints/{name}.txt"), tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted.in"
            wanted.write_text(requirement + "\n")
            run([*compile_, wanted, f"--output-file={CONSTRAINTS / name}.txt"], env=env)


def _ensure_uv() -> None:
    """Put pip and uv into `.venv`."""
    if (VENV / "bin" / "uv").exists():
        return
    with step("pip and uv"):
        try:
            run([PYTHON, "-m", "pip", "--version"])
        except DevError:
            ensure_pip(PYTHON)
        pins = (CONSTRAINTS / "grange.txt").read_text()
        for name in ("pip", "uv"):
            (pinned,) = re.findall(rf"^{name}==\S+$", pins, re.M)
            _install_with_pip(PYTHON, [pinned])


def _works(python: Path) -> bool:
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def _is_installed(profile: str) -> bool:
    return _stamp(profile).exists() and _stamp(profile).read_text() == _fingerprint()


def _stamp(profile: str) -> Path:
    return VENV / f"installed-{profile}"


def _fingerprint() -> str:
    """Return what an installation follows from."""
    files = [ROOT / "pyproject.toml", CONSTRAINTS / "grange.txt", Path(__file__)]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
    return json.dumps({"inputs": digest, "root": str(ROOT)})
