"""The programs' own logs: one line per event on standard error, its fields behind the message."""

import logging
import sys

_KNOWN = frozenset(
    {*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName"}
)


class FieldsFormatter(logging.Formatter):
    """Writes `time level logger: message key=value …`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as text; its fields come before a traceback."""
        fields = "".join(
            f" {name}={value}" for name, value in vars(record).items() if name not in _KNOWN
        )
        text = super().format(record)
        first, newline, rest = text.partition("\n")
        return f"{first}{fields}{newline}{rest}"


def log_to_stderr(level: str) -> None:
    """Send all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldsFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("alembic", "uvicorn", "uvicorn.error", "botocore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
