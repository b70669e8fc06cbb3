"""The log of one session: what openjd says of it and what its processes print."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from openjd.sessions import LogContent

from grange.kernel.units import Instant, iso8601

_LOG_BYTES = 256 * 2**20
"""A longer log is cut: the worker's disk is not the place to keep it."""


class SessionLog(logging.Handler):
    """Everything openjd says of one session, and its processes print, into a file."""

    def __init__(self, path: Path, printed: Callable[[str], None]) -> None:
        """Open the file.

        Args:
            path: it is appended to.
            printed: told each line that a process printed.
        """
        super().__init__(logging.INFO)
        self._printed = printed
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._room = _LOG_BYTES
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line with its time; what a process printed is also searched for news."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        line = f"{iso8601(Instant(int(record.created * 1000)))} {text}\n"
        self._write(line.encode("utf-8", "backslashreplace"))
        content = getattr(record, "openjd_log_content", None)
        if content is None or LogContent.COMMAND_OUTPUT not in content:
            return
        if LogContent.BANNER not in content:  # openjd marks its heading `Output:` as both
            self._printed(text)

    def close(self) -> None:
        """Close the file; a thread that still follows a process's output writes nowhere."""
        if self._lost:
            self._room = _LOG_BYTES
            self._write(f"{self._lost} lines of this log could not be kept.\n".encode())
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)
        super().close()

    def _write(self, line: bytes) -> None:
        """Append a line, unless the log is too long or the disk is full; count what is lost."""
        if len(line) > self._room:
            self._room = 0
        try:
            if self._room == 0 or os.write(self._descriptor, line) < len(line):
                self._lost += 1
        except OSError:
            self._lost += 1
        else:
            self._room = max(0, self._room - len(line))
