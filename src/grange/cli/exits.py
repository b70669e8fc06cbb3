"""Exit codes of every command, and the one line an error is told in."""

import importlib.util
import re

from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    NotServedError,
    ThrottledError,
    UnreachableError,
)

OK = 0
FAILED = 1
"""What was asked for did not succeed: a job failed, books do not balance, the server refused."""
USAGE = 2
"""The command line, a setting or the request must be mended."""
NOT_FOUND = 3
DENIED = 4
"""The key is wrong or may not do this."""
UNREACHABLE = 5
INTERRUPTED = 130
"""Stopped with Ctrl-C."""

_EXTRAS = {
    "collect": ("duckdb", "numpy", "paho", "pyarrow"),
    "server": (
        "alembic",
        "botocore",
        "cryptography",
        "duckdb",
        "litestar",
        "matplotlib",
        "pyarrow",
        "sqlalchemy",
        "uvicorn",
        "uvloop",
    ),
}
"""Extra → modules a command that needs it cannot do without."""

_CODES: tuple[tuple[type[GrangeError], int], ...] = (
    (ConfigurationError, USAGE),
    (InvalidRequestError, USAGE),
    (NotServedError, USAGE),
    (NotFoundError, NOT_FOUND),
    (AuthenticationError, DENIED),
    (AccessDeniedError, DENIED),
    (UnreachableError, UNREACHABLE),
    (ThrottledError, UNREACHABLE),
)


_PLACE = re.compile(r"^\d+: ")
"""Where in a query the problem is, for programs; the error's own text says it for people."""


def exit_code(error: GrangeError) -> int:
    """Return the exit code an error ends a command with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def explain(error: GrangeError) -> str:
    """Return an error in one line: what is wrong, which fields, what to do."""
    text = _one_line(str(error))
    if isinstance(error, InvalidRequestError) and error.fields:
        details = "; ".join(
            f"{problem.name}: {message}" if problem.name else message
            for problem in error.fields
            if _PLACE.sub("", message := _one_line(problem.message)) not in text
        )
        if details:
            text = f"{text} ({details})"
    if isinstance(error, AuthenticationError):
        text += " Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    if isinstance(error, ThrottledError):
        text += f" Try again in {error.retry_after_seconds} s."
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def require_extra(extra: str) -> None:
    """Return if the packages of an extra are installed.

    Raises:
        ConfigurationError: one is not; the message names the install line.
    """
    missing = [name for name in _EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"This command needs the parts of grange[{extra}] ({missing[0]} is missing)."
            f" Install them: pip install 'grange[{extra}]'"
        )
