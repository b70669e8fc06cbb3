"""The state store that the settings name."""

from typing import Protocol

from grange.adapters.sqlite.store import SqliteStore
from grange.config.settings import ServerSettings
from grange.ports.backups import StateCopy
from grange.ports.state import StateStore


class CopyableStore(StateStore, StateCopy, Protocol):
    """A state store that can be copied while it is used."""


def open_store(settings: ServerSettings, *, owner: bool = True) -> CopyableStore:
    """Return the state store of a server, not opened yet.

    Args:
        settings: the server's.
        owner: True for the process that decides; False for one beside it that reads and publishes.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.data_dir.chmod(0o700)  # jobs may run as other users of this machine
    if settings.state_url:
        # asyncpg is loaded only where it is wanted.
        from grange.adapters.postgres.store import PostgresStore  # noqa: PLC0415

        return PostgresStore(settings.state_url, owner=owner)
    return SqliteStore(settings.data_dir / "state.db", synchronous=settings.synchronous.upper())
