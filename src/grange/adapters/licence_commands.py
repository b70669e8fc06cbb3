"""Runs the commands that ask licence servers, each in a process group of its own."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from grange.ports.licence_servers import Said

_MOST_BYTES = 200_000
_SECRET = ("AWS_", "GRANGE_")
"""Beginnings of variables that such a command is not told."""


class LicenceProcesses:
    """Implements `ports.licence_servers.LicenceCommands`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Run commands with an environment; credentials in it are left out."""
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith(_SECRET)
        }

    async def run(self, words: Sequence[str], timeout_seconds: float) -> Said:
        """Run a command to its end; with what it started it is ended after so long."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = await asyncio.create_subprocess_exec(
                    *words,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                return Said(exit_code=127, err=f"{words[0]} cannot be started: {error.strerror}")
            code: int | None = None
            try:
                code = await asyncio.wait_for(process.wait(), timeout_seconds)
            except TimeoutError:
                code = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            return Said(exit_code=code, out=_text(out), err=_text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MOST_BYTES).decode(errors="replace")
