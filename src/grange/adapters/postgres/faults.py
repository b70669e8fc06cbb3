"""What PostgreSQL's errors mean to the owner of the state."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from grange.kernel.errors import (
    ConfigurationError,
    CorruptDataError,
    GrangeError,
    InvalidRequestError,
    StorageFullError,
    ThrottledError,
)

_PASSING = ("08", "25006", "40", "53", "55P03", "57", "58")
"""SQLSTATE prefixes of what may be better a moment later: conflict, connection, restart, …"""
_SETTINGS = ("28", "3D", "42501")
"""Wrong user, password or database; missing rights."""


@contextmanager
def faults(where: str) -> Iterator[None]:
    """Raise Grange's errors for PostgreSQL's.

    A connection lost while COMMIT was under way leaves open whether it took effect. That is a
    ThrottledError like the rest: the owner drops its memory and loads the rows that are there.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _translated(error, where) from error
    except (ValueError, UnicodeEncodeError) as error:
        raise InvalidRequestError(f"A value does not fit its column: {error}") from error
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise ThrottledError(f"{where} did not answer ({error}); try again.") from error


def _translated(error: asyncpg.PostgresError, where: str) -> GrangeError:
    state: str = error.sqlstate or ""
    if state == "53100":
        return StorageFullError(f"{where} is out of disk space ({error}): free some.")
    if state in ("XX001", "XX002"):
        return CorruptDataError(where, f"{error}. Restore the database from a backup.")
    if state.startswith("22"):
        return InvalidRequestError(f"A value does not fit its column: {error}")
    if state.startswith(_PASSING):
        return ThrottledError(f"{where} cannot take this now ({error}); try again.")
    if state.startswith(_SETTINGS):
        return ConfigurationError(f"{where} cannot be used: {error}.")
    return GrangeError(f"{where} refused a statement: {error}.")
