"""Fresh PostgreSQL databases for tests, on a server that is already running."""

import itertools
import os
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_numbers = itertools.count(1)


async def create_database(server_url: str, *, template: str = "template0") -> str:
    """Make an empty database (or a copy of another) and return its URL.

    Args:
        server_url: any database of the server, as a user who may make databases.
        template: the URL or name of the database to copy.
    """
    name = f"grange_test_{os.getpid()}_{next(_numbers)}"
    source = urlsplit(template).path.lstrip("/") or template
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    finally:
        await connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def drop_database(server_url: str, url: str) -> None:
    """Remove a database, whoever still uses it."""
    name = urlsplit(url).path.lstrip("/")
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
