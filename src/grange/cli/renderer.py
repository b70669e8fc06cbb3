"""The renderer of the demo: found, or installed into the demo's own folder."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from grange.kernel.errors import ConfigurationError

PACKAGES = ("mitsuba", "imageio-ffmpeg")
MODULES = ("mitsuba", "imageio_ffmpeg")
_MEGABYTES = 140
_INSTALL_SECONDS = 900


def find_or_install(folder: Path, say: Callable[[str], None]) -> str:
    """Return a Python that can render the demo.

    Args:
        folder: where an environment for the renderer is made if this Python has none.
        say: told what will be downloaded, and where to, before it is.

    Raises:
        ConfigurationError: the renderer is missing and cannot be installed.
    """
    if all(importlib.util.find_spec(module) is not None for module in MODULES):
        return sys.executable
    python = folder / "bin" / "python"
    if python.exists() and _has_modules(python):
        return str(python)
    steps = _steps(folder, python)
    say(
        f"Downloading Mitsuba 3 and ffmpeg from your package index (about {_MEGABYTES} MB)"
        f" to {folder}"
    )
    _run(steps)
    return str(python)


def _has_modules(python: Path) -> bool:
    check = "import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))"
    return subprocess.run([python, "-c", check, *MODULES], check=False).returncode == 0  # noqa: S603


def _steps(folder: Path, python: Path) -> list[list[str]]:
    """Return the commands that install it, by what this Python has for that."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is not None:
        return [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES],
        ]
    if importlib.util.find_spec("pip") is not None:
        return [
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)],
            [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *PACKAGES],
        ]
    raise ConfigurationError(
        f"The demo renders with Mitsuba 3, which this Python ({sys.executable}) lacks, and it has"
        f" neither pip nor uv to install it. Install it yourself and start again:"
        f" pip install {' '.join(PACKAGES)}"
    )


def _run(steps: list[list[str]]) -> None:
    for step in steps:
        done = subprocess.run(  # noqa: S603 - pip or uv
            step, check=False, capture_output=True, text=True, timeout=_INSTALL_SECONDS
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ConfigurationError(
                f"Mitsuba 3 could not be installed ({last}). Install it yourself and start again:"
                f" pip install {' '.join(PACKAGES)}"
            )
