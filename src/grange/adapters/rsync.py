"""Logs of another machine, mirrored by rsync over SSH."""

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from grange.kernel.errors import ConfigurationError, UnreachableError

_SECONDS = 3600


class RsyncMirror:
    """A `Mirror` that runs the program rsync."""

    def __init__(self, *, ssh_options: Sequence[str] = (), program: str = "rsync") -> None:
        self._shell = shlex.join(["ssh", "-o", "BatchMode=yes", *ssh_options])
        self._program = program

    def fetch(self, source: str, target: str) -> None:
        """Make a folder the same as a remote one; what is gone there goes here first."""
        if source.startswith("-"):
            raise ConfigurationError(f"{source!r} is no place that rsync could fetch from.")
        Path(target).mkdir(parents=True, exist_ok=True)
        words = [
            self._program, "--recursive", "--times", "--links", "--compress", "--delete-before",
            "--timeout=60", "-e", self._shell, "--", source.rstrip("/") + "/", target,
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell
                words, capture_output=True, check=False, timeout=_SECONDS
            )
        except FileNotFoundError as error:
            raise ConfigurationError(
                "rsync is not installed; it mirrors the logs of other machines."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise UnreachableError(f"rsync did not finish fetching {source}.") from error
        # 24: a file vanished while it was listed, as rotated logs do.
        if done.returncode not in {0, 24}:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise UnreachableError(
                f"rsync could not fetch {source} (exit {done.returncode}):"
                f" {said[0] if said else 'it said nothing'}"
            )
