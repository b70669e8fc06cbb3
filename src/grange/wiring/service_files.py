"""Writing units for systemd, and having systemd look at them."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from grange.config.service_units import ServiceSettings, UnitFile, unit_files
from grange.kernel.errors import ConfigurationError

FOLDER = Path("/etc/systemd/system")
_VERIFY_SECONDS = 60


def this_program() -> tuple[str, ...]:
    """Return how this installation's `grange` is started, whoever starts it."""
    return (sys.executable, "-m", "grange")


def install_units(settings: ServiceSettings, folder: Path) -> tuple[Path, ...]:
    """Write the units of a service; return the files.

    Raises:
        ConfigurationError: there is no such user, the folder cannot be written, or systemd finds
            fault with a unit; nothing is written then.
    """
    try:
        pwd.getpwnam(settings.user)
    except KeyError:
        raise ConfigurationError(
            f"This machine has no user {settings.user}: make one, for example with"
            f" `useradd --system --create-home {settings.user}`."
        ) from None
    files = unit_files(settings)
    written: list[Path] = []
    partial = folder / f".grange-{os.getpid()}"
    try:
        partial.mkdir(parents=True, mode=0o755)
        try:
            fault = verify_units([_write(partial, one) for one in files])
            if fault:
                raise ConfigurationError(f"systemd does not take the unit: {fault}")
            for one in files:
                (partial / one.name).replace(folder / one.name)
                written.append(folder / one.name)
        finally:
            shutil.rmtree(partial)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written ({error.strerror}): do this as root, or give --print."
        ) from error
    return tuple(written)


def verify_units(paths: Sequence[Path]) -> str:
    """Return what systemd finds wrong with units; empty: nothing, or there is no systemd here."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return ""
    told = subprocess.run(  # noqa: S603 - the system's own program
        [program, "verify", "--man=no", "--recursive-errors=no", *map(str, paths)],
        capture_output=True,
        timeout=_VERIFY_SECONDS,
        check=False,
    )
    said = (told.stderr + told.stdout).decode("utf-8", "replace").strip()
    # Names that systemd does not know are warnings with exit code 0; other units are not ours.
    names = tuple(path.name for path in paths)
    ours = [line for line in said.splitlines() if any(name in line for name in names)]
    if told.returncode != 0:
        return said or f"exit code {told.returncode}"
    return "\n".join(ours)


def _write(folder: Path, unit: UnitFile) -> Path:
    path = folder / unit.name
    path.write_text(unit.text, encoding="utf-8")
    path.chmod(0o644)
    return path
