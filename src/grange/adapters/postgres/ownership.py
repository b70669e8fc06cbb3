"""One server per database: an advisory lock that ends with its connection."""

import os
import socket
from typing import Any

import asyncpg

from grange.kernel.errors import ConflictError

OWNER = 0x6772_616E_6765_0001
"""Advisory lock of the server that decides on the state."""
WAIT_MS = 5000
"""A server that was killed is forgotten within this time."""

_HOLDER = """
SELECT application_name, host(client_addr) AS address, backend_start
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND classid::bigint << 32 | objid::bigint = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def own_name() -> str:
    """Return how this server shows itself to others: PostgreSQL keeps 63 bytes of it."""
    return f"grange {socket.gethostname()[:40]} {os.getpid()}"


async def take(connection: Any, where: str) -> None:
    """Make this connection the owner's.

    Raises:
        ConflictError: another server holds the database; the message says which.
    """
    await connection.execute(f"SET lock_timeout = {WAIT_MS}")
    try:
        await connection.execute(f"SELECT pg_advisory_lock({OWNER})")
    except asyncpg.LockNotAvailableError as error:
        raise await _held(connection, where) from error
    await connection.execute("RESET lock_timeout")


async def _held(connection: Any, where: str) -> ConflictError:
    row = await connection.fetchrow(_HOLDER, OWNER)
    if row is None:
        holder, since = "another server", "a moment ago"
    else:
        holder = f"{row['application_name']} (from {row['address'] or 'this machine'})"
        since = row["backend_start"].isoformat(timespec="seconds")
    return ConflictError(
        f"{where} is in use by {holder} since {since}. Stop that server, or use another database.",
        reason="STATUS_CONFLICT",
        resource_type="database",
        resource_id=where,
        context={"holder": holder},
    )
