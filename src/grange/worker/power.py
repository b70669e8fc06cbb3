"""Turning this machine off or starting it anew, by a command its administrator named."""

import logging
import shlex
import subprocess

_log = logging.getLogger(__name__)
_SECONDS = 60
FAILED = 1


def obey(command: str) -> int:
    """Run a command that does something to this machine; return 0, or 1 if it did not work.

    A worker that ends with 1 is started again by its service, so the farm sees that it is there.
    """
    try:
        told = subprocess.run(  # noqa: S603 - what the administrator of this machine named
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        _log.error("The command did not work.", extra={"action": "power", "error": str(error)})
        return FAILED
    if told.returncode != 0:
        said = (told.stderr or told.stdout).decode("utf-8", "replace").strip()
        _log.error(
            "The command did not work.",
            extra={"action": "power", "error": said or f"exit code {told.returncode}"},
        )
        return FAILED
    return 0
